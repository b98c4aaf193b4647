"""Hostile text through every text field of every body, and out again through JSON, CSV and the log.

The fields are found in the routes themselves, so that a new one cannot escape.
"""

import csv
import io
import json
import time
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin
from uuid import uuid4

import asyncpg
import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from msgspec import Struct

from core.ids import ClientId
from entrypoints.container import Container
from entrypoints.http.validation import members
from entrypoints.settings import LogFormat
from tests.database import Database
from tests.desk import PASSWORD, Desk, open_desk
from tests.entrypoints.counter import Counter, sign_in
from tests.entrypoints.door import SIGN_IN, Door, an_address
from tests.entrypoints.hostile import COMBINING, KEPT, ONE_LINE_ONLY, REFUSED
from tests.entrypoints.log import written_log
from tests.entrypoints.routes import ENDPOINT, LINES, ROUTES, Ids, Route
from tests.soundness import Auditor

NOTES = {"note"}
FREE_TEXT = {"name", "phone", "vehicle", "reference", "number", "note", "description"}
"""What takes any text that is no more than text; the others have a form of their own (an address, a time zone)."""
SECRETS = {"password"}
"""Kept as they come, and never given back."""

LISTED = {
    "POST /v1/staff": "/v1/staff",
    "PATCH /v1/staff/{staff_id}": "/v1/staff",
    "POST /v1/api-keys": "/v1/api-keys",
    "POST /v1/bulk-payments": "/v1/payments",
}
READ_BACK = {
    "POST /v1/invoices/{invoice_id}/payments": "/v1/payments/{id}",
    "POST /v1/clients/{client_id}/credit/entries": "/v1/credit/entries/{id}",
    "POST /v1/credit/entries/{entry_id}/void": "/v1/credit/entries/{id}",
}
"""Where what was sent is to be seen again, if not at its own address."""


@dataclass(frozen=True)
class Field:
    """A text field of a body; ``path`` such as ``lines.description``."""

    method: str
    route: str
    path: str

    @property
    def operation(self) -> str:
        return f"{self.method} {self.route}"

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def is_free(self) -> bool:
        return self.name in FREE_TEXT

    @property
    def template(self) -> Route:
        """A request that is fine but for this field."""
        return next(route for route in ROUTES if (route.method, route.path) == (self.method, self.route))

    def body(self, ids: Ids, text: str) -> Any:
        body = self.template.body(ids) if self.template.body else {}
        first, _, rest = self.path.partition(".")
        return {**body, first: [{**LINES[0], rest: text}] if rest else text}

    def strings(self) -> dict[str, str]:
        return {**KEPT, **ONE_LINE_ONLY, **REFUSED}

    def keeps(self, kind: str) -> bool:
        return kind in KEPT or (self.name in NOTES and kind in ONE_LINE_ONLY)


def text_fields(app: Litestar) -> Iterator[Field]:
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            if handler.parsed_data_field is not None:
                for path in _text_in(handler.parsed_data_field.annotation):
                    yield Field(method, route.path_format, path)


def _text_in(struct: type[Struct]) -> Iterator[str]:
    for field in msgspec.structs.fields(struct):
        for kind in members(field.type):
            [item] = [each for each in get_args(kind)[:1] if get_origin(kind) in {tuple, list}] or [kind]
            if isinstance(item, type) and issubclass(item, Struct):
                yield from (f"{field.encode_name}.{inner}" for inner in _text_in(item))
            elif item is str or str in members(item):
                yield field.encode_name


def as_kept(field: Field, text: str) -> str:
    kept = unicodedata.normalize("NFC", text).strip()
    return kept.lower() if field.name == "email" else kept


def strings_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from strings_in(each)


@pytest.fixture(scope="module")
async def auditor(database: Database) -> AsyncIterator[Auditor]:
    connection = await asyncpg.connect(database.superuser_url)
    yield Auditor(connection)
    await connection.close()


async def _ids(desk: Desk, owner: Counter) -> Ids:
    client = await desk.client()
    member, _ = await desk.hire()
    invoice = await desk.invoice(client, 10_000_000)
    endpoint = await owner.post("/v1/webhook-endpoints", ENDPOINT)
    return Ids(
        client=client,
        endpoint=endpoint["id"],
        invoice=invoice,
        other_invoice=await desk.invoice(client, 10_000_000),
        payment=(await desk.pay(invoice, 100)).id,
        entry=(await desk.add(client, 100)).id,
        staff=member.id,
    )


async def _send(counter: Counter, field: Field, ids: Ids, text: str) -> httpx.Response:
    # As JSON in ASCII: a lone surrogate, too, can be written so.
    content = json.dumps(field.body(ids, text)).encode()
    headers = {"Content-Type": "application/json"}
    return await counter.request(
        field.method, field.template.url(ids), content=content, headers=headers, key=uuid4().hex
    )


def test_the_fields_are_found(app: Litestar) -> None:
    found = list(text_fields(app))
    assert {"lines.description", "lines.quantity", "note", "refresh_token", "time_zone"} <= {
        each.path for each in found
    }
    assert len(found) >= 30


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_text_is_kept_exactly_or_refused_and_nothing_is_written(
    app: Litestar, http: httpx.AsyncClient, container: Container, auditor: Auditor, method: str
) -> None:
    sent = 0
    for field in text_fields(app):
        if "/auth/" in field.route or field.method != method:
            continue
        desk = await open_desk(container)
        owner = await sign_in(http, desk)
        ids = await _ids(desk, owner)
        refused, listed = {}, []
        for kind, text in field.strings().items():
            if field.operation.endswith("/void"):
                ids = Ids(**{**vars(ids), "entry": (await desk.add(ids.client, 100)).id})
            answer = await _send(owner, field, ids, text)
            sent += 1
            assert _fits(field, kind, answer), (field, kind, answer.status_code, answer.text[:500])
            if answer.status_code >= 400:
                refused[kind] = text
            elif field.name not in SECRETS:
                kept = as_kept(field, text)
                assert kept in strings_in(answer.json()), (field, kind, answer.text)
                if field.operation in LISTED:
                    listed.append(kept)
                    assert method == "POST" or kept in [text async for text in _all_pages(owner, "/v1/staff")]
                else:
                    assert kept in strings_in(await owner.get(_where(field, ids, answer))), (field, kind)
                if field.operation == "POST /v1/webhook-endpoints":  # a shop has few
                    await owner.delete(f"{field.route}/{answer.json()['id']}")
        if listed and method == "POST":
            assert set(listed) <= {text async for text in _all_pages(owner, LISTED[field.operation])}, field
        async with auditor.changes_nothing(desk):
            for kind, text in refused.items():
                assert (await _send(owner, field, ids, text)).status_code in {400, 413, 422}, (field, kind)
    print(f"{sent} hostile strings")  # noqa: T201  # the figure


def _where(field: Field, ids: Ids, answer: httpx.Response) -> str:
    """Where what was sent is to be seen again."""
    if field.method == "PATCH":
        return field.template.url(ids)
    return READ_BACK.get(field.operation, field.route + "/{id}").format(id=answer.json()["id"])


async def _all_pages(owner: Counter, path: str) -> AsyncIterator[str]:
    cursor: dict[str, str] | None = {}
    while cursor is not None:
        shown = await owner.get(path, limit=100, **cursor)
        for text in strings_in(shown):
            yield text
        cursor = {"cursor": shown["next_cursor"]} if shown["next_cursor"] else None


def _fits(field: Field, kind: str, answer: httpx.Response) -> bool:
    if answer.status_code in {200, 201}:
        return field.keeps(kind) or not field.is_free
    problem = answer.json()
    if field.is_free and field.keeps(kind):
        return False
    return (answer.status_code, problem["code"]) in {
        (400, "malformed_request"),
        (413, "payload_too_large"),
        (422, "validation_failed"),
    }


@pytest.mark.parametrize("field", ["shop", "email", "password"])
async def test_signing_in_with_hostile_text_is_refused_like_any_other(door: Door, desk: Desk, field: str) -> None:
    for kind, text in {**KEPT, **ONE_LINE_ONLY, **REFUSED}.items():
        body = {"shop": desk.slug, "email": f"{uuid4().hex}@example.com", "password": PASSWORD, field: text}
        async with door.http(an_address()) as http:
            answer = await http.post(
                SIGN_IN, content=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
            )
        assert answer.status_code in {400, 401, 413, 422}, (kind, answer.text)
        assert answer.status_code != 401 or kind in KEPT or field == "password", (kind, answer.text)


@pytest.mark.parametrize("path", ["/v1/auth/refresh", "/v1/auth/sign-out"])
async def test_a_token_of_hostile_text_is_none(http: httpx.AsyncClient, path: str) -> None:
    for kind, text in {**KEPT, **ONE_LINE_ONLY, **REFUSED}.items():
        content = json.dumps({"refresh_token": text}).encode()
        answer = await http.post(path, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 401, 413, 422}, (kind, answer.text)


async def test_clients_are_found_by_hostile_text_and_nothing_breaks(owner: Counter) -> None:
    for kind, text in KEPT.items():
        made = await owner.post("/v1/clients", {"name": text})
        found = await owner.get("/v1/clients", q=text, limit=100)
        assert made["id"] in [client["id"] for client in found["items"]], kind
        await owner.delete(f"/v1/clients/{made['id']}")
    for kind, text in {**REFUSED, **ONE_LINE_ONLY}.items():
        if (
            kind in {"empty", "blank", "hard blank"} or len(text) > 10_000
        ):  # no filter; no address for the test's client
            continue
        query = text.encode("utf-8", "surrogatepass")
        answer = await owner.request("GET", "/v1/clients?q=" + "".join(f"%{byte:02x}" for byte in query))
        assert answer.status_code in {400, 422}, kind


async def test_normalising_holds_nobody_up(http: httpx.AsyncClient, owner: Counter) -> None:
    marks = "".join(f"%{byte:02x}" for byte in (COMBINING * 5000).encode())
    started = time.process_time()
    for counter, method, path in (
        (owner, "GET", f"/v1/clients?q={marks}"),
        (Counter(http), "POST", f"/v1/auth/sign-in?q={marks}"),
    ):
        answer = await counter.request(method, path, {} if method == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")
    assert time.process_time() - started < 1


# Out again as CSV.


def would_be_a_formula(cell: str) -> bool:
    """As a generous spreadsheet sees it: what does not show or is blank does not count, and every width is the same."""
    seen = "".join(each for each in cell if unicodedata.category(each) not in {"Cf", "Zs", "Cc"})
    return unicodedata.normalize("NFKC", seen)[:1] in set("=+-@") or cell[:1] in set("\t\r\n")


async def test_the_csv_is_read_back_exactly_and_no_cell_is_a_formula(owner: Counter, desk: Desk) -> None:
    client = await desk.client()
    texts = {**KEPT, **ONE_LINE_ONLY}
    expected = []
    for kind, text in texts.items():
        name = KEPT.get(kind, "plain")
        await owner.patch(f"/v1/staff/{desk.owner.credential.id}", {"name": name})
        lines = [{"description": "Work", "quantity": 1, "unit_price": 100}]
        number = {"number": name} if kind in KEPT else {}
        invoice = await owner.post("/v1/invoices", {"client_id": str(client), "lines": lines, **number})
        body = {"reason": "goodwill", "amount": 1, "note": text, "invoice_id": invoice["id"]}
        entry = await owner.post(f"/v1/clients/{client}/credit/entries", body)
        assert (entry["by"]["name"], entry["invoice_number"]) == (invoice_name(name), invoice["number"])
        expected.append((entry["note"], entry["by"]["name"], entry["invoice_number"]))
    for path in (f"/v1/clients/{client}/credit/entries.csv", "/v1/credit/entries.csv"):
        answer = await owner.request("GET", path)
        header, *rows = csv.reader(io.StringIO(answer.text, newline=""))
        cells = [
            [dict(zip(header, row, strict=True))[name] for name in ("note", "by", "invoice_number")] for row in rows
        ]
        assert len(cells) == len(expected)
        for row, originals in zip(cells, expected, strict=True):
            for cell, original in zip(row, originals, strict=True):
                assert not would_be_a_formula(cell), cell
                assert cell == (f"'{original}" if would_be_a_formula(original) else original)


def invoice_name(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


# Out again as lines of the log.


@pytest.fixture(params=["json", "console"])
def log(request: pytest.FixtureRequest) -> Iterator[Callable[[], list[str]]]:
    """What the program writes to its log in that format."""
    chosen: LogFormat = request.param
    with written_log(chosen) as written:
        yield lambda: written.getvalue().split("\n")[:-1]


async def test_an_event_is_one_line_and_holds_nothing_that_was_typed(
    log: Callable[[], list[str]], door: Door, http: httpx.AsyncClient, owner: Counter, desk: Desk
) -> None:
    client: ClientId = await desk.client()
    canary = f"canary{uuid4().hex[:8]}"
    hostile = [canary + text for text in ({**KEPT, **ONE_LINE_ONLY, **REFUSED}).values() if len(text) < 2000]
    before = len(log())
    for text in hostile:
        content = json.dumps({"reason": "goodwill", "amount": 1, "note": text}).encode()
        raw = text.encode("utf-8", "surrogatepass")
        headers = [
            (b"authorization", f"Bearer {owner.bearer}".encode()),
            (b"content-type", b"application/json"),
            (b"idempotency-key", raw),
            (b"x-request-id", raw.removeprefix(canary.encode())),  # one that is sane is meant to be in the log
            (b"user-agent", raw),
            (b"x-forwarded-for", raw),
        ]
        await http.post(f"/v1/clients/{client}/credit/entries", content=content, headers=headers)
        await http.post("/v1/clients", content=json.dumps({"name": text}).encode(), headers=headers)
        await http.get("/v1/clients", params={"q": text.encode("utf-8", "replace")}, headers=headers)
        await http.get("/v1/" + "".join(f"%{byte:02x}" for byte in raw), headers=headers)
        body = {"shop": text, "email": f"{uuid4().hex}@example.com", "password": text}
        async with door.http(an_address()) as elsewhere:
            await elsewhere.post(SIGN_IN, content=json.dumps(body).encode(), headers=[headers[1]])
    lines = log()[before:]
    assert len(lines) >= 5 * len(hostile)
    assert [line for line in lines if canary in line] == []
    for line in lines:
        event = json.loads(line)["event"] if line.startswith("{") else line.split("]", 1)[1].split()[0]
        assert event in {"request", "sign_in_failed", "sign_in_throttled"}, line
