"""Webhook endpoints that were switched off, and of which somebody at the shop is still to be told."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from core.deliveries import OffReason
from core.ids import EndpointId, StaffId
from core.shop import ShopSettings


class EndpointOff(Struct, frozen=True, kw_only=True):
    id: EndpointId
    url: str
    off_reason: OffReason
    off_since: datetime


class Person(Struct, frozen=True, kw_only=True):
    """A staff member who can be written to."""

    id: StaffId
    name: str
    email: str


class EndpointsOff(Protocol):
    """Those of one shop."""

    async def claim(self, *, at: datetime, until: datetime, limit: int) -> list[EndpointOff]:
        """Take some in hand of which somebody is to be told by now: nobody else does so before ``until``."""
        ...

    async def people(self, *, limit: int) -> list[Person]:
        """Who can switch endpoints on again: active staff who may manage the shop's settings."""
        ...

    async def told(self, endpoint_id: EndpointId, *, claimed_until: datetime, at: datetime) -> None:
        """Somebody was told. Does nothing where the claim is not ours any more."""
        ...

    async def give_up(self, endpoint_id: EndpointId, *, claimed_until: datetime) -> None:
        """Nobody can be told. Does nothing where the claim is not ours any more."""
        ...


class StaffMail(Protocol):
    async def endpoint_off(self, shop: ShopSettings, person: Person, endpoint: EndpointOff) -> None:
        """Tell them, perhaps more than once. Raises :class:`ports.notifier.NotAccepted`."""
        ...
