"""Webhooks at the console: endpoints, their secrets, what was sent there, and sending it again."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from playwright.async_api import expect

from core.deliveries import DeliveryState
from core.ids import EndpointId
from core.notices import NoticeKind
from core.use_cases.webhook_endpoints import EndpointEdit
from core.webhook_views import WebhookEndpointView
from tests.console.browser import Screen
from tests.console.sending import answer, by_webhook, notices_of, route, states_of
from tests.console.visiting import Visiting
from tests.database import Database
from tests.desk import Desk, SetClock

URL = "https://93.184.215.14/hooks"
PENDING, DELIVERED, FAILED = DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.FAILED


async def endpoints_of(desk: Desk) -> list[WebhookEndpointView]:
    return (await desk.container.list_webhook_endpoints()(desk.owner, after=None, limit=100)).items


async def edit(desk: Desk, endpoint_id: UUID, **changes: bool) -> None:
    change = EndpointEdit(**changes)  # type: ignore[arg-type]  # a test names what it changes
    await desk.container.edit_webhook_endpoint()(desk.owner, EndpointId(endpoint_id), change)


async def test_an_endpoint_is_added_with_its_secret_shown_once_and_edited(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    await screen.sign_in(desk)
    await screen.go("/app/settings/webhooks")
    await expect(screen.page.get_by_text("No webhook endpoints yet.")).to_be_visible()
    await screen.click("Add endpoint", "link")
    await screen.page.get_by_label("Address").fill(URL)
    await screen.page.get_by_label("Description").fill("Bookkeeping")
    await screen.page.get_by_label("A payment was deleted").uncheck()
    if screen.javascript:
        await screen.require_accessible()
    await screen.click("Add endpoint")
    field = screen.page.get_by_label("Signing secret")
    await field.wait_for()
    secret = await field.input_value()
    assert secret.startswith("whsec_")
    if screen.javascript:
        await screen.require_accessible()
    # The same form once more, as a browser sends it when the page is loaded again.
    await screen.page.reload()
    assert await field.input_value() == secret
    [endpoint] = await endpoints_of(desk)
    assert set(endpoint.kinds) == set(NoticeKind) - {NoticeKind.PAYMENT_DELETED}
    await screen.click("I have copied it", "link")
    await expect(screen.page.get_by_role("heading", name="Bookkeeping")).to_be_visible()
    assert secret not in await screen.page.content()
    await screen.click("Edit", "link")
    await screen.page.get_by_label("Address").fill(f"{URL}/2")
    await screen.page.get_by_label("Description").fill("")
    await screen.page.get_by_label("A payment was recorded").uncheck()
    await screen.click("Save")
    assert await screen.said() == "The webhook endpoint was saved."
    [endpoint] = await endpoints_of(desk)
    assert (endpoint.url, endpoint.description, len(endpoint.kinds)) == (f"{URL}/2", None, len(NoticeKind) - 2)
    await screen.go("/app/settings/webhooks")
    assert [cell.split("\n")[0] for cell in (await screen.rows())[0]] == ["93.184.215.14", "6 kinds", "On", "0"]


async def test_an_address_that_nothing_is_sent_to_is_refused_beside_its_field(owner: Screen, desk: Desk) -> None:
    owner.expected.append("422")
    await owner.go("/app/settings/webhooks/add")
    for url in ("http://93.184.215.14/", "https://127.0.0.1/", "nonsense"):
        await owner.page.get_by_label("Address").fill(url)
        await owner.click("Add endpoint")
        assert (await owner.errors())[1].startswith("Address ")
    for box in await owner.page.locator("input[name=kinds]").all():
        await box.uncheck()
    await owner.click("Add endpoint")
    assert (await owner.errors())[1] == "At least one kind of notice is required"
    await owner.require_accessible()
    assert await endpoints_of(desk) == []


async def test_the_twenty_first_endpoint_is_refused(visiting: Visiting, desk: Desk) -> None:
    for number in range(20):
        await desk.endpoint(f"{URL}/{number}")
    page = (await visiting.get("/app/settings/webhooks")).text
    assert "Add endpoint" not in page
    assert "20 webhook endpoints at most" in page
    refused = await visiting.post("/app/settings/webhooks/add", {"url": URL, "kinds": "credit.added"})
    assert refused.status_code == 409
    assert "A shop has 20 webhook endpoints at most. Delete one first." in refused.text


async def test_a_secret_is_rotated_and_until_when_two_sign_is_said(
    either_screen: Screen, desk: Desk, clock: SetClock
) -> None:
    screen = either_screen
    made = await desk.endpoint()
    here = f"/app/settings/webhooks/{made.id}"
    await screen.sign_in(desk)
    await screen.go(here)
    await expect(screen.page.get_by_text("Two until")).to_have_count(0)
    await screen.click("Rotate secret", "link")
    if screen.javascript:
        await screen.require_accessible()
    await screen.click("Rotate secret")
    field = screen.page.get_by_label("Signing secret")
    await field.wait_for()
    secret = await field.input_value()
    assert secret.startswith("whsec_")
    assert secret != made.secret
    await screen.page.reload()
    assert await field.input_value() == secret
    [endpoint] = await endpoints_of(desk)
    assert endpoint.previous_secret_until is not None
    tomorrow = endpoint.previous_secret_until.astimezone(ZoneInfo("America/Chicago"))
    day = f"{tomorrow:%b} {tomorrow.day}, {tomorrow.year}"
    await expect(screen.page.get_by_text(f"Until {day}")).to_be_visible()
    await screen.click("I have copied it", "link")
    await expect(screen.page.get_by_text(f"Two until {day}")).to_be_visible()
    await screen.go(f"{here}/rotate")
    await expect(screen.page.get_by_text("that one is forgotten at once")).to_be_visible()
    clock.forward(timedelta(hours=25))
    await screen.sign_in(desk)
    await screen.go(here)
    await expect(screen.page.get_by_text("Two until")).to_have_count(0)


async def test_an_endpoint_is_switched_off_on_and_deleted(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    client = await desk.client()
    made = await desk.endpoint()
    await desk.add(client, 100)
    await desk.delivery(made.id)
    await screen.sign_in(desk)
    await screen.go(f"/app/settings/webhooks/{made.id}")
    await screen.click("Switch off", "link")
    await expect(screen.page.get_by_text("What waits for it fails at once")).to_be_visible()
    await screen.click("Switch off")
    assert await screen.said() == "The webhook endpoint was switched off. Nothing is sent there."
    await expect(screen.page.get_by_text("somebody at the shop switched it off")).to_be_visible()
    await expect(screen.page.get_by_role("button", name=re.compile("Send again"))).to_have_count(0)
    await expect(screen.page.get_by_role("link", name="Send again what it missed")).to_have_count(0)
    assert (await screen.rows())[0][4].startswith("Given up")
    if screen.javascript:
        await screen.require_accessible()
    await screen.click("Switch on")
    assert (await screen.said()).startswith("The webhook endpoint was switched on.")
    assert (await endpoints_of(desk))[0].on
    await screen.click("Delete", "link")
    await screen.click("Delete endpoint")
    assert (await screen.said()).startswith("The webhook endpoint was deleted.")
    assert await endpoints_of(desk) == []
    assert await states_of(desk, client) == [(FAILED, 0)]


@pytest.mark.parametrize(
    ("reason", "words"),
    [("gone", "it answered that it is gone for good (410)"), ("failing", "it accepted nothing for five days")],
)
async def test_why_an_endpoint_is_off_is_said(
    visiting: Visiting, desk: Desk, database: Database, reason: str, words: str
) -> None:
    made = await desk.endpoint()
    superuser = await asyncpg.connect(database.superuser_url)
    try:
        await superuser.execute(
            "UPDATE webhook_endpoints SET off_since = now(), off_reason = $2 WHERE id = $1", made.id, reason
        )
    finally:
        await superuser.close()
    for path in ("", f"/{made.id}"):
        page = (await visiting.get(f"/app/settings/webhooks{path}")).text
        assert words in page
        assert '<span class="pill off">Off</span>' in page


async def test_the_log_of_an_endpoint_says_what_was_answered_and_when_the_next_try_is(
    owner: Screen, desk: Desk
) -> None:
    made, client = await desk.endpoint(), await desk.client("Pat Doe")
    for _ in range(4):
        await desk.add(client, 100)
    delivered, failed, retried, _ = await route(desk, by_webhook(made.id))
    await answer(desk, delivered, "200 OK thanks")
    await answer(desk, failed, "500 Internal Server Error <b>down</b>", accepted=False)
    await answer(desk, failed, "404 Not Found", accepted=False, given_up=True)
    await answer(desk, retried, "503 Service Unavailable", accepted=False)
    await owner.go("/app/settings/webhooks")
    await expect(owner.page.get_by_role("link", name="Webhooks 1 failed")).to_be_visible()
    await owner.require_accessible()
    await owner.click("1 failed", "link")
    assert owner.path == f"/app/settings/webhooks/{made.id}?state=failed"
    [row] = await owner.rows()
    assert row[1:4] == ["Credit was added", "Pat Doe", "Failed"]
    assert row[4].startswith("Given up")
    await owner.page.get_by_text("2 tries").click()
    tries = await owner.page.locator(".tries li").all_inner_texts()
    assert [text.split("ms: ")[1] for text in tries] == ["404 Not Found", "500 Internal Server Error <b>down</b>"]
    await owner.require_accessible()
    await owner.click("All", "link")
    await expect(owner.page.locator("table.data tbody tr")).to_have_count(4)
    rows = await owner.rows()
    assert [row[3] for row in rows] == ["On its way", "On its way", "Failed", "Delivered"]
    assert rows[0][4] == "Sent as soon as it is its turn"
    assert rows[1][4].startswith("Next try ")
    assert "200 OK thanks" in rows[3][4]
    for words, count in (("On its way", 2), ("Delivered", 1)):
        await owner.click(words, "link")
        await expect(owner.page.locator("table.data tbody tr")).to_have_count(count)


async def test_one_notice_is_sent_again_under_its_id(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    made, client = await desk.endpoint(), await desk.client()
    await desk.add(client, 100)
    [delivery] = await route(desk, by_webhook(made.id))
    await answer(desk, delivery, "404 Not Found", accepted=False, given_up=True)
    [before] = await notices_of(desk, client)
    await screen.sign_in(desk)
    await screen.go(f"/app/settings/webhooks/{made.id}")
    await screen.click("Send again Credit was added", exact=False)
    assert await screen.said() == "The notice is sent again."
    assert screen.path == f"/app/settings/webhooks/{made.id}"
    [after] = await notices_of(desk, client)
    assert (after.id, after.notice_id, after.state) == (before.id, before.notice_id, PENDING)
    await expect(screen.page.get_by_role("button", name="Send now Credit was added")).to_have_count(1)


async def test_what_was_missed_on_some_days_is_sent_again(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    screen.expected.append("422")
    made, client = await desk.endpoint(), await desk.client()
    for _ in range(3):
        await desk.add(client, 100)
    deliveries = await route(desk, by_webhook(made.id))
    await answer(desk, deliveries[0], "200 OK")
    for each in deliveries[1:]:
        await answer(desk, each, "404 Not Found", accepted=False, given_up=True)
    await screen.sign_in(desk)
    await screen.go(f"/app/settings/webhooks/{made.id}")
    await screen.click("Send again what it missed", "link")
    today = datetime.now(ZoneInfo("America/Chicago")).date()
    assert await screen.page.get_by_label("To", exact=True).input_value() == str(today)
    if screen.javascript:
        await screen.require_accessible()
    await screen.page.get_by_label("To", exact=True).fill("2026-01-01")
    await screen.click("Send again")
    assert (await screen.errors())[1] == "To must not be before the first day"
    await screen.page.get_by_label("To", exact=True).fill(str(today))
    await screen.click("Send again")
    assert await screen.said() == "2 notices are sent again."
    assert [state for state, _ in await states_of(desk, client)] == [PENDING, PENDING, DELIVERED]
    await screen.go(f"/app/settings/webhooks/{made.id}/resend")
    await screen.click("Send again")
    assert await screen.said() == "There was nothing of these days to send again."
    await screen.go(f"/app/settings/webhooks/{made.id}/resend")
    await screen.page.get_by_label("Also what it has accepted").check()
    await screen.click("Send again")
    assert await screen.said() == "3 notices are sent again."
    assert [state for state, _ in await states_of(desk, client)] == [PENDING] * 3


async def test_nothing_is_sent_again_to_an_endpoint_that_was_switched_off_meanwhile(
    visiting: Visiting, desk: Desk
) -> None:
    made, client = await desk.endpoint(), await desk.client()
    await desk.add(client, 100)
    delivery = await desk.delivery(made.id)
    assert "Send now" in (await visiting.get(f"/app/settings/webhooks/{made.id}")).text
    await edit(desk, made.id, on=False)
    for path, form in (
        (f"/app/settings/webhooks/{made.id}/resend", {"from": "2026-01-01"}),
        (f"/app/deliveries/{delivery}/resend", {"shown": "endpoint"}),
    ):
        refused = await visiting.post(path, form)
        assert refused.status_code == 409
        assert "This webhook endpoint is switched off" in refused.text
    assert "Switch it on first." in (await visiting.get(f"/app/settings/webhooks/{made.id}/resend")).text


async def test_a_long_log_has_pages_of_its_own_endpoint(visiting: Visiting, desk: Desk) -> None:
    first, second, client = await desk.endpoint(), await desk.endpoint(), await desk.client()
    for _ in range(3):
        await desk.add(client, 100)
    await route(desk, by_webhook(first.id), by_webhook(second.id))
    page = (await visiting.get(f"/app/settings/webhooks/{first.id}?limit=2")).text
    assert page.count("Send now") == 2
    found = re.search(r'href="[^"]+(cursor=[^"]+)" rel="next"', page)
    assert found
    rest = await visiting.get(f"/app/settings/webhooks/{first.id}?{found[1]}")
    assert rest.text.count("Send now") == 1
    assert (await visiting.get(f"/app/settings/webhooks/{second.id}?{found[1]}")).status_code == 400
