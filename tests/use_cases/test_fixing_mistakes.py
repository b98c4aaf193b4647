"""Fixing mistakes: R18 to R23. (R24, deleting a client, is in test_clients.)"""

from datetime import date

import pytest

from core.errors import (
    AlreadyVoided,
    CreditAlreadySpent,
    EntryNotVoidable,
    InvalidField,
    InvoiceHasPayments,
    InvoiceVoid,
    NotOverpaid,
    PaymentDeleted,
)
from core.payments import PaymentEdit, PaymentMethod
from core.staff import Permission
from tests.desk import Desk
from tests.soundness import Auditor


async def test_voiding_added_credit_writes_one_opposite_entry_that_names_it(desk: Desk) -> None:
    client = await desk.client()
    added = await desk.add(client, 5000)
    voided = await desk.void(added.id, note="  twice by mistake ")
    assert (voided.number, voided.kind, voided.amount, voided.balance_after) == (2, "voided", -5000, 0)
    assert (voided.reason, voided.note, voided.reverses) == ("void", "twice by mistake", added.id)
    assert [e.kind for e in await desk.entries(client)] == ["added", "voided"]


@pytest.mark.parametrize("note", ["", " \n", "x" * 501])
async def test_a_void_needs_a_note(desk: Desk, auditor: Auditor, note: str) -> None:
    added = await desk.add(await desk.client(), 5000)
    async with auditor.refuses(desk, InvalidField, facts={"field": "note"}):
        await desk.void(added.id, note=note)


async def test_a_second_void_of_one_entry_is_refused(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    added = await desk.add(client, 5000)
    await desk.add(client, 5000)
    await desk.void(added.id)
    async with auditor.refuses(desk, AlreadyVoided):
        await desk.void(added.id)


async def test_captured_credit_whose_payment_was_deleted_is_voided_already(desk: Desk, auditor: Auditor) -> None:
    cash = await desk.pay(await desk.invoice(await desk.client(), 1000), 1500, overpayment="capture")
    assert cash.entry is not None
    await desk.delete(cash.id)
    async with auditor.refuses(desk, AlreadyVoided):
        await desk.void(cash.entry.id)


async def test_applied_voided_and_returned_entries_cannot_be_voided(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    added = await desk.add(client, 5000)
    credit = await desk.apply(await desk.invoice(client, 1000))
    await desk.delete(credit.id)
    await desk.void(added.id)
    await desk.add(client, 9000)
    for entry in await desk.entries(client):
        if entry.kind in {"applied", "returned", "voided"}:
            async with auditor.refuses(desk, EntryNotVoidable, facts={"kind": entry.kind}):
                await desk.void(entry.id)


async def test_a_void_of_spent_credit_is_refused_with_the_shortfall_and_what_spent_it_newest_first(
    desk: Desk, auditor: Auditor
) -> None:
    client = await desk.client()
    added = await desk.add(client, 5000)
    first_invoice = await desk.invoice(client, 2000, number="A-1")
    second_invoice = await desk.invoice(client, 1500, number="A-2")
    first = await desk.apply(first_invoice)
    gone = await desk.apply(second_invoice, 700)
    await desk.delete(gone.id)
    second = await desk.apply(second_invoice)
    await desk.pay(await desk.invoice(client, 1000), 1000)
    someone_else = await desk.client()
    await desk.add(someone_else, 100)
    await desk.apply(await desk.invoice(someone_else, 100))
    async with auditor.refuses(desk, CreditAlreadySpent, facts={"shortfall": 3500}) as refusal:
        await desk.void(added.id)
    assert isinstance(refusal.value, CreditAlreadySpent)
    spent_by = [(s.payment_id, s.invoice_id, s.invoice_number, s.amount, s.at) for s in refusal.value.spent_by]
    assert spent_by == [
        (second.id, second_invoice, "A-2", 1500, second.recorded_at),
        (first.id, first_invoice, "A-1", 2000, first.recorded_at),
    ]


async def test_of_two_credits_where_one_is_spent_either_can_be_voided_but_not_both(desk: Desk) -> None:
    client = await desk.client()
    first = await desk.add(client, 5000)
    spent = await desk.apply(await desk.invoice(client, 5000))
    second = await desk.add(client, 5000)
    assert (await desk.void(first.id)).balance_after == 0
    with pytest.raises(CreditAlreadySpent) as refusal:
        await desk.void(second.id)
    assert (refusal.value.shortfall, [s.payment_id for s in refusal.value.spent_by]) == (5000, [spent.id])


async def test_a_void_may_take_the_balance_to_exactly_zero(desk: Desk) -> None:
    client = await desk.client()
    added = await desk.add(client, 5000)
    await desk.add(client, 1000)
    await desk.apply(await desk.invoice(client, 1000))
    assert (await desk.void(added.id)).balance_after == 0


async def test_voiding_captured_credit_makes_its_payment_settle_that_amount_again(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    cash = await desk.pay(invoice, 1500, overpayment="capture")
    assert cash.entry is not None
    await desk.void(cash.entry.id)
    after = await desk.payment(cash.id)
    assert (after.collected, after.settled, after.captured) == (1500, 1500, 0)
    shown = await desk.show(invoice)
    assert (shown.settled, shown.due, shown.status) == (1500, -500, "overpaid")
    # As if the offer had been declined: it can be taken up again.
    assert (await desk.capture(invoice)).captured == 500


async def test_voiding_captured_credit_of_an_invoice_that_was_raised_since_pays_it_down(
    desk: Desk, auditor: Auditor
) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    cash = await desk.pay(invoice, 1500, overpayment="capture")
    await desk.edit_total(invoice, 2000)
    assert cash.entry is not None
    await desk.void(cash.entry.id)
    assert ((await desk.show(invoice)).due, (await desk.show(invoice)).status) == (500, "open")
    async with auditor.refuses(desk, NotOverpaid):
        await desk.capture(invoice)


async def test_deleting_a_payment_voids_all_its_captured_entries_in_the_same_step(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000)
    cash = await desk.pay(invoice, 15000, overpayment="capture")
    await desk.edit_total(invoice, 8000)
    await desk.capture(invoice)
    await desk.delete(cash.id)
    entries = await desk.entries(client)
    assert [(e.kind, e.amount, e.reason) for e in entries] == [
        ("captured", 5000, "overpayment"),
        ("captured", 2000, "overpayment"),
        ("voided", -5000, "payment_deleted"),
        ("voided", -2000, "payment_deleted"),
    ]
    assert ((await desk.payment(cash.id)).captured, (await desk.show(invoice)).due) == (0, 8000)


async def test_deleting_a_payment_whose_captured_credit_is_spent_changes_nothing(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000)
    cash = await desk.pay(invoice, 15000, overpayment="capture")
    await desk.edit_total(invoice, 8000)
    await desk.capture(invoice)
    spent = await desk.apply(await desk.invoice(client, 6000))
    # One shortfall for the sum of both captured entries.
    async with auditor.refuses(desk, CreditAlreadySpent, facts={"shortfall": 6000}) as refusal:
        await desk.delete(cash.id)
    assert isinstance(refusal.value, CreditAlreadySpent)
    assert [s.payment_id for s in refusal.value.spent_by] == [spent.id]


async def test_deleting_a_payment_leaves_captured_entries_that_are_reversed_alone(desk: Desk) -> None:
    client = await desk.client()
    cash = await desk.pay(await desk.invoice(client, 1000), 1500, overpayment="capture")
    assert cash.entry is not None
    await desk.void(cash.entry.id)
    await desk.delete(cash.id)
    assert [e.kind for e in await desk.entries(client)] == ["captured", "voided"]


async def test_a_payment_with_captured_credit_still_lets_its_reference_date_and_method_change(desk: Desk) -> None:
    client = await desk.client()
    cash = await desk.pay(await desk.invoice(client, 1000), 1500, overpayment="capture")
    edit = PaymentEdit(reference="slip 7", received_on=date(2020, 1, 2), method="card")
    edited = await desk.edit_as(cash.id, edit)
    assert (edited.reference, edited.received_on, edited.method) == ("slip 7", date(2020, 1, 2), "card")
    assert (edited.amount, edited.settled, edited.captured) == (1500, 1000, 500)
    # Saying the amount that it has is no change of the amount.
    assert (await desk.edit(cash.id, 1500)).captured == 500


async def test_a_reference_can_be_taken_away_and_what_is_not_named_stays(desk: Desk) -> None:
    invoice = await desk.invoice(await desk.client(), 1000)
    cash = await desk.pay(invoice, 500, reference="slip 7")
    assert (await desk.edit(cash.id, 600)).reference == "slip 7"
    edited = await desk.edit_as(cash.id, PaymentEdit(reference=None))
    assert (edited.reference, edited.amount) == (None, 600)


async def test_an_edit_keeps_the_old_values_and_who_changed_them(desk: Desk) -> None:
    member, robin = await desk.hire(Permission.CREATE_PAYMENTS, name="Robin")
    invoice = await desk.invoice(await desk.client(), 1000)
    cash = await desk.pay(invoice, 500, reference="a", received_on=date(2020, 1, 1))
    await desk.edit_as(cash.id, PaymentEdit(amount=600, reference="b"), caller=robin)
    await desk.edit_as(cash.id, PaymentEdit(method="card", received_on=date(2020, 1, 2)))
    changes = (await desk.payment(cash.id)).changes
    assert [(c.method, c.amount, c.settled, c.reference, c.received_on, c.by.name) for c in changes] == [
        ("cash", 500, 500, "a", date(2020, 1, 1), "Robin"),
        ("cash", 600, 600, "b", date(2020, 1, 1), "Olive Owner"),
    ]
    assert changes[0].by.id == member.id


async def test_an_edit_that_changes_nothing_leaves_no_trace(desk: Desk, auditor: Auditor) -> None:
    cash = await desk.pay(await desk.invoice(await desk.client(), 1000), 500, reference="a")
    async with auditor.changes_nothing(desk):
        await desk.edit_as(cash.id, PaymentEdit(amount=500, reference="a", method="cash"))
        await desk.edit_as(cash.id, PaymentEdit())


async def test_a_deleted_payment_is_kept_with_who_deleted_it_and_when(desk: Desk) -> None:
    member, robin = await desk.hire(Permission.CREATE_PAYMENTS, name="Robin")
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    cash = await desk.pay(invoice, 400)
    stays = await desk.pay(invoice, 100)
    await desk.delete(cash.id, caller=robin)
    kept = await desk.payment(cash.id)
    assert kept.deleted_by is not None
    assert kept.deleted_at is not None
    assert (kept.deleted_by.id, kept.deleted_by.name, kept.amount) == (member.id, "Robin", 400)
    assert kept.deleted_at >= kept.recorded_at
    shown = await desk.show(invoice)
    assert ([p.id for p in shown.payments], shown.settled, shown.due) == ([stays.id], 100, 900)
    assert await _listed(desk, deleted=False) == [stays.id]
    assert await _listed(desk, deleted=True) == [cash.id]


async def _listed(desk: Desk, *, deleted: bool) -> list[object]:
    page = await desk.container.list_payments()(
        desk.owner, client_id=None, method=None, first=None, last=None, deleted=deleted, after=None, limit=100
    )
    return [payment.id for payment in page.items]


@pytest.mark.parametrize("method", ["cash", "account_credit"])
async def test_a_deleted_payment_is_neither_deleted_again_nor_edited(desk: Desk, auditor: Auditor, method: str) -> None:
    client = await desk.client()
    await desk.add(client, 1000)
    payment = await desk.pay(await desk.invoice(client, 1000), 400, method)
    await desk.delete(payment.id)
    async with auditor.refuses(desk, PaymentDeleted):
        await desk.delete(payment.id)
    async with auditor.refuses(desk, PaymentDeleted):
        await desk.edit_as(payment.id, PaymentEdit(reference="late"))


@pytest.mark.parametrize("method", list(PaymentMethod))
async def test_an_invoice_with_live_payments_cannot_be_voided(
    desk: Desk, auditor: Auditor, method: PaymentMethod
) -> None:
    client = await desk.client()
    await desk.add(client, 500)
    invoice = await desk.invoice(client, 1000)
    payment = await desk.pay(invoice, 500, method)
    async with auditor.refuses(desk, InvoiceHasPayments):
        await desk.void_invoice(invoice)
    await desk.delete(payment.id)
    assert (await desk.void_invoice(invoice)).status == "void"


async def test_a_payment_that_settles_nothing_is_a_live_payment_all_the_same(desk: Desk, auditor: Auditor) -> None:
    invoice = await desk.invoice(await desk.client(), 0)
    await desk.pay(invoice, 500, overpayment="capture")
    async with auditor.refuses(desk, InvoiceHasPayments):
        await desk.void_invoice(invoice)


async def test_a_void_invoice_takes_no_payment_edit_capture_or_second_void(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    await desk.add(client, 500)
    invoice = await desk.invoice(client, 1000)
    voided = await desk.void_invoice(invoice)
    assert (voided.due, voided.status, voided.voided_at is not None) == (0, "void", True)
    for refused in (
        lambda: desk.pay(invoice, 100),
        lambda: desk.apply(invoice),
        lambda: desk.edit_total(invoice, 1),
        lambda: desk.capture(invoice),
        lambda: desk.void_invoice(invoice),
    ):
        async with auditor.refuses(desk, InvoiceVoid):
            await refused()


async def test_a_void_invoice_counts_nowhere(desk: Desk) -> None:
    client = await desk.client()
    await desk.invoice(client, 700)
    await desk.void_invoice(await desk.invoice(client, 1000))
    card = await desk.card(client)
    assert (card.invoiced, card.paid, card.due, card.overpaid) == (700, 0, 700, 0)
