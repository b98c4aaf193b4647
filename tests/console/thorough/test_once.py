"""A form is saved once: double clicks, Back and send again, an answer that never came, another desk meanwhile."""

from __future__ import annotations

import re
from asyncio import sleep
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
from playwright.async_api import Route, expect

from tests.console.browser import Screen
from tests.desk import Desk

UNLOADED = re.compile(r"^(?!.*/(add|void|delete|pay|capture|bulk-payment)($|\?))")
"""Where a form that was saved leads: no form."""


@dataclass(frozen=True)
class Form:
    """``open``: makes what the form is about, and answers its address. ``fill``: what is typed before it is sent."""

    button: str
    open: Callable[[Desk, UUID], Awaitable[str]]
    typed: tuple[tuple[str, str], ...] = ()


async def _add(desk: Desk, client: UUID) -> str:
    return f"/app/clients/{client}/credit/add"


async def _void(desk: Desk, client: UUID) -> str:
    return f"/app/credit/entries/{(await desk.add(client, 5000)).id}/void"


async def _pay(desk: Desk, client: UUID) -> str:
    return f"/app/invoices/{await desk.invoice(client, 13000)}/pay"


async def _apply(desk: Desk, client: UUID) -> str:
    await desk.add(client, 5000)
    return await _pay(desk, client)


async def _delete(desk: Desk, client: UUID) -> str:
    invoice = await desk.invoice(client, 13000)
    return f"/app/payments/{(await desk.pay(invoice, 15000, overpayment='capture')).id}/delete"


async def _bulk(desk: Desk, client: UUID) -> str:
    for _ in range(2):
        await desk.invoice(client, 13000)
    return f"/app/clients/{client}/bulk-payment?fill=true"


async def _capture(desk: Desk, client: UUID) -> str:
    invoice = await desk.invoice(client, 13000)
    await desk.pay(invoice, 15000, overpayment="leave")
    return f"/app/invoices/{invoice}/capture"


FORMS = {
    "add": Form("Add credit", _add, (("Amount", "50"), ("Note", "job ran late"))),
    "void": Form("Void $50.00", _void, (("Note", "a mistake"),)),
    "pay": Form("Take payment", _pay),
    "apply": Form("Apply $50.00", _apply),
    "delete": Form("Delete payment", _delete),
    "bulk": Form("Take payment", _bulk),
    "capture": Form("Keep $20.00 as credit", _capture),
}
with_every_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


async def fill(screen: Screen, form: Form) -> None:
    for label, text in form.typed:
        await screen.page.get_by_label(label).fill(text)


async def send(screen: Screen, form: Form, *, clicks: int = 1) -> None:
    await screen.page.get_by_role("button", name=form.button, exact=True).last.click(click_count=clicks)


async def count_of(desk: Desk, client: UUID) -> tuple[int, int]:
    """Entries, and payments that are not deleted."""
    page = await desk.container.list_invoices()(desk.owner, client_id=client, status=None, after=None, limit=100)  # type: ignore[arg-type]  # a client's id
    payments = [payment for invoice in page.items for payment in (await desk.show(invoice.id)).payments]
    return len(await desk.entries(client)), len(payments)


@with_every_form
async def test_it_is_saved_once_by_a_double_click_and_by_back_and_send_again(
    either_screen: Screen, desk: Desk, form: Form
) -> None:
    screen = either_screen
    client = await desk.client()
    address = await form.open(desk, client)
    before = await count_of(desk, client)
    await screen.sign_in(desk)
    await screen.go(address)
    await fill(screen, form)
    await send(screen, form, clicks=2)
    await screen.page.wait_for_url(UNLOADED)
    once, at_first = await count_of(desk, client), screen.path
    assert once != before
    await screen.page.go_back()
    assert screen.path == address
    await fill(screen, form)
    await send(screen, form)
    await screen.page.wait_for_url(UNLOADED)
    assert screen.path == at_first
    assert await count_of(desk, client) == once


@with_every_form
async def test_it_is_saved_once_when_the_answer_is_lost_and_it_is_sent_again(
    owner: Screen, desk: Desk, form: Form
) -> None:
    client = await desk.client()
    await owner.go(await form.open(desk, client))
    await fill(owner, form)
    button = owner.page.get_by_role("button", name=form.button, exact=True).last
    # What the button sends arrives; what comes back does not.
    await button.evaluate(
        """button => fetch(button.form.action, {
            method: "POST", redirect: "manual", body: new URLSearchParams(new FormData(button.form, button)),
        })"""
    )
    once = await count_of(desk, client)
    await send(owner, form)
    await owner.page.wait_for_url(UNLOADED)
    assert await count_of(desk, client) == once
    await expect(owner.page.locator("#said")).to_be_visible()


async def test_back_brings_no_form_to_whoever_signed_out(owner: Screen, desk: Desk) -> None:
    invoice = await desk.invoice(await desk.client("Pat Doe"), 13000)
    await owner.go(f"/app/invoices/{invoice}/pay")
    await owner.click("Sign out", exact=False)
    await expect(owner.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await owner.page.go_back()
    await expect(owner.page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "Pat Doe" not in await owner.page.content()


async def test_what_was_saved_with_other_entries_is_said_and_not_saved_again(owner: Screen, desk: Desk) -> None:
    owner.expected.append("422")
    client = await desk.client()
    form = FORMS["add"]
    await owner.go(await form.open(desk, client))
    await fill(owner, form)
    await send(owner, form)
    await owner.page.wait_for_url(UNLOADED)
    await owner.page.go_back()
    await fill(owner, form)
    await owner.page.get_by_label("Amount").fill("60")
    await send(owner, form)
    assert (await owner.errors())[0].startswith("This form was already saved, with other entries.")
    assert (await desk.card(client)).credit == 5000


async def test_leaving_while_a_preview_is_on_its_way_is_no_fault(owner: Screen, desk: Desk) -> None:
    """The screen itself listens for what the page complains of."""
    client = await desk.client()
    invoice = await desk.invoice(client, 13000)
    asked: list[str] = []

    async def slowly(route: Route) -> None:
        asked.append(route.request.url)
        await sleep(0.4)
        await route.continue_()

    await owner.page.route("**/pay/preview", slowly)
    for leave in ("button", "link"):
        await owner.go(f"/app/invoices/{invoice}/pay")
        async with owner.page.expect_request("**/pay/preview"):
            await owner.page.get_by_label("Amount").fill("10")
        await owner.page.get_by_role(leave, name="Take payment" if leave == "button" else "Cancel").last.click()
        await owner.page.wait_for_url(UNLOADED)
        await sleep(0.5)
    assert len(asked) >= 2


async def test_nothing_is_previewed_once_the_form_was_sent(owner: Screen, desk: Desk) -> None:
    invoice = await desk.invoice(await desk.client(), 13000)
    asked: list[str] = []
    owner.page.on("request", lambda request: asked.append(request.url))

    async def slowly(route: Route) -> None:
        await sleep(0.4)
        await route.continue_()

    await owner.page.route(f"**/{invoice}/pay?sent=", slowly)
    await owner.go(f"/app/invoices/{invoice}/pay")
    await owner.page.get_by_label("Amount").fill("10")
    # Sooner than a preview would be asked for.
    await owner.page.get_by_role("button", name="Take payment").last.click()
    await owner.page.wait_for_url(re.compile("/app/payments/"))
    [sent] = [place for place, url in enumerate(asked) if url.endswith("/pay?sent=")]
    assert [url for url in asked[sent:] if url.endswith("/preview")] == []
