"""Sums over one shop."""

from datetime import date, datetime
from typing import Protocol

from core.views import ClientCredit, CollectedReport, CreditReport, Page, Position


class Reports(Protocol):
    async def collected(self, *, received_from: date | None, received_to: date | None) -> CollectedReport:
        """Money collected per day and method; both days are part of the range (R17)."""
        ...

    async def credit(self, *, at_from: datetime | None, at_before: datetime | None) -> CreditReport:
        """What the shop owes its clients, and how that changed in a period."""
        ...

    async def credit_by_client(
        self, *, at_from: datetime | None, at_before: datetime | None, after: Position | None, limit: int
    ) -> Page[ClientCredit]:
        """The same for each client who had credit at the end of the period or entries in it, by name."""
        ...
