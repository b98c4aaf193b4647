"""Somebody at the shop is told by e-mail that a webhook endpoint was switched off."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from dependency_injector import providers

from core.deliveries import Channel, Delivery, OffReason
from core.ids import StaffId
from core.staff import Permission
from core.use_cases.staff import StaffEdit
from entrypoints.container import Container, running
from entrypoints.settings import SmtpUrl
from entrypoints.worker import worker_of
from ports.notifier import NotAccepted
from tests.builders import NOON
from tests.database import Database
from tests.desk import Desk, SetClock, container_for, open_desk
from tests.mail_server import SAYS_OK, Mail, MailServer, mail_server, saying
from tests.mailroom import Receiver
from tests.rows import Connection, an_endpoint_row, put


@dataclass
class Shop:
    """A shop of the program, beside an SMTP server. ``url``: of its webhook endpoint."""

    container: Container
    clock: SetClock
    server: MailServer
    receiver: Receiver
    connection: Connection
    desk: Desk

    async def endpoint_off(self, reason: OffReason = OffReason.GONE) -> None:
        endpoint = an_endpoint_row(
            self.desk.shop_id,
            uuid4(),
            url="https://hooks.example/credit",
            off_since=NOON,
            off_reason=reason.value,
            tell_owner_at=NOON,
        )
        await put(self.connection, "webhook_endpoints", endpoint)

    async def work(self) -> list[Mail]:
        """The mails that arrived meanwhile."""
        before = len(self.server.got)
        await worker_of(self.container).once()
        return self.server.got[before:]

    async def later(self, **by: float) -> list[Mail]:
        self.clock.forward(timedelta(**by))
        return await self.work()

    async def told(self) -> list[tuple[bool, bool]]:
        """Of each endpoint: whether somebody is still to be told, and whether somebody was."""
        rows = await self.connection.fetch(
            "SELECT tell_owner_at, owner_told_at FROM webhook_endpoints WHERE shop_id = $1 ORDER BY created_at, id",
            self.desk.shop_id,
        )
        return [(row["tell_owner_at"] is not None, row["owner_told_at"] is not None) for row in rows]


@pytest.fixture(scope="module")
async def alone(database: Database) -> AsyncIterator[Database]:
    """A round goes over all shops of a database, so these have one of their own."""
    async with database.fresh() as alone:
        yield alone


@pytest.fixture
async def shop(alone: Database) -> AsyncIterator[Shop]:
    async with mail_server() as server:
        container, clock, receiver = _program(alone, server), SetClock(), Receiver()
        container.clock.override(providers.Object(clock))
        container.notifiers.override(providers.Object({Channel.WEBHOOK: receiver}))
        connection = await asyncpg.connect(alone.superuser_url)
        async with running(container):
            await connection.execute("UPDATE webhook_endpoints SET tell_owner_at = NULL")
            yield Shop(container, clock, server, receiver, connection, await open_desk(container))
        await connection.close()


def _program(database: Database, server: MailServer) -> Container:
    url = SmtpUrl(host="127.0.0.1", port=server.port, tls="none")
    return container_for(database, smtp_url=url, mail_from="credit@shops.example")


async def test_an_endpoint_that_answers_gone_is_off_and_the_owner_is_told_once(shop: Shop) -> None:
    async def gone(_delivery: Delivery) -> str:
        raise NotAccepted("410 Gone", for_good=True, gone=True)

    shop.receiver.behave = gone
    endpoint = an_endpoint_row(shop.desk.shop_id, uuid4(), url="https://hooks.example/credit")
    await put(shop.connection, "webhook_endpoints", endpoint)
    await shop.desk.add(await shop.desk.client(), 100)
    [mail] = await shop.work()
    assert mail.recipient == shop.desk.owner_email
    assert mail.message["Subject"] == "Webhook endpoint switched off: hooks.example"
    assert "The receiver at https://hooks.example/credit answered that it is gone (410)" in mail.text
    assert await shop.told() == [(False, True)]
    assert await shop.later(days=1) == []


async def test_all_who_can_switch_it_on_again_are_told_and_nobody_else(shop: Shop) -> None:
    manager, _ = await shop.desk.hire(Permission.MANAGE_SETTINGS)
    left, _ = await shop.desk.hire(Permission.MANAGE_SETTINGS)
    await shop.container.edit_staff_member()(shop.desk.owner, StaffId(left.id), StaffEdit(active=False))
    await shop.desk.hire(Permission.CREATE_PAYMENTS)
    other = await open_desk(shop.container)
    await other.hire(Permission.MANAGE_SETTINGS)
    await shop.endpoint_off(OffReason.FAILING)
    mails = await shop.work()
    assert sorted(mail.recipient for mail in mails) == sorted([manager.email, shop.desk.owner_email])
    assert all("was accepted for five days" in mail.text for mail in mails)
    assert len({mail.message["Message-ID"] for mail in mails}) == 2


async def test_a_server_that_is_away_is_asked_again_until_somebody_is_told(shop: Shop) -> None:
    await shop.endpoint_off()
    shop.server.at_mail = saying("421 4.3.2 going down")
    assert await shop.work() == []
    assert await shop.told() == [(True, False)]
    shop.server.at_mail = SAYS_OK
    assert await shop.work() == [], "not before its time"
    assert len(await shop.later(minutes=11)) == 1
    assert await shop.told() == [(False, True)]


async def test_nobody_who_can_be_reached_is_the_end_of_it(shop: Shop) -> None:
    await shop.endpoint_off()
    shop.server.at_recipient = saying("550 5.1.1 no such user")
    assert await shop.work() == []
    assert await shop.told() == [(False, False)]


async def test_one_of_several_is_enough(shop: Shop) -> None:
    await shop.desk.hire(Permission.MANAGE_SETTINGS)
    await shop.endpoint_off()

    async def first_only(_server: object) -> str:
        shop.server.at_recipient = saying("451 4.7.1 later")
        return "250 OK"

    shop.server.at_recipient = first_only
    assert len(await shop.work()) == 1
    assert await shop.told() == [(False, True)]


async def test_several_workers_tell_once(shop: Shop, alone: Database) -> None:
    for _ in range(3):
        await shop.endpoint_off()
    second = _program(alone, shop.server)
    async with running(second):
        told = await asyncio.gather(
            *(tell() for tell in (shop.container.tell_owners(), second.tell_owners()) for _ in range(3))
        )
    assert sum(told) == 3
    assert len(shop.server.got) == 3
    assert await shop.told() == [(False, True)] * 3


async def test_without_a_server_somebody_is_told_once_there_is_one(shop: Shop, alone: Database) -> None:
    await shop.endpoint_off()
    without = container_for(alone)
    async with running(without):
        await worker_of(without).once()
    assert await shop.told() == [(True, False)]
    assert len(await shop.work()) == 1


async def test_while_the_outbox_is_paused_nobody_is_told(shop: Shop) -> None:
    await shop.endpoint_off()
    await shop.connection.execute("UPDATE outbox_control SET paused_at = now(), paused_why = 'a test'")
    try:
        assert await shop.work() == []
    finally:
        await shop.connection.execute("UPDATE outbox_control SET paused_at = NULL, paused_why = NULL")
    assert len(await shop.work()) == 1
