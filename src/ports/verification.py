"""What ``verify`` reads of one shop to recompute everything, and a digest to keep its heads."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from core.digest import Head, StoredHead
from core.ids import ClientId, InvoiceId, PaymentId
from core.kept_answers import StoredAnswer
from core.told import StoredNotice
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


class Witnesses(Protocol):
    """What else tells of one shop's ledger, as it is stored: the outbox, and the answers kept under idempotency keys.

    Pages like those of :class:`Accounts`.
    """

    async def notices(self, *, after: UUID) -> list[StoredNotice]:
        """By id."""
        ...

    async def answers(self, *, after: str) -> list[StoredAnswer]:
        """Of requests that made something, but for those that are kept encrypted. By key."""
        ...

    async def answers_of_one_moment(self) -> list[StoredAnswer]:
        """Those that share their moment with another one: few, unless somebody copied them."""
        ...


class Heads(Protocol):
    """Where the credit accounts of one shop end, or ended."""

    async def count(self) -> int: ...

    async def heads(self, *, after: ClientId) -> list[Head]:
        """By client; a page like those of :class:`Accounts`."""
        ...

    async def at(self, heads: Sequence[Head]) -> list[StoredHead]:
        """What is stored for each of them now."""
        ...


class Verdicts(Protocol):
    """What came of verifying one shop."""

    async def note(self, *, at: datetime, findings: int) -> None:
        """It was verified, and so much did not agree; what was noted before does not count any more."""
        ...
