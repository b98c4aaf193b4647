"""Clients at the console: find, add, edit, delete, restore."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.console.browser import Screen
from tests.desk import Desk


async def test_the_list_shows_each_client_with_its_credit(owner: Screen, desk: Desk) -> None:
    pat, _ = await desk.client("Pat Doe"), await desk.client("Ann Bee")
    await desk.add(pat, 125_000)
    await owner.go("/app/clients")
    assert [(row[0], row[-1]) for row in await owner.rows()] == [("Ann Bee", "$0.00"), ("Pat Doe", "$1,250.00")]
    await owner.require_accessible()


async def test_clients_are_found_while_somebody_types(owner: Screen, desk: Desk) -> None:
    for name in ("Pat Doe", "Ann Bee", "Patricia Roe"):
        await desk.client(name)
    await owner.go("/app/clients")
    await owner.page.get_by_label("Search").press_sequentially("pat")
    await expect(owner.page).to_have_url(re.compile(r"/app/clients\?q=pat&has_credit=$"))
    await expect(owner.page.locator("#clients tbody tr")).to_have_count(2)
    await owner.page.get_by_label("Search").fill("nobody")
    await expect(owner.page.get_by_text("No client is found.")).to_be_visible()


async def test_clients_are_found_by_the_form_alone(either_screen: Screen, desk: Desk) -> None:
    await desk.client("Pat Doe")
    rich = await desk.client("Ann Bee")
    await desk.add(rich, 100)
    screen = either_screen
    await screen.sign_in(desk)
    await screen.go("/app/clients")
    await screen.page.get_by_label("Credit", exact=True).select_option("With credit")
    await screen.page.get_by_label("Search").press("Enter")
    await expect(screen.page.locator("#clients tbody tr")).to_have_count(1)
    assert [row[0] for row in await screen.rows()] == ["Ann Bee"]


async def test_a_long_list_has_pages(owner: Screen, desk: Desk) -> None:
    for number in range(30):
        await desk.client(f"Client {number:02}")
    await owner.go("/app/clients")
    assert [row[0] for row in await owner.rows()][-1] == "Client 24"
    await owner.click("Next page", "link", exact=False)
    await expect(owner.page.locator("#clients tbody tr")).to_have_count(5)
    await owner.click("First page", "link", exact=False)
    await expect(owner.page.locator("#clients tbody tr")).to_have_count(25)


async def test_a_client_is_added(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    await screen.sign_in(desk)
    await screen.click("Add client", "link", exact=False)
    await screen.page.get_by_label("Name").fill("  Pat Doe ")
    await screen.page.get_by_label("E-mail").fill("Pat@Example.com")
    await screen.page.get_by_label("Phone").fill("555-0134")
    await screen.click("Add client", exact=False)
    await screen.page.wait_for_url(re.compile(r"/app/clients/[0-9a-f-]{36}$"))
    assert await screen.said() == "Pat Doe was added."
    assert await screen.figures() == {"Invoiced": "$0.00", "Paid": "$0.00", "Due": "$0.00", "Credit": "$0.00"}
    assert "pat@example.com" in await screen.page.locator(".under").inner_text()
    # What was said is said once.
    await screen.page.reload()
    await expect(screen.page.locator("#said")).to_have_count(0)


async def test_a_client_is_added_by_keyboard_alone(owner: Screen) -> None:
    press = owner.page.keyboard.press
    await owner.page.get_by_role("link", name="Add client").focus()
    await press("Enter")
    await expect(owner.page.get_by_role("dialog")).to_be_visible()
    await expect(owner.page.get_by_role("dialog").get_by_label("Name")).to_be_focused()
    await owner.page.keyboard.type("Pat Doe")
    await press("Enter")
    assert await owner.said() == "Pat Doe was added."


async def test_escape_closes_the_dialog_and_nothing_was_done(owner: Screen) -> None:
    adding = owner.page.get_by_role("link", name="Add client")
    await adding.click()
    await expect(owner.page.get_by_role("dialog")).to_be_visible()
    await owner.require_accessible()
    await owner.page.keyboard.press("Escape")
    await expect(owner.page.get_by_role("dialog")).to_be_hidden()
    await expect(adding).to_be_focused()


async def test_what_is_wrong_is_said_at_the_top_and_beside_the_field_and_what_was_typed_stays(
    either_screen: Screen, desk: Desk
) -> None:
    screen = either_screen
    screen.expected.append("422")
    await screen.sign_in(desk)
    await screen.go("/app/clients/add")
    await screen.page.get_by_label("E-mail").fill("nonsense")
    await screen.page.get_by_label("Phone").fill("555")
    await screen.click("Add client", exact=False)
    assert await screen.errors() == ["Something is not right yet. Nothing was saved.", "Name is required"]
    name = screen.page.get_by_label("Name")
    assert await name.get_attribute("aria-invalid") == "true"
    assert await name.get_attribute("aria-describedby") == " field-name-error"
    assert await screen.page.get_by_label("Phone").input_value() == "555"
    await screen.click("Name is required", "link", exact=False)
    await expect(name).to_be_focused()
    await name.fill("Pat Doe")
    await screen.click("Add client", exact=False)
    assert (await screen.errors())[1] == "E-mail must be an e-mail address, such as pat@example.com"
    if screen.javascript:
        await screen.require_accessible()


async def test_a_client_is_edited_and_a_field_is_cleared(owner: Screen, desk: Desk) -> None:
    client = await desk.container.add_client()(desk.owner, name="Pat Doe", email="pat@example.com", phone="555-0134")
    await owner.go(f"/app/clients/{client.id}/edit")
    await owner.require_accessible()
    assert await owner.page.get_by_label("E-mail").input_value() == "pat@example.com"
    await owner.page.get_by_label("Name").fill("Pat Roe")
    await owner.page.get_by_label("E-mail").fill("")
    await owner.click("Save", exact=False)
    assert await owner.said() == "The client was saved."
    after = await desk.card(client.id)
    assert (after.name, after.email, after.phone) == ("Pat Roe", None, "555-0134")


async def test_r24_a_client_with_credit_is_not_deleted_and_the_page_leads_to_the_balance(
    owner: Screen, desk: Desk
) -> None:
    owner.expected.append("409")
    client = await desk.client()
    await owner.go(f"/app/clients/{client}/delete")
    await desk.add(client, 5000)  # meanwhile, at another desk
    await owner.click("Delete client", exact=False)
    assert await owner.errors() == ["This client still has $50.00 of account credit, so it cannot be deleted."]
    await owner.click("$50.00 of account credit", "link", exact=False)
    await expect(owner.page.locator("#balance")).to_have_text("$50.00")
    assert (await desk.card(client)).deleted_at is None


async def test_r24_a_client_is_deleted_and_restored(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    client = await desk.client("Pat Doe")
    await screen.sign_in(desk)
    await screen.go(f"/app/clients/{client}")
    await screen.click("Delete", "link", exact=False)
    await screen.click("Delete client", exact=False)
    assert await screen.said() == "The client was deleted. Ledger, invoices and payments remain readable."
    await expect(screen.page.get_by_role("link", name="Edit", exact=True)).to_have_count(0)
    await screen.go("/app/clients")
    await expect(screen.page.get_by_text("No clients yet.")).to_be_visible()
    await screen.go("/app/clients?deleted=true")
    await screen.click("Restore Pat Doe", exact=False)
    assert await screen.said() == "Pat Doe was restored."
    assert (await desk.card(client)).deleted_at is None


async def test_the_client_page_has_the_card_and_the_invoices_with_their_vehicles(owner: Screen, desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000, "INV-1")
    await desk.add(client, 5000)
    await desk.apply(invoice)
    await desk.pay(invoice, 10000, overpayment="capture")
    await owner.go(f"/app/clients/{client}")
    assert await owner.figures() == {"Invoiced": "$130.00", "Paid": "$130.00", "Due": "$0.00", "Credit": "$20.00"}
    [row] = await owner.rows()
    assert (row[0], row[3:]) == ("INV-1", ["Paid", "$130.00", "$130.00", "$0.00"])
    await owner.require_accessible()
