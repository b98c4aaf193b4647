"""One shop and another: by every route, in plain SQL, and on one connection that they share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx

from adapters.security.keys import SecretKeys
from tests.adapters.walls import WITHOUT_SHOP, holes, tables_of_shops, try_everything
from tests.database import Database
from tests.desk import program
from tests.entrypoints.isolation import (
    Isolation,
    complaints_about_the_table,
    ids_that_no_request_names,
    isolation,
    table_of_routes,
)
from tests.entrypoints.test_server import environment
from tests.rows import PaperShop
from tests.snapshots import snapshot
from tests.trust.installation import PATIENCE_SECONDS, Server
from tests.trust.one_connection import one_connection
from tests.trust.scenarios import Progress, Scale, Scenario


async def test_strangers_are_told_nothing_by_any_route(
    database: Database, tmp_path: Path, scenario: Scenario, scale: Scale, progress: Progress
) -> None:
    rounds = scale.of(1, most=10)
    routes = table_of_routes()
    requested = sum(route.method != "OPTIONS" for route in routes)
    requests = lines = canaries = identities = 0
    for done in range(rounds):
        async with served_strangers(database, tmp_path / f"log-{done}") as strangers:
            assert complaints_about_the_table(strangers.app) == []
            assert ids_that_no_request_names(strangers.app) == []
            for number, route in enumerate(routes, start=1):
                await strangers.try_route(route)
                progress(done * len(routes) + number, rounds * len(routes), "routes")
            requests += strangers.requests
            lines += strangers.lines
            canaries += len(strangers.treasure)
            identities = len(strangers.identities) + 1  # with the colleague who lacks the permission
    scenario(
        "isolation: every route by everybody who has no business there",
        figure=f"{requested} routes and their OPTIONS x {identities} identities = {requests:,} requests, "
        f"answered as for ids of nothing, byte for byte; no row changed; none of {canaries:,} canaries in an answer or "
        f"in {lines:,} lines of the log",
    )


@asynccontextmanager
async def served_strangers(database: Database, log: Path) -> AsyncIterator[Isolation]:
    """Before a server process, whose log is a file."""
    async with database.fresh() as alone:
        settings = environment(alone.app_url, alone.jobs_url)
        settings["ACCOUNT_CREDIT_SECRET_KEYS"] = keys = SecretKeys.generate("test")
        async with program(alone, secret_keys=keys) as container:
            server = await Server.start({**settings, "ACCOUNT_CREDIT_TRUST_FORWARDED": "true"}, log)
            try:
                async with (
                    httpx.AsyncClient(base_url=server.url, timeout=60) as http,
                    isolation(container, alone, http, reader_of(log, http)) as strangers,
                ):
                    yield strangers
            finally:
                await server.kill()


def reader_of(log: Path, http: httpx.AsyncClient) -> Callable[[], Awaitable[str]]:
    """What a server wrote to its log since that was last asked. It writes a line after it has answered: by the time
    that it has the line of a request of ours, it has those of all before.
    """
    read = 0

    async def new() -> str:
        nonlocal read
        mark = uuid4().hex
        await http.get("/health/live", headers={"X-Request-Id": mark})
        async with asyncio.timeout(PATIENCE_SECONDS):
            while mark not in (said := log.read_text()[read:]):
                await asyncio.sleep(0.001)
        read += len(said)
        return "".join(line for line in said.splitlines(keepends=True) if mark not in line)

    return new


async def test_no_statement_of_the_programs_role_reaches_another_shop(database: Database, scenario: Scenario) -> None:
    shop, other = PaperShop(), PaperShop()
    async with database.fresh() as alone:
        superuser = await asyncpg.connect(alone.superuser_url)
        app = await asyncpg.connect(alone.app_url)
        try:
            await shop.write(superuser)
            await other.write(superuser)
            assert await holes(superuser) == []
            tables = await tables_of_shops(superuser)
            before = await snapshot(superuser)
            tried = [await try_everything(superuser, app, shop_id=shop.shop, at=at) for at in (None, other.shop)]
            assert await snapshot(superuser) == before
        finally:
            await app.close()
            await superuser.close()
    scenario(
        "isolation: plain SQL as the runtime role, no shop set and another one set",
        figure=f"{len(tables)} tables, {sum(tried):,} statements: no row shown, none written; all tables have forced "
        f"row-level security, a policy and keys that begin with the shop, but {len(WITHOUT_SHOP)} with a reason each",
    )


async def test_one_connection_takes_turns_between_two_shops(
    database: Database, scenario: Scenario, scale: Scale, progress: Progress
) -> None:
    turns = scale.of(1000, least=100, most=20_000)
    async with one_connection(database) as alone:
        await alone.take_turns(turns, lambda done: progress(done, turns, "turns"))
        await alone.auditor.require_sound(*(till.desk for till in alone.tills))
    befallen = ", ".join(f"{count} {what}" for what, count in alone.counts.items())
    scenario(
        "isolation: one connection, two shops in turn",
        figure=f"{turns:,} turns ({befallen}), {len(alone.connections)} connections one after the other; nobody saw "
        "anything of the other shop",
    )
