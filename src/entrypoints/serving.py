"""Serve the staff API and the console, in one process or in several that share the work."""

import gc
import os
import socket

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from entrypoints.container import Container
from entrypoints.http_server import serve_until
from entrypoints.listening import address_of, listening
from entrypoints.logging import configure_logging
from entrypoints.private import private_listener, privately_served
from entrypoints.sampling import connections_sampled
from entrypoints.settings import Settings
from entrypoints.several import serve_in_several
from entrypoints.stopping import run, stopped_by_signals
from entrypoints.web_container import staff_api_app

_log = structlog.get_logger("serving")


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
    """Serve, as configured, until SIGTERM or Ctrl-C.

    Raises:
        CannotListen.
    """
    configure_logging(settings.log_format)
    with listening(settings.host, settings.port) as listener, private_listener(settings) as private:
        if settings.processes == 1:
            run(_serve(settings, listener, private))
        else:
            run(serve_in_several(settings, listener, private, Container(settings=settings).readiness(), serve_alone))


def serve_alone(settings: Settings, listener: socket.socket) -> None:
    """What each of several processes does."""
    configure_logging(settings.log_format)
    run(_serve(settings, listener, None))


async def _serve(settings: Settings, listener: socket.socket, private: socket.socket | None) -> None:
    container = Container(settings=settings)
    app: ASGIApp = staff_api_app(container)
    if (tracing := container.tracing()) is not None:
        app = tracing.around(app)
    if settings.trust_forwarded:
        app = BehindProxy(app)
    async with (
        stopped_by_signals() as stop,
        connections_sampled(container),
        privately_served(private, container.readiness()),
    ):
        # What is there now stays: looking through it for garbage again and again takes a tenth of the time.
        gc.collect()
        gc.freeze()
        _log.info("serving", address=address_of(listener), process_id=os.getpid())
        await serve_until(stop, app, listener)
        _log.info("stopped")
