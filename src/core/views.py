"""What a request is answered with: the public shape of the shop's things, where it differs from how they are decided.

Money is in minor units of ``currency``. Times are UTC.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from msgspec import Meta, Struct

from core.books import PaymentOptions
from core.invoices import InvoiceLine, InvoiceStatus
from core.ledger import AddReason, CappedBy, EntryKind, LedgerEntry, Reason
from core.payments import Payment, PaymentMethod
from core.shop import Language, ShopSettings
from core.staff import ActorKind, Permission

T = TypeVar("T")

Currency = Annotated[str, Meta(description="ISO 4217", examples=["USD"])]
Moment = Annotated[datetime, Meta(tz=True)]
"""UTC."""
Position = tuple[str | int, ...]
"""Where a page of a list ends: the sort key of its last item."""


class Page(Struct, Generic[T], frozen=True):
    """Some items of a list, and the position to go on from, or None at its end."""

    items: list[T]
    next_position: Position | None


class ActorView(Struct, frozen=True):
    """Who did it, with the name as it was then."""

    kind: ActorKind
    id: UUID
    name: str


class EntryView(Struct, frozen=True, kw_only=True):
    """One permanent line of a client's credit ledger."""

    id: UUID
    number: Annotated[int, Meta(description="1, 2, 3, ... in the client's account, without gaps")]
    kind: EntryKind
    amount: Annotated[int, Meta(description="signed, in minor units, never 0")]
    balance_after: int
    currency: Currency
    reason: Reason
    note: str | None
    by: ActorView
    at: Moment
    client_id: UUID
    invoice_id: UUID | None
    invoice_number: str | None
    payment_id: UUID | None
    reverses: Annotated[UUID | None, Meta(description="the entry that this one reverses")]
    reversed_by: Annotated[UUID | None, Meta(description="the entry that reverses this one")]


class PaymentChangeView(Struct, frozen=True, kw_only=True):
    """The values that a payment had before an edit, and who changed them when."""

    at: Moment
    by: ActorView
    method: PaymentMethod
    amount: int
    settled: int
    captured: int
    reference: str | None
    received_on: date


class PaymentView(Struct, frozen=True, kw_only=True):
    """A payment on one invoice."""

    id: UUID
    invoice_id: UUID
    client_id: UUID
    method: PaymentMethod
    amount: int
    collected: Annotated[int, Meta(description="money that really came in")]
    settled: Annotated[int, Meta(description="what it pays of its invoice")]
    captured: Annotated[int, Meta(description="what of it was turned into credit and not voided")]
    currency: Currency
    reference: str | None
    received_on: date
    recorded_at: Moment
    recorded_by: ActorView
    bulk_payment_id: UUID | None
    entries: Annotated[list[EntryView], Meta(description="the ledger entries that belong to it, oldest first")]
    changes: Annotated[list[PaymentChangeView], Meta(description="its edits, oldest first")]
    deleted_at: Moment | None
    deleted_by: ActorView | None


class RecordedPaymentView(PaymentView, frozen=True, kw_only=True):
    """A payment that was just made. ``requested`` and ``capped_by`` say something for Account Credit only."""

    entry: Annotated[EntryView | None, Meta(description="the ledger entry that it made")]
    requested: Annotated[int | None, Meta(description="the Account Credit asked for; null: the most possible")]
    capped_by: Annotated[CappedBy | None, Meta(description="what kept the amount below what was asked for")]


class BulkPaymentView(Struct, frozen=True, kw_only=True):
    """Money for several invoices of one client at once."""

    id: UUID
    amount: int
    currency: Currency
    payments: list[PaymentView]


class InvoiceView(Struct, frozen=True, kw_only=True):
    """An invoice with its money and its live payments."""

    id: UUID
    client_id: UUID
    number: str
    issued_on: date
    vehicle: str | None
    lines: list[InvoiceLine]
    tax: int
    total: int
    settled: int
    due: Annotated[int, Meta(description="below zero the invoice is overpaid")]
    currency: Currency
    status: InvoiceStatus
    payments: Annotated[list[PaymentView], Meta(description="the live payments, oldest first")]
    created_at: Moment
    voided_at: Moment | None


class PaymentOptionsView(PaymentOptions, frozen=True, kw_only=True):
    currency: Currency


class CaptureView(Struct, frozen=True, kw_only=True):
    """An overpayment that was turned into credit."""

    captured: int
    currency: Currency
    entries: list[EntryView]
    invoice: InvoiceView


class ClientListItem(Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    email: str | None
    phone: str | None
    email_notices: Annotated[bool, Meta(description="whether this client gets the shop's e-mails about credit")]
    credit: Annotated[int, Meta(description="the balance of the client's credit account")]
    currency: Currency
    created_at: Moment
    deleted_at: Moment | None


class ClientView(ClientListItem, frozen=True, kw_only=True):
    """A client with its card: sums over its invoices that are not void. invoiced - paid = due - overpaid."""

    invoiced: int
    paid: int
    due: int
    overpaid: int


class CreditTabView(Struct, frozen=True, kw_only=True):
    """The Credit tab of a client."""

    balance: int
    currency: Currency
    quickbooks_reminder: str | None
    can_add: bool
    can_void: bool
    reasons: list[AddReason]
    entries: list[EntryView]
    next_position: Position | None


class CreditSource(Struct, frozen=True, kw_only=True):
    """Credit that was put on the account, and what is left of it: more than nothing, at most the entry's amount."""

    entry: EntryView
    left: int


class BalanceExplanation(Struct, frozen=True, kw_only=True):
    """A page of what a balance consists of: balance = newer + what is left of the sources + older."""

    balance: int
    currency: Currency
    sources: Annotated[list[CreditSource], Meta(description="oldest first")]
    newer: Annotated[int, Meta(description="what is left of newer sources, which are on the pages before")]
    older: Annotated[int, Meta(description="what is left of older sources, which are on the pages after")]
    next_position: Position | None


class BalancePoint(Struct, frozen=True):
    """The balance at the end of a day at the shop; today's is the present one."""

    date: date
    balance: int


class BalanceHistory(Struct, frozen=True, kw_only=True):
    """A client's balance over time, for a chart: oldest first, the days evenly spaced."""

    points: list[BalancePoint]
    currency: Currency


class ShopView(Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    slug: str
    currency: Currency
    time_zone: Annotated[str, Meta(examples=["America/Chicago"])]
    quickbooks_connected: bool
    language: Annotated[Language, Meta(description="what e-mails to clients are written in")]
    email_notices: Annotated[bool, Meta(description="whether clients get e-mails about their credit")]
    email: Annotated[str | None, Meta(description="where clients' answers to them go", examples=["desk@example.com"])]


class StaffView(Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    email: str
    permissions: list[Permission]
    active: bool
    created_at: Moment


class MeView(Struct, frozen=True, kw_only=True):
    """Who is asking, at which shop, and what they may do. ``staff`` is null for an API key."""

    by: ActorView
    staff: StaffView | None
    shop: ShopView
    permissions: list[Permission]


class ApiKeyView(Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    permissions: list[Permission]
    created_at: Moment


class NewApiKeyView(ApiKeyView, frozen=True, kw_only=True):
    key: Annotated[str, Meta(description="the key itself: shown this once, kept only as a digest")]


class CollectedItem(Struct, frozen=True, kw_only=True):
    """Money collected on one day by one method. A bulk payment counts as one."""

    date: date
    method: PaymentMethod
    count: int
    collected: int


class CollectedReport(Struct, frozen=True, kw_only=True):
    """Money collected: what goes to the bank (R17)."""

    items: list[CollectedItem]
    total: int
    currency: Currency


class CollectedPayment(Struct, frozen=True, kw_only=True):
    """One payment behind a figure of money collected; the payments of a bulk payment are one in its count."""

    id: UUID
    client_id: UUID
    client_name: str
    invoice_id: UUID
    invoice_number: str
    method: PaymentMethod
    collected: int
    currency: Currency
    reference: str | None
    received_on: date
    recorded_at: Moment
    recorded_by: ActorView
    bulk_payment_id: UUID | None
    deleted_at: Moment | None
    deleted_by: ActorView | None


class CreditMovement(Struct, frozen=True, kw_only=True):
    """How credit changed in a period: opening + added + captured + returned - applied - voided = closing."""

    opening: int
    added: int
    captured: int
    applied: int
    returned: int
    voided: int
    closing: int

    @staticmethod
    def of(opening: int, amounts: Iterable[tuple[EntryKind, int]]) -> "CreditMovement":
        """``amounts``: by kind, signed as in the ledger."""
        sums = dict.fromkeys(EntryKind, 0)
        for kind, amount in amounts:
            sums[kind] += amount
        return CreditMovement(
            opening=opening,
            added=sums[EntryKind.ADDED],
            captured=sums[EntryKind.CAPTURED],
            applied=-sums[EntryKind.APPLIED],
            returned=sums[EntryKind.RETURNED],
            voided=-sums[EntryKind.VOIDED],
            closing=opening + sum(sums.values()),
        )


class ClientCredit(Struct, frozen=True, kw_only=True):
    """What the shop owes one client in credit, and how that changed in a period."""

    client_id: UUID
    client_name: str
    deleted_at: Moment | None
    credit: CreditMovement
    currency: Currency


class CreditReport(Struct, frozen=True, kw_only=True):
    """What the shop owes its clients now, and how that changed in a period:
    opening_total + added + captured + returned - applied - voided = closing_total.
    """

    total: int
    clients: Annotated[int, Meta(description="how many clients have credit now")]
    currency: Currency
    opening_total: int
    added: int
    captured: int
    applied: int
    returned: int
    voided: int
    closing_total: int


class SignedInView(Struct, frozen=True, kw_only=True):
    access_token: str
    expires_in: Annotated[int, Meta(description="seconds")]
    refresh_token: str


def entry_view(
    entry: LedgerEntry, *, currency: str, invoice_number: str | None, reverses: UUID | None = None
) -> EntryView:
    """The view of an entry that was just decided; nothing reverses it yet."""
    return EntryView(
        id=entry.id,
        number=entry.number,
        kind=entry.kind,
        amount=entry.amount,
        balance_after=entry.balance_after,
        currency=currency,
        reason=entry.reason,
        note=entry.note,
        by=ActorView(entry.by_kind, entry.by_id, entry.by_name),
        at=entry.at,
        client_id=entry.client_id,
        invoice_id=entry.invoice_id,
        invoice_number=invoice_number,
        payment_id=entry.payment_id,
        reverses=reverses,
        reversed_by=None,
    )


def payment_fields(payment: Payment) -> dict[str, Any]:
    """The fields of a payment's view that the payment itself has."""
    deleted_by = None
    if payment.deleted_by_kind is not None and payment.deleted_by_id is not None:
        deleted_by = ActorView(payment.deleted_by_kind, payment.deleted_by_id, payment.deleted_by_name or "")
    return {
        "id": payment.id,
        "invoice_id": payment.invoice_id,
        "client_id": payment.client_id,
        "method": payment.method,
        "amount": payment.amount,
        "collected": payment.collected,
        "settled": payment.settled,
        "captured": payment.captured,
        "reference": payment.reference,
        "received_on": payment.received_on,
        "recorded_at": payment.recorded_at,
        "recorded_by": ActorView(payment.recorded_by_kind, payment.recorded_by_id, payment.recorded_by_name),
        "bulk_payment_id": payment.bulk_payment_id,
        "deleted_at": payment.deleted_at,
        "deleted_by": deleted_by,
    }


def shop_view(shop: ShopSettings) -> ShopView:
    return ShopView(
        id=shop.id,
        name=shop.name,
        slug=shop.slug,
        currency=shop.currency,
        time_zone=shop.time_zone,
        quickbooks_connected=shop.quickbooks_connected,
        language=shop.language,
        email_notices=shop.email_notices,
        email=shop.email,
    )


def sorted_permissions(permissions: frozenset[Permission]) -> list[Permission]:
    """In the order in which they are documented, so that the same answer has the same bytes."""
    return [permission for permission in Permission if permission in permissions]
