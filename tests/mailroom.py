"""Where notices leave a shop: workers of a database, with receivers that do what a test wants."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg
from dependency_injector import providers

from core.deliveries import Channel, Delivery, EmailReceiver
from core.ids import ReceiverId
from core.notices import NoticeKind
from core.use_cases.deliver_notices import DeliverNotices
from core.use_cases.route_notices import RouteNotices
from entrypoints.container import Container, running
from entrypoints.worker import Worker
from tests.database import Database
from tests.desk import Desk, SetClock, container_for
from tests.rows import Connection, an_endpoint_row, put

Behaviour: TypeAlias = "Callable[[Delivery], Awaitable[str]]"

MIDDLING = 0.5
"""The jitter that shifts nothing."""


async def accepting(_delivery: Delivery) -> str:
    return "200 OK"


@dataclass
class Receiver:
    """Gets deliveries, on all channels. See :class:`ports.notifier.Notifier`. ``got``: what was accepted;
    ``asked``: every attempt.
    """

    behave: Behaviour = accepting
    got: list[Delivery] = field(default_factory=list)
    asked: list[Delivery] = field(default_factory=list)
    at_once: dict[object, int] = field(default_factory=lambda: defaultdict(int))
    most_at_once: dict[object, int] = field(default_factory=lambda: defaultdict(int))
    """By receiver."""
    busy: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, delivery: Delivery) -> str:
        where = place_of(delivery)
        self.asked.append(delivery)
        self.at_once[where] += 1
        self.most_at_once[where] = max(self.most_at_once[where], self.at_once[where])
        self.busy.set()
        try:
            answer = await self.behave(delivery)
        finally:
            self.at_once[where] -= 1
        self.got.append(delivery)
        return answer

    def kinds_at(self, endpoint_id: UUID) -> list[str]:
        return [delivery.notice.kind.value for delivery in self.got if place_of(delivery) == endpoint_id]

    def amounts(self) -> list[int]:
        """Of the entries told of, in the order in which they were accepted."""
        return [delivery.notice.payload.entry.amount for delivery in self.got if delivery.notice.payload.entry]


def place_of(delivery: Delivery) -> UUID | str:
    """The endpoint's id, or the address."""
    receiver = delivery.receiver
    return receiver.address if isinstance(receiver, EmailReceiver) else receiver.endpoint_id


@dataclass
class Mailroom:
    """Workers of one database that share a clock and a receiver."""

    container: Container
    receiver: Receiver
    clock: SetClock
    connection: Connection

    @classmethod
    @asynccontextmanager
    async def of(cls, database: Database, connection: Connection) -> AsyncIterator[Mailroom]:
        """``connection``: as superuser. Nothing waits there any more that somebody else has left."""
        container = container_for(database)
        receiver, clock = Receiver(), SetClock()
        container.notifiers.override(providers.Object(dict.fromkeys(Channel, receiver)))
        container.clock.override(providers.Object(clock))
        async with running(container):
            await connection.execute("UPDATE outbox SET due_at = NULL")
            await connection.execute("UPDATE delivery_lanes SET due_at = NULL, claim = NULL")
            await connection.execute(
                "UPDATE deliveries SET state = 'failed', settled_at = now(), next_attempt_at = NULL"
            )
            yield cls(container, receiver, clock, connection)

    def worker(self, *, receiver: Receiver | None = None, jitter: float = MIDDLING) -> Worker:
        """Another one."""
        container = self.container
        shared = (container.fresh(), self.clock, container.notice_log())
        notifiers = dict.fromkeys(Channel, receiver or self.receiver)
        return Worker(
            container.outbox_control(),
            RouteNotices(container.transactions(), container.directory(), *shared, channels=notifiers),
            DeliverNotices(container.transactions(), container.directory(), notifiers, *shared, jitter=lambda: jitter),
        )

    async def work(self) -> tuple[int, int]:
        """What ``account-credit worker --once`` does: notices routed, deliveries accepted."""
        return await self.worker().once()

    async def later(self, **by: float) -> tuple[int, int]:
        """Work, that much later."""
        self.clock.forward(timedelta(**by))
        return await self.work()

    async def deliveries(self, receiver_id: UUID) -> list[asyncpg.Record]:
        """To that receiver, in order."""
        return await self.connection.fetch(
            "SELECT * FROM deliveries WHERE receiver_id = $1 ORDER BY notice_at, notice_id", receiver_id
        )

    async def states(self, receiver_id: UUID) -> list[str]:
        return [row["state"] for row in await self.deliveries(receiver_id)]

    async def attempts(self, receiver_id: UUID) -> list[asyncpg.Record]:
        return await self.connection.fetch(
            """SELECT attempt.* FROM delivery_attempts attempt
                JOIN deliveries ON deliveries.shop_id = attempt.shop_id AND deliveries.id = attempt.delivery_id
                WHERE receiver_id = $1 ORDER BY notice_at, notice_id, number""",
            receiver_id,
        )


async def open_endpoint(connection: Connection, desk: Desk, *kinds: NoticeKind, **columns: object) -> ReceiverId:
    """A webhook endpoint of the shop, past the program. Without kinds it wants all."""
    endpoint_id = ReceiverId(uuid4())
    chosen = [kind.value for kind in kinds or NoticeKind]
    await put(connection, "webhook_endpoints", an_endpoint_row(desk.shop_id, endpoint_id, kinds=chosen, **columns))
    return endpoint_id
