"""Bulk payments at the console."""

from __future__ import annotations

from playwright.async_api import expect

from tests.console.browser import Screen
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
