"""The examples that the rules come with, step by step."""

import pytest

from core.errors import CreditAlreadySpent
from core.ledger import LedgerEntry
from core.payments import PaymentMethod
from tests.core.world import Card, World


def lines(entries: tuple[LedgerEntry, ...] | list[LedgerEntry]) -> list[tuple[int, str, int, int | None]]:
    """What a ledger grid shows of entries: number, kind, amount, which entry is reversed."""
    return [(entry.number, str(entry.kind), entry.amount, entry.reverses_number) for entry in entries]


def test_worked_example() -> None:
    world = World()
    inv_1 = world.bill(130_00)

    goodwill = world.add(50_00, reason="goodwill", note="job ran late")
    assert (world.balance, world.due(inv_1)) == (50_00, 130_00)

    credit, application = world.apply(inv_1)
    assert (application.amount, application.requested, application.capped_by) == (50_00, None, None)
    assert (world.balance, world.due(inv_1)) == (0, 80_00)
    assert (credit.collected, credit.settled, credit.captured) == (0, 50_00, 0)

    cash = world.pay(inv_1, 100_00, "capture")
    assert (world.balance, world.due(inv_1)) == (20_00, 0)
    assert (cash.collected, cash.settled, cash.captured) == (100_00, 80_00, 20_00)
    assert world.card() == Card(invoiced=130_00, paid=130_00, due=0, overpaid=0, credit=20_00)
    assert world.collected() == {PaymentMethod.CASH: 100_00}

    with pytest.raises(CreditAlreadySpent) as refused:
        world.void(goodwill)
    assert refused.value.shortfall == 30_00
    assert world.balance == 20_00

    world.delete(credit)
    assert (world.balance, world.due(inv_1)) == (70_00, 50_00)

    world.void(goodwill)
    assert (world.balance, world.due(inv_1)) == (20_00, 50_00)

    world.delete(cash)
    assert (world.balance, world.due(inv_1)) == (0, 130_00)

    assert lines(world.entries) == [
        (1, "added", 50_00, None),
        (2, "applied", -50_00, None),
        (3, "captured", 20_00, None),
        (4, "returned", 50_00, 2),
        (5, "voided", -50_00, 1),
        (6, "voided", -20_00, 3),
    ]
    assert [entry.balance_after for entry in world.entries] == [50_00, 0, 20_00, 70_00, 20_00, 0]

    world.delete_client()
    assert world.account.closed


def test_an_edited_invoice_is_captured_from_the_newest_payment_first() -> None:
    world = World()
    invoice = world.bill(100_00)
    cash = world.pay(invoice, 60_00)
    card = world.pay(invoice, 40_00, method=PaymentMethod.CARD)
    world.change_total(invoice, 50_00)

    from_card, from_cash = world.capture(invoice)
    assert (from_card.payment_id, from_card.amount) == (card.id, 40_00)
    assert (from_cash.payment_id, from_cash.amount) == (cash.id, 10_00)
    assert (world.balance, world.due(invoice)) == (50_00, 0)

    assert lines(world.delete(card)) == [(3, "voided", -40_00, from_card.number)]
    assert (world.balance, world.due(invoice)) == (10_00, 0)


def _captured_twice() -> tuple[World, LedgerEntry, LedgerEntry]:
    world = World()
    invoice = world.bill(100_00)
    cash = world.pay(invoice, 150_00, "capture")
    assert cash.captured == 50_00
    world.change_total(invoice, 80_00)
    [second] = world.capture(invoice)
    assert (second.payment_id, second.amount) == (cash.id, 20_00)
    cash = world.payment(cash)
    assert (cash.collected, cash.settled, cash.captured) == (150_00, 80_00, 70_00)
    return world, world.entries[0], second


def test_a_payment_captured_twice_has_both_entries_voided_when_it_is_deleted() -> None:
    world, first, second = _captured_twice()
    [cash] = world.live_payments()
    assert lines(world.delete(cash)) == [
        (3, "voided", -50_00, first.number),
        (4, "voided", -20_00, second.number),
    ]
    assert world.balance == 0


def test_a_payment_captured_twice_has_neither_entry_voided_when_the_balance_does_not_allow_both() -> None:
    world, _, _ = _captured_twice()
    [cash] = world.live_payments()
    world.apply(world.bill(60_00))
    before = world.snapshot()
    with pytest.raises(CreditAlreadySpent) as refused:
        world.delete(cash)
    assert refused.value.shortfall == 60_00
    assert world.snapshot() == before


def test_of_two_equal_entries_of_which_one_was_spent_only_one_can_be_voided() -> None:
    world = World()
    invoice = world.bill(50_00)
    first = world.add(50_00)
    spent, _ = world.apply(invoice)
    second = world.add(50_00)
    world.void(first)
    assert world.balance == 0
    with pytest.raises(CreditAlreadySpent) as refused:
        world.void(second)
    assert refused.value.shortfall == 50_00
    # What the refusal names as having spent it: the one live payment with Account Credit.
    assert [payment.id for payment in world.live_payments() if payment.by_credit] == [spent.id]


def test_on_an_overpaid_invoice_all_of_a_payment_is_excess() -> None:
    world = World()
    invoice = world.bill(100_00)
    world.pay(invoice, 130_00, "leave")
    assert world.due(invoice) == -30_00
    cash = world.pay(invoice, 5_00, "capture")
    assert (cash.settled, cash.captured) == (0, 5_00)
    assert (world.balance, world.due(invoice)) == (5_00, -30_00)


def test_the_card_does_not_set_what_is_overpaid_on_one_invoice_off_against_what_is_due_on_another() -> None:
    world = World()
    world.pay(world.bill(100_00), 130_00, "leave")
    world.bill(50_00)
    card = world.card()
    assert (card.due, card.overpaid) == (50_00, 30_00)
    assert card.invoiced - card.paid == card.due - card.overpaid
