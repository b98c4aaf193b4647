"""What stands on the statements of one shop's clients, beside their credit."""

from datetime import date
from typing import Protocol

from core.ids import ClientId
from core.statements import StatementInvoice, StatementPayment


class Statements(Protocol):
    async def due_before(self, client_id: ClientId, day: date) -> int:
        """What was due, less what was overpaid, when that day began: totals of the invoices issued before it that are
        not void, less what live payments received before it settle. Minor units.
        """
        ...

    async def invoices(self, client_id: ClientId, *, first: date, last: date, limit: int) -> list[StatementInvoice]:
        """Those issued in the period that are not void, oldest first."""
        ...

    async def payments(self, client_id: ClientId, *, first: date, last: date, limit: int) -> list[StatementPayment]:
        """Live ones received in the period, oldest first."""
        ...
