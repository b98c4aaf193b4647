"""Bulk payments: money for several invoices of one client at once, and deleting it all together."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Meta, Struct

from core.books import Allocation
from core.errors import AllocationExceedsDue, InvalidField, NotFound
from core.ids import BulkPaymentId, ClientId, InvoiceId
from core.money import read_amount
from core.payments import MoneyMethod, PaymentMethod
from core.staff import Permission
from core.use_cases.bulk_payments import MAX_ALLOCATIONS, MIN_ALLOCATIONS
from core.views import BulkPaymentView, InvoiceView
from entrypoints.console.addresses import bulk_payment_address
from entrypoints.console.forms import Amount, FormStruct, SentForm
from entrypoints.console.payments import MONEY_METHODS, deletion_facts
from entrypoints.console.refusals import REFUSED
from entrypoints.console.services import Console, ConsoleOf, FormOf, VisitorOf
from entrypoints.console.visitors import Visitor
from entrypoints.console.words import METHODS
from entrypoints.staff_api.texts import Reference


class Filling(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``fill``: every amount is what is due on its invoice."""

    fill: bool = False


class AllocationForm(FormStruct, frozen=True, kw_only=True):
    """An invoice that the form offers; without an amount nothing is paid on it."""

    invoice_id: Annotated[UUID, Meta(title="Invoice")]
    amount: Annotated[Amount, Meta(title="Amount on line")] | None = None


class BulkPaymentForm(FormStruct, frozen=True, kw_only=True):
    allocations: Annotated[tuple[AllocationForm, ...], Meta(max_length=MAX_ALLOCATIONS, title="Invoices")] = ()
    method: Annotated[MoneyMethod, Meta(title="Method")]
    reference: Annotated[Reference, Meta(title="Reference")] | None = None
    received_on: Annotated[date, Meta(title="Received on")] | None = None

    @property
    def chosen(self) -> list[tuple[int, Allocation]]:
        """The places in the form, and what is paid there. Raises InvalidField."""
        chosen = [
            (place, Allocation(InvoiceId(each.invoice_id), each.amount))
            for place, each in enumerate(self.allocations)
            if each.amount is not None
        ]
        if len(chosen) < MIN_ALLOCATIONS:
            raise InvalidField("allocations", "must be at least two: give the amounts that are paid on each")
        return chosen


@get("/clients/{client_id:uuid}/bulk-payment")
async def show_bulk_payment(console: ConsoleOf, visitor: VisitorOf, client_id: FromPath[UUID]) -> Response[str]:
    """The client's open invoices, with an amount to give for each."""
    visitor.require(Permission.CREATE_PAYMENTS)
    filling = visitor.query(Filling)
    facts = await _paying(console, visitor, client_id)
    offered: list[InvoiceView] = facts["invoices"]
    form = visitor.form(
        BulkPaymentForm,
        allocations=[
            {"invoice_id": invoice.id, "amount": invoice.due if filling.fill else None} for invoice in offered
        ],
        method=PaymentMethod.CHECK,
        received_on=visitor.formats.today(console.clock.now()),
    )
    facts["rows"] = list(zip(form.rows("allocations"), offered, strict=True))
    facts["total"] = sum(invoice.due for invoice in offered) if filling.fill else 0
    return visitor.page("bulk_payments/pay.html", form=form, **facts)


@post("/clients/{client_id:uuid}/bulk-payment/total")
async def preview_bulk_payment(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, client_id: FromPath[UUID]
) -> Response[str]:
    """What the amounts come to. Nothing is saved."""
    visitor.require(Permission.CREATE_PAYMENTS)
    facts = await _paying(console, visitor, client_id, form)
    if visitor.asks_for_part("bulk-total"):
        return visitor.part("bulk_payments/_total.html", **facts)
    try:
        form.read(BulkPaymentForm)
    except REFUSED as refusal:
        return visitor.again("bulk_payments/pay.html", form, refusal, **facts)
    return visitor.page("bulk_payments/pay.html", form=form.unchanged(), **facts)


@post("/clients/{client_id:uuid}/bulk-payment")
async def record_bulk_payment(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, client_id: FromPath[UUID]
) -> Response[Any]:
    """R12. Needs the permission `create_payments`."""
    visitor.require(Permission.CREATE_PAYMENTS)
    chosen: list[tuple[int, Allocation]] = []
    try:
        typed = form.read(BulkPaymentForm)
        chosen = typed.chosen
        bulk = await form.once(
            lambda caller: console.record_bulk_payment(
                caller,
                ClientId(client_id),
                method=PaymentMethod(typed.method),
                allocations=[allocation for _, allocation in chosen],
                reference=typed.reference,
                received_on=typed.received_on,
            ),
            BulkPaymentView,
        )
    except REFUSED as refusal:
        facts = await _paying(console, visitor, client_id, form)
        return visitor.again("bulk_payments/pay.html", form, _beside(refusal, chosen, visitor), **facts)
    paid = visitor.formats.money(bulk.amount)
    return visitor.go(bulk_payment_address(bulk.id), f"{paid} was paid on {len(bulk.payments)} invoices.")


def _beside(refusal: Exception, chosen: list[tuple[int, Allocation]], visitor: Visitor) -> Exception:
    """A refusal of one part, said at the place that it has in the form."""
    if not isinstance(refusal, AllocationExceedsDue):
        return refusal
    place, _ = chosen[refusal.allocation]
    return InvalidField(
        f"allocations[{place}].amount", f"cannot be more than what is due: {visitor.formats.money(refusal.due)}"
    )


async def _paying(console: Console, visitor: Visitor, client_id: UUID, form: SentForm | None = None) -> dict[str, Any]:
    """The page's facts: the open invoices that were made first, and by the rows of the form the one that each names,
    open or no longer.

    Raises:
        NotFound.
    """
    client = await console.show_client(visitor.caller, ClientId(client_id))
    page = await console.list_invoices(
        visitor.caller,
        client_id=ClientId(client_id),
        status="open",
        after=None,
        limit=MAX_ALLOCATIONS,
        oldest_first=True,
    )
    by_id = {invoice.id: invoice for invoice in page.items}
    typed = [] if form is None else _typed(form, visitor)
    for _, invoice_id, _ in typed:
        if invoice_id not in by_id:
            by_id[invoice_id] = await _of_client(console, visitor, client_id, invoice_id)
    return {
        "client": client,
        "invoices": list(by_id.values()),
        "more": page.next_position is not None,
        "rows": [(row, by_id[invoice_id]) for row, invoice_id, _ in typed],
        "total": sum(amount for _, _, amount in typed),
        "most": MAX_ALLOCATIONS,
        "methods": MONEY_METHODS,
        "today": visitor.formats.today(console.clock.now()),
    }


async def _of_client(console: Console, visitor: Visitor, client_id: UUID, invoice_id: UUID) -> InvoiceView:
    """One that is no longer open. Raises NotFound."""
    invoice = await console.show_invoice(visitor.caller, InvoiceId(invoice_id))
    if invoice.client_id != client_id:
        raise NotFound
    return invoice


def _typed(form: SentForm, visitor: Visitor) -> list[tuple[str, UUID, int]]:
    """By the rows of the form: the invoice that it names, and the amount, 0 while it is none. Raises NotFound."""
    typed = []
    for row in form.unchanged().rows("allocations"):
        named, amount = (form.entries.get(f"{row}.{field}", [""])[0] for field in ("invoice_id", "amount"))
        try:
            invoice_id = UUID(named)
        except ValueError:
            raise NotFound from None
        formats = visitor.formats
        try:
            typed.append((row, invoice_id, read_amount(amount, formats.minor_unit_digits, symbols=formats.symbols)))
        except InvalidField:
            typed.append((row, invoice_id, 0))
    return typed


@get("/bulk-payments/{bulk_payment_id:uuid}")
async def show_bulk(console: ConsoleOf, visitor: VisitorOf, bulk_payment_id: FromPath[UUID]) -> Response[str]:
    """Its payments, each on an invoice of its own."""
    return visitor.page("bulk_payments/bulk_payment.html", **await _bulk(console, visitor, bulk_payment_id))


@get("/bulk-payments/{bulk_payment_id:uuid}/delete")
async def show_delete_bulk(console: ConsoleOf, visitor: VisitorOf, bulk_payment_id: FromPath[UUID]) -> Response[str]:
    """What deleting all of it would do, or why it cannot be."""
    visitor.require(Permission.CREATE_PAYMENTS)
    facts = await _bulk(console, visitor, bulk_payment_id)
    return visitor.page("bulk_payments/delete.html", form=visitor.form(), **facts)


@post("/bulk-payments/{bulk_payment_id:uuid}/delete")
async def delete_bulk(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, bulk_payment_id: FromPath[UUID]
) -> Response[Any]:
    """R12, R21. Needs the permission `create_payments`."""
    try:
        await form.once(lambda caller: console.delete_bulk_payment(caller, BulkPaymentId(bulk_payment_id)), type(None))
    except REFUSED as refusal:
        facts = await _bulk(console, visitor, bulk_payment_id)
        return visitor.again("bulk_payments/delete.html", form, refusal, **facts)
    return visitor.go(bulk_payment_address(bulk_payment_id), "The payments were deleted, all together.")


async def _bulk(console: Console, visitor: Visitor, bulk_payment_id: UUID) -> dict[str, Any]:
    preview = await console.preview_delete_bulk_payment(visitor.caller, BulkPaymentId(bulk_payment_id))
    invoice = await console.show_invoice(visitor.caller, preview.invoices[0].id)
    return {
        "bulk_payment_id": bulk_payment_id,
        "client": await console.show_client(visitor.caller, ClientId(invoice.client_id)),
        "numbers": {invoice.id: invoice.number for invoice in preview.invoices},
        "method_words": METHODS,
        **deletion_facts(preview, visitor),
    }


routes = [
    show_bulk_payment,
    preview_bulk_payment,
    record_bulk_payment,
    show_bulk,
    show_delete_bulk,
    delete_bulk,
]
