"""See :class:`ports.reports.Reports`."""

from collections import defaultdict
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from msgspec import convert
from sqlalchemy import BigInteger, Text, bindparam, func, literal_column, true, tuple_

from adapters.postgres.paging import page_of
from adapters.postgres.shop_scope import SelectOfShop, ShopScope, ShopStatement, of_shop, one_of, select_of
from adapters.postgres.tables import clients, credit_accounts, found_by_time, ledger_entries, payments, shops
from core.ledger import EntryKind
from core.views import (
    ClientCredit,
    CollectedItem,
    CollectedReport,
    CreditMovement,
    CreditReport,
    Page,
    Position,
)

_CURRENCY = ShopStatement(select_of(shops, shops.c.currency))


def _sum(of: Any) -> Any:
    return func.coalesce(func.sum(of), 0).cast(BigInteger)


@cache
def _collected(*, received_from: bool, received_to: bool) -> ShopStatement:
    statement = select_of(
        payments,
        payments.c.received_on.label("date"),
        payments.c.method,
        func.count(func.coalesce(payments.c.bulk_payment_id, payments.c.id).distinct()).label("count"),
        _sum(payments.c.collected).label("collected"),
    ).where(payments.c.deleted_at.is_(None), payments.c.collected > 0)
    if received_from:
        statement = statement.where(payments.c.received_on >= bindparam("received_from"))
    if received_to:
        statement = statement.where(payments.c.received_on <= bindparam("received_to"))
    key = (payments.c.received_on, payments.c.method)
    return ShopStatement(statement.group_by(*key).order_by(*key))


_OWED = ShopStatement(
    select_of(credit_accounts, _sum(credit_accounts.c.balance).label("total"), func.count().label("clients")).where(
        credit_accounts.c.balance > 0
    )
)

_entries = ledger_entries
_KINDS: list[Any] = [literal_column(f"'{kind}'") for kind in EntryKind]


@cache
def _moved(*, at_from: bool, at_before: bool) -> ShopStatement:
    """Sums of the entries in a period, by kind. All kinds are named, so that their index has it all."""
    statement = select_of(_entries, _entries.c.kind, _sum(_entries.c.amount).label("amount")).where(
        _entries.c.kind.in_(_KINDS)
    )
    return ShopStatement(_in_period(statement, at_from=at_from, at_before=at_before).group_by(_entries.c.kind))


@cache
def _moved_by_client(*, at_from: bool, at_before: bool) -> ShopStatement:
    key = (_entries.c.client_id, _entries.c.kind)
    statement = select_of(_entries, *key, _sum(_entries.c.amount).label("amount")).where(
        one_of(_entries.c.client_id, "client_ids"), found_by_time
    )
    return ShopStatement(_in_period(statement, at_from=at_from, at_before=at_before).group_by(*key))


def _in_period(statement: SelectOfShop, *, at_from: bool, at_before: bool) -> SelectOfShop:
    if at_from:
        statement = statement.where(_entries.c.at >= bindparam("at_from"))
    if at_before:
        statement = statement.where(_entries.c.at < bindparam("at_before"))
    return statement


def _last_before(moment: str) -> Any:
    """Number and balance of a client's last entry before then."""
    return (
        select_of(_entries, _entries.c.number, _entries.c.balance_after)
        .where(_entries.c.client_id == clients.c.id, found_by_time, _entries.c.at < bindparam(moment))
        .order_by(_entries.c.at.desc(), _entries.c.number.desc())
        .limit(literal_column("1"))
        .lateral(moment)
    )


@cache
def _credit_by_client(*, at_from: bool, at_before: bool, after: bool) -> ShopStatement:
    """Clients whose last entry before the end is another one than before the beginning, or leaves them credit."""
    accounts = credit_accounts
    opening, closing = _last_before("at_from"), _last_before("at_before")
    none: Any = literal_column("0")
    opening_number = func.coalesce(opening.c.number, none) if at_from else none
    opening_balance = func.coalesce(opening.c.balance_after, none) if at_from else none
    closing_number = func.coalesce(closing.c.number, none) if at_before else accounts.c.last_number
    closing_balance = func.coalesce(closing.c.balance_after, none) if at_before else accounts.c.balance
    statement = (
        select_of(
            clients,
            clients.c.id,
            clients.c.name,
            clients.c.sort_name,
            accounts.c.closed_at.label("deleted_at"),
            opening_balance.label("opening"),
        )
        .join(accounts, of_shop(accounts) & (accounts.c.client_id == clients.c.id))
        .where((closing_balance > none) | (closing_number != opening_number))
    )
    if at_from:
        statement = statement.outerjoin(opening, true())
    if at_before:
        statement = statement.outerjoin(closing, true())
    if after:
        place = tuple_(bindparam("after_name", type_=Text()), bindparam("after_id", type_=clients.c.id.type))
        statement = statement.where(tuple_(clients.c.sort_name, clients.c.id) > place)
    return ShopStatement(
        statement.order_by(clients.c.sort_name, clients.c.id).limit(bindparam("limit", type_=BigInteger()))
    )


class PostgresReports:
    """Sums over one shop."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def collected(self, *, received_from: date | None, received_to: date | None) -> CollectedReport:
        statement = _collected(received_from=received_from is not None, received_to=received_to is not None)
        rows = await self._scope.rows(statement, received_from=received_from, received_to=received_to)
        items = convert([dict(row) for row in rows], list[CollectedItem])
        return CollectedReport(
            items=items,
            total=sum(item.collected for item in items),
            currency=await self._scope.value(_CURRENCY),
        )

    async def credit(self, *, at_from: datetime | None, at_before: datetime | None) -> CreditReport:
        [owed] = await self._scope.rows(_OWED)
        # From the present back: most periods asked for are recent ones.
        later = [] if at_before is None else await self._moves(at_from=at_before, at_before=None)
        moves = await self._moves(at_from=at_from, at_before=at_before)
        closing = owed["total"] - sum(amount for _, amount in later)
        movement = CreditMovement.of(closing - sum(amount for _, amount in moves), moves)
        return CreditReport(
            total=owed["total"],
            clients=owed["clients"],
            currency=await self._scope.value(_CURRENCY),
            opening_total=movement.opening,
            added=movement.added,
            captured=movement.captured,
            applied=movement.applied,
            returned=movement.returned,
            voided=movement.voided,
            closing_total=movement.closing,
        )

    async def _moves(self, *, at_from: datetime | None, at_before: datetime | None) -> list[tuple[EntryKind, int]]:
        statement = _moved(at_from=at_from is not None, at_before=at_before is not None)
        rows = await self._scope.rows(statement, at_from=at_from, at_before=at_before)
        return [(EntryKind(row["kind"]), row["amount"]) for row in rows]

    async def credit_by_client(
        self, *, at_from: datetime | None, at_before: datetime | None, after: Position | None, limit: int
    ) -> Page[ClientCredit]:
        period = {"at_from": at_from is not None, "at_before": at_before is not None}
        after_name, after_id = after or (None, None)
        rows = await self._scope.rows(
            _credit_by_client(**period, after=after is not None),
            at_from=at_from,
            at_before=at_before,
            after_name=after_name,
            after_id=after_id,
            limit=limit + 1,
        )
        page = page_of(rows, limit, lambda row: (row["sort_name"], str(row["id"])))
        moves: dict[UUID, list[tuple[EntryKind, int]]] = defaultdict(list)
        for client_id, kind, amount in await self._scope.rows(
            _moved_by_client(**period),
            client_ids=[row["id"] for row in page.items],
            at_from=at_from,
            at_before=at_before,
        ):
            moves[client_id].append((EntryKind(kind), amount))
        currency = await self._scope.value(_CURRENCY)
        items = [
            ClientCredit(
                client_id=row["id"],
                client_name=row["name"],
                deleted_at=row["deleted_at"],
                credit=CreditMovement.of(row["opening"], moves[row["id"]]),
                currency=currency,
            )
            for row in page.items
        ]
        return Page(items, page.next_position)
