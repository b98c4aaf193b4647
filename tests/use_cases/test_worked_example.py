"""The worked example and its companions, on the real database."""

import pytest

from core.errors import CreditAlreadySpent
from core.ids import InvoiceId
from core.invoices import InvoiceLine
from core.use_cases.invoices import InvoiceEdit
from tests.desk import Desk


async def test_the_worked_example(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000)

    goodwill = await desk.add(client, 5000)
    assert (goodwill.number, goodwill.kind, goodwill.balance_after) == (1, "added", 5000)

    credit = await desk.apply(invoice)
    assert (credit.collected, credit.settled, credit.captured) == (0, 5000, 0)
    assert (await desk.show(invoice)).due == 8000

    cash = await desk.pay(invoice, 10000, overpayment="capture")
    assert (cash.collected, cash.settled, cash.captured) == (10000, 8000, 2000)
    card = await desk.card(client)
    assert (card.invoiced, card.paid, card.due, card.credit) == (13000, 13000, 0, 2000)
    report = await desk.container.report_collected()(desk.owner, first=None, last=None)
    assert [(item.method, item.collected) for item in report.items] == [("cash", 10000)]

    with pytest.raises(CreditAlreadySpent) as refusal:
        await desk.void(goodwill.id)
    assert refusal.value.shortfall == 3000
    assert [spending.payment_id for spending in refusal.value.spent_by] == [credit.id]

    await desk.delete(credit.id)
    assert ((await desk.card(client)).credit, (await desk.show(invoice)).due) == (7000, 5000)
    assert (await desk.void(goodwill.id)).balance_after == 2000
    await desk.delete(cash.id)
    assert ((await desk.card(client)).credit, (await desk.show(invoice)).due) == (0, 13000)

    entries = await desk.entries(client)
    assert [(e.number, e.kind, e.amount, e.balance_after) for e in entries] == [
        (1, "added", 5000, 5000),
        (2, "applied", -5000, 0),
        (3, "captured", 2000, 2000),
        (4, "returned", 5000, 7000),
        (5, "voided", -5000, 2000),
        (6, "voided", -2000, 0),
    ]
    await desk.container.delete_client()(desk.owner, client)


async def test_an_invoice_edited_below_its_payments_is_captured_from_the_newest_first(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000)
    cash = await desk.pay(invoice, 6000)
    card = await desk.pay(invoice, 4000, "card")
    await _edit_total(desk, invoice, 5000)
    captured = await desk.container.capture_overpayment()(desk.owner, invoice)
    assert [(entry.payment_id, entry.amount) for entry in captured.entries] == [(card.id, 4000), (cash.id, 1000)]
    assert captured.invoice.due == 0
    await desk.delete(card.id)
    assert ((await desk.card(client)).credit, (await desk.show(invoice)).due) == (1000, 0)


async def test_one_payment_can_be_captured_twice_and_is_deleted_with_both_or_not_at_all(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000)
    cash = await desk.pay(invoice, 15000, overpayment="capture")
    await _edit_total(desk, invoice, 8000)
    await desk.container.capture_overpayment()(desk.owner, invoice)
    other = await desk.invoice(client, 1000)
    spent = await desk.apply(other)
    with pytest.raises(CreditAlreadySpent) as refusal:
        await desk.delete(cash.id)
    assert refusal.value.shortfall == 1000
    await desk.delete(spent.id)
    await desk.delete(cash.id)
    assert (await desk.card(client)).credit == 0
    assert (await desk.show(invoice)).due == 8000


async def _edit_total(desk: Desk, invoice_id: InvoiceId, total: int) -> None:
    lines = (InvoiceLine(description="Work", quantity=1, unit_price=total),)
    await desk.container.edit_invoice()(desk.owner, invoice_id, InvoiceEdit(lines=lines))
