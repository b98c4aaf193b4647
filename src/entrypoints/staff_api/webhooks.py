"""Webhook endpoints, the log of what was sent, and sending it again."""

from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from core.errors import EndpointOff, InvalidField, PermissionDenied, TooManyEndpoints
from core.ids import ClientId, DeliveryId, EndpointId
from core.use_cases.webhook_endpoints import EndpointEdit
from core.webhook_views import DeliveryView, NewWebhookEndpointView, ResentView, WebhookEndpointView
from entrypoints.http.cursors import Listed, ListFilters
from entrypoints.staff_api.bodies import ResendBody, WebhookEndpointBody, WebhookEndpointEditBody, given
from entrypoints.staff_api.filters import DeliveryFilters
from entrypoints.staff_api.services import Api, CallerOf

_TAGS = ["Webhooks"]
_ENDPOINT = "/webhook-endpoints/{endpoint_id:uuid}"


@get("/webhook-endpoints", summary="List webhook endpoints", tags=_TAGS, refuses=(PermissionDenied,))
async def list_webhook_endpoints(
    api: Api, caller: CallerOf, filters: NamedDependency[ListFilters]
) -> Listed[WebhookEndpointView]:
    """In the order in which they were made. Needs the permission `manage_settings`."""
    cursors = api.cursors.of_list("webhook endpoints", caller, filters)
    return cursors.listed(await api.list_webhook_endpoints(caller, after=cursors.after, limit=filters.limit))


@post(
    "/webhook-endpoints",
    summary="Add a webhook endpoint",
    tags=_TAGS,
    refuses=(PermissionDenied, TooManyEndpoints, InvalidField),
)
async def add_webhook_endpoint(
    api: Api, caller: CallerOf, data: JSONBody[WebhookEndpointBody]
) -> NewWebhookEndpointView:
    """From now on the shop's notices of these kinds are sent there; see *Webhooks* for what they look like. The secret
    that signatures are verified with is in this answer and nowhere else. The address must begin with https:// and be on
    the open Internet. A shop has 20 endpoints at most. Needs the permission `manage_settings`.
    """
    return await api.add_webhook_endpoint(
        caller, url=data.url, description=data.description or "", kinds=frozenset(data.kinds)
    )


@get(_ENDPOINT, summary="Show a webhook endpoint", tags=_TAGS, refuses=(PermissionDenied,))
async def show_webhook_endpoint(api: Api, caller: CallerOf, endpoint_id: FromPath[UUID]) -> WebhookEndpointView:
    """Whether it is on, and since when it fails. Needs the permission `manage_settings`."""
    return await api.show_webhook_endpoint(caller, EndpointId(endpoint_id))


@patch(_ENDPOINT, summary="Change a webhook endpoint", tags=_TAGS, refuses=(PermissionDenied, InvalidField))
async def edit_webhook_endpoint(
    api: Api, caller: CallerOf, endpoint_id: FromPath[UUID], data: JSONBody[WebhookEndpointEditBody]
) -> WebhookEndpointView:
    """What is left out stays; a description is cleared by null. `on: false` switches it off: what waits for it fails at
    once, and nothing is made for it. `on: true` switches it on again, whyever it was off; send again what it missed.
    Needs the permission `manage_settings`.
    """
    edit = EndpointEdit(
        url=given(data.url),
        description="" if data.description is None else given(data.description),
        kinds=None if (kinds := given(data.kinds)) is None else frozenset(kinds),
        on=given(data.on),
    )
    return await api.edit_webhook_endpoint(caller, EndpointId(endpoint_id), edit)


@delete(_ENDPOINT, summary="Delete a webhook endpoint", tags=_TAGS, refuses=(PermissionDenied,))
async def delete_webhook_endpoint(api: Api, caller: CallerOf, endpoint_id: FromPath[UUID]) -> None:
    """What waits for it fails at once. What was sent there stays in the logs of the clients. Needs the permission
    `manage_settings`.
    """
    await api.delete_webhook_endpoint(caller, EndpointId(endpoint_id))


@post(
    _ENDPOINT + "/rotate-secret",
    status_code=200,
    summary="Rotate the secret of a webhook endpoint",
    tags=_TAGS,
    refuses=(PermissionDenied,),
)
async def rotate_webhook_secret(api: Api, caller: CallerOf, endpoint_id: FromPath[UUID]) -> NewWebhookEndpointView:
    """The new secret is in this answer and nowhere else. For 24 hours webhooks are signed with the one before too; one
    before that is forgotten. Needs the permission `manage_settings`.
    """
    return await api.rotate_webhook_secret(caller, EndpointId(endpoint_id))


@get(_ENDPOINT + "/deliveries", summary="List what was sent to an endpoint", tags=_TAGS, refuses=(PermissionDenied,))
async def list_endpoint_deliveries(
    api: Api, caller: CallerOf, endpoint_id: FromPath[UUID], filters: NamedDependency[DeliveryFilters]
) -> Listed[DeliveryView]:
    """The newest first: what was sent when, what was answered, and when it is tried next. Needs the permission
    `manage_settings`.
    """
    cursors = api.cursors.of_list("deliveries of an endpoint", caller, filters, endpoint_id)
    page = await api.list_endpoint_deliveries(
        caller, EndpointId(endpoint_id), state=filters.state, after=cursors.after, limit=filters.limit
    )
    return cursors.listed(page)


@post(
    _ENDPOINT + "/resend",
    status_code=200,
    summary="Send again what an endpoint missed",
    tags=_TAGS,
    refuses=(PermissionDenied, EndpointOff, InvalidField),
)
async def resend_missed(
    api: Api, caller: CallerOf, endpoint_id: FromPath[UUID], data: JSONBody[ResendBody]
) -> ResentView:
    """Everything of these days, of the kinds that it is told of, that it has not accepted and that is not on its way,
    also if it was off then or not there yet. Each notice has the id that it always had. At most 5,000 at once. Needs
    the permission `manage_settings`.
    """
    return await api.resend_missed(
        caller, EndpointId(endpoint_id), first=data.first, last=given(data.last), delivered_too=data.delivered
    )


@post(
    "/deliveries/{delivery_id:uuid}/resend",
    status_code=200,
    summary="Send one notice again",
    tags=_TAGS,
    refuses=(PermissionDenied, EndpointOff),
)
async def resend_delivery(api: Api, caller: CallerOf, delivery_id: FromPath[UUID]) -> DeliveryView:
    """To the same receiver, now, whether it was accepted before or not; the notice has the id that it always had. Needs
    the permission `manage_settings`.
    """
    return await api.resend_delivery(caller, DeliveryId(delivery_id))


@get("/clients/{client_id:uuid}/notices", summary="List what was sent about a client", tags=_TAGS, refuses=())
async def list_client_notices(
    api: Api, caller: CallerOf, client_id: FromPath[UUID], filters: NamedDependency[DeliveryFilters]
) -> Listed[DeliveryView]:
    """To whomever: to the client by e-mail and to the shop's endpoints. The newest first."""
    cursors = api.cursors.of_list("notices of a client", caller, filters, client_id)
    page = await api.list_client_notices(
        caller, ClientId(client_id), state=filters.state, after=cursors.after, limit=filters.limit
    )
    return cursors.listed(page)


routes = [
    list_webhook_endpoints,
    add_webhook_endpoint,
    show_webhook_endpoint,
    edit_webhook_endpoint,
    delete_webhook_endpoint,
    rotate_webhook_secret,
    list_endpoint_deliveries,
    resend_missed,
    resend_delivery,
    list_client_notices,
]
