"""The Statement tab: periods, balances before and after, print, and the PDF with whatever names there are."""

from __future__ import annotations

import io
import re
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect
from pypdf import PdfReader

from core.ids import ClientId
from core.invoices import InvoiceLine
from core.staff import Permission
from core.use_cases import statements
from entrypoints.console.documents import Documents
from entrypoints.console.periods import period_of, quick_periods
from entrypoints.console.statements import Column, StatementDocument, SumRow, Sums, Table
from ports.transactions import Busy
from tests.console.browser import Screen
from tests.console.visiting import Visiting
from tests.desk import Desk

CHICAGO = ZoneInfo("America/Chicago")
HOSTILE = [
    '#panic("x") #read("/etc/passwd") #import "@preview/cetz:0.4.0"',
    "*bold* _it_ $x^2$ `raw` = Heading // not /* shown */",
    '"); #sys.inputs \\u{41} \\ <label> @ref [x] {y}',
    "</script><img src=x onerror=alert(1)> {{ 7*7 }} {% x %}",
    "Zoë Łukasz Ωμέγα Жанна",
]


def today() -> date:
    return datetime.now(CHICAGO).date()


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


async def billed(
    desk: Desk, client: UUID, total: int, number: str, issued_on: date, vehicle: str | None = None
) -> UUID:
    lines = [InvoiceLine(description="Work", quantity=1, unit_price=total)]
    made = await desk.container.add_invoice()(
        desk.owner, ClientId(client), number=number, issued_on=issued_on, vehicle=vehicle, lines=lines, tax=0
    )
    return made.id


async def test_a_statement_leads_from_the_balances_before_to_those_after(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    client = await desk.client("Pat Doe")
    first = today().replace(day=1)
    before = await billed(desk, client, 10000, "INV-1", first - timedelta(days=3))
    await desk.pay(before, 4000, received_on=first - timedelta(days=2))
    invoice = await billed(desk, client, 13000, "INV-2", today(), "2019 Honda Civic")
    await desk.add(client, 5000, note="for the shop only")
    await desk.apply(invoice)
    await desk.pay(invoice, 10000, "card", overpayment="capture", reference="A-17")
    gone = await desk.pay(before, 500)
    await desk.delete(gone.id)
    await screen.sign_in(desk)
    await screen.go(f"/app/clients/{client}")
    await screen.click("Statement", "link", exact=False)
    sums = await screen.page.locator(".sums").all_inner_texts()
    day = f"{first:%b} {first.day}, {first.year}"
    assert " ".join(sums[0].split()).startswith(
        f"Due before {day} $60.00 Invoiced $130.00 Paid -$130.00 Due at the end of"
    )
    assert sums[0].split()[-1] == "$60.00"
    assert " ".join(sums[1].split()).startswith(
        f"Credit before {day} $0.00 Added +$50.00 Kept from overpayments +$20.00 Spent on invoices -$50.00 Credit"
    )
    assert sums[1].split()[-1] == "$20.00"
    rows = await screen.rows(".statement-table")
    assert rows[0][0] == "INV-2"
    assert [row[-1] for row in rows] == ["$130.00", "$50.00", "$80.00", "$50.00", "$0.00", "$20.00"]
    await expect(screen.page.get_by_text("for the shop only")).to_have_count(0)
    if screen.javascript:
        await screen.require_accessible()
    async with screen.page.expect_download() as download:
        await screen.click("PDF", "link", exact=False)
    shown = text_of((await (await download.value).path()).read_bytes())
    for each in ("Pat Doe", "INV-2", "2019 Honda Civic", "A-17", "$60.00", "+$20.00", "Kept from overpayments"):
        assert each in shown
    assert "for the shop only" not in shown
    # Another period, by its name.
    await screen.click("Last month", "link", exact=False)
    assert "Due before" in await screen.page.locator(".sums").first.inner_text()
    assert len(await screen.rows(".statement-table")) <= 2
    assert "from=" in screen.path


A4_PIXELS = 718
"""What is left of the width of A4 between the margins that browsers leave."""


async def test_a_statement_is_printed_on_a4_as_tables_without_what_only_a_screen_needs(
    owner: Screen, desk: Desk
) -> None:
    client = await desk.client("Pat Doe")
    invoice = await billed(desk, client, 13000, "INV-1", today(), "2019 Honda Civic")
    await desk.pay(invoice, 15000, overpayment="capture")
    await owner.page.set_viewport_size({"width": A4_PIXELS, "height": 1000})
    for path, table in (("statement", ".statement-table"), ("credit", "table.ledger")):
        await owner.go(f"/app/clients/{client}/{path}")
        assert await look(owner, f"{table} tbody tr", "display") == "grid"  # on a screen as narrow as that
        await owner.page.emulate_media(media="print")
        assert await look(owner, f"{table} tbody tr", "display") == "table-row"
        assert await look(owner, f"{table} thead", "display") == "table-header-group"
        assert await look(owner, f"{table} thead", "clipPath") == "none"
        for hidden in ("header.top", ".tabs", ".filters, .period"):
            await expect(owner.page.locator(hidden).first).to_be_hidden()
        assert await owner.page.evaluate("document.documentElement.scrollWidth") <= A4_PIXELS
        await owner.page.emulate_media(media="screen")
    await owner.go(f"/app/clients/{client}/statement")
    await owner.page.emulate_media(media="print")
    printed = text_of(await owner.page.pdf(format="A4"))
    for each in ("Statement", "Pat Doe", "INV-1", "2019 Honda Civic", "Kept as credit", "$20.00"):
        assert each in printed
    assert "Sign out" not in printed


async def look(screen: Screen, selector: str, style: str) -> str:
    """What a browser made of the style sheet."""
    found: str = await screen.page.locator(selector).first.evaluate(
        "(element, style) => getComputedStyle(element)[style]", style
    )
    return found


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_name_is_text_in_the_pdf_and_on_the_page(visiting: Visiting, desk: Desk, name: str) -> None:
    client = await desk.client(name)
    await billed(desk, client, 100, name[:50], today(), name)
    page = await visiting.get(f"/app/clients/{client}/statement")
    assert page.status_code == 200
    assert "<img src=x" not in page.text
    answer = await visiting.get(f"/app/clients/{client}/statement.pdf")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith('attachment; filename="statement-')
    reader = PdfReader(io.BytesIO(answer.content))
    letters = re.sub(r"[\s\u200b]", "", "".join(page.extract_text() for page in reader.pages))
    # The client, and the vehicle.
    assert letters.count(re.sub(r"\s", "", name)) >= 2
    assert reader.metadata is not None
    assert reader.metadata.title == f"Statement of {name}"


async def test_a_period_that_ends_before_it_begins_is_refused_beside_the_days_which_stay(
    owner: Screen, desk: Desk
) -> None:
    owner.expected.append("422")
    client = await desk.client()
    status = await owner.go(f"/app/clients/{client}/statement?from=2026-03-02&to=2026-03-01")
    assert status == 422
    assert await owner.errors() == ["To must not be before the first day."]
    assert await owner.page.get_by_label("From").input_value() == "2026-03-02"
    await owner.require_accessible()


async def test_what_does_not_fit_goes_on_and_a_day_with_too_much_leads_to_the_ledger(
    visiting: Visiting, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "MAX_LINES", 2)
    client = await desk.client()
    days = [today() - timedelta(days=ago) for ago in (3, 2, 1)]
    for day in days:
        await billed(desk, client, 100, f"INV-{day}", day)
    page = await visiting.get(f"/app/clients/{client}/statement?from={days[0]}&to={today()}")
    assert f"statement?from={days[2]}&amp;to={today()}" in page.text
    for _ in range(3):
        await desk.add(client, 100)
    page = await visiting.get(f"/app/clients/{client}/statement?from={today()}")
    assert page.status_code == 422
    assert "From is a day with more than 2 lines: export the ledger instead." in page.text
    assert f"/app/clients/{client}/credit.csv?from={today()}" in page.text
    answer = await visiting.get(f"/app/clients/{client}/statement.pdf?from={today()}")
    assert answer.status_code == 422


@pytest.mark.parametrize("query", ["from=2026-02-30", "from=x", "what=1", "from=0001-01-01&to=9999-12-31"])
async def test_any_query_is_answered(visiting: Visiting, desk: Desk, query: str) -> None:
    client = await desk.client()
    for path in ("statement", "statement.pdf"):
        answer = await visiting.get(f"/app/clients/{client}/{path}?{query}")
        assert answer.status_code in ({200} if "0001" in query else {400, 422})


async def test_who_only_looks_sees_statements(visiting: Visiting, comes: object, desk: Desk) -> None:
    member, _ = await desk.hire(Permission.MANAGE_CLIENTS, name="Terry")
    client = await desk.client()
    terry: Visiting = await comes()  # type: ignore[operator]  # see conftest.Comes
    await terry.sign_in(desk, member.email)
    assert (await terry.get(f"/app/clients/{client}/statement")).status_code == 200
    assert (await terry.get(f"/app/clients/{client}/statement.pdf")).content.startswith(b"%PDF-")


def largest() -> StatementDocument:
    """As much text as can be on one: a thousand lines of each kind, every text as long as it may be."""
    columns = [Column("A"), Column("B"), Column("C", wide=True), Column("D", number=True)]
    rows = [["N" * 50, "Mar 3, 2026", "long word " * 20, f"${number}.00"] for number in range(1000)]
    table = Table(title="T", columns=columns, rows=rows, foot=["", "", "", ""], empty="", addresses=[])
    return StatementDocument(
        title="T", heading="S", shop="W" * 200, shop_contact="", client_label="For", client="W" * 200, client_lines=[],
        period="", paper="a4", sums=[Sums("S", [SumRow("a", "b")])], tables=[table] * 3, more="", foot="f",
    )  # fmt: skip


async def test_the_largest_statement_is_typeset_in_time_and_is_not_large() -> None:
    pdf = await Documents().pdf("statement", largest())
    assert len(pdf) < 4_000_000


async def test_what_takes_too_long_is_stopped_and_told_as_too_much_at_once() -> None:
    documents = Documents(at_once=1, patience_seconds=0.2)
    with pytest.raises(Busy):
        await documents.pdf("statement", largest())
    # Its turn is free again.
    assert not documents._turns.locked()


def test_periods_with_names() -> None:
    day = date(2026, 2, 14)
    assert {each.name: (each.first.isoformat(), each.last.isoformat()) for each in quick_periods(day)} == {
        "This month": ("2026-02-01", "2026-02-14"),
        "Last month": ("2026-01-01", "2026-01-31"),
        "Last quarter": ("2025-10-01", "2025-12-31"),
        "This year": ("2026-01-01", "2026-02-14"),
        "Last year": ("2025-01-01", "2025-12-31"),
    }
    assert [(p.first.isoformat(), p.last.isoformat()) for p in (period_of(None, None, day),)] == [
        ("2026-02-01", "2026-02-14")
    ]
    assert period_of(None, date(2025, 7, 9), day).first == date(2025, 7, 1)
