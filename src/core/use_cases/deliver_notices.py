"""Send what is due, to many receivers at once and to each client's in order."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.deliveries import (
    ANSWER_MAX_LENGTH,
    BY_EMAIL,
    Attempt,
    Channel,
    Delivery,
    OffReason,
    Receiver,
    Standing,
    channel_of,
)
from core.ids import ClientId, DeliveryId, ReceiverId, ShopId
from core.shop import ShopSettings
from core.use_cases.each_shop import EachShop
from ports.deliveries import ClaimedLane, PendingDelivery
from ports.directory import Directory
from ports.notifier import NotAccepted, NoticeLog, Notifier
from ports.security import Clock, Fresh
from ports.transactions import Conflict, DatabaseTrouble, ShopTransaction, Transactions

LEASE = timedelta(seconds=60)
"""For how long a worker has a lane in hand. If it dies, another one takes the lane after that."""
SEND_WITHIN = timedelta(seconds=20)
"""Longer than any notifier's own timeout. Nothing is begun that could outlast its lease."""
NEEDED_TO_SEND = timedelta(seconds=30)

LANES = 50
"""How many lanes of a receiver are in hand at once, so that there is always a next one to send."""
LANES_OF_THE_UNPROVEN = 2
"""The same for one that has not accepted anything since it last failed: it may hang."""
DEPTH = 10
"""How many deliveries of a lane follow each other without asking the database in between."""
AT_ONCE_TO_ONE = 10
AT_ONCE = 200
AT_ONCE_TO_THE_UNPROVEN = 100
"""All of them together; the rest of AT_ONCE is for receivers that work."""

GATHER_SECONDS = 0.02
"""How long ends are gathered before they are settled together."""
SETTLE_AGAIN_SECONDS = 0.5
SETTLE_WITHIN_SECONDS = 5.0
"""When the program ends. What is not settled by then others take once its lease is over."""

_NO_ADDRESS = "The client gets no e-mail any more."

_Key = tuple[ShopId, ReceiverId]


@dataclass(eq=False)
class _Claim:
    """Some lanes of one receiver, taken together."""

    id: UUID
    shop: ShopSettings
    receiver_id: ReceiverId
    until: datetime
    given_back: bool = False

    @property
    def key(self) -> _Key:
        return self.shop.id, self.receiver_id


@dataclass(frozen=True)
class _Ended:
    """A lane that is done with for now, and how its attempts went."""

    claim: _Claim
    client_id: ClientId
    attempts: Sequence[tuple[DeliveryId, Attempt]]


@dataclass
class _Line:
    """What this worker does for one receiver; for e-mail, for all shops' clients."""

    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE_TO_ONE))
    lanes: int = 0
    proven: bool = False

    @property
    def room(self) -> int:
        return (LANES if self.proven else LANES_OF_THE_UNPROVEN) - self.lanes

    @property
    def room_for_a_shop(self) -> int:
        """Never all that is left, so that a shop with many clients leaves some for the others."""
        return (self.room + 1) // 2


class DeliverNotices:
    """Sends outside of any transaction: a lane is taken in hand by one, settled by another. Whoever dies in between
    leaves a lane that is taken again once its lease is over, and sent again with the same ids.

    ``jitter``: a number from 0 to 1, another one each time.
    """

    def __init__(
        self,
        transactions: Transactions,
        directory: Directory,
        notifiers: Mapping[Channel, Notifier],
        fresh: Fresh,
        clock: Clock,
        log: NoticeLog,
        *,
        jitter: Callable[[], float],
    ) -> None:
        self._transactions = transactions
        self._directory = directory
        self._notifiers = notifiers
        self._fresh = fresh
        self._clock = clock
        self._log = log
        self._jitter = jitter
        self._each_shop = EachShop(clock, log)
        self._lines: dict[object, _Line] = defaultdict(_Line)
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._to_the_unproven = asyncio.Semaphore(AT_ONCE_TO_THE_UNPROVEN)
        self._sending: set[asyncio.Task[None]] = set()
        self._settling: dict[_Key, asyncio.Task[None]] = {}
        self._ended: dict[_Key, list[_Ended]] = defaultdict(list)
        self._holding_back = False
        self._round = 0
        self.settled = asyncio.Event()
        """Set whenever something was settled, so that there may be more to take in hand."""
        self.accepted = 0
        """How many deliveries were accepted so far."""

    async def __call__(self) -> int:
        """Take in hand what is due, as far as there is room; how many lanes. They are sent meanwhile."""
        self._holding_back = False
        due = await self._directory.with_deliveries_due(at=self._clock.now())
        self._round += 1
        first = self._round % max(len(due), 1)  # another shop each time: all of them share the room for e-mail
        return await self._each_shop([*due[first:], *due[:first]], self._take)

    def hold_back(self) -> None:
        """Begin nothing more of what is in hand, and give it back."""
        self._holding_back = True

    async def drain(self) -> None:
        """Wait until nothing is in hand any more."""
        while self._sending or self._settling:
            await asyncio.wait({*self._sending, *self._settling.values()}, return_when=asyncio.FIRST_COMPLETED)

    async def stop(self, at_once: asyncio.Event, *, grace_seconds: float) -> None:
        """Begin nothing more, wait for what is being sent, and give back the rest. What has not ended after the grace,
        or once it is to be ``at_once``, is given back too, and may arrive twice.
        """
        self.hold_back()
        impatient = asyncio.create_task(at_once.wait())
        try:
            async with asyncio.timeout(grace_seconds):
                while self._sending and not impatient.done():
                    await asyncio.wait({*self._sending, impatient}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            pass
        finally:
            impatient.cancel()
        for task in self._sending:
            task.cancel()
        try:
            async with asyncio.timeout(SETTLE_WITHIN_SECONDS):
                await self.drain()
        except TimeoutError:
            for task in self._settling.values():
                task.cancel()

    async def _take(self, shop_id: ShopId) -> int:
        taken: list[tuple[_Claim, Receiver | None, ClaimedLane]] = []
        at = self._clock.now()
        async with self._transactions.at_shop(shop_id) as shop:
            for receiver_id in await shop.deliveries.due_receivers(at=at):
                if channel_of(receiver_id) in self._notifiers and self._line(shop_id, receiver_id).room > 0:
                    taken += await self._take_of(shop, receiver_id, at=at)
        for claim, receiver, lane in taken:
            self._line(shop_id, claim.receiver_id).lanes += 1
            self._start(self._send_lane(claim, receiver, lane))
        return len(taken)

    async def _take_of(
        self, shop: ShopTransaction, receiver_id: ReceiverId, *, at: datetime
    ) -> list[tuple[_Claim, Receiver | None, ClaimedLane]]:
        line = self._line(shop.shop_id, receiver_id)
        webhook = None if receiver_id == BY_EMAIL else await shop.receivers.webhook(receiver_id, at=at)
        if receiver_id != BY_EMAIL and webhook is None:
            # It was switched off while this was being routed to it.
            await shop.deliveries.give_up(receiver_id, at=at)
            return []
        claim = _Claim(self._fresh.id(), await shop.settings.read(), receiver_id, at + LEASE)
        lanes = await shop.deliveries.claim(
            receiver_id,
            lanes=line.room_for_a_shop if receiver_id == BY_EMAIL else line.room,
            depth=DEPTH if line.proven else 1,
            claim=claim.id,
            at=at,
            until=claim.until,
        )
        if webhook is not None:
            return [(claim, webhook, lane) for lane in lanes]
        addresses = await shop.receivers.emailed([lane.client_id for lane in lanes])
        return [(claim, addresses.get(lane.client_id), lane) for lane in lanes]

    def _line(self, shop_id: ShopId, receiver_id: ReceiverId) -> _Line:
        return self._lines[Channel.EMAIL if receiver_id == BY_EMAIL else (shop_id, receiver_id)]

    def _start(self, sending: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(sending)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send_lane(self, claim: _Claim, receiver: Receiver | None, lane: ClaimedLane) -> None:
        attempts: list[tuple[DeliveryId, Attempt]] = []
        line = self._line(*claim.key)
        try:
            if receiver is None:
                attempts += [(pending.id, self._impossible()) for pending in lane.deliveries]
                return
            async with self._slot(line):
                for pending in lane.deliveries:
                    if not self._may_begin(claim, pending):
                        break
                    attempt = await self._send(claim.shop, receiver, pending)
                    attempts.append((pending.id, attempt))
                    if not attempt.accepted:
                        self._mistrust(claim, line, attempt)
                        break
                    line.proven = True
                    self.accepted += 1
        finally:
            line.lanes -= 1
            self._end(_Ended(claim, lane.client_id, attempts))

    @asynccontextmanager
    async def _slot(self, line: _Line) -> AsyncIterator[None]:
        async with line.slots:
            if line.proven:
                async with self._at_once:
                    yield
            else:
                async with self._to_the_unproven, self._at_once:
                    yield

    def _may_begin(self, claim: _Claim, pending: PendingDelivery) -> bool:
        now = self._clock.now()
        due_at = pending.standing.next_attempt_at
        return (
            not self._holding_back
            and not claim.given_back
            and claim.until - now >= NEEDED_TO_SEND
            and (due_at is None or due_at <= now)
        )

    def _mistrust(self, claim: _Claim, line: _Line, attempt: Attempt) -> None:
        """What cannot be delivered by anybody says nothing about the receiver."""
        if attempt.gone or not attempt.for_good:
            line.proven = False
            claim.given_back = claim.receiver_id != BY_EMAIL

    async def _send(self, shop: ShopSettings, receiver: Receiver, pending: PendingDelivery) -> Attempt:
        delivery = Delivery(
            id=pending.id,
            notice=pending.notice,
            shop=shop,
            receiver=receiver,
            attempt=pending.standing.attempts + 1,
        )
        at, began = self._clock.now(), asyncio.get_running_loop().time()
        refused: NotAccepted | None = None
        answer = ""
        try:
            async with asyncio.timeout(SEND_WITHIN.total_seconds()):
                answer = await self._notifiers[receiver.channel].send(delivery)
        except NotAccepted as told:
            refused = told
            self._log.not_accepted(delivery, fault=None)
        except Exception as fault:  # noqa: BLE001  # whatever a receiver does to us, the others still get theirs
            refused = NotAccepted("It could not be sent.")
            self._log.not_accepted(delivery, fault=fault)
        retry_after = refused.retry_after_seconds if refused else None
        return Attempt(
            at=at,
            duration_ms=round((asyncio.get_running_loop().time() - began) * 1000),
            accepted=refused is None,
            answer=(refused.answer if refused else answer)[:ANSWER_MAX_LENGTH],
            retry_after=None if retry_after is None else timedelta(seconds=min(retry_after, 10.0**9)),
            for_good=refused is not None and refused.for_good,
            gone=refused is not None and refused.gone,
        )

    def _impossible(self) -> Attempt:
        return Attempt(at=self._clock.now(), duration_ms=0, accepted=False, answer=_NO_ADDRESS, for_good=True)

    def _end(self, ended: _Ended) -> None:
        key = ended.claim.key
        self._ended[key].append(ended)
        if key not in self._settling:
            self._settling[key] = asyncio.create_task(self._settle_all(key))

    async def _settle_all(self, key: _Key) -> None:
        try:
            while True:
                await asyncio.sleep(GATHER_SECONDS)
                ended = self._ended.pop(key, [])
                if not ended:
                    return
                await self._settle_surely(key, ended)
                self.settled.set()
        finally:
            del self._settling[key]

    async def _settle_surely(self, key: _Key, ended: Sequence[_Ended]) -> None:
        """Until it is done, or the leases are over: then others have these lanes, and send again what was sent."""
        until = max(each.claim.until for each in ended)
        while self._clock.now() < until:
            try:
                await self._settle(key, ended)
            except (Conflict, DatabaseTrouble):
                await asyncio.sleep(SETTLE_AGAIN_SECONDS)
            except Exception as fault:  # noqa: BLE001  # once the leases are over the lanes are taken again
                self._log.failed_at(key[0], fault)
                return
            else:
                return

    async def _settle(self, key: _Key, ended: Sequence[_Ended]) -> None:
        shop_id, receiver_id = key
        off: OffReason | None = None
        attempts = [attempt for each in ended for _, attempt in each.attempts]
        async with self._transactions.at_shop(shop_id) as shop:
            if receiver_id != BY_EMAIL:
                off = await self._look_after(shop, receiver_id, attempts)
            held = await shop.deliveries.hold(receiver_id, {each.client_id: each.claim.id for each in ended})
            await self._write(shop, [each for each in ended if (each.client_id, each.claim.id) in held])
            await shop.deliveries.hand_on(receiver_id, [client_id for client_id, _ in held], at=self._clock.now())
        if off is not None:
            self._log.switched_off(shop_id, receiver_id, off)

    async def _look_after(
        self, shop: ShopTransaction, receiver_id: ReceiverId, attempts: Sequence[Attempt]
    ) -> OffReason | None:
        """Note how the endpoint does; why it was switched off, if it was."""
        before = after = await shop.receivers.health(receiver_id)
        for attempt in attempts:
            after = after.after(attempt)
        if after == before:
            return None
        before = after = await shop.receivers.health(receiver_id, lock=True)
        for attempt in attempts:
            after = after.after(attempt)
        off = after.off_reason if before.off_reason is None else None
        await shop.receivers.change_health(receiver_id, after, tell_owner_at=after.off_since if off else None)
        if off is not None:
            await shop.deliveries.give_up(receiver_id, at=self._clock.now())
        return off

    async def _write(self, shop: ShopTransaction, ended: Sequence[_Ended]) -> None:
        attempts = [found for each in ended for found in each.attempts]
        if not attempts:
            return
        before = await shop.deliveries.standings([delivery_id for delivery_id, _ in attempts])
        after: dict[DeliveryId, Standing] = {}
        numbered: list[tuple[DeliveryId, int, Attempt]] = []
        for delivery_id, attempt in attempts:
            standing = after[delivery_id] = before[delivery_id].after(attempt, jitter=self._jitter())
            numbered.append((delivery_id, standing.attempts, attempt))
        await shop.deliveries.settle(after, numbered)
