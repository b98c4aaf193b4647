"""Send what is due in the outbox."""

from datetime import timedelta

from core.ids import ShopId
from ports.directory import Directory
from ports.notifier import Notifier
from ports.security import Clock
from ports.transactions import Transactions

BATCH = 100
LONGEST_WAIT = timedelta(hours=1)


def wait_before_attempt(attempts: int) -> timedelta:
    """How long to wait after that many attempts failed: 1 s, 2 s, 4 s, ... up to an hour."""
    return min(timedelta(seconds=2 ** min(attempts - 1, 12)), LONGEST_WAIT)


class DeliverNotices:
    """One round over all shops with something due; a shop at a time, oldest first. A notice that fails is tried again
    later; it may come twice to its receiver if the program dies between sending and marking.
    """

    def __init__(self, transactions: Transactions, directory: Directory, notifier: Notifier, clock: Clock) -> None:
        self._transactions = transactions
        self._directory = directory
        self._notifier = notifier
        self._clock = clock

    async def __call__(self) -> int:
        """How many were sent."""
        return sum([await self._at(shop_id) for shop_id in await self._directory.with_notices_due()])

    async def _at(self, shop_id: ShopId) -> int:
        sent = 0
        async with self._transactions.at_shop(shop_id) as shop:
            for notice in await shop.outbox.claim(limit=BATCH):
                try:
                    await self._notifier.send(notice)
                except Exception:  # noqa: BLE001  # whatever a receiver does to us, the others still get theirs
                    wait = wait_before_attempt(notice.attempts + 1)
                    await shop.outbox.failed(notice.id, due_at=self._clock.now() + wait)
                else:
                    await shop.outbox.sent(notice.id)
                    sent += 1
        return sent
