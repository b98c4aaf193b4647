"""Payments: what one collected, what it settles of its invoice, what of it was captured as credit. Minor units."""

from datetime import date, datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from core.errors import OverpaymentChoiceRequired, PaymentDeleted, PaymentNotEditable
from core.ids import BulkPaymentId, ClientId, InvoiceId, PaymentId
from core.staff import Actor, ActorKind


class PaymentMethod(StrEnum):
    CASH = "cash"
    CARD = "card"
    CHECK = "check"
    BANK_TRANSFER = "bank_transfer"
    OTHER = "other"
    ACCOUNT_CREDIT = "account_credit"


MoneyMethod = Literal["cash", "card", "check", "bank_transfer", "other"]
"""The methods by which money really comes in."""

OverpaymentChoice = Literal["capture", "leave"]


class Split(Struct, frozen=True):
    """What a payment settles of its invoice, and what of it becomes credit; together the amount (R14)."""

    settled: int
    captured: int


def excess(amount: int, *, due: int) -> int:
    """How much more an amount is than what is due (R13)."""
    return max(amount - max(due, 0), 0)


def agreed(choice: OverpaymentChoice | None, agreed_excess: int | None, *, now: int) -> OverpaymentChoice | None:
    """The choice, if it was made for the excess that there is now. None for ``agreed_excess``: for whatever it is."""
    return choice if agreed_excess in {None, now} else None


def split_payment(amount: int, *, due: int, choice: OverpaymentChoice | None) -> Split:
    """How a payment with money is split between its invoice and the client's credit (R13, R14).

    ``due``: what the invoice takes without this payment, below zero if it is overpaid already.
    """
    too_much = excess(amount, due=due)
    if too_much == 0:
        return Split(amount, 0)
    match choice:
        case None:
            raise OverpaymentChoiceRequired(excess=too_much)
        case "capture":
            return Split(amount - too_much, too_much)
        case "leave":
            return Split(amount, 0)


class Payment(Struct, frozen=True, kw_only=True):
    """One payment on one invoice."""

    id: PaymentId
    client_id: ClientId
    invoice_id: InvoiceId
    method: PaymentMethod
    amount: int
    collected: int
    settled: int
    captured: int
    reference: str | None
    received_on: date
    recorded_at: datetime
    recorded_by_kind: ActorKind
    recorded_by_id: UUID
    recorded_by_name: str
    bulk_payment_id: BulkPaymentId | None = None
    deleted_at: datetime | None = None
    deleted_by_kind: ActorKind | None = None
    deleted_by_id: UUID | None = None
    deleted_by_name: str | None = None

    @property
    def by_credit(self) -> bool:
        return self.method == PaymentMethod.ACCOUNT_CREDIT

    def require_live(self) -> None:
        if self.deleted_at:
            raise PaymentDeleted

    def capture(self, amount: int) -> "Payment":
        """The payment with that much more captured, so that it settles less; below zero the other way (R15, R20)."""
        return msgspec.structs.replace(self, settled=self.settled - amount, captured=self.captured + amount)

    def delete(self, *, by: Actor, at: datetime) -> "Payment":
        """R22: kept, with who and when. Its captured credit is voided with it, so none remains captured (R21)."""
        self.require_live()
        return msgspec.structs.replace(
            self.capture(-self.captured),
            deleted_at=at,
            deleted_by_kind=by.kind,
            deleted_by_id=by.id,
            deleted_by_name=by.name,
        )

    def edit(self, edit: "PaymentEdit", *, invoice_due: int) -> "Payment":
        """The payment as edited (R10, R13, R21). ``invoice_due``: what is due now, with this payment."""
        self.require_live()
        if self.by_credit:
            raise PaymentNotEditable("account_credit")
        amount = self.amount if edit.amount is None else edit.amount
        split = Split(self.settled, self.captured)
        if self.captured:
            if amount != self.amount:
                raise PaymentNotEditable("captured_credit")
        else:
            due = invoice_due + self.settled
            split = split_payment(amount, due=due, choice=self._choice(edit, amount, due=due))
        return msgspec.structs.replace(
            self,
            method=self.method if edit.method is None else PaymentMethod(edit.method),
            amount=amount,
            collected=amount,
            settled=split.settled,
            captured=split.captured,
            reference=self.reference if edit.reference is msgspec.UNSET else edit.reference,
            received_on=self.received_on if edit.received_on is None else edit.received_on,
        )

    def _choice(self, edit: "PaymentEdit", amount: int, *, due: int) -> OverpaymentChoice | None:
        if edit.overpayment is None:
            # An amount that is not raised asks nothing again: what was left on the invoice before stays there.
            return None if amount > self.amount else "leave"
        return agreed(edit.overpayment, edit.agreed_excess, now=excess(amount, due=due))


class PaymentEdit(Struct, frozen=True, kw_only=True):
    """What to change of a payment; ``None`` (for the reference: ``UNSET``) leaves a field as it is.

    ``agreed_excess``: what ``overpayment`` was chosen for; if that changed, the choice is asked for again.
    """

    amount: int | None = None
    method: MoneyMethod | None = None
    reference: str | msgspec.UnsetType | None = msgspec.UNSET
    received_on: date | None = None
    overpayment: OverpaymentChoice | None = None
    agreed_excess: int | None = None


class PaymentChange(Struct, frozen=True, kw_only=True):
    """A payment's values before an edit, and who changed them when (R22)."""

    id: UUID
    client_id: ClientId
    payment_id: PaymentId
    at: datetime
    by_kind: ActorKind
    by_id: UUID
    by_name: str
    method: PaymentMethod
    amount: int
    settled: int
    captured: int
    reference: str | None
    received_on: date
