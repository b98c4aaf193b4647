"""Say what something would do, before anybody does it. Nothing is written, and no permission is needed to look."""

from core.books import Books, PaymentDetails, Posting
from core.errors import Refusal
from core.ids import BulkPaymentId, ClientId, EntryId, InvoiceId, PaymentId
from core.ledger import AddReason, EntryKind
from core.money import require_amount
from core.payments import OverpaymentChoice, PaymentMethod, excess
from core.previews import AddPreview, DeletionPreview, PaymentPreview, VoidPreview, effect
from core.staff import Caller
from core.use_cases.add_credit import added
from core.use_cases.record_payment import require_amount_of, taken
from core.use_cases.retried import retried
from core.use_cases.spent_by import naming_what_spent_it
from ports.transactions import ShopTransaction, Transactions

SHOWN = 25
"""So many of what a preview lists: of what spent the credit, of the credit given for an invoice."""

_NOTE = "preview"


class PreviewAdd:
    """R5: what adding credit would do, and what was already given for the invoice that it comes from."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self,
        caller: Caller,
        client_id: ClientId,
        *,
        reason: AddReason,
        amount: int | None,
        invoice_id: InvoiceId | None,
    ) -> AddPreview:
        invoice_ids = [] if invoice_id is None else [invoice_id]
        async with self._transactions.for_shop(caller) as shop:
            books = await shop.open_client(client_id, needs=None, invoice_ids=invoice_ids)
            posting, refusal = None, None
            try:
                if amount is not None:
                    require_amount(amount)
                    posting = added(shop, books, amount, reason=reason, note=_NOTE, invoice_id=invoice_id)
            except Refusal as refused:
                refusal = refused
            given, entries = (
                await shop.ledger.given_for(books.invoices[0].id, at_most=SHOWN) if books.invoices else (0, [])
            )
            return AddPreview(
                **effect(books, posting, refusal, currency=shop.shop.currency),
                given=given,
                given_entries=entries,
                refundable=max(books.invoices[0].settled - shop.refunded, 0) if books.invoices else None,
            )


class PreviewVoid:
    """R18, R19, R20."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, entry_id: EntryId) -> VoidPreview:
        async with self._transactions.for_shop(caller) as shop:
            books, number = await shop.open_entry(entry_id, needs=None)
            posting, refusal = None, None
            try:
                async with naming_what_spent_it(shop, books.account.client_id, at_most=SHOWN):
                    posting = books.void_entry(number, note=_NOTE, recorder=shop.recorder)
            except Refusal as refused:
                refusal = refused
            return VoidPreview(
                **effect(books, posting, refusal, currency=shop.shop.currency), entry=await shop.ledger.view(entry_id)
            )


class PreviewPayment:
    """R7, R8, R13, R14: for the form, as it is filled in. Locks nothing."""

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
    ) -> PaymentPreview:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit()
            invoice, account = await shop.invoices.with_account(invoice_id)
            books = Books(account=account, invoices=(invoice,))
            posting, application, refusal = None, None, None
            try:
                require_amount_of(method, amount)
                posting, application = taken(
                    books,
                    invoice_id,
                    method=method,
                    amount=amount,
                    overpayment=overpayment,
                    details=PaymentDetails(reference=None, received_on=shop.shop.day_of(shop.recorder.at)),
                    recorder=shop.recorder,
                )
            except Refusal as refused:
                refusal = refused
            payment = posting.new_payments[0] if posting else None
            return PaymentPreview(
                **effect(books, posting, refusal, currency=shop.shop.currency),
                requested=amount,
                amount=payment.amount if payment else 0,
                settled=payment.settled if payment else 0,
                captured=payment.captured if payment else 0,
                capped_by=application.capped_by if application else None,
                excess=0 if method == PaymentMethod.ACCOUNT_CREDIT else excess(amount or 0, due=invoice.due),
            )


class PreviewDeletePayment:
    """R11, R21, R22."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, payment_id: PaymentId) -> DeletionPreview:
        async with self._transactions.for_shop(caller) as shop:
            books = await shop.open_payment(payment_id, needs=None)
            posting, refusal = None, None
            try:
                async with naming_what_spent_it(shop, books.account.client_id, at_most=SHOWN):
                    posting = books.delete_payment(payment_id, recorder=shop.recorder)
            except Refusal as refused:
                refusal = refused
            return await _deletion(shop, books, posting, refusal)


class PreviewDeleteBulkPayment:
    """R12, R21."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, bulk_payment_id: BulkPaymentId) -> DeletionPreview:
        async with self._transactions.for_shop(caller) as shop:
            books = await shop.open_bulk_payment(bulk_payment_id, needs=None)
            posting, refusal = None, None
            try:
                async with naming_what_spent_it(shop, books.account.client_id, at_most=SHOWN):
                    posting = books.delete_payments(recorder=shop.recorder)
            except Refusal as refused:
                refusal = refused
            return await _deletion(shop, books, posting, refusal)


async def _deletion(
    shop: ShopTransaction, books: Books, posting: Posting | None, refusal: Refusal | None
) -> DeletionPreview:
    concerned = [payment for payment in books.payments if len(books.payments) == 1 or not payment.deleted_at]
    entries = posting.entries if posting else ()
    return DeletionPreview(
        **effect(books, posting, refusal, currency=shop.shop.currency),
        payments=[await shop.payments.view(payment.id) for payment in concerned],
        collected=sum(payment.collected for payment in posting.changed_payments) if posting else 0,
        returned=sum(entry.amount for entry in entries if entry.kind == EntryKind.RETURNED),
        voided=-sum(entry.amount for entry in entries if entry.kind == EntryKind.VOIDED),
    )
