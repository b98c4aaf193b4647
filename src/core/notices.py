"""Notices: what is told to somebody once a decision is committed. Written to the outbox with the decision itself."""

from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from core.books import Posting
from core.ids import ClientId, InvoiceId, NoticeId, PaymentId
from core.ledger import EntryKind, LedgerEntry, Reason
from core.payments import Payment, PaymentMethod


class NoticeKind(StrEnum):
    CREDIT_ADDED = "credit.added"
    CREDIT_APPLIED = "credit.applied"
    CREDIT_CAPTURED = "credit.captured"
    CREDIT_VOIDED = "credit.voided"
    CREDIT_RETURNED = "credit.returned"
    PAYMENT_RECORDED = "payment.recorded"
    PAYMENT_DELETED = "payment.deleted"
    CLIENT_DELETED = "client.deleted"


_KIND_OF_ENTRY = {kind: NoticeKind(f"credit.{kind}") for kind in EntryKind}


class NoticedEntry(Struct, frozen=True, kw_only=True):
    """What a notice says of a ledger entry. Minor units."""

    id: UUID
    number: int
    kind: EntryKind
    amount: int
    balance_after: int
    reason: Reason
    invoice_id: InvoiceId | None
    payment_id: PaymentId | None


class NoticedPayment(Struct, frozen=True, kw_only=True):
    """What a notice says of a payment. Minor units."""

    id: PaymentId
    invoice_id: InvoiceId
    method: PaymentMethod
    amount: int
    collected: int
    settled: int
    captured: int
    received_on: date


class NoticePayload(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The content of a notice, version 1. Neither notes nor names of staff leave the shop."""

    version: int
    currency: str
    entry: NoticedEntry | None = None
    payment: NoticedPayment | None = None


class Notice(Struct, frozen=True, kw_only=True):
    """Something that happened to a client's money, for whoever wants to know."""

    id: NoticeId
    client_id: ClientId
    kind: NoticeKind
    at: datetime
    payload: NoticePayload


def notices_of(posting: Posting, *, currency: str, at: datetime, new_id: Callable[[], UUID]) -> list[Notice]:
    """One notice for each entry, each new payment and each deleted one."""

    def notice(kind: NoticeKind, *, entry: LedgerEntry | None = None, payment: Payment | None = None) -> Notice:
        return Notice(
            id=NoticeId(new_id()),
            client_id=posting.account.client_id,
            kind=kind,
            at=at,
            payload=NoticePayload(
                version=1,
                currency=currency,
                entry=_entry(entry) if entry else None,
                payment=_payment(payment) if payment else None,
            ),
        )

    return [
        *(notice(NoticeKind.PAYMENT_RECORDED, payment=payment) for payment in posting.new_payments),
        *(notice(NoticeKind.PAYMENT_DELETED, payment=p) for p in posting.changed_payments if p.deleted_at),
        *(notice(_KIND_OF_ENTRY[entry.kind], entry=entry) for entry in posting.entries),
    ]


def client_deleted(client_id: ClientId, *, currency: str, at: datetime, new_id: Callable[[], UUID]) -> Notice:
    return Notice(
        id=NoticeId(new_id()),
        client_id=client_id,
        kind=NoticeKind.CLIENT_DELETED,
        at=at,
        payload=NoticePayload(version=1, currency=currency),
    )


def _entry(entry: LedgerEntry) -> NoticedEntry:
    return NoticedEntry(
        id=entry.id,
        number=entry.number,
        kind=entry.kind,
        amount=entry.amount,
        balance_after=entry.balance_after,
        reason=entry.reason,
        invoice_id=entry.invoice_id,
        payment_id=entry.payment_id,
    )


def _payment(payment: Payment) -> NoticedPayment:
    return NoticedPayment(
        id=payment.id,
        invoice_id=payment.invoice_id,
        method=payment.method,
        amount=payment.amount,
        collected=payment.collected,
        settled=payment.settled,
        captured=payment.captured,
        received_on=payment.received_on,
    )
