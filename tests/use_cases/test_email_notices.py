"""Clients are told by e-mail what happens to their credit, through a real SMTP server."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from dependency_injector import providers

from core.ids import ClientId
from core.shop import Language
from core.use_cases.clients import ClientEdit
from core.use_cases.shop_settings import ShopEdit
from core.views import ClientView
from entrypoints.container import Container, running
from entrypoints.settings import SmtpUrl
from entrypoints.worker import worker_of
from tests.database import Database
from tests.desk import Desk, SetClock, container_for, open_desk
from tests.mail_server import SAYS_OK, Mail, MailServer, kept_address, mail_server, saying
from tests.mailroom import UNMISTAKABLE

SENDER = "credit@shops.example"


@dataclass
class PostOffice:
    """The program beside an SMTP server, and a client who is written to."""

    container: Container
    clock: SetClock
    server: MailServer
    desk: Desk
    client: ClientView

    async def work(self) -> list[Mail]:
        """Send what is due now; the mails that arrived."""
        before = len(self.server.got)
        await worker_of(self.container).once()
        return self.server.got[before:]

    async def later(self, **by: float) -> list[Mail]:
        self.clock.forward(timedelta(**by))
        return await self.work()

    async def edit(self, **changes: Any) -> None:
        await self.container.edit_client()(self.desk.owner, ClientId(self.client.id), ClientEdit(**changes))

    async def edit_shop(self, **changes: Any) -> None:
        await self.container.edit_shop()(self.desk.owner, ShopEdit(**changes))


@pytest.fixture(scope="module")
async def alone(database: Database) -> AsyncIterator[Database]:
    """A round goes over all shops of a database, so these have one of their own."""
    async with database.fresh() as alone:
        yield alone


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as server:
        yield server


@asynccontextmanager
async def post_office(database: Database, server: MailServer, **settings: Any) -> AsyncIterator[PostOffice]:
    chosen = {"smtp_url": SmtpUrl(host="127.0.0.1", port=server.port, tls="none"), "mail_from": SENDER, **settings}
    container, clock = container_for(database, **chosen), SetClock()
    container.clock.override(providers.Object(clock))
    async with running(container):
        desk = await open_desk(container)
        client = await container.add_client()(desk.owner, name="Pat Doe", email="pat@example.com", phone=None)
        office = PostOffice(container, clock, server, desk, client)
        await office.edit_shop(email_notices=True)
        yield office
        # The next test's worker should not find what this one left.
        connection = await asyncpg.connect(database.superuser_url)
        await connection.execute("UPDATE outbox SET due_at = NULL")
        await connection.execute("UPDATE delivery_lanes SET due_at = NULL, claim = NULL")
        await connection.close()


@pytest.fixture
async def office(alone: Database, server: MailServer) -> AsyncIterator[PostOffice]:
    async with post_office(alone, server) as office:
        yield office


def first_sentence(mail: Mail) -> str:
    return mail.text.splitlines()[2].replace("\u00a0", " ")


EXAMPLE = {
    Language.EN: (
        "We added $50.00 to your credit. Your balance is $50.00.",
        "You used $50.00 of your credit. $0.00 is left.",
        "You paid $20.00 more than was due. We keep it as credit for your next visit. Your balance is $20.00.",
        "We gave $50.00 back to your credit, because the payment that used it was cancelled. Your balance is $70.00.",
        "We cancelled $50.00 of your credit. Your balance is $20.00.",
        "We cancelled $20.00 of your credit. Your balance is $0.00.",
    ),
    Language.DE: (
        "Wir haben Ihnen 50,00 $ gutgeschrieben. Ihr Guthaben beträgt jetzt 50,00 $.",
        "Sie haben 50,00 $ von Ihrem Guthaben eingelöst. Ihr Guthaben beträgt noch 0,00 $.",
        (
            "Sie haben 20,00 $ mehr bezahlt, als fällig war. Wir bewahren den Betrag für Ihren nächsten Besuch als "
            "Guthaben auf. Ihr Guthaben beträgt jetzt 20,00 $."
        ),
        (
            "Wir haben 50,00 $ auf Ihr Guthaben zurückgebucht, weil die damit geleistete Zahlung storniert wurde. "
            "Ihr Guthaben beträgt jetzt 70,00 $."
        ),
        "Wir haben 50,00 $ von Ihrem Guthaben storniert. Ihr Guthaben beträgt jetzt 20,00 $.",
        "Wir haben 20,00 $ von Ihrem Guthaben storniert. Ihr Guthaben beträgt jetzt 0,00 $.",
    ),
}


@pytest.mark.parametrize("language", Language)
async def test_the_worked_example_arrives_in_order_with_the_right_balances(
    office: PostOffice, language: Language
) -> None:
    desk, client = office.desk, office.client.id
    await office.edit_shop(language=language)
    invoice = await desk.invoice(client, 130_00)
    added = await desk.add(client, 50_00, note="a private matter")
    credit = await desk.apply(invoice)
    cash = await desk.pay(invoice, 100_00, overpayment="capture")
    await desk.delete(credit.id)
    await desk.void(added.id, note="not for the client")
    await desk.delete(cash.id)
    mails = await office.work()
    assert tuple(map(first_sentence, mails)) == EXAMPLE[language]
    shop = await office.container.show_shop()(desk.owner)
    for mail in mails:
        assert (mail.sender, mail.recipient) == (SENDER, "pat@example.com")
        assert mail.message["From"] == f"{shop.name} <{SENDER}>"
        for part in (mail.text, mail.html):
            assert "private" not in part
            assert "not for the client" not in part
            assert "Olive" not in part
    assert await office.work() == []


async def test_answers_go_to_the_shop_if_it_has_an_address(office: PostOffice) -> None:
    await office.desk.add(office.client.id, 100)
    [mail] = await office.work()
    assert "Reply-To" not in mail.message
    await office.edit_shop(email="desk@main-street.example")
    await office.desk.add(office.client.id, 100)
    [mail] = await office.work()
    assert mail.message["Reply-To"] == "desk@main-street.example"


# Who is written to


async def test_nobody_is_written_to_by_a_shop_that_does_not_want_it(office: PostOffice) -> None:
    other = await open_desk(office.container)
    client = await office.container.add_client()(other.owner, name="Dana", email="dana@example.com", phone=None)
    await other.add(client.id, 100)
    await office.desk.add(office.client.id, 100)
    assert [mail.recipient for mail in await office.work()] == ["pat@example.com"]
    await office.edit_shop(email_notices=False)
    await office.desk.add(office.client.id, 100)
    assert await office.work() == []


@pytest.mark.parametrize("changes", [{"email_notices": False}, {"email": None}], ids=["left out", "without address"])
async def test_a_client_who_is_not_written_to_is_not_written_to(office: PostOffice, changes: dict[str, Any]) -> None:
    await office.edit(**changes)
    await office.desk.add(office.client.id, 100)
    assert await office.work() == []
    await office.edit(email_notices=True, email="pat@example.com")
    await office.desk.add(office.client.id, 200)
    [mail] = await office.work()
    assert "$2.00" in first_sentence(mail), "what happened before is not told afterwards"


async def test_clients_are_told_of_credit_and_of_nothing_else(office: PostOffice) -> None:
    invoice = await office.desk.invoice(office.client.id, 100)
    cash = await office.desk.pay(invoice, 100)
    await office.desk.delete(cash.id)
    await office.desk.delete_client(office.client.id)
    assert await office.work() == []


async def test_what_is_told_goes_to_the_address_of_now(office: PostOffice) -> None:
    office.server.at_recipient = saying("451 4.7.1 later")
    await office.desk.add(office.client.id, 100)
    assert await office.work() == []
    await office.edit(email="pat@new.example", name="Pat Miller")
    office.server.at_recipient = SAYS_OK
    [mail] = await office.later(minutes=1)
    assert (mail.recipient, mail.message["To"]) == ("pat@new.example", "Pat Miller <pat@new.example>")


@pytest.mark.parametrize("change", ["left out", "without address", "shop off", "deleted"])
async def test_who_is_not_to_be_written_to_any_more_is_not_even_of_what_waits(office: PostOffice, change: str) -> None:
    office.server.at_recipient = saying("451 4.7.1 later")
    entry = await office.desk.add(office.client.id, 100)
    await office.work()
    if change == "left out":
        await office.edit(email_notices=False)
    elif change == "without address":
        await office.edit(email=None)
    elif change == "shop off":
        await office.edit_shop(email_notices=False)
    else:
        await office.desk.void(entry.id)
        await office.desk.delete_client(office.client.id)
    office.server.at_recipient = SAYS_OK
    assert await office.later(days=1) == []


# When the server does not take it


async def test_a_server_that_is_away_for_two_days_loses_nothing(alone: Database) -> None:
    server = MailServer()
    with kept_address() as address:
        server.port = address.getsockname()[1]
        async with post_office(alone, server) as office:
            for amount in range(1, 6):
                await office.desk.add(office.client.id, amount)
            for hours in range(0, 48, 8):
                assert await office.later(hours=hours) == []
            async with mail_server(server, address=address):
                mails = await office.later(days=1)
                mails += await office.later(days=1)
    assert [first_sentence(mail)[:14] for mail in mails] == [f"We added $0.0{amount}" for amount in range(1, 6)]
    assert len({mail.message["Message-ID"] for mail in mails}) == 5


async def test_a_mailbox_that_is_not_there_fails_for_good_and_holds_nothing_else_up(
    office: PostOffice, alone: Database
) -> None:
    office.server.at_recipient = saying("550 5.1.1 no such user")
    await office.desk.add(office.client.id, 100)
    assert await office.work() == []
    office.server.at_recipient = SAYS_OK
    await office.desk.add(office.client.id, 200)
    [mail] = await office.later(days=3)
    assert "$2.00" in first_sentence(mail)
    connection = await asyncpg.connect(alone.superuser_url)
    rows = await connection.fetch(
        """SELECT state, answer FROM deliveries JOIN delivery_attempts a
            ON a.shop_id = deliveries.shop_id AND a.delivery_id = deliveries.id
            WHERE deliveries.shop_id = $1 ORDER BY notice_at""",
        office.desk.shop_id,
    )
    await connection.close()
    assert [tuple(row) for row in rows] == [("failed", "550 5.1.1 no such user"), ("delivered", "250 OK")]


async def test_a_mailbox_that_is_full_is_tried_again_in_order(office: PostOffice) -> None:
    office.server.at_recipient = saying("452 4.2.2 mailbox full")
    for amount in (1, 2, 3):
        await office.desk.add(office.client.id, amount)
    assert await office.work() == []
    office.server.at_recipient = SAYS_OK
    mails = await office.later(minutes=1)
    assert [first_sentence(mail)[:14] for mail in mails] == [f"We added $0.0{amount}" for amount in (1, 2, 3)]


# Without a server


async def test_without_a_server_nobody_is_written_to_later_either(alone: Database, server: MailServer) -> None:
    async with post_office(alone, server, smtp_url=None, mail_from=None) as office:
        await office.desk.add(office.client.id, 100)
        assert await office.work() == []
    async with post_office(alone, server) as office:
        assert await office.work() == []


async def test_the_log_stands_in_for_a_server_if_it_is_told_to(
    alone: Database, server: MailServer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with post_office(alone, server, smtp_url=None, mail_from=None, mail_to_log=True) as office:
        await office.desk.add(office.client.id, UNMISTAKABLE)
        with caplog.at_level(logging.INFO):
            await office.work()
    said = caplog.text + "".join(capsys.readouterr())
    assert "delivered_to_the_log" in said
    assert str(UNMISTAKABLE) not in said
    assert "pat@example.com" not in said
