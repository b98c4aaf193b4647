"""Webhooks as a shop and its receivers see them: made over the API, sent by the worker, verified with the secret."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import jsonschema_rs
import pytest
from click.testing import CliRunner, Result
from dependency_injector import providers
from standardwebhooks import Webhook, WebhookVerificationError

from adapters.security.answer_seal import AesGcmSecretSeal
from adapters.security.keys import SecretKeys
from core.ids import EndpointId
from core.notices import NoticeKind
from core.staff import Permission
from core.use_cases import delivery_log
from core.use_cases.reseal_secrets import Resealed
from core.webhook_views import NewWebhookEndpointView
from core.webhooks import secret_context, shown_secret
from entrypoints.cli import main
from entrypoints.container import Container, running
from entrypoints.resealing import keep_sealed
from entrypoints.web_container import staff_api_app
from entrypoints.worker import worker_of
from ports.security import SealBroken
from tests.database import Database
from tests.desk import Desk, SetClock, container_for, open_desk
from tests.entrypoints.counter import Counter, sign_in
from tests.soundness import outcomes
from tests.webhook_receivers import Request, WebhookReceiver, answering, receiving

Json = dict[str, Any]
KINDS = [kind.value for kind in NoticeKind]
ENDPOINTS = "/v1/webhook-endpoints"


@dataclass
class Office:
    """A shop with a receiver of its own, and the worker beside it."""

    container: Container
    clock: SetClock
    superuser: asyncpg.Connection[asyncpg.Record]
    desk: Desk
    owner: Counter
    receiver: WebhookReceiver

    async def endpoint(self, **other: Any) -> Json:
        made: Json = await self.owner.post(ENDPOINTS, {"url": self.receiver.url, "kinds": KINDS, **other})
        return made

    async def work(self) -> list[Request]:
        """Have the worker send what is due; what came in meanwhile."""
        before = len(self.receiver.got)
        await worker_of(self.container).once()
        return self.receiver.got[before:]

    async def log(self, endpoint: Json, **query: Any) -> list[Json]:
        page = await self.owner.get(f"{ENDPOINTS}/{endpoint['id']}/deliveries", **query)
        items: list[Json] = page["items"]
        return items

    def desk_day(self, moment: datetime) -> date:
        """The day of that moment at the shop."""
        return moment.astimezone(ZoneInfo("America/Chicago")).date()

    async def row(self, endpoint: Json) -> asyncpg.Record:
        row = await self.superuser.fetchrow("SELECT * FROM webhook_endpoints WHERE id = $1", endpoint["id"])
        assert row is not None
        return row


@pytest.fixture(scope="module")
async def alone(database: Database) -> AsyncIterator[Database]:
    """The worker goes over all shops of a database, so these have one of their own."""
    async with database.fresh() as alone:
        yield alone


@asynccontextmanager
async def an_office(database: Database, **settings: object) -> AsyncIterator[Office]:
    container = container_for(database, webhooks_to_private_addresses=True, **settings)
    clock = SetClock()
    container.clock.override(providers.Object(clock))
    superuser = await asyncpg.connect(database.superuser_url)
    try:
        async with running(container), receiving(answering(body=b"thanks")) as receiver:
            # What another test left is not this one's.
            await superuser.execute("UPDATE outbox SET due_at = NULL")
            await superuser.execute("UPDATE delivery_lanes SET due_at = NULL, claim = NULL")
            transport = httpx.ASGITransport(app=staff_api_app(container))  # type: ignore[arg-type]  # its own ASGI types
            async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as http:
                desk = await open_desk(container)
                # A key, since access tokens would end when the clock is moved.
                all_permissions = {"name": "office", "permissions": list(Permission)}
                key = (await (await sign_in(http, desk)).post("/v1/api-keys", all_permissions))["key"]
                yield Office(container, clock, superuser, desk, Counter(http, key), receiver)
    finally:
        await superuser.close()


@pytest.fixture
async def office(alone: Database) -> AsyncIterator[Office]:
    async with an_office(alone) as office:
        yield office


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def verified(secret: str, request: Request) -> Json:
    """As the specification's package verifies it."""
    said: Json = Webhook(secret).verify(request.body, request.headers)
    return said


# What arrives.


async def test_every_kind_arrives_signed_and_as_it_is_documented(office: Office) -> None:
    document = (await office.owner.http.get("/openapi.json")).json()
    endpoint, desk = await office.endpoint(), office.desk
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    added = await desk.add(client, 500, note="a private matter")
    credit = await desk.apply(invoice)
    cash = await desk.pay(invoice, 600, overpayment="capture", reference="check 7")
    for payment in (credit, cash):
        await desk.delete(payment.id)
    await desk.void(added.id)
    await desk.delete_client(client)
    got = await office.work()
    told = [verified(endpoint["secret"], request) for request in got]
    assert {each["type"] for each in told} == set(KINDS)
    assert [each["data"]["entry"]["number"] for each in told if "entry" in each["data"]] == [1, 2, 3, 4, 5, 6]
    for request, each in zip(got, told, strict=True):
        assert jsonschema_rs.is_valid(schema_of(document, each["type"]), each, validate_formats=True), each
        others = [kind for kind in KINDS if jsonschema_rs.is_valid(schema_of(document, kind), each)]
        assert others == [each["type"]]
        assert each["data"]["shop_id"] == str(desk.shop_id)
        assert len(request.body) < 1000
        assert b"private" not in request.body
        assert b"check 7" not in request.body
        for name, header in headers_of(document, each["type"]).items():
            assert jsonschema_rs.is_valid(header, request.headers[name], validate_formats=True)


def operation_of(document: Json, kind: str) -> Json:
    described: Json = document["webhooks"][kind]["post"]
    return described


def schema_of(document: Json, kind: str) -> Json:
    media = operation_of(document, kind)["requestBody"]["content"]["application/json"]
    return {**media["schema"], "components": document["components"]}


def headers_of(document: Json, kind: str) -> dict[str, Json]:
    return {each["name"]: each["schema"] for each in operation_of(document, kind)["parameters"]}


async def test_the_document_describes_each_kind_with_an_example(office: Office) -> None:
    document = (await office.owner.http.get("/openapi.json")).json()
    assert list(document["webhooks"]) == KINDS
    names = set()
    for kind in KINDS:
        described = operation_of(document, kind)
        names.add(described["operationId"])
        example = described["requestBody"]["content"]["application/json"]["example"]
        jsonschema_rs.validate(schema_of(document, kind), example, validate_formats=True)
        assert example["type"] == kind
        assert described["summary"]
    assert len(names) == len(KINDS)


async def test_only_what_was_chosen_arrives_and_another_shop_hears_nothing(office: Office) -> None:
    await office.endpoint(kinds=["payment.recorded"])
    other = await open_desk(office.container)
    for desk in (office.desk, other):
        client = await desk.client()
        await desk.add(client, 500)
        await desk.apply(await desk.invoice(client, 1000))
    [request] = await office.work()
    said = json.loads(request.body)
    assert (said["type"], said["data"]["shop_id"]) == ("payment.recorded", str(office.desk.shop_id))


# Secrets.


async def test_a_secret_is_shown_once_and_no_table_holds_it(office: Office) -> None:
    key = uuid4().hex
    body = {"url": office.receiver.url, "kinds": KINDS}
    first = await office.owner.request("POST", ENDPOINTS, body, key=key)
    again = await office.owner.request("POST", ENDPOINTS, body, key=key)
    assert (first.status_code, first.content) == (201, again.content)
    assert again.headers["idempotency-replayed"] == "true"
    endpoint = first.json()
    secret = endpoint["secret"]
    assert len(b64decode(secret.removeprefix("whsec_"))) == 32
    shown = await office.owner.get(f"{ENDPOINTS}/{endpoint['id']}")
    assert shown == {name: value for name, value in endpoint.items() if name != "secret"}
    assert (await office.owner.get(ENDPOINTS))["items"] == [shown]
    for table in ("webhook_endpoints", "idempotency_records"):
        rows = await office.superuser.fetch(f"SELECT * FROM {table} WHERE shop_id = $1", office.desk.shop_id)  # noqa: S608
        held = [value for row in rows for value in row.values() if isinstance(value, str | bytes)]
        assert held
        for value in held:
            raw = value.encode() if isinstance(value, str) else value
            assert b64decode(secret.removeprefix("whsec_")) not in raw
            assert secret.removeprefix("whsec_").encode() not in raw


async def test_after_a_rotation_both_secrets_verify_for_a_day(office: Office) -> None:
    endpoint, client = await office.endpoint(), await office.desk.client()
    path = f"{ENDPOINTS}/{endpoint['id']}/rotate-secret"
    old, new = endpoint["secret"], (await office.owner.post(path, status=200))["secret"]
    assert old != new

    async def told() -> Request:
        await office.desk.add(client, 100)
        [request] = await office.work()
        return request

    request = await told()
    assert verified(old, request) == verified(new, request)
    office.clock.forward(timedelta(hours=25))
    await office.desk.add(client, 100)
    [request] = await office.work()
    # The package looks at the real clock.
    assert request.headers["webhook-signature"].count("v1,") == 1
    office.clock.reset()
    key = uuid4().hex
    newest = (await office.owner.post(path, status=200, key=key))["secret"]
    # Nobody saw the answer: asked again, it is the same, and no further rotation.
    assert (await office.owner.post(path, status=200, key=key))["secret"] == newest
    request = await told()
    assert verified(new, request) == verified(newest, request)
    with pytest.raises(WebhookVerificationError):
        verified(old, request)


async def test_the_snippet_of_the_page_for_receivers_does_what_it_says(office: Office) -> None:
    page = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
    [snippet] = re.findall(r"```python\n(.+?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(snippet, names)  # noqa: S102  # our own page
    verify = names["verify"]
    endpoint = await office.endpoint()
    await office.desk.add(await office.desk.client(), 100)
    await office.owner.post(f"{ENDPOINTS}/{endpoint['id']}/rotate-secret", status=200)
    [request] = await office.work()
    verify(endpoint["secret"], request.headers, request.body)
    now = int(request.headers["webhook-timestamp"])
    for headers, body in (
        (request.headers, request.body.replace(b"100", b"900", 1)),
        ({**request.headers, "webhook-id": str(uuid4())}, request.body),
        ({**request.headers, "webhook-timestamp": str(now + 1)}, request.body),
    ):
        with pytest.raises(ValueError, match="not from Account Credit"):
            verify(endpoint["secret"], headers, body)
    office.clock.forward(timedelta(minutes=6))
    await office.desk.add(await office.desk.client(), 100)
    [early] = await office.work()
    with pytest.raises(ValueError, match="too old, or your clock is wrong"):
        verify(endpoint["secret"], early.headers, early.body)


# Endpoints.


async def test_an_endpoint_is_made_changed_and_deleted(office: Office) -> None:
    made = await office.endpoint(kinds=["credit.added", "client.deleted", "credit.added"], description="Books")
    assert (made["on"], made["description"], made["kinds"]) == (True, "Books", ["credit.added", "client.deleted"])
    path = f"{ENDPOINTS}/{made['id']}"
    changed = await office.owner.patch(path, {"kinds": ["payment.deleted"], "description": None})
    assert (changed["kinds"], changed["description"], changed["url"]) == (["payment.deleted"], None, made["url"])
    moved = await office.owner.patch(path, {"url": made["url"] + "2"})
    assert moved == {**changed, "url": made["url"] + "2"}
    assert await office.owner.patch(path, {}) == moved
    await office.owner.delete(path)
    for method, below in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/deliveries"), ("POST", "/resend")):
        body = {"from": "2026-01-01"} if below == "/resend" else {} if method == "PATCH" else None
        assert problem(await office.owner.request(method, path + below, body)) == (404, "not_found")
    row = await office.row(made)
    assert (row["secret"], row["previous_secret"]) == (b"", None)


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"url": "http://93.184.215.14/"}, {"url": "must begin with https://"}),
        ({"url": "https://127.0.0.1/"}, {"url": "must not lead to an address that is not on the open Internet"}),
        ({"url": "https://localhost/"}, {"url": "must not lead to an address that is not on the open Internet"}),
        ({"url": "https://[::1]:8443/"}, {"url": "must not lead to an address that is not on the open Internet"}),
        ({"url": "https://2130706433/"}, {"url": "must spell an IP address as four numbers with dots, or in IPv6"}),
        ({"url": ""}, {"url": "must have at least 1 character"}),
        ({"url": None}, {"url": "must not be null"}),
        ({"kinds": []}, {"kinds": "must have at least 1 item"}),
        ({"kinds": ["credit.stolen"]}, {"kinds": f"must be one of: {', '.join(KINDS)}"}),
        ({"kinds": None}, {"kinds": "must not be null"}),
        ({"secret": "whsec_mine"}, {"secret": "is not known here"}),
    ],
)
async def test_what_cannot_be_an_endpoint_is_said_field_by_field(
    owner: Counter, change: Json, errors: dict[str, str]
) -> None:
    good = {"url": "https://93.184.215.14/hooks", "kinds": ["credit.added"]}
    endpoint = await owner.post(ENDPOINTS, good)
    path = f"{ENDPOINTS}/{endpoint['id']}"
    for answer in (
        await owner.request("POST", ENDPOINTS, {**good, **change}),
        await owner.request("PATCH", path, change),
    ):
        assert problem(answer) == (422, "validation_failed")
        assert {each["field"]: each["message"] for each in answer.json()["errors"]} == errors
    assert len((await owner.get(ENDPOINTS))["items"]) == 1


async def test_a_shop_has_20_endpoints_at_most_also_when_two_come_at_once(office: Office) -> None:
    for _ in range(19):
        await office.desk.endpoint()
    made = [result for result in await outcomes(*(office.desk.endpoint() for _ in range(5))) if is_made(result)]
    assert len(made) == 1
    refused = await office.owner.request("POST", ENDPOINTS, {"url": office.receiver.url, "kinds": KINDS})
    assert (problem(refused), refused.json()["most"]) == ((409, "too_many_endpoints"), 20)
    pages = await office.owner.get(ENDPOINTS, limit=15)
    more = await office.owner.get(ENDPOINTS, limit=15, cursor=pages["next_cursor"])
    ids = [each["id"] for each in pages["items"] + more["items"]]
    assert (len(ids), ids, more["next_cursor"]) == (20, sorted(ids), None)
    await office.owner.delete(f"{ENDPOINTS}/{ids[0]}")
    await office.endpoint()


def is_made(result: object) -> bool:
    return isinstance(result, NewWebhookEndpointView)


# The log, and sending again.


async def test_the_log_says_what_was_sent_when_and_what_was_answered(office: Office) -> None:
    endpoint, client = await office.endpoint(), await office.desk.client()
    added = await office.desk.add(client, 500)
    [request] = await office.work()
    [sent] = await office.log(endpoint)
    assert sent["latest_attempts"][0].pop("duration_ms") < 60_000
    [attempt] = sent["latest_attempts"]
    assert (attempt["number"], attempt["accepted"], attempt["answer"]) == (1, True, "200 OK thanks")
    assert attempt["at"] == sent["settled_at"]
    assert {name: sent[name] for name in ("channel", "endpoint_id", "client_id", "notice_id", "kind", "state")} == {
        "channel": "webhook",
        "endpoint_id": endpoint["id"],
        "client_id": str(client),
        "notice_id": request.headers["webhook-id"],
        "kind": "credit.added",
        "state": "delivered",
    }
    assert (sent["attempts"], sent["next_attempt_at"]) == (1, None)
    assert datetime.fromisoformat(sent["at"]) == added.at
    office.receiver.behave = answering("503 Service Unavailable", b"back at noon", retry_after="3600")
    await office.desk.add(client, 600)
    await office.work()
    newest, oldest = await office.log(endpoint)
    assert oldest["id"] == sent["id"]
    assert (newest["state"], newest["attempts"], newest["settled_at"]) == ("pending", 1, None)
    assert newest["latest_attempts"][0]["answer"] == "503 Service Unavailable back at noon"
    wait = datetime.fromisoformat(newest["next_attempt_at"]) - datetime.now(UTC)
    assert timedelta(minutes=50) < wait <= timedelta(hours=1)
    shown = await office.owner.get(f"{ENDPOINTS}/{endpoint['id']}")
    assert shown["on"]
    assert shown["failing_since"] is not None
    for state, expected in (("pending", [newest]), ("delivered", [oldest]), ("failed", [])):
        found = await office.log(endpoint, state=state)
        assert [each["id"] for each in found] == [each["id"] for each in expected]


async def test_the_log_of_a_client_goes_over_all_receivers_and_any_staff_member_may_read_it(office: Office) -> None:
    first, second = await office.endpoint(), await office.endpoint()
    client, other = await office.desk.client(), await office.desk.client()
    for whose in (client, client, other):
        await office.desk.add(whose, 100)
    await office.work()
    member, _ = await office.desk.hire()
    clerk = await sign_in(office.owner.http, office.desk, member.email)
    path, found, cursor = f"/v1/clients/{client}/notices", list[Json](), dict[str, str]()
    while True:
        page = await clerk.get(path, limit=1, **cursor)
        found += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert {each["endpoint_id"] for each in found} == {first["id"], second["id"]}
    assert {each["client_id"] for each in found} == {str(client)}
    notices = [each["notice_id"] for each in found]
    assert (len(found), notices) == (4, sorted(notices, reverse=True))
    assert await clerk.get(path) == {"items": found, "next_cursor": None}
    await office.owner.delete(f"{ENDPOINTS}/{first['id']}")
    assert await clerk.get(path) == {"items": found, "next_cursor": None}
    assert problem(await clerk.request("GET", f"/v1/clients/{uuid4()}/notices")) == (404, "not_found")
    assert problem(await clerk.request("GET", f"{ENDPOINTS}/{second['id']}/deliveries")) == (403, "permission_denied")
    other_log = f"/v1/clients/{other}/notices"
    assert problem(await clerk.request("GET", other_log, query=cursor)) == (400, "invalid_cursor")


async def test_410_switches_an_endpoint_off_until_staff_switch_it_on_and_ask_for_what_it_missed(office: Office) -> None:
    endpoint, client = await office.endpoint(), await office.desk.client()
    path = f"{ENDPOINTS}/{endpoint['id']}"
    office.receiver.behave = answering("410 Gone")
    await office.desk.add(client, 100)
    await office.desk.add(client, 200)
    [refused] = await office.work()
    off = await office.owner.get(path)
    assert (off["on"], off["off_reason"]) == (False, "gone")
    assert {each["state"] for each in await office.log(endpoint)} == {"failed"}
    [latest, _] = await office.log(endpoint)
    answer = await office.owner.request("POST", f"{path}/resend", {"from": "2026-01-01"})
    assert problem(answer) == (409, "endpoint_off")
    one_again = f"/v1/deliveries/{latest['id']}/resend"
    assert problem(await office.owner.request("POST", one_again)) == (409, "endpoint_off")
    office.receiver.behave = answering()
    await office.desk.add(client, 300)
    assert await office.work() == []
    on = await office.owner.patch(path, {"on": True})
    assert (on["on"], on["off_since"], on["off_reason"], on["failing_since"]) == (True, None, None, None)
    assert await office.work() == []
    today = datetime.now(UTC).date()
    days = {"from": str(today - timedelta(days=1)), "to": str(today + timedelta(days=1))}
    assert await office.owner.post(f"{path}/resend", days, status=200) == {"notices": 3}
    got = await office.work()
    told = [verified(endpoint["secret"], request) for request in got]
    assert [each["data"]["entry"]["amount"] for each in told] == [100, 200, 300]
    assert got[0].headers["webhook-id"] == refused.headers["webhook-id"]
    assert {each["state"] for each in await office.log(endpoint)} == {"delivered"}
    assert await office.owner.post(f"{path}/resend", days, status=200) == {"notices": 0}
    assert await office.work() == []


async def test_one_is_sent_again_with_the_same_id_also_after_it_was_accepted(office: Office) -> None:
    endpoint = await office.endpoint()
    await office.desk.add(await office.desk.client(), 100)
    [first] = await office.work()
    [sent] = await office.log(endpoint)
    key = uuid4().hex
    path = f"/v1/deliveries/{sent['id']}/resend"
    waiting = await office.owner.post(path, status=200, key=key)
    assert (waiting["state"], waiting["attempts"], waiting["settled_at"]) == ("pending", 1, None)
    assert await office.owner.post(path, status=200, key=key) == waiting
    [again] = await office.work()
    assert (again.body, again.headers["webhook-id"]) == (first.body, first.headers["webhook-id"])
    [sent] = await office.log(endpoint)
    assert [each["number"] for each in sent["latest_attempts"]] == [2, 1]


async def test_what_failed_for_good_is_to_be_seen_and_sent_again(office: Office) -> None:
    endpoint = await office.endpoint()
    office.receiver.behave = answering("500 Internal Server Error", b"no")
    await office.desk.add(await office.desk.client(), 100)
    for _ in range(10):
        assert len(await office.work()) == 1
        office.clock.forward(timedelta(hours=27))
        # However long it fails, this is about the notice.
        await office.superuser.execute("UPDATE webhook_endpoints SET failing_since = NULL")
    assert await office.work() == []
    [failed] = await office.log(endpoint, state="failed")
    assert (failed["attempts"], len(failed["latest_attempts"]), failed["next_attempt_at"]) == (10, 10, None)
    office.receiver.behave = answering()
    await office.owner.post(f"/v1/deliveries/{failed['id']}/resend", status=200)
    assert len(await office.work()) == 1
    [sent] = await office.log(endpoint)
    numbers = [each["number"] for each in sent["latest_attempts"]]
    assert (sent["state"], sent["attempts"], numbers) == ("delivered", 11, list(range(11, 1, -1)))


async def test_days_and_kinds_say_what_is_sent_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await office.desk.client()
    added = [await office.desk.add(client, amount) for amount in (100, 200, 300)]
    today = office.desk_day(added[0].at)  # and not when it is asked for, which may be after midnight
    await office.desk.pay(await office.desk.invoice(client, 1000), 100)
    await office.work()
    # There was no endpoint yet.
    endpoint = await office.endpoint(kinds=["credit.added"])
    path = f"{ENDPOINTS}/{endpoint['id']}/resend"

    async def resent(first: int, last: int | None = None, **other: Any) -> httpx.Response:
        days = {"from": str(today + timedelta(days=first))}
        if last is not None:
            days["to"] = str(today + timedelta(days=last))
        return await office.owner.request("POST", path, {**days, **other})

    for first, last, notices in ((-2, -1, 0), (1, None, 0), (0, None, 3)):
        answer = await resent(first, last)
        assert (answer.status_code, answer.json()) == (200, {"notices": notices}), (first, last)
    assert (await resent(0)).json() == {"notices": 0}  # they are on their way
    assert len(await office.work()) == 3
    assert (await resent(0)).json() == {"notices": 0}
    assert (await resent(0, delivered=True)).json() == {"notices": 3}
    assert len(await office.work()) == 3
    monkeypatch.setattr(delivery_log, "MOST_AT_ONCE", 2)
    refused = await resent(0, delivered=True)
    assert problem(refused) == (422, "validation_failed")
    assert refused.json()["errors"][0]["field"] == "to"
    refused = await resent(0, -1)
    assert refused.json()["errors"] == [{"field": "to", "message": "must not be before from"}]


async def test_switched_off_by_staff_nothing_more_is_sent(office: Office) -> None:
    endpoint, client = await office.endpoint(), await office.desk.client()
    office.receiver.behave = answering("500 Internal Server Error")
    for _ in range(3):
        await office.desk.add(client, 100)
    assert len(await office.work()) == 1
    path = f"{ENDPOINTS}/{endpoint['id']}"
    off = await office.owner.patch(path, {"on": False})
    assert (off["on"], off["off_reason"]) == (False, "by_staff")
    assert (await office.owner.patch(path, {"on": False}))["off_since"] == off["off_since"]
    assert [each["state"] for each in await office.log(endpoint)] == ["failed"] * 3
    office.clock.forward(timedelta(hours=1))
    await office.desk.add(client, 100)
    assert await office.work() == []
    assert len(await office.log(endpoint)) == 3
    assert (await office.row(endpoint))["tell_owner_at"] is None


async def test_a_deleted_endpoint_gets_nothing_more(office: Office) -> None:
    endpoint, client = await office.endpoint(), await office.desk.client()
    await office.desk.add(client, 100)
    office.receiver.behave = answering("500 Internal Server Error")
    await office.work()
    await office.owner.delete(f"{ENDPOINTS}/{endpoint['id']}")
    office.clock.forward(timedelta(hours=1))
    await office.desk.add(client, 100)
    assert await office.work() == []
    [failed] = (await office.owner.get(f"/v1/clients/{client}/notices"))["items"]
    assert failed["state"] == "failed"
    answer = await office.owner.request("POST", f"/v1/deliveries/{failed['id']}/resend")
    assert problem(answer) == (404, "not_found")


async def test_several_thousand_are_sent_again_by_one_request(office: Office) -> None:
    client = await office.desk.client()
    rows = [(office.desk.shop_id, office.container.fresh().id(), client) for _ in range(5000)]
    await office.superuser.executemany(
        """INSERT INTO outbox (shop_id, id, client_id, kind, at, payload)
           VALUES ($1, $2, $3, 'client.deleted', now(), '{"version": 1, "currency": "USD"}')""",
        rows,
    )
    endpoint = await office.endpoint()
    body = {"from": str(office.desk_day(datetime.now(UTC)) - timedelta(days=1))}
    assert await office.owner.post(f"{ENDPOINTS}/{endpoint['id']}/resend", body, status=200) == {"notices": 5000}


# Secret keys that change.


async def test_secrets_are_put_under_the_new_key_before_the_old_one_is_dropped(database: Database) -> None:
    old, new = SecretKeys.generate("2026a"), SecretKeys.generate("2026b")
    async with database.fresh() as alone, an_office(alone, secret_keys=old) as office:
        endpoint, forgotten = await office.endpoint(), await office.endpoint()
        secret = endpoint["secret"]
        newest = (await office.owner.post(f"{ENDPOINTS}/{endpoint['id']}/rotate-secret", status=200))["secret"]
        client = await office.desk.client()

        async def told_under(keys: str) -> list[Request]:
            container = container_for(alone, webhooks_to_private_addresses=True, secret_keys=keys)
            await office.desk.add(client, 100)
            async with running(container):
                before = len(office.receiver.got)
                await worker_of(container).once()
                return office.receiver.got[before:]

        assert len(await told_under(f"{new},{old}")) == 2
        sealed = (await office.row(forgotten))["secret"]
        container = container_for(alone, secret_keys=f"{new},{old}")
        async with running(container):
            done = await container.reseal_secrets()()
            assert (done.resealed, done.unreadable) == (2, 0)
            assert await container.reseal_secrets()() == Resealed(0, 0)
        # As if a process that had not been restarted yet had made it meanwhile.
        await office.superuser.execute(
            "UPDATE webhook_endpoints SET secret = $2 WHERE id = $1", forgotten["id"], sealed
        )
        [request] = await told_under(new)
        assert verified(secret, request) == verified(newest, request)
        [lost] = await office.log(forgotten, state="pending")
        assert lost["latest_attempts"][0]["answer"] == "The secret to sign with cannot be read. Rotate it."

        environment = {
            "ACCOUNT_CREDIT_DATABASE_URL": alone.app_url,
            "ACCOUNT_CREDIT_JOBS_DATABASE_URL": alone.jobs_url,
        }

        async def reseal(keys: str) -> Result:
            # In a thread: the command has an event loop of its own.
            settings = {**environment, "ACCOUNT_CREDIT_SECRET_KEYS": keys}
            return await asyncio.to_thread(CliRunner(env=settings).invoke, main, ["reseal"])

        told = await reseal(new)
        assert told.exit_code == 1
        assert "1 webhook endpoint " in told.stderr
        told = await reseal(f"{new},{old}")
        assert (told.exit_code, told.stdout.startswith("The secrets of 1 webhook endpoint ")) == (0, True)
        told = await reseal(new)
        assert (told.exit_code, told.stderr) == (0, "")


async def test_a_worker_puts_secrets_under_the_new_key_when_it_starts(alone: Database) -> None:
    old, new = SecretKeys.generate("2026a"), SecretKeys.generate("2026b")
    async with an_office(alone, secret_keys=old) as office:
        endpoint = await office.endpoint()
        sealed = (await office.row(endpoint))["secret"]
        container = container_for(alone, secret_keys=f"{new},{old}")
        async with running(container):
            resealing = asyncio.create_task(keep_sealed(container.reseal_secrets()))
            async with asyncio.timeout(30):
                while (await office.row(endpoint))["secret"] == sealed:
                    await asyncio.sleep(0.02)
            resealing.cancel()
            await asyncio.wait({resealing})
        context = secret_context(office.desk.shop_id, EndpointId(UUID(endpoint["id"])))
        only_new = AesGcmSecretSeal(SecretKeys.parse(new))
        opened = only_new.unseal((await office.row(endpoint))["secret"], context=context)
        assert shown_secret(opened) == endpoint["secret"]
        with pytest.raises(SealBroken):
            only_new.unseal(sealed, context=context)
