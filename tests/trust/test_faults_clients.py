"""Clients that break off, and a server that is told to stop while it works."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.database import Database
from tests.trust.installation import Installation, Request, Server, Till, installed, until
from tests.trust.scenarios import Progress, Scale, Scenario

WORKERS = 8
GROWTH_KILOBYTES = 30_000


@pytest.fixture
async def installation(database: Database, tmp_path: Path) -> AsyncIterator[Installation]:
    async with database.fresh() as alone, installed(alone, tmp_path) as installation:
        yield installation


async def test_clients_stop_half_way_through_a_body(
    installation: Installation, scenario: Scenario, scale: Scale
) -> None:
    clients = scale.of(200, least=20, most=500)
    request = await installation.request("add")
    async with installation.serving() as server, installation.till(server.url) as till, AsyncExitStack() as stack:
        # What it keeps once it has seen some is no leak.
        await till.insist(await installation.request("add"))
        await broken_off(installation, server, request, 20)
        memory, files = kilobytes(server), open_files(server)
        stopped = [await half_of(installation, server, request) for _ in range(clients)]
        for writer in stopped:
            stack.callback(writer.transport.abort)
        await asyncio.wait_for(till.insist(await installation.request("apply")), 10)
        assert await installation.connections("active", "idle in transaction") == 0
        for place, writer in enumerate(stopped):
            writer.close() if place % 2 else writer.transport.abort()
        await until(lambda: as_before(server, files))
        grown = kilobytes(server) - memory
        assert grown < GROWTH_KILOBYTES
        assert await installation.connections() <= 10
        await till.insist(request)
    assert not server.events("unexpected_error")
    assert not [line for line in server.events("request") if line["status"] and line["status"] >= 500]
    await installation.require_sound()
    scenario(
        "clients that stop half way through a body",
        figure=f"{clients} at once: no connection to the database taken or leaked, {max(grown, 0) / 1000:.0f} MB kept",
    )


async def half_of(installation: Installation, server: Server, request: Request) -> asyncio.StreamWriter:
    address = urlsplit(server.url)
    _reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(
        f"POST /v1{request.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {installation.api_key}\r\nIdempotency-Key: {request.key}\r\n"
        'Content-Length: 1000\r\n\r\n{"reason": "goodwill", '.encode()
    )
    await writer.drain()
    return writer


async def broken_off(installation: Installation, server: Server, request: Request, count: int) -> None:
    files = open_files(server)
    for writer in [await half_of(installation, server, request) for _ in range(count)]:
        writer.close()
    await until(lambda: as_before(server, files))


async def as_before(server: Server, files: int) -> bool:
    return open_files(server) <= files


def open_files(server: Server) -> int:
    """How many files and sockets the process has open; always 0 on machines that do not tell."""
    folder = Path(f"/proc/{server.process.pid}/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def kilobytes(server: Server) -> int:
    """The memory that the process uses."""
    said = subprocess.run(  # noqa: S603  # a fixed command
        ["ps", "-o", "rss=", "-p", str(server.process.pid)],  # noqa: S607  # macOS has it in one place, others elsewhere
        capture_output=True,
        text=True,
        check=True,
    )
    return int(said.stdout)


class Crowd:
    """People who add credit until nobody takes their connections any more. One that was taken has to be served: a
    reset is a fault.
    """

    def __init__(self, till: Till) -> None:
        self.till = till
        self.statuses: list[int] = []

    async def work(self, request: Request) -> None:
        while True:
            try:
                self.statuses.append((await self.till(request)).status_code)
            except httpx.ConnectError:
                return
            request = Request.add(request.client_id)

    async def is_busy(self) -> bool:
        return len(self.statuses) > WORKERS * 5


async def test_sigterm_under_load(
    installation: Installation, scenario: Scenario, scale: Scale, progress: Progress
) -> None:
    rounds = scale.of(10, least=2, most=100)
    await installation.let_locks_be_waited_for()
    answered = 0
    for done in range(rounds):
        progress(done, rounds, "times")
        requests = [Request.add(await installation.desk.client()) for _ in range(WORKERS)]
        slow = await installation.request("apply")
        server = await installation.start()
        async with installation.till(server.url) as till:
            crowd = Crowd(till)
            async with installation.locked(slow.client_id):
                running = asyncio.create_task(till(slow))
                await installation.auditor.until_waiting(1)
                workers = [asyncio.create_task(crowd.work(request)) for request in requests]
                await until(crowd.is_busy)
                stopping = asyncio.create_task(server.stop())
                await asyncio.wait_for(asyncio.gather(*workers), 30)
                assert not stopping.done()
            assert (await running).status_code == 201
            assert await stopping == 0, server.log.read_text()
        assert set(crowd.statuses) == {201}
        kept = await installation.auditor.connection.fetchval("SELECT count(*) FROM idempotency_records")
        answered += len(crowd.statuses) + 1
        assert kept == answered
        assert len(server.events("request")) == len(crowd.statuses) + 2  # and the slow one, and who asked if it is up
    await installation.require_sound()
    scenario(
        "SIGTERM under load",
        figure=f"{rounds} times exit 0; all {answered:,} requests were answered 201, no connection reset",
    )
