"""Who asks, and the settings of their shop."""

from litestar import get, patch
from litestar.params import JSONBody

from core.errors import InvalidField, PermissionDenied
from core.staff import clean_email
from core.use_cases.shop_settings import ShopEdit
from core.views import MeView, ShopView
from entrypoints.staff_api.bodies import ShopEditBody, given
from entrypoints.staff_api.services import Api, CallerOf

_TAGS = ["Shop"]


@get("/me", summary="Who am I?", tags=_TAGS, refuses=())
async def show_me(api: Api, caller: CallerOf) -> MeView:
    """The staff member or API key that asks, their shop and their permissions."""
    return await api.show_me(caller)


@get("/shop", summary="Show the shop", tags=_TAGS, refuses=())
async def show_shop(api: Api, caller: CallerOf) -> ShopView:
    """The shop's settings. Its currency and its short name never change."""
    return await api.show_shop(caller)


@patch("/shop", summary="Change the shop's settings", tags=_TAGS, refuses=(PermissionDenied, InvalidField))
async def edit_shop(api: Api, caller: CallerOf, data: JSONBody[ShopEditBody]) -> ShopView:
    """Needs the permission `manage_settings`. What is left out stays. E-mails need an SMTP server, which whoever
    runs the program has to name.
    """
    edit = ShopEdit(
        name=given(data.name),
        time_zone=given(data.time_zone),
        quickbooks_connected=given(data.quickbooks_connected),
        language=given(data.language),
        email_notices=given(data.email_notices),
        email=clean_email(data.email) if isinstance(data.email, str) else data.email,
    )
    return await api.edit_shop(caller, edit)


routes = [show_me, show_shop, edit_shop]
