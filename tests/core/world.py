"""One client of one shop in memory: all there is of its books, for decisions to be carried out without a database.

Each method opens the part of the books that the product opens for the same verb, lets :class:`core.books.Books`
decide, and keeps what the posting says. It decides nothing itself; whether the rules hold is for the tests to say.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from core.books import Allocation, Books, PaymentOptions, Posting, payment_options
from core.ids import BulkPaymentId, InvoiceId, PaymentId
from core.invoices import Invoice
from core.ledger import AddReason, Application, CreditAccount, EntryKind, LedgerEntry, PostedEntry, Recorder
from core.money import require_amount
from core.payments import MoneyMethod, OverpaymentChoice, Payment, PaymentChange, PaymentEdit, PaymentMethod
from core.text import clean_note
from tests.builders import CLIENT_ID, NOON, PAT, an_account, ids_from, invoice_content, payment_details, salts


class Applied(NamedTuple):
    payment: Payment
    application: Application


class Card(NamedTuple):
    """The client card (R27)."""

    invoiced: int
    paid: int
    due: int
    overpaid: int
    credit: int


class Snapshot(NamedTuple):
    """Everything that is kept, to see that a refusal wrote nothing."""

    account: CreditAccount
    invoices: tuple[Invoice, ...]
    payments: tuple[Payment, ...]
    entries: tuple[LedgerEntry, ...]
    changes: tuple[PaymentChange, ...]


class World:
    def __init__(self) -> None:
        self.account = an_account()
        self.invoices: dict[InvoiceId, Invoice] = {}
        self.payments: dict[PaymentId, Payment] = {}
        self.entries: list[LedgerEntry] = []
        self.changes: list[PaymentChange] = []
        self.now: datetime = NOON
        self._new_id = ids_from(1_000_000)
        self._new_salt = salts()

    # What there is

    @property
    def balance(self) -> int:
        return self.account.balance

    @property
    def numbers_reversed(self) -> set[int]:
        return {entry.reverses_number for entry in self.entries if entry.reverses_number is not None}

    def invoice(self, invoice: Invoice) -> Invoice:
        """That invoice as it is now."""
        return self.invoices[invoice.id]

    def payment(self, payment: Payment) -> Payment:
        """That payment as it is now."""
        return self.payments[payment.id]

    def due(self, invoice: Invoice) -> int:
        return self.invoice(invoice).due

    def live_payments(self, invoice: Invoice | None = None) -> list[Payment]:
        return [
            payment
            for payment in self.payments.values()
            if payment.deleted_at is None and (invoice is None or payment.invoice_id == invoice.id)
        ]

    def refunded(self, invoice: Invoice) -> int:
        """What was refunded as credit for the invoice and not voided (R5)."""
        numbers_reversed = self.numbers_reversed
        return sum(
            entry.amount
            for entry in self.entries
            if entry.reason == "refund" and entry.invoice_id == invoice.id and entry.number not in numbers_reversed
        )

    def overpaid(self) -> int:
        return sum(max(-invoice.due, 0) for invoice in self.invoices.values())

    def card(self) -> Card:
        counted = [invoice for invoice in self.invoices.values() if invoice.voided_at is None]
        return Card(
            invoiced=sum(invoice.total for invoice in counted),
            paid=sum(invoice.settled for invoice in counted),
            due=sum(max(invoice.due, 0) for invoice in counted),
            overpaid=self.overpaid(),
            credit=self.balance,
        )

    def collected(self) -> dict[PaymentMethod, int]:
        """Money collected by each method (R17)."""
        sums: dict[PaymentMethod, int] = {}
        for payment in self.live_payments():
            if payment.collected:
                sums[payment.method] = sums.get(payment.method, 0) + payment.collected
        return sums

    def snapshot(self) -> Snapshot:
        return Snapshot(
            self.account,
            tuple(self.invoices.values()),
            tuple(self.payments.values()),
            tuple(self.entries),
            tuple(self.changes),
        )

    # What can be done

    def bill(self, total: int) -> Invoice:
        """A new invoice with that total."""
        invoice = Invoice(
            id=InvoiceId(self._new_id()),
            client_id=CLIENT_ID,
            number=f"INV-{len(self.invoices) + 1}",
            total=total,
            settled=0,
            credit_applied=0,
            voided_at=None,
        )
        self.invoices[invoice.id] = invoice
        return invoice

    def add(
        self, amount: int, *, reason: AddReason = "goodwill", note: str = "job ran late", origin: Invoice | None = None
    ) -> LedgerEntry:
        posting = self._books(invoices=[origin] if origin else []).add(
            require_amount(amount),
            reason=reason,
            note=clean_note(note),
            invoice_id=origin.id if origin else None,
            refunded=self.refunded(origin) if origin else 0,
            recorder=self._recorder(),
        )
        [entry] = self._keep(posting).entries
        return entry

    def apply(self, invoice: Invoice, asked: int | None = None) -> Applied:
        if asked is not None:
            require_amount(asked)
        posting, application = self._books(invoices=[invoice]).apply_credit(
            asked, invoice_id=invoice.id, details=payment_details(), recorder=self._recorder()
        )
        [payment] = self._keep(posting).new_payments
        return Applied(payment, application)

    def pay(
        self,
        invoice: Invoice,
        amount: int,
        choice: OverpaymentChoice | None = None,
        *,
        method: PaymentMethod = PaymentMethod.CASH,
    ) -> Payment:
        posting = self._books(invoices=[invoice]).take_payment(
            method,
            require_amount(amount),
            invoice_id=invoice.id,
            choice=choice,
            details=payment_details(),
            recorder=self._recorder(),
        )
        [payment] = self._keep(posting).new_payments
        return payment

    def pay_together(
        self, parts: Sequence[tuple[Invoice, int]], *, method: PaymentMethod = PaymentMethod.CHECK
    ) -> tuple[Payment, ...]:
        """A bulk payment."""
        recorder = self._recorder()
        posting = self._books(invoices=[invoice for invoice, _ in parts]).take_bulk_payment(
            method,
            [Allocation(invoice.id, require_amount(amount)) for invoice, amount in parts],
            bulk_payment_id=BulkPaymentId(recorder.new_id()),
            details=payment_details(),
            recorder=recorder,
        )
        return self._keep(posting).new_payments

    def edit(
        self,
        payment: Payment,
        *,
        amount: int | None = None,
        choice: OverpaymentChoice | None = None,
        method: MoneyMethod | None = None,
        reference: str | msgspec.UnsetType | None = msgspec.UNSET,
    ) -> Payment:
        if amount is not None:
            require_amount(amount)
        edit = PaymentEdit(amount=amount, method=method, reference=reference, overpayment=choice)
        books = self._books(payments=[payment])
        self._keep(books.edit_payment(payment.id, edit, recorder=self._recorder()))
        return self.payment(payment)

    def delete(self, payment: Payment) -> tuple[LedgerEntry, ...]:
        return self._keep(self._books(payments=[payment]).delete_payment(payment.id, recorder=self._recorder())).entries

    def delete_together(self, payments: Sequence[Payment]) -> tuple[LedgerEntry, ...]:
        """Delete a whole bulk payment."""
        return self._keep(self._books(payments=payments).delete_payments(recorder=self._recorder())).entries

    def void(self, entry: LedgerEntry, *, note: str = "entered by mistake") -> LedgerEntry:
        books = self._books(
            invoices=[self.invoices[entry.invoice_id]] if entry.invoice_id else [],
            payments=[self.payments[entry.payment_id]] if entry.payment_id else [],
            entry=entry,
        )
        posting = books.void_entry(entry.number, note=clean_note(note), recorder=self._recorder())
        [reversal] = self._keep(posting).entries
        return reversal

    def capture(self, invoice: Invoice) -> tuple[LedgerEntry, ...]:
        books = self._books(invoices=[invoice], payments=self.live_payments(invoice))
        return self._keep(books.capture_overpayment(invoice.id, recorder=self._recorder())).entries

    def change_total(self, invoice: Invoice, total: int) -> Invoice:
        content = invoice_content(total, number=invoice.number)
        self.invoices[invoice.id] = self._books(invoices=[invoice]).edit_invoice(invoice.id, content)
        return self.invoice(invoice)

    def void_invoice(self, invoice: Invoice) -> Invoice:
        books = self._books(invoices=[invoice], payments=self.live_payments(invoice))
        self.invoices[invoice.id] = books.void_invoice(invoice.id, at=self._recorder().at)
        return self.invoice(invoice)

    def delete_client(self) -> None:
        self.account = self._books().delete_client(overpaid=self.overpaid())

    def restore_client(self) -> None:
        self.account = msgspec.structs.replace(self.account, closed=False)

    def options(self, invoice: Invoice) -> PaymentOptions:
        return payment_options(self.account, self.invoice(invoice))

    # How

    def _recorder(self) -> Recorder:
        self.now += timedelta(minutes=1)
        return Recorder(PAT, self.now, self._new_id, self._new_salt)

    def _books(
        self,
        *,
        invoices: Sequence[Invoice] = (),
        payments: Sequence[Payment] = (),
        entry: LedgerEntry | None = None,
    ) -> Books:
        """The books as the product opens them: with a payment its invoice, and what it captured or applied."""
        wanted = {invoice.id for invoice in invoices} | {payment.invoice_id for payment in payments}
        payment_ids = {payment.id for payment in payments}
        numbers_reversed = self.numbers_reversed
        if entry:
            entries = [self._posted(entry)]
        else:
            entries = [
                self._posted(each)
                for each in self.entries
                if each.payment_id in payment_ids
                and each.kind in {EntryKind.APPLIED, EntryKind.CAPTURED}
                and each.number not in numbers_reversed
            ]
        return Books(
            account=self.account,
            invoices=tuple(invoice for invoice in self.invoices.values() if invoice.id in wanted),
            payments=tuple(payment for payment in self.payments.values() if payment.id in payment_ids),
            entries=tuple(entries),
        )

    def _posted(self, entry: LedgerEntry) -> PostedEntry:
        return PostedEntry(
            id=entry.id,
            number=entry.number,
            kind=entry.kind,
            amount=entry.amount,
            invoice_id=entry.invoice_id,
            payment_id=entry.payment_id,
            reversed=entry.number in self.numbers_reversed,
        )

    def _keep(self, posting: Posting) -> Posting:
        # The account is written only along with entries, as in the product: a posting without them must not need it.
        if posting.entries:
            self.account = posting.account
        self.entries.extend(posting.entries)
        self.payments.update((payment.id, payment) for payment in (*posting.new_payments, *posting.changed_payments))
        self.changes.extend(posting.payment_changes)
        self.invoices.update((invoice.id, invoice) for invoice in posting.invoices)
        return posting
