"""Invoices: what is on one, and the money side that payments and credit meet. Money in minor units."""

from datetime import date, datetime
from hashlib import sha256
from typing import Literal

import msgspec
from msgspec import Struct

from core.errors import InvalidField, InvoiceBelowAppliedCredit, InvoiceHasPayments, InvoiceVoid
from core.ids import ClientId, InvoiceId
from core.money import MAX_AMOUNT, line_amount

InvoiceStatus = Literal["open", "paid", "overpaid", "void"]


class InvoiceLine(Struct, frozen=True, kw_only=True):
    """``quantity``: an integer, or a decimal string such as "1.5". ``unit_price`` below zero makes a discount."""

    description: str
    quantity: int | str
    unit_price: int

    @property
    def amount(self) -> int:
        return line_amount(self.quantity, self.unit_price)


class InvoiceContent(Struct, frozen=True, kw_only=True):
    """What an invoice says. Credit never changes any of it."""

    number: str
    issued_on: date
    vehicle: str | None
    lines: tuple[InvoiceLine, ...]
    tax: int

    @property
    def total(self) -> int:
        """Lines and tax together; from 0 to ``MAX_AMOUNT``."""
        total = sum(line.amount for line in self.lines) + self.tax
        if not 0 <= total <= MAX_AMOUNT:
            raise InvalidField("lines", f"must add up, with the tax, to a total from 0 to {MAX_AMOUNT}")
        return total

    @property
    def digest(self) -> str:
        """The same for two that say the same: whoever was shown one can be told that it says something else by now."""
        return sha256(msgspec.json.encode(self)).hexdigest()


class Invoice(Struct, frozen=True, kw_only=True):
    """The money side of one invoice.

    ``settled``: what its live payments pay of it; ``credit_applied``: the part of that paid by Account Credit.
    """

    id: InvoiceId
    client_id: ClientId
    number: str
    total: int
    settled: int
    credit_applied: int
    voided_at: datetime | None

    @property
    def due(self) -> int:
        """Below zero the invoice is overpaid; 0 when it is void."""
        return 0 if self.voided_at else self.total - self.settled

    @property
    def status(self) -> InvoiceStatus:
        if self.voided_at:
            return "void"
        if self.due == 0:
            return "paid"
        return "open" if self.due > 0 else "overpaid"

    def require_not_void(self) -> None:
        if self.voided_at:
            raise InvoiceVoid

    def settle(self, amount: int, *, by_credit: bool = False) -> "Invoice":
        """The invoice with that much more settled, or less if ``amount`` is below zero."""
        return msgspec.structs.replace(
            self,
            settled=self.settled + amount,
            credit_applied=self.credit_applied + (amount if by_credit else 0),
        )

    def with_content(self, content: InvoiceContent) -> "Invoice":
        """The invoice once it says something else (R16)."""
        self.require_not_void()
        if content.total < self.credit_applied:
            raise InvoiceBelowAppliedCredit(applied_credit=self.credit_applied)
        return msgspec.structs.replace(self, number=content.number, total=content.total)

    def void(self, *, at: datetime, has_live_payments: bool) -> "Invoice":
        """R23."""
        self.require_not_void()
        if has_live_payments:
            raise InvoiceHasPayments
        return msgspec.structs.replace(self, voided_at=at)
