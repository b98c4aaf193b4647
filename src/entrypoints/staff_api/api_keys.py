"""API keys: a program's way in to one shop."""

from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from core.errors import PermissionDenied
from core.ids import ApiKeyId
from core.views import ApiKeyView, NewApiKeyView
from entrypoints.http.cursors import Listed, ListFilters
from entrypoints.staff_api.bodies import ApiKeyBody
from entrypoints.staff_api.services import Api, CallerOf

_TAGS = ["Staff and API keys"]


@get("/api-keys", summary="List API keys", tags=_TAGS, refuses=(PermissionDenied,))
async def list_api_keys(api: Api, caller: CallerOf, filters: NamedDependency[ListFilters]) -> Listed[ApiKeyView]:
    """In the order in which they were made. Needs the permission `manage_staff`."""
    cursors = api.cursors.of_list("api-keys", caller, filters)
    return cursors.listed(await api.list_api_keys(caller, after=cursors.after, limit=filters.limit))


@post("/api-keys", summary="Make an API key", tags=_TAGS, refuses=(PermissionDenied,))
async def add_api_key(api: Api, caller: CallerOf, data: JSONBody[ApiKeyBody]) -> NewApiKeyView:
    """The key itself is in this answer and nowhere else. Needs the permission `manage_staff`; nobody grants a
    permission that they lack.
    """
    return await api.add_api_key(caller, name=data.name, permissions=frozenset(data.permissions))


@delete("/api-keys/{api_key_id:uuid}", summary="Delete an API key", tags=_TAGS, refuses=(PermissionDenied,))
async def delete_api_key(api: Api, caller: CallerOf, api_key_id: FromPath[UUID]) -> None:
    """Its access ends with the next request. Needs the permission `manage_staff`."""
    await api.delete_api_key(caller, ApiKeyId(api_key_id))


routes = [list_api_keys, add_api_key, delete_api_key]
