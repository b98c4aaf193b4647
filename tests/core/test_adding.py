"""R5 and R6: putting credit on an account by hand."""

import inspect

import pytest

from core.books import Books
from core.errors import ClientDeleted, InvalidField, RefundExceedsPaid
from core.ledger import ADD_REASONS, AddReason, CreditAccount, EntryKind, Reason
from tests.builders import PAT
from tests.core.world import World


def test_r5_the_reasons_for_adding_are_these_five() -> None:
    assert ADD_REASONS == ("refund", "goodwill", "manual", "correction", "promotion")


@pytest.mark.parametrize("reason", ADD_REASONS)
def test_r5_credit_is_added_with_a_reason_and_a_note(reason: AddReason) -> None:
    world = World()
    entry = world.add(50_00, reason=reason, note="  job ran late ")
    assert (entry.kind, entry.amount, entry.reason, entry.note) == (EntryKind.ADDED, 50_00, reason, "job ran late")
    assert (entry.invoice_id, entry.payment_id, entry.reverses_number) == (None, None, None)
    assert world.balance == 50_00


def test_r1_an_entry_says_its_number_its_balance_who_and_when() -> None:
    world = World()
    first, second = world.add(50_00), world.add(25_00)
    assert [(entry.number, entry.balance_after) for entry in (first, second)] == [(1, 50_00), (2, 75_00)]
    assert (second.by_kind, second.by_id, second.by_name) == (PAT.kind, PAT.id, PAT.name)
    assert (second.at, second.client_id) == (world.now, world.account.client_id)
    assert first.id != second.id


@pytest.mark.parametrize("amount", [0, -1, -50_00], ids=["zero", "one-below", "below"])
def test_r5_only_an_amount_above_zero_is_added(amount: int) -> None:
    world = World()
    with pytest.raises(InvalidField, check=lambda refused: refused.field == "amount"):
        world.add(amount)
    assert world.entries == []


@pytest.mark.parametrize("note", ["", "  \n", "x" * 501], ids=["empty", "blank", "too-long"])
def test_r5_a_note_is_required(note: str) -> None:
    world = World()
    with pytest.raises(InvalidField, check=lambda refused: refused.field == "note"):
        world.add(1, note=note)
    assert world.entries == []


@pytest.mark.parametrize("reason", [reason for reason in ADD_REASONS if reason != "refund"])
def test_r5_an_invoice_named_as_the_origin_is_a_reference_and_does_not_change(reason: AddReason) -> None:
    world = World()
    invoice = world.bill(100_00)
    world.pay(invoice, 30_00)
    before = world.invoice(invoice)
    entry = world.add(500_00, reason=reason, origin=invoice)
    assert entry.invoice_id == invoice.id
    assert world.invoice(invoice) == before


def test_r5_a_refund_that_names_an_invoice_cannot_exceed_what_is_settled_on_it() -> None:
    world = World()
    invoice = world.bill(100_00)
    world.pay(invoice, 60_00)
    with pytest.raises(RefundExceedsPaid) as refused:
        world.add(60_01, reason="refund", origin=invoice)
    assert refused.value.refundable == 60_00
    world.add(60_00, reason="refund", origin=invoice)
    assert world.balance == 60_00


def test_r5_what_was_already_refunded_and_not_voided_counts_against_a_refund() -> None:
    world = World()
    invoice = world.bill(100_00)
    world.pay(invoice, 60_00)
    first = world.add(45_00, reason="refund", origin=invoice)
    with pytest.raises(RefundExceedsPaid) as refused:
        world.add(15_01, reason="refund", origin=invoice)
    assert refused.value.refundable == 15_00
    world.void(first)
    world.add(60_00, reason="refund", origin=invoice)


def test_r5_other_credit_for_the_same_invoice_does_not_count_against_a_refund() -> None:
    world = World()
    invoice = world.bill(100_00)
    world.pay(invoice, 60_00)
    world.add(60_00, reason="goodwill", origin=invoice)
    world.add(60_00, reason="refund", origin=invoice)
    assert world.balance == 120_00


def test_r5_what_can_be_refunded_is_never_told_below_zero() -> None:
    world = World()
    invoice = world.bill(100_00)
    payment = world.pay(invoice, 60_00)
    world.add(60_00, reason="refund", origin=invoice)
    world.delete(payment)
    with pytest.raises(RefundExceedsPaid) as refused:
        world.add(1, reason="refund", origin=invoice)
    assert refused.value.refundable == 0


def test_r5_a_refund_that_names_no_invoice_has_no_such_limit() -> None:
    assert World().add(999_00, reason="refund").reason == Reason.REFUND


def test_r5_the_other_kinds_carry_fixed_reasons() -> None:
    world = World()
    invoice = world.bill(100_00)
    added = world.add(30_00)
    credit, _ = world.apply(invoice)
    cash = world.pay(invoice, 80_00, "capture")
    world.delete(credit)
    world.void(added)
    world.delete(cash)
    assert [(entry.kind, entry.reason) for entry in world.entries[1:]] == [
        (EntryKind.APPLIED, Reason.PAYMENT),
        (EntryKind.CAPTURED, Reason.OVERPAYMENT),
        (EntryKind.RETURNED, Reason.PAYMENT_DELETED),
        (EntryKind.VOIDED, Reason.VOID),
        (EntryKind.VOIDED, Reason.PAYMENT_DELETED),
    ]


@pytest.mark.parametrize("decides", [Books, CreditAccount])
def test_r6_there_is_no_subtracting(decides: type[Books] | type[CreditAccount]) -> None:
    """Every verb is one of the product's; none takes credit away but by applying it or by reversing an entry."""
    verbs = {name for name, _ in inspect.getmembers(decides, inspect.isfunction) if not name.startswith("_")}
    assert verbs <= {
        # what there is
        *("after", "invoice", "applicable", "application", "require_live_client", "require_unspent"),
        # credit
        *("add", "apply", "apply_credit", "capture", "capture_overpayment"),
        *("void", "void_entry", "undo_for_deleted_payment"),
        # the rest
        *("take_payment", "take_bulk_payment", "edit_payment", "delete_payment", "delete_payments"),
        *("edit_invoice", "void_invoice", "delete_client"),
    }


def test_r24_nothing_is_added_to_a_deleted_client() -> None:
    world = World()
    world.delete_client()
    with pytest.raises(ClientDeleted):
        world.add(1)
