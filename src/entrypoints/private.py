"""The private port: figures and health, for whoever runs the program. It is not for the shops, nor for the Internet."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext

import structlog
from litestar.types import Receive, Scope, Send

from entrypoints import metrics
from entrypoints.http_server import serve_until
from entrypoints.listening import address_of, listening
from entrypoints.settings import Settings
from entrypoints.stopping import Stop

_log = structlog.get_logger("private")

Ready = Callable[[], Awaitable[bool]]


class PrivateApp:
    """``/metrics``, ``/health/live`` and ``/health/ready``."""

    def __init__(self, ready: Ready) -> None:
        self._ready = ready

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        status, media_type, body = await self._answer(scope["path"])
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())],
            }
        )
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _answer(self, path: str) -> tuple[int, str, bytes]:
        if path == "/metrics":
            return 200, metrics.MEDIA_TYPE, metrics.exposition()
        if path == "/health/live":
            return 200, "text/plain", b"ok\n"
        if path == "/health/ready":
            return (200, "text/plain", b"ok\n") if await self._ready() else (503, "text/plain", b"not ready\n")
        return 404, "text/plain", b"not found\n"


@contextmanager
def private_listener(settings: Settings) -> Iterator[socket.socket | None]:
    """The private port, where one is set. Raises CannotListen."""
    with (
        nullcontext()
        if settings.metrics_port is None
        else listening(settings.metrics_host, settings.metrics_port) as listener
    ):
        yield listener


@asynccontextmanager
async def privately_served(listener: socket.socket | None, ready: Ready) -> AsyncIterator[None]:
    """Answer on the private port for the length of the block; nothing at all where there is none."""
    if listener is None:
        yield
        return
    stop = Stop()
    serving = asyncio.create_task(serve_until(stop, PrivateApp(ready), listener, grace_seconds=1, opens=False))
    _log.info("private_port", address=address_of(listener))
    try:
        yield
    finally:
        stop.ask()
        stop.ask()
        await serving
