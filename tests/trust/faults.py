"""Faults at a chosen message between the program and its database, so that a run can be repeated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import asyncpg

from adapters.postgres.pool import Database as Pool
from adapters.postgres.provision import APP

# Each leaves the caller in the dark about what was done.
FaultKind = Literal["cancelled", "killed", "unheard", "dropped", "twice"]
FAULTS: tuple[FaultKind, ...] = ("cancelled", "killed", "unheard", "dropped", "twice")


@dataclass(frozen=True)
class Fault:
    """What goes wrong, at which message to the database (from 0; a request may have fewer).

    cancelled: the request's task, while it waits for that message. killed: every connection of the program, before that
    message. unheard: every connection, once the database did what that message says. dropped: the answer to the
    caller. twice: nothing, but the caller asks twice at once.
    """

    kind: FaultKind
    at: int


class Saboteur:
    """Does the fault that is planned, once."""

    def __init__(self, superuser: asyncpg.Connection[asyncpg.Record]) -> None:
        self._superuser = superuser
        self._planned: tuple[Fault, asyncio.Task[Any]] | None = None
        self._messages = 0

    @contextmanager
    def planning(self, fault: Fault, request: asyncio.Task[Any]) -> Iterator[None]:
        self._planned, self._messages = (fault, request), 0
        try:
            yield
        finally:
            self._planned = None

    async def pass_on(self, send: Callable[[], Awaitable[Any]]) -> Any:
        """Every message of the program to its database comes by here."""
        planned, place = self._planned, self._messages
        self._messages += 1
        if planned is None or planned[0].at != place:
            return await send()
        self._planned = None
        fault, request = planned
        if fault.kind == "cancelled":
            request.cancel()
            return await send()
        if fault.kind == "killed":
            await self._kill_connections()
            return await send()
        await send()
        await self._kill_connections()
        raise ConnectionResetError("the answer was never heard")

    async def _kill_connections(self) -> None:
        ours = "FROM pg_stat_activity WHERE datname = current_database() AND usename = $1"
        await self._superuser.execute(f"SELECT pg_terminate_backend(pid) {ours}", APP)
        # By itself the function waits in steps of a tenth of a second.
        async with asyncio.timeout(10):
            while await self._superuser.fetchval(f"SELECT count(*) {ours}", APP):
                await asyncio.sleep(0.001)


class SabotagedPool(Pool):
    """The program's connections, with a saboteur at the wire."""

    saboteur: Saboteur

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        async with super().connection() as connection:
            yield _Wire(connection, self.saboteur)


class _Wire:
    def __init__(self, connection: Any, saboteur: Saboteur) -> None:
        self._connection = connection
        self._saboteur = saboteur

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._connection, name)
        if name not in {"execute", "fetch", "fetchrow", "fetchval"}:
            return found

        async def message(*arguments: Any, **named: Any) -> Any:
            return await self._saboteur.pass_on(lambda: found(*arguments, **named))

        return message
