"""What a worker does with a shop's notices, without one: a worker goes over all shops, these tests over their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.deliveries import BY_EMAIL, Attempt, DeliveryState, NewDelivery
from core.ids import ClientId, DeliveryId, EndpointId, ReceiverId
from core.webhook_views import DeliveryView
from ports.transactions import ShopTransaction
from tests.desk import Desk


@asynccontextmanager
async def _at(desk: Desk) -> AsyncIterator[ShopTransaction]:
    async with desk.container.transactions().at_shop(desk.shop_id) as shop:
        yield shop


def by_webhook(endpoint_id: UUID) -> ReceiverId:
    return ReceiverId(EndpointId(endpoint_id))


async def route(desk: Desk, *receivers: ReceiverId) -> list[DeliveryId]:
    """Every notice that was not routed yet goes to each of these; their deliveries, oldest notice first."""
    now = datetime.now(UTC)
    async with _at(desk) as shop:
        notices = await shop.outbox.unrouted(limit=100)
        made = [
            NewDelivery(id=DeliveryId(desk.container.fresh().id()), receiver_id=receiver_id, notice=notice)
            for notice in notices
            for receiver_id in receivers
        ]
        await shop.deliveries.add(made, at=now)
        await shop.outbox.routed([notice.id for notice in notices], at=now)
        return [each.id for each in made]


async def answer(
    desk: Desk, delivery_id: DeliveryId, said: str, *, accepted: bool = True, given_up: bool = False
) -> None:
    """One attempt, which is answered like that."""
    attempt = Attempt(
        at=datetime.now(UTC) + timedelta(seconds=1), duration_ms=20, accepted=accepted, answer=said, for_good=given_up
    )
    async with _at(desk) as shop:
        standing = (await shop.deliveries.standings([delivery_id]))[delivery_id]
        after = standing.after(attempt, jitter=0.5)
        await shop.deliveries.settle({delivery_id: after}, [(delivery_id, after.attempts, attempt)])


async def states_of(desk: Desk, client_id: UUID) -> list[tuple[DeliveryState, int]]:
    """State and number of attempts of what was sent about a client, newest notice first."""
    return [(each.state, each.attempts) for each in await notices_of(desk, client_id)]


async def notices_of(desk: Desk, client_id: UUID) -> list[DeliveryView]:
    page = await desk.container.list_client_notices()(
        desk.owner, ClientId(client_id), state=None, after=None, limit=100
    )
    return page.items


__all__ = ["BY_EMAIL", "answer", "by_webhook", "notices_of", "route", "states_of"]
