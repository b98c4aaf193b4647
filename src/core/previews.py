"""What something would do if it were done now: decided by the very rules that decide it, and then not written.

Money is in minor units.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

from core.books import Books, Posting
from core.errors import Refusal
from core.ids import InvoiceId
from core.invoices import InvoiceStatus
from core.ledger import CappedBy
from core.views import Currency, EntryView, PaymentView


class InvoicePreview(Struct, frozen=True, kw_only=True):
    """An invoice as it is and as it would be."""

    id: InvoiceId
    number: str
    total: int
    due: int
    due_after: Annotated[int, Meta(description="below zero the invoice would be overpaid")]
    status_after: InvoiceStatus


class Preview(Struct, frozen=True, kw_only=True):
    """What would become of a client's balance and invoices. If it would be refused they stay as they are.

    ``refusal`` is what doing it would raise, but for a lack of permission: everybody may look.
    """

    currency: Currency
    balance: int
    balance_after: int
    invoices: list[InvoicePreview]
    refusal: Refusal | None


class AddPreview(Preview, frozen=True, kw_only=True):
    """Adding credit; without an amount nothing is decided."""

    given: Annotated[int, Meta(description="credit already given for the invoice, whatever the reason, and not voided")]
    given_entries: Annotated[list[EntryView], Meta(description="the newest of it")]
    refundable: Annotated[int | None, Meta(description="the most that can be refunded for the invoice (R5)")]


class VoidPreview(Preview, frozen=True, kw_only=True):
    """Voiding an added or captured entry. Of what spent it (R19) the refusal names the newest."""

    entry: EntryView


class PaymentPreview(Preview, frozen=True, kw_only=True):
    """A payment on an invoice; 0 everywhere if it would be refused."""

    requested: int | None
    amount: int
    settled: int
    captured: int
    capped_by: Annotated[CappedBy | None, Meta(description="what keeps Account Credit below what was asked for")]
    excess: Annotated[int, Meta(description="how much more it is than what is due, whatever is chosen for it (R13)")]


class DeletionPreview(Preview, frozen=True, kw_only=True):
    """Deleting payments: one, or a bulk payment's that are still live."""

    payments: list[PaymentView]
    collected: Annotated[int, Meta(description="what would no longer count as money collected")]
    returned: Annotated[int, Meta(description="credit that would go back to the account (R11)")]
    voided: Annotated[int, Meta(description="captured credit that would be voided with its payment (R21)")]


def effect(books: Books, posting: Posting | None, refusal: Refusal | None, *, currency: str) -> dict[str, Any]:
    """The fields of a :class:`Preview`. ``posting``: what was decided, None if that was nothing or a refusal."""
    after = books if posting is None else books.after(posting)
    return {
        "currency": currency,
        "balance": books.account.balance,
        "balance_after": after.account.balance,
        "invoices": [
            InvoicePreview(
                id=invoice.id,
                number=invoice.number,
                total=invoice.total,
                due=invoice.due,
                due_after=after.invoice(invoice.id).due,
                status_after=after.invoice(invoice.id).status,
            )
            for invoice in books.invoices
        ],
        "refusal": refusal,
    }
