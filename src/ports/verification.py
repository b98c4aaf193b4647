"""What ``verify`` reads of one shop to recompute everything."""

from typing import Protocol

from core.ids import ClientId, InvoiceId, PaymentId
from core.verification import ShopSize, StoredAccount, StoredEntry, StoredInvoice, StoredPayment

EntryPlace = tuple[ClientId, int]
"""A client and the number of an entry."""


class Accounts(Protocol):
    """The credit accounts of one shop, their entries, and what the entries belong to, as they are stored.

    Pages, so that a ledger of any length takes little memory and no statement takes long: each goes on ``after`` where
    the one before it ended, and the last one is empty.
    """

    async def size(self) -> ShopSize: ...

    async def accounts(self, *, after: ClientId) -> list[StoredAccount]:
        """By client; a client without an account is there too."""
        ...

    async def entries(self, *, after: EntryPlace, up_to: ClientId) -> list[StoredEntry]:
        """By client and number, to the last one of ``up_to``."""
        ...

    async def reversed_more_than_once(self, *, after: ClientId, up_to: ClientId) -> list[EntryPlace]:
        """Entries of the clients in that range."""
        ...

    async def payments(self, *, after: PaymentId) -> list[StoredPayment]:
        """By id."""
        ...

    async def invoices(self, *, after: InvoiceId) -> list[StoredInvoice]:
        """By id."""
        ...
