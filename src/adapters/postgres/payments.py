"""See :class:`ports.payments.Payments`."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from uuid import UUID

from sqlalchemy import BigInteger, bindparam

from adapters.postgres.ledger import PostgresLedger
from adapters.postgres.paging import page_of
from adapters.postgres.shop_scope import Record, SelectOfShop, ShopScope, ShopStatement, of_shop, one_of, select_of
from adapters.postgres.tables import invoices, payment_changes, payments, shops
from core.errors import NotFound, Spending
from core.ids import BulkPaymentId, ClientId, PaymentId
from core.payments import PaymentMethod
from core.staff import ActorKind
from core.views import ActorView, BulkPaymentView, Page, PaymentChangeView, PaymentView, Position


def _views() -> SelectOfShop:
    columns = (column for column in payments.c if column.name not in {"shop_id", "collects"})
    return select_of(payments, *columns, shops.c.currency).join(shops, of_shop(shops))


_VIEW = ShopStatement(_views().where(payments.c.id == bindparam("payment_id")))
_OF_INVOICES = ShopStatement(
    _views()
    .where(one_of(payments.c.invoice_id, "invoice_ids"), payments.c.deleted_at.is_(None))
    .order_by(payments.c.id)
)
_OF_BULK = ShopStatement(_views().where(payments.c.bulk_payment_id == bindparam("bulk")).order_by(payments.c.id))
_CHANGES = ShopStatement(
    select_of(payment_changes, *(c for c in payment_changes.c if c.name != "shop_id"))
    .where(one_of(payment_changes.c.payment_id, "payment_ids"))
    .order_by(payment_changes.c.payment_id, payment_changes.c.id)
)
_SPENT_BY = ShopStatement(
    select_of(payments, payments.c.id, payments.c.invoice_id, payments.c.amount, payments.c.recorded_at)
    .add_columns(invoices.c.number)
    .join(invoices, of_shop(invoices) & (invoices.c.id == payments.c.invoice_id))
    .where(
        payments.c.client_id == bindparam("client_id"),
        payments.c.method == bindparam("credit_method", PaymentMethod.ACCOUNT_CREDIT.value),
        payments.c.deleted_at.is_(None),
    )
    .order_by(payments.c.recorded_at.desc(), payments.c.id.desc())
)


@cache
def _page_statement(
    *, of_client: bool, method: bool, received_from: bool, received_to: bool, deleted: bool, after: bool
) -> ShopStatement:
    statement = _views().where(payments.c.deleted_at.is_not(None) if deleted else payments.c.deleted_at.is_(None))
    if of_client:
        statement = statement.where(payments.c.client_id == bindparam("client_id"))
    if method:
        statement = statement.where(payments.c.method == bindparam("method"))
    if received_from:
        statement = statement.where(payments.c.received_on >= bindparam("received_from"))
    if received_to:
        statement = statement.where(payments.c.received_on <= bindparam("received_to"))
    if after:
        statement = statement.where(payments.c.id < bindparam("after_id"))
    return ShopStatement(statement.order_by(payments.c.id.desc()).limit(bindparam("limit", type_=BigInteger())))


class PostgresPayments:
    """The payments of one shop."""

    def __init__(self, scope: ShopScope, ledger: PostgresLedger) -> None:
        self._scope = scope
        self._ledger = ledger

    async def view(self, payment_id: PaymentId) -> PaymentView:
        row = await self._scope.row(_VIEW, payment_id=payment_id)
        if row is None:
            raise NotFound
        return (await self._whole([row]))[0]

    async def page(
        self,
        *,
        client_id: ClientId | None,
        method: PaymentMethod | None,
        received_from: date | None,
        received_to: date | None,
        deleted: bool,
        after: Position | None,
        limit: int,
    ) -> Page[PaymentView]:
        statement = _page_statement(
            of_client=client_id is not None,
            method=method is not None,
            received_from=received_from is not None,
            received_to=received_to is not None,
            deleted=deleted,
            after=after is not None,
        )
        rows = await self._scope.rows(
            statement,
            client_id=client_id,
            method=method,
            received_from=received_from,
            received_to=received_to,
            after_id=after[0] if after else None,
            limit=limit + 1,
        )
        items = await self._whole(rows[:limit])
        return page_of(items, rows, limit, lambda row: (str(row["id"]),))

    async def bulk_view(self, bulk_payment_id: BulkPaymentId) -> BulkPaymentView:
        rows = await self._scope.rows(_OF_BULK, bulk=bulk_payment_id)
        items = await self._whole(rows)
        return BulkPaymentView(
            id=bulk_payment_id,
            amount=sum(payment.amount for payment in items),
            currency=items[0].currency,
            payments=items,
        )

    async def spent_by(self, client_id: ClientId) -> tuple[Spending, ...]:
        return tuple(
            Spending(
                payment_id=row["id"],
                invoice_id=row["invoice_id"],
                invoice_number=row["number"],
                amount=row["amount"],
                at=row["recorded_at"],
            )
            for row in await self._scope.rows(_SPENT_BY, client_id=client_id)
        )

    async def of_invoices(self, invoice_ids: Sequence[UUID]) -> dict[UUID, list[PaymentView]]:
        """The live payments of each invoice, oldest first."""
        views: dict[UUID, list[PaymentView]] = {invoice_id: [] for invoice_id in invoice_ids}
        if invoice_ids:
            for view in await self._whole(await self._scope.rows(_OF_INVOICES, invoice_ids=list(invoice_ids))):
                views[view.invoice_id].append(view)
        return views

    async def _whole(self, rows: Sequence[Record]) -> list[PaymentView]:
        """The payments with their entries and edits."""
        ids = [row["id"] for row in rows]
        entries = await self._ledger.of_payments(ids)
        changes: dict[UUID, list[PaymentChangeView]] = {payment_id: [] for payment_id in ids}
        if ids:
            for row in await self._scope.rows(_CHANGES, payment_ids=ids):
                changes[row["payment_id"]].append(_change(row))
        return [
            PaymentView(
                id=row["id"],
                invoice_id=row["invoice_id"],
                client_id=row["client_id"],
                method=PaymentMethod(row["method"]),
                amount=row["amount"],
                collected=row["collected"],
                settled=row["settled"],
                captured=row["captured"],
                currency=row["currency"],
                reference=row["reference"],
                received_on=row["received_on"],
                recorded_at=row["recorded_at"],
                recorded_by=_actor(row, "recorded_by"),
                bulk_payment_id=row["bulk_payment_id"],
                entries=entries[row["id"]],
                changes=changes[row["id"]],
                deleted_at=row["deleted_at"],
                deleted_by=_actor(row, "deleted_by") if row["deleted_at"] else None,
            )
            for row in rows
        ]


def _actor(row: Record, prefix: str) -> ActorView:
    return ActorView(ActorKind(row[f"{prefix}_kind"]), row[f"{prefix}_id"], row[f"{prefix}_name"])


def _change(row: Record) -> PaymentChangeView:
    return PaymentChangeView(
        at=row["at"],
        by=_actor(row, "by"),
        method=PaymentMethod(row["method"]),
        amount=row["amount"],
        settled=row["settled"],
        captured=row["captured"],
        reference=row["reference"],
        received_on=row["received_on"],
    )
