"""Who breaks off, and when: a client in the middle of its request, a server that is told to stop."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from entrypoints import http_server, metrics
from entrypoints.http.request_ids import EachRequest
from entrypoints.http_server import serve_until
from entrypoints.listening import address_of, listening
from entrypoints.stopping import Stop
from entrypoints.web_container import staff_api_app
from tests.database import Database
from tests.desk import container_for


async def test_a_client_that_breaks_off_is_no_fault_of_ours(database: Database) -> None:
    app = staff_api_app(container_for(database))
    messages = iter(
        [{"type": "http.request", "body": b'{"shop": ', "more_body": True}, {"type": "http.disconnect"}],
    )
    said: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        said.append(message)

    path = "/v1/auth/sign-in"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "client": ("::1", 1),
        "server": ("::1", 80),
        "headers": [(b"content-type", b"application/json")],
        "state": {},
    }
    await app(scope, receive, send)  # type: ignore[arg-type]  # a scope as a server makes it
    assert said[0]["status"] == 400
    assert json.loads(said[1]["body"])["code"] == "malformed_request"


async def test_an_answer_that_breaks_off_after_its_head_is_not_counted_as_given() -> None:
    async def breaks_off(scope: Any, _receive: Any, send: Any) -> None:
        scope["path_template"] = "/breaks/off"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"number,at", "more_body": True})
        raise RuntimeError("the rest cannot be read")

    async def nothing(*_: Any) -> Any:
        return None

    scope = {"type": "http", "method": "GET", "headers": [], "state": {}}
    with pytest.raises(RuntimeError, match="the rest"):
        await EachRequest(breaks_off)(scope, nothing, nothing)  # type: ignore[arg-type]  # what a server makes
    counted = [
        line for line in metrics.exposition().decode().splitlines() if "/breaks/off" in line and "_total" in line
    ]
    assert counted == ['account_credit_requests_total{method="GET",route="/breaks/off",status="none"} 1.0']


async def test_a_request_that_comes_while_the_server_stops_is_the_last_on_its_connection(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "LAST_REQUESTS_SECONDS", 30.0)
    stop = Stop()
    with listening("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(serve_until(stop, staff_api_app(container_for(database)), listener))
        async with httpx.AsyncClient(base_url=address_of(listener)) as http:
            assert "connection" not in (await http.get("/health/live")).headers
            stop.ask()
            await asyncio.sleep(0.3)  # it looks ten times a second
            last = await http.get("/health/live")
            assert (last.status_code, last.headers["connection"]) == (200, "close")
            async with asyncio.timeout(30):
                await serving
