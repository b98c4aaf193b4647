"""``Idempotency-Key``: which request a key belongs to, and the first answer again when it comes a second time."""

import hmac
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from litestar import Request, Response
from litestar.handlers import BaseRouteHandler

from core.staff import Caller, IdempotencyKey
from entrypoints.http.problems import IdempotencyKeyInvalid, IdempotencyKeyRequired
from ports.transactions import AlreadyAnswered

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
KEY_PATTERN = r"^[!-~]{1,255}$"

_KEY = re.compile(rb"[!-~]{1,255}")
_METHODS = frozenset({"POST", "DELETE"})


class Fingerprints:
    """Tells requests apart: a MAC, so that what was once sent cannot be guessed from what is stored."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """``keys``: the first makes the fingerprint that is kept, all are recognised."""
        self._keys = tuple(keys)

    def of(self, method: str, path: str, body: bytes) -> tuple[bytes, ...]:
        parts = (method.encode(), path.encode(), body)
        message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return tuple(hmac.digest(key, message, sha256) for key in self._keys)


def takes_key(handler: BaseRouteHandler, method: str) -> bool:
    """Whether the header means something: on POST and DELETE on somebody's behalf."""
    return method in _METHODS and "caller" in handler.parsed_fn_signature.parameters


def requires_key(handler: BaseRouteHandler) -> bool:
    """The handler was declared with ``key_required=True``."""
    return bool(handler.opt.get("key_required"))


async def caller_of(request: Request[Any, Any, Any], fingerprints: Fingerprints) -> Caller:
    """The request's credential, with its idempotency key if it has one."""
    credential = request.scope["auth"]
    if request.method not in _METHODS:
        return Caller(credential)
    given = [value for name, value in request.scope["headers"] if name == b"idempotency-key"]
    if not given and requires_key(request.route_handler):
        raise IdempotencyKeyRequired
    if not given:
        return Caller(credential)
    if len(given) != 1 or not _KEY.fullmatch(given[0]):
        raise IdempotencyKeyInvalid
    body = await request.body()
    prints = fingerprints.of(request.method, request.scope["path"], body)
    return Caller(credential, IdempotencyKey(given[0].decode("ascii"), prints))


def replay(_: Request[Any, Any, Any], answered: AlreadyAnswered) -> Response[bytes]:
    """The first answer again, byte for byte."""
    return Response(
        answered.body,
        status_code=answered.status,
        media_type="application/json",
        headers={REPLAYED_HEADER: "true"},
    )
