"""The webhook endpoints of one shop, and where webhooks may be sent at all."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from core.ids import EndpointId
from core.views import Page, Position
from core.webhook_views import WebhookEndpointView
from core.webhooks import WebhookEndpoint


class SealedSecrets(Struct, frozen=True):
    """An endpoint's secrets as they are kept; see :func:`core.webhooks.secret_context`."""

    id: EndpointId
    secret: bytes
    previous_secret: bytes | None


class WebhookEndpoints(Protocol):
    """Deleted endpoints are not there."""

    async def page(self, *, after: Position | None, limit: int) -> Page[WebhookEndpointView]:
        """In the order in which they were made."""
        ...

    async def endpoint(self, endpoint_id: EndpointId, *, lock: bool = False) -> WebhookEndpoint:
        """``lock``: before its lanes and deliveries, as everybody does. Raises NotFound."""
        ...

    async def count(self) -> int: ...

    async def add(self, endpoint: WebhookEndpoint, *, sealed_secret: bytes) -> None: ...

    async def change(self, endpoint: WebhookEndpoint, *, anew: bool) -> None:
        """``anew``: whatever the receiver asked for, or its owner was to be told, is past."""
        ...

    async def change_secret(self, endpoint_id: EndpointId, *, sealed_secret: bytes, previous_until: datetime) -> None:
        """The secret until now is the previous one until then."""
        ...

    async def delete(self, endpoint_id: EndpointId, *, at: datetime) -> None:
        """Its secrets are forgotten."""
        ...

    async def sealed_secrets(self) -> list[SealedSecrets]: ...

    async def seal_anew(self, old: SealedSecrets, new: SealedSecrets) -> bool:
        """False if somebody changed them meanwhile."""
        ...


class ReceiverAddresses(Protocol):
    async def check(self, url: str) -> None:
        """Refuse an address that nothing would be sent to. A name that does not resolve (yet) passes.

        Raises:
            InvalidField.
        """
        ...
