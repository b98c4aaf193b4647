"""When a delivery is tried again, when it is given up, and when an endpoint is switched off."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.deliveries import (
    BY_EMAIL,
    EMAILED_KINDS,
    LONGEST_RETRY_AFTER,
    OFF_AFTER,
    RETRY_DELAYS,
    Attempt,
    DeliveryState,
    Health,
    NoticeHead,
    OffReason,
    Standing,
    Subscription,
    next_attempt,
    receivers_of,
)
from core.ids import ClientId, NoticeId, ReceiverId
from core.notices import NoticeKind

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NEW = Standing(state=DeliveryState.PENDING, attempts=0, failures=0, next_attempt_at=None)
MIDDLING = 0.5


def attempt(
    *,
    accepted: bool = False,
    at: datetime = NOON,
    retry_after: timedelta | None = None,
    for_good: bool = False,
    gone: bool = False,
) -> Attempt:
    return Attempt(
        at=at,
        duration_ms=20,
        accepted=accepted,
        answer="",
        retry_after=retry_after,
        for_good=for_good,
        gone=gone,
    )


def test_it_is_tried_ten_times_within_a_little_more_than_three_days() -> None:
    standing, at, waited = NEW, NOON, []
    while standing.state is DeliveryState.PENDING:
        standing = standing.after(attempt(at=at), jitter=MIDDLING)
        if standing.next_attempt_at is not None:
            waited.append(standing.next_attempt_at - at)
            at = standing.next_attempt_at
    assert waited == [
        *(timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5)),
        *(timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=24)),
    ]
    assert (standing.state, standing.attempts) == (DeliveryState.FAILED, 10)
    assert timedelta(days=3) < at - NOON < timedelta(days=3.25)


@given(failures=st.integers(1, len(RETRY_DELAYS) - 1), jitter=st.floats(0, 1))
def test_jitter_shifts_a_retry_by_a_tenth_at_most(failures: int, jitter: float) -> None:
    at = next_attempt(failures, NOON, jitter=jitter, retry_after=None)
    assert at is not None
    assert 0.9 * RETRY_DELAYS[failures] <= at - NOON <= 1.1 * RETRY_DELAYS[failures]


@given(failures=st.integers(1, len(RETRY_DELAYS) - 1), jitter=st.floats(0, 1), seconds=st.integers(0, 10**9))
def test_a_retry_comes_not_before_the_receiver_asked_for_it_up_to_a_day(
    failures: int, jitter: float, seconds: int
) -> None:
    retry_after = timedelta(seconds=seconds)
    at = next_attempt(failures, NOON, jitter=jitter, retry_after=retry_after)
    assert at is not None
    assert at - NOON >= min(retry_after, LONGEST_RETRY_AFTER)
    assert at - NOON <= max(1.1 * RETRY_DELAYS[failures], LONGEST_RETRY_AFTER)


@pytest.mark.parametrize(
    "how", [pytest.param({"for_good": True}, id="for good"), pytest.param({"gone": True}, id="gone")]
)
def test_what_there_is_no_use_in_trying_again_fails_at_once(how: dict[str, bool]) -> None:
    after = NEW.after(attempt(**how), jitter=MIDDLING)  # type: ignore[arg-type]  # flags
    assert (after.state, after.attempts, after.next_attempt_at) == (DeliveryState.FAILED, 1, None)


def test_what_was_given_up_while_it_was_sent_stays_so_unless_it_was_accepted() -> None:
    given_up = Standing(state=DeliveryState.FAILED, attempts=0, failures=0, next_attempt_at=None)
    assert given_up.after(attempt(), jitter=MIDDLING).state is DeliveryState.FAILED
    assert given_up.after(attempt(accepted=True), jitter=MIDDLING).state is DeliveryState.DELIVERED


def test_attempts_are_numbered_on_when_it_is_sent_again() -> None:
    again = Standing(state=DeliveryState.PENDING, attempts=10, failures=0, next_attempt_at=None)
    after = again.after(attempt(), jitter=MIDDLING)
    assert (after.attempts, after.failures, after.next_attempt_at) == (11, 1, NOON + timedelta(seconds=5))


def test_an_endpoint_is_off_after_five_days_without_a_success() -> None:
    health = Health().after(attempt())
    assert (health.failing_since, health.off_reason) == (NOON, None)
    health = health.after(attempt(at=NOON + OFF_AFTER - timedelta(seconds=1)))
    assert health.off_reason is None
    health = health.after(attempt(at=NOON + OFF_AFTER))
    assert (health.off_reason, health.off_since) == (OffReason.FAILING, NOON + OFF_AFTER)


def test_one_success_begins_the_five_days_anew() -> None:
    health = Health().after(attempt()).after(attempt(accepted=True, at=NOON + timedelta(days=4)))
    assert health == Health()
    assert health.after(attempt(at=NOON + timedelta(days=6))).off_reason is None


def test_an_endpoint_that_is_gone_is_off_at_once() -> None:
    assert Health().after(attempt(gone=True)).off_reason is OffReason.GONE


def test_an_endpoint_that_is_off_stays_off_whatever_still_arrives() -> None:
    off = Health(off_since=NOON, off_reason=OffReason.BY_STAFF)
    for later in (attempt(accepted=True), attempt(gone=True), attempt(at=NOON + timedelta(days=9))):
        after = off.after(later)
        assert (after.off_since, after.off_reason) == (NOON, OffReason.BY_STAFF)


def test_a_receiver_that_asks_for_quiet_gets_it_up_to_a_day() -> None:
    minute, week = timedelta(minutes=1), timedelta(days=7)
    assert Health().after(attempt(retry_after=minute)).quiet_until == NOON + minute
    assert Health().after(attempt(retry_after=week)).quiet_until == NOON + LONGEST_RETRY_AFTER
    longer = Health(quiet_until=NOON + 5 * minute)
    assert longer.after(attempt(retry_after=minute)).quiet_until == NOON + 5 * minute
    assert longer.after(attempt(accepted=True)).quiet_until is None


@pytest.mark.parametrize("kind", NoticeKind)
def test_each_receiver_is_told_what_it_chose_and_clients_what_happens_to_their_credit(kind: NoticeKind) -> None:
    everything = Subscription(ReceiverId(uuid4()), frozenset(NoticeKind))
    one = Subscription(ReceiverId(uuid4()), frozenset({NoticeKind.PAYMENT_RECORDED}))
    client = ClientId(uuid4())
    notice = NoticeHead(id=NoticeId(uuid4()), client_id=client, kind=kind, at=NOON)
    told = receivers_of(notice, subscriptions=[everything, one], emailed=[client])
    assert everything.receiver_id in told
    assert (one.receiver_id in told) == (kind is NoticeKind.PAYMENT_RECORDED)
    assert (BY_EMAIL in told) == kind.startswith("credit.") == (kind in EMAILED_KINDS)
    assert BY_EMAIL not in receivers_of(notice, subscriptions=[], emailed=[])
