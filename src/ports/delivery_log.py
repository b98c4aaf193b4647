"""What was sent to whom, when, and what was answered: read by people."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from core.deliveries import DeliveryState
from core.ids import ClientId, DeliveryId, EndpointId, NoticeId, ReceiverId
from core.notices import NoticeKind
from core.views import Page, Position
from core.webhook_views import DeliveryView


class DeliveryLog(Protocol):
    async def of_endpoint(
        self, endpoint_id: EndpointId, *, state: DeliveryState | None, after: Position | None, limit: int
    ) -> Page[DeliveryView]:
        """Its deliveries, those of the newest notices first."""
        ...

    async def of_emails(self, *, state: DeliveryState | None, after: Position | None, limit: int) -> Page[DeliveryView]:
        """What goes to clients by e-mail, that of the newest notices first."""
        ...

    async def failed_since(self, moment: datetime, *, most: int) -> dict[ReceiverId, int]:
        """How many deliveries of notices since then failed, of each receiver that has any: e-mail, and endpoints that
        are not deleted. ``most``: where counting stops.
        """
        ...

    async def of_client(
        self, client_id: ClientId, *, state: DeliveryState | None, after: Position | None, limit: int
    ) -> Page[DeliveryView]:
        """Deliveries of the client's notices to all receivers, those of the newest notices first. Raises NotFound."""
        ...

    async def view(self, delivery_id: DeliveryId) -> DeliveryView:
        """Raises NotFound."""
        ...

    async def receiver_and_notice(self, delivery_id: DeliveryId) -> tuple[ReceiverId, NoticeId]:
        """Raises NotFound."""
        ...

    async def notices_between(
        self,
        at_from: datetime | None,
        at_before: datetime | None,
        *,
        kinds: Collection[NoticeKind],
        missed_by: EndpointId | None,
        limit: int,
    ) -> list[NoticeId]:
        """Routed notices of that time, oldest first. ``missed_by``: only those that this endpoint has not accepted and
        that are not on their way to it.
        """
        ...
