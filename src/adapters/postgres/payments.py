"""See :class:`ports.payments.Payments`."""

from datetime import date
from functools import cache

from msgspec import json
from sqlalchemy import BigInteger, bindparam, tuple_

from adapters.postgres.json_views import collected_payment, looked_up, payment_view
from adapters.postgres.paging import page_of
from adapters.postgres.shop_scope import SelectOfShop, ShopScope, ShopStatement, select_of
from adapters.postgres.tables import invoices, payments
from core.errors import NotFound, Spending
from core.ids import ClientId, PaymentId
from core.payments import PaymentMethod
from core.views import CollectedPayment, Page, PaymentView, Position

_view = json.Decoder(PaymentView)
_collected_payment = json.Decoder(CollectedPayment)


def _views() -> SelectOfShop:
    return select_of(payments, payment_view())


def _collected() -> SelectOfShop:
    return select_of(payments, collected_payment()).where(payments.c.collects)


_VIEW = ShopStatement(_views().where(payments.c.id == bindparam("payment_id")))
_SPENT_BY = ShopStatement(
    select_of(payments, payments.c.id, payments.c.invoice_id, payments.c.amount, payments.c.recorded_at)
    .add_columns(looked_up(invoices, "number", invoices.c.id == payments.c.invoice_id).label("number"))
    .where(
        payments.c.client_id == bindparam("client_id"),
        payments.c.collects.is_(False),
        payments.c.deleted_at.is_(None),
    )
    .order_by(payments.c.recorded_at.desc(), payments.c.id.desc())
    .limit(bindparam("limit", type_=BigInteger()))
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


@cache
def _collected_statement(
    *, method: bool, received_from: bool, received_to: bool, deleted: bool, after: bool
) -> ShopStatement:
    statement = _collected().where(payments.c.deleted_at.is_not(None) if deleted else payments.c.deleted_at.is_(None))
    if method:
        statement = statement.where(payments.c.method == bindparam("method"))
    if received_from:
        statement = statement.where(payments.c.received_on >= bindparam("received_from"))
    if received_to:
        statement = statement.where(payments.c.received_on <= bindparam("received_to"))
    order = (payments.c.received_on, payments.c.id)
    if after:
        place = tuple_(*(bindparam(f"after_{column.name}", type_=column.type) for column in order))
        statement = statement.where(tuple_(*order) < place)
    newest_first = (column.desc() for column in order)
    return ShopStatement(statement.order_by(*newest_first).limit(bindparam("limit", type_=BigInteger())))


class PostgresPayments:
    """The payments of one shop."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def view(self, payment_id: PaymentId) -> PaymentView:
        found = await self._scope.value(_VIEW, payment_id=payment_id)
        if found is None:
            raise NotFound
        return _view.decode(found)

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
        return page_of([_view.decode(row[0]) for row in rows], limit, lambda payment: (str(payment.id),))

    async def collected_page(
        self,
        *,
        method: PaymentMethod | None,
        received_from: date | None,
        received_to: date | None,
        deleted: bool,
        after: Position | None,
        limit: int,
    ) -> Page[CollectedPayment]:
        after_day, after_id = after or (None, None)
        after_received_on = None if after_day is None else date.fromisoformat(str(after_day))
        statement = _collected_statement(
            method=method is not None,
            received_from=received_from is not None,
            # Of two bounds at one end the tighter one is enough, and PostgreSQL might begin to read at the other.
            received_to=received_to is not None and after is None,
            deleted=deleted,
            after=after is not None,
        )
        rows = await self._scope.rows(
            statement,
            method=method,
            received_from=received_from,
            received_to=received_to,
            after_received_on=after_received_on,
            after_id=after_id,
            limit=limit + 1,
        )
        return page_of([_collected_payment.decode(row[0]) for row in rows], limit, _place_by_day)

    async def spent_by(self, client_id: ClientId, *, at_most: int | None = None) -> tuple[Spending, ...]:
        return tuple(
            Spending(
                payment_id=row["id"],
                invoice_id=row["invoice_id"],
                invoice_number=row["number"],
                amount=row["amount"],
                at=row["recorded_at"],
            )
            for row in await self._scope.rows(_SPENT_BY, client_id=client_id, limit=at_most)
        )


def _place_by_day(payment: CollectedPayment) -> Position:
    return (payment.received_on.isoformat(), str(payment.id))
