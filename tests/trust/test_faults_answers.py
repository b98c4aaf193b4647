"""Answers that are lost on their way: what was done stays done once, and the retry hears of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.database import Database
from tests.trust.installation import COMMITTED, OPERATIONS, PATIENCE_SECONDS, installed, require_retryable, wired
from tests.trust.scenarios import Progress, Scale, Scenario


async def test_the_answer_is_lost_after_commit(
    database: Database, tmp_path: Path, scenario: Scenario, scale: Scale, progress: Progress
) -> None:
    times = scale.of(100, least=10, most=2000)
    operations = cycle(OPERATIONS)
    async with (
        database.fresh() as alone,
        installed(alone, tmp_path) as installation,
        wired(alone.app_url) as wire,
        installation.serving(ACCOUNT_CREDIT_DATABASE_URL=wire.url) as server,
        swallowing_answers(server.url) as swallowed_url,
    ):
        for turn in range(times):
            request = await installation.request(next(operations))
            entries = await installation.entries(request.client_id)
            if turn % 2:
                async with installation.till(swallowed_url) as till:
                    with pytest.raises(httpx.TransportError):
                        await till(request)
            else:
                async with installation.till(server.url) as till, wire.holding(COMMITTED) as held:
                    asked = asyncio.create_task(till(request))
                    await asyncio.wait_for(held.here.wait(), PATIENCE_SECONDS)
                    held.cut()
                    require_retryable(await asked, "unavailable")
            assert await installation.entries(request.client_id) == entries + 1
            await installation.retry(server, request, replayed=True)
            assert await installation.entries(request.client_id) == entries + 1
            progress(turn + 1, times, "answers lost")
        await installation.require_sound()
    scenario(
        "answer dropped after commit",
        figure=f"{times - times // 2} times the database's, {times // 2} times the server's, each retry is told it",
    )


@asynccontextmanager
async def swallowing_answers(url: str) -> AsyncIterator[str]:
    """A proxy before a server that hands requests on, waits for the whole answer, and hangs up."""
    parts = urlsplit(url)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(parts.hostname, parts.port)
        to_server.write(await _whole(reader))
        assert await _whole(from_server)
        to_server.close()
        writer.transport.abort()

    proxy = await asyncio.start_server(take, "127.0.0.1", 0)
    async with proxy:
        yield f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"


async def _whole(reader: asyncio.StreamReader) -> bytes:
    """One request or answer, up to its last byte."""
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.lower().splitlines() if line.startswith(b"content-length:")]
    return head + (await reader.readexactly(int(lengths[0])) if lengths else b"")
