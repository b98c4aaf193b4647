"""What ``verify`` compares with the answers kept under idempotency keys: one effect a key, and no effect of two.

An answer was kept in one transaction with what it names, so that is there as the answer says, made at that moment, and
named under no other key. Not to be seen in rows: that a key did nothing besides what its answer names, and what was
done under a key whose answer is empty (deletions) or encrypted (new API keys).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from core.told import Told, finding_of, told_of_new_payment, what_is_told_of
from core.verification import Fault, Finding


class StoredAnswer(Struct, frozen=True, gc=False):
    """A first answer as it is kept under its idempotency key: of a request that made something, and not sealed."""

    key: str
    recorded_at: datetime
    body: bytes


class _Entry(Struct, frozen=True, gc=False):
    """What :class:`core.views.EntryView` was written as."""

    id: UUID
    client_id: UUID
    at: datetime
    invoice_id: UUID | None
    payment_id: UUID | None
    number: int
    kind: str
    reason: str
    amount: int
    balance_after: int

    def told(self) -> Told:
        return Told(
            f"credit.{self.kind}",
            self.id,
            self.client_id,
            self.at,
            self.invoice_id,
            self.payment_id,
            self.number,
            self.reason,
            self.amount,
            self.balance_after,
        )


class _Payment(Struct, frozen=True, gc=False):
    """What :class:`core.views.PaymentView` was written as."""

    id: UUID
    client_id: UUID
    recorded_at: datetime
    invoice_id: UUID
    amount: int
    method: str
    collected: int
    received_on: date

    def told(self) -> Told:
        return told_of_new_payment(
            self.id,
            self.client_id,
            self.recorded_at,
            self.invoice_id,
            amount=self.amount,
            method=self.method,
            collected=self.collected,
            received_on=self.received_on,
        )


class _RecordedPayment(_Payment, frozen=True):
    entry: _Entry | None


class _BulkPayment(Struct, frozen=True):
    payments: list[_Payment]


class _Capture(Struct, frozen=True):
    entries: list[_Entry]


_entry = msgspec.json.Decoder(_Entry)
_recorded = msgspec.json.Decoder(_RecordedPayment)
_bulk = msgspec.json.Decoder(_BulkPayment)
_capture = msgspec.json.Decoder(_Capture)
_anything = msgspec.json.Decoder(dict[str, msgspec.Raw])


def told_by_answer(answer: StoredAnswer) -> list[Told] | None:
    """The entries and payments that the answer says were made, as notices tell of them: none for an answer about
    something else; None if it cannot be read.
    """
    try:
        try:
            return [_entry.decode(answer.body).told()]  # as most are
        except msgspec.ValidationError:
            return _told_by(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _told_by(body: bytes) -> list[Told]:
    form = _anything.decode(body).keys()
    if "balance_after" in form:
        return [_entry.decode(body).told()]
    if "recorded_at" in form:
        payment = _recorded.decode(body)
        return [payment.told(), *([payment.entry.told()] if payment.entry else [])]
    if "payments" in form and "total" not in form:
        return [payment.told() for payment in _bulk.decode(body).payments]
    if "entries" in form:
        return [entry.told() for entry in _capture.decode(body).entries]
    return []


def check_answer(answer: StoredAnswer, happened: Callable[[Told], bool]) -> Sequence[Finding]:
    """What is wrong with what the answer says was done. ``happened``: whether something is known to be as told."""
    said = told_by_answer(answer)
    if said is None:
        return [Finding(what=Fault.ANSWER_WRONG, sentence=f"The answer kept under the key {answer.key!r} is damaged.")]
    findings = []
    for told in said:
        if not happened(told):
            findings.append(_finding(Fault.ANSWER_WRONG, told, f"{answer.key!r} names", ", which is not like that"))
        elif told.at != answer.recorded_at:
            findings.append(_finding(Fault.ANSWER_WRONG, told, f"{answer.key!r} names", ", made at another time"))
    return findings


def answered_twice(answers: Iterable[StoredAnswer]) -> Iterator[Finding]:
    """What more than one key says it did, of all answers that share their moment with another one."""
    keys: dict[UUID, list[str]] = defaultdict(list)
    named: dict[UUID, Told] = {}
    for answer in answers:
        for told in told_by_answer(answer) or ():
            keys[told.id].append(answer.key)
            named[told.id] = told
    for told_id, by in keys.items():
        if len(by) > 1:
            yield _finding(Fault.ANSWER_TWICE, named[told_id], f"{', '.join(map(repr, by))} all name")


def _finding(what: Fault, told: Told, names: str, predicate: str = "") -> Finding:
    return finding_of(what, told, f"The answer kept under the key {names} {what_is_told_of(told)}{predicate}.")
