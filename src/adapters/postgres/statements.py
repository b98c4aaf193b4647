"""See :class:`ports.statements.Statements`."""

from datetime import date
from typing import Any

from msgspec import convert
from sqlalchemy import BigInteger, bindparam, func

from adapters.postgres.json_views import is_not_settled, looked_up
from adapters.postgres.shop_scope import ShopScope, ShopStatement, select_of
from adapters.postgres.tables import invoices, payments
from core.ids import ClientId
from core.statements import StatementInvoice, StatementPayment


def _sum(of: Any) -> Any:
    return func.coalesce(func.sum(of), 0).cast(BigInteger)


_invoices_of_client = (invoices.c.client_id == bindparam("client_id"), invoices.c.voided_at.is_(None))
_payments_of_client = (payments.c.client_id == bindparam("client_id"), payments.c.deleted_at.is_(None))

# From the present back to the day: what is due now stands on few invoices, and most days asked for are recent ones.
_DUE_NOW = ShopStatement(
    select_of(invoices, _sum(invoices.c.due)).where(invoices.c.client_id == bindparam("client_id"), is_not_settled())
)
_INVOICED_SINCE = ShopStatement(
    select_of(invoices, _sum(invoices.c.total)).where(*_invoices_of_client, invoices.c.issued_on >= bindparam("first"))
)
_SETTLED_SINCE = ShopStatement(
    select_of(payments, _sum(payments.c.settled)).where(
        *_payments_of_client, payments.c.received_on >= bindparam("first")
    )
)

_limit = bindparam("limit", type_=BigInteger())
_INVOICES = ShopStatement(
    select_of(
        invoices,
        *(invoices.c[n] for n in ("id", "number", "issued_on", "vehicle", "total", "settled", "due", "status")),
    )
    .where(*_invoices_of_client, invoices.c.issued_on.between(bindparam("first"), bindparam("last")))
    .order_by(invoices.c.issued_on, invoices.c.id)
    .limit(_limit)
)
_PAYMENTS = ShopStatement(
    select_of(
        payments,
        *(payments.c[n] for n in ("id", "invoice_id", "method", "amount", "collected", "settled", "captured")),
        *(payments.c[n] for n in ("reference", "received_on", "bulk_payment_id")),
        looked_up(invoices, "number", invoices.c.id == payments.c.invoice_id).label("invoice_number"),
    )
    .where(*_payments_of_client, payments.c.received_on.between(bindparam("first"), bindparam("last")))
    .order_by(payments.c.received_on, payments.c.id)
    .limit(_limit)
)


class PostgresStatements:
    """What stands on the statements of one shop's clients, beside their credit."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def due_before(self, client_id: ClientId, day: date) -> int:
        now: int = await self._scope.value(_DUE_NOW, client_id=client_id)
        invoiced: int = await self._scope.value(_INVOICED_SINCE, client_id=client_id, first=day)
        settled: int = await self._scope.value(_SETTLED_SINCE, client_id=client_id, first=day)
        return now - invoiced + settled

    async def invoices(self, client_id: ClientId, *, first: date, last: date, limit: int) -> list[StatementInvoice]:
        rows = await self._scope.rows(_INVOICES, client_id=client_id, first=first, last=last, limit=limit)
        return convert([dict(row) for row in rows], list[StatementInvoice])

    async def payments(self, client_id: ClientId, *, first: date, last: date, limit: int) -> list[StatementPayment]:
        rows = await self._scope.rows(_PAYMENTS, client_id=client_id, first=first, last=last, limit=limit)
        return convert([dict(row) for row in rows], list[StatementPayment])
