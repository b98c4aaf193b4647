"""Traces for OpenTelemetry: requests, the statements that they send, and deliveries. Imported only where an endpoint is
configured; elsewhere nothing of it runs, and its packages need not be there.

Spans carry what the log and figures carry: routes and statements as templates, never values, names or notes.
"""

import asyncio
import re
import time
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from core.deliveries import Delivery
from ports.notifier import Notifier

EXPORT_TIMEOUT_SECONDS = 3
CLOSE_TIMEOUT_SECONDS = 5.0

_LONGEST_STATEMENT = 2000
_LITERAL = re.compile(r"'[^']*'")
_propagator = TraceContextTextMapPropagator()


class Tracing:
    """Sends spans to the endpoint in the background; what cannot be sent is dropped, and keeps nobody waiting."""

    def __init__(self, endpoint: str, *, share: float) -> None:
        """``endpoint``: takes OTLP over HTTP, such as ``http://127.0.0.1:4318/v1/traces``. ``share``: of the traces
        that begin here; those that others have begun are kept as they say.
        """
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "account-credit"}),
            sampler=ParentBased(TraceIdRatioBased(share)),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_TIMEOUT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("account-credit")

    async def close(self) -> None:
        """Send what is left, as far as that takes no time."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                await asyncio.to_thread(self._provider.shutdown)
        except TimeoutError:
            pass

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application with a span around each request, as a part of the caller's trace if it brings one."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != ScopeType.HTTP:
                await app(scope, receive, send)
                return
            method = scope["method"]
            carried = {
                name.decode(): value.decode("latin-1")
                for name, value in scope["headers"]
                if name in {b"traceparent", b"tracestate"}
            }
            with self._tracer.start_as_current_span(
                method,
                context=_propagator.extract(carried),
                kind=SpanKind.SERVER,
                attributes={"http.request.method": method, "url.scheme": scope["scheme"]},
            ) as span:

                async def send_noted(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        span.set_attribute("http.response.status_code", message["status"])
                        if message["status"] >= 500:  # as OpenTelemetry has it for servers
                            span.set_status(StatusCode.ERROR)
                    await send(message)

                try:
                    await app(scope, receive, send_noted)
                finally:
                    route = scope.get("path_template")
                    if route:
                        span.update_name(f"{method} {route}")
                        span.set_attribute("http.route", str(route))
                    span.set_attribute("request_id", str(scope.get("state", {}).get("request_id", "")))

        return traced

    def statement(self, record: Any) -> None:
        """A statement was run (asyncpg's ``LoggedQuery``). Outside of a request or delivery nobody asks for it."""
        if not trace.get_current_span().is_recording():
            return
        ended = time.time_ns()
        span = self._tracer.start_span(
            record.query.split(None, 1)[0].rstrip(";").upper(),
            kind=SpanKind.CLIENT,
            start_time=ended - int(record.elapsed * 1_000_000_000),
            attributes={
                "db.system.name": "postgresql",
                "db.query.text": _LITERAL.sub("?", record.query)[:_LONGEST_STATEMENT],
            },
        )
        if record.exception is not None:
            span.set_attribute("error.type", type(record.exception).__name__)
            span.set_status(StatusCode.ERROR)
        span.end(ended)

    def notifier(self, notifier: Notifier) -> Notifier:
        """The notifier with a span around each delivery."""
        return _TracedNotifier(self._tracer, notifier)


class _TracedNotifier:
    def __init__(self, tracer: trace.Tracer, notifier: Notifier) -> None:
        self._tracer = tracer
        self._notifier = notifier

    async def send(self, delivery: Delivery) -> str:
        """As the notifier does."""
        channel = delivery.receiver.channel.value
        with self._tracer.start_as_current_span(
            f"deliver {channel}",
            kind=SpanKind.PRODUCER,
            record_exception=False,  # what a receiver answered may say anything
            attributes={"notice.kind": delivery.notice.kind.value, "notice.id": str(delivery.notice.id)},
        ) as span:
            span.set_attribute("attempt", delivery.attempt)
            return await self._notifier.send(delivery)
