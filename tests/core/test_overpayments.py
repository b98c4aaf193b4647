"""R13 to R16: a payment with money that is more than what is due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ClientDeleted, InvoiceBelowAppliedCredit, InvoiceVoid, NotOverpaid, OverpaymentChoiceRequired
from core.ledger import EntryKind
from core.payments import OverpaymentChoice, PaymentMethod, Split, split_payment
from tests.core.world import World

MONEY = [method for method in PaymentMethod if method != PaymentMethod.ACCOUNT_CREDIT]
CHOICES: list[OverpaymentChoice | None] = [None, "capture", "leave"]


@pytest.mark.parametrize(
    ("amount", "due", "choice", "settled", "captured"),
    [
        pytest.param(60, 100, None, 60, 0, id="part"),
        pytest.param(100, 100, None, 100, 0, id="all"),
        pytest.param(60, 100, "capture", 60, 0, id="part-capture-does-nothing"),
        pytest.param(60, 100, "leave", 60, 0, id="part-leave-does-nothing"),
        pytest.param(100, 100, "capture", 100, 0, id="all-capture-does-nothing"),
        pytest.param(150, 100, "capture", 100, 50, id="too-much-captured"),
        pytest.param(150, 100, "leave", 150, 0, id="too-much-left"),
        pytest.param(5, 0, "capture", 0, 5, id="nothing-due-captured"),
        pytest.param(5, 0, "leave", 5, 0, id="nothing-due-left"),
        pytest.param(5, -30, "capture", 0, 5, id="overpaid-captured"),
        pytest.param(5, -30, "leave", 5, 0, id="overpaid-left"),
    ],
)
def test_r14_a_payment_is_split_between_its_invoice_and_credit(
    amount: int, due: int, choice: OverpaymentChoice | None, settled: int, captured: int
) -> None:
    assert split_payment(amount, due=due, choice=choice) == Split(settled, captured)


@pytest.mark.parametrize(
    ("amount", "due", "excess"),
    [(101, 100, 1), (150, 100, 50), (5, 0, 5), (5, -30, 5)],
    ids=["one-cent", "half-as-much-again", "nothing-due", "overpaid"],
)
def test_r13_an_excess_without_a_choice_is_refused_with_the_excess(amount: int, due: int, excess: int) -> None:
    with pytest.raises(OverpaymentChoiceRequired) as refused:
        split_payment(amount, due=due, choice=None)
    assert refused.value.excess == excess


@given(amount=st.integers(1, 300), due=st.integers(-100, 300), choice=st.sampled_from(CHOICES))
def test_r14_the_parts_of_a_payment_add_up(amount: int, due: int, choice: OverpaymentChoice | None) -> None:
    excess = amount - max(due, 0)
    if excess > 0 and choice is None:
        with pytest.raises(OverpaymentChoiceRequired):
            split_payment(amount, due=due, choice=choice)
        return
    split = split_payment(amount, due=due, choice=choice)
    assert split.settled + split.captured == amount
    assert split.settled >= 0
    assert split.captured == (max(excess, 0) if choice == "capture" else 0)


@pytest.mark.parametrize("method", MONEY)
def test_r14_with_capture_the_invoice_settles_to_its_total_and_all_is_still_collected(method: PaymentMethod) -> None:
    world = World()
    invoice = world.bill(80_00)
    payment = world.pay(invoice, 100_00, "capture", method=method)
    [entry] = world.entries
    assert (entry.kind, entry.amount, entry.payment_id, entry.invoice_id) == (
        EntryKind.CAPTURED,
        20_00,
        payment.id,
        invoice.id,
    )
    assert (payment.amount, payment.collected, payment.settled, payment.captured) == (100_00, 100_00, 80_00, 20_00)
    assert (world.balance, world.due(invoice), world.invoice(invoice).status) == (20_00, 0, "paid")
    assert world.collected() == {method: 100_00}


def test_r14_with_leave_the_whole_amount_is_settled_and_the_invoice_is_overpaid() -> None:
    world = World()
    invoice = world.bill(80_00)
    payment = world.pay(invoice, 100_00, "leave")
    assert (payment.collected, payment.settled, payment.captured) == (100_00, 100_00, 0)
    assert (world.balance, world.due(invoice), world.invoice(invoice).status) == (0, -20_00, "overpaid")
    assert world.entries == []


def test_r13_without_the_choice_nothing_is_saved() -> None:
    world = World()
    invoice = world.bill(80_00)
    before = world.snapshot()
    with pytest.raises(OverpaymentChoiceRequired) as refused:
        world.pay(invoice, 100_00)
    assert refused.value.excess == 20_00
    assert world.snapshot() == before


# Total 100; what was paid and how, then what the amount is edited to.
@pytest.mark.parametrize(
    ("paid", "left", "amount", "choice", "settled", "captured", "due"),
    [
        pytest.param(60_00, None, 40_00, None, 40_00, 0, 60_00, id="lowered"),
        pytest.param(60_00, None, 100_00, None, 100_00, 0, 0, id="raised-to-what-is-due"),
        pytest.param(60_00, None, 70_00, "capture", 70_00, 0, 30_00, id="no-excess-capture-does-nothing"),
        pytest.param(60_00, None, 130_00, "capture", 100_00, 30_00, 0, id="raised-above-captured"),
        pytest.param(60_00, None, 130_00, "leave", 130_00, 0, -30_00, id="raised-above-left"),
        pytest.param(130_00, "leave", 120_00, None, 120_00, 0, -20_00, id="lowered-stays-left"),
        pytest.param(130_00, "leave", 120_00, "capture", 100_00, 20_00, 0, id="lowered-and-captured"),
        pytest.param(130_00, "leave", 90_00, None, 90_00, 0, 10_00, id="lowered-below-what-is-due"),
        pytest.param(130_00, "leave", 150_00, "capture", 100_00, 50_00, 0, id="raised-further-captured"),
    ],
)
def test_r13_an_edit_that_changes_the_amount_splits_it_again(
    paid: int,
    left: OverpaymentChoice | None,
    amount: int,
    choice: OverpaymentChoice | None,
    settled: int,
    captured: int,
    due: int,
) -> None:
    world = World()
    invoice = world.bill(100_00)
    payment = world.edit(world.pay(invoice, paid, left), amount=amount, choice=choice)
    assert (payment.amount, payment.collected, payment.settled, payment.captured) == (
        amount,
        amount,
        settled,
        captured,
    )
    assert (world.due(invoice), world.balance) == (due, captured)


@pytest.mark.parametrize(
    ("paid", "left", "amount", "excess"),
    [(60_00, None, 130_00, 30_00), (130_00, "leave", 131_00, 31_00)],
    ids=["raised-above-what-is-due", "overpaid-and-raised-further"],
)
def test_r13_an_edit_that_raises_the_amount_above_what_is_due_without_it_needs_the_choice(
    paid: int, left: OverpaymentChoice | None, amount: int, excess: int
) -> None:
    world = World()
    payment = world.pay(world.bill(100_00), paid, left)
    before = world.snapshot()
    with pytest.raises(OverpaymentChoiceRequired) as refused:
        world.edit(payment, amount=amount)
    assert refused.value.excess == excess
    assert world.snapshot() == before


def test_r13_what_is_due_without_a_payment_counts_the_other_payments() -> None:
    world = World()
    invoice = world.bill(100_00)
    world.add(30_00)
    world.apply(invoice)
    payment = world.pay(invoice, 20_00)
    with pytest.raises(OverpaymentChoiceRequired) as refused:
        world.edit(payment, amount=80_00)
    assert refused.value.excess == 10_00


def test_r15_an_overpaid_invoice_can_be_captured_later() -> None:
    world = World()
    invoice = world.bill(100_00)
    payment = world.pay(invoice, 130_00, "leave")
    [entry] = world.capture(invoice)
    assert (entry.kind, entry.amount, entry.payment_id) == (EntryKind.CAPTURED, 30_00, payment.id)
    payment = world.payment(payment)
    assert (payment.collected, payment.settled, payment.captured) == (130_00, 100_00, 30_00)
    assert (world.balance, world.due(invoice)) == (30_00, 0)


@pytest.mark.parametrize("paid", [0, 60_00, 100_00], ids=["unpaid", "open", "paid"])
def test_r15_an_invoice_that_is_not_overpaid_is_not_captured(paid: int) -> None:
    world = World()
    invoice = world.bill(100_00)
    if paid:
        world.pay(invoice, paid)
    with pytest.raises(NotOverpaid):
        world.capture(invoice)


def test_r15_capturing_twice_is_refused_the_second_time() -> None:
    world = World()
    invoice = world.bill(100_00)
    world.pay(invoice, 130_00, "leave")
    world.capture(invoice)
    with pytest.raises(NotOverpaid):
        world.capture(invoice)


def test_r15_the_excess_never_comes_from_account_credit_however_new_it_is() -> None:
    world = World()
    invoice = world.bill(100_00)
    cash = world.pay(invoice, 60_00)
    world.add(40_00)
    credit, _ = world.apply(invoice)
    world.change_total(invoice, 70_00)
    [entry] = world.capture(invoice)
    assert (entry.payment_id, entry.amount) == (cash.id, 30_00)
    assert world.payment(credit).settled == 40_00


def test_r15_payments_that_are_deleted_or_settle_nothing_are_passed_over() -> None:
    world = World()
    invoice = world.bill(100_00)
    oldest = world.pay(invoice, 100_00)
    deleted = world.pay(invoice, 50_00, "leave")
    world.pay(invoice, 5_00, "capture")
    world.delete(deleted)
    world.change_total(invoice, 90_00)
    [entry] = world.capture(invoice)
    assert (entry.payment_id, entry.amount) == (oldest.id, 10_00)


def test_r15_a_payments_captured_is_the_sum_of_its_entries_that_are_not_reversed() -> None:
    world = World()
    invoice = world.bill(100_00)
    payment = world.pay(invoice, 150_00, "capture")
    world.change_total(invoice, 80_00)
    [second] = world.capture(invoice)
    assert world.payment(payment).captured == 70_00
    world.void(second)
    assert world.payment(payment).captured == 50_00


def test_r23_a_void_invoice_is_not_captured() -> None:
    world = World()
    invoice = world.bill(100_00)
    world.void_invoice(invoice)
    with pytest.raises(InvoiceVoid):
        world.capture(invoice)


def test_r24_an_invoice_of_a_deleted_client_is_not_captured() -> None:
    world = World()
    invoice = world.bill(100_00)
    world.delete_client()
    with pytest.raises(ClientDeleted):
        world.capture(invoice)


def test_r16_an_invoice_edited_below_what_is_settled_becomes_overpaid_and_can_be_captured() -> None:
    world = World()
    invoice = world.bill(100_00)
    world.pay(invoice, 100_00)
    assert world.change_total(invoice, 70_00).status == "overpaid"
    assert world.due(invoice) == -30_00
    world.capture(invoice)
    assert (world.balance, world.due(invoice)) == (30_00, 0)


def test_r16_an_invoice_cannot_be_edited_below_the_account_credit_applied_to_it() -> None:
    world = World()
    invoice = world.bill(100_00)
    world.add(40_00)
    world.apply(invoice)
    world.pay(invoice, 60_00)
    with pytest.raises(InvoiceBelowAppliedCredit) as refused:
        world.change_total(invoice, 39_99)
    assert refused.value.applied_credit == 40_00
    assert world.change_total(invoice, 40_00).due == -60_00


def test_r16_once_the_credit_is_returned_the_invoice_can_be_edited_below_it() -> None:
    world = World()
    invoice = world.bill(100_00)
    world.add(40_00)
    payment, _ = world.apply(invoice)
    world.delete(payment)
    assert world.change_total(invoice, 0).status == "paid"
