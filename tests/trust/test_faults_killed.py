"""Processes that die without last words: what was acknowledged stays, and a retry has one effect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from itertools import cycle
from pathlib import Path

import httpx
import pytest

from tests.database import Database
from tests.trust.installation import (
    BEFORE_COMMIT,
    COMMITTED,
    OPERATIONS,
    PATIENCE_SECONDS,
    Installation,
    Server,
    installed,
    wired,
)
from tests.trust.load import Load, kept
from tests.trust.own_postgres import OwnPostgres
from tests.trust.scenarios import Progress, Scale, Scenario

SERVERS_AHEAD = 2
ACKNOWLEDGED_BETWEEN_KILLS = 30
BACK_WITHIN_SECONDS = 10


async def servers(installation: Installation, database_url: str) -> AsyncGenerator[Server, None]:
    """One after the other; the next are starting while one is used, since starting is what takes long."""

    def start() -> asyncio.Task[Server]:
        return asyncio.create_task(installation.start(ACCOUNT_CREDIT_DATABASE_URL=database_url))

    starting = [start() for _ in range(SERVERS_AHEAD)]
    try:
        while True:
            yield await starting.pop(0)
            starting.append(start())
    finally:
        await asyncio.gather(*starting, return_exceptions=True)


async def test_the_server_is_killed_before_and_after_commit(
    database: Database, tmp_path: Path, scenario: Scenario, scale: Scale, progress: Progress
) -> None:
    kills = scale.of(50, most=1000)
    operations = cycle(OPERATIONS)
    moments = cycle(BEFORE_COMMIT)
    async with (
        database.fresh() as alone,
        installed(alone, tmp_path) as installation,
        wired(alone.app_url) as wire,
    ):
        alive = servers(installation, wire.url)
        server = await anext(alive)
        for done, moment in enumerate([*(next(moments) for _ in range(kills)), *([COMMITTED] * kills)]):
            progress(done, 2 * kills, "kills")
            request = await installation.request(next(operations))
            entries = await installation.entries(request.client_id)
            async with installation.till(server.url) as till, wire.holding(moment) as held:
                asked = asyncio.create_task(till(request))
                await asyncio.wait_for(held.here.wait(), PATIENCE_SECONDS)
                await server.kill()
                with pytest.raises(httpx.TransportError):
                    await asked
            effect = 1 if moment == COMMITTED else 0
            assert await installation.entries(request.client_id) == entries + effect
            server = await anext(alive)
            await installation.retry(server, request, replayed=moment == COMMITTED)
            assert await installation.entries(request.client_id) == entries + 1
        await alive.aclose()
        await installation.require_sound()
    scenario("kill -9 of the server before commit", figure=f"{kills} kills at 5 moments, each retry has one effect")
    scenario("kill -9 of the server after commit", figure=f"{kills} kills, each retry is the answer of the first")


async def test_postgresql_is_killed_under_load(
    tmp_path: Path, scenario: Scenario, scale: Scale, progress: Progress
) -> None:
    kills = scale.of(20, least=2, most=400)
    slowest = 0.0
    with OwnPostgres(tmp_path) as postgres:
        async with installed(await postgres.prepared(), tmp_path) as installation, installation.serving() as server:
            load = Load(installation)
            async with load.on(server):
                for turn in range(kills):
                    progress(turn, kills, "kills")
                    await load.more(ACKNOWLEDGED_BETWEEN_KILLS)
                    if turn % 2:
                        postgres.kill()
                        acknowledged = list(load.acknowledged.values())
                        postgres.start()
                    else:
                        postgres.kill_one_connection()
                        acknowledged = list(load.acknowledged.values())
                    await postgres.until_it_answers()
                    back = time.monotonic()
                    await load.more(1)
                    slowest = max(slowest, load.last_at - back)
                    assert await kept(installation.database, acknowledged) == len(acknowledged)
            await installation.reconnect()
            assert await kept(installation.database, list(load.acknowledged.values())) == len(load.acknowledged)
            assert await effects(installation) == len(load.acknowledged)
            await installation.require_sound()
    assert slowest < BACK_WITHIN_SECONDS
    scenario(
        "kill -9 of PostgreSQL under load",
        figure=f"{kills} kills, {len(load.acknowledged):,} acknowledged writes, none lost or doubled; "
        f"{load.refused:,} answers 503; back after {slowest:.1f} s at most",
    )


async def effects(installation: Installation) -> int:
    count: int = await installation.auditor.connection.fetchval("SELECT count(*) FROM ledger_entries")
    return count
