"""Traces: what a collector gets where one is configured, and that nothing is there where none is."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from adapters.security.keys import SecretKeys
from entrypoints.settings import FaultySettings, read_settings
from tests.database import Database
from tests.desk import open_desk, program
from tests.entrypoints.processes import free_port, run, running, stop, until

OWNER = {"email": "olive@example.com", "password": "a long password"}


class Collector:
    """Takes OTLP over HTTP on this machine."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        taken = self.spans

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    import gzip  # noqa: PLC0415

                    body = gzip.decompress(body)
                told = ExportTraceServiceRequest.FromString(body)
                taken.extend(span for each in told.resource_spans for scope in each.scope_spans for span in scope.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"

    def __enter__(self) -> "Collector":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


def attributes(span: Span) -> dict[str, str | int]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def settings_of(database: Database, **more: str) -> dict[str, str]:
    return {
        "ACCOUNT_CREDIT_DATABASE_URL": database.app_url,
        "ACCOUNT_CREDIT_JOBS_DATABASE_URL": database.jobs_url,
        "ACCOUNT_CREDIT_SECRET_KEYS": SecretKeys.generate("test"),
        **more,
    }


def test_a_payment_is_one_trace_with_its_four_messages_and_none_of_its_values(
    database: Database, tmp_path: Path, collector: Collector
) -> None:
    settings = settings_of(database, ACCOUNT_CREDIT_TRACES_ENDPOINT=collector.url)
    slug, port = f"s-{uuid4().hex[:12]}", str(free_port())
    opened = run(
        *("shop", "create", "--name", "Main Street", "--slug", slug, "--currency", "USD"),
        *("--time-zone", "America/Chicago", "--owner-name", "Olive", "--owner-email", OWNER["email"]),
        settings=settings,
        said=OWNER["password"].encode(),
    )
    assert opened.returncode == 0, opened.stderr
    trace_id = uuid4().hex
    with running("serve", "--port", port, settings=settings, folder=tmp_path) as server:
        until(lambda: run("healthy", "--port", port, settings={}).returncode == 0)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            signed_in = client.post("/v1/auth/sign-in", json={"shop": slug, **OWNER})
            headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
            pat = client.post("/v1/clients", json={"name": "Pat Unsaid"}, headers=headers).json()["id"]
            added = client.post(
                f"/v1/clients/{pat}/credit/entries",
                json={"reason": "goodwill", "amount": 31415926535, "note": "unsaid"},
                headers={
                    **headers,
                    "Idempotency-Key": uuid4().hex,
                    "X-Request-Id": "the-one",
                    "traceparent": f"00-{trace_id}-00f067aa0ba902b7-01",
                },
            )
            assert added.status_code == 201, added.text
        assert stop(server, signal.SIGTERM) == 0
    ours = [span for span in collector.spans if span.trace_id.hex() == trace_id]
    [request] = [span for span in ours if span.kind == Span.SPAN_KIND_SERVER]
    assert request.name == "POST /v1/clients/{client_id}/credit/entries"
    assert request.parent_span_id.hex() == "00f067aa0ba902b7"
    said = attributes(request)
    assert (said["http.response.status_code"], said["request_id"]) == (201, "the-one")
    # In the order they were sent. When each began is told from when somebody looked, which is late on a busy machine.
    statements = [span for span in ours if span.kind == Span.SPAN_KIND_CLIENT]
    assert [span.name for span in statements] == ["BEGIN", "SELECT", "SELECT", "COMMIT"]
    assert attributes(statements[0])["db.query.text"] == "BEGIN; SELECT set_shop(?)"
    assert {span.parent_span_id for span in statements} == {request.span_id}
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in statements)
    told = "".join(str(span) for span in collector.spans)
    for value in (OWNER["email"], OWNER["password"], "Unsaid", "unsaid", "31415926535", pat, slug):
        assert value not in told


async def test_a_delivery_is_a_span(database: Database, tmp_path: Path, collector: Collector) -> None:
    async with database.fresh() as alone, program(alone) as container:
        desk = await open_desk(container)
        client = await desk.client()
        await desk.endpoint()
        await desk.add(client, 500)
        settings = settings_of(alone, ACCOUNT_CREDIT_TRACES_ENDPOINT=collector.url)
        worked = run("worker", "--once", settings=settings)
        assert worked.returncode == 0, worked.stderr
    [sent] = [span for span in collector.spans if span.name == "deliver webhook"]
    assert attributes(sent)["notice.kind"] == "credit.added"
    assert sent.status.code == 2, "nobody can be reached at that address from here"


def test_a_collector_that_is_away_keeps_nobody_waiting(database: Database, tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/v1/traces"
    settings = settings_of(database, ACCOUNT_CREDIT_TRACES_ENDPOINT=nowhere)
    port = str(free_port())
    with running("serve", "--port", port, settings=settings, folder=tmp_path) as server:
        until(lambda: run("healthy", "--port", port, settings={}).returncode == 0)
        assert stop(server, signal.SIGTERM) == 0


def test_where_nothing_is_traced_nothing_of_it_is_there(database: Database) -> None:
    script = """
import sys, json
from entrypoints.container import Container
from entrypoints.web_container import staff_api_app
from entrypoints import serving, worker
from entrypoints.settings import Settings
from adapters.security.keys import SecretKeys
container = Container(settings=Settings(database_url="postgresql:///x", jobs_database_url="postgresql:///x",
    secret_keys=SecretKeys.generate("x")))
staff_api_app(container), worker.worker_of(container)
print(json.dumps([[name for name in sys.modules if name.startswith(("opentelemetry.sdk",
    "opentelemetry.trace", "opentelemetry.exporter", "entrypoints.tracing"))],
    container.tracing() is None, container.database()._on_statement is None]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    assert json.loads(done.stdout) == [[], True, True]


@pytest.mark.parametrize("text", ["127.0.0.1:4318", "ftp://127.0.0.1", "http://"])
def test_an_endpoint_that_cannot_be_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(FaultySettings, match="ACCOUNT_CREDIT_TRACES_ENDPOINT must be a URL"):
        read_settings({"ACCOUNT_CREDIT_TRACES_ENDPOINT": text})
