"""See :class:`ports.ledger.Ledger`."""

from datetime import datetime
from functools import cache

from msgspec import json
from sqlalchemy import BigInteger, bindparam, tuple_

from adapters.postgres.json_views import entry_view
from adapters.postgres.paging import page_of
from adapters.postgres.shop_scope import SelectOfShop, ShopScope, ShopStatement, select_of
from adapters.postgres.tables import credit_accounts, ledger_entries
from core.errors import NotFound
from core.ids import ClientId, EntryId
from core.ledger import EntryKind
from core.views import EntryView, Page, Position

_entries = ledger_entries
_view = json.Decoder(EntryView)


def _views() -> SelectOfShop:
    return select_of(_entries, entry_view())


_VIEW = ShopStatement(_views().where(_entries.c.id == bindparam("entry_id")))
_BALANCE = ShopStatement(
    select_of(credit_accounts, credit_accounts.c.balance, credit_accounts.c.closed_at).where(
        credit_accounts.c.client_id == bindparam("client_id")
    )
)


@cache
def _page_statement(
    *, of_client: bool, kind: bool, at_from: bool, at_before: bool, after: bool, oldest_first: bool
) -> ShopStatement:
    statement = _views()
    if of_client:
        statement = statement.where(_entries.c.client_id == bindparam("client_id"))
    if kind:
        statement = statement.where(_entries.c.kind == bindparam("kind"))
    if at_from:
        statement = statement.where(_entries.c.at >= bindparam("at_from"))
    if at_before:
        statement = statement.where(_entries.c.at < bindparam("at_before"))
    # In one account the number orders; its index is the primary key. With a range of time the other index finds the
    # range, and says the same order, since no entry is earlier than the one before it.
    if of_client:
        key = [_entries.c.at, _entries.c.number] if at_from or at_before else [_entries.c.number]
    else:
        key = [_entries.c.at, _entries.c.id]
    if after:
        position = tuple_(*(bindparam(f"after_{column.name}", type_=column.type) for column in key))
        here = tuple_(*key)
        statement = statement.where(here > position if oldest_first else here < position)
    order = key if oldest_first else [column.desc() for column in key]
    return ShopStatement(statement.order_by(*order).limit(bindparam("limit", type_=BigInteger())))


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
        rows = await self._scope.rows(
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
        return page_of([_view.decode(row[0]) for row in rows], limit, _position)

    async def balance(self, client_id: ClientId) -> tuple[int, bool]:
        row = await self._scope.row(_BALANCE, client_id=client_id)
        if row is None:
            raise NotFound
        return row["balance"], row["closed_at"] is not None


def _position(entry: EntryView) -> Position:
    return (entry.number, entry.at.isoformat(), str(entry.id))


def _place(position: Position | None) -> tuple[object, datetime | None, object]:
    if position is None:
        return None, None, None
    number, at, entry_id = position
    return number, datetime.fromisoformat(str(at)), entry_id
