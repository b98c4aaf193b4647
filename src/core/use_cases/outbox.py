"""Look after the notices of a whole installation: what waits and what failed, sending again, pausing, going on."""

from collections.abc import Sequence

from msgspec import Struct

from core.deliveries import BY_EMAIL, DeliveryState
from core.errors import NotFound
from core.ids import ReceiverId, ShopId
from core.use_cases.retried import retried
from core.use_cases.route_notices import RouteNotices
from ports.deliveries import Summary
from ports.directory import Directory
from ports.outbox_control import OutboxControl, Pause
from ports.security import Clock, Fresh
from ports.transactions import ShopTransaction, Transactions

BATCH = 500


class NotPaused(Exception):
    """Workers would send meanwhile what is to be given up."""


class ShopOutbox(Struct, frozen=True, kw_only=True):
    """``endpoints_off``: those that were switched off because they failed or are gone."""

    slug: str
    summary: Summary
    endpoints_off: int


class OutboxStatus(Struct, frozen=True, kw_only=True):
    pause: Pause | None
    shops: Sequence[ShopOutbox]


class ShowOutbox:
    def __init__(self, transactions: Transactions, directory: Directory, control: OutboxControl) -> None:
        self._transactions = transactions
        self._directory = directory
        self._control = control

    async def __call__(self) -> OutboxStatus:
        """All shops, by slug."""
        shops = [await self._of(slug, shop_id) for slug, shop_id in await self._directory.shops()]
        return OutboxStatus(pause=await self._control.pause_now(), shops=shops)

    async def _of(self, slug: str, shop_id: ShopId) -> ShopOutbox:
        async with self._transactions.snapshot_of(shop_id) as shop:
            return ShopOutbox(
                slug=slug,
                summary=await shop.deliveries.summary(),
                endpoints_off=await shop.receivers.count_off(),
            )


class RetryFailed:
    """Send again what was given up, but for endpoints that are off."""

    def __init__(self, transactions: Transactions, directory: Directory, fresh: Fresh, clock: Clock) -> None:
        self._transactions = transactions
        self._directory = directory
        self._fresh = fresh
        self._clock = clock

    async def __call__(self, *, slug: str | None, receiver_id: ReceiverId | None) -> int:
        """How many deliveries. Of one shop or all, to one receiver or all.

        Raises:
            NotFound: no such shop, or nothing ever failed for this receiver there.
        """
        shops = [shop_id for name, shop_id in await self._directory.shops() if slug in {None, name}]
        chosen = [(shop_id, each) for shop_id in shops for each in await self._receivers(shop_id, receiver_id)]
        if not shops or (receiver_id is not None and not chosen):
            raise NotFound
        return sum([await self._all_of(shop_id, each) for shop_id, each in chosen])

    async def _receivers(self, shop_id: ShopId, chosen: ReceiverId | None) -> list[ReceiverId]:
        async with self._transactions.at_shop(shop_id) as shop:
            found = await shop.deliveries.receivers_with(DeliveryState.FAILED)
            return [each for each in found if chosen in {None, each} and await self._is_on(shop, each)]

    async def _is_on(self, shop: ShopTransaction, receiver_id: ReceiverId) -> bool:
        return receiver_id == BY_EMAIL or await shop.receivers.webhook(receiver_id, at=self._clock.now()) is not None

    async def _all_of(self, shop_id: ShopId, receiver_id: ReceiverId) -> int:
        sent_again = 0
        while more := await self._some_of(shop_id, receiver_id):
            sent_again += more
        return sent_again

    @retried
    async def _some_of(self, shop_id: ShopId, receiver_id: ReceiverId) -> int:
        async with self._transactions.at_shop(shop_id) as shop:
            notices = await shop.deliveries.failed(receiver_id, limit=BATCH)
            new_ids = [self._fresh.id() for _ in notices]
            return await shop.deliveries.send_again(receiver_id, notices, new_ids=new_ids, at=self._clock.now())


class ResumeOutbox:
    """After a pause, and after a restore."""

    def __init__(
        self,
        transactions: Transactions,
        directory: Directory,
        control: OutboxControl,
        route: RouteNotices,
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._directory = directory
        self._control = control
        self._route = route
        self._clock = clock

    async def __call__(self, *, give_up: bool) -> int:
        """Send what waits; or ``give_up`` all of it first, so that it fails, to be sent again by hand where somebody
        wants it. How many deliveries were given up.

        Raises:
            NotPaused.
        """
        given_up = 0
        if give_up:
            if await self._control.pause_now() is None:
                raise NotPaused
            while await self._route():
                pass
            given_up = sum([await self._give_up_at(shop_id) for _, shop_id in await self._directory.shops()])
        await self._control.resume()
        return given_up

    @retried
    async def _give_up_at(self, shop_id: ShopId) -> int:
        async with self._transactions.at_shop(shop_id) as shop:
            waiting = await shop.deliveries.receivers_with(DeliveryState.PENDING)
            return sum([await shop.deliveries.give_up(receiver_id, at=self._clock.now()) for receiver_id in waiting])
