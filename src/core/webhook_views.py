"""What a request about webhooks and deliveries is answered with."""

from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from core.deliveries import Channel, DeliveryState, OffReason
from core.notices import NoticeKind
from core.views import Moment
from core.webhooks import WebhookEndpoint


class WebhookEndpointView(Struct, frozen=True, kw_only=True):
    """Where webhooks are sent."""

    id: UUID
    url: str
    description: str | None
    kinds: Annotated[list[NoticeKind], Meta(description="what it is told of")]
    on: bool
    off_since: Moment | None
    off_reason: Annotated[
        OffReason | None,
        Meta(description="`gone`: it answered 410; `failing`: nothing was accepted for five days"),
    ]
    failing_since: Annotated[Moment | None, Meta(description="its first failure after its last success")]
    previous_secret_until: Annotated[
        Moment | None, Meta(description="until then webhooks are signed with the secret before the last rotation too")
    ]
    created_at: Moment


class NewWebhookEndpointView(WebhookEndpointView, frozen=True, kw_only=True):
    secret: Annotated[
        str, Meta(description="what signatures are verified with: shown this once, kept sealed", examples=["whsec_..."])
    ]


class DeliveryAttemptView(Struct, frozen=True, kw_only=True):
    """One attempt to deliver."""

    number: int
    at: Moment
    duration_ms: Annotated[int, Meta(description="milliseconds")]
    accepted: bool
    answer: Annotated[
        str, Meta(description="the status and the beginning of what the receiver said, or what went wrong")
    ]


class DeliveryView(Struct, frozen=True, kw_only=True):
    """One notice on its way to one receiver."""

    id: UUID
    channel: Channel
    endpoint_id: Annotated[UUID | None, Meta(description="null: to the client, by e-mail")]
    client_id: UUID
    notice_id: Annotated[UUID, Meta(description="`webhook-id` of the webhook, the same at each attempt")]
    kind: NoticeKind
    at: Annotated[Moment, Meta(description="when it happened")]
    state: Annotated[
        DeliveryState, Meta(description="`failed`: given up; it is sent again only when somebody asks for it")
    ]
    attempts: Annotated[int, Meta(description="how often it was tried")]
    next_attempt_at: Annotated[
        Moment | None, Meta(description="null: as soon as it is its turn, or never once it is no longer pending")
    ]
    settled_at: Annotated[Moment | None, Meta(description="when it was accepted or given up")]
    latest_attempts: Annotated[list[DeliveryAttemptView], Meta(description="ten at most, the last one first")]


class ResentView(Struct, frozen=True, kw_only=True):
    """How many notices are sent again."""

    notices: int


def webhook_endpoint_fields(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """The fields of an endpoint's view."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description or None,
        "kinds": [kind for kind in NoticeKind if kind in endpoint.kinds],
        "on": endpoint.on,
        "off_since": endpoint.off_since,
        "off_reason": endpoint.off_reason,
        "failing_since": endpoint.failing_since,
        "previous_secret_until": endpoint.previous_secret_until,
        "created_at": endpoint.created_at,
    }
