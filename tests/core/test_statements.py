"""What fits on a statement, and how its credit adds up."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidField
from core.ledger import EntryKind, Reason
from core.payments import PaymentMethod
from core.staff import ActorKind
from core.statements import StatementInvoice, StatementLines, StatementPayment
from core.views import ActorView, CreditMovement, EntryView
from tests.builders import NOON, TODAY

numbers_of_days = st.lists(st.integers(0, 9), max_size=12).map(sorted)


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


def an_invoice(number: int) -> StatementInvoice:
    return StatementInvoice(
        id=uuid4(),
        number="INV-1",
        issued_on=day(number),
        vehicle=None,
        total=100,
        settled=0,
        due=100,
        status="open",
    )


def a_payment(number: int) -> StatementPayment:
    return StatementPayment(
        id=uuid4(),
        invoice_id=uuid4(),
        invoice_number="INV-1",
        method=PaymentMethod.CASH,
        amount=100,
        collected=100,
        settled=100,
        captured=0,
        reference=None,
        received_on=day(number),
        bulk_payment_id=None,
    )


def an_entry(number: int) -> EntryView:
    return EntryView(
        id=uuid4(),
        number=1,
        kind=EntryKind.ADDED,
        amount=100,
        balance_after=100,
        currency="USD",
        reason=Reason.GOODWILL,
        note="job ran late",
        by=ActorView(ActorKind.STAFF, UUID(int=1), "Pat"),
        at=NOON + timedelta(days=number),
        client_id=UUID(int=2),
        invoice_id=None,
        invoice_number=None,
        payment_id=None,
        reverses=None,
        reversed_by=None,
    )


def lines_of(invoices: Sequence[int], payments: Sequence[int], entries: Sequence[int]) -> StatementLines:
    return StatementLines(
        invoices=[an_invoice(number) for number in invoices],
        payments=[a_payment(number) for number in payments],
        entries=[an_entry(number) for number in entries],
    )


def days_of(lines: StatementLines) -> tuple[list[date], list[date], list[date]]:
    return (
        [invoice.issued_on for invoice in lines.invoices],
        [payment.received_on for payment in lines.payments],
        [entry.at.date() for entry in lines.entries],
    )


@given(numbers_of_days, numbers_of_days, numbers_of_days, st.integers(1, 12))
def test_a_statement_has_as_many_whole_days_as_fit(
    invoices: list[int], payments: list[int], entries: list[int], at_most: int
) -> None:
    all_lines = [[day(number) for number in numbers] for numbers in (invoices, payments, entries)]

    def fits(last: date) -> bool:
        return all(sum(each <= last for each in days) <= at_most for days in all_lines)

    # As many as are read: one more than fit is enough to tell.
    read = lines_of(invoices[: at_most + 1], payments[: at_most + 1], entries[: at_most + 1])
    if not fits(day(0)):
        with pytest.raises(InvalidField):
            read.whole_days(day(0), day(9), day_of=datetime.date, at_most=at_most)
        return
    lines, last = read.whole_days(day(0), day(9), day_of=datetime.date, at_most=at_most)
    assert fits(last)
    assert last == day(9) or not fits(last + timedelta(days=1))
    assert list(days_of(lines)) == [[each for each in days if each <= last] for days in all_lines]


def test_the_day_of_an_entry_is_that_of_the_shop() -> None:
    lines = lines_of([], [], [1, 2, 3])
    ahead = lambda at: (at + timedelta(days=1)).date()  # noqa: E731  # a shop far in the east
    kept, last = lines.whole_days(day(0), day(9), day_of=ahead, at_most=2)
    assert ([entry.at.date() for entry in kept.entries], last) == ([day(1), day(2)], day(3))


def test_credit_moves_from_its_opening_to_its_closing_balance() -> None:
    amounts = [
        (EntryKind.ADDED, 5000),
        (EntryKind.APPLIED, -3000),
        (EntryKind.CAPTURED, 800),
        (EntryKind.RETURNED, 3000),
        (EntryKind.VOIDED, -5000),
        (EntryKind.ADDED, 100),
    ]
    assert CreditMovement.of(70, amounts) == CreditMovement(
        opening=70, added=5100, captured=800, applied=3000, returned=3000, voided=5000, closing=970
    )
