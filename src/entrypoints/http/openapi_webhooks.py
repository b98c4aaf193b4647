"""The webhooks of an OpenAPI document: requests that we send, described for who receives them."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from entrypoints.http.openapi_schemas import SchemaBook

_HEADERS = {
    "webhook-id": ("The notice's id, the same each time that it is sent.", {"type": "string", "format": "uuid"}),
    "webhook-timestamp": ("When it was sent: seconds since 1970.", {"type": "string", "pattern": "^[0-9]+$"}),
    "webhook-signature": (
        "For each secret in force, spaces between: `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`.",
        {"type": "string", "pattern": "^v1,[A-Za-z0-9+/]{43}=( v1,[A-Za-z0-9+/]{43}=)*$"},
    ),
}


class WebhookDescription(Struct, frozen=True, kw_only=True):
    """``type_``: of the body; ``narrowed``: what of its schema holds for this webhook alone."""

    name: str
    summary: str
    description: str
    type_: Any
    narrowed: dict[str, Any]
    example: Any


def webhooks_object(descriptions: Sequence[WebhookDescription], book: SchemaBook, tag: str) -> dict[str, Any]:
    return {each.name: {"post": _operation(each, book, tag)} for each in descriptions}


def _operation(webhook: WebhookDescription, book: SchemaBook, tag: str) -> dict[str, Any]:
    return {
        "operationId": "webhook_" + webhook.name.replace(".", "_"),
        "tags": [tag],
        "summary": webhook.summary,
        "description": webhook.description,
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": description, "schema": schema}
            for name, (description, schema) in _HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"allOf": [book.schema(webhook.type_), webhook.narrowed]},
                    "example": msgspec.to_builtins(webhook.example),
                }
            },
        },
        "responses": {
            "2XX": {"description": "Accepted: it is not sent again."},
            "410": {"description": "Gone: the endpoint is switched off."},
            "default": {
                "description": "Not accepted, as is no answer within 15 seconds or a redirect: it is sent again later, "
                "not before the time in `Retry-After` if there is one."
            },
        },
    }
