"""Write a ledger so that somebody else can check it."""

from collections import deque
from collections.abc import Callable, Iterator
from uuid import UUID

from core.errors import NotFound
from core.ids import ClientId, ShopId
from core.ledger_export import VERSION, End, Line, Opening, account_line, entry_line, written
from core.verification import StoredAccount, StoredEntry
from ports.security import Clock
from ports.transactions import ShopTransaction, Transactions

_FIRST, _LAST = UUID(int=0), UUID(int=2**128 - 1)
_AFTER_ANY_NUMBER = 2**63 - 1


class ExportLedger:
    """In one snapshot, some at a time."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(
        self,
        shop_id: ShopId,
        client_id: ClientId | None,
        *,
        write: Callable[[bytes], object],
        expect: Callable[[int], None],
        tell: Callable[[int], None],
    ) -> End:
        """The whole shop's, or one client's. ``expect`` is told once how many entries there are, and ``tell`` how many
        more are written.

        Raises:
            NotFound: no such client.
        """
        made_at = self._clock.now()
        async with self._transactions.snapshot_of(shop_id) as shop:
            settings = await shop.settings.read()
            write(written(Opening(VERSION, made_at, shop_id, settings.slug, settings.currency, client_id)))
            export = _Export(shop, write, tell)
            if client_id is None:
                expect((await shop.accounts.size()).entries)
                await export.shop()
            else:
                account = await _account_of(shop, client_id)
                expect(account.last_number or 0)
                await export.accounts([account], after=_before(client_id), up_to=client_id)
            end = End(export.written_accounts, export.written_entries)
            write(written(end))
            return end


class _Export:
    """One file that is being written."""

    def __init__(self, shop: ShopTransaction, write: Callable[[bytes], object], tell: Callable[[int], None]) -> None:
        self._shop = shop
        self._write = write
        self._tell = tell
        self.written_accounts = 0
        self.written_entries = 0

    async def shop(self) -> None:
        after = ClientId(_FIRST)
        more = True
        while more:
            accounts = await self._shop.accounts.accounts(after=after)
            more = bool(accounts)
            # The last round takes what is left: entries of clients that are not there.
            up_to = accounts[-1].client_id if more else ClientId(_LAST)
            await self.accounts(accounts, after=after, up_to=up_to)
            after = up_to

    async def accounts(self, accounts: list[StoredAccount], *, after: ClientId, up_to: ClientId) -> None:
        """These, which are all up to that one, with their entries."""
        waiting = deque(account for account in accounts if account.balance is not None)
        self.written_accounts += len(waiting)
        place = (after, _AFTER_ANY_NUMBER)
        while page := await self._shop.accounts.entries(after=place, up_to=up_to):
            self._write(b"".join(map(written, _merged(waiting, page))))
            self.written_entries += len(page)
            self._tell(len(page))
            place = (page[-1].client_id, page[-1].number)
        self._write(b"".join(written(account_line(account)) for account in waiting))


def _merged(waiting: deque[StoredAccount], page: list[StoredEntry]) -> Iterator[Line]:
    """Each account before its entries; those whose turn has not come yet go on waiting."""
    for entry in page:
        while waiting and waiting[0].client_id <= entry.client_id:
            yield account_line(waiting.popleft())
        yield entry_line(entry)


async def _account_of(shop: ShopTransaction, client_id: ClientId) -> StoredAccount:
    for account in await shop.accounts.accounts(after=_before(client_id)):
        if account.client_id == client_id:
            return account
    raise NotFound


def _before(client_id: ClientId) -> ClientId:
    return ClientId(UUID(int=max(client_id.int - 1, 0)))
