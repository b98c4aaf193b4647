"""What a shop's books say about one client once its credit account is locked, and every decision about that money.

A decision is pure: it returns a :class:`Posting`, what is to be written, or raises the refusal.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Self

import msgspec
from msgspec import Struct

from core.errors import (
    AccountCreditNotInBulk,
    AllocationExceedsDue,
    ClientDeleted,
    ClientHasCredit,
    ClientHasOverpayment,
    NotOverpaid,
    PaymentDeleted,
)
from core.ids import BulkPaymentId, InvoiceId, PaymentId
from core.invoices import Invoice, InvoiceContent
from core.ledger import AddReason, Application, CreditAccount, EntryKind, LedgerEntry, PostedEntry, Recorder
from core.payments import (
    OverpaymentChoice,
    Payment,
    PaymentChange,
    PaymentEdit,
    PaymentMethod,
    split_payment,
)


class PaymentOptions(Struct, frozen=True, kw_only=True):
    """What starting a payment tells before anything is saved (R9). Minor units."""

    due: int
    credit_balance: int
    applicable_credit: int
    offer_credit: bool
    methods: tuple[PaymentMethod, ...]


def payment_options(account: CreditAccount, invoice: Invoice) -> PaymentOptions:
    """R9: what is due, what credit could pay of it, and whether to ask."""
    offer = account.balance > 0 and invoice.due > 0 and not account.closed
    open_to_money = not (account.closed or invoice.voided_at)
    return PaymentOptions(
        due=invoice.due,
        credit_balance=account.balance,
        applicable_credit=account.applicable(invoice.due),
        offer_credit=offer,
        methods=tuple(
            method for method in PaymentMethod if open_to_money and (offer or method != PaymentMethod.ACCOUNT_CREDIT)
        ),
    )


class Allocation(Struct, frozen=True):
    """One invoice's part of a bulk payment."""

    invoice_id: InvoiceId
    amount: int


class PaymentDetails(Struct, frozen=True, kw_only=True):
    """What is noted of a payment beside its money."""

    reference: str | None
    received_on: date


class Posting(Struct, frozen=True, kw_only=True):
    """What one decision writes, all of it together or nothing (R4)."""

    account: CreditAccount
    entries: tuple[LedgerEntry, ...] = ()
    new_payments: tuple[Payment, ...] = ()
    changed_payments: tuple[Payment, ...] = ()
    payment_changes: tuple[PaymentChange, ...] = ()
    invoices: tuple[Invoice, ...] = ()

    def and_then(self, later: Self) -> Self:
        """Both, in this order."""
        return type(self)(
            account=later.account,
            entries=self.entries + later.entries,
            new_payments=self.new_payments + later.new_payments,
            changed_payments=self.changed_payments + later.changed_payments,
            payment_changes=self.payment_changes + later.payment_changes,
            invoices=self.invoices + later.invoices,
        )


class Books(Struct, frozen=True, kw_only=True):
    """One client's account, locked, and of its invoices, payments and entries those that the decision at hand needs.

    ``invoices`` and ``payments`` are locked too. ``entries``: the unreversed applied and captured entries of
    ``payments``, oldest first, and an entry that is to be voided, reversed or not.
    """

    account: CreditAccount
    invoices: tuple[Invoice, ...] = ()
    payments: tuple[Payment, ...] = ()
    entries: tuple[PostedEntry, ...] = ()

    def require_live_client(self) -> None:
        """R24: nothing about the money of a deleted client changes."""
        if self.account.closed:
            raise ClientDeleted

    def invoice(self, invoice_id: InvoiceId) -> Invoice:
        return next(invoice for invoice in self.invoices if invoice.id == invoice_id)

    def after(self, posting: Posting) -> "Books":
        """The books for a next decision about what they hold: as changed by the posting, without what it reversed."""
        invoices = {invoice.id: invoice for invoice in (*self.invoices, *posting.invoices)}
        payments = {payment.id: payment for payment in (*self.payments, *posting.changed_payments)}
        reversed_numbers = {entry.reverses_number for entry in posting.entries}
        return Books(
            account=posting.account,
            invoices=tuple(invoices.values()),
            payments=tuple(payments.values()),
            entries=tuple(entry for entry in self.entries if entry.number not in reversed_numbers),
        )

    def add(
        self,
        amount: int,
        *,
        reason: AddReason,
        note: str,
        invoice_id: InvoiceId | None,
        refunded: int,
        recorder: Recorder,
    ) -> Posting:
        """R5. ``refunded``: what was already refunded as credit for the named invoice and not voided."""
        self.require_live_client()
        refundable = None if invoice_id is None else self.invoice(invoice_id).settled - refunded
        entry = self.account.add(
            amount, reason=reason, note=note, invoice_id=invoice_id, refundable=refundable, recorder=recorder
        )
        return Posting(account=self.account.after(entry), entries=(entry,))

    def apply_credit(
        self, asked: int | None, *, invoice_id: InvoiceId, details: PaymentDetails, recorder: Recorder
    ) -> tuple[Posting, Application]:
        """Spend credit on an invoice (R7, R8)."""
        invoice = self._invoice_for_money(invoice_id)
        application = self.account.application(asked, due=invoice.due)
        amount = application.amount
        payment = _new_payment(
            invoice, PaymentMethod.ACCOUNT_CREDIT, amount, settled=amount, details=details, recorder=recorder
        )
        entry = self.account.apply(application, payment_id=payment.id, invoice_id=invoice.id, recorder=recorder)
        posting = Posting(
            account=self.account.after(entry),
            entries=(entry,),
            new_payments=(payment,),
            invoices=(invoice.settle(amount, by_credit=True),),
        )
        return posting, application

    def take_payment(
        self,
        method: PaymentMethod,
        amount: int,
        *,
        invoice_id: InvoiceId,
        choice: OverpaymentChoice | None,
        details: PaymentDetails,
        recorder: Recorder,
        bulk_payment_id: BulkPaymentId | None = None,
    ) -> Posting:
        """Take money for an invoice; what it is too much is captured or left, as was chosen (R13, R14)."""
        invoice = self._invoice_for_money(invoice_id)
        split = split_payment(amount, due=invoice.due, choice=choice)
        payment = _new_payment(
            invoice,
            method,
            amount,
            settled=split.settled,
            details=details,
            recorder=recorder,
            bulk_payment_id=bulk_payment_id,
        )
        account, entries = self._capture(payment, split.captured, recorder=recorder)
        return Posting(
            account=account, entries=entries, new_payments=(payment,), invoices=(invoice.settle(split.settled),)
        )

    def take_bulk_payment(
        self,
        method: PaymentMethod,
        allocations: Sequence[Allocation],
        *,
        bulk_payment_id: BulkPaymentId,
        details: PaymentDetails,
        recorder: Recorder,
    ) -> Posting:
        """One payment for each invoice, all or nothing (R12)."""
        self.require_live_client()
        if method == PaymentMethod.ACCOUNT_CREDIT:
            raise AccountCreditNotInBulk
        posting = Posting(account=self.account)
        for place, allocation in enumerate(allocations):
            due = self._invoice_for_money(allocation.invoice_id).due
            if allocation.amount > due:
                raise AllocationExceedsDue(allocation=place, due=max(due, 0))
            posting = posting.and_then(
                self.take_payment(
                    method,
                    allocation.amount,
                    invoice_id=allocation.invoice_id,
                    choice=None,
                    details=details,
                    recorder=recorder,
                    bulk_payment_id=bulk_payment_id,
                )
            )
        return posting

    def edit_payment(self, payment_id: PaymentId, edit: PaymentEdit, *, recorder: Recorder) -> Posting:
        """R10, R13, R21, R22."""
        self.require_live_client()
        old = self._payment(payment_id)
        invoice = self.invoice(old.invoice_id)
        new = old.edit(edit, invoice_due=invoice.due)
        if new == old:
            return Posting(account=self.account)
        account, entries = self._capture(new, new.captured - old.captured, recorder=recorder)
        return Posting(
            account=account,
            entries=entries,
            changed_payments=(new,),
            payment_changes=(_change_of(old, recorder=recorder),),
            invoices=(invoice.settle(new.settled - old.settled),),
        )

    def delete_payment(self, payment_id: PaymentId, *, recorder: Recorder) -> Posting:
        """Delete a payment; its credit goes back, or its captured credit is voided with it (R11, R21, R22)."""
        self.require_live_client()
        payment = self._payment(payment_id)
        deleted = payment.delete(by=recorder.by, at=recorder.at)
        self.account.require_unspent(payment.captured)
        account = self.account
        entries = []
        for entry in self.entries:
            if entry.payment_id == payment.id and not entry.reversed:
                entries.append(account.undo_for_deleted_payment(entry, recorder=recorder))
                account = account.after(entries[-1])
        invoice = self.invoice(payment.invoice_id).settle(-payment.settled, by_credit=payment.by_credit)
        return Posting(account=account, entries=tuple(entries), changed_payments=(deleted,), invoices=(invoice,))

    def delete_payments(self, *, recorder: Recorder) -> Posting:
        """Delete all payments that are still live, all or nothing, with one shortfall for all of them (R12, R21)."""
        self.require_live_client()
        live = [payment for payment in self.payments if not payment.deleted_at]
        if not live:
            raise PaymentDeleted
        self.account.require_unspent(sum(payment.captured for payment in live))
        books = self
        posting = Posting(account=self.account)
        for payment in live:
            step = books.delete_payment(payment.id, recorder=recorder)
            books = books.after(step)
            posting = posting.and_then(step)
        return posting

    def void_entry(self, number: int, *, note: str, recorder: Recorder) -> Posting:
        """R18, R19, R20."""
        self.require_live_client()
        entry = next(entry for entry in self.entries if entry.number == number)
        reversal = self.account.void(entry, note=note, recorder=recorder)
        posting = Posting(account=self.account.after(reversal), entries=(reversal,))
        if entry.kind != EntryKind.CAPTURED or entry.payment_id is None:
            return posting
        payment = self._payment(entry.payment_id).capture(-entry.amount)
        invoice = self.invoice(payment.invoice_id).settle(entry.amount)
        return msgspec.structs.replace(posting, changed_payments=(payment,), invoices=(invoice,))

    def capture_overpayment(self, invoice_id: InvoiceId, *, recorder: Recorder) -> Posting:
        """Take what an invoice is overpaid from its payments with money, newest first (R15)."""
        invoice = self._invoice_for_money(invoice_id)
        excess = -invoice.due
        if excess <= 0:
            raise NotOverpaid
        posting = Posting(account=self.account, invoices=(invoice.settle(-excess),))
        with_money = [payment for payment in self._live_payments_on(invoice_id) if not payment.by_credit]
        for payment in sorted(with_money, key=lambda payment: (payment.recorded_at, payment.id), reverse=True):
            part = min(excess, payment.settled)
            if part <= 0:
                continue
            excess -= part
            entry = posting.account.capture(part, payment_id=payment.id, invoice_id=invoice.id, recorder=recorder)
            posting = posting.and_then(
                Posting(
                    account=posting.account.after(entry), entries=(entry,), changed_payments=(payment.capture(part),)
                )
            )
        return posting

    def edit_invoice(self, invoice_id: InvoiceId, content: InvoiceContent) -> Invoice:
        """R16."""
        self.require_live_client()
        return self.invoice(invoice_id).with_content(content)

    def void_invoice(self, invoice_id: InvoiceId, *, at: datetime) -> Invoice:
        """R23."""
        self.require_live_client()
        return self.invoice(invoice_id).void(at=at, has_live_payments=bool(self._live_payments_on(invoice_id)))

    def delete_client(self, *, overpaid: int) -> CreditAccount:
        """R24. ``overpaid``: what the client's invoices are overpaid by, together."""
        self.require_live_client()
        if self.account.balance:
            raise ClientHasCredit(balance=self.account.balance)
        if overpaid:
            raise ClientHasOverpayment(overpaid=overpaid)
        return msgspec.structs.replace(self.account, closed=True)

    def _invoice_for_money(self, invoice_id: InvoiceId) -> Invoice:
        self.require_live_client()
        invoice = self.invoice(invoice_id)
        invoice.require_not_void()
        return invoice

    def _live_payments_on(self, invoice_id: InvoiceId) -> list[Payment]:
        return [payment for payment in self.payments if payment.invoice_id == invoice_id and not payment.deleted_at]

    def _payment(self, payment_id: PaymentId) -> Payment:
        return next(payment for payment in self.payments if payment.id == payment_id)

    def _capture(
        self, payment: Payment, amount: int, *, recorder: Recorder
    ) -> tuple[CreditAccount, tuple[LedgerEntry, ...]]:
        if amount == 0:
            return self.account, ()
        entry = self.account.capture(amount, payment_id=payment.id, invoice_id=payment.invoice_id, recorder=recorder)
        return self.account.after(entry), (entry,)


def _new_payment(
    invoice: Invoice,
    method: PaymentMethod,
    amount: int,
    *,
    settled: int,
    details: PaymentDetails,
    recorder: Recorder,
    bulk_payment_id: BulkPaymentId | None = None,
) -> Payment:
    by_credit = method == PaymentMethod.ACCOUNT_CREDIT
    return Payment(
        id=PaymentId(recorder.new_id()),
        client_id=invoice.client_id,
        invoice_id=invoice.id,
        method=method,
        amount=amount,
        collected=0 if by_credit else amount,
        settled=settled,
        captured=amount - settled,
        reference=details.reference,
        received_on=details.received_on,
        recorded_at=recorder.at,
        recorded_by_kind=recorder.by.kind,
        recorded_by_id=recorder.by.id,
        recorded_by_name=recorder.by.name,
        bulk_payment_id=bulk_payment_id,
    )


def _change_of(old: Payment, *, recorder: Recorder) -> PaymentChange:
    return PaymentChange(
        id=recorder.new_id(),
        client_id=old.client_id,
        payment_id=old.id,
        at=recorder.at,
        by_kind=recorder.by.kind,
        by_id=recorder.by.id,
        by_name=recorder.by.name,
        method=old.method,
        amount=old.amount,
        settled=old.settled,
        captured=old.captured,
        reference=old.reference,
        received_on=old.received_on,
    )
