"""Settings at the console: the shop, who sees which tab, and how all of them fit a screen."""

from __future__ import annotations

import re

from playwright.async_api import expect

from core.shop import Language
from core.staff import Permission
from tests.console.browser import Screen
from tests.console.conftest import OpenScreen
from tests.console.sending import answer, by_webhook, route
from tests.console.visiting import Visiting
from tests.desk import Desk

EVERYTHING_ELSE = [each for each in Permission if each is not Permission.MANAGE_SETTINGS]


async def test_the_shop_is_set(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    client = await desk.client()
    await screen.sign_in(desk)
    await screen.click("Settings", "link")
    assert screen.path == "/app/settings/shop"
    if screen.javascript:
        await screen.require_accessible()
    await screen.page.get_by_label("Name", exact=True).fill("  Main Street Auto ")
    await screen.page.get_by_label("Time zone").fill("Europe/Berlin")
    await screen.page.get_by_label("Language of e-mails").select_option("German")
    await screen.page.get_by_label("Tell clients by e-mail").check()
    await screen.page.get_by_label("E-mail of the shop").fill("Desk@Example.com")
    await screen.page.get_by_label("This shop keeps its books in QuickBooks").check()
    await screen.click("Save")
    assert await screen.said() == "The settings were saved."
    shop = await desk.container.show_shop()(desk.owner)
    assert (shop.name, shop.time_zone, shop.language) == ("Main Street Auto", "Europe/Berlin", Language.DE)
    assert (shop.email_notices, shop.email, shop.quickbooks_connected) == (True, "desk@example.com", True)
    await screen.go(f"/app/clients/{client}/credit")
    await expect(screen.page.get_by_text("Account credit is not synced to QuickBooks.")).to_be_visible()
    # What is not ticked is switched off, and an address that is left empty is none.
    await screen.go("/app/settings/shop")
    await expect(screen.page.get_by_label("This shop keeps its books in QuickBooks")).to_be_checked()
    await screen.page.get_by_label("This shop keeps its books in QuickBooks").uncheck()
    await screen.page.get_by_label("E-mail of the shop").fill("")
    await screen.click("Save")
    assert await screen.said() == "The settings were saved."
    shop = await desk.container.show_shop()(desk.owner)
    assert (shop.email, shop.quickbooks_connected) == (None, False)


async def test_what_the_shop_cannot_be_is_refused_and_what_was_typed_stays(owner: Screen, desk: Desk) -> None:
    owner.expected.append("422")
    await owner.go("/app/settings/shop")
    await owner.page.get_by_label("Name", exact=True).fill("")
    await owner.page.get_by_label("Time zone").fill("Chicago")
    await owner.click("Save")
    assert await owner.errors() == ["Something is not right yet. Nothing was saved.", "Name is required"]
    await owner.page.get_by_label("Name", exact=True).fill("Renamed")
    await owner.click("Save")
    wrong = "Time zone must be a name of the IANA time zone database, such as America/Chicago"
    assert (await owner.errors())[1] == wrong
    assert await owner.page.get_by_label("Time zone").input_value() == "Chicago"
    await owner.require_accessible()
    await owner.page.get_by_label("Time zone").fill("America/Chicago")
    await owner.page.get_by_label("E-mail of the shop").fill("nonsense")
    await owner.click("Save")
    assert (await owner.errors())[1] == "E-mail of the shop must be an e-mail address, such as pat@example.com"
    assert (await desk.container.show_shop()(desk.owner)).name != "Renamed"


async def test_currency_and_short_name_are_shown_with_why_they_stay(visiting: Visiting, desk: Desk) -> None:
    page = (await visiting.get("/app/settings/shop")).text
    assert "Every amount in the ledger is in it" in page
    assert f"<strong>{desk.slug}</strong>" in page
    for name in ("currency", "slug"):
        refused = await visiting.post(
            "/app/settings/shop/edit", {"name": "x", "time_zone": "America/Chicago", "language": "en", name: "EUR"}
        )
        assert refused.status_code == 422


async def test_r25_who_may_not_change_settings_sees_the_shop_and_no_more(screen: Screen, desk: Desk) -> None:
    screen.expected.append("403")
    member, _ = await desk.hire(*EVERYTHING_ELSE)
    await screen.sign_in(desk, member.email)
    await screen.click("Settings", "link")
    await expect(screen.page.get_by_text("America/Chicago")).to_be_visible()
    await expect(screen.page.get_by_role("button", name="Save")).to_have_count(0)
    tabs = screen.page.get_by_role("navigation", name="Settings").get_by_role("link")
    assert await tabs.all_inner_texts() == ["Shop", "Staff", "API keys"]
    await screen.require_accessible()
    assert await screen.go("/app/settings/webhooks") == 403
    await expect(
        screen.page.get_by_text("This needs the permission “Settings”, which you do not have.")
    ).to_be_visible()


async def test_long_lists_of_staff_and_keys_have_pages(visiting: Visiting, desk: Desk) -> None:
    for number in range(3):
        await desk.container.add_api_key()(desk.owner, name=f"Key {number}", permissions=set())
        await desk.hire(name=f"Robin {number}")
    for path, name in (("staff", "Robin"), ("api-keys", "Key")):
        page = (await visiting.get(f"/app/settings/{path}?limit=2")).text
        assert f"{name} 2" not in page
        found = re.search(r'href="([^"]+)" rel="next"', page)
        assert found
        assert f"{name} 2" in (await visiting.get(found[1].replace("&amp;", "&"))).text


async def test_settings_fit_and_can_be_read_in_the_dark(open_screen: OpenScreen, desk: Desk) -> None:
    screen = await open_screen(dark=True)
    member, _ = await desk.hire(*EVERYTHING_ELSE, name="Maximiliana" * 18)
    made = await desk.container.add_api_key()(desk.owner, name="Point of sale" * 15, permissions=set(Permission))
    endpoint, client = await desk.endpoint(f"https://93.184.215.14/{'hook' * 100}"), await desk.client("Sam" * 60)
    for _ in range(3):
        await desk.add(client, 100)
    failed, delivered, _ = await route(desk, by_webhook(endpoint.id))
    await answer(desk, failed, "500" + "long" * 200, accepted=False, given_up=True)
    await answer(desk, delivered, "200 OK")
    await screen.sign_in(desk)
    settings, staff, hook = "/app/settings", f"/app/settings/staff/{member.id}", f"/app/settings/webhooks/{endpoint.id}"
    looked_at = [f"{settings}/shop", f"{settings}/staff", f"{settings}/webhooks", hook]
    others = [f"{settings}/staff/add", f"{staff}/edit", f"{staff}/deactivate", f"{settings}/emails", f"{hook}/rotate"]
    keys = [f"{settings}/api-keys", f"{settings}/api-keys/{made.id}/delete", f"{settings}/webhooks/add"]
    for path in (*looked_at, *others, *keys, f"/app/clients/{client}/notices"):
        await screen.go(path)
        for width in (320, 768, 1280):
            await screen.page.set_viewport_size({"width": width, "height": 800})
            assert await screen.page.evaluate("document.documentElement.scrollWidth") <= width, path
        if path in looked_at:
            await screen.require_accessible()
