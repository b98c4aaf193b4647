"""Addresses that only forms are sent to, and that a browser can be left at: after a form was refused, or after somebody
signed in again.
"""

from typing import Any

from litestar import Request, Response, get

from entrypoints.console.pages import redirection


@get(
    [
        "/clients/{client_id:uuid}/restore",
        "/clients/{client_id:uuid}/credit/add/preview",
        "/clients/{client_id:uuid}/invoices/add/lines",
        "/clients/{client_id:uuid}/bulk-payment/total",
        "/invoices/{invoice_id:uuid}/edit/lines",
        "/invoices/{invoice_id:uuid}/pay/preview",
        "/settings/shop/edit",
        "/settings/webhooks/{endpoint_id:uuid}/on",
    ]
)
async def show_form(request: Request[Any, Any, Any]) -> Response[bytes]:
    """To the page that the form stands on, which is one step above each of them."""
    return redirection(request.scope["path"].rstrip("/").rpartition("/")[0])


routes = [show_form]
