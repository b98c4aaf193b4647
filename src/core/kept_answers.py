"""What ``verify`` compares with the answers kept under idempotency keys: one effect a key, and no effect of two.

An answer was kept in one transaction with what it names, so that is there as the answer says, made at that moment, and
named under no other key. Not to be seen in rows: that a key did nothing besides what its answer names, and what was
done under a key whose answer is empty (deletions) or encrypted (new API keys).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from core.verification import Fault, Finding


class StoredAnswer(Struct, frozen=True, gc=False):
    """A first answer as it is kept under its idempotency key: of a request that made something, and not sealed."""

    key: str
    recorded_at: datetime
    body: bytes


class Done(Struct, frozen=True, gc=False):
    """An entry or a payment, as an answer names it and as it is stored. ``number``: of an entry. Minor units.

    What an edit of a payment may change is left out.
    """

    id: UUID
    client_id: UUID
    invoice_id: UUID | None
    at: datetime
    number: int | None = None
    amount: int | None = None
    balance_after: int | None = None


class _Entry(Struct, frozen=True, gc=False):
    id: UUID
    client_id: UUID
    invoice_id: UUID | None
    at: datetime
    number: int
    amount: int
    balance_after: int

    def done(self) -> Done:
        return Done(self.id, self.client_id, self.invoice_id, self.at, self.number, self.amount, self.balance_after)


class _Payment(Struct, frozen=True, gc=False):
    id: UUID
    client_id: UUID
    invoice_id: UUID
    recorded_at: datetime

    def done(self) -> Done:
        return Done(self.id, self.client_id, self.invoice_id, self.recorded_at)


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


def done_by(answer: StoredAnswer) -> list[Done] | None:
    """The entries and payments that the answer says were made: none for an answer about something else; None if it
    cannot be read.
    """
    try:
        try:
            return [_entry.decode(answer.body).done()]  # as most are
        except msgspec.ValidationError:
            return _done_by(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _done_by(body: bytes) -> list[Done]:
    form = _anything.decode(body).keys()
    if "balance_after" in form:
        return [_entry.decode(body).done()]
    if "recorded_at" in form:
        payment = _recorded.decode(body)
        return [payment.done(), *([payment.entry.done()] if payment.entry else [])]
    if "payments" in form and "total" not in form:
        return [payment.done() for payment in _bulk.decode(body).payments]
    if "entries" in form:
        return [entry.done() for entry in _capture.decode(body).entries]
    return []


def check_answer(answer: StoredAnswer, said: Iterable[Done], stored: Mapping[UUID, Done]) -> Iterator[Finding]:
    """What is wrong with what the answer says was done."""
    for done in said:
        if stored.get(done.id) != done:
            yield _of_answer(Fault.ANSWER_WRONG, done, f"{answer.key!r} names", "which is not there like that")
        elif done.at != answer.recorded_at:
            yield _of_answer(Fault.ANSWER_WRONG, done, f"{answer.key!r} names", "which was made at another time")


def unreadable(answer: StoredAnswer) -> Finding:
    return Finding(what=Fault.ANSWER_WRONG, sentence=f"The answer kept under the key {answer.key!r} cannot be read.")


def answered_twice(answers: Iterable[tuple[StoredAnswer, Iterable[Done]]]) -> Iterator[Finding]:
    """What more than one key says it did, of all answers that share their moment with another one."""
    keys: dict[UUID, list[str]] = defaultdict(list)
    named: dict[UUID, Done] = {}
    for answer, said in answers:
        for done in said:
            keys[done.id].append(answer.key)
            named[done.id] = done
    for done_id, by in keys.items():
        if len(by) > 1:
            yield _of_answer(Fault.ANSWER_TWICE, named[done_id], ", ".join(map(repr, by)) + " all name", "")


def _of_answer(what: Fault, done: Done, names: str, predicate: str) -> Finding:
    thing = f"payment {done.id}" if done.number is None else f"entry {done.number}"
    return Finding(
        what=what,
        client_id=done.client_id,
        number=done.number,
        payment_id=done.id if done.number is None else None,
        invoice_id=done.invoice_id,
        sentence=f"The answer kept under the key {names} {thing}{', ' if predicate else ''}{predicate}.",
    )
