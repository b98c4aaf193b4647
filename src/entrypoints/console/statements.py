"""The Statement tab of a client: a period's invoices, payments and credit, to read, to print and as PDF."""

from datetime import date
from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Struct

from core.errors import InvalidField
from core.ids import ClientId
from core.statements import Statement
from core.views import EntryView
from entrypoints.console.addresses import entry_address, invoice_address, payment_address
from entrypoints.console.client import client_facts
from entrypoints.console.documents import pdf_answer
from entrypoints.console.formats import Formats
from entrypoints.console.periods import Period, PeriodQuery, period_of, query_of
from entrypoints.console.services import Console, ConsoleOf, VisitorOf
from entrypoints.console.visitors import Visitor
from entrypoints.console.words import KINDS, METHODS, REASONS

TAB = "Statement"
FOOT = "Account credit is not a discount and not cash: it pays invoices of this shop."
_ON_LETTER = frozenset({"USD", "CAD", "MXN", "CLP", "COP", "PHP"})
"""Currencies of places that print on US Letter; everybody else has A4."""


class SumRow(Struct, frozen=True):
    name: str
    amount: str
    strong: bool = False


class Sums(Struct, frozen=True):
    title: str
    rows: list[SumRow]


class Column(Struct, frozen=True):
    """``wide``: takes the room that is left. ``number``: stands to the right."""

    name: str
    number: bool = False
    wide: bool = False


class Table(Struct, frozen=True, kw_only=True):
    """Of text as it is shown. ``addresses``: where each row leads to on the page, if anywhere."""

    title: str
    columns: list[Column]
    rows: list[list[str]]
    foot: list[str]
    empty: str
    addresses: list[str | None]


class StatementDocument(Struct, frozen=True, kw_only=True, rename="kebab"):
    """What ``documents/statement.typ`` shows: text only."""

    title: str
    heading: str
    shop: str
    shop_contact: str
    client_label: str
    client: str
    client_lines: list[str]
    period: str
    paper: str
    sums: list[Sums]
    tables: list[Table]
    more: str
    foot: str


@get("/clients/{client_id:uuid}/statement")
async def show_statement(console: ConsoleOf, visitor: VisitorOf, client_id: FromPath[UUID]) -> Response[str]:
    """Of the days that were chosen, else of this month until today."""
    period = _period(console, visitor)
    facts = await client_facts(console, visitor, client_id, TAB)
    if period.wrong is None:
        try:
            statement = await _read(console, visitor, client_id, period)
        except InvalidField as refusal:
            period = period.refused(refusal)
        else:
            return visitor.page(
                "statement/statement.html",
                period=period,
                statement=statement,
                **_shown(statement, period, visitor),
                **facts,
            )
    too_much = period.first <= period.last
    return visitor.page(
        "statement/statement.html", status=422, period=period, statement=None, too_much=too_much, **facts
    )


@get("/clients/{client_id:uuid}/statement.pdf")
async def download_statement(
    console: ConsoleOf, visitor: VisitorOf, client_id: FromPath[UUID]
) -> Response[bytes] | Response[str]:
    """The same as PDF. What cannot be shown is refused by the page."""
    period = _period(console, visitor)
    if period.wrong is not None:
        raise InvalidField("to", "must not be before from")
    statement = await _read(console, visitor, client_id, period)
    pdf = await console.documents.pdf("statement", document_of(statement, visitor.formats))
    return pdf_answer(pdf, f"statement-{statement.first}-{statement.last}.pdf")


def _period(console: Console, visitor: Visitor) -> Period:
    query = visitor.query(PeriodQuery)
    return period_of(query.first, query.last, visitor.formats.today(console.clock.now()))


async def _read(console: Console, visitor: Visitor, client_id: UUID, period: Period) -> Statement:
    return await console.show_statement(visitor.caller, ClientId(client_id), first=period.first, last=period.last)


def _shown(statement: Statement, period: Period, visitor: Visitor) -> dict[str, Any]:
    going_on = statement.continues_on
    return {
        "sums": sums_of(statement, visitor.formats),
        "tables": tables_of(statement, visitor.formats),
        "more": _more(statement, visitor.formats),
        "continued": None if going_on is None else query_of(going_on, period.last),
        "foot": FOOT,
    }


def document_of(statement: Statement, formats: Formats) -> StatementDocument:
    client, shop = statement.client, statement.shop
    return StatementDocument(
        title=f"Statement of {client.name}",
        heading="Statement",
        shop=shop.name,
        shop_contact=shop.email or "",
        client_label="For",
        client=client.name,
        client_lines=[each for each in (client.email, client.phone) if each],
        period=_days(statement.first, statement.last, formats),
        paper="us-letter" if statement.currency in _ON_LETTER else "a4",
        sums=sums_of(statement, formats),
        tables=tables_of(statement, formats),
        more=_more(statement, formats),
        foot=FOOT,
    )


def sums_of(statement: Statement, formats: Formats) -> list[Sums]:
    """From the balances before the period to those after it."""
    money, credit = formats.money, statement.credit
    first, last = formats.day(statement.first), formats.day(statement.last)
    moved = (
        ("Added", credit.added),
        ("Kept from overpayments", credit.captured),
        ("Given back", credit.returned),
        ("Spent on invoices", -credit.applied),
        ("Voided", -credit.voided),
    )
    return [
        Sums(
            "Invoices and payments",
            [
                SumRow(f"Due before {first}", money(statement.opening_due), strong=True),
                SumRow("Invoiced", money(statement.invoiced)),
                SumRow("Paid", money(-statement.settled)),
                SumRow(f"Due at the end of {last}", money(statement.closing_due), strong=True),
            ],
        ),
        Sums(
            "Account credit",
            [
                SumRow(f"Credit before {first}", money(credit.opening), strong=True),
                *(SumRow(name, formats.signed_money(amount)) for name, amount in moved if amount),
                SumRow(f"Credit at the end of {last}", money(credit.closing), strong=True),
            ],
        ),
    ]


def tables_of(statement: Statement, formats: Formats) -> list[Table]:
    return [_invoices(statement, formats), _payments(statement, formats), _credit(statement, formats)]


def _invoices(statement: Statement, formats: Formats) -> Table:
    invoices = statement.invoices
    return Table(
        title="Invoices",
        columns=[Column("Number"), Column("Date"), Column("Vehicle", wide=True), Column("Total", number=True)],
        rows=[
            [each.number, formats.day(each.issued_on), each.vehicle or "", formats.money(each.total)]
            for each in invoices
        ],
        foot=["Invoiced", "", "", formats.money(statement.invoiced)],
        empty="No invoices in this period.",
        addresses=[invoice_address(each.id) for each in invoices],
    )


def _payments(statement: Statement, formats: Formats) -> Table:
    payments = statement.payments
    kept = any(each.captured for each in payments)
    rows = []
    for each in payments:
        row = [formats.day(each.received_on), each.invoice_number, METHODS[each.method], each.reference or ""]
        row += [formats.money(each.captured) if each.captured else ""] if kept else []
        rows.append([*row, formats.money(each.settled)])
    captured = formats.money(sum(each.captured for each in payments))
    return Table(
        title="Payments",
        columns=[
            Column("Date"),
            Column("Invoice"),
            Column("Method"),
            Column("Reference", wide=True),
            *([Column("Kept as credit", number=True)] if kept else []),
            Column("Paid", number=True),
        ],
        rows=rows,
        foot=["Paid", "", "", "", *([captured] if kept else []), formats.money(statement.settled)],
        empty="No payments in this period.",
        addresses=[payment_address(each.id) for each in payments],
    )


def _credit(statement: Statement, formats: Formats) -> Table:
    """Notes are for the shop, so none of them is here."""
    entries = statement.entries
    return Table(
        title="Account credit",
        columns=[
            Column("Date"),
            Column("Kind"),
            Column("Reason", wide=True),
            Column("Invoice"),
            Column("Amount", number=True),
            Column("Balance", number=True),
        ],
        rows=[_entry(each, formats) for each in entries],
        foot=["Credit", "", "", "", "", formats.money(statement.credit.closing)],
        empty="No account credit came or went in this period.",
        addresses=[entry_address(each.id) for each in entries],
    )


def _entry(entry: EntryView, formats: Formats) -> list[str]:
    return [
        formats.day_of(entry.at),
        KINDS[entry.kind],
        REASONS[entry.reason],
        entry.invoice_number or "",
        formats.signed_money(entry.amount),
        formats.money(entry.balance_after),
    ]


def _days(first: date, last: date, formats: Formats) -> str:
    return f"{formats.day(first)} to {formats.day(last)}"


def _more(statement: Statement, formats: Formats) -> str:
    if statement.continues_on is None:
        return ""
    return f"There is more than fits on one statement: this one ends on {formats.day(statement.last)}."


routes = [show_statement, download_statement]
