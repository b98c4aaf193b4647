"""The Credit tab at the console: add, void, the ledger, and where the balance came from."""

from __future__ import annotations

from playwright.async_api import expect

from tests.console.browser import Screen
from tests.desk import Desk


async def balances(screen: Screen) -> set[str]:
    """R27: the three places that show it."""
    card = (await screen.figures())["Credit"]
    places = ("#tab-balance", "#foot-balance")
    return {card, *[(await screen.page.locator(place).inner_text()).strip() for place in places]}


async def test_where_there_is_no_credit_yet_the_tab_says_what_it_is(owner: Screen, desk: Desk) -> None:
    client = await desk.client()
    await owner.go(f"/app/clients/{client}/credit")
    await expect(owner.page.get_by_text("It is not a discount, not cash.")).to_be_visible()
    await owner.require_accessible()


async def test_r5_credit_is_added_and_all_three_places_show_the_balance(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    screen.expected.append("422")
    client = await desk.client()
    await screen.sign_in(desk)
    await screen.go(f"/app/clients/{client}/credit")
    await screen.click("Add credit", "link", exact=False)
    await expect(screen.page.get_by_text("This records no money received.")).to_be_visible()
    await screen.page.get_by_label("Amount").fill("1.005")
    await screen.page.get_by_label("Note").fill("job ran late")
    await screen.click("Add credit", exact=False)
    assert (await screen.errors())[0] == "Something is not right yet. Nothing was saved."
    assert await screen.page.get_by_label("Note").input_value() == "job ran late"
    await screen.page.get_by_label("Amount").fill("$1,250.00")
    await screen.click("Add credit", exact=False)
    assert await screen.said() == "$1,250.00 of credit was added. The balance after it: $1,250.00."
    assert await balances(screen) == {"$1,250.00"}
    [row] = await screen.rows("table.ledger")
    assert row[2:4] == ["Added", "Goodwill\njob ran late"]


async def test_the_balance_after_it_shows_while_somebody_types(owner: Screen, desk: Desk) -> None:
    client = await desk.client()
    await desk.add(client, 5000)
    await owner.go(f"/app/clients/{client}/credit/add")
    await owner.page.get_by_label("Amount").press_sequentially("12.5")
    await expect(owner.page.locator("#preview")).to_contain_text("$62.50")
    await owner.require_accessible()
    assert (await desk.card(client)).credit == 5000


async def test_the_balance_after_it_shows_without_a_script_too(open_screen: object, desk: Desk) -> None:
    screen: Screen = await open_screen(javascript=False)  # type: ignore[operator]  # see conftest.OpenScreen
    client = await desk.client()
    await screen.sign_in(desk)
    await screen.go(f"/app/clients/{client}/credit/add")
    await screen.page.get_by_label("Amount").fill("12.5")
    await screen.page.get_by_label("Note").fill("late")
    await screen.click("Show the balance after it", exact=False)
    await expect(screen.page.locator("#preview")).to_contain_text("$12.50")
    assert await screen.page.get_by_label("Note").input_value() == "late"
    await screen.click("Add credit", exact=False)
    assert await balances(screen) == {"$12.50"}


async def test_r5_a_refund_says_what_was_given_for_its_invoice_and_what_can_be(owner: Screen, desk: Desk) -> None:
    owner.expected.append("409")
    client = await desk.client()
    invoice = await desk.invoice(client, 13000, "INV-1")
    await desk.pay(invoice, 13000)
    await desk.add(client, 3000, invoice_id=invoice, reason="refund")
    await owner.go(f"/app/clients/{client}/credit/add")
    await owner.page.get_by_label("Reason").select_option("refund")
    await owner.page.get_by_label("Invoice").select_option(label="INV-1 · $130.00")
    await expect(owner.page.locator("#preview")).to_contain_text("already given for this invoice: $30.00")
    await expect(owner.page.locator("#preview")).to_contain_text("at most $100.00")
    await owner.page.get_by_label("Amount").fill("100.01")
    await owner.page.get_by_label("Note").fill("too much")
    await owner.click("Add credit", exact=False)
    assert await owner.errors() == [
        "A refund cannot be more than what was paid on its invoice and not yet refunded: $100.00."
    ]
    assert (await desk.card(client)).credit == 3000


async def test_r18_an_entry_is_voided_and_linked_to_what_reverses_it(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    client = await desk.client()
    await desk.add(client, 5000, note="job ran late")
    await desk.add(client, 700)
    await screen.sign_in(desk)
    await screen.go(f"/app/clients/{client}/credit")
    await screen.click("Void entry 1", "link", exact=False)
    await expect(screen.page.locator(".before-after")).to_contain_text("$7.00")
    await screen.page.get_by_label("Note").fill("by mistake")
    await screen.click("Void $50.00", exact=False)
    assert await screen.said() == "$50.00 of credit was voided. The balance after it: $7.00."
    assert await balances(screen) == {"$7.00"}
    await expect(screen.page.get_by_role("link", name="Void entry 1")).to_have_count(0)
    await screen.click("reversed by 3", "link")
    await expect(screen.page.get_by_role("heading", name="Entry 3")).to_be_visible()
    assert [row[0].split()[-1] for row in await screen.rows("table.ledger")] == ["3", "1"]


async def test_r19_spent_credit_is_not_voided_and_the_page_names_what_spent_it(owner: Screen, desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000, "INV-1")
    await desk.add(client, 5000)
    await desk.apply(invoice)
    await owner.go(f"/app/clients/{client}/credit")
    await owner.click("Void entry 1", "link", exact=False)
    dialog = owner.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("the balance is $50.00 too low")
    await expect(dialog).to_contain_text("The payment of $50.00 on INV-1")
    await expect(dialog.get_by_role("button", name="Void")).to_have_count(0)
    await owner.require_accessible()


async def test_r19_credit_that_another_desk_spent_meanwhile_is_not_voided_and_the_figures_are_fresh(
    owner: Screen, desk: Desk
) -> None:
    owner.expected.append("409")
    client = await desk.client()
    invoice = await desk.invoice(client, 13000, "INV-1")
    await desk.add(client, 5000)
    await owner.go(f"/app/clients/{client}/credit")
    await owner.click("Void entry 1", "link", exact=False)
    await owner.page.get_by_label("Note").fill("by mistake")
    await desk.apply(invoice, 2000)
    await owner.click("Void $50.00", exact=False)
    assert (await owner.errors())[0].startswith("This credit has already been spent: the balance is $20.00 too low.")
    await expect(owner.page.locator(".spent-by")).to_contain_text("The payment of $20.00 on INV-1")


async def test_the_ledger_is_narrowed_by_kind_and_the_foot_keeps_the_present_balance(
    either_screen: Screen, desk: Desk
) -> None:
    screen = either_screen
    client = await desk.client()
    invoice = await desk.invoice(client, 1000, "INV-1")
    await desk.add(client, 5000)
    await desk.apply(invoice)
    await screen.sign_in(desk)
    await screen.go(f"/app/clients/{client}/credit")
    await screen.page.get_by_label("Kind").select_option("Applied")
    if not screen.javascript:
        await screen.click("Show", exact=False)
    await expect(screen.page.locator("table.ledger tbody tr")).to_have_count(1)
    assert await balances(screen) == {"$40.00"}
    async with screen.page.expect_download() as download:
        await screen.click("These entries as CSV", "link", exact=False)
    lines = (await (await download.value).path()).read_text().splitlines()
    assert [line.split(",")[2] for line in lines] == ["kind", "applied"]


async def test_a_balance_is_explained_by_what_is_left_of_its_sources(owner: Screen, desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 4000, "INV-1")
    await desk.add(client, 5000)
    await desk.pay(invoice, 6000, overpayment="capture")
    await owner.go(f"/app/clients/{client}/credit")
    await owner.page.get_by_text("Explain this balance").click()
    await expect(owner.page.locator(".explained-sum")).to_contain_text("$70.00 = $50.00 goodwill of")
    await expect(owner.page.locator(".explained-sum")).to_contain_text("+ $20.00 overpaid on INV-1")
    await owner.require_accessible()
    await owner.go(f"/app/clients/{client}/credit/explained")
    assert [row[-1] for row in await owner.rows()] == ["$50.00", "$20.00"]
