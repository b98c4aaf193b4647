"""API keys at the console: made, shown once, deleted."""

from __future__ import annotations

import re

import asyncpg
import pytest
from playwright.async_api import expect

from core.errors import Unauthenticated
from core.staff import Caller, Permission
from tests.console.browser import Screen
from tests.console.visiting import Visiting
from tests.database import Database
from tests.desk import Desk


async def _keys(desk: Desk) -> list[tuple[str, list[Permission]]]:
    page = await desk.container.list_api_keys()(desk.owner, after=None, limit=100)
    return [(key.name, key.permissions) for key in page.items]


def _caller(desk: Desk, key: str) -> Caller:
    return Caller(desk.container.credential_reader().read(key))


async def test_an_api_key_is_shown_once_works_and_is_deleted(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    await screen.sign_in(desk)
    await screen.go("/app/settings/api-keys")
    await expect(screen.page.get_by_text("No API keys yet.")).to_be_visible()
    await screen.click("Make API key", "link")
    await screen.page.get_by_label("Name").fill("Point of sale")
    await screen.page.get_by_label("Clients", exact=False).check()
    if screen.javascript:
        await screen.require_accessible()
    await screen.click("Make API key")
    field = screen.page.get_by_label("API key", exact=True)
    await field.wait_for()
    key = await field.input_value()
    assert (await desk.container.show_me()(_caller(desk, key))).by.name == "Point of sale"
    if screen.javascript:
        await screen.require_accessible()
        await screen.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await screen.click("Copy")
        await expect(screen.page.get_by_role("button", name="Copied")).to_be_visible()
        assert await screen.page.evaluate("navigator.clipboard.readText()") == key
    # Whoever loads the page again, or comes back to it, sends the same form: the same key, and no second one.
    await screen.page.reload()
    assert await field.input_value() == key
    assert await _keys(desk) == [("Point of sale", [Permission.MANAGE_CLIENTS])]
    await screen.click("I have copied it", "link")
    assert (await screen.rows())[0][:2] == ["Point of sale", "Clients"]
    assert key.split("_", 3)[3] not in await screen.page.content()
    if screen.javascript:
        await screen.require_accessible()
    await screen.click("Delete Point of sale", "link")
    await expect(screen.page.get_by_text("Its access ends with the next request")).to_be_visible()
    await screen.click("Delete API key")
    assert await screen.said() == "The API key was deleted. Its access has ended."
    assert await _keys(desk) == []
    with pytest.raises(Unauthenticated):
        await desk.container.show_me()(_caller(desk, key))


async def test_a_key_that_was_made_is_shown_again_to_the_same_form_only_and_kept_encrypted(
    visiting: Visiting, desk: Desk, database: Database
) -> None:
    pages = [await visiting.post("/app/settings/api-keys/add", {"name": "till"}, key="one-form") for _ in range(2)]
    keys = [re.findall(r">(ak_[^<]+)</textarea>", page.text) for page in pages]
    assert keys[0] == keys[1]
    assert len(keys[0]) == 1
    assert all(page.headers["cache-control"] == "no-store" for page in pages)
    assert len(await _keys(desk)) == 1
    other = await visiting.post("/app/settings/api-keys/add", {"name": "another till"}, key="one-form")
    assert other.status_code == 422
    assert keys[0][0] not in other.text
    assert len(await _keys(desk)) == 1
    superuser = await asyncpg.connect(database.superuser_url)
    try:
        kept = "SELECT body, sealed FROM idempotency_records WHERE shop_id = $1 AND key = 'one-form'"
        [(body, sealed)] = await superuser.fetch(kept, desk.shop_id)
    finally:
        await superuser.close()
    assert sealed
    assert keys[0][0].encode() not in body


async def test_back_from_a_key_and_sending_again_shows_the_same_key(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    await screen.sign_in(desk)
    await screen.go("/app/settings/api-keys/add")
    shown = []
    for _ in range(2):
        await screen.page.get_by_label("Name").fill("till")
        await screen.click("Make API key")
        field = screen.page.get_by_label("API key", exact=True)
        await field.wait_for()
        shown.append(await field.input_value())
        await screen.page.go_back()
        await expect(screen.page.get_by_role("heading", name="Make an API key")).to_be_visible()
    assert shown[0] == shown[1]
    assert len(await _keys(desk)) == 1


async def test_a_key_that_somebody_else_deleted_is_not_there(visiting: Visiting, desk: Desk) -> None:
    made = await desk.container.add_api_key()(desk.owner, name="till", permissions=set())
    await desk.container.delete_api_key()(desk.owner, made.id)  # type: ignore[arg-type]  # the id of a key
    for answer in (
        await visiting.get(f"/app/settings/api-keys/{made.id}/delete"),
        await visiting.post(f"/app/settings/api-keys/{made.id}/delete"),
    ):
        assert answer.status_code == 404
