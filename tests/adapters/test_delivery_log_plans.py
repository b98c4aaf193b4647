"""A page of the log costs the same whether an endpoint was sent ten notices or a hundred thousand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from adapters.postgres.delivery_log import PostgresDeliveryLog
from core.deliveries import DeliveryState
from core.ids import ClientId, EndpointId, ShopId
from tests.adapters.plans import Explaining, set_to
from tests.database import Database
from tests.rows import NOON, Connection, a_client_row, a_lane_row, a_shop_row, an_endpoint_row, put

FEW, MANY = 10, 100_000

# Ids with the time in them, each newer than the one before. One in a hundred failed, the newest three are pending.
_DELIVERIES = """
INSERT INTO deliveries (shop_id, id, receiver_id, client_id, notice_id, notice_at, kind, state, attempts, failures,
    made_at, settled_at)
SELECT $1, gen_random_uuid(), $2, $3, lpad(to_hex(n), 32, '0')::uuid, $4::timestamptz + n * interval '1 minute',
    'credit.added', state, CASE state WHEN 'pending' THEN 0 ELSE 1 END, 0, $4,
    CASE state WHEN 'pending' THEN NULL ELSE $4 END
FROM (SELECT n, CASE WHEN n > $5 - 3 THEN 'pending' WHEN n % 100 = 1 THEN 'failed' ELSE 'delivered' END AS state
      FROM generate_series(1, $5::bigint) n) numbers
"""
_ATTEMPTS = """
INSERT INTO delivery_attempts (shop_id, delivery_id, number, at, duration_ms, accepted, answer)
SELECT shop_id, id, 1, made_at, 20, state = 'delivered', '200 OK' FROM deliveries WHERE state <> 'pending'
"""


@dataclass(frozen=True)
class Sent:
    """What one endpoint was told of one client."""

    endpoint: EndpointId
    client: ClientId


@dataclass(frozen=True)
class Log:
    connection: Connection
    shop_id: ShopId
    few: Sent
    many: Sent

    async def pages_read(self, sent: Sent, state: DeliveryState | None, plan_for: str, *, after: int | None) -> int:
        """Pages of 8 kB that showing a page of both logs looks at."""
        scope = Explaining(self.connection, self.shop_id, plan_for)
        position = None if after is None else (str(UUID(int=after)), str(UUID(int=2**128 - 1)))
        log = PostgresDeliveryLog(scope)
        for page in (
            await log.of_endpoint(sent.endpoint, state=state, after=position, limit=3),
            await log.of_client(sent.client, state=state, after=position, limit=3),
        ):
            assert page.items
            assert {item.state for item in page.items} <= ({state} if state else set(DeliveryState))
        return sum(plan.buffers for plan in scope.plans)


@pytest.fixture(scope="module")
async def log(database: Database) -> AsyncIterator[Log]:
    async with database.fresh() as another:
        shop_id = ShopId(uuid4())
        few, many = [Sent(EndpointId(uuid4()), ClientId(uuid4())) for _ in range(2)]
        superuser: Connection = await asyncpg.connect(another.superuser_url)
        try:
            await superuser.execute("SET session_replication_role = replica")
            await put(superuser, "shops", a_shop_row(shop_id))
            for sent, number in ((few, FEW), (many, MANY)):
                await put(superuser, "clients", a_client_row(shop_id, sent.client))
                await put(superuser, "webhook_endpoints", an_endpoint_row(shop_id, sent.endpoint))
                await put(superuser, "delivery_lanes", a_lane_row(shop_id, sent.endpoint, sent.client))
                await superuser.execute(_DELIVERIES, shop_id, sent.endpoint, sent.client, NOON, number)
            await superuser.execute(_ATTEMPTS)
            await superuser.execute("VACUUM ANALYZE")
        finally:
            await superuser.close()
        async with set_to(shop_id, another.app_url) as connection:
            yield Log(connection, shop_id, few, many)


@pytest.mark.parametrize("plan_for", ["custom", "generic"])
@pytest.mark.parametrize("state", [None, *DeliveryState])
async def test_a_page_costs_the_same_however_much_was_sent(
    log: Log, state: DeliveryState | None, plan_for: str
) -> None:
    for of_few, of_many in ((None, None), (9, MANY // 2)):
        if state is DeliveryState.PENDING and of_few is not None:
            continue  # there is one page of these
        few = await log.pages_read(log.few, state, plan_for, after=of_few)
        many = await log.pages_read(log.many, state, plan_for, after=of_many)
        print(f"{state} {plan_for}: {few} pages of {FEW}, {many} of {MANY}")  # noqa: T201  # the figure
        assert many <= 4 * few + 40


@pytest.mark.parametrize("plan_for", ["custom", "generic"])
async def test_counting_what_failed_stops_and_looks_at_no_more_than_it_counts(log: Log, plan_for: str) -> None:
    scope = Explaining(log.connection, log.shop_id, plan_for)
    failed = await PostgresDeliveryLog(scope).failed_since(datetime.fromtimestamp(0, UTC), most=100)
    assert failed == {log.few.endpoint: 1, log.many.endpoint: 100}
    assert sum(plan.buffers for plan in scope.plans) <= 200
    lately = await PostgresDeliveryLog(scope).failed_since(datetime.now(UTC), most=100)
    assert lately == {}
