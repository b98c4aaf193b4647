"""Look at payments."""

from datetime import date

from core.ids import ClientId, PaymentId
from core.payments import PaymentMethod
from core.staff import Caller
from core.use_cases.retried import retried
from core.views import Page, PaymentView, Position
from ports.transactions import Transactions


class ShowPayment:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, payment_id: PaymentId) -> PaymentView:
        async with self._transactions.for_shop(caller) as shop:
            return await shop.payments.view(payment_id)


class ListPayments:
    """Payments by the date received, live ones or deleted ones (R22)."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self,
        caller: Caller,
        *,
        client_id: ClientId | None,
        method: PaymentMethod | None,
        first: date | None,
        last: date | None,
        deleted: bool,
        after: Position | None,
        limit: int,
    ) -> Page[PaymentView]:
        async with self._transactions.for_shop(caller, narrowed=True) as shop:
            return await shop.payments.page(
                client_id=client_id,
                method=method,
                received_from=first,
                received_to=last,
                deleted=deleted,
                after=after,
                limit=limit,
            )
