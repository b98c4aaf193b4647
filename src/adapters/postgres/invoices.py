"""See :class:`ports.invoices.Invoices`."""

from functools import cache

import msgspec
from sqlalchemy import BigInteger, Text, bindparam, func

from adapters.postgres.json_views import live_payments_of_invoice, looked_up
from adapters.postgres.paging import page_of
from adapters.postgres.shop_scope import (
    Record,
    SelectOfShop,
    ShopScope,
    ShopStatement,
    insert_into,
    of_shop,
    select_of,
    update_of,
)
from adapters.postgres.tables import credit_accounts, invoice_counters, invoices, shops
from core.errors import NotFound
from core.ids import ClientId, InvoiceId
from core.invoices import Invoice, InvoiceContent, InvoiceLine, InvoiceStatus
from core.ledger import CreditAccount
from core.views import InvoiceView, Page, PaymentView, Position

_lines = msgspec.json.Decoder(tuple[InvoiceLine, ...])


_payments = msgspec.json.Decoder(list[PaymentView])


def _views() -> SelectOfShop:
    columns = (column for column in invoices.c if column.name not in {"shop_id", "credit_applied", "search_vehicle"})
    currency = looked_up(shops, "currency")
    return select_of(invoices, *columns, currency.label("currency"), live_payments_of_invoice().label("payments"))


_VIEW = ShopStatement(_views().where(invoices.c.id == bindparam("invoice_id")))
_CONTENT = ShopStatement(
    select_of(invoices, *(invoices.c[name] for name in ("number", "issued_on", "vehicle", "lines", "tax"))).where(
        invoices.c.id == bindparam("invoice_id")
    )
)
_WITH_ACCOUNT = ShopStatement(
    select_of(
        invoices,
        *(
            invoices.c[name]
            for name in ("id", "client_id", "number", "total", "settled", "credit_applied", "voided_at")
        ),
        credit_accounts.c.balance,
        credit_accounts.c.last_number,
        credit_accounts.c.last_hash,
        credit_accounts.c.closed_at.is_not(None).label("closed"),
    )
    .join(credit_accounts, of_shop(credit_accounts) & (credit_accounts.c.client_id == invoices.c.client_id))
    .where(invoices.c.id == bindparam("invoice_id"))
)
_TAKEN = ShopStatement(select_of(invoices, invoices.c.id).where(invoices.c.number == bindparam("number")))
_NEXT = ShopStatement(
    update_of(invoice_counters)
    .values(last_number=invoice_counters.c.last_number + 1)
    .returning(invoice_counters.c.last_number)
)
_CONTENT_COLUMNS = ("number", "issued_on", "vehicle", "lines", "tax", "total")
_ADD = ShopStatement(insert_into(invoices, "id", "client_id", *_CONTENT_COLUMNS).values(created_at=func.now()))
_one = update_of(invoices).where(invoices.c.id == bindparam("invoice_id"))
_CHANGE = ShopStatement(_one.values({name: bindparam(name) for name in _CONTENT_COLUMNS}))
_VOID = ShopStatement(_one.values(voided_at=bindparam("voided_at")))


@cache
def _page_statement(*, of_client: bool, status: bool, after: bool, oldest_first: bool) -> ShopStatement:
    statement = _views()
    if of_client:
        statement = statement.where(invoices.c.client_id == bindparam("client_id"))
    if status:
        statement = statement.where(invoices.c.status == bindparam("status", type_=Text()))
    if after:
        beyond = invoices.c.id.__gt__ if oldest_first else invoices.c.id.__lt__
        statement = statement.where(beyond(bindparam("after_id")))
    order = invoices.c.id if oldest_first else invoices.c.id.desc()
    return ShopStatement(statement.order_by(order).limit(bindparam("limit", type_=BigInteger())))


class PostgresInvoices:
    """The invoices of one shop."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def view(self, invoice_id: InvoiceId) -> InvoiceView:
        row = await self._scope.row(_VIEW, invoice_id=invoice_id)
        if row is None:
            raise NotFound
        return _invoice(row)

    async def page(
        self,
        *,
        client_id: ClientId | None,
        status: InvoiceStatus | None,
        after: Position | None,
        limit: int,
        oldest_first: bool,
    ) -> Page[InvoiceView]:
        statement = _page_statement(
            of_client=client_id is not None,
            status=status is not None,
            after=after is not None,
            oldest_first=oldest_first,
        )
        rows = await self._scope.rows(
            statement, client_id=client_id, status=status, after_id=after[0] if after else None, limit=limit + 1
        )
        return page_of([_invoice(row) for row in rows], limit, lambda invoice: (str(invoice.id),))

    async def content(self, invoice_id: InvoiceId) -> InvoiceContent:
        row = await self._scope.row(_CONTENT, invoice_id=invoice_id)
        if row is None:
            raise NotFound
        return InvoiceContent(
            number=row["number"],
            issued_on=row["issued_on"],
            vehicle=row["vehicle"],
            lines=_lines.decode(row["lines"]),
            tax=row["tax"],
        )

    async def with_account(self, invoice_id: InvoiceId) -> tuple[Invoice, CreditAccount]:
        row = await self._scope.row(_WITH_ACCOUNT, invoice_id=invoice_id)
        if row is None:
            raise NotFound
        facts = {**row, "shop_id": self._scope.shop_id}
        return msgspec.convert(facts, Invoice), msgspec.convert(facts, CreditAccount)

    async def number_taken(self, number: str) -> bool:
        return await self._scope.value(_TAKEN, number=number) is not None

    async def next_number(self) -> str:
        while True:
            number = f"INV-{await self._scope.value(_NEXT)}"
            if not await self.number_taken(number):
                return number

    async def add(self, invoice_id: InvoiceId, client_id: ClientId, content: InvoiceContent) -> None:
        await self._scope.run(_ADD, id=invoice_id, client_id=client_id, **_columns(content))

    async def change(self, invoice: Invoice, content: InvoiceContent) -> None:
        await self._scope.run(_CHANGE, invoice_id=invoice.id, **_columns(content))

    async def void(self, invoice: Invoice) -> None:
        await self._scope.run(_VOID, invoice_id=invoice.id, voided_at=invoice.voided_at)


def _columns(content: InvoiceContent) -> dict[str, object]:
    return {
        "number": content.number,
        "issued_on": content.issued_on,
        "vehicle": content.vehicle,
        "lines": msgspec.json.encode(content.lines).decode(),
        "tax": content.tax,
        "total": content.total,
    }


def _invoice(row: Record) -> InvoiceView:
    return InvoiceView(
        id=row["id"],
        client_id=row["client_id"],
        number=row["number"],
        issued_on=row["issued_on"],
        vehicle=row["vehicle"],
        lines=list(_lines.decode(row["lines"])),
        tax=row["tax"],
        total=row["total"],
        settled=row["settled"],
        due=row["due"],
        currency=row["currency"],
        status=row["status"],
        payments=_payments.decode(row["payments"]),
        created_at=row["created_at"],
        voided_at=row["voided_at"],
    )
