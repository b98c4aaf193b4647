"""See :class:`ports.ledger.Ledger`."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from msgspec import convert, json
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    bindparam,
    column,
    func,
    literal_column,
    tuple_,
    union_all,
)

from adapters.postgres.json_views import entry_view, looked_up
from adapters.postgres.paging import page_of
from adapters.postgres.shop_scope import SelectOfShop, ShopScope, ShopStatement, one_of, select_of
from adapters.postgres.tables import credit_accounts, found_by_kind, found_by_time, ledger_entries
from core.errors import NotFound
from core.explained import Source
from core.ids import ClientId, EntryId, InvoiceId
from core.ledger import CreditAccount, EntryKind
from core.views import EntryView, Page, Position

_entries = ledger_entries
_other = ledger_entries.alias("other")
_view = json.Decoder(EntryView)
_list = json.Decoder(list[EntryView])


def _views() -> SelectOfShop:
    return select_of(_entries, entry_view())


_entries_of_client = select_of(_entries).where(_entries.c.client_id == bindparam("client_id"))

_VIEW = ShopStatement(_views().where(_entries.c.id == bindparam("entry_id")))
_BALANCE = ShopStatement(
    select_of(credit_accounts, credit_accounts.c.balance, credit_accounts.c.closed_at).where(
        credit_accounts.c.client_id == bindparam("client_id")
    )
)
_ACCOUNT = ShopStatement(
    select_of(
        credit_accounts,
        *(credit_accounts.c[name] for name in ("shop_id", "client_id", "balance", "last_number", "last_hash")),
        credit_accounts.c.closed_at.is_not(None).label("closed"),
    ).where(credit_accounts.c.client_id == bindparam("client_id"))
)
_VIEWS = ShopStatement(_views().where(one_of(_entries.c.id, "entry_ids")))
_reversal = looked_up(
    _other, "number", _other.c.client_id == _entries.c.client_id, _other.c.reverses_number == _entries.c.number
)
_given_for = (
    _entries.c.invoice_id == bindparam("invoice_id"),
    _entries.c.kind == bindparam("added_kind", EntryKind.ADDED.value),
    _reversal.is_(None),
)
_GIVEN_FOR = ShopStatement(
    select_of(_entries, func.coalesce(func.sum(_entries.c.amount), 0).cast(BigInteger)).where(*_given_for)
)
_NEWEST_GIVEN_FOR = ShopStatement(
    _views().where(*_given_for).order_by(_entries.c.number.desc()).limit(bindparam("limit", type_=BigInteger()))
)


def _list_of(entries: SelectOfShop, *key: Column[Any], oldest_first: bool = False) -> SelectOfShop:
    """The views of so many of these as ``limit`` says, in the order of that key, as one document; NULL of none."""

    def ordered(columns: Iterable[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
        return [column.asc() if oldest_first else column.desc() for column in columns]

    views = entries.with_only_columns(entry_view().label("view"), *key)
    page = views.order_by(*ordered(key)).limit(bindparam("limit", type_=BigInteger())).subquery("page")
    in_order = ordered(page.c[column.name] for column in key)
    return page.select().with_only_columns(func.json_agg(page.c.view).aggregate_order_by(*in_order).label("views"))


_NEWEST = ShopStatement(
    select_of(
        credit_accounts,
        credit_accounts.c.balance,
        credit_accounts.c.closed_at,
        _list_of(_entries_of_client, _entries.c.number).scalar_subquery().label("views"),
    ).where(credit_accounts.c.client_id == bindparam("client_id"))
)
_of_client_in_order = (_entries.c.at, _entries.c.number)
_moments = (
    func.unnest(bindparam("moments", type_=ARRAY(_entries.c.at.type)))
    .table_valued(column("moment", _entries.c.at.type), with_ordinality="place")
    .render_derived("moments")
)
_balance_before = (
    select_of(_entries, _entries.c.balance_after)
    .where(_entries.c.client_id == bindparam("client_id"), found_by_time, _entries.c.at < _moments.c.moment)
    .order_by(*(key.desc() for key in _of_client_in_order))
    .limit(literal_column("1"))
    .scalar_subquery()
)
_BALANCES_BEFORE = ShopStatement(
    select_of(credit_accounts, func.coalesce(_balance_before, 0).label("balance"))
    .select_from(_moments)
    .where(credit_accounts.c.client_id == bindparam("client_id"))
    .order_by(_moments.c.place)
)


def _sources_of(kind: EntryKind, *, before: bool) -> SelectOfShop:
    reversal = looked_up(
        _other,
        "number",
        _other.c.client_id == _entries.c.client_id,
        _other.c.reverses_number == _entries.c.number,
        _other.c.number <= bindparam("as_of", type_=BigInteger()),
    )
    statement = select_of(
        _entries,
        *(_entries.c[name] for name in ("id", "number", "at", "amount")),
        reversal.is_not(None).label("reversed"),
    ).where(
        _entries.c.client_id == bindparam("client_id"),
        _entries.c.kind == bindparam(f"{kind}_kind", kind.value),
        found_by_kind,
        _entries.c.number <= bindparam("as_of", type_=BigInteger()),
    )
    if before:
        place = (bindparam(f"before_{column.name}", type_=column.type) for column in _of_client_in_order)
        statement = statement.where(tuple_(*_of_client_in_order) < tuple_(*place))
    newest_first = [column.desc() for column in _of_client_in_order]
    return statement.order_by(*newest_first).limit(bindparam("limit", type_=BigInteger()))


@cache
def _sources_statement(*, before: bool) -> ShopStatement:
    """Of each kind the newest, and the newest of these: the entries between them are not read."""
    kinds = [_sources_of(kind, before=before).subquery() for kind in (EntryKind.ADDED, EntryKind.CAPTURED)]
    either = union_all(*(kind.select() for kind in kinds)).subquery("either")
    newest_first = [either.c.at.desc(), either.c.number.desc()]
    return ShopStatement(either.select().order_by(*newest_first).limit(bindparam("limit", type_=BigInteger())))


@cache
def _page_statement(
    *, of_client: bool, kind: bool, at_from: bool, at_before: bool, after: bool, oldest_first: bool
) -> ShopStatement:
    statement = _entries_of_client if of_client else select_of(_entries)
    if kind:
        statement = statement.where(_entries.c.kind == bindparam("kind"))
    if at_from:
        statement = statement.where(_entries.c.at >= bindparam("at_from"))
    if at_before:
        statement = statement.where(_entries.c.at < bindparam("at_before"))
    # In one account the number orders; its index is the primary key. With a range of time or a kind other indexes find
    # those, and say the same order, since no entry is earlier than the one before it.
    if of_client and (kind or at_from or at_before):
        key = [*_of_client_in_order]
        statement = statement.where(found_by_kind if kind else found_by_time)
    elif of_client:
        key = [_entries.c.number]
    else:
        key = [_entries.c.at, _entries.c.id]
    if after:
        position = tuple_(*(bindparam(f"after_{column.name}", type_=column.type) for column in key))
        here = tuple_(*key)
        statement = statement.where(here > position if oldest_first else here < position)
    return ShopStatement(_list_of(statement, *key, oldest_first=oldest_first))


class PostgresLedger:
    """The credit ledger of one shop, to read."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def view(self, entry_id: EntryId) -> EntryView:
        found = await self._scope.value(_VIEW, entry_id=entry_id)
        if found is None:
            raise NotFound
        return _view.decode(found)

    async def page(
        self,
        *,
        client_id: ClientId | None,
        kind: EntryKind | None,
        at_from: datetime | None,
        at_before: datetime | None,
        after: Position | None,
        limit: int,
        oldest_first: bool = False,
    ) -> Page[EntryView]:
        # Of two bounds at one end the tighter one is enough, and PostgreSQL might begin to read at the other.
        after_number, after_at, after_id = _place(after)
        if after_at is not None:
            if at_before is not None and not oldest_first:
                after_at, at_before = (after_at, None) if after_at < at_before else (None, at_before)
            elif at_from is not None and oldest_first:
                after_at, at_from = (after_at, None) if after_at >= at_from else (None, at_from)
        statement = _page_statement(
            of_client=client_id is not None,
            kind=kind is not None,
            at_from=at_from is not None,
            at_before=at_before is not None,
            after=after_at is not None,
            oldest_first=oldest_first,
        )
        views = await self._scope.value(
            statement,
            client_id=client_id,
            kind=kind,
            at_from=at_from,
            at_before=at_before,
            after_number=after_number,
            after_at=after_at,
            after_id=after_id,
            limit=limit + 1,
        )
        return page_of(_decoded(views), limit, _position)

    async def balance(self, client_id: ClientId) -> tuple[int, bool]:
        row = await self._scope.row(_BALANCE, client_id=client_id)
        if row is None:
            raise NotFound
        return row["balance"], row["closed_at"] is not None

    async def newest(self, client_id: ClientId, *, limit: int) -> tuple[int, bool, Page[EntryView]]:
        row = await self._scope.row(_NEWEST, client_id=client_id, limit=limit + 1)
        if row is None:
            raise NotFound
        page = page_of(_decoded(row["views"]), limit, _position)
        return row["balance"], row["closed_at"] is not None, page

    async def balances_before(self, client_id: ClientId, moments: Sequence[datetime]) -> list[int]:
        rows = await self._scope.rows(_BALANCES_BEFORE, client_id=client_id, moments=list(moments))
        return [row["balance"] for row in rows]

    async def account(self, client_id: ClientId) -> CreditAccount:
        row = await self._scope.row(_ACCOUNT, client_id=client_id)
        if row is None:
            raise NotFound
        return convert(dict(row), CreditAccount)

    async def sources(
        self, client_id: ClientId, *, as_of: int, before: tuple[datetime, int] | None, limit: int
    ) -> list[Source]:
        before_at, before_number = before or (None, None)
        rows = await self._scope.rows(
            _sources_statement(before=before is not None),
            client_id=client_id,
            as_of=as_of,
            before_at=before_at,
            before_number=before_number,
            limit=limit,
        )
        return [convert(dict(row), Source) for row in rows]

    async def given_for(self, invoice_id: InvoiceId, *, at_most: int) -> tuple[int, list[EntryView]]:
        given: int = await self._scope.value(_GIVEN_FOR, invoice_id=invoice_id)
        rows = await self._scope.rows(_NEWEST_GIVEN_FOR, invoice_id=invoice_id, limit=at_most)
        return given, [_view.decode(row[0]) for row in rows]

    async def views(self, entry_ids: Sequence[EntryId]) -> list[EntryView]:
        rows = await self._scope.rows(_VIEWS, entry_ids=list(entry_ids))
        found = {entry.id: entry for entry in (_view.decode(row[0]) for row in rows)}
        return [found[entry_id] for entry_id in entry_ids]


def _decoded(views: str | None) -> list[EntryView]:
    return [] if views is None else _list.decode(views)


def _position(entry: EntryView) -> Position:
    return (entry.number, entry.at.isoformat(), str(entry.id))


def _place(position: Position | None) -> tuple[object, datetime | None, object]:
    if position is None:
        return None, None, None
    number, at, entry_id = position
    return number, datetime.fromisoformat(str(at)), entry_id
