"""Two shops in turn on one connection to the database, whatever became of the request before.

A request may be done, be refused, fail on a key, be cancelled at any of its messages or while it waits for a lock, or
lose the connection. What it set on the connection must not be there for the next one.
"""

from __future__ import annotations

import asyncio
from collections import Counter as Counts
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from dependency_injector import providers

from adapters.postgres.trouble import told_as_trouble
from entrypoints.container import running
from entrypoints.web_container import staff_api_app
from ports.transactions import Unavailable
from tests.database import Database
from tests.desk import Desk, container_for, open_desk
from tests.entrypoints.counter import Counter, sign_in
from tests.soundness import Auditor
from tests.statement_audit import LOOK_PAST_THE_PROGRAM
from tests.trust.faults import Fault, FaultKind, SabotagedPool, Saboteur

MESSAGES = 5
"""Of a request that adds credit: BEGIN, the shop, the opening read, the write, COMMIT."""


@dataclass
class Till:
    """One shop, and who works there."""

    desk: Desk
    owner: Counter
    names: list[str]
    client: str
    invoice: dict[str, Any]

    async def add(self) -> httpx.Response:
        body = {"reason": "goodwill", "amount": 100, "note": "late"}
        return await self.owner.request("POST", f"/v1/clients/{self.client}/credit/entries", body, key=uuid4().hex)

    async def look(self) -> None:
        """At all that there is: it is this shop's, and nothing else."""
        clients = (await self.owner.get("/v1/clients"))["items"]
        assert [client["name"] for client in clients] == self.names
        entries = (await self.owner.get("/v1/credit/entries"))["items"]
        assert {entry["client_id"] for entry in entries} <= {self.client}
        assert (await self.owner.get("/v1/shop"))["id"] == str(self.desk.shop_id)


@dataclass
class OneConnection:
    pool: SabotagedPool
    saboteur: Saboteur
    auditor: Auditor
    tills: list[Till]
    counts: Counts[str] = field(default_factory=Counts)
    connections: set[int] = field(default_factory=set)

    async def take_turns(self, turns: int, tell: Callable[[int], None] = lambda _done: None) -> None:
        """Raises AssertionError where one shop meets anything of the other. ``tell``: how many were taken."""
        befall = [self._done, self._refused, self._failing, self._cancelled, self._cancelled_waiting, self._cut_off]
        for turn in range(turns):
            till = self.tills[turn % 2]
            await till.look()
            # 7 turns a round, so that each thing befalls both shops, at every message.
            if step := turn % (len(befall) + 1):
                what = befall[step - 1]
                await what(till, turn // (len(befall) + 1))
                self.counts[what.__name__.strip("_").replace("_", " ")] += 1
            await self._require_clean()
            tell(turn + 1)

    async def _require_clean(self) -> None:
        try:
            await self._look_past_the_program()
        except Unavailable:
            # Whoever meets a connection that was just cut is told so; the next one gets a new one.
            await self._look_past_the_program()

    async def _look_past_the_program(self) -> None:
        with told_as_trouble():
            async with self.pool.connection() as connection:
                assert await connection.fetchval("SELECT coalesce(current_setting('app.shop_id', true), '')") == ""
                assert await connection.fetchval(LOOK_PAST_THE_PROGRAM) == 0
                self.connections.add(await connection.fetchval("SELECT pg_backend_pid()"))

    async def _done(self, till: Till, _: int) -> None:
        assert (await till.add()).status_code == 201

    async def _refused(self, till: Till, _: int) -> None:
        answer = await till.owner.request("POST", f"/v1/invoices/{till.invoice['id']}/capture-overpayment", key="k")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_overpaid")

    async def _failing(self, till: Till, _: int) -> None:
        """In the database, on a key: the number is taken."""
        body = {"client_id": till.client, "number": till.invoice["number"], "lines": _LINES}
        answer = await till.owner.request("POST", "/v1/invoices", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "invoice_number_taken")

    async def _cancelled(self, till: Till, place: int) -> None:
        await self._sabotaged(till, Fault("cancelled", place % MESSAGES))

    async def _cut_off(self, till: Till, place: int) -> None:
        kind: FaultKind = "killed" if place % 2 else "unheard"
        await self._sabotaged(till, Fault(kind, place // 2 % MESSAGES))

    async def _sabotaged(self, till: Till, fault: Fault) -> None:
        request = asyncio.create_task(till.add())
        with self.saboteur.planning(fault, request), suppress(asyncio.CancelledError):
            assert (await request).status_code in {201, 503}

    async def _cancelled_waiting(self, till: Till, _: int) -> None:
        async with self.auditor.connection.transaction():
            await self.auditor.connection.execute(
                "SELECT FROM credit_accounts WHERE shop_id = $1 FOR UPDATE", till.desk.shop_id
            )
            request = asyncio.create_task(till.add())
            await self.auditor.until_waiting(1)
            request.cancel()
            with suppress(asyncio.CancelledError):
                await request
            assert request.cancelled()


_LINES = [{"description": "Work", "quantity": 1, "unit_price": 9000}]


@asynccontextmanager
async def one_connection(database: Database) -> AsyncIterator[OneConnection]:
    """In a database of its own: its connections are cut."""
    async with AsyncExitStack() as stack:
        own = await stack.enter_async_context(database.fresh())
        superuser = await asyncpg.connect(own.superuser_url)
        stack.push_async_callback(superuser.close)
        container = container_for(own)
        pool = SabotagedPool(own.app_url, max_connections=1, connect_timeout_seconds=5, acquire_timeout_seconds=5)
        pool.saboteur = Saboteur(superuser)
        container.database.override(providers.Object(pool))
        await stack.enter_async_context(running(container))
        app: Any = staff_api_app(container)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://shop.test"))
        tills = [await _till(http, await open_desk(container)) for _ in range(2)]
        yield OneConnection(pool, pool.saboteur, Auditor(superuser), tills)


async def _till(http: httpx.AsyncClient, desk: Desk) -> Till:
    owner = await sign_in(http, desk)
    names = [f"{name} of {desk.slug}" for name in ("Pat", "Sam")]
    client, _ = [await owner.post("/v1/clients", {"name": name}) for name in names]
    invoice = await owner.post("/v1/invoices", {"client_id": client["id"], "lines": _LINES})
    return Till(desk, owner, names, client["id"], invoice)
