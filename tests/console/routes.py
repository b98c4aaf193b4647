"""Every route of the console, with a form for it and the permission that it needs.

The tests of who may what and of strangers run over this table; one of them fails where a route is missing here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from tests.desk import Desk

Entries = Mapping[str, str]


@dataclass(frozen=True)
class Ids:
    """The ids that a request names: of one shop's things, or of nothing."""

    client: UUID = field(default_factory=uuid4)
    invoice: UUID = field(default_factory=uuid4)
    payment: UUID = field(default_factory=uuid4)
    bulk_payment: UUID = field(default_factory=uuid4)
    entry: UUID = field(default_factory=uuid4)
    staff: UUID = field(default_factory=uuid4)
    api_key: UUID = field(default_factory=uuid4)
    endpoint: UUID = field(default_factory=uuid4)
    delivery: UUID = field(default_factory=uuid4)


async def ids_of(desk: Desk) -> Ids:
    """One of each thing, at that desk."""
    client = await desk.client("Canary Quux")
    entry = await desk.add(client, 5000)
    invoice = await desk.invoice(client, 13000)
    payment = await desk.pay(invoice, 100)
    bulk = await desk.pay_together(client, [(await desk.invoice(client, 100), 100), (invoice, 100)])
    member, _ = await desk.hire(name="Robin Quux")
    key = await desk.container.add_api_key()(desk.owner, name="till of Quux", permissions=set())
    endpoint = await desk.endpoint("https://93.184.215.14/Quux")
    return Ids(
        client=client,
        entry=entry.id,
        invoice=invoice,
        payment=payment.id,
        bulk_payment=bulk.id,
        staff=member.id,
        api_key=key.id,
        endpoint=endpoint.id,
        delivery=await desk.delivery(endpoint.id),
    )


@dataclass(frozen=True)
class Route:
    """``permission``: without it the page is refused. ``form``: what a POST sends beside its token and key.
    ``leads_to``: of an address that takes a form alone, where whoever opens it is led.
    """

    method: str
    path: str
    permission: str | None = None
    form: Callable[[Ids], Entries] = lambda _: {}
    leads_to: str | None = None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def url(self, ids: Ids) -> str:
        return address(self.path, ids)


def address(path: str, ids: Ids) -> str:
    return path.format(**{f"{name}_id": getattr(ids, name) for name in ids.__dataclass_fields__})


CLIENTS = "manage_clients"
PAYMENTS = "create_payments"
INVOICES = "manage_invoices"
STAFF = "manage_staff"
SETTINGS = "manage_settings"


def _one_allocation(ids: Ids) -> Entries:
    return {"method": "check", "allocations[0].invoice_id": str(ids.invoice), "allocations[0].amount": "1"}


def _two_allocations(ids: Ids) -> Entries:
    # Of the client, and of nobody; both are refused where the permission is lacking.
    more = {"allocations[1].invoice_id": str(uuid4()), "allocations[1].amount": "1"}
    return {**_one_allocation(ids), **more}


ENDPOINT = {"url": "https://93.184.215.14/hooks", "kinds": "credit.added"}
"""At an address that needs no lookup."""
LINES = {"number": "INV-9", "lines[0].description": "Work", "lines[0].unit_price": "1"}

ROUTES = [
    Route("GET", "/app"),
    Route("GET", "/app/clients"),
    Route("GET", "/app/clients/add", CLIENTS),
    Route("POST", "/app/clients/add", CLIENTS, lambda _: {"name": "New client"}),
    Route("GET", "/app/clients/{client_id}"),
    Route("GET", "/app/clients/{client_id}/edit", CLIENTS),
    Route("POST", "/app/clients/{client_id}/edit", CLIENTS, lambda _: {"name": "Renamed"}),
    Route("GET", "/app/clients/{client_id}/delete", CLIENTS),
    Route("POST", "/app/clients/{client_id}/delete", CLIENTS),
    Route("POST", "/app/clients/{client_id}/restore", CLIENTS),
    Route("GET", "/app/clients/{client_id}/credit"),
    Route("GET", "/app/clients/{client_id}/credit.csv"),
    Route("GET", "/app/clients/{client_id}/credit/explained"),
    Route("GET", "/app/clients/{client_id}/credit/add", PAYMENTS),
    Route(
        "POST", "/app/clients/{client_id}/credit/add/preview", PAYMENTS, lambda ids: {"invoice_id": str(ids.invoice)}
    ),
    Route(
        "POST",
        "/app/clients/{client_id}/credit/add",
        PAYMENTS,
        lambda ids: {"reason": "refund", "amount": "1", "note": "n", "invoice_id": str(ids.invoice)},
    ),
    Route("GET", "/app/invoices"),
    Route("GET", "/app/clients/{client_id}/invoices/add", INVOICES),
    Route("POST", "/app/clients/{client_id}/invoices/add/lines", INVOICES, lambda _: LINES),
    Route("POST", "/app/clients/{client_id}/invoices/add", INVOICES, lambda _: LINES),
    Route("GET", "/app/invoices/{invoice_id}"),
    Route("GET", "/app/invoices/{invoice_id}/edit", INVOICES),
    Route("POST", "/app/invoices/{invoice_id}/edit/lines", INVOICES, lambda _: LINES),
    Route("POST", "/app/invoices/{invoice_id}/edit", INVOICES, lambda _: LINES),
    Route("GET", "/app/invoices/{invoice_id}/void", INVOICES),
    Route("POST", "/app/invoices/{invoice_id}/void", INVOICES),
    Route("GET", "/app/invoices/{invoice_id}/capture", PAYMENTS),
    Route("POST", "/app/invoices/{invoice_id}/capture", PAYMENTS),
    Route("GET", "/app/invoices/{invoice_id}/pay", PAYMENTS),
    Route("POST", "/app/invoices/{invoice_id}/pay/preview", PAYMENTS, lambda _: {"method": "cash", "amount": "1"}),
    Route("POST", "/app/invoices/{invoice_id}/pay", PAYMENTS, lambda _: {"method": "cash", "amount": "1"}),
    Route("GET", "/app/payments/{payment_id}"),
    Route("GET", "/app/payments/{payment_id}/receipt"),
    Route("GET", "/app/payments/{payment_id}/edit", PAYMENTS),
    Route(
        "POST",
        "/app/payments/{payment_id}/edit",
        PAYMENTS,
        lambda _: {"amount": "2", "was_amount": "1", "method": "card", "received_on": "2026-01-02"},
    ),
    Route("GET", "/app/payments/{payment_id}/delete", PAYMENTS),
    Route("POST", "/app/payments/{payment_id}/delete", PAYMENTS),
    Route("GET", "/app/clients/{client_id}/statement"),
    Route("GET", "/app/clients/{client_id}/statement.pdf"),
    Route("GET", "/app/clients/{client_id}/bulk-payment", PAYMENTS),
    Route("POST", "/app/clients/{client_id}/bulk-payment/total", PAYMENTS, _one_allocation),
    Route("POST", "/app/clients/{client_id}/bulk-payment", PAYMENTS, _two_allocations),
    Route("GET", "/app/bulk-payments/{bulk_payment_id}"),
    Route("GET", "/app/bulk-payments/{bulk_payment_id}/delete", PAYMENTS),
    Route("POST", "/app/bulk-payments/{bulk_payment_id}/delete", PAYMENTS),
    Route("GET", "/app/reports"),
    Route("GET", "/app/reports/collected"),
    Route("GET", "/app/reports/collected/payments"),
    Route("GET", "/app/reports/credit"),
    Route("GET", "/app/reports/ledger"),
    Route("GET", "/app/reports/ledger.csv"),
    Route("GET", "/app/settings"),
    Route("GET", "/app/settings/shop"),
    Route(
        "POST",
        "/app/settings/shop/edit",
        SETTINGS,
        lambda _: {"name": "Renamed", "time_zone": "America/Chicago", "language": "en"},
    ),
    Route("GET", "/app/settings/staff", STAFF),
    Route("GET", "/app/settings/staff/add", STAFF),
    Route(
        "POST",
        "/app/settings/staff/add",
        STAFF,
        lambda _: {"name": "New", "email": f"{uuid4().hex}@example.com", "password": "0123456789ab"},
    ),
    Route("GET", "/app/settings/staff/{staff_id}/edit", STAFF),
    Route("POST", "/app/settings/staff/{staff_id}/edit", STAFF, lambda _: {"name": "New", "email": "new@example.com"}),
    Route("GET", "/app/settings/staff/{staff_id}/password", STAFF),
    Route("POST", "/app/settings/staff/{staff_id}/password", STAFF, lambda _: {"password": "0123456789ab"}),
    Route("GET", "/app/settings/staff/{staff_id}/deactivate", STAFF),
    Route("POST", "/app/settings/staff/{staff_id}/deactivate", STAFF),
    Route("POST", "/app/settings/staff/{staff_id}/activate", STAFF),
    Route("GET", "/app/settings/api-keys", STAFF),
    Route("GET", "/app/settings/api-keys/add", STAFF),
    Route("POST", "/app/settings/api-keys/add", STAFF, lambda _: {"name": "till"}),
    Route("GET", "/app/settings/api-keys/{api_key_id}/delete", STAFF),
    Route("POST", "/app/settings/api-keys/{api_key_id}/delete", STAFF),
    Route("GET", "/app/settings/webhooks", SETTINGS),
    Route("GET", "/app/settings/webhooks/add", SETTINGS),
    Route("POST", "/app/settings/webhooks/add", SETTINGS, lambda _: ENDPOINT),
    Route("GET", "/app/settings/webhooks/{endpoint_id}", SETTINGS),
    Route("GET", "/app/settings/webhooks/{endpoint_id}/edit", SETTINGS),
    Route("POST", "/app/settings/webhooks/{endpoint_id}/edit", SETTINGS, lambda _: ENDPOINT),
    Route("GET", "/app/settings/webhooks/{endpoint_id}/rotate", SETTINGS),
    Route("POST", "/app/settings/webhooks/{endpoint_id}/rotate", SETTINGS),
    Route("GET", "/app/settings/webhooks/{endpoint_id}/off", SETTINGS),
    Route("POST", "/app/settings/webhooks/{endpoint_id}/off", SETTINGS),
    Route("POST", "/app/settings/webhooks/{endpoint_id}/on", SETTINGS),
    Route("GET", "/app/settings/webhooks/{endpoint_id}/delete", SETTINGS),
    Route("POST", "/app/settings/webhooks/{endpoint_id}/delete", SETTINGS),
    Route("GET", "/app/settings/webhooks/{endpoint_id}/resend", SETTINGS),
    Route("POST", "/app/settings/webhooks/{endpoint_id}/resend", SETTINGS, lambda _: {"from": "2026-01-01"}),
    Route("GET", "/app/settings/emails", SETTINGS),
    Route("GET", "/app/clients/{client_id}/notices"),
    Route("POST", "/app/deliveries/{delivery_id}/resend", SETTINGS, lambda _: {"shown": "client"}),
    Route("GET", "/app/credit/entries/{entry_id}"),
    Route("GET", "/app/credit/entries/{entry_id}/void", PAYMENTS),
    Route("POST", "/app/credit/entries/{entry_id}/void", PAYMENTS, lambda _: {"note": "n"}),
    Route("GET", "/app/clients/{client_id}/restore", leads_to="/app/clients/{client_id}"),
    Route("GET", "/app/clients/{client_id}/credit/add/preview", leads_to="/app/clients/{client_id}/credit/add"),
    Route("GET", "/app/clients/{client_id}/invoices/add/lines", leads_to="/app/clients/{client_id}/invoices/add"),
    Route("GET", "/app/clients/{client_id}/bulk-payment/total", leads_to="/app/clients/{client_id}/bulk-payment"),
    Route("GET", "/app/invoices/{invoice_id}/edit/lines", leads_to="/app/invoices/{invoice_id}/edit"),
    Route("GET", "/app/invoices/{invoice_id}/pay/preview", leads_to="/app/invoices/{invoice_id}/pay"),
    Route("GET", "/app/settings/shop/edit", leads_to="/app/settings/shop"),
    Route("GET", "/app/settings/webhooks/{endpoint_id}/on", leads_to="/app/settings/webhooks/{endpoint_id}"),
]
"""What needs a session."""

OPEN_ROUTES = {"GET /app/sign-in", "POST /app/sign-in", "POST /app/sign-out", "GET /app/assets/{name}"}
"""What answers without one; signing out needs one, and ends it."""
