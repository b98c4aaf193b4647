"""Deliveries of one shop: made by routing, claimed by a worker, settled once it knows how they went.

A worker has a lane in hand from :meth:`Deliveries.claim` on, until it hands it on or its lease ends. Rows are locked in
one order: the endpoint, lanes by receiver and client, deliveries.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from msgspec import Struct

from core.deliveries import Attempt, DeliveryState, NewDelivery, Standing
from core.ids import ClientId, DeliveryId, NoticeId, ReceiverId
from core.notices import Notice


class PendingDelivery(Struct, frozen=True):
    id: DeliveryId
    notice: Notice
    standing: Standing


class ClaimedLane(Struct, frozen=True):
    """A client's next deliveries to one receiver, in order; none where somebody else was quicker."""

    client_id: ClientId
    deliveries: list[PendingDelivery]


class Summary(Struct, frozen=True, kw_only=True):
    """What waits and what failed. ``unrouted``: notices; the others: deliveries."""

    unrouted: int
    pending: int
    oldest_pending_at: datetime | None
    failed: int


class Deliveries(Protocol):
    async def add(self, deliveries: Sequence[NewDelivery], *, at: datetime) -> None:
        """Make deliveries, and wake their lanes."""
        ...

    async def due_receivers(self, *, at: datetime) -> list[ReceiverId]:
        """Those with a lane that is due, but for endpoints that asked for quiet."""
        ...

    async def claim(
        self, receiver_id: ReceiverId, *, lanes: int, depth: int, claim: UUID, at: datetime, until: datetime
    ) -> list[ClaimedLane]:
        """Take up to that many lanes that are due, longest due first, until then; those that another worker is just
        taking are passed over. ``depth``: how many deliveries of each lane at most.
        """
        ...

    async def hold(self, receiver_id: ReceiverId, claims: Mapping[ClientId, UUID]) -> set[tuple[ClientId, UUID]]:
        """Lock these lanes; those of them that their claim still has in hand."""
        ...

    async def standings(self, delivery_ids: Sequence[DeliveryId]) -> dict[DeliveryId, Standing]: ...

    async def settle(
        self, standings: Mapping[DeliveryId, Standing], attempts: Sequence[tuple[DeliveryId, int, Attempt]]
    ) -> None:
        """Write where deliveries stand now, and their attempts with their numbers. Their lanes are held."""
        ...

    async def hand_on(self, receiver_id: ReceiverId, client_ids: Sequence[ClientId], *, at: datetime) -> None:
        """Let go of lanes that are held: each is due when its next pending delivery is, or not at all."""
        ...

    async def give_up(self, receiver_id: ReceiverId, *, at: datetime) -> int:
        """Whatever waits for this receiver fails; how many that were. What is just being sent may still arrive."""
        ...

    async def send_again(
        self, receiver_id: ReceiverId, notice_ids: Sequence[NoticeId], *, new_ids: Sequence[UUID], at: datetime
    ) -> int:
        """Send these notices to the receiver now, whether they were ever sent to it or not, beginning the schedule of
        retries anew; how many are there. ``new_ids``: as many ids, for deliveries that have to be made.
        """
        ...

    async def failed(self, receiver_id: ReceiverId, *, limit: int) -> list[NoticeId]:
        """Notices whose delivery to it failed, oldest first."""
        ...

    async def receivers_with(self, state: Literal[DeliveryState.PENDING, DeliveryState.FAILED]) -> list[ReceiverId]:
        """Those with a delivery that waits, or that failed."""
        ...

    async def summary(self) -> Summary: ...
