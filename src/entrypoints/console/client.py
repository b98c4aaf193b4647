"""A client: the card, and the tab of the invoices. Other tabs are pages of their own that show the same head."""

from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from core.ids import ClientId
from core.views import ClientView
from entrypoints.console.addresses import client_address
from entrypoints.console.navigation import CLIENT_TABS
from entrypoints.console.services import Console, ConsoleOf, VisitorOf
from entrypoints.console.visitors import Visitor, listing
from entrypoints.http.cursors import ListFilters


class NoFilters(ListFilters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of a list that cannot be narrowed."""


async def client_facts(console: Console, visitor: Visitor, client_id: UUID, tab: str) -> dict[str, Any]:
    """What ``client.html`` needs beside the facts of the tab itself. ``tab``: its name in the navigation.

    Raises:
        NotFound.
    """
    return facts_of(await console.show_client(visitor.caller, ClientId(client_id)), visitor, tab)


def facts_of(client: ClientView, visitor: Visitor, tab: str) -> dict[str, Any]:
    """The same of a client that the tab has read itself."""
    return {"client": client, "tab": tab, "tabs": tabs_of(client, visitor)}


def tabs_of(client: ClientView, visitor: Visitor) -> list[tuple[str, str]]:
    """Names and addresses."""
    return [(tab.name, client_address(client.id) + tab.path) for tab in CLIENT_TABS if visitor.may_go(tab)]


@get("/clients/{client_id:uuid}")
async def show_client(console: ConsoleOf, visitor: VisitorOf, client_id: FromPath[UUID]) -> Response[str]:
    """The client with its invoices, newest first."""
    filters = visitor.query(NoFilters)
    facts = await client_facts(console, visitor, client_id, "Invoices")
    cursors = console.cursors.of_list("console client", visitor.caller, filters, client_id)
    page = await console.list_invoices(
        visitor.caller, client_id=ClientId(client_id), status=None, after=cursors.after, limit=filters.limit
    )
    invoices = listing(
        visitor, console.cursors, "console client", client_address(client_id), filters, page, client_id=client_id
    )
    return visitor.page("client/invoices.html", invoices=invoices, **facts)


routes = [show_client]
