"""See :class:`ports.ledger.Ledger`."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, FromClause, ScalarSelect, bindparam, tuple_

from adapters.postgres.paging import page_of
from adapters.postgres.shop_scope import Record, SelectOfShop, ShopScope, ShopStatement, one_of, select_of
from adapters.postgres.tables import credit_accounts, invoices, ledger_entries, shops
from core.errors import NotFound
from core.ids import ClientId, EntryId
from core.ledger import EntryKind, Reason
from core.staff import ActorKind
from core.views import ActorView, EntryView, Page, Position

_COLUMNS = (
    *("id", "number", "kind", "amount", "balance_after", "reason", "note", "by_kind", "by_id", "by_name", "at"),
    *("client_id", "invoice_id", "payment_id"),
)
_entries = ledger_entries
_other = ledger_entries.alias("other")


def _looked_up(table: FromClause, column: str, *where: ColumnElement[bool]) -> ScalarSelect[Any]:
    # Not joined: where a plan has to fit all parameters, PostgreSQL reads the whole account to join one page of it.
    return select_of(table, table.c[column]).where(*where).scalar_subquery()


def _views() -> SelectOfShop:
    """Entries with the number of their invoice, the entry that they reverse and the one that reverses them."""
    of_client = _other.c.client_id == _entries.c.client_id
    return select_of(
        _entries,
        *(_entries.c[name] for name in _COLUMNS),
        _looked_up(shops, "currency").label("currency"),
        _looked_up(invoices, "number", invoices.c.id == _entries.c.invoice_id).label("invoice_number"),
        _looked_up(_other, "id", of_client, _other.c.number == _entries.c.reverses_number).label("reverses"),
        _looked_up(_other, "id", of_client, _other.c.reverses_number == _entries.c.number).label("reversed_by"),
    )


_VIEW = ShopStatement(_views().where(_entries.c.id == bindparam("entry_id")))
_OF_PAYMENTS = ShopStatement(
    _views().where(one_of(_entries.c.payment_id, "payment_ids")).order_by(_entries.c.client_id, _entries.c.number)
)
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
        row = await self._scope.row(_VIEW, entry_id=entry_id)
        if row is None:
            raise NotFound
        return _entry(row)

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
        return page_of([_entry(row) for row in rows], rows, limit, _position)

    async def of_payments(self, payment_ids: Sequence[UUID]) -> dict[UUID, list[EntryView]]:
        """The entries of each payment, oldest first."""
        entries: dict[UUID, list[EntryView]] = {payment_id: [] for payment_id in payment_ids}
        if payment_ids:
            for row in await self._scope.rows(_OF_PAYMENTS, payment_ids=list(payment_ids)):
                entries[row["payment_id"]].append(_entry(row))
        return entries

    async def balance(self, client_id: ClientId) -> tuple[int, bool]:
        row = await self._scope.row(_BALANCE, client_id=client_id)
        if row is None:
            raise NotFound
        return row["balance"], row["closed_at"] is not None


def _position(row: Record) -> Position:
    return (row["number"], row["at"].isoformat(), str(row["id"]))


def _place(position: Position | None) -> tuple[object, datetime | None, object]:
    if position is None:
        return None, None, None
    number, at, entry_id = position
    return number, datetime.fromisoformat(str(at)), entry_id


def _entry(row: Record) -> EntryView:
    return EntryView(
        id=row["id"],
        number=row["number"],
        kind=EntryKind(row["kind"]),
        amount=row["amount"],
        balance_after=row["balance_after"],
        currency=row["currency"],
        reason=Reason(row["reason"]),
        note=row["note"],
        by=ActorView(ActorKind(row["by_kind"]), row["by_id"], row["by_name"]),
        at=row["at"],
        client_id=row["client_id"],
        invoice_id=row["invoice_id"],
        invoice_number=row["invoice_number"],
        payment_id=row["payment_id"],
        reverses=row["reverses"],
        reversed_by=row["reversed_by"],
    )
