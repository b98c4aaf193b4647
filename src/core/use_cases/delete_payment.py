"""Delete a payment: its credit goes back, its captured credit is voided."""

from core.ids import PaymentId
from core.staff import Caller, Permission
from core.use_cases.retried import retried
from core.use_cases.spent_by import naming_what_spent_it
from ports.transactions import Transactions


class DeletePayment:
    """R11, R21, R22."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, payment_id: PaymentId) -> None:
        async with self._transactions.for_shop(caller) as shop:
            books = await shop.open_payment(payment_id, needs=Permission.CREATE_PAYMENTS)
            async with naming_what_spent_it(shop, books.account.client_id):
                posting = books.delete_payment(payment_id, recorder=shop.recorder)
            shop.post(posting)
            shop.answer(204, None)
