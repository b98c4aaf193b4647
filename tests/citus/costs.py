"""What operations cost on Citus, beside one PostgreSQL: processor time of the program and of each server, and waiting.

    python -m tests.citus.costs SUPERUSER_URL [COORDINATOR_URL WORKER_URL ...]

Use cases run one after another on a database of their own on each, in turns, so that whatever else the machine does
meets both. Processor time is read from /proc: the servers run on this machine. At the end: bytes a row, on the former.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
from uuid_utils.compat import uuid7

from tests.database import Cluster, Database, Engine, running_cluster
from tests.desk import Desk, open_desk, program
from tests.long_ledger import write_ledger
from tests.rows import a_client_row, a_payment_row, a_shop_row, an_account_row, an_invoice_row, put

SHOPS, CLIENTS, ROUNDS, TURNS = 8, 4, 20, 5
FILLED = 20_000
_TICKS = os.sysconf("SC_CLK_TCK")
_LINES = json.dumps([{"description": "Front brake pads, labor included", "quantity": 1, "unit_price": 6500}] * 2)


@dataclass
class Server:
    """A PostgreSQL server on this machine."""

    name: str
    postmaster: int

    @classmethod
    async def at(cls, name: str, superuser_url: str) -> Server:
        connection = await asyncpg.connect(superuser_url)
        try:
            return cls(
                name, await connection.fetchval("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int")
            )
        finally:
            await connection.close()

    def processor_seconds(self) -> float:
        """Of all its processes, also of those that have ended."""
        own = _stat(self.postmaster)
        ticks = sum(int(own[place]) for place in (11, 12, 13, 14))
        for child in Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children").read_text().split():
            try:
                ticks += sum(int(_stat(int(child))[place]) for place in (11, 12))
            except FileNotFoundError:
                continue
        return ticks / _TICKS


def _stat(process: int) -> list[str]:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


@dataclass
class Spent:
    """In milliseconds an operation. ``waited``: of each one, from its call to its end."""

    waited: list[float] = field(default_factory=list)
    program: float = 0.0
    servers: dict[str, float] = field(default_factory=dict)


@dataclass
class Place:
    """Where the operations run."""

    name: str
    servers: list[Server]
    desks: list[Desk]
    clients: Sequence[tuple[Desk, UUID]]
    spent: dict[str, Spent] = field(default_factory=dict)

    async def measure(self, operation: str, calls: list[Callable[[], Awaitable[object]]]) -> None:
        spent = self.spent.setdefault(operation, Spent())
        before = {server.name: server.processor_seconds() for server in self.servers}
        own = time.process_time()
        for call in calls:
            began = time.perf_counter()
            await call()
            spent.waited.append((time.perf_counter() - began) * 1000)
        spent.program += (time.process_time() - own) * 1000
        for server in self.servers:
            used = (server.processor_seconds() - before[server.name]) * 1000
            spent.servers[server.name] = spent.servers.get(server.name, 0.0) + used


async def _turn(place: Place) -> None:
    clients = [place.clients[each % len(place.clients)] for each in range(ROUNDS)]
    await place.measure("add credit", [_call(desk.add, client, 5000) for desk, client in clients])
    invoices = [(desk, await desk.invoice(client, 3000)) for desk, client in clients]
    await place.measure("apply credit", [_call(desk.apply, invoice, 1000) for desk, invoice in invoices])
    await place.measure("take a cash payment", [_call(desk.pay, invoice, 1000) for desk, invoice in invoices])
    await place.measure("payment options", [_call(desk.options, invoice) for desk, invoice in invoices])
    await place.measure("balance and first page", [_call(desk.tab, client) for desk, client in clients])
    await place.measure("show an invoice", [_call(desk.show, invoice) for desk, invoice in invoices])
    await place.measure("add an invoice", [_call(desk.invoice, client) for desk, client in clients])


def _call(use: Callable[..., Awaitable[object]], *arguments: object) -> Callable[[], Awaitable[object]]:
    return lambda: use(*arguments)


async def _place(stack: AsyncExitStack, name: str, cluster: Cluster, servers: list[Server]) -> tuple[Place, Database]:
    database = await stack.enter_async_context(cluster.database())
    container = await stack.enter_async_context(program(database))
    desks = [await open_desk(container) for _ in range(SHOPS)]
    clients = [(desk, await desk.client()) for _ in range(CLIENTS) for desk in desks]
    return Place(name, servers, desks, clients), database


async def _sizes(database: Database) -> list[str]:
    """Bytes a row, all indexes included."""
    connection = await asyncpg.connect(database.superuser_url)
    try:
        shop, client = uuid4(), uuid4()
        await put(connection, "shops", a_shop_row(shop))
        await put(connection, "clients", a_client_row(shop, client))
        await put(connection, "credit_accounts", an_account_row(shop, client))
        ids = [(uuid7(), uuid7()) for _ in range(FILLED)]
        for table, rows in {
            "invoices": [an_invoice_row(shop, client, invoice, lines=_LINES, settled=10000) for invoice, _ in ids],
            "payments": [a_payment_row(shop, client, invoice, payment) for invoice, payment in ids],
        }.items():
            columns = list(rows[0])
            records = [tuple(row.values()) for row in rows]
            await connection.copy_records_to_table(table, records=records, columns=columns)
        await write_ledger(connection, shop, client, FILLED)
        told = []
        for table in ("ledger_entries", "outbox", "idempotency_records", "payments", "invoices"):
            await connection.execute(f"VACUUM {table}")
            size = await connection.fetchval("SELECT pg_total_relation_size($1::text::regclass)", table)
            rows = await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608  # from above
            told.append(f"{table}: {size / rows:.0f} bytes a row, {rows} rows")
        return told
    finally:
        await connection.close()


async def main(plain: Cluster, urls: list[str]) -> None:
    async with AsyncExitStack() as stack:
        one, database = await _place(stack, "one", plain, [await Server.at("server", plain.superuser_url)])
        places = [one]
        if urls:
            names = ["coordinator", *(f"worker {number}" for number in range(1, len(urls)))]
            servers = [await Server.at(name, url) for name, url in zip(names, urls, strict=True)]
            places.append((await _place(stack, "citus", Cluster(urls[0], "", tuple(urls[1:])), servers))[0])
        for place in places:  # connections, plans and caches
            await _turn(place)
            place.spent.clear()
        for _ in range(TURNS):
            for place in places:
                await _turn(place)
        for operation in one.spent:
            for place in places:
                _tell(operation, place)
        for line in await _sizes(database):
            sys.stdout.write(f"{line}\n")


def _tell(operation: str, place: Place) -> None:
    spent = place.spent[operation]
    calls = len(spent.waited)
    servers = ", ".join(f"{name} {used / calls:.2f}" for name, used in spent.servers.items())
    sys.stdout.write(
        f"{operation:24} {place.name:6} waited {statistics.median(spent.waited):6.2f} ms; "
        f"processor: program {spent.program / calls:.2f} ms, {servers}\n"
    )


if __name__ == "__main__":
    [superuser_url, *rest] = sys.argv[1:]
    with running_cluster(Engine("one", lambda: nullcontext(superuser_url))) as cluster:
        asyncio.run(main(cluster, rest))
