"""Webhook endpoints: where a shop's notices are sent, and with which secrets. Viewing them needs the permission too."""

from msgspec import Struct

from core.errors import TooManyEndpoints
from core.ids import EndpointId, ReceiverId
from core.notices import NoticeKind
from core.staff import Caller, Permission
from core.use_cases.retried import retried
from core.views import Page, Position
from core.webhook_views import NewWebhookEndpointView, WebhookEndpointView, webhook_endpoint_fields
from core.webhooks import (
    MAX_ENDPOINTS,
    PREVIOUS_SECRET_LASTS,
    WebhookEndpoint,
    secret_context,
    shown_secret,
)
from ports.security import Fresh, SecretSeal
from ports.transactions import ShopTransaction, Transactions
from ports.webhook_endpoints import ReceiverAddresses


class ListWebhookEndpoints:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, *, after: Position | None, limit: int) -> Page[WebhookEndpointView]:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit(Permission.MANAGE_SETTINGS)
            return await shop.webhook_endpoints.page(after=after, limit=limit)


class ShowWebhookEndpoint:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, endpoint_id: EndpointId) -> WebhookEndpointView:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit(Permission.MANAGE_SETTINGS)
            return _view(await shop.webhook_endpoints.endpoint(endpoint_id))


class AddWebhookEndpoint:
    """The secret is in this answer and in that of a rotation only."""

    def __init__(
        self, transactions: Transactions, addresses: ReceiverAddresses, seal: SecretSeal, fresh: Fresh
    ) -> None:
        self._transactions = transactions
        self._addresses = addresses
        self._seal = seal
        self._fresh = fresh

    async def __call__(
        self, caller: Caller, *, url: str, description: str, kinds: frozenset[NoticeKind]
    ) -> NewWebhookEndpointView:
        async with self._transactions.for_shop(caller) as shop:
            # Names may take long to resolve: nobody who may not makes the server look for them, and nothing is locked.
            await shop.admit(Permission.MANAGE_SETTINGS)
        await self._addresses.check(url)
        return await self._add(caller, url=url, description=description, kinds=kinds)

    @retried
    async def _add(
        self, caller: Caller, *, url: str, description: str, kinds: frozenset[NoticeKind]
    ) -> NewWebhookEndpointView:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit_alone(Permission.MANAGE_SETTINGS)
            if await shop.webhook_endpoints.count() >= MAX_ENDPOINTS:
                raise TooManyEndpoints(MAX_ENDPOINTS)
            recorder = shop.recorder
            endpoint = WebhookEndpoint(
                id=EndpointId(recorder.new_id()),
                url=url,
                description=description,
                kinds=kinds,
                created_at=recorder.at,
            )
            secret = self._fresh.secret()
            sealed = self._seal.seal(secret, context=secret_context(shop.shop_id, endpoint.id))
            await shop.webhook_endpoints.add(endpoint, sealed_secret=sealed)
            return shop.answer(201, _with_secret(endpoint, secret), secret=True)


class EndpointEdit(Struct, frozen=True, kw_only=True):
    """What to change of an endpoint; ``None`` leaves a field as it is."""

    url: str | None = None
    description: str | None = None
    kinds: frozenset[NoticeKind] | None = None
    on: bool | None = None


class EditWebhookEndpoint:
    """Switched off, what waits for it fails at once. Switched on again, nothing of that is sent unless asked for."""

    def __init__(self, transactions: Transactions, addresses: ReceiverAddresses) -> None:
        self._transactions = transactions
        self._addresses = addresses

    async def __call__(self, caller: Caller, endpoint_id: EndpointId, edit: EndpointEdit) -> WebhookEndpointView:
        if edit.url is not None:
            async with self._transactions.for_shop(caller) as shop:
                await shop.admit(Permission.MANAGE_SETTINGS)
                await shop.webhook_endpoints.endpoint(endpoint_id)
            await self._addresses.check(edit.url)
        return await self._edit(caller, endpoint_id, edit)

    @retried
    async def _edit(self, caller: Caller, endpoint_id: EndpointId, edit: EndpointEdit) -> WebhookEndpointView:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit_alone(Permission.MANAGE_SETTINGS)
            old = await shop.webhook_endpoints.endpoint(endpoint_id, lock=True)
            new = old.changed(
                url=edit.url or old.url,
                description=old.description if edit.description is None else edit.description,
                kinds=edit.kinds or old.kinds,
                on=old.on if edit.on is None else edit.on,
                at=shop.recorder.at,
            )
            await shop.webhook_endpoints.change(new, anew=new.url != old.url or new.on != old.on)
            if old.on and not new.on:
                await _give_up(shop, endpoint_id)
            return shop.answer(200, _view(new))


class DeleteWebhookEndpoint:
    """What waits for it fails at once. Its log stays part of the clients' logs."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, endpoint_id: EndpointId) -> None:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit_alone(Permission.MANAGE_SETTINGS)
            await shop.webhook_endpoints.endpoint(endpoint_id, lock=True)
            await shop.webhook_endpoints.delete(endpoint_id, at=shop.recorder.at)
            await _give_up(shop, endpoint_id)
            shop.answer(204, None)


class RotateWebhookSecret:
    """For a day both secrets sign, so that the receiver can change when it suits."""

    def __init__(self, transactions: Transactions, seal: SecretSeal, fresh: Fresh) -> None:
        self._transactions = transactions
        self._seal = seal
        self._fresh = fresh

    @retried
    async def __call__(self, caller: Caller, endpoint_id: EndpointId) -> NewWebhookEndpointView:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit_alone(Permission.MANAGE_SETTINGS)
            await shop.webhook_endpoints.endpoint(endpoint_id, lock=True)
            secret = self._fresh.secret()
            await shop.webhook_endpoints.change_secret(
                endpoint_id,
                sealed_secret=self._seal.seal(secret, context=secret_context(shop.shop_id, endpoint_id)),
                previous_until=shop.recorder.at + PREVIOUS_SECRET_LASTS,
            )
            endpoint = await shop.webhook_endpoints.endpoint(endpoint_id)
            return shop.answer(200, _with_secret(endpoint, secret), secret=True)


async def _give_up(shop: ShopTransaction, endpoint_id: EndpointId) -> None:
    await shop.deliveries.give_up(ReceiverId(endpoint_id), at=shop.recorder.at)


def _view(endpoint: WebhookEndpoint) -> WebhookEndpointView:
    return WebhookEndpointView(**webhook_endpoint_fields(endpoint))


def _with_secret(endpoint: WebhookEndpoint, secret: bytes) -> NewWebhookEndpointView:
    return NewWebhookEndpointView(**webhook_endpoint_fields(endpoint), secret=shown_secret(secret))
