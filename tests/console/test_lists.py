"""Lists at the console: narrowing them, by mouse, by keyboard and without JavaScript, and what their pages say."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from tests.console.browser import Screen
from tests.console.visiting import Visiting
from tests.desk import Desk

TO_BEFORE_FROM = "To must not be before the first day."


def today() -> date:
    return datetime.now(ZoneInfo("America/Chicago")).date()


async def test_days_in_the_wrong_order_are_said_beside_the_ledger_and_stay(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    screen.expected.append("422")
    client = await desk.client()
    await desk.add(client, 5000)
    await screen.sign_in(desk)
    await screen.go(f"/app/clients/{client}/credit?kind=added")
    await screen.page.get_by_label("To").fill("2026-04-30")
    await screen.page.get_by_label("From").fill("2026-05-01")
    if not screen.javascript:
        await screen.click("Show", exact=False)
    await expect(screen.page.locator("#errors")).to_have_text(TO_BEFORE_FROM)
    await expect(screen.page.get_by_label("From")).to_have_value("2026-05-01")
    await expect(screen.page.get_by_label("To")).to_have_value("2026-04-30")
    await expect(screen.page.get_by_label("Kind")).to_have_value("added")
    await expect(screen.page.locator("#foot-balance")).to_have_text("$50.00")
    await expect(screen.page.get_by_role("link", name="These entries as CSV")).to_have_count(0)
    await screen.page.get_by_label("To").fill(today().isoformat())
    if not screen.javascript:
        await screen.click("Show", exact=False)
    await expect(screen.page.locator("#errors")).to_have_count(0)
    await expect(screen.page.get_by_role("link", name="These entries as CSV")).to_be_visible()


async def test_a_day_is_typed_digit_by_digit_and_nothing_is_lost(owner: Screen, desk: Desk) -> None:
    client = await desk.client()
    await desk.add(client, 5000)
    await owner.go(f"/app/clients/{client}/credit?from={today() - timedelta(days=1)}")
    await owner.page.evaluate("window.never_left = true")
    await owner.page.get_by_label("To").focus()
    # Each digit of the year makes a day: of the year 2, 20, 202, 2026. Slower than the list waits for the next one.
    for digits in (f"{today():%m%d}", *f"{today():%Y}"):
        await owner.page.keyboard.type(digits)
        await owner.page.wait_for_timeout(600)
    await owner.settled()
    await expect(owner.page.locator("table.ledger tbody tr th")).to_have_count(1)
    await expect(owner.page.locator("#errors")).to_have_count(0)
    assert await owner.page.evaluate("window.never_left")
    assert owner.path.endswith(f"?kind=&from={today() - timedelta(days=1)}&to={today()}")


async def test_a_list_that_is_refused_is_opened_with_what_was_asked_of_it(owner: Screen, desk: Desk) -> None:
    owner.expected.append("422")
    await owner.go("/app/clients")
    await owner.page.get_by_label("Search").evaluate("field => { field.maxLength = 1000; }")
    await owner.page.get_by_label("Search").fill("x" * 201)
    await expect(owner.page.get_by_role("heading", name="Something is not right")).to_be_visible()
    assert owner.path == f"/app/clients?q={'x' * 201}&has_credit="
    await expect(owner.page.get_by_text("The address of this page is not right: “q” must")).to_be_visible()


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/app/invoices?status=lost", "“status” must be one of"),
        ("/app/clients?has_credit=perhaps", "“has_credit” must be"),
        ("/app/clients?colour=red", "“colour” is not"),
        ("/app/reports/credit?from=2026-02-30", "“from” must be"),
        ("/app/reports/ledger.csv?from=2026-03-02&to=2026-03-01", "“to” must not be before from"),
        ("/app/clients/{client}/credit?from=yesterday", "“from” must be"),
        ("/app/clients/{client}/notices?state=lost", "“state” must be one of"),
        ("/app/settings/webhooks/{endpoint}?state=lost", "“state” must be one of"),
        ("/app/settings/emails?state=lost", "“state” must be one of"),
    ],
)
async def test_an_address_that_makes_no_sense_says_what_is_wrong_with_it(
    visiting: Visiting, desk: Desk, path: str, sentence: str
) -> None:
    client, endpoint = await desk.client(), (await desk.endpoint()).id
    answer = await visiting.get(path.format(client=client, endpoint=endpoint))
    assert answer.status_code == 422
    assert f"The address of this page is not right: {sentence}" in answer.text
    assert "Nothing was saved" not in answer.text


def link_of(page: str, rel: str) -> str:
    found = next(part for part in page.split('href="') if f'rel="{rel}"' in part[:400])
    return found.split('"')[0].replace("&amp;", "&")


async def test_a_page_that_became_empty_says_so_and_leads_back(visiting: Visiting, desk: Desk) -> None:
    client = await desk.client("Zoe Last")
    await desk.client("Ann First")
    invoices = [await desk.invoice(client, 100) for _ in range(3)]
    of_invoices = link_of((await visiting.get("/app/invoices?status=open&limit=2")).text, "next")
    of_clients = link_of((await visiting.get("/app/clients?limit=1")).text, "next")
    await desk.pay(invoices[0], 100)  # the oldest, on the last page
    await desk.void_invoice(invoices[1])
    await desk.void_invoice(invoices[2])
    await desk.delete_client(client)
    for path, first in ((of_invoices, "/app/invoices?limit=2&amp;status=open"), (of_clients, "/app/clients?limit=1")):
        page = await visiting.get(path)
        assert page.status_code == 200
        assert "Nothing more here." in page.text
        assert re.search(r"No (clients|invoice)", page.text) is None
        assert f'href="{first}"' in page.text


async def test_the_deleted_clients_have_their_own_heading_also_where_only_the_list_comes_anew(
    owner: Screen, desk: Desk
) -> None:
    gone = await desk.client("Pat Doe")
    await desk.delete_client(gone)
    await owner.go("/app/clients")
    await owner.page.get_by_label("Deleted ones").check()
    await expect(owner.page.get_by_role("heading", name="Deleted clients")).to_be_visible()
    await expect(owner.page.get_by_role("link", name="Add client")).to_have_count(0)
    await expect(owner.page).to_have_title(re.compile("^Deleted clients · "))
    await expect(owner.page.get_by_role("button", name="Restore Pat Doe")).to_be_visible()
    await owner.page.get_by_label("Deleted ones").uncheck()
    await expect(owner.page.get_by_role("heading", name="Clients", exact=True)).to_be_visible()
    # The button that came with it opens its dialog.
    await owner.click("Add client", "link", exact=False)
    await expect(owner.page.get_by_role("dialog")).to_be_visible()


async def test_what_changes_is_announced_from_a_place_that_stays(owner: Screen, desk: Desk) -> None:
    """A part of the page that is put in anew, with its live region, is often not read out."""
    client = await desk.client()
    await desk.add(client, 5000)
    invoices = [await desk.invoice(client, 1000) for _ in range(2)]
    pages = [
        ("/app/clients", "#count", "Search", "nobody", "No clients."),
        (f"/app/clients/{client}/credit", "#count", "Kind", "added", "1 entry."),
        (f"/app/clients/{client}/credit/add", "#preview", "Amount", "12.50", "$62.50"),
        (f"/app/clients/{client}/invoices/add", "#invoice-total", "Unit price of line 1", "12", "Total"),
        (f"/app/invoices/{invoices[0]}/pay?method=cash", "#preview", "Amount", "4", "$6.00"),
        (f"/app/clients/{client}/bulk-payment", "#bulk-total", "Amount on", "4", "$4.00"),
    ]
    for path, place, field, typed, said in pages:
        await owner.go(path)
        await owner.page.evaluate("place => { window.region = document.querySelector(place); }", place)
        assert await owner.page.evaluate("region.matches('[aria-live=polite], [role=status]')"), path
        chosen = owner.page.get_by_label(field).first
        await (chosen.select_option(typed) if field == "Kind" else chosen.fill(typed))
        await expect(owner.page.locator(place)).to_contain_text(said)
        assert await owner.page.evaluate("region.isConnected"), path


TURNED = "Pat \u202eDoe"
RIGHT_TO_LEFT = "\u05d3\u05e0\u05d4"


@pytest.mark.parametrize("name", [TURNED, RIGHT_TO_LEFT, f"\u2069{TURNED}"])
async def test_a_name_turns_no_words_or_amounts_that_stand_beside_it(owner: Screen, desk: Desk, name: str) -> None:
    client = await desk.client(name)
    await desk.add(client, 5000)
    await owner.go(f"/app/clients/{client}/delete")
    # Where the amount is: to the right of the words before it, as they are written.
    places = await owner.page.evaluate(
        """() => {
            const sentence = document.querySelector(".notice p"), texts = [...sentence.childNodes];
            const has = document.createRange(), credit = document.createRange();
            const at = texts[0].data.lastIndexOf(" has ");
            has.setStart(texts[0], at + 1);
            has.setEnd(texts[0], at + 4);
            credit.selectNodeContents(texts[1]);
            return [has.getBoundingClientRect().left, credit.getBoundingClientRect().left];
        }"""
    )
    assert places[0] < places[1]
    assert "\u202e" not in await owner.page.title()
