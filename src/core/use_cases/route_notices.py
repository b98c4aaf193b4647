"""Make what is in the outbox into deliveries, one for each receiver."""

from collections import Counter
from collections.abc import Collection

from core.deliveries import EMAILED_KINDS, Channel, NewDelivery, NoticeHead, receivers_of
from core.ids import ClientId, DeliveryId, ShopId
from core.use_cases.each_shop import EachShop
from ports.directory import Directory
from ports.notifier import NoticeLog
from ports.security import Clock, Fresh
from ports.transactions import ShopTransaction, Transactions

BATCH = 500


class RouteNotices:
    """One round over all shops with notices that nobody has routed yet. ``channels``: those on which something can be
    sent. A notice is routed once, in one transaction with its deliveries, to those who are receivers then.
    """

    def __init__(
        self,
        transactions: Transactions,
        directory: Directory,
        fresh: Fresh,
        clock: Clock,
        log: NoticeLog,
        *,
        channels: Collection[Channel],
    ) -> None:
        self._transactions = transactions
        self._directory = directory
        self._fresh = fresh
        self._clock = clock
        self._log = log
        self._channels = frozenset(channels)
        self._each_shop = EachShop(clock, log)

    async def __call__(self) -> int:
        """How many notices were routed: of each shop some, so that one with many does not keep the others back."""
        return await self._each_shop(await self._directory.with_notices_to_route(), self._at)

    async def _at(self, shop_id: ShopId) -> int:
        at = self._clock.now()
        async with self._transactions.at_shop(shop_id) as shop:
            if not await shop.outbox.lock_routing():
                return 0
            notices = await shop.outbox.unrouted(limit=BATCH)
            if not notices:
                return 0
            deliveries = await self._deliveries(shop, notices)
            await shop.deliveries.add(deliveries, at=at)
            await shop.outbox.routed([notice.id for notice in notices], at=at)
        told = Counter(delivery.notice.id for delivery in deliveries)
        for notice in notices:
            self._log.routed(shop_id, notice, receivers=told[notice.id])
        return len(notices)

    async def _deliveries(self, shop: ShopTransaction, notices: list[NoticeHead]) -> list[NewDelivery]:
        subscriptions = await shop.receivers.subscriptions() if Channel.WEBHOOK in self._channels else []
        emailed: Collection[ClientId] = ()
        clients = {notice.client_id for notice in notices if notice.kind in EMAILED_KINDS}
        if Channel.EMAIL in self._channels and clients:
            emailed = await shop.receivers.emailed(sorted(clients))
        return [
            NewDelivery(id=DeliveryId(self._fresh.id()), receiver_id=receiver_id, notice=notice)
            for notice in notices
            for receiver_id in receivers_of(notice, subscriptions=subscriptions, emailed=emailed)
        ]
