"""The payments of one shop."""

from datetime import date
from typing import Protocol

from core.errors import Spending
from core.ids import ClientId, PaymentId
from core.payments import PaymentMethod
from core.views import Page, PaymentView, Position


class Payments(Protocol):
    async def view(self, payment_id: PaymentId) -> PaymentView:
        """Raises NotFound."""
        ...

    async def page(
        self,
        *,
        client_id: ClientId | None,
        method: PaymentMethod | None,
        received_from: date | None,
        received_to: date | None,
        deleted: bool,
        after: Position | None,
        limit: int,
    ) -> Page[PaymentView]:
        """Payments, the one recorded last first."""
        ...

    async def spent_by(self, client_id: ClientId, *, at_most: int | None = None) -> tuple[Spending, ...]:
        """The client's live Account Credit payments, newest first (R19); all of them, or that many."""
        ...
