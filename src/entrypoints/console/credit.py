"""The Credit tab of a client: the ledger, where the balance came from, adding and voiding."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Stream
from msgspec import Meta

from core.errors import CreditAlreadySpent, NotFound
from core.ids import ClientId, EntryId, InvoiceId
from core.ledger import ADD_REASONS, AddReason, EntryKind
from core.previews import AddPreview
from core.staff import Caller, Permission
from core.views import ClientView, EntryView, InvoiceView, Page
from entrypoints.console.addresses import credit_address
from entrypoints.console.charts import chart_of_days, chart_of_entries
from entrypoints.console.client import NoFilters, client_facts, facts_of
from entrypoints.console.formats import isolated
from entrypoints.console.forms import Amount, FormStruct
from entrypoints.console.periods import DaysFilters
from entrypoints.console.refusals import REFUSED, sentence_of
from entrypoints.console.services import Console, ConsoleOf, FormOf, VisitorOf
from entrypoints.console.visitors import Visitor, listing
from entrypoints.console.words import ADD_REASON_HINTS, KINDS, REASONS
from entrypoints.staff_api.bodies import Note
from entrypoints.staff_api.filters import ExportFilters
from entrypoints.staff_api.ledger_csv import csv_answer

TAB = "Credit"
INVOICES_OFFERED = 100
"""So many of a client's invoices, the newest, can be named as the origin of credit."""
SOURCES_SHOWN = 10

_LEDGER, _SOURCES = "console credit", "console explained balance"


class LedgerFilters(DaysFilters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a list of entries can be narrowed to."""

    kind: EntryKind | None = None


class CreditForm(FormStruct, frozen=True, kw_only=True):
    reason: Annotated[AddReason, Meta(title="Reason")]
    amount: Amount
    note: Annotated[Note, Meta(title="Note")]
    invoice_id: Annotated[UUID, Meta(title="Invoice")] | None = None


class UnfinishedCreditForm(FormStruct, frozen=True, kw_only=True):
    """The same while it is filled in."""

    reason: Annotated[AddReason, Meta(title="Reason")] = "goodwill"
    amount: Amount | None = None
    note: Annotated[str, Meta(title="Note")] | None = None
    invoice_id: Annotated[UUID, Meta(title="Invoice")] | None = None


class VoidForm(FormStruct, frozen=True, kw_only=True):
    note: Annotated[Note, Meta(title="Note")]


@get("/clients/{client_id:uuid}/credit")
async def show_credit(console: ConsoleOf, visitor: VisitorOf, client_id: FromPath[UUID]) -> Response[str]:
    """R27, R28: the balance, the ledger newest first, and where the balance came from."""
    filters = visitor.query(LedgerFilters)
    cursors = console.cursors.of_list(_LEDGER, visitor.caller, filters, client_id)
    narrowed = bool(filters.kind or filters.first or filters.last)
    asked: dict[str, Any] = {
        "kind": filters.kind,
        "first": filters.first,
        "last": filters.last,
        "after": cursors.after,
        "limit": filters.limit,
    }

    def facts(client: ClientView, page: Page[EntryView]) -> dict[str, Any]:
        ledger = listing(
            visitor, console.cursors, _LEDGER, credit_address(client_id), filters, page, client_id=client_id
        )
        return {
            "ledger": ledger,
            "filters": filters,
            "narrowed": narrowed,
            "wrong": filters.wrong,
            **facts_of(client, visitor, TAB),
            **_words(),
        }

    if visitor.asks_for_part("ledger"):
        # Also for days in the wrong order, between which there is nothing: somebody may be typing the other one.
        client, page = await console.show_client_ledger(visitor.caller, ClientId(client_id), **asked)
        return visitor.part("credit/_ledger_part.html", **facts(client, page))
    shown = await console.show_explained_ledger(visitor.caller, ClientId(client_id), sources=SOURCES_SHOWN, **asked)
    page = shown.entries
    chart = chart_of_days(shown.history, visitor.formats)
    if chart is None and not narrowed and filters.cursor is None and page.next_position is None:
        chart = chart_of_entries(page.items, visitor.formats)
    return visitor.page(
        "credit/tab.html",
        status=422 if filters.wrong else 200,
        chart=chart,
        explanation=shown.explanation,
        kinds=list(EntryKind),
        **facts(shown.client, page),
    )


@get("/clients/{client_id:uuid}/credit/explained")
async def show_explained_balance(console: ConsoleOf, visitor: VisitorOf, client_id: FromPath[UUID]) -> Response[str]:
    """Every source of the balance, the newest page of them first."""
    filters = visitor.query(NoFilters)
    cursors = console.cursors.of_list(_SOURCES, visitor.caller, filters, client_id)
    explanation = await console.explain_balance(
        visitor.caller, ClientId(client_id), after=cursors.after, limit=filters.limit
    )
    facts = await client_facts(console, visitor, client_id, TAB)
    older = cursors.write(explanation.next_position)
    return visitor.page("credit/explained.html", explanation=explanation, older=older, **facts, **_words())


@get("/clients/{client_id:uuid}/credit.csv", media_type="text/csv")
async def export_credit(console: ConsoleOf, visitor: VisitorOf, client_id: FromPath[UUID]) -> Stream:
    """The same entries as the page shows, all of them, the oldest first."""
    filters = visitor.query(ExportFilters)
    shop, parts = await console.export_entries(
        visitor.caller, ClientId(client_id), kind=filters.kind, first=filters.first, last=filters.last
    )
    return csv_answer(shop, parts)


@get("/clients/{client_id:uuid}/credit/add")
async def show_add_credit(console: ConsoleOf, visitor: VisitorOf, client_id: FromPath[UUID]) -> Response[str]:
    """The form for credit given by hand."""
    visitor.require(Permission.CREATE_PAYMENTS)
    preview = await _preview(console, visitor, client_id, UnfinishedCreditForm())
    form = visitor.form(CreditForm, reason="goodwill")
    return visitor.page("credit/add.html", form=form, **await _adding(console, visitor, client_id, preview))


@post("/clients/{client_id:uuid}/credit/add/preview")
async def preview_credit(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, client_id: FromPath[UUID]
) -> Response[Any]:
    """What adding it would do. Nothing is saved."""
    visitor.require(Permission.CREATE_PAYMENTS)
    unfinished, wrong = UnfinishedCreditForm(), None
    try:
        unfinished = form.read(UnfinishedCreditForm)
    except REFUSED as refusal:
        wrong = refusal
    preview = await _preview(console, visitor, client_id, unfinished)
    if visitor.asks_for_part("preview"):
        # Somebody is still typing: what is wrong is said once they send it.
        return visitor.part("credit/_add_preview.html", **_previewed(visitor, preview))
    facts = await _adding(console, visitor, client_id, preview)
    if wrong is not None:
        return visitor.again("credit/add.html", form, wrong, **facts)
    return visitor.page("credit/add.html", form=form.unchanged(), **facts)


@post("/clients/{client_id:uuid}/credit/add")
async def add_credit(console: ConsoleOf, visitor: VisitorOf, form: FormOf, client_id: FromPath[UUID]) -> Response[Any]:
    """R5. Needs the permission `create_payments`."""
    visitor.require(Permission.CREATE_PAYMENTS)
    try:
        typed = form.read(CreditForm)
        entry = await form.once(_add(console, client_id, typed), EntryView)
    except REFUSED as refusal:
        preview = await _preview(console, visitor, client_id, UnfinishedCreditForm())
        return visitor.again("credit/add.html", form, refusal, **await _adding(console, visitor, client_id, preview))
    added, balance = visitor.formats.money(entry.amount), visitor.formats.money(entry.balance_after)
    return visitor.go(credit_address(client_id), f"{added} of credit was added. The balance after it: {balance}.")


def _add(console: Console, client_id: UUID, typed: CreditForm) -> Callable[[Caller], Awaitable[EntryView]]:
    return lambda caller: console.add_credit(
        caller,
        ClientId(client_id),
        reason=typed.reason,
        amount=typed.amount,
        note=typed.note,
        invoice_id=None if typed.invoice_id is None else InvoiceId(typed.invoice_id),
    )


@get("/credit/entries/{entry_id:uuid}")
async def show_entry(console: ConsoleOf, visitor: VisitorOf, entry_id: FromPath[UUID]) -> Response[str]:
    """One entry, and the one that it reverses or that reverses it."""
    entry = await console.show_entry(visitor.caller, EntryId(entry_id))
    others = [await console.show_entry(visitor.caller, EntryId(each)) for each in _others(entry)]
    facts = await client_facts(console, visitor, entry.client_id, TAB)
    return visitor.page("credit/entry.html", entries=[entry, *others], **facts, **_words())


def _others(entry: EntryView) -> list[UUID]:
    return [each for each in (entry.reverses, entry.reversed_by) if each is not None]


@get("/credit/entries/{entry_id:uuid}/void")
async def show_void(console: ConsoleOf, visitor: VisitorOf, entry_id: FromPath[UUID]) -> Response[str]:
    """What voiding would do, or why it cannot be."""
    visitor.require(Permission.CREATE_PAYMENTS)
    return visitor.page("credit/void.html", form=visitor.form(VoidForm), **await _voiding(console, visitor, entry_id))


@post("/credit/entries/{entry_id:uuid}/void")
async def void_entry(console: ConsoleOf, visitor: VisitorOf, form: FormOf, entry_id: FromPath[UUID]) -> Response[Any]:
    """R18. Needs the permission `create_payments`."""
    visitor.require(Permission.CREATE_PAYMENTS)
    try:
        typed = form.read(VoidForm)
        reversal = await form.once(
            lambda caller: console.void_entry(caller, EntryId(entry_id), note=typed.note), EntryView
        )
    except REFUSED as refusal:
        return visitor.again("credit/void.html", form, refusal, **await _voiding(console, visitor, entry_id))
    voided, balance = visitor.formats.money(-reversal.amount), visitor.formats.money(reversal.balance_after)
    return visitor.go(
        credit_address(reversal.client_id), f"{voided} of credit was voided. The balance after it: {balance}."
    )


async def _voiding(console: Console, visitor: Visitor, entry_id: UUID) -> dict[str, Any]:
    preview = await console.preview_void(visitor.caller, EntryId(entry_id))
    refusal = preview.refusal
    return {
        "preview": preview,
        "entry": preview.entry,
        "why_not": None if refusal is None else sentence_of(refusal, visitor.formats),
        "spent": refusal if isinstance(refusal, CreditAlreadySpent) else None,
        "back": credit_address(preview.entry.client_id),
        **_words(),
    }


async def _preview(console: Console, visitor: Visitor, client_id: UUID, typed: UnfinishedCreditForm) -> AddPreview:
    preview = await console.preview_add(
        visitor.caller,
        ClientId(client_id),
        reason=typed.reason,
        amount=typed.amount,
        invoice_id=None if typed.invoice_id is None else InvoiceId(typed.invoice_id),
    )
    if typed.invoice_id is not None and preview.refundable is None:
        # The client has no such invoice: no other amount would change that.
        raise NotFound
    return preview


async def _adding(console: Console, visitor: Visitor, client_id: UUID, preview: AddPreview) -> dict[str, Any]:
    client = await console.show_client(visitor.caller, ClientId(client_id))
    invoices = await console.list_invoices(
        visitor.caller, client_id=ClientId(client_id), status=None, after=None, limit=INVOICES_OFFERED
    )
    live = [invoice for invoice in invoices.items if invoice.status != "void"]
    return {
        "client": client,
        "invoices": [(str(invoice.id), _offered(invoice, visitor)) for invoice in live],
        "only_newest": INVOICES_OFFERED if invoices.next_position else None,
        "reasons": [(reason, f"{REASONS[reason]}: {ADD_REASON_HINTS[reason]}") for reason in ADD_REASONS],
        **_previewed(visitor, preview),
    }


def _offered(invoice: InvoiceView, visitor: Visitor) -> str:
    said = (isolated(invoice.number), visitor.formats.money(invoice.total), invoice.vehicle)
    return " · ".join(each for each in said if each)


def _previewed(visitor: Visitor, preview: AddPreview) -> dict[str, Any]:
    refusal = preview.refusal
    return {"preview": preview, "why_not": None if refusal is None else sentence_of(refusal, visitor.formats)}


def _words() -> dict[str, Any]:
    return {"kind_words": KINDS, "reason_words": REASONS}


routes = [
    show_credit,
    show_explained_balance,
    export_credit,
    show_add_credit,
    preview_credit,
    add_credit,
    show_entry,
    show_void,
    void_entry,
]
