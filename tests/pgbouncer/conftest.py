"""The program behind PgBouncer in transaction mode. Where there is none, tests/conftest.py says so."""

import os
import pwd
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import pytest

from adapters.postgres.provision import APP, JOBS
from tests.conftest import PGBOUNCER
from tests.database import Cluster, Database
from tests.entrypoints.processes import free_port, until

collect_ignore_glob = [] if PGBOUNCER else ["test_*.py"]

SERVER_CONNECTIONS = 3
"""Fewer than those that the program opens, so that its transactions wander."""

_CONFIGURATION = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = {auth_type}
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
logfile = {folder}/log
"""


@contextmanager
def _bouncing(database: Database) -> Iterator[int]:
    """A PgBouncer in front of the test's server, and its port."""
    parts = urlsplit(database.app_url)
    host = parts.hostname or parse_qs(parts.query)["host"][0]
    password = unquote(parts.password or "")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as name:
        folder = Path(name)
        (folder / "users").write_text("".join(f'"{role}" "{password}"\n' for role in (APP, JOBS)))
        (folder / "pgbouncer.ini").write_text(
            _CONFIGURATION.format(
                host=host,
                port=parts.port or parse_qs(parts.query).get("port", ["5432"])[0],
                listen_port=port,
                auth_type="scram-sha-256" if password else "trust",
                folder=folder,
                size=SERVER_CONNECTIONS,
            )
        )
        user = _user(host)
        if user is not None:
            for path in (folder, *folder.iterdir()):
                os.chown(path, user, -1)
        process = subprocess.Popen(  # noqa: S603
            [str(PGBOUNCER), "--quiet", str(folder / "pgbouncer.ini")], user=user, stdin=subprocess.DEVNULL
        )
        try:
            until(lambda: "process up" in ((folder / "log").read_text() if (folder / "log").exists() else ""))
            yield port
        finally:
            process.terminate()
            process.wait(30)


def _user(host: str) -> int | None:
    """It refuses to run as root. Whom else the server lets in is who owns the folder of its socket."""
    if os.geteuid() != 0:
        return None
    return Path(host).stat().st_uid if host.startswith("/") else pwd.getpwnam("nobody").pw_uid


@pytest.fixture
async def bounced(database: Database) -> AsyncIterator[Database]:
    """A database of its own, by way of PgBouncer."""
    async with database.fresh() as alone:
        with _bouncing(alone) as port:
            parts = urlsplit(alone.cluster.superuser_url)
            signing_in = parts.netloc.rpartition("@")[0] or parse_qs(parts.query).get("user", ["postgres"])[0]
            through = f"postgresql://{signing_in}@127.0.0.1:{port}/postgres"
            yield Database(alone.name, Cluster(through, alone.cluster.template))


@pytest.fixture
async def superuser(database: Database) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """Past PgBouncer."""
    connection = await asyncpg.connect(database.superuser_url)
    try:
        yield connection
    finally:
        await connection.close()
