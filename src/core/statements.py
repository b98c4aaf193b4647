"""A client's statement: invoices, payments and credit of a period, with what there was before and after it.

It says what is known when it is made: an invoice that is voided later counts nowhere, a payment that is deleted later
was never there. Money is in minor units.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from core.errors import InvalidField
from core.invoices import InvoiceStatus
from core.payments import PaymentMethod
from core.views import ClientListItem, CreditMovement, Currency, EntryView, ShopView

MAX_LINES = 1000
"""Of invoices, of payments and of entries each: what fits on one statement."""


class StatementInvoice(Struct, frozen=True, kw_only=True):
    """An invoice that is not void."""

    id: UUID
    number: str
    issued_on: date
    vehicle: str | None
    total: int
    settled: int
    due: Annotated[int, Meta(description="now, not at the end of the period; below zero the invoice is overpaid")]
    status: InvoiceStatus


class StatementPayment(Struct, frozen=True, kw_only=True):
    """A live payment."""

    id: UUID
    invoice_id: UUID
    invoice_number: str
    method: PaymentMethod
    amount: int
    collected: int
    settled: int
    captured: int
    reference: str | None
    received_on: date
    bulk_payment_id: UUID | None


class StatementLines(Struct, frozen=True, kw_only=True):
    """What stands on a statement, each by day."""

    invoices: Sequence[StatementInvoice]
    payments: Sequence[StatementPayment]
    entries: Sequence[EntryView]

    def whole_days(
        self, first: date, last: date, *, day_of: Callable[[datetime], date], at_most: int
    ) -> tuple["StatementLines", date]:
        """As many days from the first one on as fit, and the last of them.

        Of what is more than ``at_most``, one line is enough to tell.

        Raises:
            InvalidField: not even the first day fits.
        """
        days = (
            [invoice.issued_on for invoice in self.invoices],
            [payment.received_on for payment in self.payments],
            [day_of(entry.at) for entry in self.entries],
        )
        too_late = [of_lines[at_most] for of_lines in days if len(of_lines) > at_most]
        if not too_late:
            return self, last
        end = min(too_late)
        if end <= first:
            raise InvalidField("first", f"is a day with more than {at_most} lines: export the ledger instead")
        invoices, payments, entries = (bisect_left(of_lines, end) for of_lines in days)
        lines = StatementLines(
            invoices=self.invoices[:invoices], payments=self.payments[:payments], entries=self.entries[:entries]
        )
        return lines, end - timedelta(days=1)


class Statement(Struct, frozen=True, kw_only=True):
    """opening_due + invoiced - settled = closing_due; what is due is less what is overpaid, so it can be below zero."""

    client: ClientListItem
    shop: ShopView
    currency: Currency
    first: date
    last: date
    continues_on: Annotated[date | None, Meta(description="the day after the last, if not all that was asked for fits")]
    opening_due: int
    invoiced: int
    settled: int
    closing_due: int
    invoices: Sequence[StatementInvoice]
    payments: Sequence[StatementPayment]
    credit: CreditMovement
    entries: Sequence[EntryView]
