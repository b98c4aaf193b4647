"""Where notices leave a shop: workers of a database, with receivers that do what a test wants."""

from __future__ import annotations

import asyncio
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg
from dependency_injector import providers

from adapters.embedded_postgres.programs import Programs
from adapters.postgres.provision import OWNER, provision
from core.deliveries import Channel, Delivery, EmailReceiver
from core.ids import ClientId, NoticeId, ReceiverId
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
UNMISTAKABLE = 47_114_711_47
"""An amount with more digits than ids and moments have in a row by chance, to be looked for in a log."""


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
    name: str
    """Of the database."""

    @classmethod
    @asynccontextmanager
    async def of(cls, database: Database, connection: Connection, *, tidy: bool = True) -> AsyncIterator[Mailroom]:
        """``connection``: as superuser. ``tidy``: nothing waits there any more that somebody else has left."""
        container = container_for(database)
        receiver, clock = Receiver(), SetClock()
        container.notifiers.override(providers.Object(dict.fromkeys(Channel, receiver)))
        container.clock.override(providers.Object(clock))
        async with running(container):
            if tidy:
                await connection.execute(_TIDY)
            yield cls(container, receiver, clock, connection, database.name)

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

    async def endpoint(self, endpoint_id: UUID) -> asyncpg.Record:
        row = await self.connection.fetchrow("SELECT * FROM webhook_endpoints WHERE id = $1", endpoint_id)
        assert row is not None
        return row

    async def notices(self, desk: Desk) -> list[asyncpg.Record]:
        return await self.connection.fetch("SELECT * FROM outbox WHERE shop_id = $1 ORDER BY at, id", desk.shop_id)

    async def lanes_due(self, desk: Desk) -> int:
        """How many lanes of the shop are not empty."""
        due: int = await self.connection.fetchval(
            "SELECT count(*) FROM delivery_lanes WHERE shop_id = $1 AND due_at IS NOT NULL", desk.shop_id
        )
        return due

    async def send_again(self, desk: Desk, receiver_id: ReceiverId, notices: list[NoticeId] | None = None) -> int:
        """These, or all of the shop."""
        chosen = [row["id"] for row in await self.notices(desk)] if notices is None else notices
        async with self.container.transactions().at_shop(desk.shop_id) as shop:
            return await shop.deliveries.send_again(
                receiver_id, chosen, new_ids=[uuid4() for _ in chosen], at=self.clock.now()
            )

    async def give_address(self, desk: Desk, client_id: ClientId, email: str | None, *, wanted: bool = True) -> None:
        await self.connection.execute(
            "UPDATE clients SET email = $3, email_notices = $4 WHERE shop_id = $1 AND id = $2",
            *(desk.shop_id, client_id, email, wanted),
        )

    async def fill(self, desk: Desk, clients: Sequence[ClientId], count: int) -> None:
        """Put that many notices of credit added into the outbox, past the program; the clients take turns."""
        await put_into_outbox(self.connection, desk.shop_id, clients, count)

    async def kill_connections(self) -> None:
        """Those of the program."""
        await self.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND usename = 'account_credit_app'"
        )


@asynccontextmanager
async def restored(database: Database) -> AsyncIterator[Mailroom]:
    """A mailroom of a database that was restored from a dump of this one."""
    programs = Programs().folder
    dump = subprocess.run(  # noqa: S603  # ours
        [programs / "pg_dump", "--format=custom", f"--dbname={database.superuser_url}"], capture_output=True, check=True
    )
    name = f"account_credit_restored_{uuid4().hex[:12]}"
    server = await asyncpg.connect(database.cluster.superuser_url)
    try:
        await server.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE template0")
        await provision(database.cluster.superuser_url, database=name)
        copy = Database(name, database.cluster)
        subprocess.run(  # noqa: S603  # ours
            [programs / "pg_restore", "--exit-on-error", f"--dbname={copy.superuser_url}"],
            input=dump.stdout,
            check=True,
        )
        connection = await asyncpg.connect(copy.superuser_url)
        async with Mailroom.of(copy, connection, tidy=False) as mailroom:
            yield mailroom
        await connection.close()
    finally:
        await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await server.close()


async def put_into_outbox(connection: Connection, shop_id: UUID, clients: Sequence[ClientId], count: int) -> None:
    """That many notices of credit added, past the program, at moments up to now; the clients take turns."""
    await connection.execute(_FILL, shop_id, list(clients), count, datetime.now(UTC))


_TIDY = """
UPDATE outbox SET due_at = NULL;
UPDATE delivery_lanes SET due_at = NULL, claim = NULL;
UPDATE deliveries SET state = 'failed', settled_at = now(), next_attempt_at = NULL WHERE state = 'pending';
"""
_FILL = """
INSERT INTO outbox (shop_id, id, client_id, kind, at, due_at, payload)
SELECT $1, gen_random_uuid(), ($2::uuid[])[1 + (n - 1) % cardinality($2::uuid[])], 'credit.added', moment, moment,
  jsonb_build_object('version', 1, 'currency', 'USD', 'entry', jsonb_build_object('id', gen_random_uuid(), 'number', n,
    'kind', 'added', 'amount', n, 'balance_after', n, 'reason', 'goodwill', 'invoice_id', NULL, 'payment_id', NULL))
FROM generate_series(1, $3::bigint) n, LATERAL (SELECT $4::timestamptz - ($3 - n) * interval '1 us' AS moment) t
"""


async def open_endpoint(connection: Connection, desk: Desk, *kinds: NoticeKind, **columns: object) -> ReceiverId:
    """A webhook endpoint of the shop, past the program. Without kinds it wants all."""
    endpoint_id = ReceiverId(uuid4())
    chosen = [kind.value for kind in kinds or NoticeKind]
    await put(connection, "webhook_endpoints", an_endpoint_row(desk.shop_id, endpoint_id, kinds=chosen, **columns))
    return endpoint_id
