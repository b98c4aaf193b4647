"""Settings > Webhooks: where the shop's notices are sent."""

from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Meta

from core.errors import InvalidField
from core.ids import EndpointId
from core.notices import NoticeKind
from core.staff import Permission
from core.use_cases.webhook_endpoints import EndpointEdit
from core.webhook_views import NewWebhookEndpointView, ResentView, WebhookEndpointView
from core.webhooks import MAX_ENDPOINTS
from entrypoints.console.addresses import WEBHOOKS, endpoint_address
from entrypoints.console.forms import FormStruct
from entrypoints.console.notices import name_of
from entrypoints.console.refusals import REFUSED
from entrypoints.console.services import Console, ConsoleOf, FormOf, VisitorOf
from entrypoints.console.settings.tabs import counted, settings_facts
from entrypoints.console.visitors import Visitor
from entrypoints.console.words import NOTICES, OFF_REASONS
from entrypoints.staff_api.bodies import Description, Kinds, Url

TAB = "Webhooks"
_LOOKS_BACK = timedelta(days=7)
"""What is offered to be sent again to an endpoint that has no trouble now."""


class EndpointForm(FormStruct, frozen=True, kw_only=True):
    url: Annotated[Url, Meta(title="Address")]
    description: Annotated[Description, Meta(title="Description")] | None = None
    kinds: Annotated[Kinds, Meta(title="At least one kind of notice")]


class ResendForm(FormStruct, frozen=True, kw_only=True):
    first: Annotated[date, Meta(title="From")] = msgspec.field(name="from")
    last: Annotated[date, Meta(title="To")] | None = msgspec.field(name="to", default=None)
    delivered: bool = False

    def __post_init__(self) -> None:
        if self.last is not None and self.first > self.last:
            raise InvalidField("to", "must not be before the first day")


@get("/settings/webhooks")
async def list_endpoints(console: ConsoleOf, visitor: VisitorOf) -> Response[str]:
    """All of them, with how each does."""
    page = await console.list_webhook_endpoints(visitor.caller, after=None, limit=MAX_ENDPOINTS)
    facts = await settings_facts(console, visitor, TAB)
    return visitor.page(
        "settings/webhooks.html", endpoints=page.items, most=MAX_ENDPOINTS, counted=counted, **_words(), **facts
    )


@get("/settings/webhooks/add")
async def show_add_endpoint(visitor: VisitorOf) -> Response[str]:
    """The form for a new endpoint, which is told of everything unless somebody chooses."""
    visitor.require(Permission.MANAGE_SETTINGS)
    form = visitor.form(EndpointForm, kinds=list(NoticeKind))
    return visitor.page("settings/endpoint_edit.html", form=form, endpoint=None, **_words())


@post("/settings/webhooks/add")
async def add_endpoint(console: ConsoleOf, visitor: VisitorOf, form: FormOf) -> Response[Any]:
    """The page shows the secret, and no other does. Needs the permission `manage_settings`."""
    visitor.require(Permission.MANAGE_SETTINGS)
    try:
        typed = form.read(EndpointForm)
        made = await form.once(
            lambda caller: console.add_webhook_endpoint(
                caller, url=typed.url, description=typed.description or "", kinds=frozenset(typed.kinds)
            ),
            NewWebhookEndpointView,
        )
    except REFUSED as refusal:
        return visitor.again("settings/endpoint_edit.html", form, refusal, endpoint=None, **_words())
    return visitor.page("settings/endpoint_secret.html", made=made, rotated=False, **_words())


@get("/settings/webhooks/{endpoint_id:uuid}/edit")
async def show_edit_endpoint(console: ConsoleOf, visitor: VisitorOf, endpoint_id: FromPath[UUID]) -> Response[str]:
    """The form with what is known of an endpoint."""
    endpoint = await _endpoint(console, visitor, endpoint_id)
    form = visitor.edit_form(EndpointForm, url=endpoint.url, description=endpoint.description, kinds=endpoint.kinds)
    return visitor.page("settings/endpoint_edit.html", form=form, endpoint=endpoint, **_words())


@post("/settings/webhooks/{endpoint_id:uuid}/edit")
async def edit_endpoint(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, endpoint_id: FromPath[UUID]
) -> Response[Any]:
    """Needs the permission `manage_settings`."""
    visitor.require(Permission.MANAGE_SETTINGS)
    try:
        typed = form.read(EndpointForm)
        edit = EndpointEdit(
            **form.changed(url=typed.url, description=typed.description or "", kinds=frozenset(typed.kinds))
        )
        await form.once(
            lambda caller: console.edit_webhook_endpoint(caller, EndpointId(endpoint_id), edit), WebhookEndpointView
        )
    except REFUSED as refusal:
        endpoint = await _endpoint(console, visitor, endpoint_id)
        return visitor.again("settings/endpoint_edit.html", form, refusal, endpoint=endpoint, **_words())
    return visitor.go(endpoint_address(endpoint_id), "The webhook endpoint was saved.")


@get("/settings/webhooks/{endpoint_id:uuid}/rotate")
async def show_rotate_secret(console: ConsoleOf, visitor: VisitorOf, endpoint_id: FromPath[UUID]) -> Response[str]:
    """What rotating means, and which secrets sign now."""
    endpoint = await _endpoint(console, visitor, endpoint_id)
    until = signed_twice_until(endpoint, console)
    return visitor.page(
        "settings/endpoint_rotate.html", form=visitor.form(), endpoint=endpoint, until=until, **_words()
    )


@post("/settings/webhooks/{endpoint_id:uuid}/rotate")
async def rotate_secret(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, endpoint_id: FromPath[UUID]
) -> Response[Any]:
    """The page shows the new secret, and no other does. Needs the permission `manage_settings`."""
    made = await form.once(
        lambda caller: console.rotate_webhook_secret(caller, EndpointId(endpoint_id)), NewWebhookEndpointView
    )
    return visitor.page("settings/endpoint_secret.html", made=made, rotated=True, **_words())


@get("/settings/webhooks/{endpoint_id:uuid}/off")
async def show_switch_off(console: ConsoleOf, visitor: VisitorOf, endpoint_id: FromPath[UUID]) -> Response[str]:
    """What it means."""
    endpoint = await _endpoint(console, visitor, endpoint_id)
    return visitor.page("settings/endpoint_off.html", form=visitor.form(), endpoint=endpoint, **_words())


@post("/settings/webhooks/{endpoint_id:uuid}/off")
async def switch_off(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, endpoint_id: FromPath[UUID]
) -> Response[Any]:
    """Needs the permission `manage_settings`."""
    await form.once(
        lambda caller: console.edit_webhook_endpoint(caller, EndpointId(endpoint_id), EndpointEdit(on=False)),
        WebhookEndpointView,
    )
    return visitor.go(endpoint_address(endpoint_id), "The webhook endpoint was switched off. Nothing is sent there.")


@post("/settings/webhooks/{endpoint_id:uuid}/on")
async def switch_on(console: ConsoleOf, visitor: VisitorOf, form: FormOf, endpoint_id: FromPath[UUID]) -> Response[Any]:
    """Needs the permission `manage_settings`."""
    await form.once(
        lambda caller: console.edit_webhook_endpoint(caller, EndpointId(endpoint_id), EndpointEdit(on=True)),
        WebhookEndpointView,
    )
    said = "The webhook endpoint was switched on. Send again what it missed, if it shall have that."
    return visitor.go(endpoint_address(endpoint_id), said)


@get("/settings/webhooks/{endpoint_id:uuid}/delete")
async def show_delete_endpoint(console: ConsoleOf, visitor: VisitorOf, endpoint_id: FromPath[UUID]) -> Response[str]:
    """What deleting means."""
    endpoint = await _endpoint(console, visitor, endpoint_id)
    return visitor.page("settings/endpoint_delete.html", form=visitor.form(), endpoint=endpoint, **_words())


@post("/settings/webhooks/{endpoint_id:uuid}/delete")
async def delete_endpoint(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, endpoint_id: FromPath[UUID]
) -> Response[Any]:
    """Needs the permission `manage_settings`."""
    await form.once(lambda caller: console.delete_webhook_endpoint(caller, EndpointId(endpoint_id)), type(None))
    return visitor.go(WEBHOOKS, "The webhook endpoint was deleted. What was sent there stays in the clients' notices.")


@get("/settings/webhooks/{endpoint_id:uuid}/resend")
async def show_resend_missed(console: ConsoleOf, visitor: VisitorOf, endpoint_id: FromPath[UUID]) -> Response[str]:
    """The form for the days of it."""
    endpoint = await _endpoint(console, visitor, endpoint_id)
    now = console.clock.now()
    first = endpoint.failing_since or endpoint.off_since or now - _LOOKS_BACK
    days = {"from": visitor.formats.today(first), "to": visitor.formats.today(now)}
    return visitor.page(
        "settings/endpoint_resend.html", form=visitor.form(ResendForm, **days), endpoint=endpoint, **_words()
    )


@post("/settings/webhooks/{endpoint_id:uuid}/resend")
async def resend_missed(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, endpoint_id: FromPath[UUID]
) -> Response[Any]:
    """Needs the permission `manage_settings`."""
    visitor.require(Permission.MANAGE_SETTINGS)
    try:
        typed = form.read(ResendForm)
        resent = await form.once(
            lambda caller: console.resend_missed(
                caller, EndpointId(endpoint_id), first=typed.first, last=typed.last, delivered_too=typed.delivered
            ),
            ResentView,
        )
    except REFUSED as refusal:
        endpoint = await _endpoint(console, visitor, endpoint_id)
        return visitor.again("settings/endpoint_resend.html", form, refusal, endpoint=endpoint, **_words())
    return visitor.go(endpoint_address(endpoint_id), _said_of(resent, visitor))


def _said_of(resent: ResentView, visitor: Visitor) -> str:
    if resent.notices == 0:
        return "There was nothing of these days to send again."
    if resent.notices == 1:
        return "One notice is sent again."
    return f"{visitor.formats.number(resent.notices)} notices are sent again."


def signed_twice_until(endpoint: WebhookEndpointView, console: Console) -> Any:
    """Until when webhooks carry two signatures; None if they carry one."""
    until = endpoint.previous_secret_until
    return until if until is not None and until > console.clock.now() else None


async def _endpoint(console: Console, visitor: Visitor, endpoint_id: UUID) -> WebhookEndpointView:
    return await console.show_webhook_endpoint(visitor.caller, EndpointId(endpoint_id))


def _words() -> dict[str, Any]:
    return {"notice_words": NOTICES, "off_words": OFF_REASONS, "kinds": list(NoticeKind), "name_of": name_of}


routes = [
    list_endpoints,
    show_add_endpoint,
    add_endpoint,
    show_edit_endpoint,
    edit_endpoint,
    show_rotate_secret,
    rotate_secret,
    show_switch_off,
    switch_off,
    switch_on,
    show_delete_endpoint,
    delete_endpoint,
    show_resend_missed,
    resend_missed,
]
