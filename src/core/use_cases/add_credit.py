"""Put credit on a client's account by hand."""

from core.books import Books, Posting
from core.errors import InvalidField
from core.ids import ClientId, InvoiceId
from core.ledger import AddReason
from core.money import require_amount
from core.staff import Caller, Permission
from core.text import clean_note
from core.use_cases.retried import retried
from core.views import EntryView, entry_view
from ports.transactions import ShopTransaction, Transactions


class AddCredit:
    """R5."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self,
        caller: Caller,
        client_id: ClientId,
        *,
        reason: AddReason,
        amount: int,
        note: str,
        invoice_id: InvoiceId | None,
    ) -> EntryView:
        require_amount(amount)
        note = clean_note(note)
        invoice_ids = [] if invoice_id is None else [invoice_id]
        async with self._transactions.for_shop(caller) as shop:
            books = await shop.open_client(client_id, needs=Permission.CREATE_PAYMENTS, invoice_ids=invoice_ids)
            posting = added(shop, books, amount, reason=reason, note=note, invoice_id=invoice_id)
            shop.post(posting)
            number = books.invoices[0].number if books.invoices else None
            return shop.answer(201, entry_view(posting.entries[0], currency=shop.shop.currency, invoice_number=number))


def added(
    shop: ShopTransaction, books: Books, amount: int, *, reason: AddReason, note: str, invoice_id: InvoiceId | None
) -> Posting:
    """The decision, once the books are open."""
    if invoice_id is not None and not books.invoices:
        raise InvalidField("invoice_id", "must be an invoice of this client")
    return books.add(
        amount, reason=reason, note=note, invoice_id=invoice_id, refunded=shop.refunded, recorder=shop.recorder
    )
