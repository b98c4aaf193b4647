"""What the program refuses, named for the fact and carrying the facts. No HTTP here: each API maps these to statuses.

``str(error)`` is one sentence for the person at the counter. It names no id and no amount: amounts are facts of the
error, in minor units, for whoever formats them.
"""

from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct

from core.ids import InvoiceId, PaymentId


class Refusal(Exception):
    """A rule said no. Nothing was written."""

    sentence = "This is refused."

    def __str__(self) -> str:
        return self.sentence


class Unauthenticated(Refusal):
    sentence = "Sign in, or send a valid access token or API key."


class SignInFailed(Refusal):
    sentence = "Shop, e-mail address or password is wrong."


@dataclass(eq=False)
class PermissionDenied(Refusal):
    """R25. ``permission`` is the one that is lacking."""

    permission: str
    sentence = "You do not have the permission that this needs."


class NotFound(Refusal):
    """Also everything of another shop (R26)."""

    sentence = "There is nothing here with this id."


@dataclass(eq=False)
class InvalidField(Refusal):
    """A field whose value is well formed but cannot be right, found out only with the shop's data at hand."""

    field: str
    message: str
    sentence = "Something in the request is not valid."


@dataclass(eq=False)
class TooManySignIns(Refusal):
    retry_after_seconds: int
    sentence = "Too many failed sign-ins. Wait a while, then try again."


# Idempotency keys


class IdempotencyKeyReused(Refusal):
    sentence = "This Idempotency-Key was already used for a different request. Use a new key for a new request."


# The ledger


@dataclass(eq=False)
class RefundExceedsPaid(Refusal):
    """R5. ``refundable`` is what could still be refunded as credit for the invoice."""

    refundable: int
    sentence = "A refund cannot be more than what was paid on its invoice and not yet refunded."


class NothingDue(Refusal):
    sentence = "Nothing is due on this invoice."


class NoCredit(Refusal):
    sentence = "This client has no account credit."


class AlreadyVoided(Refusal):
    sentence = "This entry was already voided."


@dataclass(eq=False)
class EntryNotVoidable(Refusal):
    """R18. ``kind`` is the entry's."""

    kind: str
    sentence = "Only added and captured credit can be voided. To undo applied credit, delete its payment."


class Spending(Struct, frozen=True, kw_only=True):
    """A live Account Credit payment: where credit went (R19). ``amount`` in minor units."""

    payment_id: PaymentId
    invoice_id: InvoiceId
    invoice_number: str
    amount: int
    at: datetime


@dataclass(eq=False)
class CreditAlreadySpent(Refusal):
    """R19, R21. ``shortfall``: by how much the balance is too low; ``spent_by``: what to delete first, newest first."""

    shortfall: int
    spent_by: tuple[Spending, ...] = ()
    sentence = "This credit has already been spent. Delete the payments that spent it first."


# Payments


@dataclass(eq=False)
class OverpaymentChoiceRequired(Refusal):
    """R13. ``excess``: by how much the payment is more than what is due."""

    excess: int
    sentence = "This payment is more than what is due. Say whether to keep the rest as account credit or to leave it."


class NotOverpaid(Refusal):
    sentence = "This invoice is not overpaid."


@dataclass(eq=False)
class PaymentNotEditable(Refusal):
    """R10, R21. ``reason``: ``account_credit`` or ``captured_credit``."""

    reason: str
    sentence = "This payment cannot be changed like that. Delete it and make a new one."


class PaymentDeleted(Refusal):
    sentence = "This payment was already deleted."


class AccountCreditNotInBulk(Refusal):
    sentence = "Account Credit cannot pay several invoices at once. Apply it on each invoice by itself."


@dataclass(eq=False)
class AllocationExceedsDue(Refusal):
    """R12. ``allocation``: its place in the list from 0; ``due``: what that invoice still takes."""

    allocation: int
    due: int
    sentence = "A part of a bulk payment cannot be more than what is due on its invoice."


# Invoices


@dataclass(eq=False)
class InvoiceBelowAppliedCredit(Refusal):
    """R16. ``applied_credit``: the lowest total that the invoice can have."""

    applied_credit: int
    sentence = "An invoice's total cannot be less than the account credit applied to it."


class InvoiceHasPayments(Refusal):
    sentence = "This invoice has payments. Delete them first."


class InvoiceVoid(Refusal):
    sentence = "This invoice is void."


class InvoiceNumberTaken(Refusal):
    sentence = "Another invoice already has this number."


class InvoiceChanged(Refusal):
    """It is not as it was shown to whoever decided; only raised for those who say what they were shown."""

    sentence = "This invoice was changed meanwhile, and nothing was saved. Look at what it is now, then decide again."


# Clients, staff, shops, webhook endpoints


@dataclass(eq=False)
class ClientHasCredit(Refusal):
    balance: int
    sentence = "This client still has account credit, so it cannot be deleted."


@dataclass(eq=False)
class ClientHasOverpayment(Refusal):
    overpaid: int
    sentence = "This client has an overpaid invoice, so it cannot be deleted. Capture the overpayment first."


class ClientDeleted(Refusal):
    sentence = "This client is deleted. Restore it first."


class EmailTaken(Refusal):
    sentence = "Another staff member already has this e-mail address."


class EndpointOff(Refusal):
    sentence = "This webhook endpoint is switched off, so nothing is sent there. Switch it on first."


@dataclass(eq=False)
class TooManyEndpoints(Refusal):
    """``most``: how many a shop may have."""

    most: int
    sentence = "This shop has as many webhook endpoints as it may. Delete one first."


class SlugTaken(Refusal):
    sentence = "Another shop already has this slug."


class LastStaffManager(Refusal):
    sentence = "This is the last active staff member who can manage staff, so that must stay."
