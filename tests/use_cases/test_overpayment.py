"""Overpayment: R13 to R16. (R17, what goes to the bank, is in test_where_it_shows.)"""

import pytest

from core.errors import (
    InvalidField,
    InvoiceBelowAppliedCredit,
    InvoiceChanged,
    InvoiceVoid,
    NotOverpaid,
    OverpaymentChoiceRequired,
    PaymentNotEditable,
)
from core.payments import OverpaymentChoice, PaymentEdit
from tests.desk import Desk
from tests.soundness import Auditor

MONEY_METHODS = ("cash", "card", "check", "bank_transfer", "other")


@pytest.mark.parametrize("method", MONEY_METHODS)
async def test_a_payment_above_what_is_due_asks_what_to_do_with_the_excess(
    desk: Desk, auditor: Auditor, method: str
) -> None:
    invoice = await desk.invoice(await desk.client(), 8000)
    async with auditor.refuses(desk, OverpaymentChoiceRequired, facts={"excess": 2000}):
        await desk.pay(invoice, 10000, method)


@pytest.mark.parametrize("method", MONEY_METHODS)
async def test_captured_excess_becomes_credit_and_the_invoice_settles_to_exactly_its_total(
    desk: Desk, method: str
) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 8000)
    payment = await desk.pay(invoice, 10000, method, overpayment="capture")
    assert (payment.amount, payment.collected, payment.settled, payment.captured) == (10000, 10000, 8000, 2000)
    assert payment.entry is not None
    assert (payment.entry.kind, payment.entry.amount, payment.entry.reason) == ("captured", 2000, "overpayment")
    shown = await desk.show(invoice)
    assert (shown.settled, shown.due, shown.status) == (8000, 0, "paid")
    assert (await desk.card(client)).credit == 2000


async def test_excess_that_is_left_stays_on_the_invoice(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 8000)
    payment = await desk.pay(invoice, 10000, overpayment="leave")
    assert (payment.collected, payment.settled, payment.captured, payment.entry) == (10000, 10000, 0, None)
    assert ((await desk.show(invoice)).due, (await desk.show(invoice)).status) == (-2000, "overpaid")
    assert ((await desk.card(client)).credit, (await desk.card(client)).overpaid) == (0, 2000)


@pytest.mark.parametrize("choice", ["capture", "leave"])
async def test_a_choice_without_an_excess_does_nothing(desk: Desk, choice: OverpaymentChoice) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 8000)
    payment = await desk.pay(invoice, 8000, overpayment=choice)
    assert (payment.settled, payment.captured, payment.entry) == (8000, 0, None)
    assert (await desk.card(client)).credit == 0


async def test_on_an_overpaid_invoice_all_of_a_payment_is_excess(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    await desk.pay(invoice, 4000, overpayment="leave")
    async with auditor.refuses(desk, OverpaymentChoiceRequired, facts={"excess": 500}):
        await desk.pay(invoice, 500)
    payment = await desk.pay(invoice, 500, overpayment="capture")
    assert (payment.collected, payment.settled, payment.captured) == (500, 0, 500)
    assert (await desk.show(invoice)).due == -3000


async def test_an_invoice_that_costs_nothing_takes_a_payment_as_excess(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 0)
    assert (await desk.show(invoice)).status == "paid"
    payment = await desk.pay(invoice, 500, overpayment="capture")
    assert (payment.settled, payment.captured, (await desk.card(client)).credit) == (0, 500, 500)


async def test_an_edit_that_raises_a_payment_above_what_is_due_without_it_asks_too(
    desk: Desk, auditor: Auditor
) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000)
    await desk.pay(invoice, 3000)
    cash = await desk.pay(invoice, 5000)
    assert (await desk.edit(cash.id, 7000)).settled == 7000
    async with auditor.refuses(desk, OverpaymentChoiceRequired, facts={"excess": 500}):
        await desk.edit(cash.id, 7500)
    edited = await desk.edit(cash.id, 7500, overpayment="capture")
    assert (edited.amount, edited.collected, edited.settled, edited.captured) == (7500, 7500, 7000, 500)
    assert ((await desk.show(invoice)).due, (await desk.card(client)).credit) == (0, 500)


@pytest.mark.parametrize("choice", ["capture", "leave"])
async def test_a_choice_for_an_edit_holds_for_the_excess_that_it_was_made_for(
    desk: Desk, auditor: Auditor, choice: OverpaymentChoice
) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000)
    cash = await desk.pay(invoice, 5000)
    edit = PaymentEdit(amount=12000, overpayment=choice, agreed_excess=2000)
    other = await desk.pay(invoice, 3000)
    async with auditor.refuses(desk, OverpaymentChoiceRequired, facts={"excess": 5000}):
        await desk.edit_as(cash.id, edit)
    # Nor is it left on the invoice by itself where somebody has raised the amount meanwhile.
    await desk.delete(other.id)
    await desk.edit(cash.id, 12000, overpayment="leave")
    await desk.pay(invoice, 3000, overpayment="leave")
    async with auditor.refuses(desk, OverpaymentChoiceRequired, facts={"excess": 5000}):
        await desk.edit_as(cash.id, edit)
    await desk.edit_as(cash.id, PaymentEdit(amount=12000, overpayment=choice, agreed_excess=5000))
    assert (await desk.card(client)).credit == (5000 if choice == "capture" else 0)


async def test_an_edit_that_raises_a_payment_may_leave_the_excess(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    cash = await desk.pay(invoice, 400)
    edited = await desk.edit(cash.id, 1500, overpayment="leave")
    assert (edited.settled, edited.captured, (await desk.show(invoice)).due) == (1500, 0, -500)


async def test_an_edit_that_lowers_a_payment_asks_nothing_and_raises_the_due(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    cash = await desk.pay(invoice, 1500, overpayment="leave")
    assert (await desk.edit(cash.id, 1200)).settled == 1200
    assert (await desk.edit(cash.id, 300)).settled == 300
    assert (await desk.show(invoice)).due == 700


async def test_while_a_payment_has_captured_credit_its_amount_stays(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    cash = await desk.pay(invoice, 1500, overpayment="capture")
    for amount in (1499, 1501):
        async with auditor.refuses(desk, PaymentNotEditable, facts={"reason": "captured_credit"}):
            await desk.edit(cash.id, amount, overpayment="capture")
    assert cash.entry is not None
    await desk.void(cash.entry.id)
    assert (await desk.edit(cash.id, 900)).settled == 900


@pytest.mark.parametrize("amount", [0, -1])
async def test_an_edit_to_nothing_is_not_valid(desk: Desk, auditor: Auditor, amount: int) -> None:
    cash = await desk.pay(await desk.invoice(await desk.client(), 1000), 500)
    async with auditor.refuses(desk, InvalidField, facts={"field": "amount"}):
        await desk.edit(cash.id, amount)


async def test_an_invoice_that_is_not_overpaid_has_nothing_to_capture(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    await desk.add(client, 300)
    for total, paid in ((1000, 0), (1000, 400), (1000, 1000), (0, 0)):
        invoice = await desk.invoice(client, total)
        if paid:
            await desk.pay(invoice, paid)
        async with auditor.refuses(desk, NotOverpaid):
            await desk.capture(invoice)


async def test_an_overpayment_that_was_left_can_be_captured_later_and_only_once(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    cash = await desk.pay(invoice, 1500, overpayment="leave")
    captured = await desk.capture(invoice)
    assert (captured.captured, [(e.payment_id, e.amount) for e in captured.entries]) == (500, [(cash.id, 500)])
    assert (captured.invoice.due, captured.invoice.status) == (0, "paid")
    after = await desk.payment(cash.id)
    assert (after.amount, after.collected, after.settled, after.captured) == (1500, 1500, 1000, 500)
    async with auditor.refuses(desk, NotOverpaid):
        await desk.capture(invoice)


async def test_a_later_capture_takes_what_was_agreed_to_or_nothing(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    capture = desk.container.capture_overpayment()
    async with auditor.refuses(desk, NotOverpaid):
        await capture(desk.owner, invoice, agreed_excess=500)
    for _ in range(2):
        await desk.pay(invoice, 1000, overpayment="leave")
    for agreed in (0, 999, 1001):
        async with auditor.refuses(desk, InvoiceChanged):
            await capture(desk.owner, invoice, agreed_excess=agreed)
    assert (await capture(desk.owner, invoice, agreed_excess=1000)).captured == 1000


async def test_a_later_capture_takes_from_the_newest_payments_first_each_up_to_what_it_settles(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000)
    first = await desk.pay(invoice, 5000)
    second = await desk.pay(invoice, 3000, "card")
    third = await desk.pay(invoice, 2000, "check")
    await desk.edit_total(invoice, 4000)
    captured = await desk.capture(invoice)
    assert [(e.payment_id, e.amount) for e in captured.entries] == [
        (third.id, 2000),
        (second.id, 3000),
        (first.id, 1000),
    ]
    assert [((p := await desk.payment(i.id)).settled, p.captured) for i in (first, second, third)] == [
        (4000, 1000),
        (0, 3000),
        (0, 2000),
    ]


async def test_a_later_capture_passes_over_account_credit_and_deleted_payments(desk: Desk) -> None:
    client = await desk.client()
    await desk.add(client, 1000)
    invoice = await desk.invoice(client, 10000)
    cash = await desk.pay(invoice, 5000)
    deleted = await desk.pay(invoice, 3000, "card")
    await desk.apply(invoice)
    await desk.delete(deleted.id)
    await desk.edit_total(invoice, 2000)
    captured = await desk.capture(invoice)
    assert [(e.payment_id, e.amount) for e in captured.entries] == [(cash.id, 4000)]


async def test_a_payment_may_have_several_captured_entries_and_its_captured_is_the_sum_of_those_not_reversed(
    desk: Desk,
) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000)
    cash = await desk.pay(invoice, 15000, overpayment="capture")
    await desk.edit_total(invoice, 8000)
    captured = await desk.capture(invoice)
    assert (captured.captured, (await desk.payment(cash.id)).captured) == (2000, 7000)
    assert cash.entry is not None
    await desk.void(cash.entry.id)
    after = await desk.payment(cash.id)
    assert (after.captured, after.settled, after.collected) == (2000, 13000, 15000)
    assert [e.kind for e in after.entries] == ["captured", "captured", "voided"]


async def test_an_invoice_edited_below_what_is_settled_becomes_overpaid(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000)
    await desk.pay(invoice, 6000)
    edited = await desk.edit_total(invoice, 5000)
    assert (edited.due, edited.status, (await desk.card(client)).credit) == (-1000, "overpaid", 0)


async def test_an_invoice_cannot_be_edited_below_the_credit_applied_to_it(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000)
    await desk.add(client, 4000)
    credit = await desk.apply(invoice)
    await desk.pay(invoice, 3000)
    async with auditor.refuses(desk, InvoiceBelowAppliedCredit, facts={"applied_credit": 4000}):
        await desk.edit_total(invoice, 3999)
    assert (await desk.edit_total(invoice, 4000)).due == -3000
    await desk.capture(invoice)
    await desk.delete(credit.id)
    assert (await desk.edit_total(invoice, 0)).due == 0


async def test_a_void_invoice_is_not_captured(desk: Desk, auditor: Auditor) -> None:
    invoice = await desk.invoice(await desk.client(), 1000)
    await desk.void_invoice(invoice)
    async with auditor.refuses(desk, InvoiceVoid):
        await desk.capture(invoice)


async def test_what_is_collected_is_always_what_is_settled_and_captured(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000)
    first = await desk.pay(invoice, 12000, overpayment="capture")
    second = await desk.pay(invoice, 700, "card", overpayment="leave")
    await desk.capture(invoice)
    assert first.entry is not None
    await desk.void(first.entry.id)
    await desk.edit_total(invoice, 1)
    await desk.capture(invoice)
    for payment in (await desk.payment(first.id), await desk.payment(second.id)):
        assert payment.amount == payment.collected == payment.settled + payment.captured
    assert (await desk.show(invoice)).due == 0
    assert (await desk.card(client)).credit == 12699
