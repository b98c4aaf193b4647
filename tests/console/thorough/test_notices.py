"""What a client was told, and other systems about the client: the Notices tab, and the log of all e-mails."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from core.ids import ClientId
from core.staff import Permission
from core.use_cases.clients import ClientEdit
from core.use_cases.shop_settings import ShopEdit
from tests.console.browser import Screen
from tests.console.sending import BY_EMAIL, answer, by_webhook, notices_of, route
from tests.console.visiting import Visiting
from tests.desk import Desk, open_desk


async def _client(desk: Desk, name: str = "Pat Doe") -> ClientId:
    added = await desk.container.add_client()(desk.owner, name=name, email="pat@example.com", phone=None)
    return ClientId(added.id)


async def test_a_clients_notices_say_what_went_to_whom_and_how(owner: Screen, desk: Desk) -> None:
    await desk.container.edit_shop()(desk.owner, ShopEdit(email_notices=True))
    client, made = await _client(desk), await desk.endpoint()
    await desk.add(client, 500)
    email, webhook = await route(desk, BY_EMAIL, by_webhook(made.id))
    await answer(desk, email, "550 no such mailbox", accepted=False, given_up=True)
    await answer(desk, webhook, "200 OK")
    await owner.go(f"/app/clients/{client}")
    await owner.click("Notices", "link", exact=False)
    await expect(owner.page.get_by_text("pat@example.com gets an e-mail")).to_be_visible()
    told = {row[2]: (row[1], row[3]) for row in await owner.rows()}
    assert told == {"E-mail": ("Credit was added", "Failed"), "93.184.215.14": ("Credit was added", "Delivered")}
    await owner.require_accessible()
    await owner.click("Failed", "link", exact=False)
    [row] = await owner.rows()
    assert "550 no such mailbox" in row[4]
    await owner.click("Send again", exact=False)
    assert await owner.said() == "The notice is sent again."
    assert owner.path == f"/app/clients/{client}/notices"
    await owner.click("Failed", "link", exact=False)
    await expect(owner.page.get_by_text("There is nothing in this state.")).to_be_visible()


async def test_e_mails_that_failed_are_seen_in_the_settings_and_sent_again(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    client = await _client(desk)
    await desk.add(client, 500)
    await desk.add(client, 500)
    failed, delivered = await route(desk, BY_EMAIL)
    await answer(desk, failed, "550 no such mailbox", accepted=False, given_up=True)
    await answer(desk, delivered, "250 accepted")
    await screen.sign_in(desk)
    await screen.go("/app/settings/shop")
    await screen.click("E-mails 1 failed", "link", exact=False)
    await expect(screen.page.get_by_text("This shop sends no e-mails to clients.")).to_be_visible()
    assert [row[2:4] for row in await screen.rows()] == [["Pat Doe", "Delivered"], ["Pat Doe", "Failed"]]
    if screen.javascript:
        await screen.require_accessible()
    await screen.click("Failed", "link")
    await screen.click("Send again", exact=False)
    assert await screen.said() == "The notice is sent again."
    assert screen.path == "/app/settings/emails"
    await expect(screen.page.locator(".badge")).to_have_count(0)


async def test_who_may_not_change_settings_sees_the_notices_and_sends_nothing(screen: Screen, desk: Desk) -> None:
    client, made = await _client(desk), await desk.endpoint("https://93.184.215.14/secret-path")
    await desk.add(client, 500)
    await route(desk, BY_EMAIL, by_webhook(made.id))
    member, _ = await desk.hire(Permission.MANAGE_CLIENTS)
    await screen.sign_in(desk, member.email)
    await screen.go(f"/app/clients/{client}/notices")
    assert {row[2] for row in await screen.rows()} == {"E-mail", "Webhook"}
    await expect(screen.page.get_by_role("button", name="Send")).to_have_count(0)
    assert "93.184.215.14" not in await screen.page.content()
    await screen.require_accessible()


async def test_what_went_to_a_deleted_endpoint_stays_and_is_not_sent_again(visiting: Visiting, desk: Desk) -> None:
    client, made = await _client(desk), await desk.endpoint()
    await desk.add(client, 500)
    [delivery] = await route(desk, by_webhook(made.id))
    await visiting.post(f"/app/settings/webhooks/{made.id}/delete")
    page = (await visiting.get(f"/app/clients/{client}/notices")).text
    assert "Webhook</td>" in page
    assert "Send again" not in page
    assert (await visiting.post(f"/app/deliveries/{delivery}/resend", {"shown": "client"})).status_code == 404
    assert len(await notices_of(desk, client)) == 1
    # Nobody can do anything about it any more.
    assert "badge" not in (await visiting.get("/app/settings/webhooks")).text


@pytest.mark.parametrize(
    ("shop_sends", "has_address", "wanted", "words"),
    [
        (False, True, True, "This shop sends no e-mails to clients."),
        (True, True, False, "This client is left out of the shop"),
        (True, False, True, "This client has no e-mail address"),
        (True, True, True, "pat@example.com gets an e-mail."),
    ],
)
async def test_whether_the_client_gets_e_mails_is_said(
    visiting: Visiting, desk: Desk, shop_sends: bool, has_address: bool, wanted: bool, words: str
) -> None:
    await desk.container.edit_shop()(desk.owner, ShopEdit(email_notices=shop_sends))
    client = await _client(desk)
    edit = ClientEdit(email="pat@example.com" if has_address else None, email_notices=wanted)
    await desk.container.edit_client()(desk.owner, client, edit)
    page = (await visiting.get(f"/app/clients/{client}/notices")).text
    assert words in page
    assert "Nothing was sent yet." in page


async def test_a_client_is_left_out_of_e_mails(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    await screen.sign_in(desk)
    await screen.go("/app/clients/add")
    await expect(screen.page.get_by_label("Send notices about credit")).to_be_checked()
    await screen.page.get_by_label("Name").fill("Pat Doe")
    await screen.click("Add client", exact=False)
    assert await screen.said() == "Pat Doe was added."
    client = ClientId(
        (await desk.container.list_clients()(desk.owner, q="Pat", has_credit=None, deleted=False, after=None, limit=1))
        .items[0]
        .id
    )
    assert (await desk.card(client)).email_notices
    await screen.go(f"/app/clients/{client}/edit")
    await screen.page.get_by_label("Send notices about credit").uncheck()
    await screen.click("Save", exact=False)
    assert await screen.said() == "The client was saved."
    assert not (await desk.card(client)).email_notices


async def test_another_shops_notices_are_nowhere(visiting: Visiting, desk: Desk) -> None:
    other = await open_desk(desk.container)
    client = await _client(other, "Canary Quux")
    await other.add(client, 500)
    [delivery] = await route(other, BY_EMAIL)
    await answer(other, delivery, "550 canary", accepted=False, given_up=True)
    for path in ("settings/emails", "settings/webhooks", f"clients/{client}/notices"):
        page = (await visiting.get(f"/app/{path}")).text.lower()
        assert "canary" not in page
        assert "1 failed" not in page
