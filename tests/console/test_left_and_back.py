"""Pages that somebody left: Back after signing out, an answer that was stopped, an address that only takes a form."""

from __future__ import annotations

import re
from asyncio import Event
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from urllib.parse import quote

import pytest
from playwright.async_api import Route as Held
from playwright.async_api import async_playwright, expect

from tests.console.browser import CHROMIUM, SWITCHES, Screen, new_screen
from tests.console.routes import ROUTES, Ids, Route
from tests.console.routes import address as address_in
from tests.console.visiting import ORIGIN, Visiting
from tests.desk import Desk, SetClock

OpenScreen = Callable[..., Awaitable[Screen]]


@pytest.fixture(scope="module")
async def open_keeping_screen(address: str) -> AsyncIterator[OpenScreen]:
    """Browsers that keep whole pages in memory for Back, as people's do. Playwright's own do not."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[*SWITCHES, "--enable-features=BackForwardCache"],
            ignore_default_args=["--disable-back-forward-cache"],
        )

        async def open_one() -> Screen:
            return await new_screen(browser, address)

        yield open_one
        await browser.close()


KEPT = "addEventListener('pageshow', event => { window.was_kept = event.persisted; })"


async def test_back_brings_a_kept_form_with_its_key_while_somebody_is_signed_in(
    open_keeping_screen: OpenScreen, desk: Desk
) -> None:
    screen = await open_keeping_screen()
    client = await desk.client("Pat Doe")
    await screen.sign_in(desk)
    await screen.go(f"/app/clients/{client}/credit/add")
    key = await screen.page.locator("form.stack input[name=_key]").input_value()
    await screen.page.evaluate(KEPT)
    await screen.go("/app/clients")
    await screen.page.go_back(wait_until="commit")
    await expect(screen.page.get_by_role("heading", name="Add credit")).to_be_visible()
    assert await screen.page.evaluate("window.was_kept"), "this browser keeps no pages, so the next test shows nothing"
    assert await screen.page.locator("form.stack input[name=_key]").input_value() == key


async def test_back_brings_no_kept_page_to_whoever_signed_out(open_keeping_screen: OpenScreen, desk: Desk) -> None:
    screen = await open_keeping_screen()
    client = await desk.client("Pat Doe")
    await screen.sign_in(desk)
    await screen.go(f"/app/clients/{client}/credit/add")
    await screen.click("Sign out", exact=False)
    await expect(screen.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await screen.page.go_back(wait_until="commit")
    await expect(screen.page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "Pat Doe" not in await screen.page.content()


async def test_a_form_whose_answer_was_stopped_can_be_sent_again_and_is_saved_once(owner: Screen, desk: Desk) -> None:
    client = await desk.client()
    await owner.go(f"/app/clients/{client}/credit/add")
    await owner.page.get_by_label("Amount").fill("50")
    await owner.page.get_by_label("Note").fill("job ran late")
    await owner.settled()
    held, arrived = Event(), Event()

    async def hold(route: Held) -> None:
        answer = await route.fetch(max_redirects=0)
        arrived.set()
        await held.wait()
        await route.fulfill(response=answer)

    await owner.page.route("**/credit/add?sent=", hold, times=1)
    add = owner.page.get_by_role("button", name="Add credit")
    # A second after it was sent, and not after now: a click may take long.
    await owner.page.evaluate("addEventListener('submit', () => setTimeout(() => stop(), 1000), { once: true })")
    await add.click(no_wait_after=True)
    await arrived.wait()
    await expect(owner.page.locator("form[aria-busy]")).to_have_count(0, timeout=9_000)
    await add.click()
    await owner.page.wait_for_url(re.compile("/credit$"))
    held.set()
    assert [entry.amount for entry in await desk.entries(client)] == [5000]


FOR_FORMS = [route for route in ROUTES if route.leads_to is not None]


@pytest.mark.parametrize("route", FOR_FORMS, ids=lambda route: route.name)
async def test_the_address_of_a_form_leads_to_the_page_that_it_stands_on(visiting: Visiting, route: Route) -> None:
    ids = Ids()
    assert route.leads_to is not None
    for query in ("", "?sent="):
        answer = await visiting.get(route.url(ids) + query)
        assert (answer.status_code, answer.headers["location"]) == (303, address_in(route.leads_to, ids))


async def test_whoever_signs_in_again_after_a_form_was_refused_comes_to_its_page(
    visiting: Visiting, desk: Desk, clock: SetClock
) -> None:
    refused = await visiting.post("/app/settings/shop/edit?sent=", {"name": ""})
    assert refused.status_code == 422
    clock.forward(timedelta(minutes=30))
    shown = {"Referer": f"{ORIGIN}/app/settings/shop/edit?sent="}
    over = await visiting.post("/app/settings/shop/edit?sent=", {"name": "Main Street"}, headers=shown)
    back = "/app/settings/shop/edit?sent="
    assert over.headers["location"] == f"/app/sign-in?next={quote(back, safe='')}"
    await visiting.get(over.headers["location"])
    entries = {"shop": desk.slug, "email": desk.owner_email, "password": "correct horse battery", "next": back}
    signed_in = await visiting.post("/app/sign-in", entries)
    led = await visiting.get(signed_in.headers["location"])
    assert (led.status_code, led.headers["location"]) == (303, "/app/settings/shop")
    assert (await visiting.get(led.headers["location"])).status_code == 200


async def test_what_was_chosen_before_the_page_listened_is_previewed_too(owner: Screen, desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000, "INV-1")
    await desk.pay(invoice, 13000)

    chosen = Event()

    async def late(route: Held) -> None:
        await chosen.wait()
        await route.continue_()

    await owner.page.route("**/htmx.min.*.js", late)
    await owner.page.goto(f"{owner.address}/app/clients/{client}/credit/add", wait_until="commit")
    await owner.page.get_by_label("Invoice").select_option(label="INV-1 · $130.00")
    chosen.set()
    await expect(owner.page.locator("#preview")).to_contain_text("No credit was given for this invoice yet.")
