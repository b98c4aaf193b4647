"""A whole installation that can be broken: server processes to kill, and a wire to their database that can be cut."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, quote, unquote, urlsplit
from uuid import UUID, uuid4

import asyncpg
import httpx

from adapters.postgres.provision import APP
from adapters.security.keys import SecretKeys
from core.staff import Permission
from tests.database import Database
from tests.desk import Desk, open_desk, program
from tests.entrypoints.test_server import environment
from tests.soundness import Auditor
from tests.trust.nursery import Process, nursery

PATIENCE_SECONDS = 30.0
BEFORE_COMMIT = ("BEGIN", "open_v1", "write_v1", "COMMIT")
"""The messages of a money request: none of them had its effect yet when it reaches the database."""
SERVER = "a-server"
COMMITTED = "committed"
"""The moment when the database has answered COMMIT, and nobody has heard it yet."""


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = PATIENCE_SECONDS) -> float:
    """Wait for it; how many seconds that took."""
    began = time.monotonic()
    while not await condition():
        assert time.monotonic() < began + seconds, "it did not come to that in time"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


class Server:
    """A server process on a port of its own. What it says goes to ``log``."""

    def __init__(self, process: Process, log: Path) -> None:
        self.process = process
        self.log = log
        self.url = ""

    @classmethod
    async def start(cls, settings: Mapping[str, str], log: Path) -> Self:
        """One that answers."""
        server = cls(nursery().start("serve", "--port", "0", settings=settings, output=log), log)
        try:
            await until(server._answers)
        except BaseException:
            server.process.signal(signal.SIGKILL)
            raise
        return server

    async def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        if not self.log.exists() or not (serving := self.events("serving")):
            return False
        self.url = serving[0]["address"]
        async with httpx.AsyncClient(base_url=self.url, timeout=5) as http:
            return (await http.get("/health/live")).status_code == 200

    def events(self, name: str) -> list[dict[str, Any]]:
        """What it logged under that name."""
        complete = [line for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        lines = [json.loads(line) for line in complete if line.startswith("{")]
        return [line for line in lines if line.get("event") == name]

    async def kill(self) -> None:
        """As if the power went: no last words."""
        self.process.signal(signal.SIGKILL)
        await self.process.wait(seconds=PATIENCE_SECONDS)

    async def stop(self) -> int:
        """As a supervisor stops it; its exit status."""
        self.process.signal(signal.SIGTERM)
        return await self.process.wait(seconds=PATIENCE_SECONDS)


class Till:
    """Somebody with an API key of the shop in front of one server."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def __call__(self, request: Request) -> httpx.Response:
        return await self.http.request(
            request.method, f"/v1{request.path}", json=request.body, headers={"Idempotency-Key": request.key}
        )

    async def insist(self, request: Request) -> tuple[httpx.Response, int]:
        """Ask until it is done, as a client does that is told to try again; the answer, and how often it was not."""
        end = time.monotonic() + PATIENCE_SECONDS
        answer, refused = await self(request), 0
        while answer.status_code == 503 and time.monotonic() < end:
            require_retryable(answer)
            refused += 1
            await asyncio.sleep(0.05)
            answer = await self(request)
        assert answer.is_success, answer.text
        return answer, refused


@dataclass(frozen=True)
class Request:
    """A request that puts one entry into a client's ledger, under a key of its own."""

    what: str
    client_id: UUID
    method: str
    path: str
    body: Any = None
    key: str = field(default_factory=lambda: uuid4().hex)

    @classmethod
    def add(cls, client_id: UUID) -> Self:
        body = {"reason": "goodwill", "amount": 700, "note": "job ran late"}
        return cls("add", client_id, "POST", f"/clients/{client_id}/credit/entries", body)


def require_retryable(answer: httpx.Response, code: str | None = None) -> None:
    """It is a 503 that says when to try again."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["code"] in ([code] if code else ["busy", "unavailable"])


@dataclass
class Installation:
    """A database with a shop, and what it takes to serve it. ``folder``: for the logs."""

    database: Database
    desk: Desk
    settings: dict[str, str]
    api_key: str
    auditor: Auditor
    folder: Path
    _servers: list[Server] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def keys(self) -> str:
        """The secret keys."""
        return self.settings["ACCOUNT_CREDIT_SECRET_KEYS"]

    async def start(self, **settings: str) -> Server:
        """One more server process, with these settings besides."""
        log = self.folder / f"server-{next(self._numbers)}.log"
        server = await Server.start({**self.settings, **settings}, log)
        self._servers.append(server)
        return server

    @asynccontextmanager
    async def serving(self, **settings: str) -> AsyncIterator[Server]:
        """A server process for the length of the block; it has to end well."""
        server = await self.start(**settings)
        yield server
        assert await server.stop() == 0, server.log.read_text()

    @asynccontextmanager
    async def till(self, url: str, *, api_key: str | None = None, **options: Any) -> AsyncIterator[Till]:
        """``api_key``: that of another shop."""
        headers = {"Authorization": f"Bearer {api_key or self.api_key}"}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, limits=limits, **options) as http:
            yield Till(http)

    async def request(self, what: str) -> Request:
        """One that can be done: the client, the invoice and the credit that it needs are there."""
        desk = self.desk
        client = await desk.client()
        added = await desk.add(client, 5000)
        if what == "add":
            return Request.add(client)
        if what == "void":
            return Request(what, client, "POST", f"/credit/entries/{added.id}/void", {"note": "a mistake"})
        invoice = await desk.invoice(client, 3000)
        if what == "delete":
            return Request(what, client, "DELETE", f"/payments/{(await desk.apply(invoice)).id}")
        bodies = {
            "apply": {"method": "account_credit"},
            "capture": {"method": "cash", "amount": 4000, "overpayment": "capture"},
        }
        return Request(what, client, "POST", f"/invoices/{invoice}/payments", bodies[what])

    async def retry(self, server: Server, request: Request, *, replayed: bool) -> None:
        """Ask twice more: the first time the answer is new or not, the second time it is what the first time was."""
        async with self.till(server.url) as till:
            again, once_more = await till(request), await till(request)
        assert again.is_success, again.text
        assert (again.headers.get("idempotency-replayed") == "true") is replayed
        assert once_more.headers["idempotency-replayed"] == "true"
        assert (once_more.status_code, once_more.content) == (again.status_code, again.content)

    @asynccontextmanager
    async def locked(self, *client_ids: UUID) -> AsyncIterator[None]:
        """The accounts of these clients, for the length of the block."""
        connection = await asyncpg.connect(self.database.superuser_url)
        try:
            async with connection.transaction():
                sql = "SELECT FROM credit_accounts WHERE client_id = ANY ($1) FOR UPDATE"
                await connection.execute(sql, client_ids)
                yield
        finally:
            await connection.close()

    async def set_for_program(self, name: str, value: str) -> None:
        """A setting of PostgreSQL for the connections that the program opens to this database from now on."""
        await self.auditor.connection.execute(
            f"ALTER ROLE {APP} IN DATABASE {self.database.name} SET {name} = '{value}'"
        )

    async def let_locks_be_waited_for(self) -> None:
        """A minute, by connections of the program from now on: longer than a busy machine takes for anything."""
        for name in ("lock_timeout", "statement_timeout"):
            await self.set_for_program(name, "1min")

    async def reconnect(self) -> None:
        """The auditor again, after the database was away."""
        await self.auditor.connection.close()
        self.auditor.connection = await asyncpg.connect(self.database.superuser_url)

    async def entries(self, client_id: UUID) -> int:
        """How many entries the client's ledger has."""
        sql = "SELECT count(*) FROM ledger_entries WHERE shop_id = $1 AND client_id = $2"
        count: int = await self.auditor.connection.fetchval(sql, self.desk.shop_id, client_id)
        return count

    async def connections(self, *states: str) -> int:
        """How many connections the servers have to their database; those in these states alone, if any are named."""
        sql = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND application_name = $1 AND (state = ANY ($2) OR $2 = '{}')"""
        count: int = await self.auditor.connection.fetchval(sql, SERVER, states)
        return count

    async def require_sound(self) -> None:
        """Both judges of the books agree: the auditor of the tests, and the program's own verify."""
        await self.auditor.require_sound(self.desk)
        await require_verified(self.settings, self.folder)

    async def close(self) -> None:
        await self.auditor.connection.close()
        for server in self._servers:
            await server.kill()


OPERATIONS = ("add", "apply", "capture", "void", "delete")


async def require_verified(settings: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """What ``account-credit verify`` says; it has to agree with everything. ``folder``: for what it says."""
    output = folder / f"verify-{uuid4().hex}"
    process = nursery().start("verify", "--json", settings=settings, output=output)
    status = await process.wait(seconds=PATIENCE_SECONDS)
    said = output.read_text()
    assert status == 0, said
    report: dict[str, Any] = json.loads(said)
    assert report["agrees"]
    assert all(shop["entries"] for shop in report["shops"])
    return report


@asynccontextmanager
async def installed(database: Database, folder: Path, **chosen: object) -> AsyncIterator[Installation]:
    """The program on that database, with one shop. ``chosen``: settings for the desk."""
    settings = environment(f"{database.app_url}&application_name={SERVER}", database.jobs_url)
    settings["ACCOUNT_CREDIT_SECRET_KEYS"] = keys = SecretKeys.generate("test")
    settings |= {"ACCOUNT_CREDIT_CONNECT_TIMEOUT_SECONDS": "2", "ACCOUNT_CREDIT_ACQUIRE_TIMEOUT_SECONDS": "2"}
    async with AsyncExitStack() as stack:
        container = await stack.enter_async_context(program(database, secret_keys=keys, **chosen))
        desk = await open_desk(container)
        made = await container.add_api_key()(desk.owner, name="till", permissions=set(Permission))
        auditor = Auditor(await asyncpg.connect(database.superuser_url))
        installation = Installation(database, desk, settings, made.key, auditor, folder)
        stack.push_async_callback(installation.close)
        yield installation


@dataclass
class Held:
    """A message that was stopped on the wire. ``here``: it is. ``cut()``: it and its connection are gone."""

    moment: str
    here: asyncio.Event = field(default_factory=asyncio.Event)
    _decided: asyncio.Event = field(default_factory=asyncio.Event)
    _let_through: bool = False

    def cut(self) -> None:
        self._decided.set()

    def release(self) -> None:
        self._let_through = True
        self._decided.set()

    async def passes(self) -> bool:
        self.here.set()
        await self._decided.wait()
        return self._let_through


class Wire:
    """Between a program and its database. Understands enough of the protocol to stop one message.

    ``url``: the database by way of the wire.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._next: Held | None = None

    @asynccontextmanager
    async def holding(self, moment: str) -> AsyncIterator[Held]:
        """Stop the next message of that moment; at the end of the block its connection is cut, if nothing else was
        decided. ``moment``: one of BEFORE_COMMIT, or COMMITTED.
        """
        held = self._next = Held(moment)
        try:
            yield held
        finally:
            held.cut()
            self._next = None

    def _stops(self, moment: str) -> Held | None:
        if self._next is None or self._next.moment != moment:
            return None
        held, self._next = self._next, None
        return held

    async def _forward(self, program: _Line, database: _Line) -> None:
        """Messages of one connection, both ways, until one side is gone."""
        connection = _Connection()
        ways = [
            asyncio.ensure_future(self._to_database(program, database, connection)),
            asyncio.ensure_future(self._to_program(database, program, connection)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            program.writer.close()
            database.writer.close()

    async def _to_database(self, program: _Line, database: _Line, connection: _Connection) -> None:
        database.writer.write(await program.startup())
        while True:
            kind, body = await program.message()
            moment = connection.moment_of(kind, body)
            held = self._stops(moment)
            if held is not None and not await held.passes():
                return
            connection.committing = moment == "COMMIT"
            database.writer.write(_packed(kind, body))
            await database.writer.drain()

    async def _to_program(self, database: _Line, program: _Line, connection: _Connection) -> None:
        while True:
            kind, body = await database.message()
            if connection.committing and (kind, body) == (b"C", b"COMMIT\0"):
                held = self._stops(COMMITTED)
                if held is not None and not await held.passes():
                    return
            program.writer.write(_packed(kind, body))
            await program.writer.drain()


class _Connection:
    """What was prepared on one connection, so that an execution can be told by its statement."""

    def __init__(self) -> None:
        self.committing = False
        self._statements: dict[bytes, bytes] = {}

    def moment_of(self, kind: bytes, body: bytes) -> str:
        """Which message of a money request this is; empty for any other."""
        if kind == b"Q":
            return body.rstrip(b"\0").partition(b";")[0].decode(errors="replace")
        if kind == b"P":
            name, _, rest = body.partition(b"\0")
            self._statements[name] = rest.partition(b"\0")[0]
        if kind == b"B":
            _portal, _, rest = body.partition(b"\0")
            statement = self._statements.get(rest.partition(b"\0")[0], b"").decode()
            return statement.removeprefix("SELECT ").partition("(")[0]
        return ""


@dataclass
class _Line:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def startup(self) -> bytes:
        """The first message has no kind: its length, then what the program wants of the database."""
        length = await self.reader.readexactly(4)
        return length + await self.reader.readexactly(int.from_bytes(length) - 4)

    async def message(self) -> tuple[bytes, bytes]:
        kind = await self.reader.readexactly(1)
        length = await self.reader.readexactly(4)
        return kind, await self.reader.readexactly(int.from_bytes(length) - 4)


def _packed(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4) + body


@asynccontextmanager
async def wired(url: str) -> AsyncIterator[Wire]:
    """For a database that is reached without TLS: by a socket, or on this machine or its network."""
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    host, port = query.get("host") or parts.hostname or "localhost", int(query.get("port") or parts.port or 5432)
    user, password = quote(unquote(parts.username or ""), safe=""), parts.password
    signing_in = user if password is None else f"{user}:{password}"
    connections: set[asyncio.Task[None]] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        task.add_done_callback(connections.discard)
        if host.startswith("/"):
            to_database = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            to_database = await asyncio.open_connection(host, port)
        await wire._forward(_Line(reader, writer), _Line(*to_database))

    listener = await asyncio.start_server(take, "127.0.0.1", 0)
    wire_port = listener.sockets[0].getsockname()[1]
    wire = Wire(f"postgresql://{signing_in}@127.0.0.1:{wire_port}{parts.path}?sslmode=disable")
    try:
        yield wire
    finally:
        listener.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
