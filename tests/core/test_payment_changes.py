"""R21 and R22: editing and deleting payments with money."""

from collections.abc import Callable
from datetime import date

import msgspec
import pytest

from core.books import Books
from core.errors import ClientDeleted, CreditAlreadySpent, PaymentDeleted, PaymentNotEditable
from core.ledger import EntryKind, Reason
from core.payments import Payment, PaymentEdit, PaymentMethod
from tests.builders import PAT, a_payment, a_posted_entry, a_recorder, an_account, an_invoice
from tests.core.world import World


def captured_payment() -> tuple[World, Payment]:
    world = World()
    return world, world.pay(world.bill(80_00), 100_00, "capture")


def test_r21_deleting_a_payment_voids_its_captured_credit_in_the_same_step() -> None:
    world, payment = captured_payment()
    [captured] = world.entries
    [void] = world.delete(payment)
    assert (void.kind, void.reason, void.amount, void.note) == (
        EntryKind.VOIDED,
        Reason.PAYMENT_DELETED,
        -20_00,
        None,
    )
    assert (void.reverses_number, void.payment_id) == (captured.number, payment.id)
    assert world.balance == 0
    deleted = world.payment(payment)
    assert (deleted.collected, deleted.settled, deleted.captured) == (100_00, 100_00, 0)
    assert [world.due(invoice) for invoice in world.invoices.values()] == [80_00]


def test_r21_deleting_a_payment_whose_captured_credit_was_spent_is_refused_and_nothing_happens() -> None:
    world, payment = captured_payment()
    world.apply(world.bill(15_00))
    before = world.snapshot()
    with pytest.raises(CreditAlreadySpent) as refused:
        world.delete(payment)
    assert refused.value.shortfall == 15_00
    assert world.snapshot() == before


def test_r21_captured_credit_that_was_voided_before_is_not_voided_again_when_its_payment_is_deleted() -> None:
    world, payment = captured_payment()
    world.void(world.entries[0])
    assert world.delete(payment) == ()
    assert world.balance == 0


def test_r21_an_entry_that_was_reversed_before_is_passed_over_even_if_it_is_at_hand() -> None:
    invoice = an_invoice(100_00, settled=60_00)
    payment = a_payment(60_00, invoice_id=invoice.id)
    voided = a_posted_entry(EntryKind.CAPTURED, 20_00, already_reversed=True)
    entry = msgspec.structs.replace(voided, payment_id=payment.id, invoice_id=invoice.id)
    books = Books(account=an_account(50_00), invoices=(invoice,), payments=(payment,), entries=(entry,))
    assert books.delete_payment(payment.id, recorder=a_recorder()).entries == ()


def test_r21_deleting_a_payment_without_captured_credit_touches_no_credit() -> None:
    world = World()
    invoice = world.bill(100_00)
    payment = world.pay(invoice, 60_00)
    assert world.delete(payment) == ()
    assert world.due(invoice) == 100_00


@pytest.mark.parametrize("amount", [99_99, 100_01, 80_00], ids=["lower", "higher", "what-it-settles"])
def test_r21_while_a_payment_has_captured_credit_its_amount_cannot_change(amount: int) -> None:
    world, payment = captured_payment()
    before = world.snapshot()
    with pytest.raises(PaymentNotEditable) as refused:
        world.edit(payment, amount=amount, choice="capture")
    assert refused.value.reason == "captured_credit"
    assert world.snapshot() == before


def test_r21_while_a_payment_has_captured_credit_its_method_reference_and_date_can_change() -> None:
    payment = a_payment(100_00, captured=20_00)
    edit = PaymentEdit(
        amount=100_00,
        method="check",
        reference="check 4711",
        received_on=date(2026, 2, 27),
        overpayment="leave",
    )
    new = payment.edit(edit, invoice_due=0)
    assert (new.method, new.reference, new.received_on) == (PaymentMethod.CHECK, "check 4711", date(2026, 2, 27))
    assert (new.amount, new.collected, new.settled, new.captured) == (100_00, 100_00, 80_00, 20_00)


def test_r21_once_the_captured_credit_is_voided_the_amount_can_change() -> None:
    world, payment = captured_payment()
    world.void(world.entries[0])
    assert world.edit(payment, amount=80_00).settled == 80_00


def test_a_reference_can_be_taken_away_and_what_an_edit_does_not_name_stays() -> None:
    world = World()
    payment = world.pay(world.bill(100_00), 60_00)
    payment = world.edit(payment, reference="check 12")
    assert world.edit(payment, method="check").reference == "check 12"
    assert world.edit(payment, reference=None).reference is None
    assert world.payment(payment).method == PaymentMethod.CHECK


def test_r22_an_edit_keeps_the_old_values_and_who_changed_them_when() -> None:
    world = World()
    payment = world.pay(world.bill(100_00), 60_00)
    world.edit(payment, amount=130_00, choice="capture", method="card", reference="terminal 2")
    [change] = world.changes
    assert (change.payment_id, change.client_id) == (payment.id, payment.client_id)
    assert (change.method, change.amount, change.settled, change.captured) == (payment.method, 60_00, 60_00, 0)
    assert (change.reference, change.received_on) == (payment.reference, payment.received_on)
    assert (change.by_kind, change.by_id, change.by_name, change.at) == (PAT.kind, PAT.id, PAT.name, world.now)


def test_r22_an_edit_that_changes_nothing_leaves_no_trace() -> None:
    world = World()
    payment = world.pay(world.bill(100_00), 60_00)
    before = world.snapshot()
    world.edit(payment, amount=60_00, method="cash", choice="capture")
    assert world.snapshot() == before


def test_r22_a_deleted_payment_is_kept_with_who_deleted_it_and_when() -> None:
    world = World()
    payment = world.pay(world.bill(100_00), 60_00)
    world.delete(payment)
    deleted = world.payment(payment)
    assert (deleted.deleted_by_kind, deleted.deleted_by_id, deleted.deleted_by_name) == (PAT.kind, PAT.id, PAT.name)
    assert deleted.deleted_at == world.now
    assert (deleted.amount, deleted.method, deleted.received_on) == (60_00, payment.method, payment.received_on)


@pytest.mark.parametrize("method", PaymentMethod)
def test_r22_deleting_a_payment_again_is_refused(method: PaymentMethod) -> None:
    world = World()
    invoice = world.bill(100_00)
    world.add(50_00)
    if method == PaymentMethod.ACCOUNT_CREDIT:
        payment = world.apply(invoice).payment
    else:
        payment = world.pay(invoice, 60_00, method=method)
    world.delete(payment)
    before = world.snapshot()
    with pytest.raises(PaymentDeleted):
        world.delete(payment)
    assert world.snapshot() == before


def test_r22_a_deleted_payment_is_not_edited() -> None:
    world = World()
    payment = world.pay(world.bill(100_00), 60_00)
    world.delete(payment)
    with pytest.raises(PaymentDeleted):
        world.edit(payment, reference="check 12")


def test_r17_neither_a_deleted_payment_nor_account_credit_counts_as_collected() -> None:
    world = World()
    invoice = world.bill(100_00)
    world.add(20_00)
    world.apply(invoice)
    world.pay(invoice, 30_00, method=PaymentMethod.CARD)
    deleted = world.pay(invoice, 10_00)
    world.pay(invoice, 70_00, "capture", method=PaymentMethod.CHECK)
    world.delete(deleted)
    assert world.collected() == {PaymentMethod.CARD: 30_00, PaymentMethod.CHECK: 70_00}


VERBS: dict[str, Callable[[Books, Payment], object]] = {
    "edit": lambda books, payment: books.edit_payment(payment.id, PaymentEdit(reference="12"), recorder=a_recorder()),
    "delete": lambda books, payment: books.delete_payment(payment.id, recorder=a_recorder()),
    "delete_together": lambda books, _: books.delete_payments(recorder=a_recorder()),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
def test_r24_payments_of_a_deleted_client_do_not_change(verb: Callable[[Books, Payment], object]) -> None:
    invoice = an_invoice(100_00, settled=60_00)
    payment = a_payment(60_00, invoice_id=invoice.id)
    books = Books(account=an_account(closed=True), invoices=(invoice,), payments=(payment,))
    with pytest.raises(ClientDeleted):
        verb(books, payment)
