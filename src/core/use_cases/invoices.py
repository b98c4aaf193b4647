"""Invoices: show, list, add, edit, void; and what starting a payment tells."""

from collections.abc import Sequence
from datetime import date

import msgspec
from msgspec import UNSET, Struct, UnsetType

from core.books import payment_options
from core.errors import InvalidField, InvoiceChanged, InvoiceNumberTaken, NotFound
from core.ids import ClientId, InvoiceId
from core.invoices import InvoiceContent, InvoiceLine, InvoiceStatus
from core.staff import Caller, Permission
from core.use_cases.retried import retried
from core.views import InvoiceView, Page, PaymentOptionsView, Position
from ports.transactions import ShopTransaction, Transactions


class ShowInvoice:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, invoice_id: InvoiceId) -> InvoiceView:
        async with self._transactions.for_shop(caller) as shop:
            return await shop.invoices.view(invoice_id)


class ListInvoices:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self,
        caller: Caller,
        *,
        client_id: ClientId | None,
        status: InvoiceStatus | None,
        after: Position | None,
        limit: int,
        oldest_first: bool = False,
    ) -> Page[InvoiceView]:
        async with self._transactions.for_shop(caller) as shop:
            return await shop.invoices.page(
                client_id=client_id, status=status, after=after, limit=limit, oldest_first=oldest_first
            )


class ShowPaymentOptions:
    """R9."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, invoice_id: InvoiceId) -> PaymentOptionsView:
        async with self._transactions.for_shop(caller) as shop:
            invoice, account = await shop.invoices.with_account(invoice_id)
            options = payment_options(account, invoice)
            return PaymentOptionsView(**msgspec.structs.asdict(options), currency=shop.shop.currency)


class AddInvoice:
    """An invoice for a client of the shop. Without a number one is made; without a date it is issued today."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self,
        caller: Caller,
        client_id: ClientId,
        *,
        number: str | None,
        issued_on: date | None,
        vehicle: str | None,
        lines: Sequence[InvoiceLine],
        tax: int,
    ) -> InvoiceView:
        async with self._transactions.for_shop(caller) as shop:
            try:
                books = await shop.open_client(client_id, needs=Permission.MANAGE_INVOICES)
            except NotFound:
                raise InvalidField("client_id", "must be a client of this shop") from None
            books.require_live_client()
            recorder = shop.recorder
            content = InvoiceContent(
                number=number or "",
                issued_on=issued_on or shop.shop.day_of(recorder.at),
                vehicle=vehicle,
                lines=tuple(lines),
                tax=tax,
            )
            if number is None:
                content = msgspec.structs.replace(content, number=await shop.invoices.next_number())
            elif await shop.invoices.number_taken(number):
                raise InvoiceNumberTaken
            invoice_id = InvoiceId(recorder.new_id())
            await shop.invoices.add(invoice_id, client_id, content)
            return shop.answer(201, await shop.invoices.view(invoice_id))


class InvoiceEdit(Struct, frozen=True, kw_only=True):
    """What to change of an invoice; ``None`` (for the vehicle: ``UNSET``) leaves a field as it is."""

    number: str | None = None
    issued_on: date | None = None
    vehicle: str | UnsetType | None = UNSET
    lines: tuple[InvoiceLine, ...] | None = None
    tax: int | None = None


class EditInvoice:
    """R16."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self, caller: Caller, invoice_id: InvoiceId, edit: InvoiceEdit, *, was: str | None = None
    ) -> InvoiceView:
        """``was``: the digest of the content that the edit was made from; if it says something else by now, the edit is
        refused.
        """
        async with self._transactions.for_shop(caller) as shop:
            books = await shop.open_invoice(invoice_id, needs=Permission.MANAGE_INVOICES)
            old = await shop.invoices.content(invoice_id)
            if was not in {None, old.digest}:
                raise InvoiceChanged
            new = InvoiceContent(
                number=edit.number or old.number,
                issued_on=edit.issued_on or old.issued_on,
                vehicle=old.vehicle if edit.vehicle is UNSET else edit.vehicle,
                lines=old.lines if edit.lines is None else edit.lines,
                tax=old.tax if edit.tax is None else edit.tax,
            )
            invoice = books.edit_invoice(invoice_id, new)
            await _require_free_number(shop, old, new)
            await shop.invoices.change(invoice, new)
            return shop.answer(200, await shop.invoices.view(invoice_id))


async def _require_free_number(shop: ShopTransaction, old: InvoiceContent, new: InvoiceContent) -> None:
    if new.number != old.number and await shop.invoices.number_taken(new.number):
        raise InvoiceNumberTaken


class VoidInvoice:
    """R23."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, invoice_id: InvoiceId) -> InvoiceView:
        async with self._transactions.for_shop(caller) as shop:
            books = await shop.open_invoice(invoice_id, needs=Permission.MANAGE_INVOICES, with_payments=True)
            await shop.invoices.void(books.void_invoice(invoice_id, at=shop.recorder.at))
            return shop.answer(200, await shop.invoices.view(invoice_id))
