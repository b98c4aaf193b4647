"""Do something at each of some shops, a few at a time, so that what goes wrong at one does not keep the others back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from core.ids import ShopId
from ports.notifier import NoticeLog
from ports.security import Clock
from ports.transactions import Conflict, DatabaseTrouble

AT_ONCE = 4
"""Each takes a connection."""
LEFT_ALONE_FOR = timedelta(seconds=5)


class EachShop:
    """A shop where something failed that is no trouble of the database is left alone for a while."""

    def __init__(self, clock: Clock, log: NoticeLog) -> None:
        self._clock = clock
        self._log = log
        self._left_alone: dict[ShopId, datetime] = {}

    async def __call__(self, shop_ids: Iterable[ShopId], do: Callable[[ShopId], Awaitable[int]]) -> int:
        """The sum of what it comes to.

        Raises:
            DatabaseTrouble: after all were tried.
        """
        now = self._clock.now()
        self._left_alone = {shop_id: until for shop_id, until in self._left_alone.items() if until > now}
        room = asyncio.Semaphore(AT_ONCE)

        async def at(shop_id: ShopId) -> int | DatabaseTrouble:
            async with room:
                try:
                    return await do(shop_id)
                except Conflict:
                    return 0  # the next round comes soon
                except DatabaseTrouble as trouble:
                    return trouble
                except Exception as error:  # noqa: BLE001  # a fault of the program or of this shop's rows
                    self._left_alone[shop_id] = now + LEFT_ALONE_FOR
                    self._log.failed_at(shop_id, error)
                    return 0

        done = await asyncio.gather(*(at(shop_id) for shop_id in shop_ids if shop_id not in self._left_alone))
        for outcome in done:
            if isinstance(outcome, DatabaseTrouble):
                raise outcome
        return sum(outcome for outcome in done if isinstance(outcome, int))
