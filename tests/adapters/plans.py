"""What PostgreSQL does for the program's own statements: their plans, and how much is read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

from adapters.postgres.asking import with_asker
from adapters.postgres.shop_scope import Record, ShopScope, ShopStatement
from core.ids import ShopId
from tests.rows import Connection


@asynccontextmanager
async def set_to(shop_id: ShopId, url: str) -> AsyncIterator[Connection]:
    """A connection, as the role that the address names, in a transaction for that shop."""
    connection: Connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_shop($1)", shop_id)
            yield connection
    finally:
        await connection.close()


class Plan:
    """What EXPLAIN tells of one run."""

    def __init__(self, explained: str) -> None:
        [told] = json.loads(explained)
        self.top: dict[str, Any] = told["Plan"]

    @property
    def rows(self) -> int:
        """How many were found, also where they come as one list."""
        listed = self.top["Plans"][0] if self.top["Node Type"] == "Aggregate" else self.top
        return int(listed["Actual Rows"])

    @property
    def buffers(self) -> int:
        """Pages of 8 kB that were looked at."""
        return int(self.top["Shared Hit Blocks"] + self.top["Shared Read Blocks"])

    @property
    def nodes(self) -> set[str]:
        return {node["Node Type"] for node in self._all()}

    @property
    def scans(self) -> set[str]:
        """Which table was read how."""
        return {f"{node['Node Type']} on {node['Relation Name']}" for node in self._all() if "Relation Name" in node}

    @property
    def read(self) -> set[str]:
        """The tables that were looked into, and not only could have been."""
        return {node["Relation Name"] for node in self._all() if "Relation Name" in node and node["Actual Loops"]}

    @property
    def indexes(self) -> list[str]:
        return [node["Index Name"] for node in self._all() if "Index Name" in node]

    def _all(self) -> Iterator[dict[str, Any]]:
        waiting = [self.top]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.get("Plans", [])


class Explaining(ShopScope):
    """A scope that asks how each statement is run before it runs it. ``staff``: as when it also finds out who asks."""

    def __init__(self, connection: Connection, shop_id: ShopId, plan_for: str, *, staff: UUID | None = None) -> None:
        super().__init__(connection, shop_id)  # type: ignore[arg-type]  # of no pool
        self._asked = connection
        self._plan_for = plan_for
        self._staff = staff
        self.plans: list[Plan] = []

    async def rows(self, statement: ShopStatement, **parameters: object) -> list[Record]:
        await self._explain(statement, parameters)
        return await super().rows(statement, **parameters)

    async def row(self, statement: ShopStatement, **parameters: object) -> Record | None:
        await self._explain(statement, parameters)
        return await super().row(statement, **parameters)

    async def value(self, statement: ShopStatement, **parameters: object) -> Any:
        await self._explain(statement, parameters)
        return await super().value(statement, **parameters)

    async def _explain(self, statement: ShopStatement, parameters: dict[str, object]) -> None:
        if self._staff is not None and statement.select is not None:
            who = {"asker_kind": "staff", "asker_id": self._staff, "asker_secret_hash": b""}
            statement, parameters = with_asker(statement.select), {**parameters, **who}
        arguments = statement.arguments(self.shop_id, parameters)
        quoted = [await self._asked.fetchval("SELECT quote_literal($1::text)", _written(value)) for value in arguments]
        await self._asked.execute(f"SET LOCAL plan_cache_mode = force_{self._plan_for}_plan")
        await self._asked.execute(f"PREPARE looked_at AS {statement.sql}")
        try:
            run = f"EXECUTE looked_at ({', '.join(quoted)})"
            await self._asked.execute(run)  # whatever a first run has to look up is not what it costs
            self.plans.append(Plan(await self._asked.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {run}")))
        finally:
            await self._asked.execute("DEALLOCATE looked_at")


def _written(value: object) -> str:
    """As PostgreSQL reads it."""
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    return "{" + ",".join(map(_written, value)) + "}" if isinstance(value, list) else str(value)
