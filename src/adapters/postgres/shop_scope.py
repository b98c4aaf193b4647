"""The one place that starts a statement on a shop's tables, and the proof that each one names the shop.

Row-level security below would hide another shop's rows anyway. But a statement that leaves the shop to it is slow on
one machine and refused on several, so each says ``shop_id = $n`` for every table that it touches: a statement that
does not cannot be built.
"""

from collections.abc import Iterable
from typing import Any, cast

import asyncpg
from sqlalchemy import (
    ARRAY,
    Alias,
    BindParameter,
    Column,
    ColumnElement,
    Delete,
    FromClause,
    Insert,
    Select,
    Table,
    Update,
    Uuid,
    any_,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression

from core.ids import ShopId

_DIALECT = asyncpg_dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its constructor bare

Record = asyncpg.Record
SelectOfShop = Select[Any]


class StatementWithoutShop(Exception):
    """A statement was built that does not say which shop it is about."""


def of_shop(table: FromClause) -> ColumnElement[bool]:
    """``table.shop_id = :shop_id``, for WHERE and for the ON of a join."""
    return table.c.shop_id == bindparam("shop_id")


def select_of(table: FromClause, *columns: Any) -> SelectOfShop:
    """SELECT from the shop's rows of ``table``."""
    return select(*columns).select_from(table).where(of_shop(table))


def insert_into(table: Table, *names: str) -> Insert:
    """INSERT of one row with these columns, and the shop."""
    return insert(table).values({name: bindparam(name) for name in ("shop_id", *names)})


def update_of(table: Table) -> Update:
    """UPDATE of the shop's rows of ``table``."""
    return update(table).where(of_shop(table))


def delete_from(table: Table) -> Delete:
    """DELETE of the shop's rows of ``table``."""
    return delete(table).where(of_shop(table))


def one_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """``column = ANY(:name)``: a list of ids of any length is one parameter and one prepared statement."""
    return column == any_(bindparam(name, type_=ARRAY(Uuid())))


class ShopStatement:
    """A statement about one shop, checked and compiled once. Parameters go by name."""

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        missing = _tables_of(statement) - _tables_with_shop(statement)
        if missing:
            names = ", ".join(sorted(str(getattr(table, "name", table)) for table in missing))
            raise StatementWithoutShop(names)
        compiled = statement.compile(dialect=_DIALECT)
        self.sql = str(compiled)
        self._order: list[str] = list(compiled.positiontup or ())
        # What the statement itself gives a value, which may be None, as in values(closed_at=None).
        self._fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}

    def arguments(self, shop_id: ShopId, parameters: dict[str, object]) -> list[object]:
        values = {**self._fixed, **parameters, "shop_id": shop_id}
        return [values[name] for name in self._order]


class ShopScope:
    """A connection inside a transaction of one shop."""

    def __init__(self, connection: "asyncpg.pool.PoolConnectionProxy[Record]", shop_id: ShopId) -> None:
        self.shop_id = shop_id
        self._connection = connection

    async def rows(self, statement: ShopStatement, **parameters: object) -> list[Record]:
        return await self._connection.fetch(statement.sql, *statement.arguments(self.shop_id, parameters))

    async def row(self, statement: ShopStatement, **parameters: object) -> Record | None:
        return await self._connection.fetchrow(statement.sql, *statement.arguments(self.shop_id, parameters))

    async def value(self, statement: ShopStatement, **parameters: object) -> Any:
        """The first column of the first row, or None."""
        return await self._connection.fetchval(statement.sql, *statement.arguments(self.shop_id, parameters))

    async def run(self, statement: ShopStatement, **parameters: object) -> int:
        """How many rows it wrote."""
        done = await self._connection.execute(statement.sql, *statement.arguments(self.shop_id, parameters))
        return int(done.rpartition(" ")[2])

    async def call(self, function: str, *arguments: object) -> Any:
        """What a versioned function of the shop answers; the shop is its first parameter."""
        places = ", ".join(f"${place}" for place in range(1, len(arguments) + 2))
        return await self._connection.fetchval(f"SELECT {function}({places})", self.shop_id, *arguments)


def _tables_of(statement: Any) -> set[FromClause]:
    inner_of_aliases = {element.element for element in visitors.iterate(statement) if isinstance(element, Alias)}
    found: Iterable[Any] = visitors.iterate(statement)
    tables = {element for element in found if isinstance(element, Table | Alias)}
    if isinstance(statement, Insert | Update | Delete):
        tables.add(cast("Table", statement.table))
    return {table for table in tables if table not in inner_of_aliases or table in _direct_froms(statement)}


def _direct_froms(statement: Any) -> set[Any]:
    """Tables that stand in a FROM under their own name, although an alias of them stands there too."""
    found: Iterable[Any] = visitors.iterate(statement)
    return {element.table for element in found if isinstance(element, Column) and element.table is not None}


def _tables_with_shop(statement: Any) -> set[FromClause]:
    found: set[FromClause] = set()
    for element in visitors.iterate(statement):
        if (
            isinstance(element, BinaryExpression)
            and element.operator is operators.eq
            and isinstance(element.right, BindParameter)
            and element.right.key == "shop_id"
            and getattr(element.left, "name", None) == "shop_id"
        ):
            found.add(cast("Any", element.left).table)
    if isinstance(statement, Insert):
        found.add(cast("Table", statement.table))
    return found
