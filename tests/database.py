"""Which PostgreSQL the tests run on, and a database of their own for everyone who needs one."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit, urlunsplit

import asyncpg

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.postgres import migrations
from adapters.postgres.provision import APP, BACKUP, JOBS, OWNER, provision

URL_VARIABLE = "ACCOUNT_CREDIT_TEST_DATABASE_URL"
WORKERS_VARIABLE = "ACCOUNT_CREDIT_TEST_CITUS_WORKERS"
"""Superusers' URLs of a Citus cluster's workers, with blanks between; the URL above is then its coordinator's."""
IMAGE = "postgres:18"


@dataclass(frozen=True)
class Engine:
    """A way to have a PostgreSQL server for the length of a run."""

    description: str
    run: Callable[[], AbstractContextManager[str]]
    """Starts the server, yields a superuser's URL, and stops the server afterwards."""
    workers: tuple[str, ...] = ()
    """Of a Citus cluster; the URL above is then its coordinator's."""


def choose_engine() -> Engine:
    """The server that the environment names, else a container where that costs no download, else the embedded one."""
    if url := os.environ.get(URL_VARIABLE):
        if workers := os.environ.get(WORKERS_VARIABLE, "").split():
            return Engine(f"Citus, a coordinator and {len(workers)} workers", lambda: nullcontext(url), tuple(workers))
        return Engine(f"the server of {URL_VARIABLE}", lambda: nullcontext(url))
    if _image_is_here():
        return Engine(f"testcontainers, image {IMAGE}", _container)
    return Engine(f"embedded PostgreSQL (no {URL_VARIABLE}, no Docker engine with the image {IMAGE})", _embedded)


def _image_is_here() -> bool:
    # Here and below: imports that take long, and that no run needs but the one that asks.
    import docker  # type: ignore[import-untyped]  # noqa: PLC0415
    from docker.errors import DockerException  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        client = docker.from_env(timeout=5)
    except DockerException:
        return False
    try:
        return any(IMAGE in (image.tags or []) for image in client.images.list(name=IMAGE))
    except (DockerException, OSError):
        return False
    finally:
        client.close()


@contextmanager
def _container() -> Iterator[str]:
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415
    from testcontainers.core.config import testcontainers_config  # noqa: PLC0415

    testcontainers_config.ryuk_disabled = True  # its reaper is an image of its own, which would have to be pulled
    container = (
        PostgresContainer(IMAGE, username="postgres", password="unused", dbname="postgres", driver=None)  # noqa: S106
        # Roles sign in without passwords: the server lives for this run and answers on this machine alone.
        .with_env("POSTGRES_HOST_AUTH_METHOD", "trust")
        .with_command("postgres -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200")
    )
    with container:
        yield f"postgresql://postgres@{container.get_container_host_ip()}:{container.get_exposed_port(5432)}/postgres"


_FOR_MANY = {
    "max_connections": "200",  # several pools of each worker
    "autovacuum": "off",  # plans are looked at, and tables vacuumed, when a test says so
}


@contextmanager
def _embedded() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="account-credit-test-"))
    try:
        # PostgreSQL's own user has to get in, where the tests run as root.
        folder.chmod(0o711)
        with EmbeddedPostgres(folder / "data", disposable=True, settings=_FOR_MANY) as server:
            yield server.url("postgres", "postgres")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Cluster:
    """The run's server with a migrated template: what a worker needs to make databases, in a form that travels."""

    superuser_url: str
    template: str
    workers: tuple[str, ...] = ()

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """A new, migrated, empty database for the length of the block."""
        name = f"account_credit_test_{uuid.uuid4().hex[:12]}"
        if self.workers:  # no copy of a template would reach them
            async with distributed(name, self.superuser_url, *self.workers):
                yield Database(name, self)
            return
        await _execute(self.superuser_url, f"CREATE DATABASE {name} TEMPLATE {self.template} OWNER {OWNER}")
        try:
            await provision(self.superuser_url, database=name)  # who may connect is not copied from a template
            yield Database(name, self)
        finally:
            await _execute(self.superuser_url, f"DROP DATABASE {name} WITH (FORCE)")


@dataclass(frozen=True)
class Database:
    """One database, as seen by each of the roles."""

    name: str
    cluster: Cluster = field(repr=False)

    @property
    def app_url(self) -> str:
        """As the program at run time."""
        return self._url(APP)

    @property
    def owner_url(self) -> str:
        """As the owner of the tables, who runs migrations."""
        return self._url(OWNER)

    @property
    def jobs_url(self) -> str:
        """As the job that lists shops with work due."""
        return self._url(JOBS)

    @property
    def backup_url(self) -> str:
        """As pg_dump."""
        return self._url(BACKUP)

    @property
    def superuser_url(self) -> str:
        """As the cluster's superuser, whom no policy holds back."""
        return self._url(None)

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[Database]:
        """Another database, for a test that must be alone or that leaves traces."""
        async with self.cluster.database() as another:
            yield another

    def _url(self, role: str | None) -> str:
        return _as_role(self.cluster.superuser_url, role, self.name)


def patient(url: str) -> str:
    """For connections that wait longer than the program's for a lock: where many are to wait for one at once, the first
    must not give up before the last has come, however busy the machine is.
    """
    return f"{url}{'&' if '?' in url else '?'}lock_timeout=60s&statement_timeout=60s"


@contextmanager
def running_cluster(engine: Engine) -> Iterator[Cluster]:
    """Start the engine and make the template: roles, then one database with all migrations and no rows."""
    with engine.run() as superuser_url:
        if engine.workers:
            yield Cluster(superuser_url, "", engine.workers)
            return
        template = f"account_credit_template_{uuid.uuid4().hex[:12]}"
        try:
            asyncio.run(_make_template(superuser_url, template))
            yield Cluster(superuser_url, template)
        finally:
            asyncio.run(_execute(superuser_url, f"DROP DATABASE IF EXISTS {template} WITH (FORCE)"))


@asynccontextmanager
async def distributed(name: str, coordinator_url: str, *worker_urls: str) -> AsyncIterator[None]:
    """A new, migrated database over all machines of a Citus cluster, for the length of the block."""
    try:
        for url in (coordinator_url, *worker_urls):
            await provision(url, database=name)
        await become_citus(name, coordinator_url, *worker_urls)
        await migrations.upgrade(_as_role(coordinator_url, OWNER, name))
        yield
    finally:
        for url in (coordinator_url, *worker_urls):
            await _execute(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def become_citus(name: str, coordinator_url: str, *worker_urls: str) -> None:
    """Make one cluster of a database that each machine has already."""
    for url in (coordinator_url, *worker_urls):
        await _execute(_as_role(url, None, name), "CREATE EXTENSION citus")
    coordinator = await asyncpg.connect(_as_role(coordinator_url, None, name))
    try:
        await coordinator.execute("SELECT citus_set_coordinator_host($1, $2)", *_address(coordinator_url))
        for url in worker_urls:
            await coordinator.execute("SELECT citus_add_node($1, $2)", *_address(url))
    finally:
        await coordinator.close()


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "localhost", parts.port or 5432


async def _make_template(superuser_url: str, template: str) -> None:
    await provision(superuser_url, database=template)
    password = _password(superuser_url)
    if password is not None:
        # A server that asks for passwords is asked to let the roles in by the one that the run was given.
        for role in (OWNER, APP, JOBS, BACKUP):
            await _execute(superuser_url, f"ALTER ROLE {role} PASSWORD '{password.replace(chr(39), chr(39) * 2)}'")
    await migrations.upgrade(_as_role(superuser_url, OWNER, template))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _password(url: str) -> str | None:
    written = urlsplit(url).password
    return None if written is None else unquote(written)


def _as_role(url: str, role: str | None, database: str) -> str:
    """The same server by another role (None: the same) and database; the role has the URL's own password."""
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items() if name not in {"user", "dbname"}}
    signing_in, _, where = parts.netloc.rpartition("@")
    user = quote(role, safe="") if role else signing_in.partition(":")[0]
    password = f":{parts.password}" if parts.password is not None else ""
    netloc = f"{user}{password}@{where}"
    # Not urlunsplit's own handling of an empty host: it would drop the slashes before the role.
    return urlunsplit((parts.scheme, netloc, f"/{database}", urlencode(query), ""))
