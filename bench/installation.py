"""What is measured: a PostgreSQL of its own that is safe against crashes, and the program's real processes on it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import asyncpg
import httpx
from argon2 import PasswordHasher

from adapters.security.keys import SecretKeys
from bench.filling import EMAIL, MUCH, PASSWORD, fill_clients, fill_shops
from bench.processes import cpu_seconds, tree
from tests.database import Database
from tests.trust.own_postgres import OwnPostgres

PATIENCE_SECONDS = 60.0
# A hundred people sign in before each part; what a password costs is no part of any figure.
_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
# What a machine of four gigabytes would be given; everything that makes a commit last stays on.
_POSTGRES = {"shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "30min", "max_connections": "200"}


class Served:
    """A server, of as many processes as it was told to have."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str, *, ready_seconds: float) -> None:
        self.process = process
        self.url = url
        self.ready_seconds = ready_seconds

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.process.pid)

    def workers(self) -> list[int]:
        """The processes that serve: of several, not the one that started them."""
        below = [pid for pid in tree(self.process.pid)[1:] if b"resource_tracker" not in _command_line(pid)]
        return below or [self.process.pid]


def _command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@dataclass
class Installation:
    """``folder``: for its logs and files."""

    folder: Path
    postgres: OwnPostgres
    database: Database
    settings: Mapping[str, str]
    _servers: Iterator[int] = field(default_factory=count)

    @asynccontextmanager
    async def superuser(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        connection = await asyncpg.connect(self.database.superuser_url)
        try:
            yield connection
        finally:
            await connection.close()

    def postgres_cpu_seconds(self) -> float:
        return cpu_seconds(self.postgres_pid)

    @property
    def postgres_pid(self) -> int:
        return int((self.postgres.data / "cluster" / "postmaster.pid").read_text().splitlines()[0])

    @property
    def postgres_log(self) -> Path:
        return self.postgres.data / "server.log"

    @property
    def programs(self) -> Path:
        return self.postgres.programs_folder

    async def fill_shops(self, first: int, last: int) -> None:
        async with self.superuser() as connection:
            await fill_shops(connection, first, last, password_hash=_CHEAP.hash(PASSWORD))

    async def fill_clients(self, first: int, last: int, *, shops: int, entries: int, much: int = MUCH) -> None:
        async with self.superuser() as connection:
            await fill_clients(connection, first, last, shops=shops, entries=entries, much=much)

    async def settle(self) -> None:
        """What a database does by and by after so much was written, at once."""
        async with self.superuser() as connection:
            await connection.execute("VACUUM ANALYZE")
            await connection.execute("CHECKPOINT")

    @asynccontextmanager
    async def serving(self, *, processes: int, **settings: str) -> AsyncIterator[Served]:
        """A server for the length of the block. Its log goes to a file, as a supervisor would have it."""
        environment = {**self.settings, "ACCOUNT_CREDIT_PROCESSES": str(processes), **settings}
        log = self.folder / f"serve-{next(self._servers)}.log"
        with log.open("wb") as output:
            began = time.monotonic()
            process = subprocess.Popen(  # our own program
                [sys.executable, "-m", "entrypoints.cli", "serve", "--port", "0"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            url = await _ready(process, log)
            yield Served(process, url, ready_seconds=time.monotonic() - began)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    async def sign_in(self, served: Served, shops: int) -> Path:
        """A file with an access token for each shop, a line each; they last a quarter of an hour."""
        async with httpx.AsyncClient(base_url=served.url, timeout=PATIENCE_SECONDS) as http:
            tokens = [await self.token(http, number) for number in range(shops)]
        file = self.folder / "tokens"
        file.write_text("".join(f"{token}\n" for token in tokens))
        return file

    async def token(self, http: httpx.AsyncClient, number: int) -> str:
        """An access token of the shop's owner."""
        body = {"shop": f"shop-{number}", "email": EMAIL, "password": PASSWORD}
        answer = await http.post("/v1/auth/sign-in", json=body)
        answer.raise_for_status()
        return str(answer.json()["access_token"])


async def _ready(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Where it serves, once it says that it can."""
    end = time.monotonic() + PATIENCE_SECONDS
    url = None
    async with httpx.AsyncClient(timeout=5) as http:
        while time.monotonic() < end and process.poll() is None:
            url = url or _address(log)
            if url is not None:
                try:
                    if (await http.get(f"{url}/health/ready")).is_success:
                        return url
                except httpx.TransportError:
                    pass
            await asyncio.sleep(0.01)
    raise RuntimeError(f"the server did not get ready: {log.read_text()[-2000:]}")


def _address(log: Path) -> str | None:
    for line in log.read_text().splitlines():
        if line.startswith("{") and (event := json.loads(line)).get("event") == "serving":
            return str(event["address"])
    return None


@asynccontextmanager
async def installed(folder: Path) -> AsyncIterator[Installation]:
    """A new PostgreSQL with a migrated, empty database, gone after the block."""
    folder.chmod(0o711)  # PostgreSQL's own user has to get in, where this runs as root
    with OwnPostgres(folder, settings=_POSTGRES) as postgres:
        database = await postgres.prepared()
        settings = {
            **{name: text for name, text in os.environ.items() if not name.startswith("ACCOUNT_CREDIT_")},
            "ACCOUNT_CREDIT_DATABASE_URL": database.app_url,
            "ACCOUNT_CREDIT_JOBS_DATABASE_URL": database.jobs_url,
            "ACCOUNT_CREDIT_SECRET_KEYS": SecretKeys.generate("bench"),
        }
        yield Installation(folder, postgres, database, settings)
