"""R12: money for several invoices of one client at once."""

import pytest

from core.errors import (
    AccountCreditNotInBulk,
    AllocationExceedsDue,
    ClientDeleted,
    CreditAlreadySpent,
    InvoiceVoid,
    PaymentDeleted,
)
from core.payments import PaymentMethod
from tests.core.world import World

MONEY = [method for method in PaymentMethod if method != PaymentMethod.ACCOUNT_CREDIT]


@pytest.mark.parametrize("method", MONEY)
def test_r12_a_bulk_payment_is_one_payment_for_each_invoice_sharing_a_bulk_id(method: PaymentMethod) -> None:
    world = World()
    one, other = world.bill(100_00), world.bill(50_00)
    payments = world.pay_together([(one, 100_00), (other, 20_00)], method=method)
    assert [(payment.invoice_id, payment.amount, payment.settled) for payment in payments] == [
        (one.id, 100_00, 100_00),
        (other.id, 20_00, 20_00),
    ]
    assert {payment.method for payment in payments} == {method}
    assert len({payment.bulk_payment_id for payment in payments}) == 1
    assert payments[0].bulk_payment_id is not None
    assert (world.due(one), world.due(other)) == (0, 30_00)
    assert world.entries == []


def test_r12_account_credit_is_refused_in_a_bulk_payment() -> None:
    world = World()
    world.add(500_00)
    one, other = world.bill(100_00), world.bill(50_00)
    before = world.snapshot()
    with pytest.raises(AccountCreditNotInBulk):
        world.pay_together([(one, 10_00), (other, 10_00)], method=PaymentMethod.ACCOUNT_CREDIT)
    assert world.snapshot() == before


@pytest.mark.parametrize("place", [0, 1, 2])
def test_r12_no_part_may_exceed_what_is_due_and_then_nothing_is_paid(place: int) -> None:
    world = World()
    invoices = [world.bill(100_00), world.bill(50_00), world.bill(20_00)]
    parts = [(invoice, invoice.total + (invoice is invoices[place])) for invoice in invoices]
    before = world.snapshot()
    with pytest.raises(AllocationExceedsDue) as refused:
        world.pay_together(parts)
    assert (refused.value.allocation, refused.value.due) == (place, invoices[place].total)
    assert world.snapshot() == before


@pytest.mark.parametrize("paid", [50_00, 80_00], ids=["paid", "overpaid"])
def test_r12_an_invoice_with_nothing_due_takes_nothing_in_bulk(paid: int) -> None:
    world = World()
    one, other = world.bill(100_00), world.bill(50_00)
    world.pay(other, paid, "leave")
    with pytest.raises(AllocationExceedsDue) as refused:
        world.pay_together([(one, 1), (other, 1)])
    assert (refused.value.allocation, refused.value.due) == (1, 0)


def test_r23_a_void_invoice_takes_nothing_in_bulk() -> None:
    world = World()
    one, void = world.bill(100_00), world.bill(50_00)
    world.void_invoice(void)
    with pytest.raises(InvoiceVoid):
        world.pay_together([(one, 1), (void, 1)])
    assert world.payments == {}


def test_r24_a_deleted_client_pays_nothing_in_bulk() -> None:
    world = World()
    one, other = world.bill(100_00), world.bill(50_00)
    world.delete_client()
    with pytest.raises(ClientDeleted):
        world.pay_together([(one, 1), (other, 1)])


def test_r12_each_part_can_be_deleted_alone_and_the_rest_together() -> None:
    world = World()
    bills = [world.bill(100_00), world.bill(50_00), world.bill(20_00)]
    payments = world.pay_together([(bill, bill.total) for bill in bills])
    world.delete(payments[1])
    assert [world.due(bill) for bill in bills] == [0, 50_00, 0]
    world.delete_together([world.payment(payment) for payment in payments])
    assert [world.due(bill) for bill in bills] == [100_00, 50_00, 20_00]
    assert world.live_payments() == []
    deleted_at = [world.payment(payment).deleted_at for payment in payments]
    assert deleted_at[1] != deleted_at[0] == deleted_at[2]


def test_r22_a_bulk_payment_without_live_parts_is_deleted_already() -> None:
    world = World()
    payments = world.pay_together([(world.bill(100_00), 1), (world.bill(50_00), 1)])
    world.delete_together(payments)
    with pytest.raises(PaymentDeleted):
        world.delete_together(payments)


def test_r21_deleting_a_bulk_payment_voids_all_its_captured_credit_or_tells_one_shortfall() -> None:
    world = World()
    one, other = world.bill(100_00), world.bill(50_00)
    payments = world.pay_together([(one, 100_00), (other, 50_00)])
    world.change_total(one, 70_00)
    world.change_total(other, 30_00)
    captured = [*world.capture(one), *world.capture(other)]
    spending, _ = world.apply(world.bill(35_00))
    assert world.balance == 15_00

    before = world.snapshot()
    with pytest.raises(CreditAlreadySpent) as refused:
        world.delete_together(payments)
    assert refused.value.shortfall == 35_00
    assert world.snapshot() == before

    world.delete(spending)
    voids = world.delete_together(payments)
    assert [(void.amount, void.reverses_number) for void in voids] == [(-e.amount, e.number) for e in captured]
    assert (world.balance, world.due(one), world.due(other)) == (0, 70_00, 30_00)
