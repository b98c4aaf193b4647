"""Say where a client's present balance came from."""

from datetime import datetime

import msgspec
from msgspec import Struct

from core.explained import Part, explain
from core.ids import ClientId
from core.staff import Caller
from core.use_cases.retried import retried
from core.views import BalanceExplanation, CreditSource, Position
from ports.ledger import Ledger
from ports.transactions import ShopTransaction, Transactions

SOURCES_A_READ = 100
MAX_READS = 5
"""So many reads at most for one page: a ledger whose newest entries were nearly all voided takes more pages instead."""


class _Place(Struct, frozen=True, kw_only=True):
    """How far a balance is explained: that of entry ``as_of``, with ``rest`` left to explain by the sources before
    ``before``. Later pages explain the same balance, whatever was written meanwhile.
    """

    as_of: int
    balance: int
    rest: int
    before: tuple[datetime, int] | None

    @staticmethod
    def of(position: Position) -> "_Place":
        as_of, balance, rest, at, number = position
        return _Place(
            as_of=int(as_of),
            balance=int(balance),
            rest=int(rest),
            before=(datetime.fromisoformat(str(at)), int(number)),
        )

    @property
    def position(self) -> Position | None:
        if not self.rest or self.before is None:
            return None
        at, number = self.before
        return (self.as_of, self.balance, self.rest, at.isoformat(), number)


class ExplainBalance:
    """The sources that the balance consists of and what is left of each, the newest page of them first."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self, caller: Caller, client_id: ClientId, *, after: Position | None, limit: int
    ) -> BalanceExplanation:
        async with self._transactions.for_shop(caller) as shop:
            return await explanation_of(shop, client_id, after=after, limit=limit)


async def explanation_of(
    shop: ShopTransaction, client_id: ClientId, *, after: Position | None, limit: int
) -> BalanceExplanation:
    """The same inside of a transaction that reads more. Raises NotFound."""
    account = await shop.ledger.account(client_id)
    start = _Place(as_of=account.last_number, balance=account.balance, rest=account.balance, before=None)
    if after is not None:
        start = _Place.of(after)
    parts, end = await _explained(shop.ledger, client_id, start, limit=limit)
    views = await shop.ledger.views([part.source.id for part in parts])
    return BalanceExplanation(
        balance=start.balance,
        currency=shop.shop.currency,
        sources=[CreditSource(entry=view, left=part.left) for view, part in zip(views, parts, strict=True)],
        newer=start.balance - start.rest,
        older=end.rest,
        next_position=end.position,
    )


async def _explained(ledger: Ledger, client_id: ClientId, start: _Place, *, limit: int) -> tuple[list[Part], _Place]:
    """Up to ``limit`` parts, oldest first, and the place after them."""
    parts: list[Part] = []
    place = start
    for _ in range(MAX_READS):
        if place.rest == 0 or len(parts) == limit:
            break
        sources = await ledger.sources(client_id, as_of=place.as_of, before=place.before, limit=SOURCES_A_READ)
        found = explain(place.rest, sources, at_most=limit - len(parts))
        parts = [*found.parts, *parts]
        last = parts[0].source if len(parts) == limit else sources[-1]
        place = msgspec.structs.replace(place, rest=found.unexplained, before=(last.at, last.number))
    return parts, place
