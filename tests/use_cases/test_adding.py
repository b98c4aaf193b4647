"""Adding credit by hand: R5 and R6."""

import pytest

from core.errors import InvalidField, RefundExceedsPaid
from core.ids import InvoiceId
from core.ledger import ADD_REASONS, AddReason
from core.money import MAX_AMOUNT
from tests.desk import Desk
from tests.soundness import Auditor


@pytest.mark.parametrize("reason", ADD_REASONS)
async def test_credit_is_added_for_one_of_five_reasons(desk: Desk, reason: AddReason) -> None:
    client = await desk.client()
    entry = await desk.add(client, 1234, reason=reason)
    assert (entry.kind, entry.reason, entry.amount) == ("added", reason, 1234)
    assert (await desk.card(client)).credit == 1234


def test_the_five_reasons_are_these() -> None:
    assert ADD_REASONS == ("refund", "goodwill", "manual", "correction", "promotion")


@pytest.mark.parametrize("amount", [0, -1, -5000, MAX_AMOUNT + 1, 2**53 + 1])
async def test_there_is_no_subtracting_and_no_adding_of_nothing(desk: Desk, auditor: Auditor, amount: int) -> None:
    client = await desk.client()
    await desk.add(client, 100)
    async with auditor.refuses(desk, InvalidField, facts={"field": "amount"}):
        await desk.add(client, amount)


async def test_the_smallest_and_the_largest_amount_can_be_added(desk: Desk) -> None:
    client = await desk.client()
    await desk.add(client, MAX_AMOUNT)
    await desk.add(client, 1)
    assert (await desk.card(client)).credit == MAX_AMOUNT + 1


@pytest.mark.parametrize("note", ["", "   ", "\n\t ", "x" * 501, "bell \x07", "nul \x00"])
async def test_a_note_is_required_and_has_1_to_500_characters_after_trimming(
    desk: Desk, auditor: Auditor, note: str
) -> None:
    client = await desk.client()
    async with auditor.refuses(desk, InvalidField, facts={"field": "note"}):
        await desk.add(client, 100, note=note)


@pytest.mark.parametrize(
    ("written", "kept"),
    [("  late  ", "late"), (" " + "x" * 500 + "\n", "x" * 500), ("e\u0301", "\u00e9"), ("one\n\ttwo", "one\n\ttwo")],
)
async def test_a_note_is_kept_trimmed(desk: Desk, written: str, kept: str) -> None:
    entry = await desk.add(await desk.client(), 100, note=written)
    assert (entry.note, (await desk.entry(entry.id)).note) == (kept, kept)


async def test_an_invoice_named_as_the_origin_does_not_change(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000, number="A-7")
    before = await desk.show(invoice)
    entry = await desk.add(client, 20000, invoice_id=invoice)
    assert (entry.invoice_id, entry.invoice_number) == (invoice, "A-7")
    assert await desk.show(invoice) == before


async def test_the_origin_must_be_an_invoice_of_the_same_client(desk: Desk, other_desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    of_nobody = InvoiceId(desk.shop_id)
    of_another = await desk.invoice(await desk.client())
    elsewhere = await other_desk.invoice(await other_desk.client())
    for invoice in (of_nobody, of_another, elsewhere):
        async with auditor.refuses(desk, InvalidField, facts={"field": "invoice_id"}):
            await desk.add(client, 100, invoice_id=invoice)


async def test_a_refund_is_no_more_than_what_was_paid_on_its_invoice_and_not_yet_refunded(
    desk: Desk, auditor: Auditor
) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000)
    async with auditor.refuses(desk, RefundExceedsPaid, facts={"refundable": 0}):
        await desk.add(client, 1, reason="refund", invoice_id=invoice)
    await desk.pay(invoice, 6000)
    first = await desk.add(client, 4000, reason="refund", invoice_id=invoice)
    async with auditor.refuses(desk, RefundExceedsPaid, facts={"refundable": 2000}):
        await desk.add(client, 2001, reason="refund", invoice_id=invoice)
    await desk.add(client, 2000, reason="refund", invoice_id=invoice)
    await desk.void(first.id)
    async with auditor.refuses(desk, RefundExceedsPaid, facts={"refundable": 4000}):
        await desk.add(client, 4001, reason="refund", invoice_id=invoice)
    await desk.add(client, 4000, reason="refund", invoice_id=invoice)


async def test_a_refund_counts_what_is_settled_not_what_was_captured(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    await desk.pay(invoice, 1500, overpayment="capture")
    async with auditor.refuses(desk, RefundExceedsPaid, facts={"refundable": 1000}):
        await desk.add(client, 1001, reason="refund", invoice_id=invoice)


async def test_a_refund_of_an_invoice_whose_payment_was_deleted_since_is_refused_never_below_zero(
    desk: Desk, auditor: Auditor
) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    cash = await desk.pay(invoice, 1000)
    await desk.add(client, 1000, reason="refund", invoice_id=invoice)
    await desk.delete(cash.id)
    async with auditor.refuses(desk, RefundExceedsPaid, facts={"refundable": 0}):
        await desk.add(client, 1, reason="refund", invoice_id=invoice)


async def test_only_a_refund_that_names_an_invoice_has_a_limit(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    await desk.add(client, 9999, reason="refund")
    for reason in ADD_REASONS[1:]:
        await desk.add(client, 9999, reason=reason, invoice_id=invoice)
    # None of these counts as refunded for the invoice.
    await desk.pay(invoice, 1000)
    await desk.add(client, 1000, reason="refund", invoice_id=invoice)


async def test_each_invoice_has_refunds_of_its_own(desk: Desk) -> None:
    client = await desk.client()
    first, second = await desk.invoice(client, 1000), await desk.invoice(client, 1000)
    await desk.pay(first, 1000)
    await desk.pay(second, 1000)
    await desk.add(client, 1000, reason="refund", invoice_id=first)
    await desk.add(client, 1000, reason="refund", invoice_id=second)
