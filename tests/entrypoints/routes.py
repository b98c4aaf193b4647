"""Every operation of the staff API, with a request for it and the permission that it needs.

The tests of who may what, and of strangers, run over this table; one of them fails where a route is missing here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

Json = dict[str, Any]


@dataclass(frozen=True)
class Ids:
    """The ids that a request names: of one shop's things, or of nothing."""

    client: UUID = field(default_factory=uuid4)
    invoice: UUID = field(default_factory=uuid4)
    other_invoice: UUID = field(default_factory=uuid4)
    payment: UUID = field(default_factory=uuid4)
    bulk_payment: UUID = field(default_factory=uuid4)
    entry: UUID = field(default_factory=uuid4)
    staff: UUID = field(default_factory=uuid4)
    api_key: UUID = field(default_factory=uuid4)


def _nothing(_ids: Ids) -> Json:
    return {}


@dataclass(frozen=True)
class Route:
    """``body`` None: the request has none. ``query``: parameters that name an id."""

    method: str
    path: str
    permission: str | None = None
    body: Callable[[Ids], Json] | None = None
    query: Callable[[Ids], dict[str, str]] = _nothing
    needs_key: bool = False

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def url(self, ids: Ids) -> str:
        return self.path.format(
            client_id=ids.client,
            invoice_id=ids.invoice,
            payment_id=ids.payment,
            bulk_payment_id=ids.bulk_payment,
            entry_id=ids.entry,
            staff_id=ids.staff,
            api_key_id=ids.api_key,
        )


PAY, CLIENTS, INVOICES, STAFF, SETTINGS = (
    "create_payments",
    "manage_clients",
    "manage_invoices",
    "manage_staff",
    "manage_settings",
)
LINES = [{"description": "Brakes", "quantity": 1, "unit_price": 13000}]

ROUTES = [
    Route("GET", "/v1/me"),
    Route("GET", "/v1/shop"),
    Route("PATCH", "/v1/shop", SETTINGS, lambda _: {"name": "Renamed"}),
    Route("GET", "/v1/staff", STAFF),
    Route(
        "POST",
        "/v1/staff",
        STAFF,
        lambda _: {"name": "New", "email": f"{uuid4().hex}@example.com", "permissions": [], "password": "0123456789ab"},
    ),
    Route("PATCH", "/v1/staff/{staff_id}", STAFF, lambda _: {"name": "Renamed"}),
    Route("GET", "/v1/api-keys", STAFF),
    Route("POST", "/v1/api-keys", STAFF, lambda _: {"name": "till", "permissions": []}),
    Route("DELETE", "/v1/api-keys/{api_key_id}", STAFF),
    Route("GET", "/v1/clients"),
    Route("POST", "/v1/clients", CLIENTS, lambda _: {"name": "New client"}),
    Route("GET", "/v1/clients/{client_id}"),
    Route("PATCH", "/v1/clients/{client_id}", CLIENTS, lambda _: {"name": "Renamed"}),
    Route("DELETE", "/v1/clients/{client_id}", CLIENTS),
    Route("POST", "/v1/clients/{client_id}/restore", CLIENTS, _nothing),
    Route("GET", "/v1/invoices", query=lambda ids: {"client_id": str(ids.client)}),
    Route("POST", "/v1/invoices", INVOICES, lambda ids: {"client_id": str(ids.client), "lines": LINES}),
    Route("GET", "/v1/invoices/{invoice_id}"),
    Route("PATCH", "/v1/invoices/{invoice_id}", INVOICES, lambda _: {"vehicle": "Van"}),
    Route("POST", "/v1/invoices/{invoice_id}/void", INVOICES, _nothing),
    Route("GET", "/v1/invoices/{invoice_id}/payment-options"),
    Route(
        "POST",
        "/v1/invoices/{invoice_id}/payments",
        PAY,
        lambda _: {"method": "cash", "amount": 100},
        needs_key=True,
    ),
    Route("GET", "/v1/payments", query=lambda ids: {"client_id": str(ids.client)}),
    Route("GET", "/v1/payments/{payment_id}"),
    Route("PATCH", "/v1/payments/{payment_id}", PAY, lambda _: {"reference": "changed"}),
    Route("DELETE", "/v1/payments/{payment_id}", PAY),
    Route(
        "POST",
        "/v1/bulk-payments",
        PAY,
        lambda ids: {
            "client_id": str(ids.client),
            "method": "cash",
            "allocations": [
                {"invoice_id": str(ids.invoice), "amount": 100},
                {"invoice_id": str(ids.other_invoice), "amount": 100},
            ],
        },
        needs_key=True,
    ),
    Route("DELETE", "/v1/bulk-payments/{bulk_payment_id}", PAY),
    Route("POST", "/v1/invoices/{invoice_id}/capture-overpayment", PAY, _nothing, needs_key=True),
    Route("GET", "/v1/clients/{client_id}/credit"),
    Route("GET", "/v1/clients/{client_id}/credit/entries"),
    Route(
        "POST",
        "/v1/clients/{client_id}/credit/entries",
        PAY,
        lambda _: {"reason": "goodwill", "amount": 100, "note": "late"},
        needs_key=True,
    ),
    Route("GET", "/v1/clients/{client_id}/credit/entries.csv"),
    Route("GET", "/v1/credit/entries"),
    Route("GET", "/v1/credit/entries.csv"),
    Route("GET", "/v1/credit/entries/{entry_id}"),
    Route("POST", "/v1/credit/entries/{entry_id}/void", PAY, lambda _: {"note": "wrong"}, needs_key=True),
    Route("GET", "/v1/reports/collected"),
    Route("GET", "/v1/reports/credit"),
]

OPEN_ROUTES = {
    "POST /v1/auth/sign-in",
    "POST /v1/auth/refresh",
    "POST /v1/auth/sign-out",
    "GET /health/live",
    "GET /health/ready",
    "GET /docs",
    "GET /openapi.json",
}
"""What answers without a credential."""
