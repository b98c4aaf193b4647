"""What was sent to an endpoint or by e-mail, what was answered, and sending one notice again."""

from collections.abc import Iterable
from typing import Any, Literal
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from core.ids import ClientId, DeliveryId, EndpointId
from core.staff import Permission
from core.webhook_views import DeliveryView
from entrypoints.console.addresses import endpoint_address, notices_address
from entrypoints.console.forms import FormStruct
from entrypoints.console.notices import log_facts, name_of
from entrypoints.console.services import Console, ConsoleOf, FormOf, VisitorOf
from entrypoints.console.settings.endpoints import TAB as WEBHOOKS_TAB
from entrypoints.console.settings.endpoints import signed_twice_until
from entrypoints.console.settings.tabs import PATH, settings_facts
from entrypoints.console.visitors import Visitor, listing
from entrypoints.console.words import OFF_REASONS
from entrypoints.staff_api.filters import DeliveryFilters

EMAILS = f"{PATH}/emails"
_ENDPOINT_LOG, _EMAIL_LOG = "console deliveries of an endpoint", "console e-mails"


class ResendOneForm(FormStruct, frozen=True, kw_only=True):
    """``shown``: which log it was sent again from."""

    shown: Literal["endpoint", "emails", "client"]


@get("/settings/webhooks/{endpoint_id:uuid}")
async def show_endpoint(console: ConsoleOf, visitor: VisitorOf, endpoint_id: FromPath[UUID]) -> Response[str]:
    """How it does, and its log, newest first."""
    filters = visitor.query(DeliveryFilters)
    endpoint = await console.show_webhook_endpoint(visitor.caller, EndpointId(endpoint_id))
    cursors = console.cursors.of_list(_ENDPOINT_LOG, visitor.caller, filters, endpoint_id)
    page = await console.list_endpoint_deliveries(
        visitor.caller, EndpointId(endpoint_id), state=filters.state, after=cursors.after, limit=filters.limit
    )
    path = endpoint_address(endpoint_id)
    return visitor.page(
        "settings/endpoint.html",
        endpoint=endpoint,
        name_of=name_of,
        off_words=OFF_REASONS,
        until=signed_twice_until(endpoint, console),
        log=listing(visitor, console.cursors, _ENDPOINT_LOG, path, filters, page, client_id=endpoint_id),
        clients=await _names(console, visitor, page.items),
        **log_facts(path, filters, shown="endpoint"),
        **await settings_facts(console, visitor, WEBHOOKS_TAB),
    )


@get("/settings/emails")
async def show_emails(console: ConsoleOf, visitor: VisitorOf) -> Response[str]:
    """What went to clients by e-mail, newest first."""
    filters = visitor.query(DeliveryFilters)
    cursors = console.cursors.of_list(_EMAIL_LOG, visitor.caller, filters)
    page = await console.list_emails(visitor.caller, state=filters.state, after=cursors.after, limit=filters.limit)
    return visitor.page(
        "settings/emails.html",
        log=listing(visitor, console.cursors, _EMAIL_LOG, EMAILS, filters, page),
        clients=await _names(console, visitor, page.items),
        **log_facts(EMAILS, filters, shown="emails"),
        **await settings_facts(console, visitor, "E-mails"),
    )


@post("/deliveries/{delivery_id:uuid}/resend")
async def resend(console: ConsoleOf, visitor: VisitorOf, form: FormOf, delivery_id: FromPath[UUID]) -> Response[Any]:
    """Needs the permission `manage_settings`."""
    visitor.require(Permission.MANAGE_SETTINGS)
    shown = form.read(ResendOneForm).shown
    delivery = await form.once(lambda caller: console.resend_delivery(caller, DeliveryId(delivery_id)), DeliveryView)
    back = EMAILS if shown == "emails" else notices_address(delivery.client_id)
    if shown == "endpoint" and delivery.endpoint_id is not None:
        back = endpoint_address(delivery.endpoint_id)
    return visitor.go(back, "The notice is sent again.")


async def _names(console: Console, visitor: Visitor, deliveries: Iterable[DeliveryView]) -> dict[ClientId, str]:
    """Of the clients that they are about."""
    return await console.name_clients(
        visitor.caller, [ClientId(id_) for id_ in {each.client_id for each in deliveries}]
    )


routes = [show_endpoint, show_emails, resend]
