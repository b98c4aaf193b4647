"""The credit ledger: entries, which are permanent, and the credit account whose next entry is decided here."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from core.chain import entry_hash, text_digest
from core.errors import AlreadyVoided, CreditAlreadySpent, EntryNotVoidable, NoCredit, NothingDue, RefundExceedsPaid
from core.ids import ClientId, EntryId, InvoiceId, PaymentId, ShopId
from core.staff import Actor, ActorKind


class EntryKind(StrEnum):
    ADDED = "added"
    APPLIED = "applied"
    CAPTURED = "captured"
    VOIDED = "voided"
    RETURNED = "returned"


class Reason(StrEnum):
    """Why an entry was made: the first five are a person's choice when adding, the rest are fixed by the kind (R5)."""

    REFUND = "refund"
    GOODWILL = "goodwill"
    MANUAL = "manual"
    CORRECTION = "correction"
    PROMOTION = "promotion"
    PAYMENT = "payment"
    OVERPAYMENT = "overpayment"
    PAYMENT_DELETED = "payment_deleted"
    VOID = "void"


AddReason = Literal["refund", "goodwill", "manual", "correction", "promotion"]
ADD_REASONS: tuple[AddReason, ...] = ("refund", "goodwill", "manual", "correction", "promotion")

CappedBy = Literal["invoice_due", "credit_balance"]


class LedgerEntry(Struct, frozen=True, kw_only=True):
    """One permanent line of a client's credit ledger (R1). Amounts in minor units; ``amount`` is signed.

    ``hash`` covers all of it and ``previous_hash``; ``note_salt`` and ``by_name_salt`` salt the digests in it.
    """

    client_id: ClientId
    number: int
    id: EntryId
    kind: EntryKind
    amount: int
    balance_after: int
    reason: Reason
    note: str | None
    by_kind: ActorKind
    by_id: UUID
    by_name: str
    at: datetime
    invoice_id: InvoiceId | None
    payment_id: PaymentId | None
    reverses_number: int | None
    reverses_kind: EntryKind | None
    note_salt: bytes | None
    note_digest: bytes | None
    by_name_salt: bytes
    by_name_digest: bytes
    previous_hash: bytes | None
    hash: bytes


class PostedEntry(Struct, frozen=True, kw_only=True):
    """An entry read back in order to reverse it."""

    id: EntryId
    number: int
    kind: EntryKind
    amount: int
    invoice_id: InvoiceId | None
    payment_id: PaymentId | None
    reversed: bool


class Recorder(Struct, frozen=True):
    """Who writes in this transaction, when (the database's clock, read once the account was locked; UTC), and where
    fresh ids (UUIDv7) and salts (16 random bytes) come from.
    """

    by: Actor
    at: datetime
    new_id: Callable[[], UUID]
    new_salt: Callable[[], bytes]


class Application(Struct, frozen=True, kw_only=True):
    """How much credit is applied (R7), and what kept it below what was asked for."""

    amount: int
    requested: int | None
    capped_by: CappedBy | None


class CreditAccount(Struct, frozen=True, kw_only=True):
    """What the ledger says about one client at the moment its row was locked. Money in minor units.

    Each decision returns the entry instead of performing it; :meth:`after` is the account once it is written.
    """

    shop_id: ShopId
    client_id: ClientId
    balance: int
    last_number: int
    last_hash: bytes | None
    closed: bool = False

    def after(self, entry: LedgerEntry) -> "CreditAccount":
        return msgspec.structs.replace(
            self, balance=entry.balance_after, last_number=entry.number, last_hash=entry.hash
        )

    def add(
        self,
        amount: int,
        *,
        reason: AddReason,
        note: str,
        invoice_id: InvoiceId | None,
        refundable: int | None,
        recorder: Recorder,
    ) -> LedgerEntry:
        """Put credit on the account by hand (R5).

        ``refundable``: what is settled on the named invoice less what was refunded for it as credit and not voided.
        """
        if reason == "refund" and refundable is not None and amount > refundable:
            raise RefundExceedsPaid(refundable=max(refundable, 0))
        return self._entry(
            EntryKind.ADDED, amount, reason=Reason(reason), note=note, invoice_id=invoice_id, recorder=recorder
        )

    def applicable(self, due: int) -> int:
        """The most that could be applied to an invoice with that much due."""
        return max(min(due, self.balance), 0)

    def application(self, asked: int | None, *, due: int) -> Application:
        """How much is applied when that much is asked for, or as much as possible if nothing is (R7, R8)."""
        if due <= 0:
            raise NothingDue
        if self.balance == 0:
            raise NoCredit
        amount = self.applicable(due)
        if asked is None or asked <= amount:
            return Application(amount=amount if asked is None else asked, requested=asked, capped_by=None)
        capped_by: CappedBy = "invoice_due" if due <= self.balance else "credit_balance"
        return Application(amount=amount, requested=asked, capped_by=capped_by)

    def apply(
        self, application: Application, *, payment_id: PaymentId, invoice_id: InvoiceId, recorder: Recorder
    ) -> LedgerEntry:
        return self._entry(
            EntryKind.APPLIED,
            -application.amount,
            reason=Reason.PAYMENT,
            invoice_id=invoice_id,
            payment_id=payment_id,
            recorder=recorder,
        )

    def capture(self, amount: int, *, payment_id: PaymentId, invoice_id: InvoiceId, recorder: Recorder) -> LedgerEntry:
        """Turn that much of a payment into credit (R14, R15)."""
        return self._entry(
            EntryKind.CAPTURED,
            amount,
            reason=Reason.OVERPAYMENT,
            invoice_id=invoice_id,
            payment_id=payment_id,
            recorder=recorder,
        )

    def void(self, entry: PostedEntry, *, note: str, recorder: Recorder) -> LedgerEntry:
        """Reverse an added or captured entry by hand (R18, R19)."""
        if entry.kind not in {EntryKind.ADDED, EntryKind.CAPTURED}:
            raise EntryNotVoidable(entry.kind)
        if entry.reversed:
            raise AlreadyVoided
        self.require_unspent(entry.amount)
        return self._reversal(EntryKind.VOIDED, entry, reason=Reason.VOID, note=note, recorder=recorder)

    def require_unspent(self, amount: int) -> None:
        """That much can be taken back: the balance does not go below zero."""
        if amount > self.balance:
            raise CreditAlreadySpent(shortfall=amount - self.balance)

    def undo_for_deleted_payment(self, entry: PostedEntry, *, recorder: Recorder) -> LedgerEntry:
        """Give applied credit back (R11), or void captured credit (R21), because its payment is deleted."""
        kind = EntryKind.RETURNED if entry.kind == EntryKind.APPLIED else EntryKind.VOIDED
        return self._reversal(kind, entry, reason=Reason.PAYMENT_DELETED, note=None, recorder=recorder)

    def _reversal(
        self, kind: EntryKind, entry: PostedEntry, *, reason: Reason, note: str | None, recorder: Recorder
    ) -> LedgerEntry:
        return self._entry(
            kind,
            -entry.amount,
            reason=reason,
            note=note,
            invoice_id=entry.invoice_id,
            payment_id=entry.payment_id,
            reverses=entry,
            recorder=recorder,
        )

    def _entry(
        self,
        kind: EntryKind,
        amount: int,
        *,
        reason: Reason,
        recorder: Recorder,
        note: str | None = None,
        invoice_id: InvoiceId | None = None,
        payment_id: PaymentId | None = None,
        reverses: PostedEntry | None = None,
    ) -> LedgerEntry:
        entry_id = EntryId(recorder.new_id())
        number = self.last_number + 1
        balance_after = self.balance + amount
        by = recorder.by
        note_salt = recorder.new_salt() if note is not None else None
        note_digest = text_digest(note, note_salt) if note is not None and note_salt is not None else None
        by_name_salt = recorder.new_salt()
        by_name_digest = text_digest(by.name, by_name_salt)
        reverses_number = reverses.number if reverses else None
        return LedgerEntry(
            client_id=self.client_id,
            number=number,
            id=entry_id,
            kind=kind,
            amount=amount,
            balance_after=balance_after,
            reason=reason,
            note=note,
            by_kind=by.kind,
            by_id=by.id,
            by_name=by.name,
            at=recorder.at,
            invoice_id=invoice_id,
            payment_id=payment_id,
            reverses_number=reverses_number,
            reverses_kind=reverses.kind if reverses else None,
            note_salt=note_salt,
            note_digest=note_digest,
            by_name_salt=by_name_salt,
            by_name_digest=by_name_digest,
            previous_hash=self.last_hash,
            hash=entry_hash(
                shop_id=self.shop_id,
                client_id=self.client_id,
                number=number,
                entry_id=entry_id,
                kind=kind,
                amount=amount,
                balance_after=balance_after,
                reason=reason,
                note_digest=note_digest,
                by_kind=by.kind,
                by_id=by.id,
                by_name_digest=by_name_digest,
                at=recorder.at,
                invoice_id=invoice_id,
                payment_id=payment_id,
                reverses_number=reverses_number,
                previous_hash=self.last_hash,
            ),
        )
