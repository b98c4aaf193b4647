"""Bulk payments at the console."""

from __future__ import annotations

import html

from playwright.async_api import expect

from tests.console.browser import Screen
from tests.console.visiting import Visiting, fields_of
from tests.desk import Desk


async def test_r12_a_bulk_payment_takes_no_credit_and_says_why(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    screen.expected.append("422")
    client = await desk.client()
    await desk.add(client, 5000)
    for number, total in (("INV-1", 13000), ("INV-2", 7000)):
        await desk.invoice(client, total, number)
    await screen.sign_in(desk)
    await screen.go(f"/app/clients/{client}")
    await screen.click("Bulk payment", "link")
    await expect(screen.page.get_by_text("It cannot pay several invoices at once.")).to_be_visible()
    await expect(screen.page.get_by_label("Account Credit")).to_be_disabled()
    await screen.page.get_by_label("Amount on INV-1").fill("100")
    await screen.page.get_by_label("Amount on INV-2").fill("70.01")
    if screen.javascript:
        await expect(screen.page.locator("#bulk-total")).to_contain_text("$170.01")
        await screen.require_accessible()
    await screen.page.get_by_role("button", name="Take payment").last.click()
    assert "cannot be more than what is due: $70.00" in (await screen.errors())[1]
    assert await screen.page.get_by_label("Amount on INV-1").input_value() == "100"
    await screen.page.get_by_label("Amount on INV-2").fill("70")
    await screen.page.get_by_role("button", name="Take payment").last.click()
    assert await screen.said() == "$170.00 was paid on 2 invoices."
    if screen.javascript:
        await screen.require_accessible()
    await screen.click("Delete all of it", "link")
    await screen.click("Delete all")
    assert await screen.said() == "The payments were deleted, all together."
    assert (await desk.card(client)).paid == 0


async def test_where_a_client_has_more_invoices_than_a_page_offers_the_page_says_so(
    visiting: Visiting, desk: Desk
) -> None:
    client = await desk.client()
    invoices = [await desk.invoice(client, 100 + place, f"A-{place}") for place in range(101)]
    here = f"/app/clients/{client}/bulk-payment"
    filled = await visiting.get(f"{here}?fill=true")
    assert "These are the 100 open invoices that were made first." in filled.text
    assert "Fill in all that is due on these" in filled.text
    # The oldest are paid first.
    assert ("Amount on A-0 <" in filled.text, "Amount on A-100 <" in filled.text) == (True, False)
    assert "<span>Together</span> <strong>$149.50</strong>" in filled.text
    done = await visiting.post(here, fields_of(filled))
    assert "$149.50 was paid on 100 invoices." in (await visiting.get(done.headers["location"])).text
    assert [(await desk.show(each)).due for each in (invoices[0], invoices[99], invoices[100])] == [0, 0, 200]
    # Of credit the newest can be named as the origin.
    adding = html.unescape((await visiting.get(f"/app/clients/{client}/credit/add")).text)
    assert "Only the newest 100 can be chosen here" in adding
    assert (">A-0 ·" in adding, ">A-100 ·" in adding) == (False, True)
    await desk.void_invoice(invoices[100])
    few = await desk.client()
    for _ in range(2):
        await desk.invoice(few)
    for page in (f"/app/clients/{few}/bulk-payment", f"/app/clients/{few}/credit/add"):
        text = (await visiting.get(page)).text
        assert ("made first" in text, "Only the newest" in text) == (False, False)


async def test_an_invoice_is_the_same_however_its_id_is_written(visiting: Visiting, desk: Desk) -> None:
    client = await desk.client()
    invoices = [await desk.invoice(client, 13000, f"INV-{place}") for place in range(2)]
    ways = (str(invoices[0]).upper(), str(invoices[0]).replace("-", ""), f"urn:uuid:{invoices[0]}")
    for written in ways:
        form = {
            "method": "check",
            "allocations[0].invoice_id": written,
            "allocations[0].amount": "200",
            "allocations[1].invoice_id": str(invoices[1]),
            "allocations[1].amount": "1",
        }
        for path in ("bulk-payment", "bulk-payment/total"):
            answer = await visiting.post(f"/app/clients/{client}/{path}", form)
            assert answer.status_code in {200, 409, 422}, (written, path)
            assert "Amount on INV-0 <" in answer.text
    assert (await desk.card(client)).paid == 0
