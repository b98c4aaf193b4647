"""Clients: the list, add, edit, delete, restore."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Meta

from core.ids import ClientId
from core.staff import Permission, clean_email
from core.use_cases.clients import ClientEdit
from core.views import ClientView
from entrypoints.console.addresses import CLIENTS, client_address
from entrypoints.console.formats import isolated
from entrypoints.console.forms import FormStruct
from entrypoints.console.refusals import REFUSED
from entrypoints.console.services import Console, ConsoleOf, FormOf, VisitorOf
from entrypoints.console.visitors import Listing, Visitor, listing
from entrypoints.staff_api.filters import ClientFilters
from entrypoints.staff_api.texts import Email, Name, Phone


class ClientForm(FormStruct, frozen=True, kw_only=True):
    name: Annotated[Name, Meta(title="Name")]
    email: Annotated[Email, Meta(title="E-mail")] | None = None
    phone: Annotated[Phone, Meta(title="Phone")] | None = None
    email_notices: Annotated[bool, Meta(title="Notices about credit")] = False

    @property
    def clean_email(self) -> str | None:
        return None if self.email is None else clean_email(self.email)


@get("/clients")
async def list_clients(console: ConsoleOf, visitor: VisitorOf) -> Response[Any]:
    """By name, each with its balance; while somebody types, only the list itself."""
    filters = visitor.query(ClientFilters)
    facts: dict[str, Any] = {
        "listing": await _list(console, visitor, filters),
        "filters": filters,
        "title": "Deleted clients" if filters.deleted else "Clients",
    }
    if visitor.asks_for_part("clients"):
        return visitor.part("clients/_list_part.html", **facts)
    return visitor.page("clients/list.html", **facts)


async def _list(console: Console, visitor: Visitor, filters: ClientFilters) -> Listing:
    cursors = console.cursors.of_list("console clients", visitor.caller, filters)
    page = await console.list_clients(
        visitor.caller,
        q=filters.q or None,
        has_credit=filters.has_credit,
        deleted=filters.deleted,
        after=cursors.after,
        limit=filters.limit,
    )
    return listing(visitor, console.cursors, "console clients", CLIENTS, filters, page)


@get("/clients/add")
async def show_add_client(visitor: VisitorOf) -> Response[str]:
    """The form for a new client."""
    visitor.require(Permission.MANAGE_CLIENTS)
    return visitor.page("clients/add.html", form=visitor.form(ClientForm, email_notices=True))


@post("/clients/add")
async def add_client(console: ConsoleOf, visitor: VisitorOf, form: FormOf) -> Response[Any]:
    """Needs the permission `manage_clients`."""
    visitor.require(Permission.MANAGE_CLIENTS)
    try:
        typed = form.read(ClientForm)
        email = typed.clean_email
        client = await form.once(
            lambda caller: console.add_client(
                caller, name=typed.name, email=email, phone=typed.phone, email_notices=typed.email_notices
            ),
            ClientView,
        )
    except REFUSED as refusal:
        return visitor.again("clients/add.html", form, refusal)
    return visitor.go(client_address(client.id), f"{isolated(client.name)} was added.")


@get("/clients/{client_id:uuid}/edit")
async def show_edit_client(console: ConsoleOf, visitor: VisitorOf, client_id: FromPath[UUID]) -> Response[str]:
    """The form with what is known of a client."""
    visitor.require(Permission.MANAGE_CLIENTS)
    client = await console.show_client(visitor.caller, ClientId(client_id))
    form = visitor.edit_form(
        ClientForm, name=client.name, email=client.email, phone=client.phone, email_notices=client.email_notices
    )
    return visitor.page("clients/edit.html", form=form, client=client)


@post("/clients/{client_id:uuid}/edit")
async def edit_client(console: ConsoleOf, visitor: VisitorOf, form: FormOf, client_id: FromPath[UUID]) -> Response[Any]:
    """Needs the permission `manage_clients`."""
    visitor.require(Permission.MANAGE_CLIENTS)
    try:
        typed = form.read(ClientForm)
        changed = form.changed(
            name=typed.name, email=typed.clean_email, phone=typed.phone, email_notices=typed.email_notices
        )
        edit = ClientEdit(**changed)
        client = await form.once(lambda caller: console.edit_client(caller, ClientId(client_id), edit), ClientView)
    except REFUSED as refusal:
        client = await console.show_client(visitor.caller, ClientId(client_id))
        return visitor.again("clients/edit.html", form, refusal, client=client)
    return visitor.go(client_address(client.id), "The client was saved.")


@get("/clients/{client_id:uuid}/delete")
async def show_delete_client(console: ConsoleOf, visitor: VisitorOf, client_id: FromPath[UUID]) -> Response[str]:
    """What deleting means, and whether it is possible."""
    visitor.require(Permission.MANAGE_CLIENTS)
    client = await console.show_client(visitor.caller, ClientId(client_id))
    return visitor.page("clients/delete.html", form=visitor.form(), client=client)


@post("/clients/{client_id:uuid}/delete")
async def delete_client(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, client_id: FromPath[UUID]
) -> Response[Any]:
    """R24. Needs the permission `manage_clients`."""
    try:
        await form.once(lambda caller: console.delete_client(caller, ClientId(client_id)), type(None))
    except REFUSED as refusal:
        client = await console.show_client(visitor.caller, ClientId(client_id))
        return visitor.again("clients/delete.html", form, refusal, client=client)
    return visitor.go(
        client_address(client_id), "The client was deleted. Ledger, invoices and payments remain readable."
    )


@post("/clients/{client_id:uuid}/restore")
async def restore_client(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, client_id: FromPath[UUID]
) -> Response[Any]:
    """Needs the permission `manage_clients`."""
    client = await form.once(lambda caller: console.restore_client(caller, ClientId(client_id)), ClientView)
    return visitor.go(client_address(client_id), f"{isolated(client.name)} was restored.")


routes = [
    list_clients,
    show_add_client,
    add_client,
    show_edit_client,
    edit_client,
    show_delete_client,
    delete_client,
    restore_client,
]
