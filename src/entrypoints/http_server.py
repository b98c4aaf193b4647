"""An HTTP server that stops without leaving anybody without an answer."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from entrypoints.stopping import Stop

GRACE_SECONDS = 10
"""How long requests that are being answered may still take once the server is told to stop."""
LAST_REQUESTS_SECONDS = 1.0
"""How long it waits then for requests that may be on their way."""


class _Server(uvicorn.Server):
    """Leaves nobody without an answer: a connection that is closed while a request is on its way is reset under it.
    So once it is time to stop, each connection is closed by the next answer on it, and only who asks nothing for a
    moment is hung up on.
    """

    def __init__(self, app: ASGIApp, *, grace_seconds: int, opens: bool) -> None:
        self._app = app
        self._leaving = False
        super().__init__(
            uvicorn.Config(
                self._answer,
                interface="asgi3",
                lifespan="on" if opens else "off",
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


async def serve_until(
    stop: Stop, app: ASGIApp, listener: socket.socket, *, grace_seconds: int = GRACE_SECONDS, opens: bool = True
) -> None:
    """Answer requests until it is time to stop; those that are being answered then are waited for. ``opens``: the
    application has something to open before and to close after.
    """
    server = _Server(app, grace_seconds=grace_seconds, opens=opens)
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
