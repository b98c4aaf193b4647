"""Every page there is: what holds for all of them. A page that is added to the table of routes is tried here too."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection

import pytest
from playwright.async_api import Browser

from core.staff import Permission
from entrypoints.container import Container
from tests.console.browser import Screen, new_screen
from tests.console.full_shop import FullShop, fill
from tests.console.routes import OPEN_ROUTES, ROUTES, Ids, Route
from tests.console.visiting import DOWNLOADS, Comes, links_in, reached
from tests.desk import open_desk

PAGES = [
    route for route in ROUTES if route.method == "GET" and not route.path.endswith(DOWNLOADS) and route.leads_to is None
]
OTHERS = [
    "/app/clients?q=nobody",
    "/app/clients?deleted=true",
    "/app/clients/{newcomer}",
    "/app/clients/{newcomer}/credit",
    "/app/clients/{newcomer}/credit/add",
    "/app/clients/{newcomer}/bulk-payment",
    "/app/clients/{newcomer}/delete",
    "/app/clients/{newcomer}/statement",
    "/app/clients/{gone}",
    "/app/clients/{gone}/credit",
    "/app/clients/{client_id}/credit?kind=voided",
    "/app/clients/{client_id}/credit?from=2026-03-02&to=2026-03-01",
    "/app/clients/{client_id}/bulk-payment?fill=true",
    "/app/invoices?status=void",
    "/app/invoices/{invoice_id}/pay?method=cash",
    "/app/invoices/{invoice_id}/pay?method=account_credit",
    "/app/invoices/{paid}/edit",
    "/app/reports/collected/payments?deleted=true",
    "/app/reports/collected?from=2026-03-02&to=2026-03-01",
    "/app/nowhere",
]
"""The same pages with something else in them."""

SIZES = [(320, True), (768, False), (1280, False), (1920, True)]
"""Widths, and whether it is dark."""

RUNS_OVER = """width => {
    const shown = each => {
        const { display, overflowX } = getComputedStyle(each);
        const clipped = getComputedStyle(each.closest("thead") ?? each).clipPath !== "none";
        const hidden = clipped || each.closest(".unseen, .skip");
        return each.checkVisibility() && overflowX === "visible" && display !== "inline" && !hidden;
    };
    const cells = "td, th, dd, dt, li, p, h1, h2, h3, label, summary, a.button, button";
    const over = [...document.querySelectorAll(cells)].filter(
        each => shown(each) && each.scrollWidth > each.clientWidth + 1);
    const page = document.documentElement.scrollWidth > width ? ["the page"] : [];
    return [...page, ...over.map(each => `${each.tagName} ${each.innerText.slice(0, 40)}`)];
}"""


@pytest.fixture(scope="module")
async def shop(address: str, container: Container) -> FullShop:
    assert address
    return await fill(await open_desk(container))


@pytest.fixture(scope="module")
async def everywhere(browser: Browser, address: str, shop: FullShop) -> AsyncIterator[Screen]:
    """The owner, who goes from page to page."""
    screen = await new_screen(browser, address)
    await screen.sign_in(shop.desk)
    yield screen
    await screen.context.close()


def filled(path: str, shop: FullShop) -> str:
    ids = {f"{name}_id": getattr(shop.ids, name) for name in Ids.__dataclass_fields__}
    return path.format(**ids, newcomer=shop.newcomer, gone=shop.gone, paid=shop.paid)


@pytest.mark.parametrize("path", [*(page.path for page in PAGES), *OTHERS])
async def test_it_can_be_read_by_everybody_on_any_screen_and_complains_of_nothing(
    everywhere: Screen, shop: FullShop, path: str
) -> None:
    """axe-core finds nothing, in the light and in the dark; nothing runs over at any width; one heading, one title."""
    everywhere.expected = ["404", "422"] if path in OTHERS else []
    everywhere.faults.clear()
    page = everywhere.page
    await everywhere.go(filled(path, shop))
    assert await page.locator("h1").count() == 1
    assert " · " in await page.title()
    await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    for width, dark in SIZES:
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme="dark" if dark else "light")
        assert await page.evaluate(RUNS_OVER, width) == [], width
        if width == 320:
            await everywhere.require_accessible(only_contrast=True)
        if width == 1280:
            await everywhere.require_accessible()
    everywhere.require_no_faults()


def pattern(route: Route) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[0-9a-f-]{36}", route.path) + "$")


def refused_to(permissions: Collection[Permission], method: str, address: str) -> list[str]:
    """Routes at that address that need something else."""
    found = [route for route in ROUTES if route.method == method and pattern(route).match(address)]
    return [route.name for route in found if route.permission is not None and route.permission not in permissions]


SETS: list[tuple[Permission, ...]] = [(), *((each,) for each in Permission)]


@pytest.mark.parametrize("permissions", SETS, ids=lambda each: "+".join(each) or "none")
async def test_r25_no_page_leads_to_what_somebody_may_not_do_and_all_that_can_be_read_is_shown(
    comes: Comes, shop: FullShop, permissions: tuple[Permission, ...]
) -> None:
    member, _ = await shop.desk.hire(*permissions)
    visiting = await comes()
    await visiting.sign_in(shop.desk, member.email)
    for route in PAGES:
        answer = await visiting.get(filled(route.path, shop))
        allowed = route.permission is None or route.permission in permissions
        assert answer.status_code in ({200, 303} if allowed else {403}), route.name
        if allowed:
            refused = {led: refused_to(permissions, *led) for led in links_in(answer)}
            assert {led: names for led, names in refused.items() if names} == {}, route.name


async def test_whoever_may_do_everything_comes_to_every_page_by_links_alone(comes: Comes, shop: FullShop) -> None:
    visiting = await comes()
    await visiting.sign_in(shop.desk)
    seen = await reached(visiting)
    unreached = [
        route.name
        for route in ROUTES
        if route.leads_to is None
        and not any(route.method == method and pattern(route).match(path) for method, path in seen)
    ]
    # The first page of all is where the sign-in page leads.
    assert unreached == ["GET /app"]


def test_what_is_open_to_everybody_is_little() -> None:
    assert {name for name in OPEN_ROUTES if name.startswith("GET")} == {"GET /app/sign-in", "GET /app/assets/{name}"}
