"""Where the pages of the console are. Templates have these functions too."""

from uuid import UUID

CLIENTS = "/app/clients"
INVOICES = "/app/invoices"
PAYMENTS = "/app/payments"
BULK_PAYMENTS = "/app/bulk-payments"
ENTRIES = "/app/credit/entries"
WEBHOOKS = "/app/settings/webhooks"


def client_address(client_id: UUID) -> str:
    return f"{CLIENTS}/{client_id}"


def credit_address(client_id: UUID) -> str:
    """The Credit tab of a client."""
    return f"{client_address(client_id)}/credit"


def notices_address(client_id: UUID) -> str:
    """The Notices tab of a client."""
    return f"{client_address(client_id)}/notices"


def invoice_address(invoice_id: UUID) -> str:
    return f"{INVOICES}/{invoice_id}"


def payment_address(payment_id: UUID) -> str:
    return f"{PAYMENTS}/{payment_id}"


def bulk_payment_address(bulk_payment_id: UUID) -> str:
    return f"{BULK_PAYMENTS}/{bulk_payment_id}"


def entry_address(entry_id: UUID) -> str:
    return f"{ENTRIES}/{entry_id}"


def endpoint_address(endpoint_id: UUID) -> str:
    return f"{WEBHOOKS}/{endpoint_id}"


FOR_TEMPLATES = {
    address.__name__: address
    for address in (
        client_address,
        credit_address,
        notices_address,
        invoice_address,
        payment_address,
        bulk_payment_address,
        entry_address,
        endpoint_address,
    )
}
