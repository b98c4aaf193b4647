"""Webhooks: what a receiver is sent, after the Standard Webhooks specification, and where to.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hmac
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from core.deliveries import OffReason
from core.errors import EndpointOff
from core.ids import ClientId, EndpointId, NoticeId, ShopId
from core.notices import Notice, NoticedEntry, NoticedPayment, NoticeKind

URL_MAX_LENGTH = 500
MAX_ENDPOINTS = 20
"""How many a shop may have."""
SECRET_PREFIX = "whsec_"  # noqa: S105  # what secrets begin with, not one
SECRET_BYTES = 32
PREVIOUS_SECRET_LASTS = timedelta(hours=24)
"""For how long after a rotation webhooks are also signed with the secret before."""


class WebhookEndpoint(Struct, frozen=True, kw_only=True):
    """Where webhooks of a shop are sent. Its secrets are kept beside it, sealed.

    off_since: since when nothing is sent there; failing_since: its first failure after its last success.
    """

    id: EndpointId
    url: str
    description: str
    kinds: frozenset[NoticeKind]
    created_at: datetime
    off_since: datetime | None = None
    off_reason: OffReason | None = None
    failing_since: datetime | None = None
    previous_secret_until: datetime | None = None

    @property
    def on(self) -> bool:
        return self.off_since is None

    def require_on(self) -> None:
        if not self.on:
            raise EndpointOff

    def changed(
        self, *, url: str, description: str, kinds: frozenset[NoticeKind], on: bool, at: datetime
    ) -> "WebhookEndpoint":
        """Switched on again, or with another address, it begins anew: what failed before counts no more."""
        anew = (on and not self.on) or url != self.url
        off_since, off_reason = (None, None) if on else (self.off_since, self.off_reason)
        if not on and self.on:
            off_since, off_reason = at, OffReason.BY_STAFF
        return msgspec.structs.replace(
            self,
            url=url,
            description=description,
            kinds=kinds,
            off_since=off_since,
            off_reason=off_reason,
            failing_since=None if anew else self.failing_since,
        )


def secret_context(shop_id: ShopId, endpoint_id: EndpointId) -> bytes:
    """What a sealed secret is tied to."""
    return shop_id.bytes + endpoint_id.bytes


class ClientFacts(Struct, frozen=True, kw_only=True):
    """What every webhook says. Neither notes nor names of staff or clients leave the shop."""

    version: Literal[1]
    shop_id: ShopId
    client_id: ClientId
    currency: Annotated[str, Meta(description="ISO 4217", examples=["USD"])]


class EntryFacts(ClientFacts, frozen=True, kw_only=True):
    """With the ledger entry that was made. Amounts are in minor units of the currency."""

    entry: NoticedEntry


class PaymentFacts(ClientFacts, frozen=True, kw_only=True):
    """With the payment as it is now. Amounts are in minor units of the currency."""

    payment: NoticedPayment


Moment = Annotated[datetime, Meta(tz=True, description="when it happened: the same at each attempt")]


class ClientWebhook(Struct, frozen=True, kw_only=True):
    """Something happened to a client."""

    type: NoticeKind
    timestamp: Moment
    data: ClientFacts


class EntryWebhook(Struct, frozen=True, kw_only=True):
    """A client's credit changed."""

    type: NoticeKind
    timestamp: Moment
    data: EntryFacts


class PaymentWebhook(Struct, frozen=True, kw_only=True):
    """Something happened to a payment."""

    type: NoticeKind
    timestamp: Moment
    data: PaymentFacts


Webhook = ClientWebhook | EntryWebhook | PaymentWebhook
WEBHOOKS: dict[NoticeKind, type[Webhook]] = {
    NoticeKind.CREDIT_ADDED: EntryWebhook,
    NoticeKind.CREDIT_APPLIED: EntryWebhook,
    NoticeKind.CREDIT_CAPTURED: EntryWebhook,
    NoticeKind.CREDIT_VOIDED: EntryWebhook,
    NoticeKind.CREDIT_RETURNED: EntryWebhook,
    NoticeKind.PAYMENT_RECORDED: PaymentWebhook,
    NoticeKind.PAYMENT_DELETED: PaymentWebhook,
    NoticeKind.CLIENT_DELETED: ClientWebhook,
}
"""What is sent for each kind of notice."""


def webhook_of(notice: Notice, *, shop_id: ShopId) -> Webhook:
    """What a receiver is sent for it."""
    payload = notice.payload
    facts = {
        "version": payload.version,
        "shop_id": shop_id,
        "client_id": notice.client_id,
        "currency": payload.currency,
        "entry": payload.entry,
        "payment": payload.payment,
    }
    return msgspec.convert(
        {"type": notice.kind, "timestamp": notice.at, "data": {k: v for k, v in facts.items() if v is not None}},
        WEBHOOKS[notice.kind],
        from_attributes=True,
    )


def webhook_body(notice: Notice, *, shop_id: ShopId) -> bytes:
    """The same bytes at each attempt."""
    return msgspec.json.encode(webhook_of(notice, shop_id=shop_id))


def shown_secret(secret: bytes) -> str:
    """As its receiver gets it, once."""
    return SECRET_PREFIX + b64encode(secret).decode()


def signed_headers(notice_id: NoticeId, body: bytes, *, secrets: Iterable[bytes], at: datetime) -> dict[str, str]:
    """The headers that tell the receiver who sent it, when and whether it was sent before: one signature a secret."""
    seconds = int(at.timestamp())
    signed = f"{notice_id}.{seconds}.".encode() + body
    return {
        "webhook-id": str(notice_id),
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(
            f"v1,{b64encode(hmac.digest(secret, signed, sha256)).decode()}" for secret in secrets
        ),
    }
