"""The one place that starts a statement on a shop's tables, and the proof that each one names the shop.

Row-level security below would hide another shop's rows anyway. But a statement that leaves the shop to it is slow on
one machine and refused on several, so each says ``shop_id = $n`` for every table that it touches: a statement that
does not cannot be built.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import (
    ARRAY,
    BindParameter,
    Column,
    ColumnElement,
    Delete,
    FromClause,
    Insert,
    Join,
    Select,
    SelectBase,
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
from sqlalchemy.dialects.postgresql import Insert as Upsert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList, Grouping
from sqlalchemy.sql.selectable import AliasedReturnsRows, Lateral

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


def upsert_into(table: Table, *names: str) -> Upsert:
    """INSERT of one row with these columns, and the shop; say what becomes of it where there is one already."""
    return upsert(table).values({name: bindparam(name) for name in ("shop_id", *names)})


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
        missing = _tables_without_shop(statement, frozenset(), {})
        if missing:
            raise StatementWithoutShop(", ".join(sorted(str(getattr(table, "name", table)) for table in missing)))
        self.select: SelectOfShop | None = statement if isinstance(statement, Select) else None
        """What it reads; None of a statement that writes."""
        compiled = statement.compile(dialect=_DIALECT)
        self.sql = str(compiled)
        self._order: list[str] = list(compiled.positiontup or ())
        self._fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        if isinstance(statement, Insert) and not self._inserts_one_row_of_the_shop():
            raise StatementWithoutShop(statement.table.name)

    def _inserts_one_row_of_the_shop(self) -> bool:
        columns = self.sql[self.sql.index("(") + 1 : self.sql.index(")")].split(", ")
        shops = [name for name in self._order if name.startswith("shop_id")]
        return "shop_id" in columns and shops == ["shop_id"] and "shop_id" not in self._fixed

    def arguments(self, shop_id: ShopId, parameters: Mapping[str, object]) -> list[object]:
        values = {**self._fixed, **parameters, "shop_id": shop_id}
        return [values[name] for name in self._order]


class ShopScope:
    """A connection inside a transaction of one shop."""

    def __init__(self, connection: "asyncpg.pool.PoolConnectionProxy[Record]", shop_id: ShopId) -> None:
        self.shop_id = shop_id
        self.wrote = False
        """Whether a statement was sent that writes."""
        self._connection = connection

    async def begin(self, begin: str) -> None:
        """Begin the transaction and set its shop, in one message."""
        # Without parameters, which a message of two statements cannot have: an id is hexadecimal digits and hyphens.
        await self._connection.execute(f"{begin}; SELECT set_shop('{UUID(int=self.shop_id.int)}')")

    async def rows(self, statement: ShopStatement, **parameters: object) -> list[Record]:
        return await self._connection.fetch(self._sql(statement), *statement.arguments(self.shop_id, parameters))

    async def row(self, statement: ShopStatement, **parameters: object) -> Record | None:
        return await self._connection.fetchrow(self._sql(statement), *statement.arguments(self.shop_id, parameters))

    async def value(self, statement: ShopStatement, **parameters: object) -> Any:
        """The first column of the first row, or None."""
        return await self._connection.fetchval(self._sql(statement), *statement.arguments(self.shop_id, parameters))

    async def run(self, statement: ShopStatement, **parameters: object) -> int:
        """How many rows it wrote."""
        done = await self._connection.execute(self._sql(statement), *statement.arguments(self.shop_id, parameters))
        return int(done.rpartition(" ")[2])

    async def run_each(self, statement: ShopStatement, rows: Sequence[Mapping[str, object]]) -> None:
        """Once for each of them, without waiting for one before sending the next."""
        if rows:
            arguments = [statement.arguments(self.shop_id, row) for row in rows]
            await self._connection.executemany(self._sql(statement), arguments)

    async def read_by(self, function: str, *arguments: object) -> Any:
        """What a versioned function of the shop answers, which writes nothing; the shop is its first parameter."""
        return await self._connection.fetchval(_call_of(function, len(arguments) + 1), self.shop_id, *arguments)

    async def write_by(self, function: str, *arguments: object) -> None:
        """Have a versioned function of the shop write; the shop is its first parameter."""
        self._note_write()
        await self._connection.fetchval(_call_of(function, len(arguments) + 1), self.shop_id, *arguments)

    def _sql(self, statement: ShopStatement) -> str:
        if statement.select is None:
            self._note_write()
        return statement.sql

    def _note_write(self) -> None:
        self.wrote = True


def _call_of(function: str, parameters: int) -> str:
    return f"SELECT {function}({', '.join(f'${place}' for place in range(1, parameters + 1))})"


# Each SELECT, UPDATE and DELETE is looked at by itself, also inside another one: a subquery that says the shop does not
# say it for what is around it.


def _tables_without_shop(
    statement: Any, around: Set[FromClause], looked_at: dict[tuple[int, frozenset[FromClause]], object]
) -> set[FromClause]:
    """``around``: the tables of the statement that this one may be correlated to, which that one has to answer for.
    ``looked_at``: the parts that need no second look, since a subquery is a part of each of its columns; they are held,
    so that no other part comes to have the same id.
    """
    part = (id(statement), frozenset(around))
    if part in looked_at:
        return set()
    looked_at[part] = statement
    missing: set[FromClause] = set()
    if isinstance(statement, Select):
        froms = statement.get_final_froms()
        if len(froms) > 1 and statement._auto_correlate:  # as SQLAlchemy will, when it writes the FROM
            froms = [source for source in froms if source not in around]
        around, said = _sources(froms)
        missing = around - said - _said(statement.whereclause)
    elif isinstance(statement, Update | Delete):
        around = {statement.table, *_tables_of_columns(statement)}
        missing = {*around} - _said(statement.whereclause)
    elif isinstance(statement, Insert) and statement.select is not None:
        missing = {statement.table}  # its rows might come from another shop
    elif isinstance(statement, Lateral):
        statement = statement.element  # the subquery, which here sees what stands beside it
    elif isinstance(statement, AliasedReturnsRows):
        around = frozenset()
    return missing.union(*(_tables_without_shop(part, around, looked_at) for part in statement.get_children()))


def _sources(sources: Iterable[FromClause]) -> tuple[set[FromClause], set[FromClause]]:
    """The tables of a FROM, and those of them for which a join's ON says the shop."""
    tables: set[FromClause] = set()
    said: set[FromClause] = set()
    for source in sources:
        if isinstance(source, Join):
            left, said_left = _sources([source.left])
            right, said_right = _sources([source.right])
            # The ON of an outer join leaves the rows of its left side as many as they are.
            counts = set() if source.full else right if source.isouter else left | right
            tables |= left | right
            said |= said_left | said_right | (_said(source.onclause) & counts)
        elif _is_table(source):
            tables.add(source)
    return tables, said


def _is_table(source: FromClause) -> bool:
    """A table, by whatever name; a subquery is none."""
    inner: Any = source
    while isinstance(inner, AliasedReturnsRows):
        inner = inner.element
    return isinstance(inner, Table)


def _said(condition: object) -> set[FromClause]:
    """The tables for which it says ``shop_id = :shop_id``, alone or as a part of an AND."""
    if isinstance(condition, Grouping):
        return _said(condition.element)
    if isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        return {table for part in condition.clauses for table in _said(part)}
    if (
        isinstance(condition, BinaryExpression)
        and condition.operator is operators.eq
        and isinstance(condition.left, Column)
        and condition.left.name == "shop_id"
        and isinstance(condition.right, BindParameter)
        and condition.right.key == "shop_id"
        and condition.right.value is None
    ):
        return {condition.left.table}
    return set()


def _tables_of_columns(element: Any) -> set[FromClause]:
    """The tables whose columns are used in it, but for what is inside of a subquery."""
    found: set[FromClause] = set()
    for child in element.get_children():
        if isinstance(child, Column) and child.table is not None:
            found.add(child.table)
        elif not isinstance(child, SelectBase):
            found |= _tables_of_columns(child)
    return found
