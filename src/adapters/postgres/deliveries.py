"""See :class:`ports.deliveries.Deliveries`.

A lane is locked by a statement of its own before anything is read that depends on it: read together with a lock that
had to wait, the next delivery would come from before the wait, and a wake-up would be lost.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, bindparam, case, exists, func, literal_column, or_, true

from adapters.postgres.outbox import notice_from
from adapters.postgres.shop_scope import (
    ShopScope,
    ShopStatement,
    insert_into,
    of_shop,
    one_of,
    select_of,
    update_of,
    upsert_into,
)
from adapters.postgres.tables import deliveries, delivery_attempts, delivery_lanes, outbox, webhook_endpoints
from core.deliveries import BY_EMAIL, Attempt, DeliveryState, Lane, NewDelivery, Standing
from core.ids import ClientId, DeliveryId, NoticeId, ReceiverId
from ports.deliveries import ClaimedLane, PendingDelivery, Summary

_ONE: Any = literal_column("1")
_lane_key = [delivery_lanes.c[name] for name in ("shop_id", "receiver_id", "client_id")]
_pending = deliveries.c.state == literal_column("'pending'")  # as the partial index says it
_failed = deliveries.c.state == literal_column("'failed'")
_of_receiver = deliveries.c.receiver_id == bindparam("receiver")
_lanes_of_receiver = delivery_lanes.c.receiver_id == bindparam("receiver")
_in_order = (deliveries.c.notice_at, deliveries.c.notice_id)
_STANDING = ("state", "attempts", "failures", "next_attempt_at")
_standing = [deliveries.c[name] for name in _STANDING]

_a_lane = upsert_into(delivery_lanes, "receiver_id", "client_id", "due_at")
# A lane that waits for a retry, or that a worker has in hand, finds by itself what comes next.
_WAKE = ShopStatement(
    _a_lane.on_conflict_do_update(
        index_elements=_lane_key, set_={"due_at": func.coalesce(delivery_lanes.c.due_at, _a_lane.excluded.due_at)}
    )
)
_WAKE_AT_ONCE = ShopStatement(
    _a_lane.on_conflict_do_update(
        index_elements=_lane_key,
        set_={
            "due_at": case((delivery_lanes.c.claim.is_(None), _a_lane.excluded.due_at), else_=delivery_lanes.c.due_at)
        },
    )
)
_ADD = ShopStatement(
    insert_into(deliveries, *("id", "receiver_id", "client_id", "notice_id", "notice_at", "kind", "made_at")).values(
        state=DeliveryState.PENDING.value, attempts=0, failures=0
    )
)


def _due(receiver_id: Any) -> Any:
    return exists(
        select_of(delivery_lanes, _ONE).where(
            delivery_lanes.c.receiver_id == receiver_id, delivery_lanes.c.due_at <= bindparam("at")
        )
    )


_DUE_ENDPOINTS = ShopStatement(
    select_of(webhook_endpoints, webhook_endpoints.c.id).where(
        or_(webhook_endpoints.c.quiet_until.is_(None), webhook_endpoints.c.quiet_until <= bindparam("at")),
        _due(webhook_endpoints.c.id),
    )
)
_DUE = ShopStatement(
    select_of(delivery_lanes, _ONE.label("due"))
    .where(_lanes_of_receiver, delivery_lanes.c.due_at <= bindparam("at"))
    .limit(_ONE)
)
_FREE = ShopStatement(
    select_of(delivery_lanes, delivery_lanes.c.client_id)
    .where(_lanes_of_receiver, delivery_lanes.c.due_at <= bindparam("at"))
    .order_by(delivery_lanes.c.due_at)
    .limit(bindparam("lanes", type_=BigInteger()))
    .with_for_update(skip_locked=True, key_share=True)
)
_these_lanes = [_lanes_of_receiver, one_of(delivery_lanes.c.client_id, "clients")]
_TAKE = ShopStatement(
    update_of(delivery_lanes).where(*_these_lanes).values(due_at=bindparam("until"), claim=bindparam("the_claim"))
)
_head = (
    select_of(deliveries, deliveries.c.id, deliveries.c.notice_id, *_standing)
    .where(
        deliveries.c.receiver_id == delivery_lanes.c.receiver_id,
        deliveries.c.client_id == delivery_lanes.c.client_id,
        _pending,
    )
    .order_by(*_in_order)
    .limit(bindparam("depth", type_=BigInteger()))
    .lateral("head")
)
_HEADS = ShopStatement(
    select_of(
        delivery_lanes,
        *_head.c,
        *(outbox.c[name] for name in ("client_id", "kind", "at", "payload")),
    )
    .join(_head, true())
    .join(outbox, of_shop(outbox) & (outbox.c.id == _head.c.notice_id))
    .where(*_these_lanes)
    .order_by(outbox.c.client_id, outbox.c.at, outbox.c.id)
)
_HOLD = ShopStatement(
    select_of(delivery_lanes, delivery_lanes.c.client_id, delivery_lanes.c.claim)
    .where(*_these_lanes)
    .order_by(delivery_lanes.c.client_id)
    .with_for_update(key_share=True)
)
_STANDINGS = ShopStatement(
    select_of(deliveries, deliveries.c.id, *_standing).where(one_of(deliveries.c.id, "deliveries"))
)
_SETTLE = ShopStatement(
    update_of(deliveries)
    .where(deliveries.c.id == bindparam("delivery"))
    .values({name: bindparam(f"the_{name}") for name in (*_STANDING, "settled_at")})
)
_ATTEMPT = ShopStatement(
    insert_into(delivery_attempts, "delivery_id", "number", "at", "duration_ms", "accepted", "answer")
)
_next = (
    select_of(deliveries, func.coalesce(deliveries.c.next_attempt_at, bindparam("at")))
    .where(
        deliveries.c.receiver_id == delivery_lanes.c.receiver_id,
        deliveries.c.client_id == delivery_lanes.c.client_id,
        _pending,
    )
    .order_by(*_in_order)
    .limit(_ONE)
    .scalar_subquery()
)
_HAND_ON = ShopStatement(update_of(delivery_lanes).where(*_these_lanes).values(due_at=_next, claim=None))

_LOCK_ALL = ShopStatement(
    select_of(delivery_lanes, delivery_lanes.c.client_id)
    .where(_lanes_of_receiver, delivery_lanes.c.due_at.is_not(None))
    .order_by(delivery_lanes.c.client_id)
    .with_for_update(key_share=True)
)
_GIVE_UP = ShopStatement(
    update_of(deliveries)
    .where(_of_receiver, _pending)
    .values(state=DeliveryState.FAILED.value, next_attempt_at=None, settled_at=bindparam("the_time"))
)
_EMPTY = ShopStatement(
    update_of(delivery_lanes).where(_lanes_of_receiver, delivery_lanes.c.claim.is_(None)).values(due_at=None)
)

_NOTICES = ShopStatement(
    select_of(outbox, outbox.c.id, outbox.c.client_id, outbox.c.kind, outbox.c.at).where(one_of(outbox.c.id, "notices"))
)
_OF_NOTICES = ShopStatement(
    select_of(deliveries, deliveries.c.notice_id).where(_of_receiver, one_of(deliveries.c.notice_id, "notices"))
)
_ANEW = ShopStatement(
    update_of(deliveries)
    .where(_of_receiver, one_of(deliveries.c.notice_id, "notices"))
    .values(state=DeliveryState.PENDING.value, failures=0, next_attempt_at=None, settled_at=None)
)
_FAILED = ShopStatement(
    select_of(deliveries, deliveries.c.notice_id)
    .where(_of_receiver, _failed)
    .order_by(deliveries.c.notice_id)
    .limit(bindparam("limit", type_=BigInteger()))
)
_WITH_PENDING = ShopStatement(select_of(deliveries, deliveries.c.receiver_id).where(_pending).distinct())
_WITH_FAILED = ShopStatement(select_of(deliveries, deliveries.c.receiver_id).where(_failed).distinct())
_UNROUTED = ShopStatement(select_of(outbox, func.count()).where(outbox.c.due_at.is_not(None)))
_WAITING = ShopStatement(select_of(deliveries, func.count(), func.min(deliveries.c.notice_at)).where(_pending))
_FAILURES = ShopStatement(select_of(deliveries, func.count()).where(_failed))


class PostgresDeliveries:
    """Deliveries of one shop."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def add(self, deliveries: Sequence[NewDelivery], *, at: datetime) -> None:
        await self._wake({Lane(new.receiver_id, new.notice.client_id) for new in deliveries}, _WAKE, at=at)
        await self._scope.run_each(
            _ADD,
            [
                {
                    "id": new.id,
                    "receiver_id": new.receiver_id,
                    "client_id": new.notice.client_id,
                    "notice_id": new.notice.id,
                    "notice_at": new.notice.at,
                    "kind": new.notice.kind.value,
                    "made_at": at,
                }
                for new in deliveries
            ],
        )

    async def due_receivers(self, *, at: datetime) -> list[ReceiverId]:
        found = [ReceiverId(row["id"]) for row in await self._scope.rows(_DUE_ENDPOINTS, at=at)]
        if await self._scope.value(_DUE, receiver=BY_EMAIL, at=at):
            found.append(BY_EMAIL)
        return found

    async def claim(
        self, receiver_id: ReceiverId, *, lanes: int, depth: int, claim: UUID, at: datetime, until: datetime
    ) -> list[ClaimedLane]:
        free = [row["client_id"] for row in await self._scope.rows(_FREE, receiver=receiver_id, lanes=lanes, at=at)]
        if not free:
            return []
        await self._scope.run(_TAKE, receiver=receiver_id, clients=free, until=until, the_claim=claim)
        heads: dict[ClientId, list[PendingDelivery]] = {client_id: [] for client_id in free}
        for row in await self._scope.rows(_HEADS, receiver=receiver_id, clients=free, depth=depth):
            notice = notice_from(row["notice_id"], row)
            heads[notice.client_id].append(PendingDelivery(row["id"], notice, _standing_from(row)))
        return [ClaimedLane(client_id, pending) for client_id, pending in heads.items()]

    async def hold(self, receiver_id: ReceiverId, claims: Mapping[ClientId, UUID]) -> set[tuple[ClientId, UUID]]:
        rows = await self._scope.rows(_HOLD, receiver=receiver_id, clients=list(claims))
        return {(row["client_id"], row["claim"]) for row in rows if row["claim"] == claims[row["client_id"]]}

    async def standings(self, delivery_ids: Sequence[DeliveryId]) -> dict[DeliveryId, Standing]:
        rows = await self._scope.rows(_STANDINGS, deliveries=list(delivery_ids))
        return {row["id"]: _standing_from(row) for row in rows}

    async def settle(
        self, standings: Mapping[DeliveryId, Standing], attempts: Sequence[tuple[DeliveryId, int, Attempt]]
    ) -> None:
        last = {delivery_id: attempt.at for delivery_id, _, attempt in attempts}
        await self._scope.run_each(
            _SETTLE,
            [
                {
                    "delivery": delivery_id,
                    "the_state": standing.state.value,
                    "the_attempts": standing.attempts,
                    "the_failures": standing.failures,
                    "the_next_attempt_at": standing.next_attempt_at,
                    "the_settled_at": None if standing.state is DeliveryState.PENDING else last[delivery_id],
                }
                for delivery_id, standing in standings.items()
            ],
        )
        await self._scope.run_each(
            _ATTEMPT,
            [
                {
                    "delivery_id": delivery_id,
                    "number": number,
                    "at": attempt.at,
                    "duration_ms": attempt.duration_ms,
                    "accepted": attempt.accepted,
                    "answer": attempt.answer,
                }
                for delivery_id, number, attempt in attempts
            ],
        )

    async def hand_on(self, receiver_id: ReceiverId, client_ids: Sequence[ClientId], *, at: datetime) -> None:
        await self._scope.run(_HAND_ON, receiver=receiver_id, clients=list(client_ids), at=at)

    async def give_up(self, receiver_id: ReceiverId, *, at: datetime) -> int:
        await self._scope.rows(_LOCK_ALL, receiver=receiver_id)
        given_up = await self._scope.run(_GIVE_UP, receiver=receiver_id, the_time=at)
        await self._scope.run(_EMPTY, receiver=receiver_id)
        return given_up

    async def send_again(
        self, receiver_id: ReceiverId, notice_ids: Sequence[NoticeId], *, new_ids: Sequence[UUID], at: datetime
    ) -> int:
        notices = await self._scope.rows(_NOTICES, notices=list(notice_ids))
        await self._wake({Lane(receiver_id, row["client_id"]) for row in notices}, _WAKE_AT_ONCE, at=at)
        there = {
            row["notice_id"]
            for row in await self._scope.rows(_OF_NOTICES, receiver=receiver_id, notices=list(notice_ids))
        }
        await self._scope.run(_ANEW, receiver=receiver_id, notices=list(there))
        await self._scope.run_each(
            _ADD,
            [
                {
                    "id": new_id,
                    "receiver_id": receiver_id,
                    "client_id": row["client_id"],
                    "notice_id": row["id"],
                    "notice_at": row["at"],
                    "kind": row["kind"],
                    "made_at": at,
                }
                for row, new_id in zip(notices, new_ids, strict=False)
                if row["id"] not in there
            ],
        )
        return len(notices)

    async def failed(self, receiver_id: ReceiverId, *, limit: int) -> list[NoticeId]:
        return [row["notice_id"] for row in await self._scope.rows(_FAILED, receiver=receiver_id, limit=limit)]

    async def receivers_with(self, state: Literal[DeliveryState.PENDING, DeliveryState.FAILED]) -> list[ReceiverId]:
        found = await self._scope.rows(_WITH_PENDING if state is DeliveryState.PENDING else _WITH_FAILED)
        return [row["receiver_id"] for row in found]

    async def summary(self) -> Summary:
        [waiting] = await self._scope.rows(_WAITING)
        return Summary(
            unrouted=await self._scope.value(_UNROUTED),
            pending=waiting[0],
            oldest_pending_at=waiting[1],
            failed=await self._scope.value(_FAILURES),
        )

    async def _wake(self, lanes: set[Lane], how: ShopStatement, *, at: datetime) -> None:
        """Locks them too, in the order in which everybody does."""
        await self._scope.run_each(
            how,
            [{"receiver_id": lane.receiver_id, "client_id": lane.client_id, "due_at": at} for lane in sorted(lanes)],
        )


def _standing_from(row: Any) -> Standing:
    return msgspec.convert({name: row[name] for name in _STANDING}, Standing)
