"""Invoices at the console: the list, lines with and without JavaScript, edits, voids, captures."""

from __future__ import annotations

import html
import re

from playwright.async_api import expect

from core.ids import PaymentId
from tests.console.browser import Screen
from tests.console.visiting import Visiting, fields_of
from tests.desk import Desk


def lines(*rows: tuple[str, str, str]) -> dict[str, str]:
    """What the form sends for them."""
    names = ("description", "quantity", "unit_price")
    return {
        f"lines[{place}].{name}": text for place, row in enumerate(rows) for name, text in zip(names, row, strict=True)
    }


async def test_an_invoice_is_written_line_by_line(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    client = await desk.client()
    await screen.sign_in(desk)
    await screen.go(f"/app/clients/{client}")
    await screen.click("Add invoice", "link", exact=False)
    await screen.page.get_by_label("Number").fill("INV-7")
    await screen.page.get_by_label("Description of line 1").fill("Labor")
    await screen.page.get_by_label("Quantity of line 1").fill("1.5")
    await screen.page.get_by_label("Unit price of line 1").fill("$95")
    await screen.click("Add a line", exact=False)
    await screen.page.get_by_label("Description of line 2").fill("Loyal customer")
    assert await screen.page.get_by_label("Description of line 1").input_value() == "Labor"
    await screen.page.get_by_label("Unit price of line 2").fill("-10")
    await screen.click("Add a line", exact=False)
    await expect(screen.page.get_by_label("Description of line 3")).to_be_visible()
    await screen.page.get_by_label("Tax").fill("8.45")
    if screen.javascript:
        await expect(screen.page.locator("#invoice-total")).to_contain_text("$140.95")
        await screen.require_accessible()
    await screen.click("Add invoice", exact=False)
    assert await screen.said() == "INV-7 was added."
    figures = await screen.figures()
    assert (figures["Total"], figures["Due"]) == ("$140.95", "$140.95")
    assert [row[0] for row in await screen.rows("table.lines")] == ["Labor", "Loyal customer"]


async def test_what_is_wrong_with_a_line_is_said_beside_it(visiting: Visiting, desk: Desk) -> None:
    client = await desk.client()
    here = f"/app/clients/{client}/invoices/add"
    rows = lines(("", "", ""), ("Labor", "x", "1.005"), ("", "2", "5"))
    answer = await visiting.post(here, {**rows, "vehicle": "2019 Honda Civic"})
    assert answer.status_code == 422
    said = html.unescape(answer.text)
    for sentence in (
        "Quantity of line 1 must be a number above zero",
        "Unit price of line 1 must have at most 2 decimal places",
        "Description of line 2 is required",
    ):
        assert sentence in said
    assert 'value="2019 Honda Civic"' in said
    nothing = await visiting.post(here, lines(("", "", ""), ("", "3", "")))
    assert "Description of line 1 is required" in nothing.text
    too_much = await visiting.post(here, lines(("Engine", "2", "999,999,999.99")))
    assert "must add up, with the tax, to a total from $0.00 to $999,999,999.99" in too_much.text


async def test_r16_an_edit_keeps_what_is_not_touched_and_is_refused_below_the_credit_applied(
    visiting: Visiting, desk: Desk
) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000, "INV-1")
    await desk.add(client, 5000)
    await desk.apply(invoice)
    edit = fields_of(await visiting.get(f"/app/invoices/{invoice}/edit"))
    assert edit["lines[0].unit_price"] == "130.00"
    refused = await visiting.post(f"/app/invoices/{invoice}/edit", {**edit, **lines(("Work", "1", "49.99"))})
    assert refused.status_code == 409
    assert "less than the account credit applied to it" in html.unescape(refused.text)
    assert 'value="49.99"' in refused.text
    done = await visiting.post(f"/app/invoices/{invoice}/edit", {**edit, **lines(("Work", "1", "50"))})
    assert done.headers["location"] == f"/app/invoices/{invoice}"
    after = await desk.show(invoice)
    assert (after.total, after.tax, after.status) == (5000, 0, "paid")


async def test_the_list_is_of_one_status_or_of_all(visiting: Visiting, desk: Desk) -> None:
    client = await desk.client("Pat Doe")
    await desk.invoice(client, 13000, "INV-OPEN")
    paid = await desk.invoice(client, 100, "INV-PAID")
    await desk.pay(paid, 100)
    for query, numbers in (("", ["INV-PAID", "INV-OPEN"]), ("?status=paid", ["INV-PAID"]), ("?status=void", [])):
        page = (await visiting.get(f"/app/invoices{query}")).text
        assert re.findall(r'<th scope="row"><a [^>]+>([^<]+)</a>', page) == numbers
    assert (await visiting.get("/app/invoices?status=lost")).status_code == 422


async def test_r23_an_invoice_with_payments_is_not_voided(visiting: Visiting, desk: Desk) -> None:
    invoice = await desk.invoice(await desk.client(), 13000, "INV-1")
    await visiting.get(f"/app/invoices/{invoice}/void")
    payment = await desk.pay(invoice, 100)  # meanwhile, at another desk
    refused = await visiting.post(f"/app/invoices/{invoice}/void")
    assert refused.status_code == 409
    assert "This invoice has payments. Delete them first." in refused.text
    await desk.delete(payment.id)
    assert (await visiting.post(f"/app/invoices/{invoice}/void")).status_code == 303
    assert "takes no payment" in (await visiting.get(f"/app/invoices/{invoice}")).text
    assert "This invoice is void." in (await visiting.get(f"/app/invoices/{invoice}/pay")).text


async def test_r15_an_overpaid_invoice_is_captured_once(visiting: Visiting, desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000, "INV-1")
    await desk.pay(invoice, 15000, overpayment="leave")
    page = await visiting.get(f"/app/invoices/{invoice}/capture")
    assert "Keep $20.00 as account credit?" in page.text
    asked = fields_of(page)
    first = [await visiting.post(f"/app/invoices/{invoice}/capture", asked, key="the-same") for _ in range(2)]
    assert [answer.status_code for answer in first] == [303, 303]
    assert (await desk.card(client)).credit == 2000
    late = await visiting.post(f"/app/invoices/{invoice}/capture", asked)
    assert (late.status_code, "This invoice is not overpaid." in late.text) == (409, True)


async def test_r13_a_choice_made_for_another_excess_is_asked_for_again(visiting: Visiting, desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000, "INV-1")
    here = f"/app/invoices/{invoice}/pay"
    asked = await visiting.post(here, {"method": "cash", "amount": "150"})
    assert (asked.status_code, 'name="agreed_excess" value="20.00"' in asked.text) == (409, True)
    await desk.pay(invoice, 3000)  # meanwhile, at another desk
    chosen = {"method": "cash", "amount": "150", "overpayment": "capture"}
    stale = await visiting.post(here, {**chosen, "agreed_excess": "20.00"})
    assert (stale.status_code, 'name="agreed_excess" value="50.00"' in stale.text) == (409, True)
    assert (await desk.card(client)).credit == 0
    done = [await visiting.post(here, {**chosen, "agreed_excess": "50.00"}, key="the-same") for _ in range(2)]
    assert done[0].status_code == 303
    assert done[0].headers["location"] == done[1].headers["location"]
    assert (await desk.card(client)).credit == 5000


async def test_r10_r21_what_may_be_edited_of_a_payment(visiting: Visiting, desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000, "INV-1")
    await desk.add(client, 1000)
    credit, cash = await desk.apply(invoice), await desk.pay(invoice, 5000)
    assert "cannot be edited" in (await visiting.get(f"/app/payments/{credit.id}/edit")).text
    fields = {"method": "card", "reference": "slip 7", "received_on": cash.received_on.isoformat()}
    edited = await visiting.post(f"/app/payments/{credit.id}/edit", fields)
    assert edited.status_code == 409
    here = f"/app/payments/{cash.id}/edit"
    asked = await visiting.post(here, {**fields, "was_amount": "50.00", "amount": "140"})
    assert asked.status_code == 409
    assert "<strong>$20.00</strong> more than the invoice" in asked.text
    await visiting.post(here, {**fields_of(asked), "overpayment": "capture"})
    after = await desk.container.show_payment()(desk.owner, PaymentId(cash.id))
    assert (after.amount, after.captured, after.method, after.reference) == (14000, 2000, "card", "slip 7")
    assert "its amount cannot be changed" in (await visiting.get(here)).text
    assert (await visiting.post(here, {"method": "check", "received_on": "2026-01-31"})).status_code == 303
    other = await desk.pay(await desk.invoice(client), 100)
    without = await visiting.post(f"/app/payments/{other.id}/edit", {**fields, "amount": ""})
    assert (without.status_code, "Amount is required" in without.text) == (422, True)


async def test_r21_a_payment_whose_captured_credit_is_spent_names_what_spent_it(visiting: Visiting, desk: Desk) -> None:
    client = await desk.client()
    invoice, other = await desk.invoice(client, 13000, "INV-1"), await desk.invoice(client, 13000, "INV-2")
    paid = await desk.pay(invoice, 15000, overpayment="capture")
    spent = await desk.apply(other)
    for answer in (
        await visiting.get(f"/app/payments/{paid.id}/delete"),
        await visiting.post(f"/app/payments/{paid.id}/delete"),
    ):
        assert f'href="/app/payments/{spent.id}"' in answer.text
        assert "Delete payment</button>" not in answer.text
    assert (await desk.payment(paid.id)).deleted_at is None
