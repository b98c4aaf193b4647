"""``verify``: what agrees gives no alarm, and any change past the program is found and named for what it is."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chain import ERASED_NAME, entry_hash, text_digest
from core.invoices import Invoice, InvoiceLine
from core.ledger import LedgerEntry
from core.payments import Payment, PaymentMethod
from core.verification import (
    AccountCheck,
    Fault,
    Finding,
    PaymentEntry,
    StoredAccount,
    StoredEntry,
    StoredInvoice,
    StoredPayment,
    check_invoice,
    check_payment,
    check_total,
    reversed_again,
)
from tests.builders import CLIENT_ID, NOON, SHOP_ID
from tests.core.world import World

STRANGER = UUID(int=1)


def a_history() -> World:
    """The worked example up to its fifth step, an invoice origin, a capture that stays, and a void of it."""
    world = World()
    invoice = world.bill(130_00)
    first = world.add(50_00)
    applied = world.apply(invoice).payment
    world.pay(invoice, 100_00, "capture")
    world.delete(applied)
    world.void(first)
    other = world.bill(80_00)
    world.pay(other, 90_00, "capture", method=PaymentMethod.CHECK)
    world.add(10_00, reason="refund", origin=other)
    return world


def stored(world: World) -> list[StoredEntry]:
    """The entries as the database would give them back, with what it finds of the things that they name."""
    by_number = {entry.number: entry for entry in world.entries}
    return [_stored(world, entry, by_number.get(entry.reverses_number or 0)) for entry in world.entries]


def _stored(world: World, entry: LedgerEntry, reverses: LedgerEntry | None) -> StoredEntry:
    payment = world.payments.get(entry.payment_id) if entry.payment_id else None
    return StoredEntry(
        **msgspec.structs.asdict(entry),
        invoice_found=entry.invoice_id in world.invoices,
        payment_collects=None if payment is None else not payment.by_credit,
        reversed_kind=reverses.kind if reverses else None,
        reversed_amount=reverses.amount if reverses else None,
        reversed_payment_id=reverses.payment_id if reverses else None,
        reversed_invoice_id=reverses.invoice_id if reverses else None,
    )


def stored_account(world: World) -> StoredAccount:
    account = world.account
    last_at = world.entries[-1].at if world.entries else None
    return StoredAccount(CLIENT_ID, account.balance, account.last_number, account.last_hash, last_at, None)


def found_in(account: StoredAccount, entries: Iterable[StoredEntry]) -> list[Finding]:
    check = AccountCheck(SHOP_ID, account)
    return [*(finding for entry in entries for finding in check.entry(entry)), *check.end()]


def faults(findings: Iterable[Finding]) -> set[str]:
    return {finding.what for finding in findings}


WORLD = a_history()
ENTRIES = stored(WORLD)
ACCOUNT = stored_account(WORLD)
changed = msgspec.structs.replace


def rehashed(entries: Sequence[StoredEntry]) -> tuple[StoredAccount, list[StoredEntry]]:
    """The entries with hashes that fit them: the work of somebody who knows how the chain is made."""
    done: list[StoredEntry] = []
    for entry in entries:
        previous = done[-1].hash if done else None
        content = {
            name: getattr(entry, name)
            for name in (
                *("client_id", "number", "kind", "amount", "balance_after", "reason", "note_digest", "by_kind"),
                *("by_id", "by_name_digest", "at", "invoice_id", "payment_id", "reverses_number"),
            )
        }
        fitting = entry_hash(shop_id=SHOP_ID, entry_id=entry.id, previous_hash=previous, **content)
        done.append(changed(entry, previous_hash=previous, hash=fitting))
    last = done[-1]
    return StoredAccount(CLIENT_ID, last.balance_after, last.number, last.hash, last.at, None), done


def test_a_ledger_that_the_program_wrote_agrees() -> None:
    assert found_in(ACCOUNT, ENTRIES) == []


def test_an_account_without_entries_agrees() -> None:
    assert found_in(StoredAccount(CLIENT_ID, 0, 0, None, None, None), []) == []


def test_a_hash_chain_made_anew_over_the_same_entries_is_the_same() -> None:
    assert rehashed(ENTRIES) == (ACCOUNT, ENTRIES)


_OTHER_VALUES: dict[str, object] = {
    "number": 99,
    "id": STRANGER,
    "kind": "applied",
    "amount": 1,
    "balance_after": 7,
    "reason": "promotion",
    "note": "another note",
    "by_kind": "api_key",
    "by_id": STRANGER,
    "by_name": "Somebody Else",
    "at": datetime(2031, 1, 1, tzinfo=UTC),
    "invoice_id": STRANGER,
    "payment_id": STRANGER,
    "reverses_number": 2,
    "reverses_kind": "captured",
    "note_salt": b"\x09" * 16,
    "note_digest": b"\x09" * 32,
    "by_name_salt": b"\x09" * 16,
    "by_name_digest": b"\x09" * 32,
    "previous_hash": b"\x09" * 32,
    "hash": b"\x09" * 32,
}


@pytest.mark.parametrize(
    ("place", "field"),
    [
        (place, field)
        for place, entry in enumerate(ENTRIES)
        for field, other in _OTHER_VALUES.items()
        if getattr(entry, field) != other
    ],
)
def test_any_field_of_any_entry_that_was_changed_is_found_and_the_entry_named(field: str, place: int) -> None:
    tampered = [*ENTRIES]
    tampered[place] = changed(ENTRIES[place], **{field: _OTHER_VALUES[field]})
    findings = found_in(ACCOUNT, tampered)
    assert tampered[place].number in {finding.number for finding in findings}


@pytest.mark.parametrize("place", range(len(ENTRIES)))
def test_an_entry_that_was_taken_away_is_missed(place: int) -> None:
    findings = found_in(ACCOUNT, [*ENTRIES[:place], *ENTRIES[place + 1 :]])
    assert faults(findings) & {Fault.ENTRY_NUMBER, Fault.ACCOUNT_LAST_NUMBER}
    assert faults(findings) & {Fault.ENTRY_PREVIOUS_HASH, Fault.ACCOUNT_LAST_HASH}


# What is found of entry 1 although every hash was made to fit.
_WITH_FITTING_HASHES: list[tuple[str, dict[str, object], Fault]] = [
    ("a gap in the numbers", {"number": 2}, Fault.ENTRY_NUMBER),
    ("a balance that jumps", {"balance_after": 60_00}, Fault.ENTRY_BALANCE_AFTER),
    ("a balance below zero", {"amount": -1, "balance_after": -1}, Fault.ENTRY_BELOW_ZERO),
    ("an amount of nothing", {"amount": 0, "balance_after": 0}, Fault.ENTRY_KIND),
    ("a sign that does not fit the kind", {"amount": -50_00, "balance_after": -50_00}, Fault.ENTRY_KIND),
    ("a reason that does not fit the kind", {"reason": "overpayment"}, Fault.ENTRY_KIND),
    ("a kind that there is not", {"kind": "gift"}, Fault.ENTRY_KIND),
    ("another note", {"note": "never said"}, Fault.ENTRY_NOTE),
    ("a note taken away without its salt", {"note": None}, Fault.ENTRY_NOTE),
    ("a note whose salt was taken away", {"note_salt": None}, Fault.ENTRY_NOTE),
    ("another name", {"by_name": "Never There"}, Fault.ENTRY_BY_NAME),
    ("a payment, which added credit never has", {"payment_id": STRANGER}, Fault.ENTRY_PAYMENT),
    ("an invoice of nobody", {"invoice_id": STRANGER, "invoice_found": False}, Fault.ENTRY_INVOICE),
    ("a reversal, which its kind never is", {"reverses_number": 1}, Fault.ENTRY_REVERSAL),
]


@pytest.mark.parametrize(
    ("change", "fault"), [c[1:] for c in _WITH_FITTING_HASHES], ids=[c[0] for c in _WITH_FITTING_HASHES]
)
def test_what_breaks_a_rule_is_found_also_where_the_hashes_fit(change: dict[str, object], fault: Fault) -> None:
    account, entries = rehashed([changed(ENTRIES[0], **change)])
    [finding, *_] = [finding for finding in found_in(account, entries) if finding.what == fault]
    assert finding.client_id == CLIENT_ID
    assert finding.number == entries[0].number


# Entry 4 returns entry 2; entry 5 voids entry 1.
_WRONG_REVERSALS: list[tuple[str, int, dict[str, object]]] = [
    ("reverses nothing", 5, {"reverses_number": None, "reversed_kind": None}),
    ("reverses what is not there", 5, {"reversed_kind": None}),
    ("reverses what comes later", 5, {"reverses_number": 7}),
    ("reverses what cannot be voided", 5, {"reversed_kind": "applied", "reverses_kind": "applied"}),
    ("returns what was never applied", 4, {"reversed_kind": "added", "reverses_kind": "added"}),
    ("names another kind than the entry has", 5, {"reverses_kind": "captured"}),
    ("is not the opposite", 5, {"reversed_amount": 49_99}),
    ("is for another payment", 4, {"reversed_payment_id": STRANGER}),
    ("is for another invoice", 4, {"reversed_invoice_id": STRANGER}),
]


@pytest.mark.parametrize(("number", "change"), [c[1:] for c in _WRONG_REVERSALS], ids=[c[0] for c in _WRONG_REVERSALS])
def test_a_reversal_that_does_not_fit_is_found(number: int, change: dict[str, object]) -> None:
    account, entries = rehashed([changed(entry, **change) if entry.number == number else entry for entry in ENTRIES])
    [finding] = found_in(account, entries)
    assert (finding.what, finding.number) == (Fault.ENTRY_REVERSAL, number)


def test_a_second_reversal_is_a_finding() -> None:
    finding = reversed_again(CLIENT_ID, 3)
    assert (finding.what, finding.client_id, finding.number) == (Fault.ENTRY_REVERSAL, CLIENT_ID, 3)


def test_time_that_goes_back_is_found() -> None:
    early = [entry if entry.number != 3 else changed(entry, at=entry.at - timedelta(hours=1)) for entry in ENTRIES]
    account, entries = rehashed(early)
    [finding] = found_in(account, entries)
    assert (finding.what, finding.number) == (Fault.ENTRY_AT, 3)


@pytest.mark.parametrize("collects", [None, True], ids=["no such payment", "one with money"])
def test_applied_credit_whose_payment_does_not_fit_is_found(collects: bool | None) -> None:
    findings = found_in(ACCOUNT, [changed(e, payment_collects=collects) if e.number == 2 else e for e in ENTRIES])
    assert [(finding.what, finding.number) for finding in findings] == [(Fault.ENTRY_PAYMENT, 2)]


def test_a_name_without_its_salt_is_believed_of_no_one_but_the_erased() -> None:
    findings = found_in(ACCOUNT, [changed(ENTRIES[0], by_name_salt=None), *ENTRIES[1:]])
    assert [(finding.what, finding.number) for finding in findings] == [(Fault.ENTRY_BY_NAME, 1)]


def test_an_erased_note_and_name_are_no_fault() -> None:
    erased = [changed(entry, note=None, note_salt=None, by_name=ERASED_NAME, by_name_salt=None) for entry in ENTRIES]
    assert found_in(ACCOUNT, erased) == []


_WRONG_ACCOUNTS: list[tuple[dict[str, object], Fault]] = [
    ({"balance": None, "last_number": None}, Fault.ACCOUNT_MISSING),
    ({"balance": 1}, Fault.ACCOUNT_BALANCE),
    ({"last_number": 3}, Fault.ACCOUNT_LAST_NUMBER),
    ({"last_hash": b"\x09" * 32}, Fault.ACCOUNT_LAST_HASH),
    ({"last_at": datetime(2031, 1, 1, tzinfo=UTC)}, Fault.ACCOUNT_LAST_AT),
    ({"closed_at": datetime(2031, 1, 1, tzinfo=UTC)}, Fault.ACCOUNT_CLOSED),
]


@pytest.mark.parametrize(("change", "fault"), _WRONG_ACCOUNTS, ids=[str(fault) for _, fault in _WRONG_ACCOUNTS])
def test_an_account_that_is_not_what_its_entries_say_is_found(change: dict[str, object], fault: Fault) -> None:
    findings = found_in(changed(ACCOUNT, **change), ENTRIES)
    assert faults(findings) == {fault}
    assert {finding.client_id for finding in findings} == {CLIENT_ID}


# Payments


def stored_payment(world: World, payment: Payment) -> StoredPayment:
    reversed_numbers = world.numbers_reversed
    return StoredPayment(
        **{
            name: getattr(payment, name)
            for name in (
                *("id", "client_id", "invoice_id", "method", "amount", "collected", "settled", "captured"),
                *("received_on", "recorded_at", "deleted_at"),
            )
        },
        first_method=payment.method,
        first_amount=payment.amount,
        first_received_on=payment.received_on,
        invoice_found=payment.invoice_id in world.invoices,
        entries=tuple(
            PaymentEntry(payment.id, entry.kind, entry.amount, entry.number in reversed_numbers)
            for entry in world.entries
            if entry.payment_id == payment.id
        ),
    )


def paid_with_credit() -> StoredPayment:
    world = World()
    world.add(50_00)
    return stored_payment(world, world.apply(world.bill(130_00)).payment)


def paid_with_cash() -> StoredPayment:
    world = World()
    return stored_payment(world, world.pay(world.bill(80_00), 100_00, "capture"))


def deleted(make: Callable[[World], Payment]) -> StoredPayment:
    world = World()
    world.add(50_00)
    payment = make(world)
    world.delete(payment)
    return stored_payment(world, world.payment(payment))


def cash_deleted() -> StoredPayment:
    return deleted(lambda world: world.pay(world.bill(80_00), 100_00, "capture"))


def credit_deleted() -> StoredPayment:
    return deleted(lambda world: world.apply(world.bill(130_00)).payment)


@pytest.mark.parametrize("payment", [stored_payment(WORLD, payment) for payment in WORLD.payments.values()])
def test_payments_that_the_program_wrote_agree(payment: StoredPayment) -> None:
    assert list(check_payment(payment)) == []


def _without(kind: str) -> Callable[[StoredPayment], dict[str, Any]]:
    return lambda payment: {"entries": tuple(entry for entry in payment.entries if entry.kind != kind)}


def _twice(kind: str) -> Callable[[StoredPayment], dict[str, Any]]:
    return lambda payment: {"entries": payment.entries + tuple(e for e in payment.entries if e.kind == kind)}


def _with(**fields: object) -> Callable[[StoredPayment], dict[str, Any]]:
    return lambda _: fields


_WRONG_PAYMENTS: list[tuple[str, Callable[[], StoredPayment], Callable[[StoredPayment], dict[str, Any]], Fault]] = [
    ("amount", paid_with_cash, _with(amount=1), Fault.PAYMENT_AMOUNT),
    ("collected", paid_with_cash, _with(collected=1), Fault.PAYMENT_AMOUNT),
    ("settled", paid_with_cash, _with(settled=1), Fault.PAYMENT_AMOUNT),
    ("captured", paid_with_cash, _with(settled=70_00, captured=30_00), Fault.PAYMENT_CAPTURED),
    ("captured entry gone", paid_with_cash, _without("captured"), Fault.PAYMENT_CAPTURED),
    ("deleted, not voided", paid_with_cash, _with(deleted_at=NOON), Fault.PAYMENT_DELETED),
    ("invoice of another", paid_with_cash, _with(invoice_found=False), Fault.PAYMENT_INVOICE),
    ("credit amount", paid_with_credit, _with(amount=1), Fault.PAYMENT_AMOUNT),
    ("credit that collects", paid_with_credit, _with(collected=1), Fault.PAYMENT_AMOUNT),
    ("credit that captures", paid_with_credit, _with(captured=1), Fault.PAYMENT_AMOUNT),
    ("credit settles more", paid_with_credit, _with(amount=51_00, settled=51_00), Fault.PAYMENT_APPLIED),
    ("credit never spent", paid_with_credit, _without("applied"), Fault.PAYMENT_APPLIED),
    ("credit spent twice", paid_with_credit, _twice("applied"), Fault.PAYMENT_APPLIED),
    ("credit not returned", paid_with_credit, _with(deleted_at=NOON), Fault.PAYMENT_RETURNED),
    ("credit returned, live", credit_deleted, _with(deleted_at=None), Fault.PAYMENT_RETURNED),
    ("credit returned twice", credit_deleted, _twice("returned"), Fault.PAYMENT_RETURNED),
    ("captured, deleted", cash_deleted, _with(settled=80_00, captured=20_00), Fault.PAYMENT_CAPTURED),
]


@pytest.mark.parametrize(
    ("make", "change", "fault"), [c[1:] for c in _WRONG_PAYMENTS], ids=[c[0] for c in _WRONG_PAYMENTS]
)
def test_a_payment_that_is_not_what_its_entries_say_is_found(
    make: Callable[[], StoredPayment], change: Callable[[StoredPayment], dict[str, Any]], fault: Fault
) -> None:
    payment = make()
    assert list(check_payment(payment)) == []
    findings = list(check_payment(changed(payment, **change(payment))))
    assert fault in faults(findings)
    assert {finding.payment_id for finding in findings} == {payment.id}


# Invoices


def stored_invoice(world: World, invoice: Invoice) -> StoredInvoice:
    live = world.live_payments(invoice)
    return StoredInvoice(
        id=invoice.id,
        client_id=invoice.client_id,
        total=invoice.total,
        tax=0,
        settled=invoice.settled,
        credit_applied=invoice.credit_applied,
        voided=invoice.voided_at is not None,
        lines=(InvoiceLine(description="Work", quantity="0.5", unit_price=2 * invoice.total),),
        client_found=True,
        client_deleted=False,
        live_settled=sum(payment.settled for payment in live),
        live_credit=sum(payment.settled for payment in live if payment.by_credit),
    )


@pytest.mark.parametrize("invoice", [stored_invoice(WORLD, invoice) for invoice in WORLD.invoices.values()])
def test_invoices_that_the_program_wrote_agree(invoice: StoredInvoice) -> None:
    assert list(check_invoice(invoice)) == []


def _line(quantity: str) -> InvoiceLine:
    return InvoiceLine(description="Work", quantity=quantity, unit_price=1)


_WRONG_INVOICES: list[tuple[str, dict[str, object], Fault]] = [
    ("total", {"total": 131_00}, Fault.INVOICE_TOTAL),
    ("tax", {"tax": 1}, Fault.INVOICE_TOTAL),
    ("lines that cannot be read", {"lines": None}, Fault.INVOICE_TOTAL),
    ("a quantity that is a word", {"lines": (_line("many"),)}, Fault.INVOICE_TOTAL),
    ("a quantity that is no number", {"lines": (_line("NaN"),)}, Fault.INVOICE_TOTAL),
    ("a quantity without end", {"lines": (_line("Infinity"),)}, Fault.INVOICE_TOTAL),
    ("a quantity too large to write down", {"lines": (_line("1e999999"),)}, Fault.INVOICE_TOTAL),
    ("settled", {"settled": 1}, Fault.INVOICE_SETTLED),
    ("a payment that counts no longer", {"live_settled": 1}, Fault.INVOICE_SETTLED),
    ("credit applied", {"credit_applied": 1}, Fault.INVOICE_CREDIT_APPLIED),
    ("credit beyond the total", {"credit_applied": 131_00, "live_credit": 131_00}, Fault.INVOICE_CREDIT_APPLIED),
    ("void, but settled", {"voided": True}, Fault.INVOICE_VOID),
    ("for nobody", {"client_found": False}, Fault.INVOICE_CLIENT),
]


@pytest.mark.parametrize(("change", "fault"), [c[1:] for c in _WRONG_INVOICES], ids=[c[0] for c in _WRONG_INVOICES])
def test_an_invoice_that_is_not_what_its_payments_say_is_found(change: dict[str, object], fault: Fault) -> None:
    invoice = next(invoice for invoice in WORLD.invoices.values() if invoice.settled)
    findings = list(check_invoice(changed(stored_invoice(WORLD, invoice), **change)))
    assert faults(findings) == {fault}
    assert {finding.invoice_id for finding in findings} == {invoice.id}


def test_a_deleted_client_has_no_overpaid_invoice() -> None:
    invoice = changed(stored_invoice(WORLD, next(iter(WORLD.invoices.values()))), client_deleted=True)
    assert list(check_invoice(invoice)) == []
    overpaid = changed(invoice, settled=invoice.total + 1, live_settled=invoice.total + 1)
    assert faults(check_invoice(overpaid)) == {Fault.INVOICE_CLIENT}
    assert list(check_invoice(changed(overpaid, client_deleted=False))) == []


# The shop


def test_balances_that_are_not_all_that_was_ever_added_and_taken_are_found() -> None:
    sums = {"added": 70, "captured": 20, "applied": -50, "returned": 50, "voided": -20}
    assert list(check_total(balances=70, sums=sums)) == []
    [finding] = check_total(balances=71, sums=sums)
    assert finding.what == Fault.SHOP_TOTAL
    assert finding.sentence == (
        "All balances add up to 71, but all entries to 70 "
        "(added 70 + captured 20 - applied 50 + returned 50 - voided 20)."
    )


def test_an_amount_of_no_known_kind_belongs_to_no_sum() -> None:
    assert faults(check_total(balances=5, sums={"gift": 5})) == {Fault.SHOP_TOTAL}


@given(st.text(max_size=500), st.binary(min_size=16, max_size=16))
def test_a_note_that_was_written_is_proven_by_its_digest(note: str, salt: bytes) -> None:
    entry = changed(ENTRIES[0], note=note, note_salt=salt, note_digest=text_digest(note, salt))
    account, entries = rehashed([entry])
    assert found_in(account, entries) == []


@pytest.mark.parametrize(
    "finding", found_in(changed(ACCOUNT, balance=1), [changed(ENTRIES[0], amount=1, at=ENTRIES[0].at)])
)
def test_every_finding_is_a_sentence(finding: Finding) -> None:
    assert finding.sentence[0].isupper()
    assert finding.sentence.endswith(".")
