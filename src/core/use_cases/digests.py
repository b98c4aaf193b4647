"""Keep the heads of all credit accounts elsewhere, and compare them with what is there now."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from uuid import UUID

from core.digest import DigestLines, Head, ShopOfHeads, check_head
from core.ids import ClientId, ShopId
from core.verification import Finding
from ports.security import Clock
from ports.transactions import Transactions

_FIRST = UUID(int=0)
_HEADS_AT_A_TIME = 2000


class DigestShop:
    """In one snapshot, some at a time."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(
        self,
        slug: str,
        shop_id: ShopId,
        lines: DigestLines,
        *,
        write: Callable[[bytes], object],
        expect: Callable[[int], None],
        tell: Callable[[int], None],
    ) -> None:
        """Add this shop to a digest. ``expect`` is told once how many accounts there are, and ``tell`` how many more
        are written.
        """
        at = self._clock.now()
        async with self._transactions.snapshot_of(shop_id) as shop:
            expect(await shop.heads.count())
            write(lines.shop(ShopOfHeads(shop_id, slug, at)))
            after = ClientId(_FIRST)
            while heads := await shop.heads.heads(after=after):
                write(lines.heads(heads))
                tell(len(heads))
                after = heads[-1].client_id


class CheckHeads:
    """In one snapshot, some at a time."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def __call__(
        self, shop_id: ShopId, heads: Iterable[Head], *, tell: Callable[[int, Sequence[Finding]], None]
    ) -> None:
        """Whether the shop's accounts still go through the heads of a digest. ``tell``: how many more were compared,
        and what became of them.
        """
        rest = iter(heads)
        async with self._transactions.snapshot_of(shop_id) as shop:
            while some := list(islice(rest, _HEADS_AT_A_TIME)):
                stored = await shop.heads.at(some)
                found = [
                    finding for head, there in zip(some, stored, strict=True) for finding in check_head(head, there)
                ]
                tell(len(some), found)
