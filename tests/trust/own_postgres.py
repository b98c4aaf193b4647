"""A PostgreSQL of the test's own, safe against crashes, to be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

import asyncpg

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.embedded_postgres.postmaster import Postmaster
from adapters.postgres import migrations
from adapters.postgres.provision import provision
from tests.database import Cluster, Database
from tests.trust.installation import PATIENCE_SECONDS, until

NAME = "account_credit"


class OwnPostgres:
    """The embedded server with its data in a folder below ``folder``, at one address for as long as the block lasts.
    ``settings``: PostgreSQL's own.
    """

    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.data = folder / "data"
        self._server = EmbeddedPostgres(self.data, settings=settings)
        self._cluster = self.data / "cluster"
        self.socket = folder / "s"
        """Leads to its socket folder, which is another one after each start."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def programs_folder(self) -> Path:
        """PostgreSQL's own programs."""
        return self._server.programs_folder

    @property
    def superuser_url(self) -> str:
        port = parse_qs(urlsplit(self._server.url("postgres", "postgres")).query)["port"][0]
        return f"postgresql://postgres@/postgres?host={self.socket}&port={port}"

    @property
    def database(self) -> Database:
        return Database(NAME, Cluster(self.superuser_url, template=NAME))

    async def prepared(self) -> Database:
        """The database with its roles and all migrations."""
        await provision(self.superuser_url, database=NAME)
        await migrations.upgrade(self.database.owner_url)
        return self.database

    def start(self) -> None:
        """Start it, after a kill too."""
        self._server.stop()
        self._server.start()
        socket_folder = parse_qs(urlsplit(self._server.url("postgres", "postgres")).query)["host"][0]
        self.socket.unlink(missing_ok=True)
        self.socket.symlink_to(socket_folder)

    def stop(self) -> None:
        self._server.stop()

    def kill(self) -> None:
        """All of its processes, as if the power went."""
        postmaster = self._postmaster()
        os.kill(postmaster.pid, signal.SIGSTOP)  # else it might start one more meanwhile, which would outlive it
        children = [pid for pid, parent in _processes() if parent == postmaster.pid]
        _kill(postmaster.pid, *children)
        _wait_for_the_end_of(postmaster.pid, *children)

    def kill_one_connection(self) -> None:
        """One process that serves the program; PostgreSQL then starts all of them again by itself. It has begun to:
        whoever connects from now on is not thrown out for it.
        """
        postmaster = self._postmaster()
        serving = [pid for pid, parent in _processes("account_credit_app") if parent == postmaster.pid]
        _kill(serving[0])
        _wait_for_the_end_of(*serving)

    async def until_it_answers(self) -> None:
        await until(self._answers)

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.superuser_url, timeout=2)
            await connection.close()
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        return True

    def _postmaster(self) -> Postmaster:
        found = Postmaster.find(self._cluster)
        assert found is not None
        return found


def _processes(named: str = "") -> list[tuple[int, int]]:
    """Those that live and whose command line has that word, each with its parent."""
    found = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args="],  # noqa: S607  # macOS has it in one place, others elsewhere
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split(None, 3) for line in found.stdout.splitlines()]
    return [(int(line[0]), int(line[1])) for line in lines if not line[2].startswith("Z") and named in line[-1]]


def _wait_for_the_end_of(*pids: int) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while {pid for pid, _ in _processes()} & set(pids):
        assert time.monotonic() < end, "they did not die"
        time.sleep(0.01)


def _kill(*pids: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it went with the one before
