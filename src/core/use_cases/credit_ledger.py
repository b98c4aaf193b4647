"""Look into the credit ledger: the Credit tab, lists of entries, one entry."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta

from core.ids import ClientId, EntryId
from core.ledger import ADD_REASONS, EntryKind
from core.shop import Shop
from core.staff import Caller, Permission
from core.use_cases.retried import retried
from core.views import ClientView, CreditTabView, EntryView, Page, Position
from ports.transactions import ShopTransaction, Transactions

EXPORT_PAGE = 1000
"""Entries read at once for an export: enough to be quick, few enough to be small."""


def moments(shop: ShopTransaction, first: date | None, last: date | None) -> tuple[datetime | None, datetime | None]:
    """The time from the beginning of the first day to the end of the last one, at the shop; the end is not part. The
    shop's settings have to be known where there is a day.

    East of Greenwich the first day of all begins, in UTC, before time does: it bounds nothing.
    """
    return (
        None if first is None or first == date.min else shop.shop.start_of(first),
        None if last is None or last == date.max else shop.shop.start_of(last + timedelta(days=1)),
    )


async def entries_of_days(
    shop: ShopTransaction,
    client_id: ClientId | None,
    *,
    kind: EntryKind | None,
    first: date | None,
    last: date | None,
    after: Position | None,
    limit: int,
) -> Page[EntryView]:
    """Entries of one client or of the whole shop, newest first, from the first day at the shop to the last one."""
    at_from, at_before = moments(shop, first, last)
    return await shop.ledger.page(
        client_id=client_id, kind=kind, at_from=at_from, at_before=at_before, after=after, limit=limit
    )


class ShowCreditTab:
    """R27, R28: the balance, the newest entries, and what this person may do here."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, client_id: ClientId, *, limit: int) -> CreditTabView:
        async with self._transactions.for_shop(caller) as shop:
            balance, closed, page = await shop.ledger.newest(client_id, limit=limit)
            may_change = Permission.CREATE_PAYMENTS in shop.asker.permissions and not closed
            return CreditTabView(
                balance=balance,
                currency=shop.shop.currency,
                quickbooks_reminder=shop.shop.quickbooks_reminder,
                can_add=may_change,
                can_void=may_change,
                reasons=list(ADD_REASONS),
                entries=page.items,
                next_position=page.next_position,
            )


class ShowClientLedger:
    """R27: a client's card and entries, as of one moment, so that the balance is the same wherever it shows."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self,
        caller: Caller,
        client_id: ClientId,
        *,
        kind: EntryKind | None,
        first: date | None,
        last: date | None,
        after: Position | None,
        limit: int,
    ) -> tuple[ClientView, Page[EntryView]]:
        """Entries newest first."""
        async with self._transactions.snapshot_for(caller) as shop:
            client = await shop.clients.view(client_id)
            return client, await entries_of_days(
                shop, client_id, kind=kind, first=first, last=last, after=after, limit=limit
            )


class ListEntries:
    """Entries of one client or of the whole shop, newest first."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self,
        caller: Caller,
        client_id: ClientId | None,
        *,
        kind: EntryKind | None,
        first: date | None,
        last: date | None,
        after: Position | None,
        limit: int,
    ) -> Page[EntryView]:
        async with self._transactions.for_shop(caller) as shop:
            if first or last:
                await shop.admit()  # when a day begins is the shop's to say
            page = await entries_of_days(shop, client_id, kind=kind, first=first, last=last, after=after, limit=limit)
            if client_id is not None and not page.items:
                await shop.ledger.balance(client_id)  # nothing there, or nobody
            return page


class ExportEntries:
    """All entries of a range, oldest first, some at a time: each part is a transaction of its own, so that a long
    export holds no connection and whoever lost access meanwhile gets no more. Entries never change, so the parts fit.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self,
        caller: Caller,
        client_id: ClientId | None,
        *,
        kind: EntryKind | None,
        first: date | None,
        last: date | None,
    ) -> tuple[Shop, AsyncIterator[list[EntryView]]]:
        """The shop, and the parts; the first one is read before this returns, so that a refusal is one."""

        async def part(shop: ShopTransaction, after: Position | None) -> Page[EntryView]:
            at_from, at_before = moments(shop, first, last)
            return await shop.ledger.page(
                client_id=client_id,
                kind=kind,
                at_from=at_from,
                at_before=at_before,
                after=after,
                limit=EXPORT_PAGE,
                oldest_first=True,
            )

        async with self._transactions.for_shop(caller) as shop:
            await shop.admit()
            if client_id is not None:
                await shop.ledger.balance(client_id)
            beginning = await part(shop, None)
            settings = shop.shop

        async def parts() -> AsyncIterator[list[EntryView]]:
            page = beginning
            yield page.items
            while page.next_position is not None:
                async with self._transactions.for_shop(caller) as shop:
                    await shop.admit()
                    page = await part(shop, page.next_position)
                yield page.items

        return settings, parts()


class ShowEntry:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, entry_id: EntryId) -> EntryView:
        async with self._transactions.for_shop(caller) as shop:
            return await shop.ledger.view(entry_id)
