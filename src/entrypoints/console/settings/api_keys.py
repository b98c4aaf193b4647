"""Settings > API keys: programs' ways in to the shop."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Meta

from core.ids import ApiKeyId
from core.staff import Permission
from core.views import NewApiKeyView
from entrypoints.console.client import NoFilters
from entrypoints.console.forms import FormStruct
from entrypoints.console.refusals import REFUSED
from entrypoints.console.services import ConsoleOf, FormOf, VisitorOf
from entrypoints.console.settings.staff import MayDo, permission_facts
from entrypoints.console.settings.tabs import PATH, settings_facts
from entrypoints.console.visitors import listing
from entrypoints.staff_api.texts import Name

API_KEYS = f"{PATH}/api-keys"
TAB = "API keys"
_LIST = "console API keys"


class ApiKeyForm(FormStruct, frozen=True, kw_only=True):
    name: Annotated[Name, Meta(title="Name")]
    permissions: MayDo = ()


@get("/settings/api-keys")
async def list_api_keys(console: ConsoleOf, visitor: VisitorOf) -> Response[str]:
    """In the order in which they were made."""
    filters = visitor.query(NoFilters)
    cursors = console.cursors.of_list(_LIST, visitor.caller, filters)
    page = await console.list_api_keys(visitor.caller, after=cursors.after, limit=filters.limit)
    return visitor.page(
        "settings/api_keys.html",
        listing=listing(visitor, console.cursors, _LIST, API_KEYS, filters, page),
        **permission_facts(),
        **await settings_facts(console, visitor, TAB),
    )


@get("/settings/api-keys/add")
async def show_add_api_key(visitor: VisitorOf) -> Response[str]:
    """The form for a new key."""
    visitor.require(Permission.MANAGE_STAFF)
    return visitor.page("settings/api_key_add.html", form=visitor.form(ApiKeyForm), **permission_facts())


@post("/settings/api-keys/add")
async def add_api_key(console: ConsoleOf, visitor: VisitorOf, form: FormOf) -> Response[Any]:
    """R25. The page shows the key, and no other does; sent again, the same form shows the same key. Needs the
    permission `manage_staff`.
    """
    visitor.require(Permission.MANAGE_STAFF)
    try:
        typed = form.read(ApiKeyForm)
        made = await form.once(
            lambda caller: console.add_api_key(caller, name=typed.name, permissions=frozenset(typed.permissions)),
            NewApiKeyView,
        )
    except REFUSED as refusal:
        return visitor.again("settings/api_key_add.html", form, refusal, **permission_facts())
    return visitor.page("settings/api_key_made.html", made=made)


@get("/settings/api-keys/{api_key_id:uuid}/delete")
async def show_delete_api_key(console: ConsoleOf, visitor: VisitorOf, api_key_id: FromPath[UUID]) -> Response[str]:
    """What deleting means."""
    key = await console.show_api_key(visitor.caller, ApiKeyId(api_key_id))
    return visitor.page("settings/api_key_delete.html", form=visitor.form(), key=key)


@post("/settings/api-keys/{api_key_id:uuid}/delete")
async def delete_api_key(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, api_key_id: FromPath[UUID]
) -> Response[Any]:
    """Needs the permission `manage_staff`."""
    await form.once(lambda caller: console.delete_api_key(caller, ApiKeyId(api_key_id)), type(None))
    return visitor.go(API_KEYS, "The API key was deleted. Its access has ended.")


routes = [list_api_keys, show_add_api_key, add_api_key, show_delete_api_key, delete_api_key]
