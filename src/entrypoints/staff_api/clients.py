"""Clients."""

from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UnsetType

from core.errors import ClientDeleted, ClientHasCredit, ClientHasOverpayment, InvalidField, PermissionDenied
from core.ids import ClientId
from core.staff import clean_email
from core.use_cases.clients import ClientEdit
from core.views import ClientListItem, ClientView
from entrypoints.http.cursors import Listed
from entrypoints.staff_api.bodies import ClientBody, ClientEditBody, given
from entrypoints.staff_api.filters import ClientFilters
from entrypoints.staff_api.services import Api, CallerOf

_TAGS = ["Clients"]


def _email(email: str | UnsetType | None) -> str | UnsetType | None:
    return clean_email(email) if isinstance(email, str) else email


@get("/clients", summary="List clients", tags=_TAGS, refuses=())
async def list_clients(api: Api, caller: CallerOf, filters: NamedDependency[ClientFilters]) -> Listed[ClientListItem]:
    """By name, each with the credit that the client has."""
    cursors = api.cursors.of_list("clients", caller, filters)
    page = await api.list_clients(
        caller,
        q=filters.q or None,
        has_credit=filters.has_credit,
        deleted=filters.deleted,
        after=cursors.after,
        limit=filters.limit,
    )
    return cursors.listed(page)


@post("/clients", summary="Add a client", tags=_TAGS, refuses=(PermissionDenied, InvalidField))
async def add_client(api: Api, caller: CallerOf, data: JSONBody[ClientBody]) -> ClientView:
    """Needs the permission `manage_clients`."""
    email = None if data.email is None else clean_email(data.email)
    return await api.add_client(caller, name=data.name, email=email, phone=data.phone, email_notices=data.email_notices)


@get("/clients/{client_id:uuid}", summary="Show a client", tags=_TAGS, refuses=())
async def show_client(api: Api, caller: CallerOf, client_id: FromPath[UUID]) -> ClientView:
    """With the client's card: invoiced, paid, due, overpaid and credit."""
    return await api.show_client(caller, ClientId(client_id))


@patch(
    "/clients/{client_id:uuid}",
    summary="Change a client",
    tags=_TAGS,
    refuses=(PermissionDenied, ClientDeleted, InvalidField),
)
async def edit_client(
    api: Api, caller: CallerOf, client_id: FromPath[UUID], data: JSONBody[ClientEditBody]
) -> ClientView:
    """What is left out stays, null clears. Needs the permission `manage_clients`."""
    edit = ClientEdit(
        name=given(data.name),
        email=_email(data.email),
        phone=data.phone,
        email_notices=given(data.email_notices),
    )
    return await api.edit_client(caller, ClientId(client_id), edit)


@delete(
    "/clients/{client_id:uuid}",
    summary="Delete a client",
    tags=_TAGS,
    refuses=(PermissionDenied, ClientDeleted, ClientHasCredit, ClientHasOverpayment),
)
async def delete_client(api: Api, caller: CallerOf, client_id: FromPath[UUID]) -> None:
    """Possible without credit and without an overpaid invoice. Ledger, invoices and payments remain readable, and the
    client can be restored. Needs the permission `manage_clients`.
    """
    await api.delete_client(caller, ClientId(client_id))


@post(
    "/clients/{client_id:uuid}/restore",
    status_code=200,
    summary="Restore a deleted client",
    tags=_TAGS,
    refuses=(PermissionDenied,),
)
async def restore_client(api: Api, caller: CallerOf, client_id: FromPath[UUID]) -> ClientView:
    """Changes nothing for a client that is not deleted. Needs the permission `manage_clients`."""
    return await api.restore_client(caller, ClientId(client_id))


routes = [list_clients, add_client, show_client, edit_client, delete_client, restore_client]
