"""What ``verify`` compares with the outbox: each entry, new payment and deleted payment has exactly one notice.

They were written in one transaction and say the same, so that either betrays what was done to the other. Of deleted
clients only that a notice told of it: how often one was deleted and restored is not kept.
"""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from core.notices import NoticeKind, NoticePayload
from core.payments import PaymentMethod
from core.verification import Fault, Finding, StoredAccount, StoredEntry, StoredPayment

_PILES = 4096

_payload = msgspec.json.Decoder(NoticePayload)
_encoder = msgspec.json.Encoder()


class StoredNotice(Struct, frozen=True, gc=False):
    """A notice as it is stored. ``payload``: JSON."""

    id: UUID
    client_id: UUID
    kind: str
    at: datetime
    payload: str


class Told(Struct, frozen=True, gc=False, array_like=True):
    """What a notice tells, or should tell: of an entry, a new payment or a deleted one (``id``). Minor units."""

    kind: str
    id: UUID
    client_id: UUID
    at: datetime
    invoice_id: UUID | None
    payment_id: UUID | None
    number: int | None
    reason: str | None
    amount: int
    balance_after: int | None = None
    method: str | None = None
    collected: int | None = None
    settled: int | None = None
    captured: int | None = None
    received_on: date | None = None


def told_of_entry(entry: StoredEntry) -> Told:
    """What a notice has to tell of the entry."""
    return Told(
        f"credit.{entry.kind}",
        entry.id,
        entry.client_id,
        entry.at,
        entry.invoice_id,
        entry.payment_id,
        entry.number,
        entry.reason,
        entry.amount,
        entry.balance_after,
    )


def told_of_new_payment(
    payment_id: UUID,
    client_id: UUID,
    at: datetime,
    invoice_id: UUID,
    *,
    amount: int,
    method: str,
    collected: int,
    received_on: date,
) -> Told:
    """What has to be told of a payment when it is made. What of it is captured at once is left to the entries."""
    return Told(
        NoticeKind.PAYMENT_RECORDED,
        payment_id,
        client_id,
        at,
        invoice_id,
        payment_id,
        None,
        None,
        amount,
        method=method,
        collected=collected,
        received_on=received_on,
    )


def told_of_payment(payment: StoredPayment) -> Iterator[Told]:
    """What notices have to tell of the payment."""
    yield told_of_new_payment(
        payment.id,
        payment.client_id,
        payment.recorded_at,
        payment.invoice_id,
        amount=payment.first_amount,
        method=payment.first_method,
        collected=0 if payment.first_method == PaymentMethod.ACCOUNT_CREDIT else payment.first_amount,
        received_on=payment.first_received_on,
    )
    if payment.deleted_at is not None:
        yield Told(
            NoticeKind.PAYMENT_DELETED,
            payment.id,
            payment.client_id,
            payment.deleted_at,
            payment.invoice_id,
            payment.id,
            None,
            None,
            payment.amount,
            method=payment.method,
            collected=payment.collected,
            settled=payment.settled,
            captured=payment.captured,
            received_on=payment.received_on,
        )


def told_by(notice: StoredNotice) -> Told | None:
    """What the notice tells of an entry or a payment; None if that cannot be read, or it tells of neither."""
    try:
        payload = _payload.decode(notice.payload)
    except (msgspec.MsgspecError, RecursionError):
        return None
    entry, payment = payload.entry, payload.payment
    if entry is not None and payment is None:
        return Told(
            notice.kind if notice.kind == f"credit.{entry.kind}" else f"{notice.kind} of {entry.kind}",
            entry.id,
            notice.client_id,
            notice.at,
            entry.invoice_id,
            entry.payment_id,
            entry.number,
            entry.reason,
            entry.amount,
            entry.balance_after,
        )
    if payment is None or entry is not None:
        return None
    if notice.kind == NoticeKind.PAYMENT_RECORDED:
        return told_of_new_payment(
            payment.id,
            notice.client_id,
            notice.at,
            payment.invoice_id,
            amount=payment.amount,
            method=payment.method,
            collected=payment.collected,
            received_on=payment.received_on,
        )
    return Told(
        notice.kind,
        payment.id,
        notice.client_id,
        notice.at,
        payment.invoice_id,
        payment.id,
        None,
        None,
        payment.amount,
        method=payment.method,
        collected=payment.collected,
        settled=payment.settled,
        captured=payment.captured,
        received_on=payment.received_on,
    )


class Deletions:
    """Clients that are deleted now, and those of whom a notice once told that."""

    def __init__(self) -> None:
        self._deleted: set[UUID] = set()
        self._told: set[UUID] = set()

    def account(self, account: StoredAccount) -> None:
        if account.closed_at is not None:
            self._deleted.add(account.client_id)

    def told(self, notice: StoredNotice) -> bool:
        """Whether the notice tells of one."""
        if notice.kind != NoticeKind.CLIENT_DELETED:
            return False
        self._told.add(notice.client_id)
        return True

    def findings(self) -> Iterator[Finding]:
        for client_id in sorted(self._deleted - self._told):
            yield Finding(
                what=Fault.NOTICE_MISSING,
                client_id=client_id,
                sentence="The client is deleted, but no notice tells of that.",
            )


def unreadable(notice: StoredNotice) -> Finding:
    """For one that tells of no entry and no payment, although its kind is not that of a deleted client."""
    return Finding(
        what=Fault.NOTICE_WRONG,
        client_id=notice.client_id,
        sentence=f"Notice {notice.id} ({notice.kind!r}) tells of nothing that can be read.",
    )


class Pairing:
    """Whether what happened and what was told are the same, in little memory however much it is: 8 bytes of each.

    Each goes onto one of some thousand piles, chosen by its content and counted there with a number made of it: what
    happened up, what was told down. A pile that does not come out even has something that is not told once and as it
    is; :class:`Uneven` then looks at those piles alone. The numbers are Python's own keyed hashes of 64 bits, so that
    nobody can choose content that evens out.
    """

    def __init__(self) -> None:
        self._piles = [0] * _PILES
        self._numbers = [array("q") for _ in range(_PILES)]
        self._sorted = False

    def happened(self, told: Told) -> None:
        """To be called of all that happened before :meth:`has_happened` is asked."""
        number = _number(told)
        place = number % _PILES
        self._piles[place] += number
        self._numbers[place].append(number)

    def told(self, told: Told) -> None:
        number = _number(told)
        self._piles[number % _PILES] -= number

    def has_happened(self, told: Told) -> bool:
        if not self._sorted:
            self._numbers = [array("q", sorted(numbers)) for numbers in self._numbers]
            self._sorted = True
        number = _number(told)
        numbers = self._numbers[number % _PILES]
        place = bisect_left(numbers, number)
        return place < len(numbers) and numbers[place] == number

    @property
    def even(self) -> bool:
        return not any(self._piles)

    def uneven(self) -> "Uneven":
        """To look at all of it once more."""
        return Uneven({place for place, pile in enumerate(self._piles) if pile})


class Uneven:
    """What is on the piles that did not come out even, seen once more to name it."""

    def __init__(self, piles: set[int]) -> None:
        self._piles = piles
        self._happened: dict[tuple[str, UUID], list[Told]] = defaultdict(list)
        self._told: dict[tuple[str, UUID], list[Told]] = defaultdict(list)

    def happened(self, told: Told) -> None:
        if _number(told) % _PILES in self._piles:
            self._happened[told.kind, told.id].append(told)

    def told(self, told: Told) -> None:
        if _number(told) % _PILES in self._piles:
            self._told[told.kind, told.id].append(told)

    def findings(self) -> Iterator[Finding]:
        for key, facts in self._happened.items():
            notices = self._told.pop(key, [])
            for fact in facts:
                what, same = what_is_told_of(fact), sum(notice == fact for notice in notices)
                if not notices:
                    yield finding_of(Fault.NOTICE_MISSING, fact, f"No notice tells of {what}.")
                elif not same:
                    yield finding_of(
                        Fault.NOTICE_WRONG, fact, f"The notice of {what_is_told_of(fact)} tells something else."
                    )
                elif len(notices) > 1:
                    yield finding_of(
                        Fault.NOTICE_TWICE, fact, f"{len(notices)} notices tell of {what_is_told_of(fact)}."
                    )
        for notices in self._told.values():
            for told in notices:
                yield finding_of(
                    Fault.NOTICE_WRONG, told, f"A notice tells of {what_is_told_of(told)}, but it is not there."
                )


def _number(told: Told) -> int:
    return hash(_encoder.encode(told))


def what_is_told_of(told: Told) -> str:
    """The entry or payment, for a sentence."""
    thing = "the payment" if told.number is None else f"entry {told.number}"
    return f"{thing} ({told.kind})"


def finding_of(what: Fault, told: Told, sentence: str) -> Finding:
    """A finding that names what is told of."""
    return Finding(
        what=what,
        client_id=told.client_id,
        number=told.number,
        payment_id=told.payment_id,
        invoice_id=told.invoice_id,
        sentence=sentence,
    )
