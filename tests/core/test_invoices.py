"""What an invoice says, what is due on it, and R23: voiding it."""

from collections.abc import Callable
from datetime import date

import msgspec
import pytest

from core.errors import ClientDeleted, InvalidField, InvoiceHasPayments, InvoiceVoid
from core.invoices import Invoice, InvoiceContent, InvoiceLine
from core.money import MAX_AMOUNT
from tests.builders import NOON, an_invoice, invoice_content
from tests.core.world import World


def content(*lines: tuple[int | str, int], tax: int = 0) -> InvoiceContent:
    """An invoice with these quantities and unit prices."""
    return InvoiceContent(
        number="INV-1",
        issued_on=date(2026, 3, 2),
        vehicle="2014 Outback",
        lines=tuple(InvoiceLine(description="Work", quantity=quantity, unit_price=price) for quantity, price in lines),
        tax=tax,
    )


@pytest.mark.parametrize(
    ("invoice", "total"),
    [
        pytest.param(content(), 0, id="empty"),
        pytest.param(content((1, 120_00), tax=10_00), 130_00, id="with-tax"),
        pytest.param(content(("1.5", 95_00), (4, 12_50)), 192_50, id="two-lines"),
        pytest.param(content((1, 100_00), (1, -20_00)), 80_00, id="discount"),
        pytest.param(content((1, 100_00), (1, -100_00)), 0, id="discounted-to-nothing"),
        pytest.param(content(("0.5", 1), ("0.5", 1)), 2, id="each-line-rounded"),
        pytest.param(content((1, MAX_AMOUNT)), MAX_AMOUNT, id="largest"),
    ],
)
def test_a_total_is_its_lines_each_rounded_and_its_tax(invoice: InvoiceContent, total: int) -> None:
    assert invoice.total == total


@pytest.mark.parametrize(
    "invoice",
    [content((1, 20_00), (1, -20_01)), content((1, MAX_AMOUNT), tax=1), content(("1.1", MAX_AMOUNT))],
    ids=["below-zero", "tax-on-top", "too-large"],
)
def test_a_total_below_zero_or_out_of_range_is_a_fault_of_the_lines(invoice: InvoiceContent) -> None:
    with pytest.raises(InvalidField) as refused:
        _ = invoice.total
    assert refused.value.field == "lines"


SHOWN = content((1, 120_00), tax=10_00)


@pytest.mark.parametrize(
    "other",
    [
        msgspec.structs.replace(SHOWN, number="INV-2"),
        msgspec.structs.replace(SHOWN, issued_on=date(2026, 3, 3)),
        msgspec.structs.replace(SHOWN, vehicle=None),
        msgspec.structs.replace(SHOWN, tax=9_00),
        content((1, 120_01), tax=10_00),
        content((2, 120_00), tax=10_00),
        content((1, 100_00), (1, 20_00), tax=10_00),
        content((1, 20_00), (1, 100_00), tax=10_00),
    ],
    ids=["number", "date", "vehicle", "tax", "price", "quantity", "lines", "lines-turned"],
)
def test_an_invoice_that_says_something_else_has_another_digest(other: InvoiceContent) -> None:
    assert content((1, 120_00), tax=10_00).digest == SHOWN.digest
    assert other.digest != SHOWN.digest


@pytest.mark.parametrize(
    ("total", "settled", "due", "status"),
    [
        (100, 0, 100, "open"),
        (100, 99, 1, "open"),
        (100, 100, 0, "paid"),
        (0, 0, 0, "paid"),
        (100, 101, -1, "overpaid"),
        (0, 5, -5, "overpaid"),
    ],
)
def test_an_invoices_status_follows_from_what_is_due(total: int, settled: int, due: int, status: str) -> None:
    invoice = an_invoice(total, settled=settled)
    assert (invoice.due, invoice.status) == (due, status)


def test_r23_a_void_invoice_has_nothing_due() -> None:
    invoice = an_invoice(100, voided_at=NOON)
    assert (invoice.due, invoice.status) == (0, "void")


def test_r23_an_invoice_with_live_payments_cannot_be_voided_until_they_are_deleted() -> None:
    world = World()
    invoice = world.bill(100_00)
    world.add(50_00)
    credit, cash = world.apply(invoice, 10_00).payment, world.pay(invoice, 10_00)
    for payment in (credit, cash):
        with pytest.raises(InvoiceHasPayments):
            world.void_invoice(invoice)
        world.delete(payment)
    voided = world.void_invoice(invoice)
    assert (voided.voided_at, voided.status, voided.total) == (world.now, "void", 100_00)


def test_r23_a_payment_that_settles_nothing_keeps_its_invoice_from_being_voided_too() -> None:
    world = World()
    invoice = world.bill(0)
    world.pay(invoice, 5_00, "capture")
    assert world.invoice(invoice).settled == 0
    with pytest.raises(InvoiceHasPayments):
        world.void_invoice(invoice)


def test_r23_a_void_invoice_counts_nowhere() -> None:
    world = World()
    world.void_invoice(world.bill(100_00))
    world.bill(30_00)
    card = world.card()
    assert (card.invoiced, card.paid, card.due, card.overpaid) == (30_00, 0, 30_00, 0)


def test_r23_a_void_invoice_takes_no_payment_edit_capture_or_second_void() -> None:
    world = World()
    invoice = world.bill(100_00)
    world.void_invoice(invoice)
    before = world.snapshot()
    with pytest.raises(InvoiceVoid):
        world.pay(invoice, 10_00)
    with pytest.raises(InvoiceVoid):
        world.pay(invoice, 110_00, "capture")
    with pytest.raises(InvoiceVoid):
        world.change_total(invoice, 50_00)
    with pytest.raises(InvoiceVoid):
        world.capture(invoice)
    with pytest.raises(InvoiceVoid):
        world.void_invoice(invoice)
    assert world.snapshot() == before


def test_an_edit_changes_number_and_total_and_leaves_the_money_alone() -> None:
    old = an_invoice(100_00, settled=60_00, credit_applied=20_00)
    new = old.with_content(invoice_content(70_00, number="INV-2"))
    assert (new.number, new.total, new.due) == ("INV-2", 70_00, 10_00)
    assert (new.id, new.client_id, new.settled, new.credit_applied) == (old.id, old.client_id, 60_00, 20_00)


VERBS: dict[str, Callable[[World, Invoice], object]] = {
    "pay": lambda world, invoice: world.pay(invoice, 10_00),
    "edit": lambda world, invoice: world.change_total(invoice, 50_00),
    "void": lambda world, invoice: world.void_invoice(invoice),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
def test_r24_invoices_of_a_deleted_client_do_not_change(verb: Callable[[World, Invoice], object]) -> None:
    world = World()
    invoice = world.bill(100_00)
    world.delete_client()
    with pytest.raises(ClientDeleted):
        verb(world, invoice)
