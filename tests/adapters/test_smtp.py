"""E-mail over SMTP, to a real server that takes it, or does what servers do."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from adapters.notifiers.internet_message import Address
from adapters.notifiers.smtp import CONNECTIONS, SmtpConnections, SmtpNotifier, SmtpServer, TlsMode
from adapters.security.fresh import SystemClock
from core.deliveries import Delivery, EmailReceiver
from core.ids import ClientId, DeliveryId, NoticeId
from core.ledger import EntryKind, Reason
from core.notices import Notice, NoticedEntry, NoticeKind, NoticePayload
from core.shop import ShopSettings
from ports.notifier import NotAccepted
from tests.builders import NOON, a_shop
from tests.mail_server import OK, MailServer, after, certificates, cut, hang, kept_address, mail_server, saying

SENDER = Address.parse("credit@shops.example")
RIGHT, WRONG = "secret", "wrong"


def a_delivery(
    *, address: str = "pat@example.com", name: str = "Pat Doe", shop: ShopSettings | None = None, notice_id: Any = None
) -> Delivery:
    """The client used $20.00, and $22.10 is left."""
    entry = NoticedEntry(
        id=uuid4(),
        number=2,
        kind=EntryKind.APPLIED,
        amount=-20_00,
        balance_after=22_10,
        reason=Reason.PAYMENT,
        invoice_id=None,
        payment_id=None,
    )
    notice = Notice(
        id=NoticeId(notice_id or uuid4()),
        client_id=ClientId(uuid4()),
        kind=NoticeKind.CREDIT_APPLIED,
        at=NOON,
        payload=NoticePayload(version=1, currency="USD", entry=entry),
    )
    return Delivery(
        id=DeliveryId(uuid4()),
        notice=notice,
        shop=shop or a_shop(),
        receiver=EmailReceiver(address=address, client_name=name),
        attempt=1,
    )


@asynccontextmanager
async def notifier(port: int, *, tls: TlsMode = "none", **settings: Any) -> AsyncIterator[SmtpNotifier]:
    sign_in = {name: settings.pop(name) for name in ("username", "password") if name in settings}
    host = settings.pop("host", "127.0.0.1")
    connections = SmtpConnections(
        SmtpServer(host=host, port=port, tls=tls, **sign_in), name="shops.example", **settings
    )
    try:
        yield SmtpNotifier(connections, SystemClock(), sender=SENDER)
    finally:
        await connections.close()


async def refusal_of(notifier: SmtpNotifier, delivery: Delivery | None = None) -> NotAccepted:
    with pytest.raises(NotAccepted) as refused:
        await notifier.send(delivery or a_delivery())
    assert refused.value.answer.isprintable()
    assert 0 < len(refused.value.answer) <= 1000
    return refused.value


# Taken


async def test_a_mail_is_from_the_shop_to_the_client_and_says_what_happened() -> None:
    delivery = a_delivery()
    async with mail_server() as server, notifier(server.port) as smtp:
        assert await smtp.send(delivery) == "250 OK"
    [mail] = server.got
    said = mail.message
    assert (mail.sender, mail.recipient) == ("credit@shops.example", "pat@example.com")
    assert said["From"] == "Main Street Auto <credit@shops.example>"
    assert said["To"] == "Pat Doe <pat@example.com>"
    assert said["Subject"] == "Credit used at Main Street Auto"
    assert said["Message-ID"] == f"<{delivery.notice.id}@shops.example>"
    assert said["Auto-Submitted"] == "auto-generated"
    assert said["Content-Language"] == "en-US"
    assert [part.get_content_type() for part in said.iter_parts()] == ["text/plain", "text/html"]
    assert "You used $20.00 of your credit. $22.10 is left." in mail.text
    assert "You used $20.00 of your credit. $22.10 is left." in mail.html
    assert mail.raw.isascii()
    assert max(len(line) for line in mail.raw.split(b"\r\n")) <= 998
    assert b"\n" not in mail.raw.replace(b"\r\n", b"")
    assert server.names == {"shops.example"}


async def test_a_repeat_has_the_same_message_id() -> None:
    delivery = a_delivery()
    async with mail_server() as server, notifier(server.port) as smtp:
        await smtp.send(delivery)
        await smtp.send(delivery)
    first, second = server.got
    assert first.message["Message-ID"] == second.message["Message-ID"]


async def test_one_connection_carries_many_mails_and_is_left_politely() -> None:
    async with mail_server() as server:
        async with notifier(server.port) as smtp:
            for _ in range(5):
                await smtp.send(a_delivery())
            assert (server.connections, len(server.open)) == (1, 1)
        await _until(lambda: not server.open)
    assert len(server.got) == 5


async def test_a_connection_is_given_up_after_a_hundred_mails() -> None:
    async with mail_server() as server, notifier(server.port) as smtp:
        for _ in range(101):
            await smtp.send(a_delivery())
    assert (len(server.got), server.connections) == (101, 2)


async def test_an_unused_connection_is_closed_after_a_while() -> None:
    async with mail_server() as server, notifier(server.port, kept_seconds=0.05) as smtp:
        await smtp.send(a_delivery())
        await _until(lambda: not server.open)
        await smtp.send(a_delivery())
    assert (len(server.got), server.connections) == (2, 2)


async def test_there_are_at_most_ten_connections() -> None:
    server = MailServer(at_recipient=after(0.02))
    async with mail_server(server), notifier(server.port) as smtp:
        await asyncio.gather(*(smtp.send(a_delivery()) for _ in range(50)))
    assert len(server.got) == 50
    assert 1 < server.most_open <= CONNECTIONS


async def test_a_connection_that_the_server_closed_in_between_costs_nothing() -> None:
    async with mail_server() as server, notifier(server.port) as smtp:
        await smtp.send(a_delivery())
        for transport in list(server.open):
            transport.abort()
        await smtp.send(a_delivery())
    assert len(server.got) == 2


async def test_a_server_that_has_had_enough_of_a_connection_gets_the_mail_over_another() -> None:
    server = MailServer()
    async with mail_server(server), notifier(server.port) as smtp:
        await smtp.send(a_delivery())

        async def enough_once(_: object) -> str:
            server.at_mail = saying(OK)
            return "421 4.7.0 Enough for one connection"

        server.at_mail = enough_once
        await smtp.send(a_delivery())
    assert (len(server.got), server.connections) == (2, 2)


# Refused


@pytest.mark.parametrize(
    ("reply", "for_good"),
    [
        ("450 4.2.1 mailbox busy", False),
        ("451 4.7.1 greylisted, come back later", False),
        ("452 4.2.2 mailbox full", False),
        ("552 5.2.2 mailbox full", False),
        ("530 5.7.0 authentication required", False),
        ("550 5.1.1 no such user", True),
        ("553 5.1.3 not an address", True),
        ("554 5.7.1 not wanted here", True),
    ],
)
async def test_a_recipient_refused_with_5_is_refused_for_good_and_with_4_for_now(reply: str, for_good: bool) -> None:
    server = MailServer(at_recipient=saying(reply))
    async with mail_server(server), notifier(server.port) as smtp:
        refused = await refusal_of(smtp)
        assert (refused.answer, refused.for_good, refused.gone) == (reply, for_good, False)
        server.at_recipient = saying(OK)
        await smtp.send(a_delivery())
    assert server.connections == 1, "the connection is as good as before"
    assert len(server.got) == 1


@pytest.mark.parametrize(("reply", "for_good"), [("451 4.3.0 try later", False), ("554 5.6.0 message refused", True)])
async def test_so_is_a_message(reply: str, for_good: bool) -> None:
    server = MailServer(at_data=saying(reply))
    async with mail_server(server), notifier(server.port) as smtp:
        refused = await refusal_of(smtp)
        assert (refused.answer, refused.for_good) == (reply, for_good)
        server.at_data = saying(OK)
        await smtp.send(a_delivery())
    assert len(server.got) == 1


@pytest.mark.parametrize("reply", ["451 4.3.0 later", "550 5.7.1 sender not allowed", "421 4.3.2 going down"])
async def test_what_is_wrong_with_us_is_never_the_clients_fault_and_not_theirs_to_read(reply: str) -> None:
    async with mail_server(MailServer(at_mail=saying(reply))) as server, notifier(server.port) as smtp:
        refused = await refusal_of(smtp)
    assert (refused.answer, refused.for_good) == ("The SMTP server could not be used.", False)


@pytest.mark.parametrize("where", ["at_recipient", "at_data"])
async def test_the_operators_log_names_no_recipient(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    server = MailServer()
    setattr(server, where, saying("421 4.3.2 <pat@example.com>: not now"))
    async with mail_server(server), notifier(server.port) as smtp:
        assert not (await refusal_of(smtp)).for_good
    said = "".join(capsys.readouterr())
    assert "421" in said
    assert "pat@" not in said


async def test_an_answer_is_kept_printable_and_short() -> None:
    server = MailServer(at_recipient=saying("550 " + "no\x07 \x1b[31mwhere " * 200))
    async with mail_server(server), notifier(server.port) as smtp:
        refused = await refusal_of(smtp)
    assert refused.for_good
    assert refused.answer.startswith("550 no [31mwhere")


# In trouble


async def test_a_server_that_is_away_is_tried_again_later() -> None:
    with kept_address() as address:
        async with notifier(address.getsockname()[1]) as smtp:
            assert not (await refusal_of(smtp)).for_good
            async with mail_server(address=address) as server:
                await smtp.send(a_delivery())
    assert len(server.got) == 1


@pytest.mark.parametrize("where", ["at_greeting", "at_mail", "at_recipient", "at_data"])
async def test_a_server_that_hangs_is_given_up_in_time(where: str) -> None:
    server = MailServer()
    setattr(server, where, hang)
    async with mail_server(server), notifier(server.port, timeout_seconds=2) as smtp:
        started = time.monotonic()
        refused = await refusal_of(smtp)
        assert time.monotonic() - started < 15
        assert (refused.answer, refused.for_good) == ("The SMTP server did not answer in time.", False)
        await _until(lambda: not server.open)
        setattr(server, where, saying(OK))
        await smtp.send(a_delivery())
    assert len(server.got) == 1


async def test_so_is_one_that_takes_connections_and_says_nothing_at_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with notifier(silent.getsockname()[1], timeout_seconds=0.2) as smtp:
            assert not (await refusal_of(smtp)).for_good


async def test_the_time_is_for_all_of_it_and_not_for_each_step() -> None:
    server = MailServer(at_greeting=after(0.2), at_mail=after(0.2), at_recipient=after(0.2), at_data=after(0.2))
    async with mail_server(server), notifier(server.port, timeout_seconds=0.5) as smtp:
        assert (await refusal_of(smtp)).answer == "The SMTP server did not answer in time."


async def test_a_slow_server_gets_its_time() -> None:
    server = MailServer(at_recipient=after(0.2), at_data=after(0.2))
    async with mail_server(server), notifier(server.port) as smtp:
        await smtp.send(a_delivery())
    assert len(server.got) == 1


@pytest.mark.parametrize("where", ["at_greeting", "at_mail", "at_recipient", "at_data"])
async def test_a_connection_that_breaks_half_way_is_tried_again_later(where: str) -> None:
    server = MailServer()
    setattr(server, where, cut)
    async with mail_server(server), notifier(server.port) as smtp:
        assert not (await refusal_of(smtp)).for_good
        setattr(server, where, saying(OK))
        await smtp.send(a_delivery())
    assert len(server.got) == 1


async def test_whoever_stops_waiting_leaves_no_connection_behind() -> None:
    server = MailServer(at_data=hang)
    async with mail_server(server), notifier(server.port) as smtp:
        sending = asyncio.create_task(smtp.send(a_delivery()))
        await _until(lambda: bool(server.open))
        await asyncio.sleep(0.05)
        sending.cancel()
        await asyncio.wait([sending])
        await _until(lambda: not server.open)


# TLS and signing in


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_with_tls_nothing_is_said_in_clear(tmp_path: Path, tls: TlsMode) -> None:
    pki = certificates(tmp_path, "127.0.0.1")
    context = {"starttls" if tls == "starttls" else "tls": pki.server}
    async with (
        mail_server(password=RIGHT if tls == "starttls" else None, **context) as server,  # type: ignore[arg-type]
        notifier(
            server.port,
            tls=tls,
            tls_context=pki.client,
            **({"username": "shops", "password": RIGHT} if tls == "starttls" else {}),
        ) as smtp,
    ):
        await smtp.send(a_delivery())
        await smtp.send(a_delivery())
    assert [(mail.over_tls, mail.signed_in) for mail in server.got] == [(True, tls == "starttls")] * 2
    assert server.connections == 1


async def test_a_server_that_wants_tls_gets_nothing_without(tmp_path: Path) -> None:
    async with (
        mail_server(starttls=certificates(tmp_path, "127.0.0.1").server) as server,
        notifier(server.port) as smtp,
    ):
        assert not (await refusal_of(smtp)).for_good
    assert server.got == []


async def test_a_server_without_starttls_gets_neither_mail_nor_password() -> None:
    async with (
        mail_server() as server,
        notifier(server.port, tls="starttls", username="shops", password=RIGHT) as smtp,
    ):
        assert not (await refusal_of(smtp)).for_good
    assert server.got == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize("believed", [True, False], ids=["of another server", "of nobody known"])
async def test_a_certificate_that_is_not_the_servers_is_not_believed(
    tmp_path: Path, tls: TlsMode, believed: bool
) -> None:
    pki = certificates(tmp_path, "elsewhere.example" if believed else "127.0.0.1")
    context = {"starttls" if tls == "starttls" else "tls": pki.server}
    trusting = {"tls_context": pki.client} if believed else {}
    async with mail_server(**context) as server, notifier(server.port, tls=tls, **trusting) as smtp:  # type: ignore[arg-type]
        refused = await refusal_of(smtp)
    assert (refused.answer, refused.for_good) == ("The SMTP server could not be used.", False)
    assert server.got == []


async def test_a_wrong_password_is_not_the_clients_fault(tmp_path: Path) -> None:
    pki = certificates(tmp_path, "127.0.0.1")
    async with (
        mail_server(starttls=pki.server, password=RIGHT) as server,
        notifier(server.port, tls="starttls", tls_context=pki.client, username="shops", password=WRONG) as smtp,
    ):
        refused = await refusal_of(smtp)
    assert (refused.answer, refused.for_good) == ("The SMTP server could not be used.", False)
    assert server.got == []


# Addresses


async def test_a_domain_with_other_letters_is_sent_in_ascii() -> None:
    async with mail_server(utf8=False) as server, notifier(server.port) as smtp:
        await smtp.send(a_delivery(address="jörg@straße.example".replace("ö", "o")))
    [mail] = server.got
    assert mail.recipient == "jorg@xn--strae-oqa.example"
    assert mail.raw.isascii()


async def test_a_mailbox_with_other_letters_needs_a_server_that_takes_them() -> None:
    delivery = a_delivery(address="jörg@straße.example", name="Jörg")
    async with mail_server(utf8=True) as server, notifier(server.port) as smtp:
        await smtp.send(delivery)
    [mail] = server.got
    assert mail.recipient == "jörg@xn--strae-oqa.example"
    assert "<jörg@xn--strae-oqa.example>".encode() in mail.raw
    async with mail_server(utf8=False) as server, notifier(server.port) as smtp:
        refused = await refusal_of(smtp, delivery)
        assert (refused.answer, refused.for_good) == ("The SMTP server takes no addresses with such letters.", True)
        await smtp.send(a_delivery())
    assert len(server.got) == 1


async def test_what_is_no_address_is_refused_for_good_before_anybody_is_asked() -> None:
    async with mail_server() as server, notifier(server.port) as smtp:
        assert (await refusal_of(smtp, a_delivery(address="pat@example.com>\r\nRCPT TO:<eve@example.com"))).for_good
    assert server.connections == 0


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)
