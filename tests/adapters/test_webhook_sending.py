"""Webhooks as they arrive at real receivers on loopback, good and bad, and as the independent package verifies them."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
import tracemalloc
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook, WebhookVerificationError

from adapters.notifiers.receiver_addresses import Address, ReceiverAddresses
from adapters.notifiers.webhook import WebhookNotifier
from adapters.security.answer_seal import AesGcmSecretSeal
from adapters.security.keys import SecretKeys
from core.deliveries import Delivery, EmailReceiver, WebhookReceiver
from core.ids import ClientId, DeliveryId, EndpointId, InvoiceId, NoticeId, PaymentId, ShopId
from core.ledger import EntryKind, Reason
from core.notices import Notice, NoticedEntry, NoticedPayment, NoticeKind, NoticePayload
from core.payments import PaymentMethod
from core.shop import ShopSettings
from core.webhooks import WEBHOOKS, ClientWebhook, EntryWebhook, secret_context, shown_secret, webhook_body
from ports.notifier import NotAccepted
from tests.desk import SetClock
from tests.webhook_receivers import (
    Behaviour,
    answering,
    breaking_off,
    hanging,
    pouring,
    receiving,
    slowly,
)
from tests.webhook_receivers import WebhookReceiver as RealReceiver

OLD, NEW, FOREIGN = b"o" * 32, b"n" * 32, b"f" * 32
SEAL = AesGcmSecretSeal(SecretKeys.parse(SecretKeys.generate("test")))
AT = datetime(2026, 3, 2, 15, 4, 5, 123456, tzinfo=UTC)
SHOP = ShopSettings(
    id=ShopId(uuid4()),
    name="Main Street Auto",
    slug="main-street",
    currency="USD",
    time_zone="UTC",
    quickbooks_connected=False,
)
ENTRY = NoticedEntry(
    id=uuid4(),
    number=2**63 - 1,
    kind=EntryKind.CAPTURED,
    amount=-99_999_999_999,
    balance_after=2**63 - 1,
    reason=Reason.PAYMENT_DELETED,
    invoice_id=InvoiceId(uuid4()),
    payment_id=PaymentId(uuid4()),
)
PAYMENT = NoticedPayment(
    id=PaymentId(uuid4()),
    invoice_id=InvoiceId(uuid4()),
    method=PaymentMethod.ACCOUNT_CREDIT,
    amount=2**63 - 1,
    collected=2**63 - 1,
    settled=2**63 - 1,
    captured=2**63 - 1,
    received_on=AT.date(),
)


def a_notice(kind: NoticeKind = NoticeKind.CREDIT_APPLIED) -> Notice:
    about = {EntryWebhook: {"entry": ENTRY}, ClientWebhook: {}}.get(WEBHOOKS[kind], {"payment": PAYMENT})
    payload = NoticePayload(version=1, currency="USD", **about)
    return Notice(id=NoticeId(uuid4()), client_id=ClientId(uuid4()), kind=kind, at=AT, payload=payload)


def to(url: str, *secrets: bytes, notice: Notice | None = None) -> Delivery:
    endpoint_id = EndpointId(uuid4())
    context = secret_context(SHOP.id, endpoint_id)
    sealed = tuple(SEAL.seal(secret, context=context) for secret in secrets or (NEW,))
    return Delivery(
        id=DeliveryId(uuid4()),
        notice=notice or a_notice(),
        shop=SHOP,
        receiver=WebhookReceiver(endpoint_id=endpoint_id, url=url, secrets=sealed),
        attempt=1,
    )


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def notifier(clock: SetClock) -> AsyncIterator[WebhookNotifier]:
    made = WebhookNotifier(ReceiverAddresses(private_allowed=True), SEAL, clock)
    yield made
    await made.close()


@pytest.fixture
async def hasty(clock: SetClock) -> AsyncIterator[WebhookNotifier]:
    """One with two seconds instead of fifteen."""
    made = WebhookNotifier(ReceiverAddresses(private_allowed=True), SEAL, clock, timeout_seconds=2)
    yield made
    await made.close()


async def refusal(notifier: WebhookNotifier, delivery: Delivery) -> NotAccepted:
    with pytest.raises(NotAccepted) as refused:
        await notifier.send(delivery)
    return refused.value


# What is sent, and that it is ours.


async def test_a_webhook_is_what_the_independent_package_verifies(notifier: WebhookNotifier) -> None:
    async with receiving(answering(body=b"thanks")) as receiver:
        delivery = to(receiver.url)
        assert await notifier.send(delivery) == "200 OK thanks"
    [got] = receiver.got
    notice = delivery.notice
    said = Webhook(shown_secret(NEW)).verify(got.body, got.headers)
    assert said == {
        "type": "credit.applied",
        "timestamp": "2026-03-02T15:04:05.123456Z",
        "data": {
            "version": 1,
            "shop_id": str(SHOP.id),
            "client_id": str(notice.client_id),
            "currency": "USD",
            "entry": msgspec.to_builtins(ENTRY),
        },
    }
    assert got.target == "/hooks?shop=1"
    assert got.headers["webhook-id"] == str(notice.id)
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("Account-Credit/")
    assert set(got.headers) == {
        *("host", "content-type", "content-length", "user-agent", "accept", "accept-encoding"),
        *("webhook-id", "webhook-timestamp", "webhook-signature"),
    }


async def test_who_changes_a_byte_is_found_out(notifier: WebhookNotifier) -> None:
    async with receiving(answering()) as receiver:
        await notifier.send(to(receiver.url))
    [got] = receiver.got
    verifier = Webhook(shown_secret(NEW))

    def is_refused(body: bytes, headers: dict[str, str]) -> bool:
        try:
            verifier.verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError):  # ValueError: no longer text, or no longer base64
            return True
        return False

    assert not is_refused(got.body, got.headers)
    for place in range(len(got.body)):
        assert is_refused(got.body[:place] + bytes([got.body[place] ^ 1]) + got.body[place + 1 :], got.headers)
    assert is_refused(got.body + b" ", got.headers)
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        value = got.headers[name]
        for place in range(len(value)):
            other = value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
            if b64_of(other) != b64_of(value) or name != "webhook-signature":
                assert is_refused(got.body, {**got.headers, name: other}), (name, place)
        assert is_refused(got.body, {key: kept for key, kept in got.headers.items() if key != name})
    late = str(int(got.headers["webhook-timestamp"]) + 1)
    assert is_refused(got.body, {**got.headers, "webhook-timestamp": late})
    with pytest.raises(WebhookVerificationError):
        Webhook(shown_secret(FOREIGN)).verify(got.body, got.headers)


def b64_of(signature: str) -> bytes | str:
    """What a signature says: the last character of base64 has bits that say nothing."""
    version, _, encoded = signature.partition(",")
    try:
        return version.encode() + b64decode(encoded, validate=True)
    except ValueError:
        return signature


async def test_for_a_while_after_a_rotation_the_old_and_the_new_secret_verify(notifier: WebhookNotifier) -> None:
    async with receiving(answering()) as receiver:
        await notifier.send(to(receiver.url, NEW, OLD))
        await notifier.send(to(receiver.url, NEW))
    both, new_only = receiver.got
    assert both.headers["webhook-signature"].count("v1,") == 2
    for secret in (OLD, NEW):
        Webhook(shown_secret(secret)).verify(both.body, both.headers)
    Webhook(shown_secret(NEW)).verify(new_only.body, new_only.headers)
    for got, secret in ((both, FOREIGN), (new_only, OLD)):
        with pytest.raises(WebhookVerificationError):
            Webhook(shown_secret(secret)).verify(got.body, got.headers)


async def test_a_secret_that_cannot_be_opened_signs_nothing(clock: SetClock) -> None:
    """Its key was dropped from the list, or somebody put it at another endpoint."""
    other_keys = AesGcmSecretSeal(SecretKeys.parse(SecretKeys.generate("other")))
    made = WebhookNotifier(ReceiverAddresses(private_allowed=True), other_keys, clock)
    own = WebhookNotifier(ReceiverAddresses(private_allowed=True), SEAL, clock)
    async with receiving(answering()) as receiver:
        delivery = to(receiver.url)
        elsewhere = msgspec.structs.replace(delivery.receiver, endpoint_id=EndpointId(uuid4()))
        for notifier, sent in ((made, delivery), (own, msgspec.structs.replace(delivery, receiver=elsewhere))):
            refused = await refusal(notifier, sent)
            assert refused.answer == "The secret to sign with cannot be read. Rotate it."
    assert receiver.got == []


async def test_a_repeat_has_the_same_id_and_the_same_bytes_and_a_signature_of_its_own_time(
    notifier: WebhookNotifier, clock: SetClock
) -> None:
    async with receiving(answering()) as receiver:
        delivery = to(receiver.url)
        await notifier.send(delivery)
        clock.forward(timedelta(hours=14))
        await notifier.send(msgspec.structs.replace(delivery, attempt=8))
    first, again = receiver.got
    assert (first.body, first.headers["webhook-id"]) == (again.body, again.headers["webhook-id"])
    later = int(again.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"])
    assert 14 * 3600 <= later < 14 * 3600 + 60
    assert first.headers["webhook-signature"] != again.headers["webhook-signature"]


@pytest.mark.parametrize("kind", NoticeKind)
def test_every_kind_is_far_below_20_kb(kind: NoticeKind) -> None:
    """With every number at its largest: nothing in it can be longer, since there is no text that somebody typed."""
    assert len(webhook_body(a_notice(kind), shop_id=SHOP.id)) < 1000


def test_nothing_that_somebody_types_is_in_a_webhook() -> None:
    def texts(kind: object) -> Iterator[str]:
        for field in msgspec.structs.fields(kind):  # type: ignore[arg-type]  # only of structs
            for each in (field.type, *getattr(field.type, "__args__", ())):
                if each is str:
                    yield field.name
                elif isinstance(each, type) and issubclass(each, msgspec.Struct):
                    yield from texts(each)

    assert {name for kind in WEBHOOKS.values() for name in texts(kind)} <= {"currency"}


async def test_only_webhooks_are_sent(notifier: WebhookNotifier) -> None:
    by_email = msgspec.structs.replace(to(""), receiver=EmailReceiver(address="pat@example.com", client_name="Pat"))
    with pytest.raises(TypeError):
        await notifier.send(by_email)


# What receivers do to us.


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 No Content", "299 Whatever"])
async def test_every_2xx_accepts(notifier: WebhookNotifier, status: str) -> None:
    async with receiving(answering(status)) as receiver:
        assert await notifier.send(to(receiver.url)) == status


@pytest.mark.parametrize(
    "status",
    [
        *("300 Multiple Choices", "304 Not Modified", "400 Bad Request", "401 Unauthorized", "404 Not Found"),
        *("409 Conflict", "418 I'm a teapot", "429 Too Many Requests", "500 Internal Server Error"),
        *("502 Bad Gateway", "503 Service Unavailable", "599 Whatever"),
    ],
)
async def test_everything_else_does_not(notifier: WebhookNotifier, status: str) -> None:
    said = b"" if status.startswith("304") else b"not today"
    async with receiving(answering(status, said)) as receiver:
        refused = await refusal(notifier, to(receiver.url))
    assert refused.answer == f"{status} {said.decode()}".strip()
    assert (refused.gone, refused.for_good, refused.retry_after_seconds) == (False, False, None)


async def test_410_says_that_the_receiver_is_gone(notifier: WebhookNotifier) -> None:
    async with receiving(answering("410 Gone")) as receiver:
        assert (await refusal(notifier, to(receiver.url))).gone


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect"])
async def test_no_redirect_is_followed(notifier: WebhookNotifier, status: str) -> None:
    async with receiving(answering()) as elsewhere, receiving(answering(status, location=elsewhere.url)) as receiver:
        refused = await refusal(notifier, to(receiver.url))
    assert refused.answer == status
    assert (len(receiver.got), elsewhere.connections) == (1, 0)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("99999999999999999999", 9999999999),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("\u0661", None),
        ("", None),
        ("Mon, 02 Mar 2026 15:00:00 +9999", None),
    ],
)
async def test_retry_after_in_seconds_is_heeded(notifier: WebhookNotifier, said: str, seconds: float | None) -> None:
    latin = said.encode().decode("latin-1")
    async with receiving(answering("503 Service Unavailable", retry_after=latin)) as receiver:
        assert (await refusal(notifier, to(receiver.url))).retry_after_seconds == seconds


async def test_retry_after_as_a_date_is_heeded(notifier: WebhookNotifier, clock: SetClock) -> None:
    for ahead, seconds in ((timedelta(hours=1), 3600), (timedelta(hours=-1), 0)):
        date = format_datetime(clock.now() + ahead, usegmt=True)
        async with receiving(answering("429 Too Many Requests", retry_after=date)) as receiver:
            said = (await refusal(notifier, to(receiver.url))).retry_after_seconds
        assert said is not None
        assert seconds - 60 < said <= seconds


async def test_a_slow_receiver_is_waited_for(notifier: WebhookNotifier) -> None:
    async with receiving(slowly(1.2)) as receiver:
        assert await notifier.send(to(receiver.url)) == "200 OK"


async def test_a_hanging_receiver_is_given_up_after_15_seconds() -> None:
    made = WebhookNotifier(ReceiverAddresses(private_allowed=True), SEAL, SetClock())
    async with receiving(hanging()) as receiver:
        began = time.monotonic()
        refused = await refusal(made, to(receiver.url))
        assert 14.5 <= time.monotonic() - began <= 30
        assert refused.answer == "No answer within 15 seconds."
        # It does not hang on to us.
        async with asyncio.timeout(5):
            await receiver.hung_up_on.wait()
    await made.close()


@pytest.mark.parametrize(
    "behave",
    [
        hanging(),
        hanging(after=b"HTTP/1.1 200"),
        hanging(after=b"HTTP/1.1 200 OK\r\nx: "),
        hanging(after=b"HTTP/1.1 100 Continue\r\n\r\n"),
        pouring(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["silent", "half a status", "half a header", "go on", "go on for ever"],
)
async def test_whatever_never_becomes_an_answer_is_given_up(hasty: WebhookNotifier, behave: Behaviour) -> None:
    async with receiving(behave) as receiver:
        assert (await refusal(hasty, to(receiver.url))).answer == "No answer within 2 seconds."
        async with asyncio.timeout(5):
            await receiver.hung_up_on.wait()


async def test_who_hangs_keeps_nobody_else_waiting(notifier: WebhookNotifier) -> None:
    async with receiving(hanging()) as bad, receiving(answering()) as good:
        waiting = [asyncio.ensure_future(notifier.send(to(bad.url))) for _ in range(100)]
        assert await asyncio.gather(*(notifier.send(to(good.url)) for _ in range(100))) == ["200 OK"] * 100
        assert not any(each.done() for each in waiting)
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)


async def test_nobody_there(notifier: WebhookNotifier) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        assert (await refusal(notifier, to(url))).answer == "No connection could be made."


@pytest.mark.parametrize(
    ("behave", "answer"),
    [
        (breaking_off(), "The connection was closed before there was an answer."),
        (breaking_off(b"HTTP/1.1 200 O"), "The connection was closed before there was an answer."),
        (breaking_off(b"HTTP/1.1 200 OK\r\ncontent-le"), "The connection was closed before there was an answer."),
        (breaking_off(b"SSH-2.0-OpenSSH_9.9\r\n"), "The answer is not one of HTTP."),
        (breaking_off(b"HTTP/1.1 ok\r\n\r\n"), "The answer is not one of HTTP."),
        (breaking_off(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"), "The answer is not one of HTTP."),
        (breaking_off(b"\x15\x03\x01\x00\x02\x02\x16"), "The answer is not one of HTTP."),
        (breaking_off(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000), "The answer is not one of HTTP."),
        (breaking_off(b"HTTP/1.1 200 " + b"y" * 100_000), "The answer is not one of HTTP."),
    ],
)
async def test_what_is_no_answer_is_not_accepted(notifier: WebhookNotifier, behave: Behaviour, answer: str) -> None:
    async with receiving(behave) as receiver:
        assert (await refusal(notifier, to(receiver.url))).answer == answer


@pytest.mark.parametrize(
    "behave",
    [
        breaking_off(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"),
        breaking_off(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nff"),
        hanging(after=b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"),
    ],
    ids=["closed half way", "closed in a chunk", "hanging half way"],
)
async def test_who_says_200_has_accepted_whatever_becomes_of_the_rest(
    notifier: WebhookNotifier, behave: Behaviour
) -> None:
    began = time.monotonic()
    async with receiving(behave) as receiver:
        assert await notifier.send(to(receiver.url)) == "200 OK half"
    assert time.monotonic() - began < 14


@pytest.mark.parametrize(
    "behave",
    [
        pouring(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n", b"y" * 10_000, times=1000),
        pouring(b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 65536),
        pouring(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"64\r\n" + b"y" * 100 + b"\r\n"),
    ],
    ids=["10 MB", "endless", "endless chunks"],
)
async def test_of_a_long_answer_only_the_beginning_is_read(notifier: WebhookNotifier, behave: Behaviour) -> None:
    async with receiving(behave) as receiver:
        await notifier.send(to(receiver.url))  # so that what is made once is not counted
        tracemalloc.start()
        try:
            answer = await notifier.send(to(receiver.url))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert receiver.connections == 2
    assert answer == "200 OK " + "y" * (1000 - len("200 OK "))
    assert peak < 2_000_000


@pytest.mark.parametrize(
    "part", [b"x: " + b"y" * 1000 + b"\r\n", b"x: y\r\n" * 1000, b"y" * 65536], ids=["many long", "many short", "one"]
)
async def test_endless_headers_end_with_us(notifier: WebhookNotifier, part: bytes) -> None:
    async with receiving(pouring(b"HTTP/1.1 200 OK\r\n", part)) as receiver:
        tracemalloc.start()
        try:
            refused = await refusal(notifier, to(receiver.url))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        async with asyncio.timeout(5):
            await receiver.hung_up_on.wait()
    assert refused.answer == "The answer is not one of HTTP."  # and not that there was none in time
    assert peak < 2_000_000


async def test_the_excerpt_is_one_printable_line(notifier: WebhookNotifier) -> None:
    hostile = "a\r\n\tb\x00c\x1b[31md\u202ee\u2028f\ud7ffg\ufeff".encode() + b"\xff\xfe" + "h\u00e9".encode()
    async with receiving(answering("500 N\x1b[31mo", hostile)) as receiver:
        answer = (await refusal(notifier, to(receiver.url))).answer
    assert answer == "500 N[31mo a bc[31mde f\ud7ffg\ufffd\ufffdh\u00e9".replace("\ud7ff", "")
    assert answer.isprintable()


async def test_a_compressed_answer_is_not_unpacked(notifier: WebhookNotifier) -> None:
    async with receiving(answering(body=b"\x1f\x8b\x08\x00not gzip", content_encoding="gzip")) as receiver:
        assert (await notifier.send(to(receiver.url))).startswith("200 OK")


async def test_cookies_and_proxies_of_the_environment_are_nothing_to_us(
    notifier: WebhookNotifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    async with receiving(answering(set_cookie="a=b; Path=/")) as receiver:
        for _ in range(2):
            await notifier.send(to(receiver.url))
    assert [got.headers.get("cookie") for got in receiver.got] == [None, None]


async def test_a_connection_serves_again_and_is_not_kept_long(notifier: WebhookNotifier) -> None:
    async with receiving(answering(body=b"thanks")) as receiver:
        for _ in range(50):
            await notifier.send(to(receiver.url))
        made = receiver.connections
        assert made < 10  # one, where the machine is not busy with something else for seconds
        await asyncio.sleep(2.5)
        await notifier.send(to(receiver.url))
        assert receiver.connections == made + 1


# Where it goes.


def guarded(trusting: ssl.SSLContext, *answers: Sequence[str]) -> tuple[WebhookNotifier, list[str]]:
    """A notifier to which 127.0.0.2 is the open Internet, and the names that were looked up. Each lookup gets the next
    answer, the last one again and again.
    """
    asked: list[str] = []

    async def lookup(name: str) -> Sequence[str]:
        asked.append(name)
        return answers[min(len(asked), len(answers)) - 1]

    def judge(address: Address) -> bool:
        return address == ip_address("127.0.0.2")

    addresses = ReceiverAddresses(private_allowed=False, lookup=lookup, judge=judge)
    return WebhookNotifier(addresses, SEAL, SetClock(), ssl_context=trusting), asked


@asynccontextmanager
async def inside_and_outside(tls: Tls) -> AsyncIterator[tuple[RealReceiver, RealReceiver]]:
    """Receivers with one port at 127.0.0.1 and at 127.0.0.2, where nobody else can have taken it."""
    async with (
        receiving(answering(), ssl_context=tls.server, host="127.0.0.1") as inside,
        receiving(answering(), ssl_context=tls.server, host="127.0.0.2", port=inside.port) as outside,
    ):
        yield inside, outside


async def test_a_name_that_is_bound_again_between_check_and_connect_gains_nothing(tls: Tls) -> None:
    """Every lookup but the first answers with an address inside."""
    async with inside_and_outside(tls) as (inside, outside):
        notifier, asked = guarded(tls.client, ["127.0.0.2"], ["127.0.0.1"])
        url = f"https://localhost:{outside.port}/"
        assert await notifier.send(to(url)) == "200 OK"
        assert (outside.connections, inside.connections, asked) == (1, 0, ["localhost"])
        await notifier.close()
        notifier, asked = guarded(tls.client, ["127.0.0.1"])
        assert "open Internet" in (await refusal(notifier, to(url))).answer
        assert (outside.connections, inside.connections, asked) == (1, 0, ["localhost"])
        await notifier.close()


async def test_a_name_with_a_bad_address_among_good_ones_is_connected_to_nowhere(tls: Tls) -> None:
    async with inside_and_outside(tls) as (inside, outside):
        for answer in (["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"]):
            notifier, _ = guarded(tls.client, answer)
            await refusal(notifier, to(f"https://localhost:{outside.port}/"))
            await notifier.close()
        assert (outside.connections, inside.connections) == (0, 0)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "localhost.", "127.0.0.1."]
)
async def test_no_spelling_of_an_address_inside_is_connected_to(tls: Tls, host: str) -> None:
    async with receiving(answering(), ssl_context=tls.server) as inside:
        notifier = WebhookNotifier(ReceiverAddresses(private_allowed=False), SEAL, SetClock(), ssl_context=tls.client)
        refused = await refusal(notifier, to(f"https://{host}:{inside.port}/"))
        await notifier.close()
    # Not every machine knows its own name with a dot behind it.
    assert refused.answer.startswith("The address must ") or host == "localhost."
    assert inside.connections == 0


async def test_a_name_that_is_none(notifier: WebhookNotifier) -> None:
    async def lookup(name: str) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, f"{name} is not known at 10.0.0.53")

    made = WebhookNotifier(ReceiverAddresses(private_allowed=False, lookup=lookup), SEAL, SetClock())
    refused = await refusal(made, to("https://hooks.example.com/"))
    await made.close()
    assert refused.answer == "The host's name cannot be resolved."


# Over TLS: only to who can prove to be the host.


@dataclass
class Tls:
    """A server with a certificate that it made itself, and a client that trusts it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def certified(folder: Path, name: str, *, expired: bool = False) -> Tls:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC) - timedelta(days=30 if expired else 0)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return Tls(server, ssl.create_default_context(cafile=str(file)))


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return certified(tmp_path_factory.mktemp("tls"), "localhost")


async def sent_over(server: ssl.SSLContext, *, trusting: ssl.SSLContext | None) -> str:
    made = WebhookNotifier(ReceiverAddresses(private_allowed=True), SEAL, SetClock(), ssl_context=trusting)
    async with receiving(answering(), ssl_context=server) as receiver:
        try:
            return await made.send(to(f"https://localhost:{receiver.port}/"))
        except NotAccepted as refused:
            assert receiver.got == []
            return refused.answer
        finally:
            await made.close()


async def test_a_host_that_proves_itself_is_sent_to(tls: Tls) -> None:
    assert await sent_over(tls.server, trusting=tls.client) == "200 OK"


async def test_a_certificate_of_nobody_is_not_trusted(tls: Tls) -> None:
    assert await sent_over(tls.server, trusting=None) == "The certificate is not trusted: self-signed certificate."


async def test_a_certificate_of_another_host_or_time_is_not_trusted(tmp_path: Path) -> None:
    other = certified(tmp_path, "example.com")
    said = await sent_over(other.server, trusting=other.client)
    assert said.startswith("The certificate is not trusted: Hostname mismatch")
    old = certified(tmp_path, "localhost", expired=True)
    said = await sent_over(old.server, trusting=old.client)
    assert said == "The certificate is not trusted: certificate has expired."


async def test_what_speaks_no_tls_is_not_sent_to(notifier: WebhookNotifier) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        refused = await refusal(notifier, to(f"https://localhost:{port}/"))
    assert refused.answer == "No secure connection could be made."
