"""R24: deleting and restoring a client."""

import pytest

from core.errors import ClientDeleted, ClientHasCredit, ClientHasOverpayment
from tests.core.world import World


def test_r24_a_client_with_credit_cannot_be_deleted() -> None:
    world = World()
    world.add(50_00)
    with pytest.raises(ClientHasCredit) as refused:
        world.delete_client()
    assert refused.value.balance == 50_00
    assert not world.account.closed


def test_r24_a_client_with_an_overpaid_invoice_cannot_be_deleted() -> None:
    world = World()
    world.pay(world.bill(80_00), 100_00, "leave")
    world.pay(world.bill(10_00), 15_00, "leave")
    world.bill(500_00)
    with pytest.raises(ClientHasOverpayment) as refused:
        world.delete_client()
    assert refused.value.overpaid == 25_00
    assert not world.account.closed


def test_r24_capturing_the_overpayment_makes_it_credit_which_still_keeps_the_client() -> None:
    world = World()
    invoice = world.bill(80_00)
    world.pay(invoice, 100_00, "leave")
    world.capture(invoice)
    with pytest.raises(ClientHasCredit):
        world.delete_client()
    world.apply(world.bill(20_00))
    world.delete_client()
    assert world.account.closed


def test_r24_a_client_who_owes_money_can_be_deleted() -> None:
    world = World()
    world.bill(100_00)
    world.delete_client()
    assert world.account.closed


def test_r24_deleting_a_client_changes_neither_ledger_nor_invoices_nor_payments() -> None:
    world = World()
    invoice = world.bill(50_00)
    world.add(50_00)
    world.apply(invoice)
    before = world.snapshot()
    world.delete_client()
    assert world.snapshot()[1:] == before[1:]
    assert (world.account.balance, world.account.last_number, world.account.last_hash) == (
        before.account.balance,
        before.account.last_number,
        before.account.last_hash,
    )


def test_r24_a_deleted_client_is_not_deleted_again() -> None:
    world = World()
    world.delete_client()
    with pytest.raises(ClientDeleted):
        world.delete_client()


def test_r24_a_restored_client_goes_on_where_the_ledger_ended() -> None:
    world = World()
    world.void(world.add(50_00))
    world.delete_client()
    world.restore_client()
    entry = world.add(10_00)
    assert (entry.number, entry.balance_after, entry.previous_hash) == (3, 10_00, world.entries[1].hash)
