"""The payments of one shop."""

from datetime import date
from typing import Protocol

from core.errors import Spending
from core.ids import ClientId, PaymentId
from core.payments import PaymentMethod
from core.views import CollectedPayment, Page, PaymentView, Position


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

    async def collected_page(
        self,
        *,
        method: PaymentMethod | None,
        received_from: date | None,
        received_to: date | None,
        deleted: bool,
        after: Position | None,
        limit: int,
    ) -> Page[CollectedPayment]:
        """Payments with money, the one received last first: live ones, or deleted ones."""
        ...

    async def spent_by(self, client_id: ClientId, *, at_most: int | None = None) -> tuple[Spending, ...]:
        """The client's live Account Credit payments, newest first (R19); all of them, or that many."""
        ...
