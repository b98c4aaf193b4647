"""The credit ledger of one shop, to read; entries are written by ``ShopTransaction.post``."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from core.explained import Source
from core.ids import ClientId, EntryId, InvoiceId
from core.ledger import CreditAccount, EntryKind
from core.views import EntryView, Page, Position


class Ledger(Protocol):
    async def view(self, entry_id: EntryId) -> EntryView:
        """Raises NotFound."""
        ...

    async def page(
        self,
        *,
        client_id: ClientId | None,
        kind: EntryKind | None,
        at_from: datetime | None,
        at_before: datetime | None,
        after: Position | None,
        limit: int,
        oldest_first: bool = False,
    ) -> Page[EntryView]:
        """Entries of one client or of the whole shop, newest first unless asked otherwise.

        ``at_from`` is part of the range, ``at_before`` is not.
        """
        ...

    async def balance(self, client_id: ClientId) -> tuple[int, bool]:
        """The stored balance in minor units, and whether the account is closed. Raises NotFound."""
        ...

    async def newest(self, client_id: ClientId, *, limit: int) -> tuple[int, bool, Page[EntryView]]:
        """As of one moment: the stored balance in minor units, whether the account is closed, and the newest entries.
        Raises NotFound.
        """
        ...

    async def balances_before(self, client_id: ClientId, moments: Sequence[datetime]) -> list[int]:
        """The client's balance right before each of these moments, in their order. Minor units."""
        ...

    async def account(self, client_id: ClientId) -> CreditAccount:
        """The account as it stands, not locked. Raises NotFound."""
        ...

    async def sources(
        self, client_id: ClientId, *, as_of: int, before: tuple[datetime, int] | None, limit: int
    ) -> list[Source]:
        """Added and captured entries up to number ``as_of``, newest first, each with whether it was reversed by then.

        ``before``: the time and number of the entry where a read before this one ended.
        """
        ...

    async def given_for(self, invoice_id: InvoiceId, *, at_most: int) -> tuple[int, list[EntryView]]:
        """What was added as credit for an invoice, whatever the reason, and not voided: the sum in minor units, and
        the newest of these entries.
        """
        ...

    async def views(self, entry_ids: Sequence[EntryId]) -> list[EntryView]:
        """These entries, in this order."""
        ...
