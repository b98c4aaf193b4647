"""Take a payment for an invoice: with money, or by applying account credit."""

from datetime import date

from core.books import Books, PaymentDetails, Posting
from core.ids import InvoiceId
from core.ledger import Application, Recorder
from core.money import require_amount
from core.payments import OverpaymentChoice, PaymentMethod, agreed, excess
from core.staff import Caller, Permission
from core.use_cases.retried import retried
from core.views import RecordedPaymentView, entry_view, payment_fields
from ports.transactions import ShopTransaction, Transactions


class RecordPayment:
    """R7, R8, R13, R14."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self,
        caller: Caller,
        invoice_id: InvoiceId,
        *,
        method: PaymentMethod,
        amount: int | None,
        overpayment: OverpaymentChoice | None,
        reference: str | None,
        received_on: date | None,
        agreed_excess: int | None = None,
    ) -> RecordedPaymentView:
        """``agreed_excess``: what ``overpayment`` was chosen for; if that changed, the choice is asked for again."""
        require_amount_of(method, amount)
        async with self._transactions.for_shop(caller) as shop:
            books = await shop.open_invoice(invoice_id, needs=Permission.CREATE_PAYMENTS)
            details = PaymentDetails(
                reference=reference, received_on=shop.shop.received_on(received_on, now=shop.recorder.at)
            )
            now = excess(amount or 0, due=books.invoice(invoice_id).due)
            posting, application = taken(
                books,
                invoice_id,
                method=method,
                amount=amount,
                overpayment=agreed(overpayment, agreed_excess, now=now),
                details=details,
                recorder=shop.recorder,
            )
            shop.post(posting)
            return shop.answer(201, _recorded(shop, books, posting, application))


def require_amount_of(method: PaymentMethod, amount: int | None) -> None:
    """An amount is needed, but for Account Credit (R7), and is never 0 or below (R8)."""
    if amount is not None or method != PaymentMethod.ACCOUNT_CREDIT:
        require_amount(amount or 0)


def taken(
    books: Books,
    invoice_id: InvoiceId,
    *,
    method: PaymentMethod,
    amount: int | None,
    overpayment: OverpaymentChoice | None,
    details: PaymentDetails,
    recorder: Recorder,
) -> tuple[Posting, Application | None]:
    """The decision, once the books are open."""
    if method == PaymentMethod.ACCOUNT_CREDIT:
        return books.apply_credit(amount, invoice_id=invoice_id, details=details, recorder=recorder)
    posting = books.take_payment(
        method, amount or 0, invoice_id=invoice_id, choice=overpayment, details=details, recorder=recorder
    )
    return posting, None


def _recorded(
    shop: ShopTransaction, books: Books, posting: Posting, application: Application | None
) -> RecordedPaymentView:
    [payment] = posting.new_payments
    number = books.invoice(payment.invoice_id).number
    entries = [entry_view(entry, currency=shop.shop.currency, invoice_number=number) for entry in posting.entries]
    return RecordedPaymentView(
        **payment_fields(payment),
        currency=shop.shop.currency,
        entries=entries,
        changes=[],
        entry=entries[0] if entries else None,
        requested=application.requested if application else None,
        capped_by=application.capped_by if application else None,
    )
