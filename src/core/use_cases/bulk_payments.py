"""Money for several invoices of one client at once."""

from collections.abc import Sequence
from datetime import date

from core.books import Allocation, PaymentDetails
from core.errors import InvalidField, NotFound
from core.ids import BulkPaymentId, ClientId
from core.money import require_amount
from core.payments import PaymentMethod
from core.staff import Caller, Permission
from core.use_cases.retried import retried
from core.use_cases.spent_by import naming_what_spent_it
from core.views import BulkPaymentView, PaymentView, payment_fields
from ports.transactions import Transactions

MIN_ALLOCATIONS, MAX_ALLOCATIONS = 2, 100


class RecordBulkPayment:
    """R12."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self,
        caller: Caller,
        client_id: ClientId,
        *,
        method: PaymentMethod,
        allocations: Sequence[Allocation],
        reference: str | None,
        received_on: date | None,
    ) -> BulkPaymentView:
        invoice_ids = [allocation.invoice_id for allocation in allocations]
        _require_sound(allocations)
        async with self._transactions.for_shop(caller) as shop:
            try:
                books = await shop.open_client(client_id, needs=Permission.CREATE_PAYMENTS, invoice_ids=invoice_ids)
            except NotFound:
                raise InvalidField("client_id", "must be a client of this shop") from None
            of_client = {invoice.id for invoice in books.invoices}
            for place, invoice_id in enumerate(invoice_ids):
                if invoice_id not in of_client:
                    raise InvalidField(f"allocations[{place}].invoice_id", "must be an invoice of this client")
            recorder = shop.recorder
            bulk_payment_id = BulkPaymentId(recorder.new_id())
            posting = books.take_bulk_payment(
                method,
                allocations,
                bulk_payment_id=bulk_payment_id,
                details=PaymentDetails(
                    reference=reference, received_on=shop.shop.received_on(received_on, now=recorder.at)
                ),
                recorder=recorder,
            )
            shop.post(posting)
            currency = shop.shop.currency
            view = BulkPaymentView(
                id=bulk_payment_id,
                amount=sum(allocation.amount for allocation in allocations),
                currency=currency,
                payments=[
                    PaymentView(**payment_fields(payment), currency=currency, entries=[], changes=[])
                    for payment in posting.new_payments
                ],
            )
            return shop.answer(201, view)


def _require_sound(allocations: Sequence[Allocation]) -> None:
    if not MIN_ALLOCATIONS <= len(allocations) <= MAX_ALLOCATIONS:
        raise InvalidField("allocations", f"must have {MIN_ALLOCATIONS} to {MAX_ALLOCATIONS} items")
    if len({allocation.invoice_id for allocation in allocations}) < len(allocations):
        raise InvalidField("allocations", "must name each invoice once")
    for place, allocation in enumerate(allocations):
        require_amount(allocation.amount, field=f"allocations[{place}].amount")


class DeleteBulkPayment:
    """R12, R21: all of its payments that are still live, or none."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, bulk_payment_id: BulkPaymentId) -> None:
        async with self._transactions.for_shop(caller) as shop:
            books = await shop.open_bulk_payment(bulk_payment_id, needs=Permission.CREATE_PAYMENTS)
            async with naming_what_spent_it(shop, books.account.client_id):
                posting = books.delete_payments(recorder=shop.recorder)
            shop.post(posting)
            shop.answer(204, None)
