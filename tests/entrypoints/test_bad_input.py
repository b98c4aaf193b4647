"""Input that cannot be right: each a problem with a clear sentence and a status of 4xx, and nothing written."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.desk import Desk
from tests.entrypoints.counter import Counter

Json = dict[str, Any]
GOODWILL = {"reason": "goodwill", "amount": 100, "note": "late"}


def problem(answer: httpx.Response, status: int, code: str) -> Json:
    """The answer's body, which is a problem of that status and code."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: Json = answer.json()
    assert body["detail"].endswith(".")
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


def invalid(answer: httpx.Response) -> dict[str, str]:
    """What is wrong with each field, in sentences."""
    errors = {each["field"]: each["message"] for each in problem(answer, 422, "validation_failed")["errors"]}
    for message in errors.values():
        assert message.startswith(("must", "is ", "cannot"))
        assert "`" not in message
    return errors


async def add(owner: Counter, client_id: object, body: Json | None = None, **sent: Any) -> httpx.Response:
    return await owner.request("POST", f"/v1/clients/{client_id}/credit/entries", body, key=uuid4().hex, **sent)


@pytest.fixture
async def nothing_written(desk: Desk) -> Any:
    """A client with an account that is still empty after the test."""
    client_id = await desk.client()
    yield client_id
    assert await desk.entries(client_id) == []
    assert (await desk.card(client_id)).credit == 0


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        (b"0", "must be at least 1"),
        (b"-1", "must be at least 1"),
        (b"100000000000", "must be at most 99999999999"),
        (b"9007199254740993", "must be at most 99999999999"),
        (b"9" * 40, "must be at most 99999999999"),
        (b'"100"', "must be a whole number"),
        (b"1.0", "must be a whole number, without a decimal point or an exponent"),
        (b"1e2", "must be a whole number, without a decimal point or an exponent"),
        (b"1e400", "must be a whole number, without a decimal point or an exponent"),
        (b"-0.0", "must be a whole number, without a decimal point or an exponent"),
        (b"true", "must be a whole number"),
        (b"null", "must not be null"),
        (b"[100]", "must be a whole number"),
        (b"{}", "must be a whole number"),
    ],
    ids=lambda value: value[:20].decode() if isinstance(value, bytes) else "",
)
async def test_an_amount_is_a_json_integer_from_1_on(
    owner: Counter, nothing_written: object, amount: bytes, message: str
) -> None:
    content = b'{"reason": "goodwill", "note": "late", "amount": ' + amount + b"}"
    answer = await add(owner, nothing_written, content=content, headers={"Content-Type": "application/json"})
    assert invalid(answer) == {"amount": message}


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"note": ""}, {"note": "must have at least 1 character"}),
        ({"note": " \n\t "}, {"note": "must have at least 1 character"}),
        ({"note": "x" * 501}, {"note": "must have at most 500 characters"}),
        ({"note": "a\x00b"}, {"note": "must not have control characters"}),
        ({"note": "a\x1bb"}, {"note": "must not have control characters"}),
        ({"note": "a\u2028b"}, {"note": "must not have control characters"}),
        ({"note": "late\x1f"}, {"note": "must not have control characters"}),
        ({"note": None}, {"note": "must not be null"}),
        ({"note": 5}, {"note": "must be text"}),
        ({"reason": "gift"}, {"reason": "must be one of: refund, goodwill, manual, correction, promotion"}),
        ({"reason": "void"}, {"reason": "must be one of: refund, goodwill, manual, correction, promotion"}),
        ({"invoice_id": "INV-1"}, {"invoice_id": "must be an id"}),
        ({"invoice_id": str(uuid4())}, {"invoice_id": "must be an invoice of this client"}),
        ({"tip": 5}, {"tip": "is not known here"}),
        (
            {"reason": 1, "amount": "5", "tip": 5},
            {
                "reason": "must be text",
                "amount": "must be a whole number",
                "tip": "is not known here",
            },
        ),
    ],
)
async def test_every_field_that_is_wrong_is_named(
    owner: Counter, nothing_written: object, change: Json, errors: dict[str, str]
) -> None:
    assert invalid(await add(owner, nothing_written, {**GOODWILL, **change})) == errors


async def test_every_field_that_is_missing_is_named(owner: Counter, nothing_written: object) -> None:
    assert invalid(await add(owner, nothing_written, {})) == dict.fromkeys(("reason", "amount", "note"), "is required")


async def test_line_feed_and_tab_are_fine_in_notes_and_nowhere_else(owner: Counter, desk: Desk) -> None:
    client_id = await desk.client()
    entry = (await add(owner, client_id, {**GOODWILL, "note": " two\n\tlines "})).json()
    assert entry["note"] == "two\n\tlines"
    for name in ("Pat\nDoe", "Pat\tDoe", "Pat Doe\n"):
        answer = await owner.request("POST", "/v1/clients", {"name": name})
        assert invalid(answer) == {"name": "must not have control characters"}


async def test_text_is_trimmed_and_kept_in_nfc(owner: Counter) -> None:
    made = await owner.post("/v1/clients", {"name": "  Zoe\u0308 Muller ", "email": " ZOE@example.com "})
    assert (made["name"], made["email"]) == ("Zo\u00eb Muller", "zoe@example.com")


async def test_a_password_is_taken_as_it_is(http: httpx.AsyncClient, owner: Counter, desk: Desk) -> None:
    password = "  spaces at the ends, e\u0308  "  # noqa: S105  # of nobody
    await owner.post("/v1/staff", {"name": "Kim", "email": "kim@example.com", "permissions": [], "password": password})
    body = {"shop": desk.slug, "email": "kim@example.com"}
    signed_in = await Counter(http).request("POST", "/v1/auth/sign-in", {**body, "password": password})
    assert signed_in.status_code == 200
    refused = await Counter(http).request("POST", "/v1/auth/sign-in", {**body, "password": password.strip()})
    problem(refused, 401, "unauthenticated")


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "The body is empty. It must be a JSON object."),
        (b"{", "The body is not JSON in UTF-8."),
        (b'{"amount": NaN}', "The body is not JSON in UTF-8."),
        (b'{"note": "\xff\xfe"}', "The body is not JSON in UTF-8."),
        (b'{"note": "\\ud800"}', "The body is not JSON in UTF-8."),
        (b'{"amount": 1,}', "The body is not JSON in UTF-8."),
        (b"[" * 60_000, "The body is nested too deeply."),
        (b'{"a":' * 12_000, "The body is nested too deeply."),
    ],
    ids=["empty", "cut off", "NaN", "not UTF-8", "half a surrogate", "trailing comma", "deep list", "deep object"],
)
async def test_a_body_that_cannot_be_read_is_malformed(
    owner: Counter, nothing_written: object, content: bytes, detail: str
) -> None:
    answer = await add(owner, nothing_written, content=content, headers={"Content-Type": "application/json"})
    assert problem(answer, 400, "malformed_request")["detail"] == detail


@pytest.mark.parametrize("content", [b"[]", b"5", b'"text"', b"null"])
async def test_a_body_is_an_object(owner: Counter, nothing_written: object, content: bytes) -> None:
    answer = await add(owner, nothing_written, content=content, headers={"Content-Type": "application/json"})
    assert set(invalid(answer)) == {"body"}


@pytest.mark.parametrize("depth", [100_000, 900])
async def test_nesting_never_breaks_the_server(owner: Counter, nothing_written: object, depth: int) -> None:
    content = b'{"note": ' + b"[" * depth + b"]" * depth + b"}"
    answer = await add(owner, nothing_written, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 413, 422}


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "", "text/json"]
)
async def test_a_body_is_sent_as_json(owner: Counter, nothing_written: object, content_type: str) -> None:
    answer = await add(
        owner,
        nothing_written,
        content=b'{"reason": "goodwill", "note": "late", "amount": 100}',
        headers={"Content-Type": content_type},
    )
    problem(answer, 415, "unsupported_media_type")


async def test_a_charset_beside_the_content_type_is_fine(owner: Counter, desk: Desk) -> None:
    answer = await add(
        owner,
        await desk.client(),
        content=b'{"reason": "goodwill", "note": "late", "amount": 100}',
        headers={"Content-Type": "Application/JSON; charset=utf-8"},
    )
    assert answer.status_code == 201


@pytest.mark.parametrize("announced", [True, False], ids=["with its length", "in chunks"])
async def test_a_body_over_64_kb_is_too_large(owner: Counter, nothing_written: object, announced: bool) -> None:
    async def in_chunks() -> Any:
        for _ in range(70):
            yield b" " * 1024

    content: Any = b" " * 70 * 1024 if announced else in_chunks()
    answer = await add(owner, nothing_written, content=content, headers={"Content-Type": "application/json"})
    problem(answer, 413, "payload_too_large")


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        ({"quantity": 0}, "quantity", "must be at least 1"),
        ({"quantity": 10_000_000}, "quantity", "must be at most 9999999"),
        (
            {"quantity": "0.0"},
            "quantity",
            'must be a decimal number above zero, such as "1.5", with at most 4 decimal places',
        ),
        (
            {"quantity": "1,5"},
            "quantity",
            'must be a decimal number above zero, such as "1.5", with at most 4 decimal places',
        ),
        (
            {"quantity": "\u0661"},
            "quantity",
            'must be a decimal number above zero, such as "1.5", with at most 4 decimal places',
        ),
        ({"quantity": 1.5}, "quantity", "must be a whole number or text, without a decimal point or an exponent"),
        ({"unit_price": -100_000_000_000}, "unit_price", "must be at least -99999999999"),
        ({"description": ""}, "description", "must have at least 1 character"),
        ({"discount": 5}, "discount", "is not known here"),
    ],
)
async def test_a_line_that_is_wrong_is_named_with_its_place(
    owner: Counter, desk: Desk, line: Json, field: str, message: str
) -> None:
    good = {"description": "Brakes", "quantity": 1, "unit_price": 100}
    body = {"client_id": str(await desk.client()), "lines": [good, {**good, **line}]}
    answer = await owner.request("POST", "/v1/invoices", body)
    assert invalid(answer) == {f"lines[1].{field}": message}
    assert await owner.get("/v1/invoices") == {"items": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"method": "cash"}, {"amount": "is required with this method"}),
        ({"method": "cash", "amount": None}, {"amount": "must not be null"}),
        ({"method": "account_credit", "amount": 0}, {"amount": "must be at least 1"}),
        ({"method": "cash", "amount": 100, "overpayment": None}, {"overpayment": "must not be null"}),
        ({"method": "cash", "amount": 100, "overpayment": "keep"}, {"overpayment": "must be one of: capture, leave"}),
        (
            {"method": "cash", "amount": 100, "received_on": "2026-2-1"},
            {"received_on": "must be a date, such as 2026-01-31"},
        ),
        ({"method": "cash", "amount": 100, "received_on": "9999-12-31"}, {"received_on": "cannot be in the future"}),
        (
            {"method": "barter", "amount": 100},
            {"method": "must be one of: cash, card, check, bank_transfer, other, account_credit"},
        ),
    ],
)
async def test_a_payment_that_cannot_be_is_not_made(
    owner: Counter, desk: Desk, body: Json, errors: dict[str, str]
) -> None:
    invoice_id = await desk.invoice(await desk.client())
    answer = await owner.request("POST", f"/v1/invoices/{invoice_id}/payments", body, key="k")
    assert invalid(answer) == errors
    assert (await desk.show(invoice_id)).payments == []


@pytest.mark.parametrize(
    ("path", "query", "errors"),
    [
        ("/v1/clients", {"limit": "0"}, {"limit": "must be at least 1"}),
        ("/v1/clients", {"limit": "101"}, {"limit": "must be at most 100"}),
        ("/v1/clients", {"limit": "1.0"}, {"limit": "must be a whole number"}),
        ("/v1/clients", {"limit": "1e1"}, {"limit": "must be a whole number"}),
        ("/v1/clients", {"has_credit": "1"}, {"has_credit": "must be true or false"}),
        ("/v1/clients", {"q": "\x00"}, {"q": "must not have control characters"}),
        ("/v1/clients", {"Limit": "1"}, {"Limit": "is not known here"}),
        ("/v1/clients", {"limit": ["1", "2"]}, {"limit": "must be given once"}),
        ("/v1/me", {"verbose": "1"}, {"verbose": "is not known here"}),
        ("/v1/invoices", {"status": "late"}, {"status": "must be one of: open, paid, overpaid, void"}),
        ("/v1/invoices", {"client_id": "x"}, {"client_id": "must be an id"}),
        ("/v1/credit/entries", {"from": "yesterday"}, {"from": "must be a date, such as 2026-01-31"}),
        ("/v1/credit/entries", {"from": "2026-02-02", "to": "2026-02-01"}, {"to": "must not be before from"}),
        ("/v1/credit/entries.csv", {"limit": "5"}, {"limit": "is not known here"}),
    ],
)
async def test_a_query_is_read_strictly(owner: Counter, path: str, query: Json, errors: dict[str, str]) -> None:
    assert invalid(await owner.request("GET", path, query=query)) == errors


async def test_a_query_that_is_not_utf_8_is_malformed(owner: Counter) -> None:
    problem(await owner.request("GET", "/v1/clients?q=%ff"), 400, "malformed_request")


@pytest.mark.parametrize("query", [{"from": "0001-01-01"}, {"to": "9999-12-31"}, {"to": "0001-01-01"}])
@pytest.mark.parametrize("path", ["/v1/credit/entries", "/v1/reports/credit", "/v1/reports/collected", "/v1/payments"])
@pytest.mark.parametrize("time_zone", ["Pacific/Kiritimati", "Pacific/Niue"])
async def test_the_first_and_the_last_day_of_all_can_be_asked_for(
    owner: Counter, path: str, query: Json, time_zone: str
) -> None:
    await owner.patch("/v1/shop", {"time_zone": time_zone})
    await owner.get(path, **query)


@pytest.mark.parametrize("malformed", ["1", "x" * 36, "0" * 35, "%00"])
async def test_an_id_that_is_none_names_nothing(owner: Counter, malformed: str) -> None:
    answer = await owner.request("GET", f"/v1/clients/{malformed}")
    body = problem(answer, 404, "not_found")
    assert malformed not in body["detail"]


@pytest.mark.parametrize("content", [b"", b"{}"])
async def test_a_post_without_fields_takes_an_empty_object_or_no_body(
    owner: Counter, desk: Desk, content: bytes
) -> None:
    client_id = await desk.client()
    headers = {"Content-Type": "application/json"} if content else {}
    answer = await owner.request("POST", f"/v1/clients/{client_id}/restore", content=content, headers=headers)
    assert answer.status_code == 200


async def test_a_post_without_fields_takes_no_field(owner: Counter, desk: Desk) -> None:
    answer = await owner.request("POST", f"/v1/clients/{await desk.client()}/restore", {"now": True})
    assert invalid(answer) == {"now": "is not known here"}


async def test_a_field_is_cleared_by_null_where_it_may_be_empty_and_nowhere_else(owner: Counter) -> None:
    made = await owner.post("/v1/clients", {"name": "Pat", "phone": "555-0134"})
    path = f"/v1/clients/{made['id']}"
    assert (await owner.patch(path, {"phone": None}))["phone"] is None
    assert invalid(await owner.request("PATCH", path, {"name": None})) == {"name": "must not be null"}
    assert (await owner.patch(path, {}))["name"] == "Pat"


async def test_who_brings_no_credential_learns_nothing_of_what_else_is_wrong(http: httpx.AsyncClient) -> None:
    stranger = Counter(http)
    problem(await stranger.request("POST", "/v1/clients", content=b"{"), 401, "unauthenticated")
    problem(await stranger.request("GET", "/v1/clients", query={"nope": "1"}), 401, "unauthenticated")


@pytest.mark.parametrize("header", ["Basic x", "Bearer", "Bearer ", "Bearer a b", "Token abc", ""])
async def test_a_credential_comes_as_one_bearer(http: httpx.AsyncClient, header: str) -> None:
    answer = await Counter(http).request("GET", "/v1/me", headers={"Authorization": header})
    problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "é"])
async def test_a_request_id_that_is_not_sane_is_replaced(owner: Counter, given: str) -> None:
    answer = await owner.http.get("/v1/nowhere", headers=[(b"X-Request-Id", given.encode())])
    assert answer.headers["x-request-id"] != given
    assert problem(answer, 404, "not_found")
