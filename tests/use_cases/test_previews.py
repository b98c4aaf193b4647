"""What something would do is what it then does, and looking at it writes nothing."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from core.errors import (
    AlreadyVoided,
    ClientDeleted,
    CreditAlreadySpent,
    EntryNotVoidable,
    InvalidField,
    InvoiceVoid,
    NoCredit,
    NotFound,
    NothingDue,
    OverpaymentChoiceRequired,
    PaymentDeleted,
    RefundExceedsPaid,
    Refusal,
)
from core.ids import BulkPaymentId, ClientId, EntryId, InvoiceId, PaymentId
from core.ledger import AddReason
from core.payments import OverpaymentChoice, PaymentMethod
from core.previews import AddPreview, DeletionPreview, PaymentPreview, Preview, VoidPreview
from core.staff import Caller
from tests.desk import Desk
from tests.soundness import Auditor


class Glass:
    """Previews at one shop, each of which changes nothing."""

    def __init__(self, desk: Desk, auditor: Auditor, caller: Caller | None = None) -> None:
        self._desk = desk
        self._auditor = auditor
        self._caller = caller or desk.owner

    async def add(
        self, client: UUID, amount: int | None, *, reason: AddReason = "goodwill", invoice: UUID | None = None
    ) -> AddPreview:
        preview = self._desk.container.preview_add()
        async with self._auditor.changes_nothing(self._desk):
            return await preview(
                self._caller,
                ClientId(client),
                reason=reason,
                amount=amount,
                invoice_id=None if invoice is None else InvoiceId(invoice),
            )

    async def void(self, entry: UUID) -> VoidPreview:
        async with self._auditor.changes_nothing(self._desk):
            return await self._desk.container.preview_void()(self._caller, EntryId(entry))

    async def pay(
        self, invoice: UUID, amount: int | None, method: str = "cash", overpayment: OverpaymentChoice | None = None
    ) -> PaymentPreview:
        preview = self._desk.container.preview_payment()
        async with self._auditor.changes_nothing(self._desk):
            return await preview(
                self._caller,
                InvoiceId(invoice),
                method=PaymentMethod(method),
                amount=amount,
                overpayment=overpayment,
            )

    async def delete(self, payment: UUID) -> DeletionPreview:
        async with self._auditor.changes_nothing(self._desk):
            return await self._desk.container.preview_delete_payment()(self._caller, PaymentId(payment))

    async def delete_together(self, bulk_payment: UUID) -> DeletionPreview:
        async with self._auditor.changes_nothing(self._desk):
            return await self._desk.container.preview_delete_bulk_payment()(self._caller, BulkPaymentId(bulk_payment))


@pytest.fixture
def glass(desk: Desk, auditor: Auditor) -> Glass:
    return Glass(desk, auditor)


async def balance(desk: Desk, client: UUID) -> int:
    return (await desk.tab(client)).balance


async def came_true(desk: Desk, client: UUID, preview: Preview) -> bool:
    """Balance and invoices are as it was said."""
    assert preview.refusal is None
    dues = [(invoice.due_after, invoice.status_after) for invoice in preview.invoices]
    now = [await desk.show(invoice.id) for invoice in preview.invoices]
    return await balance(desk, client) == preview.balance_after and dues == [(i.due, i.status) for i in now]


async def refused_alike(preview: Preview, do: Callable[[], Awaitable[object]], refusal: type[Refusal]) -> Refusal:
    """Nothing would change; and doing it is refused with the same facts."""
    assert preview.balance_after == preview.balance
    assert all(invoice.due_after == invoice.due for invoice in preview.invoices)
    with pytest.raises(refusal) as told:
        await do()
    assert type(preview.refusal) is refusal
    assert vars(preview.refusal) == vars(told.value)
    return told.value


async def test_an_added_entry_would_be_voided(desk: Desk, glass: Glass) -> None:
    client = await desk.client()
    added = await desk.add(client, 5000)
    await desk.add(client, 700)
    preview = await glass.void(added.id)
    assert (preview.entry, preview.balance, preview.balance_after) == (added, 5700, 700)
    assert (preview.invoices, preview.currency) == ([], "USD")
    await desk.void(added.id)
    assert await came_true(desk, client, preview)


@pytest.mark.parametrize(("total", "status"), [(9000, "open"), (10000, "paid"), (8000, "overpaid")])
async def test_the_void_of_captured_credit_would_settle_its_invoice_again(
    desk: Desk, glass: Glass, total: int, status: str
) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 8000, number="A-1")
    cash = await desk.pay(invoice, 10000, overpayment="capture")
    await desk.edit_total(invoice, 8000 + 2 * (total - 8000) if total == 9000 else total)
    assert cash.entry is not None
    preview = await glass.void(cash.entry.id)
    [shown] = preview.invoices
    assert (shown.id, shown.number, preview.balance, preview.balance_after) == (invoice, "A-1", 2000, 0)
    await desk.void(cash.entry.id)
    assert await came_true(desk, client, preview)


async def test_why_an_entry_cannot_be_voided_is_said_with_what_spent_it(desk: Desk, glass: Glass) -> None:
    client = await desk.client()
    added = await desk.add(client, 5000)
    credit = await desk.apply(await desk.invoice(client, 3000))
    refusal = await refused_alike(await glass.void(added.id), lambda: desk.void(added.id), CreditAlreadySpent)
    assert isinstance(refusal, CreditAlreadySpent)
    assert (refusal.shortfall, [spending.payment_id for spending in refusal.spent_by]) == (3000, [credit.id])
    applied = (await desk.entries(client))[1]
    await refused_alike(await glass.void(applied.id), lambda: desk.void(applied.id), EntryNotVoidable)
    await desk.delete(credit.id)
    await desk.void(added.id)
    await refused_alike(await glass.void(added.id), lambda: desk.void(added.id), AlreadyVoided)
    await desk.delete_client(client)
    await refused_alike(await glass.void(added.id), lambda: desk.void(added.id), ClientDeleted)


async def test_of_much_that_spent_it_the_newest_is_named(desk: Desk, glass: Glass) -> None:
    client = await desk.client()
    added = await desk.add(client, 26)
    spendings = [await desk.apply(await desk.invoice(client, 1)) for _ in range(26)]
    refusal = (await glass.void(added.id)).refusal
    assert isinstance(refusal, CreditAlreadySpent)
    assert refusal.shortfall == 26
    assert [spending.payment_id for spending in refusal.spent_by] == [credit.id for credit in spendings[:0:-1]]


async def test_credit_would_be_added(desk: Desk, glass: Glass) -> None:
    client = await desk.client()
    await desk.add(client, 100)
    preview = await glass.add(client, 250)
    assert (preview.balance, preview.balance_after) == (100, 350)
    assert (preview.given, preview.given_entries, preview.refundable) == (0, [], None)
    await desk.add(client, 250)
    assert await came_true(desk, client, preview)


async def test_before_an_amount_is_typed_the_balance_and_what_was_given_are_shown(desk: Desk, glass: Glass) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    await desk.pay(invoice, 800)
    refund = await desk.add(client, 300, reason="refund", invoice_id=invoice)
    goodwill = await desk.add(client, 50, invoice_id=invoice)
    voided = await desk.add(client, 7, reason="refund", invoice_id=invoice)
    await desk.void(voided.id)
    await desk.pay(invoice, 900, overpayment="capture")
    await desk.add(client, 11)
    preview = await glass.add(client, None, invoice=invoice)
    assert (preview.balance, preview.balance_after, preview.refusal) == (1061, 1061, None)
    assert (preview.given, preview.given_entries, preview.refundable) == (350, [goodwill, refund], 700)
    [shown] = preview.invoices
    assert (shown.due, shown.due_after) == (0, 0)


async def test_a_refund_would_be_refused_beyond_what_was_paid(desk: Desk, glass: Glass) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    await desk.pay(invoice, 800)
    preview = await glass.add(client, 801, reason="refund", invoice=invoice)
    assert preview.refundable == 800
    await refused_alike(preview, lambda: desk.add(client, 801, reason="refund", invoice_id=invoice), RefundExceedsPaid)
    # Once less is paid than what was refunded for it, nothing more is refundable, not less than nothing.
    await desk.add(client, 800, reason="refund", invoice_id=invoice)
    [payment] = (await desk.show(invoice)).payments
    await desk.delete(payment.id)
    assert (await glass.add(client, None, invoice=invoice)).refundable == 0


async def test_adding_would_be_refused_like_adding(desk: Desk, glass: Glass) -> None:
    client, other = await desk.client(), await desk.client()
    theirs = await desk.invoice(other)
    await refused_alike(
        await glass.add(client, 100, invoice=theirs), lambda: desk.add(client, 100, invoice_id=theirs), InvalidField
    )
    await refused_alike(await glass.add(client, 0), lambda: desk.add(client, 0), InvalidField)
    await desk.delete_client(client)
    await refused_alike(await glass.add(client, 100), lambda: desk.add(client, 100), ClientDeleted)


@pytest.mark.parametrize(
    ("asked", "paid", "capped_by"),
    [(None, 5000, None), (3000, 3000, None), (5001, 5000, "credit_balance")],
    ids=["the most", "some", "too much"],
)
async def test_credit_would_be_applied(
    desk: Desk, glass: Glass, asked: int | None, paid: int, capped_by: str | None
) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000)
    await desk.add(client, 5000)
    preview = await glass.pay(invoice, asked, "account_credit")
    assert (preview.requested, preview.amount, preview.capped_by) == (asked, paid, capped_by)
    assert (preview.settled, preview.captured, preview.excess) == (paid, 0, 0)
    done = await desk.apply(invoice, asked)
    assert (done.requested, done.amount, done.capped_by) == (asked, paid, capped_by)
    assert await came_true(desk, client, preview)


async def test_credit_would_be_capped_by_what_is_due(desk: Desk, glass: Glass) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 4000)
    await desk.add(client, 5000)
    preview = await glass.pay(invoice, 4500, "account_credit")
    assert (preview.amount, preview.capped_by, preview.balance_after) == (4000, "invoice_due", 1000)


@pytest.mark.parametrize(
    ("amount", "choice", "settled", "captured", "excess"),
    [
        (900, None, 900, 0, 0),
        (1000, None, 1000, 0, 0),
        (1500, "capture", 1000, 500, 500),
        (1500, "leave", 1500, 0, 500),
    ],
)
async def test_money_would_be_taken(
    desk: Desk,
    glass: Glass,
    amount: int,
    choice: OverpaymentChoice | None,
    settled: int,
    captured: int,
    excess: int,
) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    preview = await glass.pay(invoice, amount, overpayment=choice)
    assert (preview.amount, preview.settled, preview.captured) == (amount, settled, captured)
    assert (preview.excess, preview.capped_by) == (excess, None)
    done = await desk.pay(invoice, amount, overpayment=choice)
    assert (done.settled, done.captured) == (settled, captured)
    assert await came_true(desk, client, preview)


async def test_more_than_is_due_asks_for_the_choice(desk: Desk, glass: Glass) -> None:
    invoice = await desk.invoice(await desk.client(), 1000)
    preview = await glass.pay(invoice, 1250)
    assert (preview.excess, preview.amount) == (250, 0)
    refusal = await refused_alike(preview, lambda: desk.pay(invoice, 1250), OverpaymentChoiceRequired)
    assert isinstance(refusal, OverpaymentChoiceRequired)
    assert refusal.excess == 250
    # Of an invoice that is overpaid already, all of it is too much.
    await desk.pay(invoice, 1030, overpayment="leave")
    assert (await glass.pay(invoice, 5)).excess == 5


async def test_a_payment_would_be_refused_like_a_payment(desk: Desk, glass: Glass) -> None:
    client = await desk.client()
    invoice, void = await desk.invoice(client, 1000), await desk.invoice(client, 1000)
    await desk.void_invoice(void)
    await refused_alike(await glass.pay(invoice, None, "account_credit"), lambda: desk.apply(invoice), NoCredit)
    await refused_alike(await glass.pay(invoice, 0), lambda: desk.pay(invoice, 0), InvalidField)
    await refused_alike(await glass.pay(invoice, None), lambda: desk.pay(invoice, None), InvalidField)
    await refused_alike(await glass.pay(void, 10), lambda: desk.pay(void, 10), InvoiceVoid)
    await desk.pay(invoice, 1000)
    await refused_alike(await glass.pay(invoice, None, "account_credit"), lambda: desk.apply(invoice), NothingDue)
    await desk.delete_client(client)
    await refused_alike(await glass.pay(invoice, 10), lambda: desk.pay(invoice, 10), ClientDeleted)


async def test_deleting_an_account_credit_payment_would_give_its_credit_back(desk: Desk, glass: Glass) -> None:
    client = await desk.client()
    await desk.add(client, 5000)
    credit = await desk.apply(await desk.invoice(client, 3000))
    preview = await glass.delete(credit.id)
    assert (preview.returned, preview.voided, preview.collected) == (3000, 0, 0)
    assert (preview.balance, preview.balance_after) == (2000, 5000)
    assert preview.payments == [await desk.payment(credit.id)]
    await desk.delete(credit.id)
    assert await came_true(desk, client, preview)


async def test_deleting_a_payment_would_void_what_was_captured_of_it(desk: Desk, glass: Glass) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000)
    cash = await desk.pay(invoice, 15000, overpayment="capture")
    await desk.edit_total(invoice, 8000)
    await desk.capture(invoice)
    preview = await glass.delete(cash.id)
    assert (preview.returned, preview.voided, preview.collected) == (0, 7000, 15000)
    await desk.delete(cash.id)
    assert await came_true(desk, client, preview)
    await refused_alike(await glass.delete(cash.id), lambda: desk.delete(cash.id), PaymentDeleted)


async def test_a_payment_whose_captured_credit_was_spent_would_stay(desk: Desk, glass: Glass) -> None:
    client = await desk.client()
    cash = await desk.pay(await desk.invoice(client, 8000), 10000, overpayment="capture")
    await desk.apply(await desk.invoice(client, 1500))
    preview = await glass.delete(cash.id)
    assert (preview.returned, preview.voided, preview.collected) == (0, 0, 0)
    await refused_alike(preview, lambda: desk.delete(cash.id), CreditAlreadySpent)


async def test_a_bulk_payment_would_be_deleted_less_what_is_deleted_already(desk: Desk, glass: Glass) -> None:
    client = await desk.client()
    invoices = [await desk.invoice(client, 1000) for _ in range(3)]
    bulk = await desk.pay_together(client, [(invoice, 1000) for invoice in invoices])
    await desk.delete(bulk.payments[0].id)
    await desk.edit_total(invoices[1], 600)
    await desk.capture(invoices[1])
    preview = await glass.delete_together(bulk.id)
    assert {payment.id for payment in preview.payments} == {payment.id for payment in bulk.payments[1:]}
    assert (preview.collected, preview.voided, preview.returned) == (2000, 400, 0)
    await desk.delete_together(bulk.id)
    assert await came_true(desk, client, preview)
    await refused_alike(await glass.delete_together(bulk.id), lambda: desk.delete_together(bulk.id), PaymentDeleted)


async def test_everybody_of_the_shop_may_look_and_nobody_else(desk: Desk, other_desk: Desk, auditor: Auditor) -> None:
    _, technician = await desk.hire()
    client = await desk.client()
    invoices = [await desk.invoice(client, 1000) for _ in range(2)]
    added = await desk.add(client, 100)
    bulk = await desk.pay_together(client, [(invoice, 500) for invoice in invoices])
    looks: list[Callable[[Glass, UUID | None], Awaitable[Preview]]] = [
        lambda glass, other: glass.add(other or client, 100),
        lambda glass, other: glass.void(other or added.id),
        lambda glass, other: glass.pay(other or invoices[0], 100),
        lambda glass, other: glass.delete(other or bulk.payments[0].id),
        lambda glass, other: glass.delete_together(other or bulk.id),
    ]
    for look in looks:
        assert (await look(Glass(desk, auditor, technician), None)).refusal is None
        with pytest.raises(NotFound):
            await look(Glass(desk, auditor), uuid4())
        with pytest.raises(NotFound):
            await look(Glass(other_desk, auditor), None)
