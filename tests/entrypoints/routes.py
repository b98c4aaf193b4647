"""Every operation of the program, with a request for it and the permission that it needs.

The tests of who may what and of strangers run over this table. It is held against the application's own routes: one
that is served and not listed here fails them. Where a new one goes:

- the request into :data:`ROUTES` (with a credential) or :data:`OPEN` (without one), that of a page of the console into
  tests/console/routes.py;
- an id of a new kind into :class:`Ids`, as ``<kind>`` for the path's ``{<kind>_id}``;
- one such thing, with every text of it filled in, into tests/entrypoints/shop_with_everything.py.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from litestar import Litestar
from litestar.routes import HTTPRoute

Json = dict[str, Any]


@dataclass(frozen=True)
class Ids:
    """What a request can name: one shop's things, or nothing that there is."""

    client: UUID = field(default_factory=uuid4)
    client_without_anything: UUID = field(default_factory=uuid4)
    invoice: UUID = field(default_factory=uuid4)
    other_invoice: UUID = field(default_factory=uuid4)
    overpaid_invoice: UUID = field(default_factory=uuid4)
    unpaid_invoice: UUID = field(default_factory=uuid4)
    payment: UUID = field(default_factory=uuid4)
    bulk_payment: UUID = field(default_factory=uuid4)
    entry: UUID = field(default_factory=uuid4)
    staff: UUID = field(default_factory=uuid4)
    api_key: UUID = field(default_factory=uuid4)
    endpoint: UUID = field(default_factory=uuid4)
    spare_endpoint: UUID = field(default_factory=uuid4)
    delivery: UUID = field(default_factory=uuid4)
    slug: str = field(default_factory=lambda: f"shop-{uuid4().hex}")
    refresh_token: str = field(
        default_factory=lambda: f"rt_{uuid4().hex}_{uuid4().hex}_{secrets.token_urlsafe(32)}",
    )
    idempotency_key: str = field(default_factory=lambda: uuid4().hex)


def _nothing(_ids: Ids) -> Json:
    return {}


@dataclass(frozen=True)
class Route:
    """``body`` None: the request has none. ``query``: parameters that name an id. ``where``: which of :class:`Ids`
    stands in the path, where the parameter's name does not say it. ``fixed``: what stands in the path and is no id.
    ``form``: what a page of the console sends instead of a body.
    """

    method: str
    path: str
    permission: str | None = None
    body: Callable[[Ids], Json] | None = None
    query: Callable[[Ids], dict[str, str]] = _nothing
    needs_key: bool = False
    form: Callable[[Any], Mapping[str, str]] | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_page(self) -> bool:
        """Of the console, which goes by a cookie."""
        return self.path == "/app" or self.path.startswith("/app/")

    def url(self, ids: Ids) -> str:
        parameters = re.findall(r"\{(\w+)\}", self.path)
        ours = {
            name: getattr(ids, self.where.get(name, name.removesuffix("_id")))
            for name in parameters
            if name not in self.fixed
        }
        return self.path.format(**ours, **self.fixed)


def served(app: Litestar) -> Iterator[tuple[str, str]]:
    """Method and path of everything that the application answers, as it says itself."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method in route.methods:
                yield method, re.sub(r":\w+\}", "}", route.path)


PAY, CLIENTS, INVOICES, STAFF, SETTINGS = (
    "create_payments",
    "manage_clients",
    "manage_invoices",
    "manage_staff",
    "manage_settings",
)
ENDPOINT = {"url": "https://93.184.215.14/hooks", "kinds": ["credit.added"], "description": "Books"}
"""An address that needs no lookup."""
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
    Route("DELETE", "/v1/clients/{client_id}", CLIENTS, where={"client_id": "client_without_anything"}),
    Route("POST", "/v1/clients/{client_id}/restore", CLIENTS, _nothing),
    Route("GET", "/v1/invoices", query=lambda ids: {"client_id": str(ids.client)}),
    Route("POST", "/v1/invoices", INVOICES, lambda ids: {"client_id": str(ids.client), "lines": LINES}),
    Route("GET", "/v1/invoices/{invoice_id}"),
    Route("PATCH", "/v1/invoices/{invoice_id}", INVOICES, lambda _: {"vehicle": "Van"}),
    Route("POST", "/v1/invoices/{invoice_id}/void", INVOICES, _nothing, where={"invoice_id": "unpaid_invoice"}),
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
    Route(
        "POST",
        "/v1/invoices/{invoice_id}/capture-overpayment",
        PAY,
        _nothing,
        needs_key=True,
        where={"invoice_id": "overpaid_invoice"},
    ),
    Route("GET", "/v1/clients/{client_id}/credit"),
    Route("GET", "/v1/clients/{client_id}/credit/entries"),
    Route(
        "POST",
        "/v1/clients/{client_id}/credit/entries",
        PAY,
        lambda ids: {"reason": "goodwill", "amount": 100, "note": "late", "invoice_id": str(ids.invoice)},
        needs_key=True,
    ),
    Route("GET", "/v1/clients/{client_id}/credit/entries.csv"),
    Route("GET", "/v1/credit/entries"),
    Route("GET", "/v1/credit/entries.csv"),
    Route("GET", "/v1/credit/entries/{entry_id}"),
    Route("POST", "/v1/credit/entries/{entry_id}/void", PAY, lambda _: {"note": "wrong"}, needs_key=True),
    Route("GET", "/v1/reports/collected"),
    Route("GET", "/v1/reports/credit"),
    Route("GET", "/v1/webhook-endpoints", SETTINGS),
    Route("POST", "/v1/webhook-endpoints", SETTINGS, lambda _: ENDPOINT),
    Route("GET", "/v1/webhook-endpoints/{endpoint_id}", SETTINGS),
    Route("PATCH", "/v1/webhook-endpoints/{endpoint_id}", SETTINGS, lambda _: {"description": "Renamed"}),
    Route("DELETE", "/v1/webhook-endpoints/{endpoint_id}", SETTINGS, where={"endpoint_id": "spare_endpoint"}),
    Route("POST", "/v1/webhook-endpoints/{endpoint_id}/rotate-secret", SETTINGS, _nothing),
    Route("GET", "/v1/webhook-endpoints/{endpoint_id}/deliveries", SETTINGS),
    Route("POST", "/v1/webhook-endpoints/{endpoint_id}/resend", SETTINGS, lambda _: {"from": "2026-01-01"}),
    Route("POST", "/v1/deliveries/{delivery_id}/resend", SETTINGS, _nothing),
    Route("GET", "/v1/clients/{client_id}/notices"),
]

OPEN = [
    Route(
        "POST",
        "/v1/auth/sign-in",
        body=lambda ids: {"shop": ids.slug, "email": f"{uuid4().hex}@example.com", "password": "0123456789ab"},
    ),
    Route("POST", "/v1/auth/refresh", body=lambda ids: {"refresh_token": ids.refresh_token}),
    Route("POST", "/v1/auth/sign-out", body=lambda ids: {"refresh_token": ids.refresh_token}),
    Route("GET", "/health/live"),
    Route("GET", "/health/ready"),
    Route("GET", "/docs"),
    Route("GET", "/docs/assets/{name}", fixed={"name": "start.js"}),
    Route("GET", "/docs/problems/{code}", fixed={"code": "not_found"}),
    Route("GET", "/openapi.json"),
]
"""What answers without a credential."""
