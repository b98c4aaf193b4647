"""What an answer or a line of the log gives away to whom it is not for: nothing."""

import logging
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import structlog
from dependency_injector import providers
from litestar.routes import HTTPRoute

from core.staff import Permission
from entrypoints.container import Container, running
from entrypoints.settings import LogFormat
from entrypoints.web_container import staff_api_app
from tests.console.visiting import ORIGIN, Visiting
from tests.database import Database
from tests.desk import PASSWORD, Desk, SetClock, container_for, open_desk
from tests.entrypoints.counter import Counter
from tests.entrypoints.door import SIGN_IN, WRONG, Door, Forge, an_address, is_throttled
from tests.entrypoints.log import written_log


@pytest.fixture
async def desk(door: Door) -> Desk:
    return await open_desk(door.container)


@pytest.fixture
async def owner(door: Door, desk: Desk) -> AsyncIterator[Counter]:
    tokens = (await door.sign_in(desk)).json()
    async with door.http(an_address()) as http:
        yield Counter(http, tokens["access_token"])


ON_EVERY_ANSWER = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}


class Broken(Exception):
    pass


GIVEN_AWAY = (
    *("Traceback", 'File "', ".py", "/src/", "site-packages", "postgresql://", "hunter2", "SELECT", "INSERT"),
    *("asyncpg", "Error:", "Exception", "line 1", "db.internal"),
)
FAULTS = [
    Broken("postgresql://account_credit_app:hunter2@db.internal/account_credit"),
    RuntimeError("/srv/account-credit/src/core/ledger.py, line 1"),
    asyncpg.PostgresSyntaxError('syntax error at or near "FORM": SELECT * FORM clients'),
    asyncpg.CheckViolationError("INSERT INTO clients: Failing row contains (hunter2)"),
    KeyError("hunter2"),
    AssertionError(),
    RecursionError("maximum recursion depth exceeded"),
]


def _breaking(container: Container, fault: Exception) -> Container:
    async def broken(*_: Any, **__: Any) -> None:
        raise fault

    container.show_me.override(providers.Object(broken))
    container.sign_in.override(providers.Object(broken))
    return container


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_a_fault_of_the_program_is_a_500_that_says_nothing_of_it(
    database: Database, desk: Desk, fault: Exception
) -> None:
    container = _breaking(container_for(database, secret_keys=desk.container.settings().secret_keys), fault)
    door = Door(container, staff_api_app(container), SetClock())
    with structlog.testing.capture_logs() as lines:
        async with door.http(an_address()) as http:
            answers = [
                await Counter(http, Forge(door, desk).token()).request("GET", "/v1/me"),
                await door.sign_in(desk),
            ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert answer.headers["content-type"] == "application/problem+json"
        _gives_nothing_away(answer)
        _has_our_headers(answer)
    assert [line["exc_info"] for line in lines if line["event"] == "unexpected_error"] == [fault, fault]


def _gives_nothing_away(answer: httpx.Response) -> None:
    said = answer.text + str(answer.headers)
    assert [word for word in GIVEN_AWAY if word in said] == []


def _has_our_headers(answer: httpx.Response) -> None:
    headers, path = answer.headers, answer.request.url.path
    expected = dict(ON_EVERY_ANSWER)
    if path.startswith("/app") and headers.get("referrer-policy") == "same-origin":
        expected["referrer-policy"] = "same-origin"  # forms are known by the origin that they come from
    assert {name: headers.get(name) for name in ON_EVERY_ANSWER} == expected
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    kept = headers["cache-control"]
    # A form is there again after Back, for the same browser alone; the rest are pages and files that say nothing.
    assert "no-store" in kept or kept == "private, no-cache" or path.startswith(("/docs", "/openapi.json"))
    assert headers["x-request-id"]
    assert "server" not in headers


async def test_a_database_that_is_not_there_is_not_named(database: Database, desk: Desk) -> None:
    url = "postgresql://account_credit_app:hunter2@127.0.0.1:1/db.internal"
    keys = desk.container.settings().secret_keys
    container = container_for(database, secret_keys=keys, database_url=url, jobs_database_url=url)
    async with running(container):
        door = Door(container, staff_api_app(container), SetClock())
        with structlog.testing.capture_logs() as lines:
            async with door.http(an_address()) as http:
                for answer in (
                    await Counter(http, Forge(door, desk).token()).request("GET", "/v1/me"),
                    await door.sign_in(desk),
                    await http.get("/health/ready"),
                ):
                    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
                    assert int(answer.headers["retry-after"]) > 0
                    _gives_nothing_away(answer)
                    _has_our_headers(answer)
    assert "hunter2" not in str(lines)


async def test_a_csv_that_breaks_off_says_nothing_of_the_fault(database: Database, desk: Desk) -> None:
    container = container_for(database, secret_keys=desk.container.settings().secret_keys)

    async def breaks(*_: Any, **__: Any) -> Any:
        async def parts() -> AsyncIterator[list[Any]]:
            yield []
            raise FAULTS[0]

        return None, parts()

    container.export_entries.override(providers.Object(breaks))
    door = Door(container, staff_api_app(container), SetClock())
    async with door.http(an_address()) as http:
        answer = await Counter(http, Forge(door, desk).token()).request("GET", "/v1/credit/entries.csv")
    _gives_nothing_away(answer)
    _has_our_headers(answer)


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/v1/me", {}, 200),
        ("GET", "/v1/clients", {}, 200),
        ("HEAD", "/v1/clients", {}, 405),
        ("OPTIONS", "/v1/clients", {}, 204),
        ("GET", "/v1/credit/entries.csv", {}, 200),
        ("GET", "/v1/clients", {"headers": {"Authorization": "Bearer no"}}, 401),
        ("GET", "/v1/clients?limit=0", {}, 422),
        ("GET", "/v1/clients?cursor=x", {}, 400),
        ("GET", f"/v1/clients/{UUID(int=7)}", {}, 404),
        ("GET", "/v1/clients/x", {}, 404),
        ("GET", "/", {}, 404),
        ("GET", "/../../etc/passwd", {}, 404),
        ("GET", "/docs/assets/..%2f..%2fproblems.py", {}, 404),
        ("GET", "/%00", {}, 404),
        ("GET", "/\u00e9", {}, 404),
        ("GET", "/" + "a" * 5000, {}, 404),
        ("PUT", "/v1/clients", {}, 405),
        ("TRACE", "/v1/clients", {}, 405),
        ("BREW", "/v1/clients", {}, 405),
        ("DELETE", "/health/live", {}, 405),
        ("POST", "/v1/clients", {"content": b"x" * (64 * 1024 + 1)}, 413),
        ("POST", "/v1/clients", {"content": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
        ("POST", "/v1/clients", {"content": b"{"}, 400),
        ("POST", "/v1/clients", {"content": b"{}"}, 422),
        ("POST", SIGN_IN, {"content": b"[]"}, 422),
        ("GET", "/health/live", {}, 200),
        ("GET", "/docs", {}, 200),
        ("GET", "/docs/assets/start.js", {}, 200),
        ("GET", "/docs/problems/not_found", {}, 200),
        ("GET", "/docs/problems/x", {}, 404),
        ("GET", "/openapi.json", {}, 200),
    ],
)
async def test_every_answer_has_the_headers_that_keep_a_browser_from_harm(
    owner: Counter, method: str, path: str, sent: dict[str, Any], status: int
) -> None:
    headers = {"Content-Type": "application/json", **sent.get("headers", {})}
    answer = await owner.request(method, path, content=sent.get("content"), headers=headers)
    assert answer.status_code == status
    _has_our_headers(answer)
    if status >= 400 and method != "HEAD":
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        _gives_nothing_away(answer)
    if status == 405:
        assert "GET" in answer.headers["allow"]


async def test_no_route_answers_without_them_whoever_asks(door: Door) -> None:
    """The routes are the application's own, so that a new one cannot be forgotten; nobody is signed in."""
    app: Any = door.app
    asked = 0
    async with door.http(an_address()) as http:
        for route in app.routes:
            if not isinstance(route, HTTPRoute):
                continue
            path = re.sub(r"\{[^}]+\}", str(UUID(int=7)), route.path_format)
            for method in {"PUT", *route.route_handler_map}:
                answer = await http.request(method, path)
                _has_our_headers(answer)
                asked += 1
    assert asked > 200


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("broken_use_case", ["begin_console_session", "list_clients"])
async def test_a_fault_behind_a_page_is_a_page_that_says_nothing_of_it(
    database: Database, desk: Desk, fault: Exception, broken_use_case: str
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise fault

    container = container_for(database, secret_keys=desk.container.settings().secret_keys)
    getattr(container, broken_use_case).override(providers.Object(broken))
    transport = httpx.ASGITransport(app=staff_api_app(container), raise_app_exceptions=False)  # type: ignore[arg-type]  # its own ASGI types
    with structlog.testing.capture_logs() as lines:
        async with running(container), httpx.AsyncClient(transport=transport, base_url=ORIGIN) as http:
            visiting = Visiting(http)
            answer = await visiting.sign_in(desk)
            if broken_use_case == "list_clients":
                assert answer.status_code == 303
                answer = await visiting.get("/app/clients")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    _gives_nothing_away(answer)
    _has_our_headers(answer)
    assert fault in [line.get("exc_info") for line in lines if line["event"] == "unexpected_error"]


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_a_fault_is_logged_with_where_it_was_and_without_what_was_in_hand(
    database: Database, desk: Desk, log_format: LogFormat
) -> None:
    container = _breaking(
        container_for(database, secret_keys=desk.container.settings().secret_keys), RuntimeError("no such luck")
    )
    door = Door(container, staff_api_app(container), SetClock())
    with written_log(log_format) as log:
        assert (await door.sign_in(desk)).status_code == 500
    said = log.getvalue()
    assert "no such luck" in said
    assert "in broken" in said
    assert [secret for secret in (PASSWORD, desk.owner_email) if secret in said] == []


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/clients", "GET, OPTIONS, POST"),
        (f"/v1/clients/{UUID(int=7)}", "DELETE, GET, OPTIONS, PATCH"),
        (SIGN_IN, "OPTIONS, POST"),
        ("/v1/me", "GET, OPTIONS"),
        ("/health/live", "GET, OPTIONS"),
    ],
)
async def test_an_address_says_which_methods_it_takes(owner: Counter, path: str, methods: str) -> None:
    for method in ("OPTIONS", "PUT"):
        allowed = (await owner.request(method, path)).headers["allow"]
        assert ", ".join(sorted(allowed.split(", "))) == methods


# Whatever hangs, ends.


async def test_statements_locks_and_idle_transactions_of_the_program_end_by_themselves(
    database: Database, door: Door
) -> None:
    async def limits(connection: Any) -> dict[str, timedelta]:
        names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        return {
            name: timedelta(
                milliseconds=await connection.fetchval("SELECT setting::int FROM pg_settings WHERE name = $1", name)
            )
            for name in names
        }

    expected = {
        "statement_timeout": timedelta(seconds=10),
        "lock_timeout": timedelta(seconds=5),
        "idle_in_transaction_session_timeout": timedelta(seconds=15),
    }
    async with door.container.database().connection() as pooled:
        assert await limits(pooled) == expected
    for url in (database.app_url, database.jobs_url):
        connection = await asyncpg.connect(url)
        try:
            assert await limits(connection) == expected
        finally:
            await connection.close()


# The log says who came and who was sent away, and no secret.


async def test_the_log_says_who_signed_in_and_who_was_refused_and_no_secret(
    door: Door, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    member, _ = await desk.hire(Permission.MANAGE_CLIENTS)
    canary = f"canary {uuid4().hex}"
    secrets = [PASSWORD, WRONG, canary, desk.owner_email, member.email]
    address = an_address()
    merged = [structlog.contextvars.merge_contextvars]
    with structlog.testing.capture_logs(processors=merged) as lines:
        tokens = (await door.sign_in(desk, address=address)).json()
        secrets += [tokens["access_token"], tokens["refresh_token"]]
        async with door.http(address) as http:
            owner = Counter(http, tokens["access_token"])
            made = await owner.post("/v1/api-keys", {"name": canary, "permissions": ["manage_clients"]})
            secrets += [made["key"], made["key"].split("_", 3)[3]]
            till = Counter(http, made["key"])
            key = f"canary-{uuid4().hex}"
            await till.post("/v1/clients", {"name": canary, "email": "canary@example.com"}, key=key)
            secrets += ["canary@example.com"]
            await owner.get("/v1/clients", q=canary)
            refused = await till.request("GET", "/v1/staff")
            assert refused.status_code == 403
            refreshed = await Counter(http).post(
                "/v1/auth/refresh", {"refresh_token": tokens["refresh_token"]}, status=200
            )
            secrets += [refreshed["access_token"], refreshed["refresh_token"]]
            forged = made["key"][:-1] + ("A" if made["key"][-1] != "A" else "B")
            await Counter(http, forged).request("GET", "/v1/me")
            await owner.patch(f"/v1/staff/{member.id}", {"password": canary})
            await Counter(http).post("/v1/auth/sign-out", {"refresh_token": refreshed["refresh_token"]}, status=204)
        await door.fail(desk, email=canary.replace(" ", "@") + ".example")
        assert is_throttled(await door.sign_in(desk, email=canary.replace(" ", "@") + ".example"))
        await door.sign_in(desk, shop=canary)

    by_event: dict[str, list[Any]] = {}
    for line in lines:
        by_event.setdefault(line["event"], []).append(line)
    assert {event: len(found) for event, found in by_event.items()} == {
        "signed_in": 1,
        "sign_in_failed": 11,
        "sign_in_throttled": 1,
        "permission_denied": 1,
        "request": 21,
    }
    [signed_in] = by_event["signed_in"]
    assert (signed_in["shop_id"], signed_in["actor_kind"]) == (str(desk.shop_id), "staff")
    assert signed_in["actor_id"] == str(desk.owner.credential.id)
    assert signed_in["address"].endswith("::/64")
    failed, [throttled] = by_event["sign_in_failed"], by_event["sign_in_throttled"]
    assert {line["account"] for line in failed[:10]} == {throttled["account"]} != {failed[10]["account"]}
    assert {line["log_level"] for line in (*failed, throttled)} == {"warning"}
    [denied] = by_event["permission_denied"]
    assert (denied["permission"], denied["actor_kind"], denied["actor_id"]) == ("manage_staff", "api_key", made["id"])
    for line in by_event["request"]:
        assert {"method", "route", "status", "duration_ms", "request_id"} <= line.keys()
    said = str(lines) + caplog.text
    assert [secret for secret in secrets if secret in said] == []


async def test_the_log_believes_no_key_before_its_secret_was_compared(door: Door, desk: Desk, owner: Counter) -> None:
    """Else anybody could make the log say that somebody of a shop had been there."""
    made = await owner.post("/v1/api-keys", {"name": "till", "permissions": []})
    forged = made["key"][:-1] + ("A" if made["key"][-1] != "A" else "B")
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("OPTIONS", "/v1/clients", {}),
        ("GET", "/v1/clients?limit=0", {}),
        ("POST", "/v1/clients", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
        ("GET", "/v1/clients", {}),
    ]
    for key, said in ((forged, 0), (made["key"], 1)):
        with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
            statuses = [
                (await Counter(owner.http, key).request(*asked, **sent)).status_code for *asked, sent in requests
            ]
        assert statuses == [204, 422, 400, 200 if said else 401]
        assert [line["shop_id"] for line in lines if "shop_id" in line] == [str(desk.shop_id)] * said
