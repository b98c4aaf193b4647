"""Two desks work on the same things: what a form showed, and what another desk did before it was sent."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from core.ids import ClientId, EndpointId, StaffId
from core.notices import NoticeKind
from core.payments import PaymentEdit
from core.staff import Permission
from core.use_cases.clients import ClientEdit
from core.use_cases.shop_settings import ShopEdit
from core.use_cases.staff import StaffEdit
from core.use_cases.webhook_endpoints import EndpointEdit
from tests.console.browser import Screen
from tests.console.visiting import Visiting, fields_of
from tests.desk import Desk


async def test_r16_an_invoice_that_was_edited_meanwhile_is_shown_as_it_is_now_and_not_overwritten(
    visiting: Visiting, desk: Desk
) -> None:
    invoice = await desk.invoice(await desk.client(), 13000, "INV-1")
    here = f"/app/invoices/{invoice}/edit"
    mine = {**fields_of(await visiting.get(here)), "vehicle": "2019 Honda Civic"}
    await desk.edit_total(invoice, 15000)  # meanwhile, at another desk
    stale = await visiting.post(here, mine)
    assert stale.status_code == 409
    said = html.unescape(stale.text)
    assert "This invoice was changed meanwhile, and nothing was saved." in said
    assert "What it says now" in said
    assert '<td data-name="Amount" class="number">$150.00</td>' in said
    assert "<span>Total</span> <strong>$130.00</strong>" in said  # of what was typed
    after = await desk.show(invoice)
    assert (after.total, after.vehicle) == (15000, None)
    # Whoever saves once more knows what is replaced.
    again = fields_of(stale)
    assert (again["vehicle"], again["lines[0].unit_price"]) == ("2019 Honda Civic", "130.00")
    assert (await visiting.post(here, again)).status_code == 303
    after = await desk.show(invoice)
    assert (after.total, after.vehicle) == (13000, "2019 Honda Civic")


async def test_r16_a_line_more_does_not_forget_what_the_form_showed(visiting: Visiting, desk: Desk) -> None:
    invoice = await desk.invoice(await desk.client(), 13000)
    here = f"/app/invoices/{invoice}/edit"
    mine = fields_of(await visiting.get(here))
    await desk.edit_total(invoice, 15000)  # meanwhile, at another desk
    more = fields_of(await visiting.post(f"{here}/lines", mine))
    assert more["was"] == mine["was"]
    assert (await visiting.post(here, more)).status_code == 409
    untold = {name: text for name, text in mine.items() if name != "was"}
    assert (await visiting.post(here, untold)).status_code == 409
    assert (await desk.show(invoice)).total == 15000


async def test_r16_what_happens_to_an_invoice_without_changing_what_it_says_keeps_nobody_from_editing_it(
    visiting: Visiting, desk: Desk
) -> None:
    invoice = await desk.invoice(await desk.client(), 13000)
    here = f"/app/invoices/{invoice}/edit"
    mine = {**fields_of(await visiting.get(here)), "lines[0].unit_price": "140"}
    await desk.pay(invoice, 13000)  # meanwhile, at another desk
    # The answer to a double click, too, is that it was saved.
    answers = [await visiting.post(here, mine, key="the-same") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert (await desk.show(invoice)).due == 1000


async def test_r16_of_two_desks_that_save_one_invoice_at_once_one_is_told(visiting: Visiting, desk: Desk) -> None:
    invoice = await desk.invoice(await desk.client(), 13000)
    here = f"/app/invoices/{invoice}/edit"
    shown = fields_of(await visiting.get(here))
    saved = [visiting.post(here, {**shown, "lines[0].unit_price": price}) for price in ("140", "150")]
    answers = await asyncio.gather(*saved)
    assert sorted(answer.status_code for answer in answers) == [303, 409]


async def test_r13_an_edited_payment_captures_what_was_agreed_to_and_nothing_else(
    visiting: Visiting, desk: Desk
) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000, "INV-1")
    await desk.add(client, 1000)
    await desk.apply(invoice)
    cash = await desk.pay(invoice, 5000)
    here = f"/app/payments/{cash.id}/edit"
    asked = await visiting.post(here, {**fields_of(await visiting.get(here)), "amount": "140"})
    assert (asked.status_code, "Keep $20.00 as credit" in asked.text) == (409, True)
    await desk.pay(invoice, 3000)  # meanwhile, at another desk
    stale = await visiting.post(here, {**fields_of(asked), "overpayment": "capture"})
    assert (stale.status_code, "Keep $50.00 as credit" in stale.text) == (409, True)
    retyped = await visiting.post(here, {**fields_of(stale), "amount": "1400", "overpayment": "capture"})
    assert (retyped.status_code, "Keep $1,310.00 as credit" in retyped.text) == (409, True)
    assert ((await desk.payment(cash.id)).amount, (await desk.card(client)).credit) == (5000, 0)
    lowered = {**fields_of(retyped), "amount": "140", "overpayment": "leave"}
    assert "Keep $50.00 as credit" in (await visiting.post(here, lowered)).text
    done = await visiting.post(here, {**lowered, "agreed_excess": "50.00", "overpayment": "capture"})
    assert done.status_code == 303
    assert ((await desk.payment(cash.id)).amount, (await desk.card(client)).credit) == (14000, 5000)


async def test_r13_a_choice_for_what_is_no_excess_any_more_does_nothing(visiting: Visiting, desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000)
    cash = await desk.pay(invoice, 5000)
    here = f"/app/payments/{cash.id}/edit"
    asked = await visiting.post(here, {**fields_of(await visiting.get(here)), "amount": "150"})
    await desk.edit_total(invoice, 15000)  # meanwhile, at another desk
    done = await visiting.post(here, {**fields_of(asked), "overpayment": "capture"})
    assert done.status_code == 303
    assert ((await desk.show(invoice)).due, (await desk.card(client)).credit) == (0, 0)


async def test_an_amount_is_corrected_after_the_question_and_saved(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    screen.expected.append("409")
    client = await desk.client()
    invoice = await desk.invoice(client, 13000)
    cash = await desk.pay(invoice, 5000)
    await screen.sign_in(desk)
    await screen.go(f"/app/payments/{cash.id}/edit")
    await screen.page.get_by_label("Amount").fill("1300")
    save = screen.page.get_by_role("button", name="Save").last
    await save.click()
    await screen.page.get_by_role("button", name="Keep $1,170.00 as credit").wait_for()
    await screen.page.get_by_label("Amount").fill("130")
    await save.click()
    assert await screen.said() == "The payment was saved."
    assert ((await desk.payment(cash.id)).amount, (await desk.card(client)).credit) == (13000, 0)


async def test_r15_what_is_kept_of_an_overpaid_invoice_is_what_was_asked_about(visiting: Visiting, desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000)
    await desk.pay(invoice, 15000, overpayment="leave")
    here = f"/app/invoices/{invoice}/capture"
    asked = fields_of(await visiting.get(here))
    await desk.pay(invoice, 3000, overpayment="leave")  # meanwhile, at another desk
    stale = await visiting.post(here, asked)
    assert stale.status_code == 409
    assert "This invoice was changed meanwhile, and nothing was saved." in html.unescape(stale.text)
    assert "Keep $50.00 as credit" in stale.text
    assert (await desk.card(client)).credit == 0
    assert (await visiting.post(here)).status_code == 409  # a form that does not say what it asked
    assert (await visiting.post(here, fields_of(stale))).status_code == 303
    assert (await desk.card(client)).credit == 5000


async def test_what_was_said_of_a_payment_is_as_true_when_its_form_is_sent_again(
    visiting: Visiting, desk: Desk
) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000, "INV-1")
    here = f"/app/invoices/{invoice}/pay"
    paid = {"method": "cash", "amount": "150", "overpayment": "capture", "agreed_excess": "20.00"}
    for _ in range(2):
        done = await visiting.post(here, paid, key="the-same")
        page = html.unescape((await visiting.get(done.headers["location"])).text)
        assert "$20.00 of it was kept as account credit. The balance after it: $20.00." in page
        await desk.add(client, 5000)  # meanwhile, at another desk


Facts = dict[str, Any]
Edited = tuple[str, Callable[[], Awaitable[None]], Callable[[], Awaitable[Facts]]]
"""The address of a form; what another desk does to the same thing; what is seen of it afterwards."""


async def _a_client(desk: Desk) -> Edited:
    made = await desk.container.add_client()(desk.owner, name="Pat Doe", email="pat@example.com", phone="555")

    async def other_desk() -> None:
        edit = ClientEdit(name="Pat Roe", email=None, email_notices=False)
        await desk.container.edit_client()(desk.owner, ClientId(made.id), edit)

    async def seen() -> Facts:
        card = await desk.card(made.id)
        return {"name": card.name, "email": card.email, "phone": card.phone, "email_notices": card.email_notices}

    return f"/app/clients/{made.id}/edit", other_desk, seen


async def _a_payment(desk: Desk) -> Edited:
    paid = await desk.pay(await desk.invoice(await desk.client(), 13000), 5000, reference="slip 1")

    async def other_desk() -> None:
        edit = PaymentEdit(amount=6000, method="card", received_on=date(2026, 1, 31))
        await desk.edit_as(paid.id, edit)

    async def seen() -> Facts:
        now = await desk.payment(paid.id)
        return {
            "amount": now.amount,
            "method": now.method.value,
            "reference": now.reference,
            "received_on": now.received_on.isoformat(),
        }

    return f"/app/payments/{paid.id}/edit", other_desk, seen


async def _the_shop(desk: Desk) -> Edited:
    await desk.container.edit_shop()(desk.owner, ShopEdit(name="Main Street", email="desk@example.com"))

    async def other_desk() -> None:
        edit = ShopEdit(email=None, quickbooks_connected=True, email_notices=True, time_zone="Europe/Berlin")
        await desk.container.edit_shop()(desk.owner, edit)

    async def seen() -> Facts:
        shop = await desk.container.show_shop()(desk.owner)
        names = ("name", "time_zone", "quickbooks_connected", "email_notices", "email")
        return {name: getattr(shop, name) for name in names}

    return "/app/settings/shop", other_desk, seen


async def _an_endpoint(desk: Desk) -> Edited:
    made = await desk.endpoint()

    async def other_desk() -> None:
        edit = EndpointEdit(url="https://93.184.215.14/new", kinds=frozenset({NoticeKind.CREDIT_ADDED}))
        await desk.container.edit_webhook_endpoint()(desk.owner, EndpointId(made.id), edit)

    async def seen() -> Facts:
        now = await desk.container.show_webhook_endpoint()(desk.owner, EndpointId(made.id))
        return {"url": now.url, "description": now.description, "kinds": len(now.kinds)}

    return f"/app/settings/webhooks/{made.id}/edit", other_desk, seen


async def _a_colleague(desk: Desk) -> Edited:
    member, _ = await desk.hire(Permission.CREATE_PAYMENTS)

    async def other_desk() -> None:
        edit = StaffEdit(email=f"new-{member.email}", permissions=frozenset())
        await desk.container.edit_staff_member()(desk.owner, StaffId(member.id), edit)

    async def seen() -> Facts:
        now = await desk.container.show_staff_member()(desk.owner, StaffId(member.id))
        return {"name": now.name, "new_email": now.email == f"new-{member.email}", "may": len(now.permissions)}

    return f"/app/settings/staff/{member.id}/edit", other_desk, seen


@pytest.mark.parametrize(
    ("edited", "typed", "after"),
    [
        pytest.param(
            _a_client,
            {"phone": "555-0142"},
            {"name": "Pat Roe", "email": None, "phone": "555-0142", "email_notices": False},
            id="client",
        ),
        pytest.param(
            _a_payment,
            {"reference": "slip 7"},
            {"amount": 6000, "method": "card", "reference": "slip 7", "received_on": "2026-01-31"},
            id="payment",
        ),
        pytest.param(
            _the_shop,
            {"name": "North Street"},
            {
                "name": "North Street",
                "time_zone": "Europe/Berlin",
                "quickbooks_connected": True,
                "email_notices": True,
                "email": None,
            },
            id="shop",
        ),
        pytest.param(
            _an_endpoint,
            {"description": "books"},
            {"url": "https://93.184.215.14/new", "description": "books", "kinds": 1},
            id="endpoint",
        ),
        pytest.param(
            _a_colleague, {"name": "Robin Roe"}, {"name": "Robin Roe", "new_email": True, "may": 0}, id="staff"
        ),
    ],
)
async def test_what_nobody_touched_in_a_form_stays_as_another_desk_made_it(
    visiting: Visiting, desk: Desk, edited: Callable[[Desk], Awaitable[Edited]], typed: dict[str, str], after: Facts
) -> None:
    address, other_desk, seen = await edited(desk)
    shown = fields_of(await visiting.get(address))
    await other_desk()
    sent = address if address.endswith("/edit") else f"{address}/edit"
    # Refused once, it still knows what it showed at first.
    refused = await visiting.post(sent, {**shown, **dict.fromkeys(typed, "x" * 1000)})
    assert refused.status_code == 422
    assert {name: text for name, text in fields_of(refused).items() if name.startswith("was_")} == {
        name: text for name, text in shown.items() if name.startswith("was_")
    }
    assert (await visiting.post(sent, {**shown, **typed})).status_code == 303
    assert await seen() == after


async def test_a_box_that_is_unticked_and_a_field_that_is_emptied_are_touched(visiting: Visiting, desk: Desk) -> None:
    made = await desk.container.add_client()(desk.owner, name="Pat Doe", email="pat@example.com", phone="555")
    here = f"/app/clients/{made.id}/edit"
    shown = fields_of(await visiting.get(here))
    assert shown["email_notices"] == "true"
    unticked = {name: text for name, text in shown.items() if name != "email_notices"}
    assert (await visiting.post(here, {**unticked, "email": ""})).status_code == 303
    card = await desk.card(UUID(str(made.id)))
    assert (card.email_notices, card.email, card.phone) == (False, None, "555")
    shown = fields_of(await visiting.get(here))
    assert (await visiting.post(here, {**shown, "email_notices": "true"})).status_code == 303
    assert (await desk.card(made.id)).email_notices is True
