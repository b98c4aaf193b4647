"""Applying credit: R7 to R12."""

from datetime import date

import pytest

from core.errors import (
    AccountCreditNotInBulk,
    AllocationExceedsDue,
    CreditAlreadySpent,
    InvalidField,
    InvoiceVoid,
    NoCredit,
    NothingDue,
    PaymentDeleted,
    PaymentNotEditable,
)
from core.ids import InvoiceId
from core.money import MAX_AMOUNT
from core.payments import PaymentEdit
from tests.desk import Desk
from tests.soundness import Auditor


@pytest.mark.parametrize(
    ("due", "balance", "asked", "amount", "capped_by"),
    [
        (13000, 5000, None, 5000, None),  # nothing asked: the most that is possible
        (5000, 13000, None, 5000, None),
        (13000, 5000, 2000, 2000, None),
        (13000, 5000, 5000, 5000, None),
        (13000, 5000, 5001, 5000, "credit_balance"),
        (5000, 13000, 5001, 5000, "invoice_due"),
        (5000, 5000, 5001, 5000, "invoice_due"),  # both equal
        (5000, 5000, 5000, 5000, None),
        (1, 1, MAX_AMOUNT, 1, "invoice_due"),
        (13000, 5000, 1, 1, None),
    ],
)
async def test_applying_takes_the_least_of_due_balance_and_what_is_asked_and_says_what_capped_it(
    desk: Desk, due: int, balance: int, asked: int | None, amount: int, capped_by: str | None
) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, due)
    await desk.add(client, balance)
    payment = await desk.apply(invoice, asked)
    assert (payment.amount, payment.requested, payment.capped_by) == (amount, asked, capped_by)
    assert (payment.collected, payment.settled, payment.captured) == (0, amount, 0)
    assert payment.entry is not None
    assert (payment.entry.kind, payment.entry.amount, payment.entry.balance_after) == (
        "applied",
        -amount,
        balance - amount,
    )
    assert ((await desk.show(invoice)).due, (await desk.card(client)).credit) == (due - amount, balance - amount)


async def test_applying_where_nothing_is_due_is_refused(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    free = await desk.invoice(client, 0)
    paid = await desk.invoice(client, 1000)
    overpaid = await desk.invoice(client, 1000)
    await desk.pay(paid, 1000)
    await desk.pay(overpaid, 1500, overpayment="leave")
    for credit in (0, 5000):
        if credit:
            await desk.add(client, credit)
        for invoice in (free, paid, overpaid):
            async with auditor.refuses(desk, NothingDue):
                await desk.apply(invoice, 100)


async def test_applying_without_credit_is_refused(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    for asked in (None, 1, 1000):
        async with auditor.refuses(desk, NoCredit):
            await desk.apply(invoice, asked)


async def test_the_credit_of_one_client_pays_no_invoice_of_another(desk: Desk, auditor: Auditor) -> None:
    await desk.add(await desk.client(), 5000)
    invoice = await desk.invoice(await desk.client(), 1000)
    async with auditor.refuses(desk, NoCredit):
        await desk.apply(invoice)


@pytest.mark.parametrize("amount", [0, -1, MAX_AMOUNT + 1])
async def test_an_amount_of_0_never_means_all_and_none_below_is_taken(
    desk: Desk, auditor: Auditor, amount: int
) -> None:
    client = await desk.client()
    await desk.add(client, 5000)
    invoice = await desk.invoice(client, 1000)
    for method in ("account_credit", "cash"):
        async with auditor.refuses(desk, InvalidField, facts={"field": "amount"}):
            await desk.pay(invoice, amount, method)


async def test_only_account_credit_may_leave_the_amount_out(desk: Desk, auditor: Auditor) -> None:
    invoice = await desk.invoice(await desk.client(), 1000)
    async with auditor.refuses(desk, InvalidField, facts={"field": "amount"}):
        await desk.pay(invoice, None, "cash")


async def test_credit_pays_an_invoice_down_and_changes_nothing_else_of_it(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000)
    before = await desk.show(invoice)
    await desk.add(client, 5000)
    await desk.apply(invoice)
    after = await desk.show(invoice)
    assert (after.total, after.tax, after.lines, after.number) == (
        before.total,
        before.tax,
        before.lines,
        before.number,
    )
    assert (after.settled, after.due, after.status) == (5000, 8000, "open")


@pytest.mark.parametrize(
    ("due", "balance", "applicable", "offer"),
    [(13000, 5000, 5000, True), (5000, 13000, 5000, True), (13000, 0, 0, False), (0, 5000, 0, False)],
)
async def test_starting_a_payment_tells_what_credit_could_pay_and_whether_to_ask(
    desk: Desk, auditor: Auditor, due: int, balance: int, applicable: int, offer: bool
) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, due)
    if balance:
        await desk.add(client, balance)
    async with auditor.changes_nothing(desk):
        options = await desk.options(invoice)
    assert (options.due, options.credit_balance, options.applicable_credit, options.offer_credit) == (
        due,
        balance,
        applicable,
        offer,
    )
    assert ("account_credit" in options.methods) is offer
    assert {"cash", "card", "check", "bank_transfer", "other"} <= set(options.methods)


async def test_starting_a_payment_on_an_overpaid_invoice_asks_nothing(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    await desk.pay(invoice, 1500, overpayment="leave")
    await desk.add(client, 5000)
    options = await desk.options(invoice)
    assert (options.due, options.applicable_credit, options.offer_credit) == (-500, 0, False)


async def test_starting_a_payment_on_a_void_invoice_offers_no_method(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    await desk.add(client, 5000)
    await desk.void_invoice(invoice)
    options = await desk.options(invoice)
    assert (options.due, options.offer_credit, options.methods) == (0, False, ())


async def test_an_account_credit_payment_cannot_be_edited_in_any_way(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    await desk.add(client, 500)
    credit = await desk.apply(invoice)
    for edit in (
        PaymentEdit(amount=100),
        PaymentEdit(amount=500),
        PaymentEdit(method="cash"),
        PaymentEdit(reference="a slip"),
        PaymentEdit(received_on=date(2020, 1, 1)),
    ):
        async with auditor.refuses(desk, PaymentNotEditable, facts={"reason": "account_credit"}):
            await desk.edit_as(credit.id, edit)


async def test_deleting_an_account_credit_payment_returns_its_credit(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000)
    await desk.add(client, 5000)
    credit = await desk.apply(invoice, 3000)
    await desk.delete(credit.id)
    returned = (await desk.entries(client))[-1]
    assert (returned.kind, returned.amount, returned.balance_after, returned.payment_id) == (
        "returned",
        3000,
        5000,
        credit.id,
    )
    assert ((await desk.show(invoice)).due, (await desk.show(invoice)).payments) == (13000, [])


async def test_returned_credit_can_be_applied_again(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 3000)
    await desk.add(client, 3000)
    for _ in range(3):
        credit = await desk.apply(invoice)
        await desk.delete(credit.id)
    await desk.apply(invoice)
    assert [e.amount for e in await desk.entries(client)] == [3000, *([-3000, 3000] * 3), -3000]


async def test_a_bulk_payment_is_one_payment_for_each_invoice_sharing_an_id(desk: Desk) -> None:
    client = await desk.client()
    first, second = await desk.invoice(client, 1000), await desk.invoice(client, 2000)
    bulk = await desk.pay_together(client, [(first, 1000), (second, 500)])
    assert bulk.amount == 1500
    assert [(p.invoice_id, p.amount, p.settled, p.method) for p in bulk.payments] == [
        (first, 1000, 1000, "check"),
        (second, 500, 500, "check"),
    ]
    assert {p.bulk_payment_id for p in bulk.payments} == {bulk.id}
    assert [(await desk.show(invoice)).due for invoice in (first, second)] == [0, 1500]


async def test_account_credit_is_refused_in_a_bulk_payment(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    await desk.add(client, 5000)
    first, second = await desk.invoice(client, 1000), await desk.invoice(client, 2000)
    async with auditor.refuses(desk, AccountCreditNotInBulk):
        await desk.pay_together(client, [(first, 100), (second, 100)], "account_credit")


async def test_a_bulk_payment_is_all_or_nothing_and_exceeds_no_due(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    first, second = await desk.invoice(client, 1000), await desk.invoice(client, 2000)
    async with auditor.refuses(desk, AllocationExceedsDue, facts={"allocation": 1, "due": 2000}):
        await desk.pay_together(client, [(first, 1000), (second, 2001)])
    overpaid = await desk.invoice(client, 1000)
    await desk.pay(overpaid, 1500, overpayment="leave")
    async with auditor.refuses(desk, AllocationExceedsDue, facts={"allocation": 0, "due": 0}):
        await desk.pay_together(client, [(overpaid, 1), (second, 1)])


async def test_a_bulk_payment_takes_no_void_invoice(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    first, second = await desk.invoice(client, 1000), await desk.invoice(client, 2000)
    await desk.void_invoice(second)
    async with auditor.refuses(desk, InvoiceVoid):
        await desk.pay_together(client, [(first, 1), (second, 1)])


async def test_a_bulk_payment_is_for_several_invoices_of_one_client_each_once(
    desk: Desk, other_desk: Desk, auditor: Auditor
) -> None:
    client = await desk.client()
    first, second = await desk.invoice(client, 1000), await desk.invoice(client, 2000)
    of_another = await desk.invoice(await desk.client())
    elsewhere = await other_desk.invoice(await other_desk.client())
    for allocations, field in (
        ([(first, 1)], "allocations"),
        ([(first, 1), (first, 1)], "allocations"),
        ([(first, 1), (second, 0)], "allocations[1].amount"),
        ([(first, 1), (of_another, 1)], "allocations[1].invoice_id"),
        ([(elsewhere, 1), (first, 1)], "allocations[0].invoice_id"),
        ([(InvoiceId(desk.shop_id), 1)] * 101, "allocations"),
    ):
        async with auditor.refuses(desk, InvalidField, facts={"field": field}):
            await desk.pay_together(client, allocations)
    for no_client in (desk.shop_id, await other_desk.client()):
        async with auditor.refuses(desk, InvalidField, facts={"field": "client_id"}):
            await desk.pay_together(no_client, [(first, 1), (second, 1)])


async def test_a_bulk_payment_pays_up_to_a_hundred_invoices(desk: Desk) -> None:
    client = await desk.client()
    invoices = [await desk.invoice(client, 100) for _ in range(100)]
    bulk = await desk.pay_together(client, [(invoice, 100) for invoice in invoices])
    assert (bulk.amount, (await desk.card(client)).due) == (10000, 0)


async def test_each_payment_of_a_bulk_payment_can_be_deleted_alone_and_the_rest_together(
    desk: Desk, auditor: Auditor
) -> None:
    client = await desk.client()
    invoices = [await desk.invoice(client, 1000) for _ in range(3)]
    bulk = await desk.pay_together(client, [(invoice, 1000) for invoice in invoices])
    await desk.delete(bulk.payments[1].id)
    assert [(await desk.show(invoice)).due for invoice in invoices] == [0, 1000, 0]
    await desk.delete_together(bulk.id)
    assert [(await desk.show(invoice)).due for invoice in invoices] == [1000, 1000, 1000]
    async with auditor.refuses(desk, PaymentDeleted):
        await desk.delete_together(bulk.id)


async def test_a_bulk_payment_whose_captured_credit_is_spent_is_deleted_as_a_whole_or_not_at_all(
    desk: Desk, auditor: Auditor
) -> None:
    client = await desk.client()
    first, second, third = [await desk.invoice(client, 1000) for _ in range(3)]
    bulk = await desk.pay_together(client, [(first, 1000), (second, 1000)])
    for invoice in (first, second):
        await desk.edit_total(invoice, 700)
        await desk.capture(invoice)
    spent = await desk.apply(third, 400)
    async with auditor.refuses(desk, CreditAlreadySpent, facts={"shortfall": 400}) as refusal:
        await desk.delete_together(bulk.id)
    assert isinstance(refusal.value, CreditAlreadySpent)
    assert [spending.payment_id for spending in refusal.value.spent_by] == [spent.id]
    await desk.delete(spent.id)
    await desk.delete_together(bulk.id)
    assert ((await desk.card(client)).credit, (await desk.show(first)).due) == (0, 700)
