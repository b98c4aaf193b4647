"""Shops with other currencies, and in other time zones, at the console: what is typed, and what is shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from entrypoints.container import Container
from tests.console.visiting import Comes, Visiting
from tests.desk import Desk, open_desk


@dataclass(frozen=True)
class Money:
    """What somebody types, what a page shows for it, and what it is in minor units."""

    currency: str
    typed: str
    shown: str
    amount: int
    again: str
    """As it stands in a field."""
    refused: str
    because: str


CURRENCIES = [
    Money("JPY", "¥12,500", "¥12,500", 12_500, "12500", "12.50", "must be a whole amount, without decimal places"),
    Money("KWD", "1,250.125", "KWD1,250.125", 1_250_125, "1250.125", "1.0005", "must have at most 3 decimal places"),
]


async def at_a_shop(comes: Comes, container: Container, **how: str) -> tuple[Desk, Visiting]:
    desk = await open_desk(container, **how)
    visiting = await comes()
    assert (await visiting.sign_in(desk)).status_code == 303
    return desk, visiting


def text_of(page: str) -> str:
    """As it is read: without tags, with plain spaces."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).replace("\u00a0", " ").split())


@pytest.mark.parametrize("money", CURRENCIES, ids=lambda money: money.currency)
async def test_amounts_are_typed_and_shown_in_the_minor_units_of_the_shops_currency(
    comes: Comes, container: Container, money: Money
) -> None:
    desk, visiting = await at_a_shop(comes, container, currency=money.currency)
    client = await desk.client()
    credit = f"/app/clients/{client}/credit"
    entries = {"reason": "goodwill", "amount": money.typed, "note": "job ran late"}
    refused = await visiting.post(f"{credit}/add", {**entries, "amount": money.refused})
    assert (refused.status_code, f"Amount {money.because}" in refused.text) == (422, True)
    assert (await visiting.post(f"{credit}/add", entries)).status_code == 303
    page = text_of((await visiting.get(credit)).text)
    assert f"{money.shown} of credit was added. The balance after it: {money.shown}." in page
    assert f"+{money.shown}" in page
    # An invoice of as much, paid with all of it.
    lines = {"lines[0].description": "Work", "lines[0].unit_price": money.typed, "issued_on": "2026-03-02"}
    added = await visiting.post(f"/app/clients/{client}/invoices/add", lines)
    invoice = added.headers["location"]
    asked = await visiting.get(f"{invoice}/pay")
    assert f"Apply {money.shown} of account credit?" in text_of(asked.text)
    assert f'name="amount" value="{money.again}"' in asked.text
    paid = await visiting.post(f"{invoice}/pay", {"method": "account_credit", "amount": money.again})
    assert f"{money.shown} of account credit was applied" in text_of(
        (await visiting.get(paid.headers["location"])).text
    )
    [given, applied] = await desk.entries(client)
    assert (given.amount, applied.amount) == (money.amount, -money.amount)
    statement = text_of((await visiting.get(f"/app/clients/{client}/statement")).text)
    assert f"Spent on invoices -{money.shown}" in statement


FAR_EAST, FAR_WEST = "Pacific/Kiritimati", "Pacific/Pago_Pago"
"""It is never the same day at both: there are 25 hours between them."""


def day_at(zone: str) -> date:
    return datetime.now(UTC).astimezone(ZoneInfo(zone)).date()


def shown(day: date) -> str:
    return f"{day:%b} {day.day}, {day.year}"


@pytest.mark.parametrize("zone", [FAR_EAST, FAR_WEST])
async def test_every_day_is_the_one_that_it_is_at_the_shop(comes: Comes, container: Container, zone: str) -> None:
    desk, visiting = await at_a_shop(comes, container, time_zone=zone)
    client = await desk.client()
    today = day_at(zone)
    added = await desk.add(client, 5000)
    payment = await desk.pay(await desk.invoice(client, 1000), 1000)
    # Of what has a moment, and of what has a day.
    credit = text_of((await visiting.get(f"/app/clients/{client}/credit")).text)
    moment = added.at.astimezone(ZoneInfo(zone))
    hour, half = (moment.hour - 1) % 12 + 1, "AM" if moment.hour < 12 else "PM"
    assert f"{shown(moment.date())}, {hour}:{moment:%M:%S} {half}" in credit
    assert f"Received on {shown(today)}" in text_of((await visiting.get(f"/app/payments/{payment.id}")).text)
    # What is offered, and what a day narrows to: from its midnight at the shop to the next one there.
    form = await visiting.get(f"/app/clients/{client}/invoices/add")
    assert f'name="issued_on" type="date" value="{today}"' in form.text
    assert f'value="{today}"' in (await visiting.get(f"/app/clients/{client}/statement")).text
    for day, rows in ((today - timedelta(days=1), 0), (today, 1), (today + timedelta(days=1), 0)):
        page = await visiting.get(f"/app/clients/{client}/credit?from={day}&to={day}")
        assert page.text.count('<th scope="row"><a href="/app/credit/entries/') == rows, day
        report = await visiting.get(f"/app/reports/credit?from={day}&to={day}")
        assert ("+$50.00" in report.text) == bool(rows), day


@pytest.mark.parametrize("zone", [FAR_EAST, FAR_WEST])
async def test_no_payment_is_received_on_a_day_that_has_not_begun_at_the_shop(
    comes: Comes, container: Container, zone: str
) -> None:
    desk, visiting = await at_a_shop(comes, container, time_zone=zone)
    invoice = await desk.invoice(await desk.client(), 1000)
    entries = {"method": "cash", "amount": "4"}
    tomorrow = day_at(zone) + timedelta(days=1)
    refused = await visiting.post(f"/app/invoices/{invoice}/pay", {**entries, "received_on": tomorrow.isoformat()})
    assert refused.status_code == 422
    taken = await visiting.post(f"/app/invoices/{invoice}/pay", {**entries, "received_on": day_at(zone).isoformat()})
    assert taken.status_code == 303
