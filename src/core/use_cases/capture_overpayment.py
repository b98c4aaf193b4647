"""Turn what an invoice is overpaid into credit."""

from core.errors import InvoiceChanged
from core.ids import InvoiceId
from core.staff import Caller, Permission
from core.use_cases.retried import retried
from core.views import CaptureView, entry_view
from ports.transactions import Transactions


class CaptureOverpayment:
    """R15."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, invoice_id: InvoiceId, *, agreed_excess: int | None = None) -> CaptureView:
        """``agreed_excess``: what the invoice was overpaid by when it was decided; if that changed, nothing is done."""
        async with self._transactions.for_shop(caller) as shop:
            books = await shop.open_invoice(invoice_id, needs=Permission.CREATE_PAYMENTS, with_payments=True)
            posting = books.capture_overpayment(invoice_id, recorder=shop.recorder)
            captured = sum(entry.amount for entry in posting.entries)
            if agreed_excess not in {None, captured}:
                raise InvoiceChanged
            shop.post(posting)
            await shop.flush()
            currency = shop.shop.currency
            number = books.invoice(invoice_id).number
            view = CaptureView(
                captured=captured,
                currency=currency,
                entries=[entry_view(entry, currency=currency, invoice_number=number) for entry in posting.entries],
                invoice=await shop.invoices.view(invoice_id),
            )
            return shop.answer(201, view)
