"""Settings > Shop."""

from typing import Annotated, Any

from litestar import Response, get, post
from msgspec import Meta

from core.shop import QUICKBOOKS_REMINDER, Language, time_zone_names
from core.staff import Permission, clean_email
from core.use_cases.shop_settings import ShopEdit
from core.views import ShopView
from entrypoints.console.forms import FormStruct, SentForm
from entrypoints.console.pages import redirection
from entrypoints.console.refusals import REFUSED
from entrypoints.console.services import Console, ConsoleOf, FormOf, VisitorOf
from entrypoints.console.settings.tabs import PATH, settings_facts
from entrypoints.console.visitors import Visitor
from entrypoints.console.words import LANGUAGES
from entrypoints.staff_api.bodies import TimeZone
from entrypoints.staff_api.texts import Email, Name

SHOP = f"{PATH}/shop"
TAB = "Shop"


class ShopForm(FormStruct, frozen=True, kw_only=True):
    name: Annotated[Name, Meta(title="Name")]
    time_zone: Annotated[TimeZone, Meta(title="Time zone")]
    language: Annotated[Language, Meta(title="Language of e-mails")]
    quickbooks_connected: Annotated[bool, Meta(title="QuickBooks")] = False
    email_notices: Annotated[bool, Meta(title="E-mails to clients")] = False
    email: Annotated[Email, Meta(title="E-mail of the shop")] | None = None


@get("/settings")
async def show_settings() -> Response[bytes]:
    """The first tab."""
    return redirection(SHOP)


@get("/settings/shop")
async def show_shop(console: ConsoleOf, visitor: VisitorOf) -> Response[str]:
    """What is set; a form for whoever may change it."""
    shop = visitor.shop
    form = visitor.edit_form(
        ShopForm,
        name=shop.name,
        time_zone=shop.time_zone,
        language=shop.language,
        quickbooks_connected=shop.quickbooks_connected,
        email_notices=shop.email_notices,
        email=shop.email,
    )
    return visitor.page("settings/shop.html", form=form, **await _facts(console, visitor))


@post("/settings/shop/edit")
async def edit_shop(console: ConsoleOf, visitor: VisitorOf, form: FormOf) -> Response[Any]:
    """Needs the permission `manage_settings`."""
    visitor.require(Permission.MANAGE_SETTINGS)
    try:
        edit = _edit_of(form)
        await form.once(lambda caller: console.edit_shop(caller, edit), ShopView)
    except REFUSED as refusal:
        return visitor.again("settings/shop.html", form, refusal, **await _facts(console, visitor))
    return visitor.go(SHOP, "The settings were saved.")


def _edit_of(form: SentForm) -> ShopEdit:
    typed = form.read(ShopForm)
    changed = form.changed(
        name=typed.name,
        time_zone=typed.time_zone,
        language=typed.language,
        quickbooks_connected=typed.quickbooks_connected,
        email_notices=typed.email_notices,
        email=None if typed.email is None else clean_email(typed.email),
    )
    return ShopEdit(**changed)


async def _facts(console: Console, visitor: Visitor) -> dict[str, Any]:
    return {
        "time_zones": sorted(time_zone_names()),
        "languages": list(LANGUAGES.items()),
        "reminder": QUICKBOOKS_REMINDER,
        **await settings_facts(console, visitor, TAB),
    }


routes = [show_settings, show_shop, edit_shop]
