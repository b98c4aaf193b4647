"""R7 to R11: spending credit on an invoice, and getting it back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.books import payment_options
from core.errors import InvalidField, InvoiceVoid, NoCredit, NothingDue, PaymentNotEditable
from core.ledger import Application, CappedBy, EntryKind
from core.payments import OverpaymentChoice, PaymentMethod
from tests.builders import NOON, an_account, an_invoice
from tests.core.world import World


@pytest.mark.parametrize(
    ("due", "balance", "asked", "amount", "capped_by"),
    [
        pytest.param(130, 50, None, 50, None, id="nothing-asked-balance-smaller"),
        pytest.param(30, 50, None, 30, None, id="nothing-asked-due-smaller"),
        pytest.param(50, 50, None, 50, None, id="nothing-asked-equal"),
        pytest.param(130, 50, 20, 20, None, id="asked-less-than-possible"),
        pytest.param(130, 50, 50, 50, None, id="asked-exactly-the-balance"),
        pytest.param(30, 50, 30, 30, None, id="asked-exactly-the-due"),
        pytest.param(130, 50, 51, 50, "credit_balance", id="capped-by-the-balance"),
        pytest.param(30, 50, 31, 30, "invoice_due", id="capped-by-the-due"),
        pytest.param(50, 50, 51, 50, "invoice_due", id="both-equal-says-due"),
        pytest.param(30, 50, 51, 30, "invoice_due", id="asked-more-than-both-due-smaller"),
        pytest.param(50, 30, 51, 30, "credit_balance", id="asked-more-than-both-balance-smaller"),
        pytest.param(1, 1, 1, 1, None, id="one-cent"),
    ],
)
def test_r7_applies_the_least_of_due_balance_and_asked_and_says_what_capped_it(
    due: int, balance: int, asked: int | None, amount: int, capped_by: CappedBy | None
) -> None:
    decided = an_account(balance).application(asked, due=due)
    assert decided == Application(amount=amount, requested=asked, capped_by=capped_by)


@given(due=st.integers(1, 200), balance=st.integers(1, 200), asked=st.none() | st.integers(1, 300))
def test_r7_never_more_than_due_balance_or_asked_and_never_less_than_possible(
    due: int, balance: int, asked: int | None
) -> None:
    decided = an_account(balance).application(asked, due=due)
    assert decided.amount == min(value for value in (due, balance, asked) if value is not None)
    assert (decided.capped_by is None) == (asked is None or asked == decided.amount)


@pytest.mark.parametrize(
    ("due", "balance", "refusal"),
    [
        (0, 50, NothingDue),
        (-30, 50, NothingDue),
        (130, 0, NoCredit),
        (0, 0, NothingDue),
    ],
    ids=["paid", "overpaid", "no-credit", "neither"],
)
@pytest.mark.parametrize("asked", [None, 10])
def test_r8_nothing_due_or_no_credit_is_refused(
    due: int, balance: int, refusal: type[Exception], asked: int | None
) -> None:
    with pytest.raises(refusal):
        an_account(balance).application(asked, due=due)


def test_r8_what_is_refused_writes_nothing() -> None:
    world = World()
    paid = world.bill(0)
    world.add(50_00)
    before = world.snapshot()
    with pytest.raises(NothingDue):
        world.apply(paid)
    assert world.snapshot() == before


@pytest.mark.parametrize("asked", [0, -1], ids=["zero", "below-zero"])
def test_r8_asking_for_zero_is_a_fault_and_never_means_all(asked: int) -> None:
    world = World()
    invoice = world.bill(100_00)
    world.add(50_00)
    with pytest.raises(InvalidField):
        world.apply(invoice, asked)
    assert world.balance == 50_00


def test_applying_makes_a_payment_and_an_entry_that_belong_together() -> None:
    world = World()
    invoice = world.bill(130_00)
    world.add(50_00)
    payment, _ = world.apply(invoice, 20_00)
    entry = world.entries[-1]
    assert (entry.kind, entry.amount, entry.payment_id, entry.invoice_id) == (
        EntryKind.APPLIED,
        -20_00,
        payment.id,
        invoice.id,
    )
    assert payment.method == PaymentMethod.ACCOUNT_CREDIT
    assert (payment.amount, payment.collected, payment.settled, payment.captured) == (20_00, 0, 20_00, 0)
    invoice = world.invoice(invoice)
    assert (invoice.due, invoice.settled, invoice.credit_applied) == (110_00, 20_00, 20_00)


def test_credit_is_not_a_discount() -> None:
    world = World()
    invoice = world.bill(130_00)
    world.add(50_00)
    world.apply(invoice)
    assert world.invoice(invoice).total == 130_00


@pytest.mark.parametrize(
    ("total", "settled", "balance", "applicable", "offer"),
    [
        pytest.param(130, 0, 50, 50, True, id="both-above-zero"),
        pytest.param(130, 100, 50, 30, True, id="partly-paid"),
        pytest.param(130, 0, 0, 0, False, id="no-credit"),
        pytest.param(130, 130, 50, 0, False, id="nothing-due"),
        pytest.param(130, 160, 50, 0, False, id="overpaid"),
        pytest.param(0, 0, 0, 0, False, id="neither"),
    ],
)
def test_r9_starting_a_payment_tells_due_balance_and_whether_to_offer_credit(
    total: int, settled: int, balance: int, applicable: int, offer: bool
) -> None:
    options = payment_options(an_account(balance), an_invoice(total, settled=settled))
    assert (options.due, options.credit_balance) == (total - settled, balance)
    assert (options.applicable_credit, options.offer_credit) == (applicable, offer)
    assert (PaymentMethod.ACCOUNT_CREDIT in options.methods) == offer
    assert set(PaymentMethod) - set(options.methods) <= {PaymentMethod.ACCOUNT_CREDIT}


@given(total=st.integers(0, 200), settled=st.integers(0, 300), balance=st.integers(0, 200))
def test_r9_what_is_offered_is_exactly_what_would_be_applied(total: int, settled: int, balance: int) -> None:
    account, invoice = an_account(balance), an_invoice(total, settled=settled)
    options = payment_options(account, invoice)
    if options.offer_credit:
        assert account.application(None, due=invoice.due).amount == options.applicable_credit
    else:
        assert options.applicable_credit == 0
        with pytest.raises((NothingDue, NoCredit)):
            account.application(None, due=invoice.due)


def test_r23_a_void_invoice_offers_no_way_to_pay() -> None:
    options = payment_options(an_account(50), an_invoice(130, voided_at=NOON))
    assert (options.due, options.applicable_credit, options.offer_credit, options.methods) == (0, 0, False, ())


def test_r24_an_invoice_of_a_deleted_client_offers_no_way_to_pay() -> None:
    options = payment_options(an_account(closed=True), an_invoice(130))
    assert (options.due, options.offer_credit, options.methods) == (130, False, ())


def test_r23_a_void_invoice_takes_no_credit() -> None:
    world = World()
    invoice = world.bill(100_00)
    world.add(50_00)
    world.void_invoice(invoice)
    with pytest.raises(InvoiceVoid):
        world.apply(invoice)


@pytest.mark.parametrize(
    ("amount", "choice", "reference"),
    [(30_00, None, None), (None, None, "check 12"), (None, "leave", None), (None, None, None)],
    ids=["amount", "reference", "choice", "nothing"],
)
def test_r10_an_account_credit_payment_cannot_be_edited(
    amount: int | None, choice: OverpaymentChoice | None, reference: str | None
) -> None:
    world = World()
    world.add(50_00)
    payment, _ = world.apply(world.bill(100_00))
    before = world.snapshot()
    with pytest.raises(PaymentNotEditable) as refused:
        world.edit(payment, amount=amount, choice=choice, reference=reference)
    assert refused.value.reason == "account_credit"
    assert world.snapshot() == before


def test_r11_deleting_an_account_credit_payment_returns_its_credit_and_raises_what_is_due() -> None:
    world = World()
    invoice = world.bill(130_00)
    world.add(50_00)
    payment, _ = world.apply(invoice)
    applied = world.entries[-1]
    [returned] = world.delete(payment)
    assert (returned.kind, returned.amount, returned.reverses_number) == (EntryKind.RETURNED, 50_00, applied.number)
    assert (returned.payment_id, returned.invoice_id, returned.note) == (payment.id, invoice.id, None)
    assert returned.reverses_kind == EntryKind.APPLIED
    assert (world.balance, world.due(invoice), world.invoice(invoice).credit_applied) == (50_00, 130_00, 0)


def test_r11_credit_is_returned_even_when_other_credit_was_spent_since() -> None:
    world = World()
    world.add(50_00)
    first, _ = world.apply(world.bill(50_00))
    world.add(10_00)
    world.apply(world.bill(10_00))
    assert world.balance == 0
    world.delete(first)
    assert world.balance == 50_00
