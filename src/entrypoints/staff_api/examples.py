"""Examples for the API documentation: one shop, one client, one invoice, as they look after a payment too large."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec

from core.deliveries import Channel, DeliveryState
from core.invoices import InvoiceLine
from core.ledger import ADD_REASONS, EntryKind, Reason
from core.notices import NoticeKind
from core.payments import PaymentMethod
from core.shop import QUICKBOOKS_REMINDER, Language
from core.staff import ActorKind, Permission
from core.views import (
    ActorView,
    ApiKeyView,
    BulkPaymentView,
    CaptureView,
    ClientListItem,
    ClientView,
    CollectedItem,
    CollectedReport,
    CreditReport,
    EntryView,
    InvoiceView,
    MeView,
    NewApiKeyView,
    PaymentOptionsView,
    PaymentView,
    RecordedPaymentView,
    ShopView,
    SignedInView,
    StaffView,
)
from core.webhook_views import (
    DeliveryAttemptView,
    DeliveryView,
    NewWebhookEndpointView,
    ResentView,
    WebhookEndpointView,
)
from entrypoints.http.health import Health
from entrypoints.staff_api import bodies
from entrypoints.staff_api.credit_tab import CreditTab


def _id(number: int) -> UUID:
    return UUID(f"0198f1c2-7a3b-7c4d-8e5f-{number:012x}")


_AT = datetime(2026, 3, 2, 15, 4, 5, tzinfo=UTC)
_TODAY = date(2026, 3, 2)
_CLIENT, _INVOICE, _PAYMENT, _STAFF, _KEY = _id(1), _id(2), _id(3), _id(4), _id(5)
_BY = ActorView(ActorKind.STAFF, _STAFF, "Sam Rivera")

_ENTRY = EntryView(
    id=_id(6),
    number=1,
    kind=EntryKind.CAPTURED,
    amount=2000,
    balance_after=2000,
    currency="USD",
    reason=Reason.OVERPAYMENT,
    note=None,
    by=_BY,
    at=_AT,
    client_id=_CLIENT,
    invoice_id=_INVOICE,
    invoice_number="INV-1",
    payment_id=_PAYMENT,
    reverses=None,
    reversed_by=None,
)
_ADDED = msgspec.structs.replace(
    _ENTRY,
    id=_id(7),
    kind=EntryKind.ADDED,
    amount=5000,
    balance_after=5000,
    reason=Reason.GOODWILL,
    note="job ran late",
    invoice_id=None,
    invoice_number=None,
    payment_id=None,
)
_PAYMENT_FIELDS: dict[str, Any] = {
    "id": _PAYMENT,
    "invoice_id": _INVOICE,
    "client_id": _CLIENT,
    "method": PaymentMethod.CASH,
    "amount": 15000,
    "collected": 15000,
    "settled": 13000,
    "captured": 2000,
    "currency": "USD",
    "reference": None,
    "received_on": _TODAY,
    "recorded_at": _AT,
    "recorded_by": _BY,
    "bulk_payment_id": None,
    "entries": [_ENTRY],
    "changes": [],
    "deleted_at": None,
    "deleted_by": None,
}
_PAYMENT_VIEW = PaymentView(**_PAYMENT_FIELDS)
_INVOICE_VIEW = InvoiceView(
    id=_INVOICE,
    client_id=_CLIENT,
    number="INV-1",
    issued_on=_TODAY,
    vehicle="2019 Honda Civic",
    lines=[InvoiceLine(description="Brake pads", quantity=2, unit_price=6000)],
    tax=1000,
    total=13000,
    settled=13000,
    due=0,
    currency="USD",
    status="paid",
    payments=[_PAYMENT_VIEW],
    created_at=_AT,
    voided_at=None,
)
_CLIENT_FIELDS: dict[str, Any] = {
    "id": _CLIENT,
    "name": "Pat Doe",
    "email": "pat@example.com",
    "phone": "555-0134",
    "email_notices": True,
    "credit": 2000,
    "currency": "USD",
    "created_at": _AT,
    "deleted_at": None,
}
_SHOP = ShopView(
    id=_id(8),
    name="Main Street Auto",
    slug="main-street",
    currency="USD",
    time_zone="America/Chicago",
    quickbooks_connected=True,
    language=Language.EN,
    email_notices=True,
    email="desk@main-street.example",
)
_STAFF_VIEW = StaffView(
    id=_STAFF,
    name="Sam Rivera",
    email="sam@example.com",
    permissions=list(Permission),
    active=True,
    created_at=_AT,
)
_TOKENS: dict[str, Any] = {"access_token": "eyJhbGciOi...", "expires_in": 900, "refresh_token": "rt_..."}
_API_KEY_FIELDS: dict[str, Any] = {
    "id": _KEY,
    "name": "Parts terminal",
    "permissions": [Permission.CREATE_PAYMENTS],
    "created_at": _AT,
}

_ENDPOINT_FIELDS: dict[str, Any] = {
    "id": _id(12),
    "url": "https://books.example.com/hooks/account-credit",
    "description": "Bookkeeping",
    "kinds": [NoticeKind.CREDIT_APPLIED, NoticeKind.PAYMENT_RECORDED],
    "on": True,
    "off_since": None,
    "off_reason": None,
    "failing_since": None,
    "previous_secret_until": None,
    "created_at": _AT,
}

ANSWER_EXAMPLES: Mapping[Any, Any] = {
    WebhookEndpointView: WebhookEndpointView(**_ENDPOINT_FIELDS),
    NewWebhookEndpointView: NewWebhookEndpointView(**_ENDPOINT_FIELDS, secret="whsec_..."),  # noqa: S106  # of nobody
    DeliveryView: DeliveryView(
        id=_id(13),
        channel=Channel.WEBHOOK,
        endpoint_id=_id(12),
        client_id=_CLIENT,
        notice_id=_id(11),
        kind=NoticeKind.PAYMENT_RECORDED,
        at=_AT,
        state=DeliveryState.DELIVERED,
        attempts=1,
        next_attempt_at=None,
        settled_at=_AT,
        latest_attempts=[
            DeliveryAttemptView(number=1, at=_AT, duration_ms=120, accepted=True, answer="200 OK thank you")
        ],
    ),
    ResentView: ResentView(notices=42),
    Health: Health(),
    SignedInView: SignedInView(**_TOKENS),
    MeView: MeView(by=_BY, staff=_STAFF_VIEW, shop=_SHOP, permissions=list(Permission)),
    ShopView: _SHOP,
    StaffView: _STAFF_VIEW,
    ApiKeyView: ApiKeyView(**_API_KEY_FIELDS),
    NewApiKeyView: NewApiKeyView(**_API_KEY_FIELDS, key="ak_..."),
    ClientListItem: ClientListItem(**_CLIENT_FIELDS),
    ClientView: ClientView(**_CLIENT_FIELDS, invoiced=13000, paid=13000, due=0, overpaid=0),
    InvoiceView: _INVOICE_VIEW,
    PaymentOptionsView: PaymentOptionsView(
        due=13000,
        credit_balance=5000,
        applicable_credit=5000,
        offer_credit=True,
        methods=tuple(PaymentMethod),
        currency="USD",
    ),
    CaptureView: CaptureView(captured=2000, currency="USD", entries=[_ENTRY], invoice=_INVOICE_VIEW),
    PaymentView: _PAYMENT_VIEW,
    RecordedPaymentView: RecordedPaymentView(**_PAYMENT_FIELDS, entry=_ENTRY, requested=None, capped_by=None),
    BulkPaymentView: BulkPaymentView(id=_id(9), amount=15000, currency="USD", payments=[_PAYMENT_VIEW]),
    EntryView: _ADDED,
    CreditTab: CreditTab(
        balance=5000,
        currency="USD",
        quickbooks_reminder=QUICKBOOKS_REMINDER,
        can_add=True,
        can_void=True,
        reasons=list(ADD_REASONS),
        entries=[_ADDED],
        next_cursor=None,
    ),
    CollectedReport: CollectedReport(
        items=[CollectedItem(date=_TODAY, method=PaymentMethod.CASH, count=1, collected=15000)],
        total=15000,
        currency="USD",
    ),
    CreditReport: CreditReport(
        total=7000,
        clients=1,
        currency="USD",
        opening_total=5000,
        added=0,
        captured=2000,
        applied=0,
        returned=0,
        voided=0,
        closing_total=7000,
    ),
}

BODY_EXAMPLES: Mapping[Any, Mapping[str, Any]] = {
    bodies.SignInBody: {
        "sign in": {"shop": "main-street", "email": "sam@example.com", "password": "correct horse battery"}
    },
    bodies.RefreshTokenBody: {"refresh token": {"refresh_token": "rt_..."}},
    bodies.ShopEditBody: {
        "connect QuickBooks": {"quickbooks_connected": True},
        "write to clients": {"email_notices": True, "language": "en", "email": "desk@main-street.example"},
    },
    bodies.StaffBody: {
        "cashier": {
            "name": "Alex Kim",
            "email": "alex@example.com",
            "permissions": ["create_payments"],
            "password": "correct horse battery",
        }
    },
    bodies.StaffEditBody: {"end access": {"active": False}},
    bodies.ApiKeyBody: {"terminal": {"name": "Parts terminal", "permissions": ["create_payments"]}},
    bodies.ClientBody: {"client": {"name": "Pat Doe", "email": "pat@example.com", "phone": "555-0134"}},
    bodies.ClientEditBody: {"new phone": {"phone": "555-0199"}, "no e-mails": {"email_notices": False}},
    bodies.InvoiceBody: {
        "brakes": {
            "client_id": str(_CLIENT),
            "number": "INV-1",
            "vehicle": "2019 Honda Civic",
            "lines": [
                {"description": "Brake pads", "quantity": 2, "unit_price": 4000},
                {"description": "Labour", "quantity": "1.5", "unit_price": 3000},
                {"description": "Loyal customer", "quantity": 1, "unit_price": -500},
            ],
            "tax": 1000,
        }
    },
    bodies.InvoiceEditBody: {"other tax": {"tax": 900}},
    bodies.PaymentBody: {
        "credit, the most possible": {"method": "account_credit"},
        "credit, some": {"method": "account_credit", "amount": 2500},
        "cash, the rest as credit": {"method": "cash", "amount": 15000, "overpayment": "capture"},
    },
    bodies.PaymentEditBody: {"other reference": {"reference": "check 1042"}},
    bodies.BulkPaymentBody: {
        "two invoices": {
            "client_id": str(_CLIENT),
            "method": "check",
            "reference": "check 1042",
            "allocations": [
                {"invoice_id": str(_INVOICE), "amount": 5000},
                {"invoice_id": str(_id(10)), "amount": 2500},
            ],
        }
    },
    bodies.CreditBody: {"goodwill": {"reason": "goodwill", "amount": 5000, "note": "job ran late"}},
    bodies.VoidBody: {"void": {"note": "entered twice"}},
    bodies.WebhookEndpointBody: {
        "bookkeeping": {
            "url": "https://books.example.com/hooks/account-credit",
            "kinds": ["credit.applied", "payment.recorded"],
            "description": "Bookkeeping",
        }
    },
    bodies.WebhookEndpointEditBody: {"off": {"on": False}, "other kinds": {"kinds": ["credit.added"]}},
    bodies.ResendBody: {"missed in two days": {"from": "2026-03-01", "to": "2026-03-02"}},
}
