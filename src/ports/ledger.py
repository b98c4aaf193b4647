"""The credit ledger of one shop, to read; entries are written by ``ShopTransaction.post``."""

from datetime import datetime
from typing import Protocol

from core.ids import ClientId, EntryId
from core.ledger import EntryKind
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
