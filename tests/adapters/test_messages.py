"""How often a request waits for the database, counted on the wire: every message whose answer it waits for.

The first time that a connection runs a statement it prepares it, which is one more; counted is what comes after that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest

from core.payments import PaymentEdit
from core.staff import Caller
from ports.transactions import AlreadyAnswered
from tests.database import Database
from tests.desk import Desk, keyed, open_desk, program
from tests.wire import WireTap, tapped

Request = Callable[[], Awaitable[object]]
Preparation = Callable[[Desk], Awaitable[Request]]


@dataclass(frozen=True)
class Till:
    """A desk whose database is tapped. It has one connection, so that no other one has statements to prepare."""

    desk: Desk
    tap: WireTap

    async def messages(self, prepare: Preparation) -> int:
        await (await prepare(self.desk))()
        request = await prepare(self.desk)
        before = self.tap.messages
        await request()
        return self.tap.messages - before


@pytest.fixture(scope="module")
async def till(database: Database) -> AsyncIterator[Till]:
    async with tapped(database.app_url) as tap, program(database, database_url=tap.url, max_connections=1) as container:
        yield Till(await open_desk(container), tap)


def once(desk: Desk) -> Caller:
    """The owner, under an idempotency key that nobody used."""
    return keyed(desk.owner, uuid4().hex)


async def add(desk: Desk) -> Request:
    client = await desk.client()
    return lambda: desk.add(client, 5000, caller=once(desk))


async def refund(desk: Desk) -> Request:
    client = await desk.client()
    invoice = await desk.invoice(client)
    await desk.pay(invoice, 13000)
    return lambda: desk.add(client, 5000, reason="refund", invoice_id=invoice, caller=once(desk))


async def apply(desk: Desk) -> Request:
    client = await desk.client()
    invoice = await desk.invoice(client)
    await desk.add(client, 5000)
    return lambda: desk.apply(invoice, caller=once(desk))


async def apply_some(desk: Desk) -> Request:
    client = await desk.client()
    invoice = await desk.invoice(client)
    await desk.add(client, 5000)
    return lambda: desk.apply(invoice, 9900, caller=once(desk))


async def pay(desk: Desk) -> Request:
    invoice = await desk.invoice(await desk.client())
    return lambda: desk.pay(invoice, 1000, caller=once(desk))


async def overpay(desk: Desk) -> Request:
    invoice = await desk.invoice(await desk.client())
    return lambda: desk.pay(invoice, 15000, overpayment="capture", caller=once(desk))


async def void_added(desk: Desk) -> Request:
    entry = await desk.add(await desk.client(), 5000)
    return lambda: desk.void(entry.id, caller=once(desk))


async def void_captured(desk: Desk) -> Request:
    paid = await desk.pay(await desk.invoice(await desk.client()), 15000, overpayment="capture")
    return lambda: desk.void(paid.entries[0].id, caller=once(desk))


async def delete_credit(desk: Desk) -> Request:
    client = await desk.client()
    await desk.add(client, 5000)
    paid = await desk.apply(await desk.invoice(client))
    return lambda: desk.delete(paid.id, caller=once(desk))


async def delete_captured(desk: Desk) -> Request:
    paid = await desk.pay(await desk.invoice(await desk.client()), 15000, overpayment="capture")
    return lambda: desk.delete(paid.id, caller=once(desk))


async def replay(desk: Desk) -> Request:
    client, caller = await desk.client(), once(desk)
    await desk.add(client, 5000, caller=caller)

    async def again() -> None:
        with pytest.raises(AlreadyAnswered):
            await desk.add(client, 5000, caller=caller)

    return again


async def edit(desk: Desk) -> Request:
    paid = await desk.pay(await desk.invoice(await desk.client()), 1000)
    return lambda: desk.edit_as(paid.id, PaymentEdit(amount=900), caller=once(desk))


async def capture(desk: Desk) -> Request:
    invoice = await desk.invoice(await desk.client())
    await desk.pay(invoice, 15000, overpayment="leave")
    return lambda: desk.capture(invoice, caller=once(desk))


async def pay_together(desk: Desk) -> Request:
    client = await desk.client()
    invoices = [await desk.invoice(client) for _ in range(3)]
    return lambda: desk.pay_together(client, [(invoice, 1000) for invoice in invoices], caller=once(desk))


async def delete_together(desk: Desk) -> Request:
    client = await desk.client()
    invoices = [await desk.invoice(client) for _ in range(3)]
    paid = await desk.pay_together(client, [(invoice, 1000) for invoice in invoices])
    return lambda: desk.delete_together(paid.id, caller=once(desk))


async def tab(desk: Desk) -> Request:
    client = await desk.client()
    await desk.add(client, 5000)
    return lambda: desk.tab(client)


async def page(desk: Desk) -> Request:
    client = await desk.client()
    await desk.add(client, 5000)
    return lambda: desk.entries(client)


async def options(desk: Desk) -> Request:
    invoice = await desk.invoice(await desk.client())
    return lambda: desk.options(invoice)


async def card(desk: Desk) -> Request:
    client = await desk.client()
    return lambda: desk.card(client)


async def invoice(desk: Desk) -> Request:
    made = await desk.invoice(await desk.client())
    await desk.pay(made, 1000)
    return lambda: desk.show(made)


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        pytest.param(add, 4, id="add credit"),
        pytest.param(refund, 4, id="add credit as a refund of an invoice"),
        pytest.param(apply, 4, id="apply credit"),
        pytest.param(apply_some, 4, id="apply more credit than there is"),
        pytest.param(pay, 4, id="a cash payment"),
        pytest.param(overpay, 4, id="a cash payment, the rest captured"),
        pytest.param(void_added, 4, id="void"),
        pytest.param(void_captured, 4, id="void captured credit"),
        pytest.param(delete_credit, 4, id="delete a payment by credit"),
        pytest.param(delete_captured, 4, id="delete a payment with captured credit"),
        pytest.param(pay_together, 4, id="a bulk payment"),
        pytest.param(delete_together, 4, id="delete a bulk payment"),
        pytest.param(replay, 3, id="the same request again"),
    ],
)
async def test_a_money_request_is_few_messages(till: Till, prepare: Preparation, expected: int) -> None:
    """4 are BEGIN with the shop, an opening read, a write, COMMIT."""
    assert await till.messages(prepare) == expected


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        pytest.param(edit, 6, id="edit a payment"),
        pytest.param(capture, 6, id="capture an overpayment"),
    ],
)
async def test_a_money_request_that_shows_what_it_made_reads_it_again(
    till: Till, prepare: Preparation, expected: int
) -> None:
    """Beside the 4: the payment, or the invoice with its payments, and the key that is kept with that answer."""
    assert await till.messages(prepare) == expected


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        pytest.param(tab, 3, id="the Credit tab"),
        pytest.param(page, 3, id="a page of a client's ledger"),
        pytest.param(options, 3, id="payment options"),
        pytest.param(card, 3, id="a client's card"),
        pytest.param(invoice, 3, id="an invoice with its payments"),
    ],
)
async def test_a_look_is_few_messages(till: Till, prepare: Preparation, expected: int) -> None:
    """3 are BEGIN with the shop, who asks and what they ask for, COMMIT."""
    assert await till.messages(prepare) == expected
