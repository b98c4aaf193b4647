"""See :class:`ports.reports.Reports`."""

from datetime import date, datetime
from functools import cache
from typing import Any

from msgspec import convert
from sqlalchemy import BigInteger, bindparam, func

from adapters.postgres.shop_scope import ShopScope, ShopStatement, select_of
from adapters.postgres.tables import credit_accounts, ledger_entries, payments, shops
from core.views import CollectedItem, CollectedReport, CreditReport

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


@cache
def _moved(*, at_from: bool, at_before: bool) -> ShopStatement:
    """Sums of the entries in a period, by kind."""
    statement = select_of(ledger_entries, ledger_entries.c.kind, _sum(ledger_entries.c.amount).label("amount"))
    if at_from:
        statement = statement.where(ledger_entries.c.at >= bindparam("at_from"))
    if at_before:
        statement = statement.where(ledger_entries.c.at < bindparam("at_before"))
    return ShopStatement(statement.group_by(ledger_entries.c.kind))


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
        opening = 0 if at_from is None else sum((await self._moves(at_from=None, at_before=at_from)).values())
        moves = await self._moves(at_from=at_from, at_before=at_before)
        return CreditReport(
            total=owed["total"],
            clients=owed["clients"],
            currency=await self._scope.value(_CURRENCY),
            opening_total=opening,
            added=moves.get("added", 0),
            captured=moves.get("captured", 0),
            applied=-moves.get("applied", 0),
            returned=moves.get("returned", 0),
            voided=-moves.get("voided", 0),
            closing_total=opening + sum(moves.values()),
        )

    async def _moves(self, *, at_from: datetime | None, at_before: datetime | None) -> dict[str, int]:
        statement = _moved(at_from=at_from is not None, at_before=at_before is not None)
        rows = await self._scope.rows(statement, at_from=at_from, at_before=at_before)
        return {row["kind"]: row["amount"] for row in rows}
