"""Gives every request an id, every answer its headers, and the log one line for each request."""

import re
from time import perf_counter
from typing import Any
from uuid import uuid4

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from entrypoints import metrics

_SANE = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_UNAUTHENTICATED = 401

_log = structlog.stdlib.get_logger()

_ON_EVERY_ANSWER = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
"""Unless the answer brings its own."""


def request_id_from(scope: Scope) -> str:
    """The caller's own X-Request-Id if it is sane, else a new one."""
    given = [value for name, value in scope["headers"] if name == b"x-request-id"]
    if len(given) == 1 and _SANE.fullmatch(given[0]):
        return given[0].decode()
    return str(uuid4())


class EachRequest:
    """Around the whole application, so that it also sees what no route answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        method = scope["method"]
        request_id = request_id_from(scope)
        scope["state"]["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status, broke_off = None, True

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_our_headers(message["headers"], request_id)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
            broke_off = False
        except Exception:
            _log.exception("answer_broke_off")
            raise
        finally:
            if status == _UNAUTHENTICATED:
                # What a credential says of itself is not yet true.
                structlog.contextvars.unbind_contextvars("shop_id", "actor_kind", "actor_id")
            if broke_off:
                status = None  # whatever its head said
            seconds = perf_counter() - started
            route = scope.get("path_template")
            metrics.answered(method=method, route=route, status=status, seconds=seconds)
            _log.info("request", method=method, route=route, status=status, duration_ms=round(seconds * 1000, 1))


def _with_our_headers(headers: Any, request_id: str) -> list[tuple[bytes, bytes]]:
    present = {name.lower() for name, _ in headers}
    ours = [header for header in _ON_EVERY_ANSWER if header[0] not in present]
    return [*headers, *ours, (b"x-request-id", request_id.encode())]
