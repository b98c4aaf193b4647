"""The whole counter by keyboard alone: nothing here touches a mouse."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Locator, expect

from tests.console.browser import Screen
from tests.desk import Desk

MOST_TABS = 90


class Keys:
    """Somebody with a keyboard and no mouse."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.page = screen.page

    async def reach(self, target: Locator) -> None:
        """Press Tab until it has the focus."""
        await target.wait_for()
        for _ in range(MOST_TABS):
            if await target.evaluate("element => element === document.activeElement"):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"No Tab leads to {target}.")

    async def press(self, name: str, role: Any = "link", *, key: str = "Enter") -> None:
        """Press what is called that."""
        await self.reach(self.page.get_by_role(role, name=name, exact=True).filter(visible=True).last)
        await self.page.keyboard.press(key)

    async def type(self, label: str, text: str) -> None:
        """Into the field with that label, in place of what is there."""
        await self.reach(self.page.get_by_label(label, exact=True))
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.type(text)

    async def choose(self, label: str, first_letters: str) -> None:
        await self.reach(self.page.get_by_label(label, exact=True))
        await self.page.keyboard.type(first_letters)

    async def said(self, text: str) -> None:
        await expect(self.page.locator("#said")).to_contain_text(text)

    async def balance(self, shown: str) -> None:
        await expect(self.page.locator("#balance")).to_have_text(shown)


async def test_the_worked_example_by_keyboard(owner: Screen, desk: Desk) -> None:
    client = await desk.client("Pat Doe")
    await desk.invoice(client, 13000, "INV-1")
    keys = Keys(owner)
    await owner.go("/app/clients")
    await keys.type("Search", "pat")
    # Until then the list is still the one of before, and its links are about to go.
    await owner.page.wait_for_url("**/app/clients?q=pat*")
    await keys.press("Pat Doe")
    await keys.press("Credit")
    await keys.press("Add credit")
    await keys.type("Amount", "50")
    await keys.type("Note", "job ran late")
    await keys.press("Add credit", "button")
    await keys.said("$50.00 of credit was added.")
    await keys.press("Invoices")
    await keys.press("INV-1")
    await keys.press("Take a payment")
    await keys.press("Apply $50.00", "button")
    await keys.said("The balance after it: $0.00.")
    await keys.press("Take another payment")
    await keys.type("Amount", "100")
    await keys.press("Keep $20.00 as credit", "button")
    await keys.said("The balance after it: $20.00.")
    # Spent credit cannot be voided: from the refusal to the payment that spent it.
    await keys.press("Credit balance now")
    await keys.press("Void entry 1")
    await keys.press("The payment of $50.00 on INV-1")
    await keys.press("Delete")
    await keys.press("Delete payment", "button")
    await keys.said("The balance after it: $70.00.")
    await keys.press("Client’s credit")  # noqa: RUF001  # as it is written
    await keys.press("Void entry 1")
    await keys.type("Note", "by mistake")
    await keys.press("Void $50.00", "button")
    await keys.balance("$20.00")
    assert (await desk.card(client)).credit == 2000
    await _the_rest_of_it(keys)
    assert (await desk.card(client)).deleted_at is not None


async def _the_rest_of_it(keys: Keys) -> None:
    await keys.press("INV-1")
    await keys.reach(keys.page.locator("table.payments a").last)
    await keys.page.keyboard.press("Enter")
    await keys.press("Delete")
    await keys.press("Delete payment", "button")
    await keys.said("The balance after it: $0.00.")
    await keys.press("Pat Doe")
    await keys.press("Delete")
    await keys.press("Delete client", "button")
    await keys.said("The client was deleted.")


async def test_invoices_by_keyboard(owner: Screen, desk: Desk) -> None:
    client = await desk.client("Pat Doe")
    await desk.invoice(client, 5000, "INV-1")
    keys = Keys(owner)
    await owner.go(f"/app/clients/{client}")
    await keys.press("Add invoice")
    await keys.type("Number optional", "INV-2")
    await keys.type("Description of line 1", "Brake pads")
    await keys.type("Unit price of line 1", "84")
    await keys.press("Add a line", "button")
    await keys.type("Description of line 2", "Labor")
    await keys.type("Unit price of line 2", "46")
    await keys.press("Add invoice", "button")
    await keys.said("INV-2 was added.")
    await keys.press("Pat Doe")
    await keys.press("Bulk payment")
    await keys.type("Amount on INV-1 optional", "50")
    await keys.type("Amount on INV-2 optional", "130")
    await keys.press("Take payment", "button")
    await keys.said("$180.00 was paid on 2 invoices.")
    await keys.press("Delete all of it")
    await keys.press("Delete all", "button")
    await keys.said("The payments were deleted, all together.")
    await keys.press("Pat Doe")
    await keys.press("INV-2")
    await keys.press("Take a payment")
    await keys.type("Amount", "150")
    await keys.press("Leave it on the invoice", "button")
    await keys.said("$150.00 was paid on INV-2 by cash.")
    await keys.press("Edit")
    await keys.type("Reference optional", "slip 7")
    await keys.press("Save", "button")
    await keys.said("The payment was saved.")
    await keys.press("Invoice INV-2")
    await keys.press("Keep it as account credit")
    await keys.press("Keep $20.00 as credit", "button")
    await keys.said("$20.00 was kept as account credit.")
    await keys.press("Pat Doe")
    await keys.press("INV-1")
    await keys.press("Void")
    await keys.press("Void invoice", "button")
    await keys.said("INV-1 was voided.")
    assert (await desk.card(client)).credit == 2000
    assert await desk.findings() == []


async def test_lists_and_reports_by_keyboard(owner: Screen, desk: Desk) -> None:
    client = await desk.client("Pat Doe")
    await desk.pay(await desk.invoice(client, 1000, "INV-1"), 1500, overpayment="capture")
    gone = await desk.client("Ann Bee")
    await desk.delete_client(gone)
    keys = Keys(owner)
    await owner.go("/app/clients")
    await keys.reach(keys.page.get_by_label("Deleted ones"))
    await keys.page.keyboard.press("Space")
    await keys.press("Restore Ann Bee", "button")
    await keys.said("Ann Bee was restored.")
    await keys.press("Edit")
    await keys.type("Name", "Ann Bee-Dee")
    await keys.press("Save", "button")
    await keys.said("The client was saved.")
    await owner.go(f"/app/clients/{client}/credit")
    await keys.reach(keys.page.locator("summary"))
    await keys.page.keyboard.press("Enter")
    await expect(keys.page.locator(".explained-sum")).to_contain_text("$5.00 = $5.00 overpaid on INV-1")
    await keys.choose("Kind", "Capt")
    await keys.page.keyboard.press("Tab")
    await keys.page.wait_for_url(re.compile("kind=captured"))
    async with keys.page.expect_download():
        await keys.press("These entries as CSV")
    await keys.press("Statement")
    await keys.press("This year")
    async with keys.page.expect_download():
        await keys.press("PDF")
    await keys.press("Reports")
    await keys.press("Cash in all: $15.00")
    await keys.press("Deleted")
    await expect(keys.page.get_by_text("No payment of this period was deleted.")).to_be_visible()
    await keys.press("Reports")
    await keys.press("Credit owed")
    await keys.press("Every entry")
    await keys.press("Sign out", "button")
    await expect(keys.page.get_by_role("heading", name="Sign in")).to_be_visible()
