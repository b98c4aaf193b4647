"""Serve an HTTP application with uvicorn until it is time to stop."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from entrypoints.container import Container, staff_api_app
from entrypoints.listening import address_of, listening
from entrypoints.logging import configure_logging
from entrypoints.settings import Settings
from entrypoints.stopping import Stop, run, stopped_by_signals

GRACE_SECONDS = 10
"""How long requests that are being answered may still take once the server is told to stop."""
LAST_REQUESTS_SECONDS = 1.0
"""How long it waits then for requests that may be on their way."""

_log = structlog.get_logger("serving")


class _Server(uvicorn.Server):
    """Leaves nobody without an answer: a connection that is closed while a request is on its way is reset under it.
    So once it is time to stop, each connection is closed by the next answer on it, and only who asks nothing for a
    moment is hung up on.
    """

    def __init__(self, app: ASGIApp, *, grace_seconds: int) -> None:
        self._app = app
        self._leaving = False
        super().__init__(
            uvicorn.Config(
                self._answer,
                interface="asgi3",
                lifespan="on",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=grace_seconds,
            )
        )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_last(message: Message) -> None:
            if self._leaving and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, send_last)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        self._leaving = True
        waited_until = time.monotonic() + LAST_REQUESTS_SECONDS
        # uvicorn tells nobody when a connection is gone.
        while (  # noqa: ASYNC110
            self.server_state.connections and not self.force_exit and time.monotonic() < waited_until
        ):
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the launcher's business: uvicorn would raise them once more when it is done."""
        yield


async def serve_until(stop: Stop, app: ASGIApp, listener: socket.socket, *, grace_seconds: int = GRACE_SECONDS) -> None:
    """Answer requests until it is time to stop; those that are being answered then are waited for."""
    server = _Server(app, grace_seconds=grace_seconds)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    asked = asyncio.create_task(stop.asked.wait())
    at_once = asyncio.create_task(stop.at_once.wait())
    try:
        await asyncio.wait({serving, asked}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await asyncio.wait({serving, at_once}, return_when=asyncio.FIRST_COMPLETED)
        server.force_exit = True
        await serving
    finally:
        asked.cancel()
        at_once.cancel()


class BehindProxy:
    """Takes the caller's address from the last item of X-Forwarded-For, which the proxy in front has put there itself.
    What stands before it is only what the caller claims.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
            address = forwarded[-1].decode("latin-1").rpartition(",")[2].strip() if forwarded else ""
            if address:
                scope["client"] = (address, 0)
        await self._app(scope, receive, send)


def serve(settings: Settings) -> None:
    """Serve the staff API, as configured, until SIGTERM or Ctrl-C.

    Raises:
        CannotListen.
    """
    configure_logging(settings.log_format)
    with listening(settings.host, settings.port) as listener:
        run(_serve(settings, listener))


async def _serve(settings: Settings, listener: socket.socket) -> None:
    app: ASGIApp = staff_api_app(Container(settings=settings))
    if settings.trust_forwarded:
        app = BehindProxy(app)
    async with stopped_by_signals() as stop:
        _log.info("serving", address=address_of(listener), process_id=os.getpid())
        await serve_until(stop, app, listener)
        _log.info("stopped")
