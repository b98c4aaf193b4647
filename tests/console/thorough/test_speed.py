"""What a page costs: bytes over the wire, and how often it waits for the database. ``make trust`` measures the time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from entrypoints.container import Container
from entrypoints.web_container import staff_api_app
from tests.console.full_shop import fill
from tests.console.visiting import Comes, Visiting, http_of, shown_pages
from tests.database import Database
from tests.desk import Desk, container_for, open_desk
from tests.long_ledger import write_ledger
from tests.wire import WireTap, tapped

MOST_BYTES = 100_000
FEW, MANY = 10, 2000
AS_A_BROWSER = {"Sec-Fetch-Site": "same-origin", "Accept-Encoding": "gzip, deflate, br"}


async def test_no_page_is_more_than_100_kilobytes_over_the_wire(comes: Comes, container: Container) -> None:
    shop = await fill(await open_desk(container))
    for number in range(25):
        client = await shop.desk.client(f"Client {number}")
        await shop.desk.pay(await shop.desk.invoice(shop.ids.client, 100), 150, overpayment="capture")
        await shop.desk.add(client, 100)
    visiting = await comes()
    await visiting.sign_in(shop.desk)
    heaviest = {}
    for path in await shown_pages(visiting):
        async with visiting.http.stream("GET", path, headers=AS_A_BROWSER) as answer:
            heaviest[path] = sum([len(part) async for part in answer.aiter_raw()])
    assert len(heaviest) > 100
    assert max(heaviest.values()) < MOST_BYTES / 5, max(heaviest, key=lambda path: heaviest[path])


@dataclass(frozen=True)
class Counted:
    """Somebody at a desk whose database is tapped."""

    visiting: Visiting
    tap: WireTap
    desk: Desk

    async def messages(self, path: str) -> int:
        """How often the page waits for the database, once its statements are prepared."""
        assert (await self.visiting.get(path)).status_code == 200
        before = self.tap.messages
        await self.visiting.get(path)
        return self.tap.messages - before


@asynccontextmanager
async def at_a_tapped_desk(database: Database) -> AsyncIterator[Counted]:
    async with tapped(database.app_url) as tap:
        container = container_for(database, database_url=tap.url, max_connections=1)
        app = staff_api_app(container)
        async with app.lifespan(), http_of(app) as http:
            desk = await open_desk(container)
            visiting = Visiting(http)
            await visiting.sign_in(desk)
            yield Counted(visiting, tap, desk)


async def test_a_client_of_many_entries_is_shown_with_as_few_messages_as_one_of_few(
    database: Database,
) -> None:
    async with at_a_tapped_desk(database) as counted:
        await _compare(counted, database)


async def _compare(counted: Counted, database: Database) -> None:
    desk = counted.desk
    few, many = await desk.client("Few"), await desk.client("Many")
    superuser = await asyncpg.connect(database.superuser_url)
    try:
        for client, length in ((few, FEW), (many, MANY)):
            await write_ledger(superuser, desk.shop_id, client, length)
    finally:
        await superuser.close()
    for page in ("", "/credit", "/credit/explained", "/credit/add", "/statement"):
        of_few, of_many = [await counted.messages(_of(client, page)) for client in (few, many)]
        assert of_many == of_few, page


def _of(client: UUID, page: str) -> str:
    return f"/app/clients/{client}{page}"
