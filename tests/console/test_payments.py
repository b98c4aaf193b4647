"""Taking payments at the console: credit first, more than is due, receipts, edits, deletions."""

from __future__ import annotations

import asyncio

from playwright.async_api import Route, expect

from tests.console.browser import Screen
from tests.desk import Desk


async def balances(screen: Screen, client: object) -> set[str]:
    """R27: the three places that show it."""
    await screen.go(f"/app/clients/{client}/credit")
    card = (await screen.figures())["Credit"]
    places = ("#tab-balance", "#foot-balance")
    return {card, *[(await screen.page.locator(place).inner_text()).strip() for place in places]}


async def test_the_worked_example_is_done_by_hand(either_screen: Screen, desk: Desk) -> None:
    """Steps 2 to 7 of the product text's example: see tests/worked_example.py."""
    screen = either_screen
    client = await desk.client()
    invoice = await desk.invoice(client, 13000, "INV-1")
    added = await desk.add(client, 5000, note="job ran late")
    await screen.sign_in(desk)
    await screen.go(f"/app/invoices/{invoice}")
    await screen.click("Take a payment", "link")
    await expect(screen.page.get_by_role("heading", name="Apply $50.00 of account credit?")).to_be_visible()
    await screen.click("Apply $50.00")
    said = await screen.said()
    assert said == "$50.00 of account credit was applied to INV-1. The balance after it: $0.00."
    assert (await screen.figures())["Collected"] == "$0.00"
    await expect(screen.page.get_by_role("link", name="Edit", exact=True)).to_have_count(0)
    by_credit = screen.path
    assert await balances(screen, client) == {"$0.00"}

    await screen.go(f"/app/invoices/{invoice}/pay")
    assert await screen.page.get_by_label("Amount").input_value() == "80.00"
    await screen.page.get_by_label("Amount").fill("$100")
    if screen.javascript:
        await expect(screen.page.locator("#preview")).to_contain_text("This is $20.00 more than the invoice.")
        await screen.require_accessible()
    else:
        screen.expected.append("409")
        await screen.click("Take payment")
        await expect(screen.page.locator(".excess")).to_contain_text("Keep it as account credit?")
        assert await screen.page.get_by_label("Amount").input_value() == "$100"
    await screen.click("Keep $20.00 as credit")
    assert await screen.said() == (
        "$100.00 was paid on INV-1 by cash. $20.00 of it was kept as account credit. The balance after it: $20.00."
    )
    figures = await screen.figures()
    assert (figures["Collected"], figures["Pays INV-1"], figures["Kept as credit"]) == ("$100.00", "$80.00", "$20.00")
    cash = screen.path
    assert await balances(screen, client) == {"$20.00"}
    await _undo(screen, str(client), f"/app/credit/entries/{added.id}/void", by_credit, cash)
    assert await desk.findings() == []


async def _undo(screen: Screen, client: str, void: str, by_credit: str, cash: str) -> None:
    await screen.go(void)
    await expect(screen.page.locator(".notice.warn")).to_contain_text("the balance is $30.00 too low")
    await screen.click("The payment of $50.00 on INV-1", "link", exact=False)
    assert screen.path == by_credit
    await screen.click("Delete", "link")
    await expect(screen.page.get_by_text("$50.00 of credit goes back to the account.")).to_be_visible()
    await screen.click("Delete payment")
    assert await screen.said() == (
        "The payment of $50.00 was deleted. $50.00 of credit went back. The balance after it: $70.00."
    )
    assert (await screen.figures())["Due"] == "$50.00"
    assert await balances(screen, client) == {"$70.00"}

    await screen.go(void)
    await screen.page.get_by_label("Note").fill("by mistake")
    await screen.click("Void $50.00")
    assert await balances(screen, client) == {"$20.00"}
    await screen.go(cash + "/delete")
    await expect(screen.page.get_by_text("$20.00 of captured credit is voided with it.")).to_be_visible()
    await screen.click("Delete payment")
    assert (await screen.said()).endswith("The balance after it: $0.00.")
    assert (await screen.figures())["Due"] == "$130.00"
    assert await balances(screen, client) == {"$0.00"}


async def test_r7_the_cap_shows_while_somebody_types_and_on_the_result(owner: Screen, desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000, "INV-1")
    await desk.add(client, 5000)
    await owner.go(f"/app/invoices/{invoice}")
    await owner.click("Take a payment", "link")
    dialog = owner.page.get_by_role("dialog")
    await dialog.get_by_role("link", name="Another amount of credit").click()
    await dialog.get_by_label("Amount").fill("60")
    await expect(dialog.locator(".capped")).to_have_text("$50.00 will be applied: that is all the credit there is.")
    await dialog.get_by_label("Amount").press("Enter")
    assert await owner.said() == (
        "$50.00 of account credit was applied to INV-1 (of $60.00 asked for: that is all the credit there is). "
        "The balance after it: $0.00."
    )
    await owner.require_accessible()


async def test_what_was_typed_before_the_page_listened_is_previewed_too(owner: Screen, desk: Desk) -> None:
    invoice = await desk.invoice(await desk.client(), 13000)
    typed = asyncio.Event()

    async def late(route: Route) -> None:
        await typed.wait()
        await route.continue_()

    await owner.page.route("**/htmx.min.*.js", late)
    await owner.page.goto(f"{owner.address}/app/invoices/{invoice}/pay", wait_until="commit")
    await owner.page.get_by_label("Amount").fill("150")
    typed.set()
    await expect(owner.page.locator(".excess")).to_contain_text("This is $20.00 more than the invoice.")


async def test_leaving_the_amount_asks_for_no_preview_of_the_same(owner: Screen, desk: Desk) -> None:
    """It would exchange the button that somebody is about to press."""
    invoice = await desk.invoice(await desk.client(), 13000)
    asked: list[str] = []
    owner.page.on("request", lambda request: asked.append(request.url))
    await owner.go(f"/app/invoices/{invoice}/pay")
    amount = owner.page.get_by_label("Amount")
    await amount.fill("150")
    await expect(owner.page.locator(".excess")).to_contain_text("This is $20.00 more than the invoice.")
    await amount.blur()
    await owner.settled()
    await amount.fill("140")
    await expect(owner.page.locator(".excess")).to_contain_text("This is $10.00 more than the invoice.")
    assert len([url for url in asked if url.endswith("/pay/preview")]) == 2


async def test_the_enter_key_answers_no_question(owner: Screen, desk: Desk) -> None:
    owner.expected.append("409")
    invoice = await desk.invoice(await desk.client(), 13000)
    await owner.go(f"/app/invoices/{invoice}/pay")
    await owner.page.get_by_label("Amount").fill("150")
    await expect(owner.page.locator(".excess")).to_be_visible()
    await owner.page.get_by_label("Amount").press("Enter")
    assert (await owner.errors())[0].startswith("This payment is more than what is due.")
    assert (await desk.show(invoice)).payments == []


async def test_two_browsers_spend_the_same_credit_once(open_screen: object, desk: Desk) -> None:
    client = await desk.client()
    first, second = await desk.invoice(client, 5000, "INV-1"), await desk.invoice(client, 5000, "INV-2")
    await desk.add(client, 5000)
    screens: list[Screen] = [await open_screen() for _ in range(2)]  # type: ignore[operator]  # see conftest
    for screen, invoice in zip(screens, (first, second), strict=True):
        await screen.sign_in(desk)
        await screen.go(f"/app/invoices/{invoice}/pay")
    await screens[0].click("Apply $50.00")
    assert (await screens[0].said()).endswith("The balance after it: $0.00.")
    screens[1].expected.append("409")
    await screens[1].click("Apply $50.00")
    assert await screens[1].errors() == ["This client has no account credit."]
    assert await screens[1].page.get_by_label("Amount").input_value() == "50.00"
    assert await balances(screens[1], client) == {"$0.00"}


async def test_the_receipt_says_what_credit_was_used_and_what_is_left(owner: Screen, desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000)
    await desk.add(client, 20000)
    paid = await desk.apply(invoice)
    await desk.add(client, 100)  # later: the receipt stays as it was
    await owner.go(f"/app/payments/{paid.id}")
    await owner.click("Receipt", "link")
    await expect(owner.page.get_by_text("Credit used $130.00, left $70.00")).to_be_visible()
    await owner.require_accessible()
    await owner.page.emulate_media(media="print")
    for hidden in (".top", ".receipt-actions"):
        await expect(owner.page.locator(hidden)).to_be_hidden()
    await expect(owner.page.locator(".credit-line")).to_be_visible()
