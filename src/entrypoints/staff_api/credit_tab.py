"""The Credit tab as it is answered: with a cursor in the place of a position."""

from typing import Annotated

from msgspec import Meta, Struct

from core.ledger import AddReason
from core.views import CreditTabView, Currency, EntryView


class CreditTab(Struct, frozen=True, kw_only=True):
    """The Credit tab of a client."""

    balance: int
    currency: Currency
    quickbooks_reminder: Annotated[str | None, Meta(description="Shown while QuickBooks is connected.")]
    can_add: bool
    can_void: bool
    reasons: list[AddReason]
    entries: Annotated[list[EntryView], Meta(description="The newest first.")]
    next_cursor: Annotated[str | None, Meta(description="For the list of the client's entries; null at its end.")]

    @classmethod
    def of(cls, tab: CreditTabView, next_cursor: str | None) -> "CreditTab":
        return cls(
            balance=tab.balance,
            currency=tab.currency,
            quickbooks_reminder=tab.quickbooks_reminder,
            can_add=tab.can_add,
            can_void=tab.can_void,
            reasons=tab.reasons,
            entries=tab.entries,
            next_cursor=next_cursor,
        )
