"""Reverse added or captured credit."""

from core.ids import EntryId
from core.staff import Caller, Permission
from core.text import clean_note
from core.use_cases.retried import retried
from core.use_cases.spent_by import naming_what_spent_it
from core.views import EntryView, entry_view
from ports.transactions import Transactions


class VoidEntry:
    """R18, R19, R20."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, entry_id: EntryId, *, note: str) -> EntryView:
        note = clean_note(note)
        async with self._transactions.for_shop(caller) as shop:
            books, number = await shop.open_entry(entry_id, needs=Permission.CREATE_PAYMENTS)
            async with naming_what_spent_it(shop, books.account.client_id):
                posting = books.void_entry(number, note=note, recorder=shop.recorder)
            shop.post(posting)
            [voided] = posting.entries
            invoice_number = None if voided.invoice_id is None else books.invoice(voided.invoice_id).number
            view = entry_view(voided, currency=shop.shop.currency, invoice_number=invoice_number, reverses=entry_id)
            return shop.answer(201, view)
