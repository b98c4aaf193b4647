"""Who of one shop's receivers is told of what, and how its webhook endpoints do."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from core.deliveries import EmailReceiver, Health, Subscription, WebhookReceiver
from core.ids import ClientId, ReceiverId


class Receivers(Protocol):
    async def subscriptions(self) -> list[Subscription]:
        """The endpoints that are on, and what each wants to be told of."""
        ...

    async def emailed(self, client_ids: Sequence[ClientId]) -> dict[ClientId, EmailReceiver]:
        """Those of the clients who get e-mail: the shop sends it, they were not left out, and have an address."""
        ...

    async def count_off(self) -> int:
        """How many endpoints were switched off because they failed or are gone."""
        ...

    async def webhook(self, receiver_id: ReceiverId, *, at: datetime) -> WebhookReceiver | None:
        """Where to and with which secrets to send now; None if the endpoint is off."""
        ...

    async def health(self, receiver_id: ReceiverId, *, lock: bool = False) -> Health: ...

    async def change_health(
        self, receiver_id: ReceiverId, health: Health, *, tell_owner_at: datetime | None = None
    ) -> None:
        """How it does now. ``tell_owner_at``: have somebody at the shop told from then on that it was switched off."""
        ...
