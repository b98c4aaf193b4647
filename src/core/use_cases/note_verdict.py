"""Keep what verifying a shop found, so that whoever runs the program is told, also when nobody verifies any more."""

from core.ids import ShopId
from ports.security import Clock
from ports.transactions import Transactions


class NoteVerdict:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, shop_id: ShopId, *, findings: int) -> None:
        """``findings``: how much did not agree."""
        async with self._transactions.at_shop(shop_id) as shop:
            await shop.verdicts.note(at=self._clock.now(), findings=findings)
