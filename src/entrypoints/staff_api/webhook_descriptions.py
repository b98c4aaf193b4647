"""What the API documentation says of each webhook."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from core.ids import ClientId, InvoiceId, NoticeId, PaymentId, ShopId
from core.ledger import EntryKind, Reason
from core.notices import Notice, NoticedEntry, NoticedPayment, NoticeKind, NoticePayload
from core.payments import PaymentMethod
from core.webhooks import WEBHOOKS, ClientWebhook, EntryWebhook, webhook_of
from entrypoints.http.openapi_webhooks import WebhookDescription

_SAYS = {
    NoticeKind.CREDIT_ADDED: ("Credit was added", "By hand, with a reason."),
    NoticeKind.CREDIT_APPLIED: ("Credit was applied", "It paid on an invoice; `payment.recorded` tells of that."),
    NoticeKind.CREDIT_CAPTURED: ("An overpayment became credit", "Of a payment with money, at once or later."),
    NoticeKind.CREDIT_VOIDED: ("Credit was voided", "Added or captured credit was taken back by an opposite entry."),
    NoticeKind.CREDIT_RETURNED: ("Credit was returned", "The payment that had spent it was deleted."),
    NoticeKind.PAYMENT_RECORDED: ("A payment was recorded", "One for each payment of a bulk payment."),
    NoticeKind.PAYMENT_DELETED: ("A payment was deleted", "The payment as it was."),
    NoticeKind.CLIENT_DELETED: ("A client was deleted", "The client can still be restored."),
}
_AT = datetime(2026, 3, 2, 15, 4, 5, tzinfo=UTC)


def _id(number: int) -> UUID:
    return UUID(f"0198f1c2-7a3b-7c4d-8e5f-{number:012x}")


_INVOICE, _PAYMENT = InvoiceId(_id(2)), PaymentId(_id(3))
# kind of entry: amount, balance after it, reason
_ENTRIES = {
    EntryKind.ADDED: (5000, 5000, Reason.GOODWILL),
    EntryKind.APPLIED: (-5000, 0, Reason.PAYMENT),
    EntryKind.CAPTURED: (2000, 2000, Reason.OVERPAYMENT),
    EntryKind.VOIDED: (-2000, 0, Reason.VOID),
    EntryKind.RETURNED: (5000, 5000, Reason.PAYMENT_DELETED),
}


def _entry(kind: EntryKind) -> NoticedEntry:
    amount, balance, reason = _ENTRIES[kind]
    by_hand = kind is EntryKind.ADDED
    return NoticedEntry(
        id=_id(6),
        number=1 if by_hand else 2,
        kind=kind,
        amount=amount,
        balance_after=balance,
        reason=reason,
        invoice_id=None if by_hand else _INVOICE,
        payment_id=None if by_hand else _PAYMENT,
    )


_NOTICED_PAYMENT = NoticedPayment(
    id=_PAYMENT,
    invoice_id=_INVOICE,
    method=PaymentMethod.CASH,
    amount=15000,
    collected=15000,
    settled=13000,
    captured=2000,
    received_on=date(2026, 3, 2),
)


def _described(kind: NoticeKind) -> WebhookDescription:
    summary, description = _SAYS[kind]
    narrowed: dict[str, Any] = {"type": {"const": kind.value}}
    payload = NoticePayload(version=1, currency="USD")
    if WEBHOOKS[kind] is EntryWebhook:
        entry = _entry(EntryKind(kind.removeprefix("credit.")))
        payload = NoticePayload(version=1, currency="USD", entry=entry)
        of_kind = {"properties": {"kind": {"const": entry.kind.value}}}
        narrowed["data"] = {"properties": {"entry": of_kind}}
    elif WEBHOOKS[kind] is not ClientWebhook:
        payload = NoticePayload(version=1, currency="USD", payment=_NOTICED_PAYMENT)
    notice = Notice(id=NoticeId(_id(11)), client_id=ClientId(_id(1)), kind=kind, at=_AT, payload=payload)
    return WebhookDescription(
        name=kind.value,
        summary=summary,
        description=description,
        type_=WEBHOOKS[kind],
        narrowed={"properties": narrowed},
        example=webhook_of(notice, shop_id=ShopId(_id(8))),
    )


WEBHOOK_DESCRIPTIONS = tuple(_described(kind) for kind in NoticeKind)
