"""What holds after any sequence of decisions, and who is refused in it.

Hypothesis plays with one client's books. Before each step the rules of the shop are asked, from the ledger and the
payments alone, whether it has to be refused; after each step every law is checked against sums worked out anew.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.chain import entry_hash, text_digest
from core.errors import (
    AllocationExceedsDue,
    AlreadyVoided,
    ClientDeleted,
    ClientHasCredit,
    ClientHasOverpayment,
    CreditAlreadySpent,
    EntryNotVoidable,
    InvoiceBelowAppliedCredit,
    InvoiceHasPayments,
    InvoiceVoid,
    NoCredit,
    NothingDue,
    NotOverpaid,
    OverpaymentChoiceRequired,
    PaymentDeleted,
    PaymentNotEditable,
    RefundExceedsPaid,
    Refusal,
)
from core.invoices import Invoice
from core.ledger import ADD_REASONS, AddReason, EntryKind, LedgerEntry
from core.payments import OverpaymentChoice, Payment, PaymentMethod
from tests.builders import SHOP_ID
from tests.core.world import World

T = TypeVar("T")

# Small, so that limits are met exactly, missed by one cent and passed all the time.
amounts = st.integers(1, 12)
totals = st.integers(0, 12)
choices: st.SearchStrategy[OverpaymentChoice | None] = st.sampled_from([None, "capture", "leave"])
money_methods = st.sampled_from([method for method in PaymentMethod if method != PaymentMethod.ACCOUNT_CREDIT])
picks = st.integers(0, 1_000)

VOIDABLE = {EntryKind.ADDED, EntryKind.CAPTURED}
REVERSED_BY = {
    EntryKind.ADDED: {EntryKind.VOIDED},
    EntryKind.CAPTURED: {EntryKind.VOIDED},
    EntryKind.APPLIED: {EntryKind.RETURNED},
}


def one_of(pick: int, everything: Iterable[T], *, done: Callable[[T], bool], last: int = 1) -> T:
    """One of all that is not done with, or of the last few that are."""
    kept = list(everything)
    choice = [each for each in kept if not done(each)] + [each for each in kept if done(each)][-last:]
    return choice[pick % len(choice)]


class Play(RuleBasedStateMachine):
    """Every verb of the product in any order, on few invoices."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    # What the rules say, worked out from entries and payments alone

    @property
    def balance(self) -> int:
        return sum(entry.amount for entry in self.world.entries)

    def standing(self) -> list[LedgerEntry]:
        """The entries that are not reversed."""
        reversed_numbers = {entry.reverses_number for entry in self.world.entries}
        return [entry for entry in self.world.entries if entry.number not in reversed_numbers]

    def is_reversed(self, entry: LedgerEntry) -> bool:
        return any(other.reverses_number == entry.number for other in self.world.entries)

    def captured(self, payment: Payment) -> int:
        return sum(
            entry.amount
            for entry in self.standing()
            if entry.payment_id == payment.id and entry.kind == EntryKind.CAPTURED
        )

    def settled(self, invoice: Invoice) -> int:
        return sum(payment.amount - self.captured(payment) for payment in self.world.live_payments(invoice))

    def due(self, invoice: Invoice) -> int:
        invoice = self.world.invoice(invoice)
        return 0 if invoice.voided_at else invoice.total - self.settled(invoice)

    def applied(self, invoice: Invoice) -> int:
        return sum(payment.amount for payment in self.world.live_payments(invoice) if payment.by_credit)

    def refunded(self, invoice: Invoice) -> int:
        return sum(
            entry.amount for entry in self.standing() if entry.invoice_id == invoice.id and entry.reason == "refund"
        )

    def shortfall(self, taken_back: int) -> Refusal | None:
        lacking = taken_back - self.balance
        return CreditAlreadySpent(shortfall=lacking) if lacking > 0 else None

    def excess(self, amount: int, *, due: int, choice: OverpaymentChoice | None) -> Refusal | None:
        excess = amount - max(due, 0)
        return OverpaymentChoiceRequired(excess=excess) if excess > 0 and choice is None else None

    @property
    def client_deleted(self) -> Refusal | None:
        return ClientDeleted() if self.world.account.closed else None

    def closed(self, invoice: Invoice) -> Refusal | None:
        return self.client_deleted or (InvoiceVoid() if self.world.invoice(invoice).voided_at else None)

    @property
    def open_to_money(self) -> int:
        """How many invoices are not void."""
        return sum(invoice.voided_at is None for invoice in self.world.invoices.values())

    # How a step is taken

    # What is over and done with stays in the game, but not so much of it that little else happens.

    def invoice(self, pick: int) -> Invoice:
        invoices = self.world.invoices.values()
        return one_of(pick, invoices, done=lambda invoice: invoice.voided_at is not None)

    def payment(self, pick: int) -> Payment:
        payments = self.world.payments.values()
        return one_of(pick, payments, done=lambda payment: payment.deleted_at is not None)

    def entry(self, pick: int) -> LedgerEntry:
        def done(entry: LedgerEntry) -> bool:
            return entry.kind not in VOIDABLE or self.is_reversed(entry)

        return one_of(pick, self.world.entries, done=done, last=3)

    def attempt(self, step: Callable[[], T], *, refusal: Refusal | None) -> T | None:
        """Take the step if the rules allow it; else see that exactly this refusal, facts and all, writes nothing.

        A deleted client is restored once it has refused a step, so that the game goes on.
        """
        if refusal is None:
            return step()
        before = self.world.snapshot()
        with pytest.raises(Refusal) as refused:
            step()
        assert type(refused.value) is type(refusal)
        assert vars(refused.value) == vars(refusal)
        assert self.world.snapshot() == before
        if isinstance(refusal, ClientDeleted):
            self.world.restore_client()
        return None

    # The steps

    @initialize(first=amounts, second=amounts, credit=amounts)
    def begin(self, first: int, second: int, credit: int) -> None:
        self.world.bill(first)
        self.world.bill(second)
        self.world.add(credit)

    @precondition(lambda self: self.open_to_money < 4)
    @rule(total=totals)
    def bill(self, total: int) -> None:
        self.world.bill(total)

    @rule(amount=amounts, reason=st.sampled_from(ADD_REASONS), pick=st.none() | picks)
    def add(self, amount: int, reason: AddReason, pick: int | None) -> None:
        origin = None if pick is None else self.invoice(pick)
        refusal = self.client_deleted
        if not refusal and origin and reason == "refund":
            refundable = self.settled(origin) - self.refunded(origin)
            refusal = RefundExceedsPaid(refundable=max(refundable, 0)) if amount > refundable else None
        self.attempt(lambda: self.world.add(amount, reason=reason, origin=origin), refusal=refusal)

    # Half of the time a step is aimed where it is likely to lead on: credit is spent where something is due, money is
    # paid on top of what is due, the payment that goes is one whose captured credit may be gone.

    @rule(pick=picks, asked=st.none() | amounts, aimed=st.booleans())
    def apply(self, pick: int, asked: int | None, aimed: bool) -> None:
        invoice = max(self.world.invoices.values(), key=self.due) if aimed else self.invoice(pick)
        due, balance = self.due(invoice), self.balance
        refusal = self.closed(invoice)
        refusal = refusal or (NothingDue() if due <= 0 else None) or (NoCredit() if balance == 0 else None)
        applied = self.attempt(lambda: self.world.apply(invoice, asked), refusal=refusal)
        if applied:
            assert applied.payment.amount == min(value for value in (due, balance, asked) if value is not None)
            assert self.balance == balance - applied.payment.amount
            assert self.due(invoice) == due - applied.payment.amount

    @rule(pick=picks, amount=amounts, choice=choices, method=money_methods, aimed=st.booleans())
    def pay(self, pick: int, amount: int, choice: OverpaymentChoice | None, method: PaymentMethod, aimed: bool) -> None:
        invoice = self.invoice(pick)
        due = self.due(invoice)
        amount += max(due, 0) if aimed else 0
        refusal = self.closed(invoice) or self.excess(amount, due=due, choice=choice)
        paid = self.attempt(lambda: self.world.pay(invoice, amount, choice, method=method), refusal=refusal)
        if paid:
            assert self.captured(paid) == (max(amount - max(due, 0), 0) if choice == "capture" else 0)

    @rule(parts=st.dictionaries(st.integers(0, 3), st.integers(1, 4), min_size=2), method=money_methods)
    def pay_together(self, parts: dict[int, int], method: PaymentMethod) -> None:
        chosen = {self.invoice(pick).id: (self.invoice(pick), amount) for pick, amount in parts.items()}.values()
        refusal: Refusal | None = None
        for place, (invoice, amount) in enumerate(chosen):
            due = self.due(invoice)
            exceeds = AllocationExceedsDue(allocation=place, due=max(due, 0)) if amount > due else None
            refusal = refusal or self.closed(invoice) or exceeds
        self.attempt(lambda: self.world.pay_together(list(chosen), method=method), refusal=refusal)

    @precondition(lambda self: self.world.payments)
    @rule(pick=picks, amount=st.none() | amounts, choice=choices)
    def edit(self, pick: int, amount: int | None, choice: OverpaymentChoice | None) -> None:
        payment = self.payment(pick)
        wanted = payment.amount if amount is None else amount
        refusal = self.client_deleted or (PaymentDeleted() if payment.deleted_at else None)
        refusal = refusal or (PaymentNotEditable("account_credit") if payment.by_credit else None)
        if not refusal and self.captured(payment):
            refusal = PaymentNotEditable("captured_credit") if wanted != payment.amount else None
        elif not refusal and wanted > payment.amount:
            without = self.due(self.world.invoices[payment.invoice_id]) + payment.amount
            refusal = self.excess(wanted, due=without, choice=choice)
        edited = self.attempt(lambda: self.world.edit(payment, amount=amount, choice=choice), refusal=refusal)
        if edited:
            assert edited.amount == wanted

    @precondition(lambda self: self.world.payments)
    @rule(pick=picks, aimed=st.booleans())
    def delete(self, pick: int, aimed: bool) -> None:
        captured = [payment for payment in self.world.live_payments() if self.captured(payment)]
        payment = captured[pick % len(captured)] if aimed and captured else self.payment(pick)
        balance, taken_back = self.balance, self.captured(payment)
        refusal = self.client_deleted or (PaymentDeleted() if payment.deleted_at else None)
        self.attempt(lambda: self.world.delete(payment), refusal=refusal or self.shortfall(taken_back))
        if not refusal and self.world.payment(payment).deleted_at:
            assert self.balance == balance - taken_back + (payment.amount if payment.by_credit else 0)

    @precondition(lambda self: any(payment.bulk_payment_id for payment in self.world.payments.values()))
    @rule(pick=picks)
    def delete_together(self, pick: int) -> None:
        bulk_ids = [payment.bulk_payment_id for payment in self.world.payments.values() if payment.bulk_payment_id]
        bulk_id = bulk_ids[pick % len(bulk_ids)]
        bulk = [payment for payment in self.world.payments.values() if payment.bulk_payment_id == bulk_id]
        refusal = self.client_deleted or (PaymentDeleted() if all(payment.deleted_at for payment in bulk) else None)
        refusal = refusal or self.shortfall(sum(self.captured(payment) for payment in bulk))
        self.attempt(lambda: self.world.delete_together(bulk), refusal=refusal)
        assert refusal or not any(self.world.payment(payment).deleted_at is None for payment in bulk)

    @rule(pick=picks)
    def void(self, pick: int) -> None:
        entry = self.entry(pick)
        refusal = self.client_deleted
        if not refusal and entry.kind not in VOIDABLE:
            refusal = EntryNotVoidable(entry.kind)
        refusal = refusal or (AlreadyVoided() if self.is_reversed(entry) else None) or self.shortfall(entry.amount)
        due = {invoice.id: self.due(invoice) for invoice in self.world.invoices.values()}
        if isinstance(refusal, CreditAlreadySpent):
            # R19 names the live Account Credit payments: deleting them always makes up for the shortfall.
            spent = sum(payment.amount for payment in self.world.live_payments() if payment.by_credit)
            assert spent >= refusal.shortfall
        voided = self.attempt(lambda: self.world.void(entry), refusal=refusal)
        if voided and entry.kind == EntryKind.CAPTURED and entry.invoice_id:
            due[entry.invoice_id] -= entry.amount
        assert due == {invoice.id: self.due(invoice) for invoice in self.world.invoices.values()}

    @rule(pick=picks)
    def capture(self, pick: int) -> None:
        invoice = self.invoice(pick)
        excess, balance = -self.due(invoice), self.balance
        refusal = self.closed(invoice) or (NotOverpaid() if excess <= 0 else None)
        newest_first = sorted(self.world.live_payments(invoice), key=lambda payment: payment.recorded_at, reverse=True)
        expected: list[tuple[object, int]] = []
        left = excess
        for payment in newest_first:
            part = min(left, payment.amount - self.captured(payment))
            if part > 0 and not payment.by_credit:
                expected.append((payment.id, part))
                left -= part
        entries = self.attempt(lambda: self.world.capture(invoice), refusal=refusal)
        if entries is not None:
            assert [(entry.payment_id, entry.amount) for entry in entries] == expected
            assert self.due(invoice) == 0
            assert self.balance == balance + excess

    @rule(pick=picks, total=totals)
    def change_total(self, pick: int, total: int) -> None:
        invoice = self.invoice(pick)
        applied = self.applied(invoice)
        below = InvoiceBelowAppliedCredit(applied_credit=applied) if total < applied else None
        self.attempt(lambda: self.world.change_total(invoice, total), refusal=self.closed(invoice) or below)

    @precondition(lambda self: self.open_to_money > 2)
    @rule(pick=picks)
    def void_invoice(self, pick: int) -> None:
        invoice = self.invoice(pick)
        has_payments = InvoiceHasPayments() if self.world.live_payments(invoice) else None
        self.attempt(lambda: self.world.void_invoice(invoice), refusal=self.closed(invoice) or has_payments)

    @precondition(lambda self: self.balance < 3)
    @rule()
    def delete_client(self) -> None:
        overpaid = sum(max(-self.due(invoice), 0) for invoice in self.world.invoices.values())
        refusal = self.client_deleted
        refusal = refusal or (ClientHasCredit(balance=self.balance) if self.balance else None)
        refusal = refusal or (ClientHasOverpayment(overpaid=overpaid) if overpaid else None)
        self.attempt(self.world.delete_client, refusal=refusal)
        assert refusal or self.world.account.closed

    # The laws

    @invariant()
    def r1_entries_are_numbered_without_gaps_and_in_time(self) -> None:
        entries = self.world.entries
        assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
        assert self.world.account.last_number == len(entries)
        assert all(earlier.at <= later.at for earlier, later in pairwise(entries))
        assert len({entry.id for entry in entries}) == len(entries)

    @invariant()
    def r2_the_balance_is_the_sum_of_the_entries_and_never_below_zero(self) -> None:
        running = 0
        for entry in self.world.entries:
            assert entry.amount != 0
            running += entry.amount
            assert entry.balance_after == running >= 0
        assert self.world.account.balance == running

    @invariant()
    def r5_the_sign_of_an_entry_fits_its_kind(self) -> None:
        for entry in self.world.entries:
            assert (entry.amount > 0) == (entry.kind in {EntryKind.ADDED, EntryKind.CAPTURED, EntryKind.RETURNED})

    @invariant()
    def r14_a_payment_adds_up(self) -> None:
        for payment in self.world.payments.values():
            assert payment.amount > 0
            assert payment.settled >= 0
            assert payment.captured == self.captured(payment)
            if payment.by_credit:
                assert (payment.settled, payment.collected, payment.captured) == (payment.amount, 0, 0)
            else:
                assert payment.amount == payment.collected == payment.settled + payment.captured

    @invariant()
    def r16_an_invoice_is_settled_by_its_live_payments_and_never_overpaid_by_credit(self) -> None:
        for invoice in self.world.invoices.values():
            assert invoice.settled == self.settled(invoice)
            assert invoice.credit_applied == self.applied(invoice)
            assert 0 <= invoice.credit_applied <= min(invoice.total, invoice.settled)

    @invariant()
    def r18_an_entry_is_reversed_at_most_once_and_by_its_opposite(self) -> None:
        by_number = {entry.number: entry for entry in self.world.entries}
        reversals = [entry for entry in self.world.entries if entry.reverses_number is not None]
        assert len({entry.reverses_number for entry in reversals}) == len(reversals)
        for reversal in reversals:
            original = by_number[reversal.reverses_number or 0]
            assert original.number < reversal.number
            assert (original.kind, original.amount) == (reversal.reverses_kind, -reversal.amount)
            assert reversal.kind in REVERSED_BY[original.kind]
            assert (original.invoice_id, original.payment_id) == (reversal.invoice_id, reversal.payment_id)
        assert {entry.number for entry in reversals} == {
            entry.number for entry in self.world.entries if entry.kind in {EntryKind.VOIDED, EntryKind.RETURNED}
        }

    @invariant()
    def r11_each_account_credit_payment_has_its_entry_and_a_deleted_one_gave_it_back(self) -> None:
        applied = {entry.payment_id: entry for entry in self.world.entries if entry.kind == EntryKind.APPLIED}
        by_credit = [payment for payment in self.world.payments.values() if payment.by_credit]
        assert {payment.id for payment in by_credit} == set(applied)
        for payment in by_credit:
            assert applied[payment.id].amount == -payment.amount
            assert self.is_reversed(applied[payment.id]) == (payment.deleted_at is not None)

    @invariant()
    def r21_a_deleted_payment_keeps_no_captured_credit(self) -> None:
        assert not any(self.captured(payment) for payment in self.world.payments.values() if payment.deleted_at)

    @invariant()
    def r22_each_change_is_of_a_payment_with_money(self) -> None:
        assert not any(self.world.payments[change.payment_id].by_credit for change in self.world.changes)

    @invariant()
    def r23_a_void_invoice_has_nothing_settled_and_nothing_due(self) -> None:
        for invoice in self.world.invoices.values():
            if invoice.voided_at:
                assert (invoice.settled, invoice.due, self.world.live_payments(invoice)) == (0, 0, [])

    @invariant()
    def r24_a_deleted_client_has_no_credit(self) -> None:
        assert not (self.world.account.closed and self.world.account.balance)

    @invariant()
    def r27_the_card_adds_up(self) -> None:
        card = self.world.card()
        assert card.invoiced - card.paid == card.due - card.overpaid
        assert card.credit == self.balance

    @invariant()
    def r27_no_money_is_made_or_lost(self) -> None:
        """What was collected and given is what is settled and what is on account."""
        collected = sum(self.world.collected().values())
        given = sum(entry.amount for entry in self.world.entries if entry.kind == EntryKind.ADDED) + sum(
            entry.amount
            for entry in self.world.entries
            if entry.kind == EntryKind.VOIDED and entry.reverses_kind == EntryKind.ADDED
        )
        assert collected + given == self.world.card().paid + self.balance

    def teardown(self) -> None:
        """The chain covers all that came before, so it is enough to check it once, at the end."""
        previous: bytes | None = None
        for entry in self.world.entries:
            assert entry.previous_hash == previous
            assert entry.hash == recomputed_hash(entry)
            previous = entry.hash
        assert self.world.account.last_hash == previous


def recomputed_hash(entry: LedgerEntry) -> bytes:
    """The hash of an entry from nothing but what is kept of it."""
    assert (entry.note is None) == (entry.note_salt is None) == (entry.note_digest is None)
    return entry_hash(
        shop_id=SHOP_ID,
        client_id=entry.client_id,
        number=entry.number,
        entry_id=entry.id,
        kind=entry.kind,
        amount=entry.amount,
        balance_after=entry.balance_after,
        reason=entry.reason,
        note_digest=text_digest(entry.note, entry.note_salt) if entry.note and entry.note_salt else None,
        by_kind=entry.by_kind,
        by_id=entry.by_id,
        by_name_digest=text_digest(entry.by_name, entry.by_name_salt),
        at=entry.at,
        invoice_id=entry.invoice_id,
        payment_id=entry.payment_id,
        reverses_number=entry.reverses_number,
        previous_hash=entry.previous_hash,
    )


TestLaws = Play.TestCase
TestLaws.settings = settings(max_examples=200, stateful_step_count=60)
