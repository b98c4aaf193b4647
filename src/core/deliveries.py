"""Deliveries: one notice on its way to one receiver, tried again until it is accepted or given up.

Order is kept within a *lane*: one receiver and one client. Times and delays are exact; how much a retry is shifted, so
that those of many notices do not come at once, is handed in.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from core.ids import ClientId, DeliveryId, EndpointId, NoticeId, ReceiverId
from core.notices import Notice, NoticeKind
from core.shop import ShopSettings

BY_EMAIL = ReceiverId(UUID(int=0))
"""The receiver of what goes to the client by e-mail. Every other receiver is a webhook endpoint."""

EMAILED_KINDS = frozenset(kind for kind in NoticeKind if kind.startswith("credit."))
"""What a client is told by e-mail."""

RETRY_DELAYS = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long after the attempt before it each attempt follows: ten of them in a little more than three days. The schedule
that the Standard Webhooks specification gives as its example.
"""
JITTER = 0.1
"""By how much of it a delay is at most longer or shorter."""
LONGEST_RETRY_AFTER = timedelta(hours=24)
OFF_AFTER = timedelta(days=5)
"""How long an endpoint may fail, with no success in between, until it is switched off."""

ANSWER_MAX_LENGTH = 1000


class Channel(StrEnum):
    WEBHOOK = "webhook"
    EMAIL = "email"


def channel_of(receiver_id: ReceiverId) -> Channel:
    return Channel.EMAIL if receiver_id == BY_EMAIL else Channel.WEBHOOK


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Given up; sent again only when somebody asks for it."""


class OffReason(StrEnum):
    BY_STAFF = "by_staff"
    GONE = "gone"
    """It answered that it is gone for good (410)."""
    FAILING = "failing"


class Lane(Struct, frozen=True, order=True):
    """One receiver and one client: what is sent in order. Lanes are locked in the order of their ids."""

    receiver_id: ReceiverId
    client_id: ClientId


class NoticeHead(Struct, frozen=True, kw_only=True):
    """What routing looks at of a notice."""

    id: NoticeId
    client_id: ClientId
    kind: NoticeKind
    at: datetime


class NewDelivery(Struct, frozen=True, kw_only=True):
    id: DeliveryId
    receiver_id: ReceiverId
    notice: NoticeHead


class Subscription(Struct, frozen=True):
    """An endpoint that is on, and what it wants to be told of."""

    receiver_id: ReceiverId
    kinds: frozenset[NoticeKind]


class WebhookReceiver(Struct, frozen=True, kw_only=True):
    """``secrets``: those to sign with, the newest first; for a while after a rotation there are two."""

    endpoint_id: EndpointId
    url: str
    secrets: tuple[bytes, ...]

    @property
    def channel(self) -> Channel:
        return Channel.WEBHOOK


class EmailReceiver(Struct, frozen=True, kw_only=True):
    address: str
    client_name: str

    @property
    def channel(self) -> Channel:
        return Channel.EMAIL


Receiver = WebhookReceiver | EmailReceiver


class Delivery(Struct, frozen=True, kw_only=True):
    """A notice that is to be sent to one receiver now. ``attempt``: 1 for the first time."""

    id: DeliveryId
    notice: Notice
    shop: ShopSettings
    receiver: Receiver
    attempt: int


class Attempt(Struct, frozen=True, kw_only=True):
    """How one attempt went. ``for_good``: there is no use in trying again; ``gone``: nor in sending anything else."""

    at: datetime
    duration_ms: int
    accepted: bool
    answer: str
    retry_after: timedelta | None = None
    for_good: bool = False
    gone: bool = False


class Standing(Struct, frozen=True, kw_only=True):
    """Where a delivery stands. ``failures``: since it was last made pending, by routing or by being sent again."""

    state: DeliveryState
    attempts: int
    failures: int
    next_attempt_at: datetime | None

    def after(self, attempt: Attempt, *, jitter: float) -> "Standing":
        """``jitter``: a number from 0 to 1, by which the next try is shifted."""
        attempts = self.attempts + 1
        if attempt.accepted:
            return Standing(
                state=DeliveryState.DELIVERED, attempts=attempts, failures=self.failures, next_attempt_at=None
            )
        failures = self.failures + 1
        # What was given up meanwhile (its endpoint was switched off) stays so.
        retry = self.state is DeliveryState.PENDING and not (attempt.for_good or attempt.gone)
        at = next_attempt(failures, attempt.at, jitter=jitter, retry_after=attempt.retry_after) if retry else None
        return Standing(
            state=DeliveryState.FAILED if at is None else DeliveryState.PENDING,
            attempts=attempts,
            failures=failures,
            next_attempt_at=at,
        )


def next_attempt(failures: int, at: datetime, *, jitter: float, retry_after: timedelta | None) -> datetime | None:
    """When to try again after that many failures, the last of them ``at``; None when it is given up.

    Never earlier than the receiver asked for, up to a day.
    """
    if failures >= len(RETRY_DELAYS):
        return None
    delay = RETRY_DELAYS[failures] * (1 + JITTER * (2 * jitter - 1))
    return at + max(delay, min(retry_after or timedelta(0), LONGEST_RETRY_AFTER))


class Health(Struct, frozen=True, kw_only=True):
    """How an endpoint does. ``failing_since``: its first failure after its last success."""

    failing_since: datetime | None = None
    quiet_until: datetime | None = None
    off_since: datetime | None = None
    off_reason: OffReason | None = None

    def after(self, attempt: Attempt) -> "Health":
        if attempt.accepted:
            return Health(off_since=self.off_since, off_reason=self.off_reason)
        failing_since = self.failing_since or attempt.at
        off_reason = self.off_reason
        if off_reason is None and attempt.gone:
            off_reason = OffReason.GONE
        elif off_reason is None and attempt.at - failing_since >= OFF_AFTER:
            off_reason = OffReason.FAILING
        return Health(
            failing_since=failing_since,
            quiet_until=self._quiet_until(attempt),
            off_since=self.off_since or (attempt.at if off_reason else None),
            off_reason=off_reason,
        )

    def _quiet_until(self, attempt: Attempt) -> datetime | None:
        """A receiver that says when to come again means every notice."""
        if attempt.retry_after is None:
            return self.quiet_until
        asked = attempt.at + min(attempt.retry_after, LONGEST_RETRY_AFTER)
        return max(asked, self.quiet_until or asked)


def receivers_of(
    notice: NoticeHead, *, subscriptions: Collection[Subscription], emailed: Collection[ClientId]
) -> list[ReceiverId]:
    """Who is told of it. ``emailed``: the clients who get e-mail."""
    receivers = [subscription.receiver_id for subscription in subscriptions if notice.kind in subscription.kinds]
    if notice.kind in EMAILED_KINDS and notice.client_id in emailed:
        receivers.append(BY_EMAIL)
    return receivers
