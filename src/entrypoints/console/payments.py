"""Payments: take one, with the question about account credit first; show, print, edit and delete it."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Meta, Struct

from core.errors import ClientDeleted, CreditAlreadySpent, InvalidField, InvoiceVoid, OverpaymentChoiceRequired
from core.ids import InvoiceId, PaymentId
from core.ledger import EntryKind
from core.payments import MoneyMethod, OverpaymentChoice, PaymentEdit, PaymentMethod
from core.previews import PaymentPreview
from core.staff import Caller, Permission
from core.views import ClientView, EntryView, InvoiceView, PaymentView, RecordedPaymentView
from entrypoints.console.addresses import invoice_address, payment_address
from entrypoints.console.formats import isolated
from entrypoints.console.forms import AgreedExcess, Amount, FormStruct, SentForm, read_entries
from entrypoints.console.invoices import credit_applied, invoice_facts
from entrypoints.console.refusals import REFUSED, sentence_of
from entrypoints.console.services import Console, ConsoleOf, FormOf, VisitorOf
from entrypoints.console.visitors import Visitor
from entrypoints.console.words import KINDS, METHODS
from entrypoints.staff_api.texts import Reference

MONEY_METHODS = [(method, words, None) for method, words in METHODS.items() if method != PaymentMethod.ACCOUNT_CREDIT]

_CAPPED = {
    "invoice_due": "that is all that is due",
    "credit_balance": "that is all the credit there is",
}


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was answered to the question about credit: the method to pay with."""

    method: PaymentMethod | None = None


class PaymentForm(FormStruct, frozen=True, kw_only=True):
    """``agreed_excess``: what ``overpayment`` was chosen for."""

    method: Annotated[PaymentMethod, Meta(title="Method")]
    amount: Amount | None = None
    reference: Annotated[Reference, Meta(title="Reference")] | None = None
    received_on: Annotated[date, Meta(title="Received on")] | None = None
    overpayment: Annotated[OverpaymentChoice, Meta(title="What to do with the rest")] | None = None
    agreed_excess: AgreedExcess = 0

    def __post_init__(self) -> None:
        if self.amount is None and self.method != PaymentMethod.ACCOUNT_CREDIT:
            raise InvalidField("amount", "is required")


class UnfinishedPaymentForm(FormStruct, frozen=True, kw_only=True):
    """The same while it is filled in."""

    method: PaymentMethod = PaymentMethod.CASH
    amount: Amount | None = None
    reference: str | None = None
    received_on: str | None = None
    overpayment: OverpaymentChoice | None = None
    agreed_excess: AgreedExcess = 0


class PaymentEditForm(FormStruct, frozen=True, kw_only=True):
    """``amount``: only of a payment that captured nothing. ``agreed_excess``: what ``overpayment`` was chosen for."""

    amount: Amount | None = None
    method: Annotated[MoneyMethod, Meta(title="Method")]
    reference: Annotated[Reference, Meta(title="Reference")] | None = None
    received_on: Annotated[date, Meta(title="Received on")]
    overpayment: Annotated[OverpaymentChoice, Meta(title="What to do with the rest")] | None = None
    agreed_excess: AgreedExcess = 0


@get("/invoices/{invoice_id:uuid}/pay")
async def show_pay(console: ConsoleOf, visitor: VisitorOf, invoice_id: FromPath[UUID]) -> Response[str]:
    """R9: the question whether to apply credit, where it is to be asked; after it, the form."""
    visitor.require(Permission.CREATE_PAYMENTS)
    asked = visitor.query(Asked)
    options = await console.show_payment_options(visitor.caller, InvoiceId(invoice_id))
    if asked.method is None and options.offer_credit:
        form = visitor.form(PaymentForm, method=PaymentMethod.ACCOUNT_CREDIT, amount=options.applicable_credit)
        facts = await invoice_facts(console, visitor, invoice_id)
        return visitor.page("payments/ask.html", form=form, options=options, **facts)
    method = asked.method or PaymentMethod.CASH
    amount = options.applicable_credit if method == PaymentMethod.ACCOUNT_CREDIT else max(options.due, 0)
    typed = UnfinishedPaymentForm(method=method, amount=amount or None)
    form = visitor.form(
        PaymentForm, method=method, amount=amount or None, received_on=visitor.formats.today(console.clock.now())
    )
    return visitor.page("payments/pay.html", form=form, **await _paying(console, visitor, invoice_id, typed))


@post("/invoices/{invoice_id:uuid}/pay/preview")
async def preview_pay(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, invoice_id: FromPath[UUID]
) -> Response[Any]:
    """R7, R13: what the payment would do as it is filled in. Nothing is saved."""
    visitor.require(Permission.CREATE_PAYMENTS)
    try:
        typed = form.read(UnfinishedPaymentForm)
    except REFUSED as refusal:
        facts = await _paying(console, visitor, invoice_id, UnfinishedPaymentForm())
        if visitor.asks_for_part("preview"):
            # Somebody is still typing: what is wrong is said once they send it.
            return visitor.part("payments/_preview.html", **facts)
        return visitor.again("payments/pay.html", form, refusal, **facts)
    facts = await _paying(console, visitor, invoice_id, typed)
    if visitor.asks_for_part("preview"):
        return visitor.part("payments/_preview.html", **facts)
    return visitor.page("payments/pay.html", form=form.unchanged(), **facts)


@post("/invoices/{invoice_id:uuid}/pay")
async def pay(console: ConsoleOf, visitor: VisitorOf, form: FormOf, invoice_id: FromPath[UUID]) -> Response[Any]:
    """R7, R8, R13. Needs the permission `create_payments`."""
    visitor.require(Permission.CREATE_PAYMENTS)
    try:
        typed = form.read(PaymentForm)
        payment = await form.once(_record(console, invoice_id, typed), RecordedPaymentView)
    except REFUSED as refusal:
        return await _pay_again(console, visitor, form, invoice_id, refusal)
    invoice = await console.show_invoice(visitor.caller, InvoiceId(invoice_id))
    return visitor.go(payment_address(payment.id), _said(payment, invoice, visitor))


def _record(
    console: Console, invoice_id: UUID, typed: PaymentForm
) -> Callable[[Caller], Awaitable[RecordedPaymentView]]:
    return lambda caller: console.record_payment(
        caller,
        InvoiceId(invoice_id),
        method=typed.method,
        amount=typed.amount,
        overpayment=typed.overpayment,
        reference=typed.reference,
        received_on=typed.received_on,
        agreed_excess=typed.agreed_excess,
    )


async def _pay_again(
    console: Console, visitor: Visitor, form: SentForm, invoice_id: UUID, refusal: Exception
) -> Response[str]:
    try:
        typed = read_entries(form.entries, UnfinishedPaymentForm, visitor.formats)
    except REFUSED:
        typed = UnfinishedPaymentForm()
    facts = await _paying(console, visitor, invoice_id, typed)
    return visitor.again("payments/pay.html", form, refusal, **facts)


def _said(payment: RecordedPaymentView, invoice: InvoiceView, visitor: Visitor) -> str:
    """What was paid, what was captured, and the balance after it: as true when a form that was saved is sent again."""
    money = visitor.formats.money
    if payment.method == PaymentMethod.ACCOUNT_CREDIT and payment.entry is not None:
        paid = f"{money(payment.amount)} of account credit was applied to {isolated(invoice.number)}"
        asked = ""
        if payment.capped_by is not None and payment.requested is not None:
            asked = f" (of {money(payment.requested)} asked for: {_CAPPED[payment.capped_by]})"
        return f"{paid}{asked}. The balance after it: {money(payment.entry.balance_after)}."
    paid = f"{money(payment.amount)} was paid on {isolated(invoice.number)} by {METHODS[payment.method].lower()}."
    if payment.captured and payment.entry is not None:
        kept, balance = money(payment.captured), money(payment.entry.balance_after)
        return f"{paid} {kept} of it was kept as account credit. The balance after it: {balance}."
    return paid


async def _paying(console: Console, visitor: Visitor, invoice_id: UUID, typed: UnfinishedPaymentForm) -> dict[str, Any]:
    """What the page of a payment to be made needs."""
    preview = await console.preview_payment(
        visitor.caller, InvoiceId(invoice_id), method=typed.method, amount=typed.amount, overpayment=None
    )
    options = await console.show_payment_options(visitor.caller, InvoiceId(invoice_id))
    facts = await invoice_facts(console, visitor, invoice_id)
    closed = ClientDeleted() if facts["client"].deleted_at else InvoiceVoid()
    return {
        **facts,
        "options": options,
        "preview": preview,
        "capped": _capped(preview, visitor),
        "closed": None if options.methods else sentence_of(closed, visitor.formats),
        "why_not": _why_not(preview, visitor),
        "methods": [
            (method, METHODS[method], _hint(method, options.credit_balance, visitor)) for method in options.methods
        ],
        "today": visitor.formats.today(console.clock.now()),
    }


def _hint(method: PaymentMethod, balance: int, visitor: Visitor) -> str | None:
    return f"{visitor.formats.money(balance)} on file" if method == PaymentMethod.ACCOUNT_CREDIT else None


def _capped(preview: PaymentPreview, visitor: Visitor) -> str | None:
    """R7: the reason why less is applied than was asked for."""
    if preview.capped_by is None:
        return None
    return f"{visitor.formats.money(preview.amount)} will be applied: {_CAPPED[preview.capped_by]}."


def _why_not(preview: PaymentPreview, visitor: Visitor) -> str | None:
    """Not for an amount that is still missing, and not for the question that is asked beside it."""
    refusal = preview.refusal
    if refusal is None or isinstance(refusal, InvalidField | OverpaymentChoiceRequired):
        return None
    return sentence_of(refusal, visitor.formats)


@get("/payments/{payment_id:uuid}")
async def show_payment(console: ConsoleOf, visitor: VisitorOf, payment_id: FromPath[UUID]) -> Response[str]:
    """What was paid, what of it was captured, and what the balance is now. Deleted payments are kept (R22)."""
    return visitor.page("payments/payment.html", **await _payment_facts(console, visitor, payment_id))


@get("/payments/{payment_id:uuid}/receipt")
async def show_receipt(console: ConsoleOf, visitor: VisitorOf, payment_id: FromPath[UUID]) -> Response[str]:
    """A page to print and hand over."""
    facts = await _payment_facts(console, visitor, payment_id)
    used = _credit_line(facts["payment"], facts["invoice"], facts["client"])
    return visitor.page("payments/receipt.html", credit=used, now=console.clock.now(), **facts)


async def _payment_facts(console: Console, visitor: Visitor, payment_id: UUID) -> dict[str, Any]:
    payment = await console.show_payment(visitor.caller, PaymentId(payment_id))
    return {"payment": payment, "kind_words": KINDS, **await invoice_facts(console, visitor, payment.invoice_id)}


def _credit_line(payment: PaymentView, invoice: InvoiceView, client: ClientView) -> tuple[int, int] | None:
    """Credit used and credit left: of an Account Credit payment by itself, of another one what its invoice has used."""
    applied = _entry(payment, EntryKind.APPLIED)
    if applied is not None:
        return -applied.amount, applied.balance_after
    used = credit_applied(invoice)
    return (used, client.credit) if used else None


def _entry(payment: PaymentView, kind: EntryKind) -> EntryView | None:
    return next((entry for entry in payment.entries if entry.kind == kind), None)


@get("/payments/{payment_id:uuid}/edit")
async def show_edit_payment(console: ConsoleOf, visitor: VisitorOf, payment_id: FromPath[UUID]) -> Response[str]:
    """The form with what is noted of a payment, or why it cannot be changed."""
    visitor.require(Permission.CREATE_PAYMENTS)
    facts = await _editing(console, visitor, payment_id)
    payment: PaymentView = facts["payment"]
    if payment.method == PaymentMethod.ACCOUNT_CREDIT:
        return visitor.page("payments/edit.html", form=visitor.form(), excess=None, **facts)
    noted: dict[str, Any] = {
        "method": payment.method,
        "reference": payment.reference,
        "received_on": payment.received_on,
    }
    if not payment.captured:
        noted["amount"] = payment.amount
    form = visitor.edit_form(PaymentEditForm, **noted)
    return visitor.page("payments/edit.html", form=form, excess=None, **facts)


@post("/payments/{payment_id:uuid}/edit")
async def edit_payment(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, payment_id: FromPath[UUID]
) -> Response[Any]:
    """R10, R13, R21. Needs the permission `create_payments`."""
    visitor.require(Permission.CREATE_PAYMENTS)
    try:
        edit = _edit_of(form)
        await form.once(lambda caller: console.edit_payment(caller, PaymentId(payment_id), edit), PaymentView)
    except REFUSED as refusal:
        excess = refusal.excess if isinstance(refusal, OverpaymentChoiceRequired) else None
        facts = await _editing(console, visitor, payment_id)
        return visitor.again("payments/edit.html", form, refusal, PaymentEditForm, excess=excess, **facts)
    return visitor.go(payment_address(payment_id), "The payment was saved.")


def _edit_of(form: SentForm) -> PaymentEdit:
    """Raises InvalidFields, InvalidField."""
    typed = form.read(PaymentEditForm)
    if typed.amount is None and "amount" in form.entries:
        raise InvalidField("amount", "is required")
    changed = form.changed(
        amount=typed.amount, method=typed.method, reference=typed.reference, received_on=typed.received_on
    )
    return PaymentEdit(**changed, overpayment=typed.overpayment, agreed_excess=typed.agreed_excess)


async def _editing(console: Console, visitor: Visitor, payment_id: UUID) -> dict[str, Any]:
    facts = await _payment_facts(console, visitor, payment_id)
    return {**facts, "methods": MONEY_METHODS, "today": visitor.formats.today(console.clock.now())}


@get("/payments/{payment_id:uuid}/delete")
async def show_delete_payment(console: ConsoleOf, visitor: VisitorOf, payment_id: FromPath[UUID]) -> Response[str]:
    """What deleting would do, or why it cannot be."""
    visitor.require(Permission.CREATE_PAYMENTS)
    return visitor.page("payments/delete.html", form=visitor.form(), **await _deleting(console, visitor, payment_id))


@post("/payments/{payment_id:uuid}/delete")
async def delete_payment(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, payment_id: FromPath[UUID]
) -> Response[Any]:
    """R11, R21. Needs the permission `create_payments`."""
    try:
        await form.once(lambda caller: console.delete_payment(caller, PaymentId(payment_id)), type(None))
    except REFUSED as refusal:
        return visitor.again("payments/delete.html", form, refusal, **await _deleting(console, visitor, payment_id))
    facts = await _payment_facts(console, visitor, payment_id)
    payment: PaymentView = facts["payment"]
    return visitor.go(invoice_address(payment.invoice_id), _said_of_deleted(payment, visitor))


def _said_of_deleted(payment: PaymentView, visitor: Visitor) -> str:
    money = visitor.formats.money
    said = f"The payment of {money(payment.amount)} was deleted."
    # A deleted payment has nothing captured any more; what was voided with it stands in the ledger.
    with_it = [entry for entry in payment.entries if entry.reason == "payment_deleted"]
    if not with_it:
        return said
    moved, balance = sum(entry.amount for entry in with_it), with_it[-1].balance_after
    what = (
        f"{money(moved)} of credit went back" if moved > 0 else f"{money(-moved)} of captured credit was voided with it"
    )
    return f"{said} {what}. The balance after it: {money(balance)}."


async def _deleting(console: Console, visitor: Visitor, payment_id: UUID) -> dict[str, Any]:
    preview = await console.preview_delete_payment(visitor.caller, PaymentId(payment_id))
    return {**await _payment_facts(console, visitor, payment_id), **deletion_facts(preview, visitor)}


def deletion_facts(preview: Any, visitor: Visitor) -> dict[str, Any]:
    """What a page that deletes payments says: the effect, or why it cannot be."""
    refusal = preview.refusal
    return {
        "preview": preview,
        "why_not": None if refusal is None else sentence_of(refusal, visitor.formats),
        "spent": refusal if isinstance(refusal, CreditAlreadySpent) else None,
    }


routes = [
    show_pay,
    preview_pay,
    pay,
    show_payment,
    show_receipt,
    show_edit_payment,
    edit_payment,
    show_delete_payment,
    delete_payment,
]
