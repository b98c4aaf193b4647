"""Sums over one shop."""

from datetime import date, datetime
from typing import Protocol

from core.views import CollectedReport, CreditReport


class Reports(Protocol):
    async def collected(self, *, received_from: date | None, received_to: date | None) -> CollectedReport:
        """Money collected per day and method; both days are part of the range (R17)."""
        ...

    async def credit(self, *, at_from: datetime | None, at_before: datetime | None) -> CreditReport:
        """What the shop owes its clients, and how that changed in a period."""
        ...
