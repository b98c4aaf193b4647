"""Change a payment with money."""

from core.ids import PaymentId
from core.money import require_amount
from core.payments import PaymentEdit
from core.staff import Caller, Permission
from core.use_cases.retried import retried
from core.views import PaymentView
from ports.transactions import Transactions


class EditPayment:
    """R10, R13, R21, R22."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, payment_id: PaymentId, edit: PaymentEdit) -> PaymentView:
        if edit.amount is not None:
            require_amount(edit.amount)
        async with self._transactions.for_shop(caller) as shop:
            books = await shop.open_payment(payment_id, needs=Permission.CREATE_PAYMENTS)
            recorder = shop.recorder
            shop.shop.received_on(edit.received_on, now=recorder.at)
            shop.post(books.edit_payment(payment_id, edit, recorder=recorder))
            await shop.flush()
            return shop.answer(200, await shop.payments.view(payment_id))
