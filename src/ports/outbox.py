"""Notices on their way out of one shop: written with what they tell of, routed to their receivers later."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from core.deliveries import NoticeHead
from core.ids import NoticeId
from core.notices import Notice


class Outbox(Protocol):
    def add(self, notice: Notice) -> None:
        """Stage a notice."""
        ...

    async def lock_routing(self) -> bool:
        """Be the only one to route the shop's notices until the transaction ends; False if somebody else is."""
        ...

    async def unrouted(self, *, limit: int) -> list[NoticeHead]:
        """Notices whose deliveries were not made yet, oldest first; a client's in the order in which they happened."""
        ...

    async def routed(self, notice_ids: Sequence[NoticeId], *, at: datetime) -> None:
        """Their deliveries were made."""
        ...
