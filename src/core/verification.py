"""What ``verify`` recomputes: whether a shop's accounts, entries, payments and invoices agree with each other.

Everything is compared with the ledger as it is stored, also what a constraint or a rule of the program holds: whoever
changes data past the program may have switched those off. Amounts in minor units. Refunds of an invoice are left out:
what was settled when a refund was made is not kept. Notices are in :mod:`core.told`, kept answers in
:mod:`core.kept_answers`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from core.chain import ERASED_NAME, entry_hash, text_digest
from core.ids import ClientId, InvoiceId, PaymentId, ShopId
from core.invoices import InvoiceLine
from core.ledger import ADD_REASONS
from core.payments import PaymentMethod


class Fault(StrEnum):
    """What does not agree."""

    ACCOUNT_MISSING = "account_missing"
    ACCOUNT_BALANCE = "account_balance"
    ACCOUNT_LAST_NUMBER = "account_last_number"
    ACCOUNT_LAST_HASH = "account_last_hash"
    ACCOUNT_LAST_AT = "account_last_at"
    ACCOUNT_CLOSED = "account_closed"
    ENTRY_NUMBER = "entry_number"
    ENTRY_BALANCE_AFTER = "entry_balance_after"
    ENTRY_BELOW_ZERO = "entry_below_zero"
    ENTRY_PREVIOUS_HASH = "entry_previous_hash"
    ENTRY_HASH = "entry_hash"
    ENTRY_NOTE = "entry_note"
    ENTRY_BY_NAME = "entry_by_name"
    ENTRY_AT = "entry_at"
    ENTRY_KIND = "entry_kind"
    ENTRY_REVERSAL = "entry_reversal"
    ENTRY_INVOICE = "entry_invoice"
    ENTRY_PAYMENT = "entry_payment"
    PAYMENT_AMOUNT = "payment_amount"
    PAYMENT_CAPTURED = "payment_captured"
    PAYMENT_APPLIED = "payment_applied"
    PAYMENT_RETURNED = "payment_returned"
    PAYMENT_DELETED = "payment_deleted"
    PAYMENT_INVOICE = "payment_invoice"
    INVOICE_SETTLED = "invoice_settled"
    INVOICE_CREDIT_APPLIED = "invoice_credit_applied"
    INVOICE_TOTAL = "invoice_total"
    INVOICE_VOID = "invoice_void"
    INVOICE_CLIENT = "invoice_client"
    NOTICE_MISSING = "notice_missing"
    NOTICE_WRONG = "notice_wrong"
    NOTICE_TWICE = "notice_twice"
    ANSWER_WRONG = "answer_wrong"
    ANSWER_TWICE = "answer_twice"
    DIGEST_SHOP = "digest_shop"
    DIGEST_ACCOUNT = "digest_account"
    DIGEST_ENTRY = "digest_entry"
    SHOP_TOTAL = "shop_total"


class Finding(Struct, frozen=True, kw_only=True):
    """Something that does not agree, and whose it is."""

    what: Fault
    client_id: UUID | None = None
    number: int | None = None
    payment_id: UUID | None = None
    invoice_id: UUID | None = None
    sentence: str


class StoredAccount(Struct, frozen=True):
    """A client's credit account as it is stored; all None where a client has none."""

    client_id: ClientId
    balance: int | None
    last_number: int | None
    last_hash: bytes | None
    last_at: datetime | None
    closed_at: datetime | None


class StoredEntry(Struct, frozen=True, gc=False):
    """An entry as it is stored, and what is stored of the things that it names.

    ``invoice_found``: an invoice of the same client. ``payment_collects``: whether the payment is one with money; None
    if there is no such payment of the same client and invoice. ``reversed_*``: the entry that this one reverses.
    """

    client_id: ClientId
    number: int
    id: UUID
    kind: str
    amount: int
    balance_after: int
    reason: str
    note: str | None
    by_kind: str
    by_id: UUID
    by_name: str
    at: datetime
    invoice_id: InvoiceId | None
    payment_id: PaymentId | None
    reverses_number: int | None
    reverses_kind: str | None
    note_salt: bytes | None
    note_digest: bytes | None
    by_name_salt: bytes | None
    by_name_digest: bytes
    previous_hash: bytes | None
    hash: bytes
    invoice_found: bool
    payment_collects: bool | None
    reversed_kind: str | None
    reversed_amount: int | None
    reversed_payment_id: PaymentId | None
    reversed_invoice_id: InvoiceId | None


class PaymentEntry(Struct, frozen=True):
    """An entry that names a payment, seen from the payment."""

    payment_id: PaymentId
    kind: str
    amount: int
    reversed: bool


class StoredPayment(Struct, frozen=True, kw_only=True):
    """A payment as it is stored, with the entries that name it. ``invoice_found``: an invoice of the same client.

    ``first_*``: as it was recorded, before its first edit.
    """

    id: PaymentId
    client_id: ClientId
    invoice_id: InvoiceId
    method: str
    amount: int
    collected: int
    settled: int
    captured: int
    received_on: date
    recorded_at: datetime
    deleted_at: datetime | None
    first_method: str
    first_amount: int
    first_received_on: date
    invoice_found: bool
    entries: tuple[PaymentEntry, ...]


class StoredInvoice(Struct, frozen=True, kw_only=True):
    """An invoice as it is stored, with the sums of its live payments. ``lines``: None where they cannot be read.

    ``client_found``: with a credit account; ``client_deleted``: which is closed.
    """

    id: InvoiceId
    client_id: ClientId
    total: int
    tax: int
    settled: int
    credit_applied: int
    voided: bool
    lines: tuple[InvoiceLine, ...] | None
    client_found: bool
    client_deleted: bool
    live_settled: int
    live_credit: int


class ShopSize(Struct, frozen=True, kw_only=True):
    """How much there is to check."""

    entries: int
    payments: int
    invoices: int
    notices: int
    answers: int


_REASONS: dict[str, tuple[str, ...]] = {
    "added": ADD_REASONS,
    "applied": ("payment",),
    "captured": ("overpayment",),
    "voided": ("void", "payment_deleted"),
    "returned": ("payment_deleted",),
}
_RAISES_BALANCE = frozenset({"added", "captured", "returned"})
_MAY_REVERSE: dict[str, tuple[str, ...]] = {"voided": ("added", "captured"), "returned": ("applied",)}
_SIGNS = {"added": "", "captured": " + ", "applied": " - ", "returned": " + ", "voided": " - "}
"""The sum of all balances, kind by kind."""
_BY_CREDIT = frozenset({"applied", "returned"})
_NEEDS_PAYMENT = frozenset({"applied", "captured", "returned"})


class AccountCheck:
    """One credit account against its entries, which come in the order of their numbers."""

    def __init__(self, shop_id: ShopId, account: StoredAccount) -> None:
        self._shop_id = shop_id
        self._account = account
        self._number = 0
        self._balance = 0
        self._hash: bytes | None = None
        self._at: datetime | None = None
        self._sum = 0
        self.sums: dict[str, int] = {}
        """Of the amounts, by kind."""

    def entry(self, entry: StoredEntry) -> Sequence[Finding]:
        """What is wrong with the next entry. Compared with the entry before it as stored, so that one wrong entry is
        named once and not with all that follow.
        """
        found = []
        if entry.number != self._number + 1:
            found.append(_of_entry(Fault.ENTRY_NUMBER, entry, f"follows entry {self._number}"))
        if entry.balance_after != self._balance + entry.amount:
            found.append(
                _of_entry(
                    Fault.ENTRY_BALANCE_AFTER,
                    entry,
                    f"says {entry.balance_after} as the balance after it, but {self._balance} before it "
                    f"and {entry.amount} make {self._balance + entry.amount}",
                )
            )
        if entry.balance_after < 0:
            found.append(_of_entry(Fault.ENTRY_BELOW_ZERO, entry, f"leaves a balance of {entry.balance_after}"))
        if entry.previous_hash != self._hash:
            found.append(_of_entry(Fault.ENTRY_PREVIOUS_HASH, entry, "does not carry the hash of the entry before it"))
        if self._at is not None and entry.at < self._at:
            found.append(_of_entry(Fault.ENTRY_AT, entry, "is earlier than the entry before it"))
        if entry.hash != _hash_of(self._shop_id, entry):
            found.append(_of_entry(Fault.ENTRY_HASH, entry, "does not have the hash of its content"))
        self._number = entry.number
        self._balance = entry.balance_after
        self._hash = entry.hash
        self._at = entry.at
        self._sum += entry.amount
        self.sums[entry.kind] = self.sums.get(entry.kind, 0) + entry.amount
        found += _entry_by_itself(entry)
        return found

    def end(self) -> Iterator[Finding]:
        """What is wrong with the account once its last entry was seen."""
        account = self._account
        if account.balance is None:
            yield _of_account(Fault.ACCOUNT_MISSING, account, "The client has no credit account.")
            return
        if account.balance != self._sum:
            yield _of_account(
                Fault.ACCOUNT_BALANCE,
                account,
                f"The account says a balance of {account.balance}, but its entries add up to {self._sum}.",
            )
        if account.balance != self._balance:
            yield _of_account(
                Fault.ACCOUNT_BALANCE,
                account,
                f"The account says a balance of {account.balance}, but its last entry says {self._balance}.",
            )
        if account.last_number != self._number:
            yield _of_account(
                Fault.ACCOUNT_LAST_NUMBER,
                account,
                f"The account says that its last entry is {account.last_number}, but it is {self._number}.",
            )
        if account.last_hash != self._hash:
            yield _of_account(Fault.ACCOUNT_LAST_HASH, account, "The account does not carry its last entry's hash.")
        if account.last_at != self._at:
            yield _of_account(Fault.ACCOUNT_LAST_AT, account, "The account does not carry its last entry's time.")
        if account.closed_at is not None and account.balance != 0:
            yield _of_account(
                Fault.ACCOUNT_CLOSED, account, f"The client is deleted, but has a balance of {account.balance}."
            )


def _hash_of(shop_id: ShopId, entry: StoredEntry) -> bytes:
    return entry_hash(
        shop_id=shop_id,
        client_id=entry.client_id,
        number=entry.number,
        entry_id=entry.id,
        kind=entry.kind,
        amount=entry.amount,
        balance_after=entry.balance_after,
        reason=entry.reason,
        note_digest=entry.note_digest,
        by_kind=entry.by_kind,
        by_id=entry.by_id,
        by_name_digest=entry.by_name_digest,
        at=entry.at,
        invoice_id=entry.invoice_id,
        payment_id=entry.payment_id,
        reverses_number=entry.reverses_number,
        previous_hash=entry.previous_hash,
    )


def _entry_by_itself(entry: StoredEntry) -> Iterator[Finding]:
    kind = entry.kind
    if entry.amount == 0 or (entry.amount > 0) != (kind in _RAISES_BALANCE):
        yield _of_entry(Fault.ENTRY_KIND, entry, f"has the amount {entry.amount}, which does not fit its kind ({kind})")
    if entry.reason not in _REASONS.get(kind, ()):
        yield _of_entry(Fault.ENTRY_KIND, entry, f"has the reason {entry.reason}, which does not fit its kind ({kind})")
    # A text erased for privacy has lost its salt, and its digest proves nothing any more. An erased note is gone; a
    # name is always there: without its salt it has to be what stands in place of an erased one.
    if entry.note_salt is not None:
        if entry.note is None or text_digest(entry.note, entry.note_salt) != entry.note_digest:
            yield _of_entry(Fault.ENTRY_NOTE, entry, "does not have the note that was written")
    elif entry.note is not None:
        yield _of_entry(Fault.ENTRY_NOTE, entry, "has a note that nothing proves, since its salt is missing")
    if entry.by_name_salt is not None:
        if text_digest(entry.by_name, entry.by_name_salt) != entry.by_name_digest:
            yield _of_entry(Fault.ENTRY_BY_NAME, entry, "does not have the name of who wrote it")
    elif entry.by_name != ERASED_NAME:
        yield _of_entry(Fault.ENTRY_BY_NAME, entry, "has a name that nothing proves, since its salt is missing")
    if kind in _MAY_REVERSE or entry.reverses_number is not None or entry.reverses_kind is not None:
        yield from _reversal(entry)
    if entry.invoice_id is not None and not entry.invoice_found:
        yield _of_entry(Fault.ENTRY_INVOICE, entry, "names an invoice that the client does not have")
    if entry.payment_id is not None or kind in _NEEDS_PAYMENT:
        yield from _payment_of_entry(entry)


def _reversal(entry: StoredEntry) -> Iterator[Finding]:
    if entry.kind not in _MAY_REVERSE:
        wrong = "reverses an entry, which its kind never does"
    elif entry.reverses_number is None or entry.reversed_kind is None or entry.reverses_number >= entry.number:
        wrong = "reverses no entry before it"
    elif entry.reversed_kind not in _MAY_REVERSE[entry.kind] or entry.reverses_kind != entry.reversed_kind:
        wrong = f"reverses entry {entry.reverses_number}, whose kind ({entry.reversed_kind}) does not fit"
    elif entry.reversed_amount != -entry.amount:
        wrong = f"reverses entry {entry.reverses_number}, but {entry.amount} is not opposite to {entry.reversed_amount}"
    elif (entry.reversed_payment_id, entry.reversed_invoice_id) != (entry.payment_id, entry.invoice_id):
        wrong = f"reverses entry {entry.reverses_number}, but not for the same payment and invoice"
    else:
        return
    yield _of_entry(Fault.ENTRY_REVERSAL, entry, wrong)


def _payment_of_entry(entry: StoredEntry) -> Iterator[Finding]:
    if entry.kind == "added":
        wrong = "names a payment, which added credit never does"
    elif entry.payment_id is None:
        wrong = "names no payment"
    elif entry.payment_collects is None:
        wrong = "names a payment that the client does not have on that invoice"
    elif entry.payment_collects is (entry.kind in _BY_CREDIT):
        wrong = f"names a payment whose method does not fit its kind ({entry.kind})"
    else:
        return
    yield _of_entry(Fault.ENTRY_PAYMENT, entry, wrong)


def reversed_again(client_id: ClientId, number: int) -> Finding:
    """For an entry that has more than one reversal."""
    return Finding(
        what=Fault.ENTRY_REVERSAL,
        client_id=client_id,
        number=number,
        sentence=f"Entry {number} is reversed more than once.",
    )


def check_payment(payment: StoredPayment) -> Iterator[Finding]:
    """What is wrong with one payment (R11, R14, R15, R21)."""
    if not payment.invoice_found:
        yield _of_payment(Fault.PAYMENT_INVOICE, payment, "is on an invoice that its client does not have")
    if payment.method == PaymentMethod.ACCOUNT_CREDIT:
        yield from _credit_payment(payment)
    else:
        yield from _money_payment(payment)


def _credit_payment(payment: StoredPayment) -> Iterator[Finding]:
    if payment.collected != 0 or payment.captured != 0 or payment.settled != payment.amount:
        yield _of_payment(
            Fault.PAYMENT_AMOUNT,
            payment,
            f"is paid with Account Credit, but of {payment.amount} it settles {payment.settled}, "
            f"collects {payment.collected} and captures {payment.captured}",
        )
    applied = [-entry.amount for entry in payment.entries if entry.kind == "applied"]
    returned = sum(entry.kind == "returned" for entry in payment.entries)
    if applied != [payment.settled]:
        spent = " and ".join(str(amount) for amount in applied) or "nothing"
        yield _of_payment(
            Fault.PAYMENT_APPLIED, payment, f"settles {payment.settled}, but the ledger says that it spent {spent}"
        )
    if returned != (1 if payment.deleted_at else 0):
        state = "is deleted" if payment.deleted_at else "is live"
        yield _of_payment(
            Fault.PAYMENT_RETURNED, payment, f"{state}, but the ledger says that it was returned {returned} times"
        )


def _money_payment(payment: StoredPayment) -> Iterator[Finding]:
    if not payment.amount == payment.collected == payment.settled + payment.captured:
        yield _of_payment(
            Fault.PAYMENT_AMOUNT,
            payment,
            f"has the amount {payment.amount}, collects {payment.collected}, settles {payment.settled} "
            f"and captures {payment.captured}, which does not add up",
        )
    captured = sum(entry.amount for entry in payment.entries if entry.kind == "captured" and not entry.reversed)
    if payment.captured != captured:
        yield _of_payment(
            Fault.PAYMENT_CAPTURED,
            payment,
            f"says that {payment.captured} of it is captured, but the ledger says {captured}",
        )
    if payment.deleted_at and captured:
        yield _of_payment(Fault.PAYMENT_DELETED, payment, f"is deleted, but {captured} of it is still captured")


def check_invoice(invoice: StoredInvoice) -> Iterator[Finding]:
    """What is wrong with one invoice (R16, R23)."""
    total = None if invoice.lines is None else _lines_total(invoice.lines)
    if total is None or invoice.total != total + invoice.tax:
        makes = "its lines cannot be read" if total is None else f"its lines and tax make {total + invoice.tax}"
        yield _of_invoice(Fault.INVOICE_TOTAL, invoice, f"has the total {invoice.total}, but {makes}")
    if invoice.settled != invoice.live_settled:
        yield _of_invoice(
            Fault.INVOICE_SETTLED,
            invoice,
            f"says that {invoice.settled} is settled, but its payments settle {invoice.live_settled}",
        )
    if invoice.credit_applied != invoice.live_credit:
        yield _of_invoice(
            Fault.INVOICE_CREDIT_APPLIED,
            invoice,
            f"says that {invoice.credit_applied} was paid with Account Credit, "
            f"but its payments with it settle {invoice.live_credit}",
        )
    if invoice.credit_applied > invoice.total:
        yield _of_invoice(
            Fault.INVOICE_CREDIT_APPLIED,
            invoice,
            f"has the total {invoice.total}, but {invoice.credit_applied} was paid with Account Credit",
        )
    if invoice.voided and invoice.settled != 0:
        yield _of_invoice(Fault.INVOICE_VOID, invoice, f"is void, but {invoice.settled} is settled")
    if not invoice.client_found:
        yield _of_invoice(Fault.INVOICE_CLIENT, invoice, "is for a client that the shop does not have")
    if invoice.client_deleted and invoice.settled > invoice.total and not invoice.voided:
        yield _of_invoice(Fault.INVOICE_CLIENT, invoice, "is overpaid, but its client is deleted")


def _lines_total(lines: Sequence[InvoiceLine]) -> int | None:
    try:
        return sum(line.amount for line in lines)
    except (ArithmeticError, ValueError):  # a quantity that is no number, NaN included
        return None


def check_total(*, balances: int, sums: Mapping[str, int]) -> Iterator[Finding]:
    """What the shop owes its clients, by their accounts and by all that was ever added, spent and taken back.

    ``sums``: of all entries' amounts, by kind.
    """
    total = sum(sums.get(kind, 0) for kind in _SIGNS)
    if balances != total:
        by_kind = "".join(f"{sign}{kind} {abs(sums.get(kind, 0))}" for kind, sign in _SIGNS.items())
        yield Finding(
            what=Fault.SHOP_TOTAL,
            sentence=f"All balances add up to {balances}, but all entries to {total} ({by_kind}).",
        )


def _of_account(what: Fault, account: StoredAccount, sentence: str) -> Finding:
    return Finding(what=what, client_id=account.client_id, sentence=sentence)


def _of_entry(what: Fault, entry: StoredEntry, predicate: str) -> Finding:
    return Finding(
        what=what,
        client_id=entry.client_id,
        number=entry.number,
        payment_id=entry.payment_id,
        invoice_id=entry.invoice_id,
        sentence=f"Entry {entry.number} {predicate}.",
    )


def _of_payment(what: Fault, payment: StoredPayment, predicate: str) -> Finding:
    return Finding(
        what=what,
        client_id=payment.client_id,
        payment_id=payment.id,
        invoice_id=payment.invoice_id,
        sentence=f"The payment {predicate}.",
    )


def _of_invoice(what: Fault, invoice: StoredInvoice, predicate: str) -> Finding:
    return Finding(what=what, client_id=invoice.client_id, invoice_id=invoice.id, sentence=f"The invoice {predicate}.")
