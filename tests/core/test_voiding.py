"""R18 to R20: reversing an added or a captured entry."""

import pytest

from core.errors import AlreadyVoided, ClientDeleted, CreditAlreadySpent, EntryNotVoidable, InvalidField
from core.ledger import EntryKind, Reason
from tests.builders import a_posted_entry, a_recorder, an_account
from tests.core.world import World


def test_r18_a_void_is_one_opposite_entry_that_names_the_one_it_reverses() -> None:
    world = World()
    added = world.add(50_00)
    void = world.void(added, note=" entered twice ")
    assert (void.number, void.kind, void.amount, void.balance_after) == (2, EntryKind.VOIDED, -50_00, 0)
    assert (void.reason, void.note) == (Reason.VOID, "entered twice")
    assert (void.reverses_number, void.reverses_kind) == (added.number, EntryKind.ADDED)
    assert world.entries[0] == added


def test_r18_the_void_of_an_entry_for_an_invoice_names_that_invoice_too() -> None:
    world = World()
    invoice = world.bill(100_00)
    before = world.invoice(invoice)
    void = world.void(world.add(50_00, origin=invoice))
    assert (void.invoice_id, void.payment_id) == (invoice.id, None)
    assert world.invoice(invoice) == before


@pytest.mark.parametrize("note", ["", " \t", "x" * 501], ids=["empty", "blank", "too-long"])
def test_r18_a_void_needs_a_note(note: str) -> None:
    world = World()
    added = world.add(50_00)
    with pytest.raises(InvalidField, check=lambda refused: refused.field == "note"):
        world.void(added, note=note)
    assert world.balance == 50_00


def test_r18_a_second_void_is_refused_even_when_the_balance_would_allow_it() -> None:
    world = World()
    added = world.add(50_00)
    world.add(50_00)
    world.void(added)
    with pytest.raises(AlreadyVoided):
        world.void(added)
    assert world.balance == 50_00


def test_r18_a_captured_entry_that_was_voided_with_its_payment_is_not_voided_again() -> None:
    world = World()
    payment = world.pay(world.bill(80_00), 100_00, "capture")
    [captured] = world.entries
    world.delete(payment)
    world.add(100_00)
    with pytest.raises(AlreadyVoided):
        world.void(captured)


@pytest.mark.parametrize("kind", [EntryKind.APPLIED, EntryKind.VOIDED, EntryKind.RETURNED])
@pytest.mark.parametrize("already", [False, True], ids=["unreversed", "reversed"])
def test_r18_applied_voided_and_returned_entries_cannot_be_voided(kind: EntryKind, already: bool) -> None:
    amount = 50_00 if kind == EntryKind.RETURNED else -50_00
    with pytest.raises(EntryNotVoidable) as refused:
        an_account(100_00).void(
            a_posted_entry(kind, amount, already_reversed=already), note="oops", recorder=a_recorder()
        )
    assert refused.value.kind == kind


@pytest.mark.parametrize(
    ("balance", "amount", "shortfall"),
    [(20_00, 50_00, 30_00), (0, 50_00, 50_00), (49_99, 50_00, 1)],
    ids=["partly-spent", "all-spent", "one-cent"],
)
@pytest.mark.parametrize("kind", [EntryKind.ADDED, EntryKind.CAPTURED])
def test_r19_a_void_that_would_take_the_balance_below_zero_is_refused_with_the_shortfall(
    kind: EntryKind, balance: int, amount: int, shortfall: int
) -> None:
    with pytest.raises(CreditAlreadySpent) as refused:
        an_account(balance).void(a_posted_entry(kind, amount), note="oops", recorder=a_recorder())
    assert refused.value.shortfall == shortfall


def test_r19_a_void_may_take_the_balance_to_exactly_zero() -> None:
    void = an_account(50_00).void(a_posted_entry(amount=50_00), note="oops", recorder=a_recorder())
    assert void.balance_after == 0


def test_r19_once_the_payments_that_spent_it_are_deleted_the_credit_can_be_voided() -> None:
    world = World()
    added = world.add(50_00)
    spending = [world.apply(world.bill(20_00)).payment, world.apply(world.bill(100_00)).payment]
    for payment in reversed(spending):
        with pytest.raises(CreditAlreadySpent):
            world.void(added)
        world.delete(payment)
    world.void(added)
    assert world.balance == 0


def test_r20_voiding_a_captured_entry_makes_its_payment_settle_that_amount_again() -> None:
    world = World()
    invoice = world.bill(80_00)
    payment = world.pay(invoice, 100_00, "capture")
    void = world.void(world.entries[0])
    assert (void.payment_id, void.invoice_id, void.reverses_kind) == (payment.id, invoice.id, EntryKind.CAPTURED)
    payment = world.payment(payment)
    assert (payment.amount, payment.collected, payment.settled, payment.captured) == (100_00, 100_00, 100_00, 0)
    assert (world.balance, world.due(invoice)) == (0, -20_00)


def test_r20_a_voided_capture_leaves_the_books_as_if_the_offer_had_been_declined() -> None:
    captured, declined = World(), World()
    bills = captured.bill(80_00), declined.bill(80_00)
    kept = captured.pay(bills[0], 100_00, "capture")
    left = declined.pay(bills[1], 100_00, "leave")
    captured.void(captured.entries[0])
    kept = captured.payment(kept)
    assert (kept.settled, kept.captured) == (left.settled, left.captured)
    assert captured.card() == declined.card()


def test_r20_voiding_a_capture_pays_an_invoice_whose_total_has_grown_since() -> None:
    world = World()
    invoice = world.bill(80_00)
    world.pay(invoice, 100_00, "capture")
    world.change_total(invoice, 130_00)
    world.void(world.entries[0])
    assert world.due(invoice) == 30_00


def test_r20_what_was_voided_can_be_captured_again_as_a_new_entry() -> None:
    world = World()
    invoice = world.bill(80_00)
    payment = world.pay(invoice, 100_00, "capture")
    world.void(world.entries[0])
    [again] = world.capture(invoice)
    assert (again.number, again.amount, again.payment_id) == (3, 20_00, payment.id)
    assert (world.balance, world.due(invoice)) == (20_00, 0)


def test_r24_no_entry_of_a_deleted_client_is_voided() -> None:
    world = World()
    added = world.add(50_00)
    world.void(added)
    world.delete_client()
    with pytest.raises(ClientDeleted):
        world.void(added)
