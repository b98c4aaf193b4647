"""Objects of the core with everything filled in, so that a test names only what matters to it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import count
from uuid import UUID

from core.books import PaymentDetails
from core.ids import BulkPaymentId, ClientId, EntryId, InvoiceId, PaymentId, ShopId, StaffId
from core.invoices import Invoice, InvoiceContent, InvoiceLine
from core.ledger import CreditAccount, EntryKind, PostedEntry, Recorder
from core.payments import Payment, PaymentMethod
from core.shop import ShopSettings
from core.staff import Actor, ActorKind, Asker, Permission, StaffMember

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TODAY = NOON.date()


def ids_from(first: int) -> Callable[[], UUID]:
    """Ids that only grow, as UUIDv7 do, and are the same in every run, so that a failing example can be repeated."""
    numbers = count(first)
    return lambda: UUID(int=(7 << 76) | (2 << 62) | next(numbers))


def salts() -> Callable[[], bytes]:
    numbers = count(1)
    return lambda: next(numbers).to_bytes(16, "big")


new_id = ids_from(1)

SHOP_ID = ShopId(new_id())
CLIENT_ID = ClientId(new_id())
PAT = Actor(ActorKind.STAFF, new_id(), "Pat Miller")


def a_recorder(*, at: datetime = NOON, by: Actor = PAT) -> Recorder:
    return Recorder(by, at, new_id, salts())


def an_account(balance: int = 0, *, closed: bool = False) -> CreditAccount:
    """An account with that balance, as one entry would have made it."""
    return CreditAccount(
        shop_id=SHOP_ID,
        client_id=CLIENT_ID,
        balance=balance,
        last_number=1 if balance else 0,
        last_hash=b"\x01" * 32 if balance else None,
        closed=closed,
    )


def an_invoice(
    total: int = 100_00,
    *,
    settled: int = 0,
    credit_applied: int = 0,
    number: str = "INV-1",
    voided_at: datetime | None = None,
    client_id: ClientId = CLIENT_ID,
) -> Invoice:
    return Invoice(
        id=InvoiceId(new_id()),
        client_id=client_id,
        number=number,
        total=total,
        settled=settled,
        credit_applied=credit_applied,
        voided_at=voided_at,
    )


def invoice_content(total: int, *, number: str = "INV-1") -> InvoiceContent:
    """What an invoice with that total says, in one line and without tax."""
    line = InvoiceLine(description="Brake service", quantity=1, unit_price=total)
    return InvoiceContent(number=number, issued_on=TODAY, vehicle=None, lines=(line,), tax=0)


def a_payment(
    amount: int,
    method: PaymentMethod = PaymentMethod.CASH,
    *,
    captured: int = 0,
    invoice_id: InvoiceId | None = None,
    recorded_at: datetime = NOON,
    deleted_at: datetime | None = None,
    bulk_payment_id: BulkPaymentId | None = None,
) -> Payment:
    return Payment(
        id=PaymentId(new_id()),
        client_id=CLIENT_ID,
        invoice_id=invoice_id or InvoiceId(new_id()),
        method=method,
        amount=amount,
        collected=0 if method == PaymentMethod.ACCOUNT_CREDIT else amount,
        settled=amount - captured,
        captured=captured,
        reference=None,
        received_on=TODAY,
        recorded_at=recorded_at,
        recorded_by_kind=PAT.kind,
        recorded_by_id=PAT.id,
        recorded_by_name=PAT.name,
        bulk_payment_id=bulk_payment_id,
        deleted_at=deleted_at,
    )


def payment_details(*, reference: str | None = None, received_on: date = TODAY) -> PaymentDetails:
    return PaymentDetails(reference=reference, received_on=received_on)


def a_posted_entry(
    kind: EntryKind = EntryKind.ADDED, amount: int = 50_00, *, number: int = 1, already_reversed: bool = False
) -> PostedEntry:
    of_payment = kind in {EntryKind.APPLIED, EntryKind.CAPTURED, EntryKind.RETURNED}
    return PostedEntry(
        id=EntryId(new_id()),
        number=number,
        kind=kind,
        amount=amount,
        invoice_id=InvoiceId(new_id()) if of_payment else None,
        payment_id=PaymentId(new_id()) if of_payment else None,
        reversed=already_reversed,
    )


def a_shop(
    *, currency: str = "USD", time_zone: str = "America/Chicago", quickbooks_connected: bool = False
) -> ShopSettings:
    return ShopSettings(
        id=SHOP_ID,
        name="Main Street Auto",
        slug="main-street-auto",
        currency=currency,
        time_zone=time_zone,
        quickbooks_connected=quickbooks_connected,
    )


def an_asker(*permissions: Permission, kind: ActorKind = ActorKind.STAFF) -> Asker:
    """Somebody who has these permissions and no other."""
    return Asker(kind, new_id(), "Alex Reed", frozenset(permissions))


def a_staff_member(*permissions: Permission, active: bool = True) -> StaffMember:
    return StaffMember(
        id=StaffId(new_id()),
        name="Sam Lee",
        email="sam@example.com",
        permissions=frozenset(permissions),
        active=active,
        created_at=NOON,
    )
