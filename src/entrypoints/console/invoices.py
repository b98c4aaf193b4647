"""Invoices: the list, one with its lines and payments, new, edit, void, and capturing what one is overpaid."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Meta

from core.errors import InvalidField, InvoiceChanged
from core.ids import ClientId, InvoiceId
from core.invoices import InvoiceContent, InvoiceLine, InvoiceStatus
from core.money import MAX_AMOUNT
from core.payments import PaymentMethod
from core.staff import Permission
from core.use_cases.invoices import InvoiceEdit
from core.views import CaptureView, ClientView, InvoiceView
from entrypoints.console.addresses import INVOICES, client_address, invoice_address
from entrypoints.console.formats import isolated
from entrypoints.console.forms import AgreedExcess, AmountOrZero, FormStruct, SentForm, SignedAmount
from entrypoints.console.refusals import REFUSED
from entrypoints.console.services import Console, ConsoleOf, FormOf, VisitorOf
from entrypoints.console.visitors import Visitor, listing
from entrypoints.console.words import METHODS
from entrypoints.http.cursors import ListFilters
from entrypoints.http.problems import InvalidFields
from entrypoints.staff_api.texts import NO_CONTROL_CHARACTERS, ONE_LINE, Number, Vehicle

STATUSES: tuple[InvoiceStatus, ...] = ("open", "overpaid", "paid", "void")

_LIST = "console invoices"


class StatusFilters(ListFilters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    status: InvoiceStatus | None = None


_QUANTITY = r"^(?=.*[1-9])[0-9]{1,7}(\.[0-9]{1,4})?$(?!\n)"
_SAYS_QUANTITY = {"message": "must be a number above zero, such as 1.5, with at most 4 decimal places"}


class LineForm(FormStruct, frozen=True, kw_only=True):
    description: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=200,
            pattern=ONE_LINE,
            title="Description of line",
            extra={"message": NO_CONTROL_CHARACTERS},
        ),
    ]
    quantity: Annotated[str, Meta(pattern=_QUANTITY, title="Quantity of line", extra=_SAYS_QUANTITY)] = "1"
    unit_price: Annotated[SignedAmount, Meta(title="Unit price of line")]

    @property
    def line(self) -> InvoiceLine:
        whole = self.quantity.isdigit()
        return InvoiceLine(
            description=self.description,
            quantity=int(self.quantity) if whole else self.quantity,
            unit_price=self.unit_price,
        )


class InvoiceForm(FormStruct, frozen=True, kw_only=True):
    """``was``: the digest of what the invoice said when it was shown to be edited."""

    number: Annotated[Number, Meta(title="Number")] | None = None
    issued_on: Annotated[date, Meta(title="Date")] | None = None
    vehicle: Annotated[Vehicle, Meta(title="Vehicle")] | None = None
    lines: Annotated[tuple[LineForm, ...], Meta(min_length=1, max_length=100, title="Lines")]
    tax: Annotated[AmountOrZero, Meta(title="Tax")] = 0
    was: str = ""

    @property
    def invoice_lines(self) -> tuple[InvoiceLine, ...]:
        return tuple(each.line for each in self.lines)

    @property
    def total(self) -> int:
        """Raises InvalidField, which speaks of minor units."""
        return InvoiceContent(number="", issued_on=date.min, vehicle=None, lines=self.invoice_lines, tax=self.tax).total


class CaptureForm(FormStruct, frozen=True, kw_only=True):
    """``agreed_excess``: what the page asked about."""

    agreed_excess: AgreedExcess = 0


@get("/invoices")
async def list_invoices(console: ConsoleOf, visitor: VisitorOf) -> Response[Any]:
    """The newest first, of one status or of all."""
    filters = visitor.query(StatusFilters)
    cursors = console.cursors.of_list(_LIST, visitor.caller, filters)
    page = await console.list_invoices(
        visitor.caller, client_id=None, status=filters.status, after=cursors.after, limit=filters.limit
    )
    client_ids = dict.fromkeys(ClientId(invoice.client_id) for invoice in page.items)
    names = await console.name_clients(visitor.caller, list(client_ids))
    facts: dict[str, Any] = {
        "invoices": listing(visitor, console.cursors, _LIST, INVOICES, filters, page),
        "names": names,
        "filters": filters,
        "tabs": [("All", INVOICES), *((status.capitalize(), f"{INVOICES}?status={status}") for status in STATUSES)],
    }
    return visitor.page("invoices/list.html", **facts)


@get("/invoices/{invoice_id:uuid}")
async def show_invoice(console: ConsoleOf, visitor: VisitorOf, invoice_id: FromPath[UUID]) -> Response[str]:
    """With its lines, its live payments and what is due."""
    return visitor.page("invoices/invoice.html", **await invoice_facts(console, visitor, invoice_id))


async def invoice_facts(console: Console, visitor: Visitor, invoice_id: UUID) -> dict[str, Any]:
    """An invoice, its client, and what of it account credit pays.

    Raises:
        NotFound.
    """
    invoice = await console.show_invoice(visitor.caller, InvoiceId(invoice_id))
    client = await console.show_client(visitor.caller, ClientId(invoice.client_id))
    return {"invoice": invoice, "client": client, "credit_applied": credit_applied(invoice), "method_words": METHODS}


def credit_applied(invoice: InvoiceView) -> int:
    """What its live Account Credit payments pay of it."""
    return sum(each.settled for each in invoice.payments if each.method == PaymentMethod.ACCOUNT_CREDIT)


@get("/clients/{client_id:uuid}/invoices/add")
async def show_add_invoice(console: ConsoleOf, visitor: VisitorOf, client_id: FromPath[UUID]) -> Response[str]:
    """The form for a new invoice of a client."""
    visitor.require(Permission.MANAGE_INVOICES)
    form = visitor.form(
        InvoiceForm,
        issued_on=visitor.formats.today(console.clock.now()),
        lines=[{"description": ""}],
        tax=None,
    )
    return visitor.page("invoices/edit.html", form=form, **await _adding(console, visitor, client_id))


@post("/clients/{client_id:uuid}/invoices/add/lines")
async def add_line_to_new(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, client_id: FromPath[UUID]
) -> Response[str]:
    """The form with a blank line more, or what the total of its lines is. Nothing is saved."""
    visitor.require(Permission.MANAGE_INVOICES)
    return _with_a_line(visitor, form, await _adding(console, visitor, client_id))


@post("/clients/{client_id:uuid}/invoices/add")
async def add_invoice(console: ConsoleOf, visitor: VisitorOf, form: FormOf, client_id: FromPath[UUID]) -> Response[Any]:
    """Needs the permission `manage_invoices`."""
    visitor.require(Permission.MANAGE_INVOICES)
    form.drop_blank_rows("lines", but="quantity")
    try:
        typed = _read(form, visitor)
        invoice = await form.once(
            lambda caller: console.add_invoice(
                caller,
                ClientId(client_id),
                number=typed.number,
                issued_on=typed.issued_on,
                vehicle=typed.vehicle,
                lines=typed.invoice_lines,
                tax=typed.tax,
            ),
            InvoiceView,
        )
    except REFUSED as refusal:
        return visitor.again("invoices/edit.html", form, refusal, **await _adding(console, visitor, client_id))
    return visitor.go(invoice_address(invoice.id), f"{isolated(invoice.number)} was added.")


@get("/invoices/{invoice_id:uuid}/edit")
async def show_edit_invoice(console: ConsoleOf, visitor: VisitorOf, invoice_id: FromPath[UUID]) -> Response[str]:
    """The form with what the invoice says."""
    visitor.require(Permission.MANAGE_INVOICES)
    facts = await _editing(console, visitor, invoice_id)
    invoice: InvoiceView = facts["invoice"]
    form = visitor.form(
        InvoiceForm,
        number=invoice.number,
        issued_on=invoice.issued_on,
        vehicle=invoice.vehicle,
        lines=invoice.lines,
        tax=invoice.tax,
        was=_digest_of(invoice),
    )
    return visitor.page("invoices/edit.html", form=form, **{**facts, "total": invoice.total})


@post("/invoices/{invoice_id:uuid}/edit/lines")
async def add_line_to_edited(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, invoice_id: FromPath[UUID]
) -> Response[str]:
    """The form with a blank line more, or what the total of its lines is. Nothing is saved."""
    visitor.require(Permission.MANAGE_INVOICES)
    return _with_a_line(visitor, form, await _editing(console, visitor, invoice_id))


@post("/invoices/{invoice_id:uuid}/edit")
async def edit_invoice(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, invoice_id: FromPath[UUID]
) -> Response[Any]:
    """R16. Needs the permission `manage_invoices`."""
    visitor.require(Permission.MANAGE_INVOICES)
    form.drop_blank_rows("lines", but="quantity")
    try:
        typed = _read(form, visitor)
        edit = InvoiceEdit(
            number=typed.number,
            issued_on=typed.issued_on,
            vehicle=typed.vehicle,
            lines=typed.invoice_lines,
            tax=typed.tax,
        )
        invoice = await form.once(
            lambda caller: console.edit_invoice(caller, InvoiceId(invoice_id), edit, was=typed.was), InvoiceView
        )
    except REFUSED as refusal:
        facts = await _editing(console, visitor, invoice_id)
        if isinstance(refusal, InvoiceChanged):
            # What was typed stays. Saved once more it replaces what the page shows now, and nothing that it does not.
            facts |= {"changed": True, "total": _total(form)}
            form.now_shows("was", _digest_of(facts["invoice"]))
        return visitor.again("invoices/edit.html", form, refusal, **facts)
    return visitor.go(invoice_address(invoice.id), f"{isolated(invoice.number)} was saved.")


def _read(form: SentForm, visitor: Visitor) -> InvoiceForm:
    """Raises InvalidFields, InvalidField."""
    typed = form.read(InvoiceForm)
    try:
        _ = typed.total
    except InvalidField as refusal:
        least, most = visitor.formats.money(0), visitor.formats.money(MAX_AMOUNT)
        said = f"must add up, with the tax, to a total from {least} to {most}"
        raise InvalidField(refusal.field, said) from None
    return typed


def _digest_of(invoice: InvoiceView) -> str:
    """Of what the form shows of it."""
    return InvoiceContent(
        number=invoice.number,
        issued_on=invoice.issued_on,
        vehicle=invoice.vehicle,
        lines=tuple(invoice.lines),
        tax=invoice.tax,
    ).digest


def _with_a_line(visitor: Visitor, form: SentForm, facts: dict[str, Any]) -> Response[str]:
    facts["total"] = _total(form)
    if visitor.asks_for_part("invoice-total"):
        return visitor.part("invoices/_total.html", **facts)
    return visitor.page("invoices/edit.html", form=form.with_one_more("lines", "description", InvoiceForm), **facts)


def _total(form: SentForm) -> int | None:
    """What the lines and the tax come to, or None while something is not right with them."""
    sent = form.entries
    try:
        form.drop_blank_rows("lines", but="quantity")
        return form.read(InvoiceForm).total
    except (InvalidFields, InvalidField):
        return None
    finally:
        form.entries = sent


async def _adding(console: Console, visitor: Visitor, client_id: UUID) -> dict[str, Any]:
    client = await console.show_client(visitor.caller, ClientId(client_id))
    return _edited(client, None, f"{client_address(client_id)}/invoices/add", client_address(client_id))


async def _editing(console: Console, visitor: Visitor, invoice_id: UUID) -> dict[str, Any]:
    invoice = await console.show_invoice(visitor.caller, InvoiceId(invoice_id))
    client = await console.show_client(visitor.caller, ClientId(invoice.client_id))
    here = invoice_address(invoice_id)
    return _edited(client, invoice, f"{here}/edit", here)


def _edited(client: ClientView, invoice: InvoiceView | None, action: str, back: str) -> dict[str, Any]:
    applied = 0 if invoice is None else credit_applied(invoice)
    return {
        "client": client,
        "invoice": invoice,
        "credit_applied": applied,
        "action": action,
        "back": back,
        "total": None,
        "changed": False,
    }


@get("/invoices/{invoice_id:uuid}/void")
async def show_void_invoice(console: ConsoleOf, visitor: VisitorOf, invoice_id: FromPath[UUID]) -> Response[str]:
    """What voiding means, and whether it is possible."""
    visitor.require(Permission.MANAGE_INVOICES)
    facts = await invoice_facts(console, visitor, invoice_id)
    return visitor.page("invoices/void.html", form=visitor.form(), **facts)


@post("/invoices/{invoice_id:uuid}/void")
async def void_invoice(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, invoice_id: FromPath[UUID]
) -> Response[Any]:
    """R23. Needs the permission `manage_invoices`."""
    try:
        invoice = await form.once(lambda caller: console.void_invoice(caller, InvoiceId(invoice_id)), InvoiceView)
    except REFUSED as refusal:
        facts = await invoice_facts(console, visitor, invoice_id)
        return visitor.again("invoices/void.html", form, refusal, **facts)
    return visitor.go(invoice_address(invoice_id), f"{isolated(invoice.number)} was voided.")


@get("/invoices/{invoice_id:uuid}/capture")
async def show_capture(console: ConsoleOf, visitor: VisitorOf, invoice_id: FromPath[UUID]) -> Response[str]:
    """What capturing the overpayment would do."""
    visitor.require(Permission.CREATE_PAYMENTS)
    facts = await invoice_facts(console, visitor, invoice_id)
    return visitor.page("invoices/capture.html", form=visitor.form(CaptureForm), **facts)


@post("/invoices/{invoice_id:uuid}/capture")
async def capture_overpayment(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, invoice_id: FromPath[UUID]
) -> Response[Any]:
    """R15. Needs the permission `create_payments`."""
    visitor.require(Permission.CREATE_PAYMENTS)
    try:
        agreed = form.read(CaptureForm).agreed_excess
        captured = await form.once(
            lambda caller: console.capture_overpayment(caller, InvoiceId(invoice_id), agreed_excess=agreed),
            CaptureView,
        )
    except REFUSED as refusal:
        facts = await invoice_facts(console, visitor, invoice_id)
        return visitor.again("invoices/capture.html", form, refusal, **facts)
    kept, balance = (visitor.formats.money(each) for each in (captured.captured, captured.entries[-1].balance_after))
    return visitor.go(
        invoice_address(invoice_id), f"{kept} was kept as account credit. The balance after it: {balance}."
    )


routes = [
    list_invoices,
    show_invoice,
    show_add_invoice,
    add_line_to_new,
    add_invoice,
    show_edit_invoice,
    add_line_to_edited,
    edit_invoice,
    show_void_invoice,
    void_invoice,
    show_capture,
    capture_overpayment,
]
