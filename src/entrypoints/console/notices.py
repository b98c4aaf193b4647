"""The Notices tab of a client: what was sent about the client, to whom, and how it went."""

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from core.deliveries import DeliveryState
from core.ids import ClientId
from core.staff import Permission
from core.webhook_views import WebhookEndpointView
from core.webhooks import MAX_ENDPOINTS
from entrypoints.console.addresses import notices_address
from entrypoints.console.client import client_facts
from entrypoints.console.services import Console, ConsoleOf, VisitorOf
from entrypoints.console.visitors import Visitor, listing
from entrypoints.console.words import DELIVERY_STATES, NOTICES
from entrypoints.staff_api.filters import DeliveryFilters

TAB = "Notices"
_LIST = "console notices of a client"


@get("/clients/{client_id:uuid}/notices")
async def show_notices(console: ConsoleOf, visitor: VisitorOf, client_id: FromPath[UUID]) -> Response[str]:
    """Newest first."""
    filters = visitor.query(DeliveryFilters)
    facts = await client_facts(console, visitor, client_id, TAB)
    cursors = console.cursors.of_list(_LIST, visitor.caller, filters, client_id)
    page = await console.list_client_notices(
        visitor.caller, ClientId(client_id), state=filters.state, after=cursors.after, limit=filters.limit
    )
    path = notices_address(client_id)
    return visitor.page(
        "client/notices.html",
        log=listing(visitor, console.cursors, _LIST, path, filters, page, client_id=client_id),
        endpoints=await _endpoints(console, visitor),
        name_of=name_of,
        **log_facts(path, filters, shown="client"),
        **facts,
    )


async def _endpoints(console: Console, visitor: Visitor) -> dict[UUID, WebhookEndpointView]:
    """The shop's webhook endpoints by their ids, for whoever may see them; deleted ones are not there."""
    if not visitor.may(Permission.MANAGE_SETTINGS):
        return {}
    page = await console.list_webhook_endpoints(visitor.caller, after=None, limit=MAX_ENDPOINTS)
    return {endpoint.id: endpoint for endpoint in page.items}


def name_of(endpoint: WebhookEndpointView) -> str:
    """What people call it."""
    return endpoint.description or urlsplit(endpoint.url).netloc


def log_facts(path: str, filters: DeliveryFilters, *, shown: str) -> dict[str, Any]:
    """What ``notices/_log.html`` needs beside the list itself. ``shown``: see :class:`ResendOneForm`."""
    states = [("All", path, filters.state is None)]
    states += [(DELIVERY_STATES[each], f"{path}?state={each}", filters.state is each) for each in DeliveryState]
    return {
        "states": states,
        "narrowed": filters.state is not None,
        "state_words": DELIVERY_STATES,
        "notice_words": NOTICES,
        "shown": shown,
    }


routes = [show_notices]
