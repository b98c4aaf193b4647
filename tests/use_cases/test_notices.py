"""Notices: written with what they tell of, and routed to their receivers afterwards."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from core.notices import NoticeKind
from entrypoints.container import Container
from tests.database import Database
from tests.desk import Desk, SetClock, keyed, open_desk
from tests.mailroom import UNMISTAKABLE, Mailroom, Receiver, open_endpoint
from tests.soundness import Auditor, outcomes


@pytest.fixture(scope="module")
async def alone(database: Database) -> AsyncIterator[Database]:
    """A round goes over all shops of a database, so these have one of their own."""
    async with database.fresh() as alone:
        yield alone


@pytest.fixture(scope="module")
async def auditor(alone: Database) -> AsyncIterator[Auditor]:
    connection = await asyncpg.connect(alone.superuser_url)
    yield Auditor(connection)
    await connection.close()


@pytest.fixture
async def mailroom(alone: Database, auditor: Auditor) -> AsyncIterator[Mailroom]:
    async with Mailroom.of(alone, auditor.connection) as mailroom:
        yield mailroom


@pytest.fixture
def container(mailroom: Mailroom) -> Container:
    return mailroom.container


@pytest.fixture
def receiver(mailroom: Mailroom) -> Receiver:
    return mailroom.receiver


@pytest.fixture
def clock(mailroom: Mailroom) -> SetClock:
    return mailroom.clock


async def _kinds(auditor: Auditor, desk: Desk) -> list[str]:
    rows = await auditor.connection.fetch("SELECT kind FROM outbox WHERE shop_id = $1 ORDER BY id", desk.shop_id)
    return [row["kind"] for row in rows]


async def _told(auditor: Auditor, desk: Desk, told: list[str]) -> list[str]:
    """The kinds of notices since the last time."""
    kinds = await _kinds(auditor, desk)
    new = Counter(kinds) - Counter(told)
    told[:] = kinds
    return sorted(new.elements())


async def test_each_operation_on_money_is_told_once_of_each_entry_and_payment(desk: Desk, auditor: Auditor) -> None:
    told: list[str] = []
    client = await desk.client()
    invoice, other = await desk.invoice(client, 1000), await desk.invoice(client, 1000)
    assert await _told(auditor, desk, told) == []
    added = await desk.add(client, 500)
    assert await _told(auditor, desk, told) == ["credit.added"]
    credit = await desk.apply(invoice)
    assert await _told(auditor, desk, told) == ["credit.applied", "payment.recorded"]
    cash = await desk.pay(invoice, 100)
    assert await _told(auditor, desk, told) == ["payment.recorded"]
    over = await desk.pay(invoice, 600, overpayment="capture")
    assert await _told(auditor, desk, told) == ["credit.captured", "payment.recorded"]
    await desk.edit(cash.id, 90)
    assert await _told(auditor, desk, told) == []
    await desk.edit(cash.id, 150, overpayment="capture")
    assert await _told(auditor, desk, told) == ["credit.captured"]
    await desk.delete(credit.id)
    assert await _told(auditor, desk, told) == ["credit.returned", "payment.deleted"]
    await desk.void(added.id)
    assert await _told(auditor, desk, told) == ["credit.voided"]
    await desk.edit_total(invoice, 100)
    assert await _told(auditor, desk, told) == []
    await desk.capture(invoice)
    assert await _told(auditor, desk, told) == ["credit.captured"]
    await desk.delete(over.id)
    assert await _told(auditor, desk, told) == ["credit.voided", "credit.voided", "payment.deleted"]
    await desk.delete(cash.id)
    assert await _told(auditor, desk, told) == ["credit.voided", "payment.deleted"]
    bulk = await desk.pay_together(client, [(invoice, 100), (other, 100)])
    assert await _told(auditor, desk, told) == ["payment.recorded"] * 2
    await desk.delete_together(bulk.id)
    assert await _told(auditor, desk, told) == ["payment.deleted"] * 2
    await desk.delete_client(client)
    assert await _told(auditor, desk, told) == ["client.deleted"]
    assert set(told) == set(NoticeKind)


async def test_a_notice_tells_what_happened_without_note_or_name_of_staff(
    desk: Desk, auditor: Auditor, mailroom: Mailroom
) -> None:
    await open_endpoint(auditor.connection, desk)
    client = await desk.client()
    entry = await desk.add(client, 500, note="a private matter")
    await mailroom.work()
    [delivery] = mailroom.receiver.got
    notice = delivery.notice
    assert (notice.kind, delivery.shop.id, notice.client_id, notice.at) == (
        "credit.added",
        desk.shop_id,
        client,
        entry.at,
    )
    said = notice.payload.entry
    assert said is not None
    assert (said.id, said.number, said.amount, said.balance_after, said.reason) == (entry.id, 1, 500, 500, "goodwill")
    assert (notice.payload.currency, notice.payload.version) == ("USD", 1)
    [row] = await auditor.rows("outbox", desk.shop_id)
    assert "private" not in row
    assert "Olive" not in row


async def test_what_is_refused_or_repeated_or_rolled_back_is_told_to_nobody(
    desk: Desk, auditor: Auditor, mailroom: Mailroom
) -> None:
    await open_endpoint(auditor.connection, desk)
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    caller = keyed(desk.owner, "k")
    await outcomes(desk.apply(invoice), desk.pay(invoice, 2000), desk.void(client), desk.add(client, 0))
    assert await _kinds(auditor, desk) == []
    await desk.add(client, 500, caller=caller)
    await outcomes(desk.add(client, 500, caller=caller))
    await mailroom.work()
    assert [delivery.notice.kind for delivery in mailroom.receiver.got] == ["credit.added"]


async def test_nothing_is_sent_before_it_is_committed(desk: Desk, auditor: Auditor, mailroom: Mailroom) -> None:
    await open_endpoint(auditor.connection, desk)
    client = await desk.client()
    async with auditor.connection.transaction():
        await auditor.connection.execute("LOCK TABLE idempotency_records IN SHARE ROW EXCLUSIVE MODE")
        # The notice is written before the key, and the key has to wait.
        adding = asyncio.ensure_future(desk.add(client, 100, caller=keyed(desk.owner, "k")))
        await auditor.until_waiting(1)
        assert await mailroom.work() == (0, 0)
        adding.cancel()
        await asyncio.wait([adding])
    assert await mailroom.work() == (0, 0)
    assert mailroom.receiver.got == []


async def _outbox(auditor: Auditor, shop_id: UUID) -> list[asyncpg.Record]:
    return await auditor.connection.fetch("SELECT * FROM outbox WHERE shop_id = $1 ORDER BY at, id", shop_id)


async def test_a_notice_is_routed_once_to_each_endpoint_that_wants_its_kind(
    desk: Desk, auditor: Auditor, mailroom: Mailroom
) -> None:
    everything = await open_endpoint(auditor.connection, desk)
    payments = await open_endpoint(auditor.connection, desk, NoticeKind.PAYMENT_RECORDED, NoticeKind.PAYMENT_DELETED)
    client = await desk.client()
    await desk.add(client, 500)
    await desk.apply(await desk.invoice(client, 1000))
    assert await mailroom.work() == (3, 4)
    assert mailroom.receiver.kinds_at(everything) == ["credit.added", "payment.recorded", "credit.applied"]
    assert mailroom.receiver.kinds_at(payments) == ["payment.recorded"]
    assert await mailroom.work() == (0, 0)
    assert [(row["due_at"], row["routed_at"] is not None) for row in await _outbox(auditor, desk.shop_id)] == [
        (None, True)
    ] * 3


async def test_an_endpoint_that_is_off_or_deleted_or_came_later_is_told_nothing(
    desk: Desk, auditor: Auditor, mailroom: Mailroom
) -> None:
    await open_endpoint(auditor.connection, desk, off_since=mailroom.clock.now(), off_reason="by_staff")
    await open_endpoint(auditor.connection, desk, deleted_at=mailroom.clock.now())
    await desk.add(await desk.client(), 100)
    assert await mailroom.work() == (1, 0)
    await open_endpoint(auditor.connection, desk)
    assert await mailroom.work() == (0, 0)


async def test_routing_goes_over_all_shops_with_something_to_route(
    desk: Desk, container: Container, mailroom: Mailroom
) -> None:
    other = await open_desk(container)
    quiet = await open_desk(container)
    for at in (desk, other):
        await at.add(await at.client(), 100)
    to_route = await container.directory().with_notices_to_route()
    assert {desk.shop_id, other.shop_id} <= set(to_route)
    assert quiet.shop_id not in to_route
    assert (await mailroom.work())[0] == 2


async def test_many_who_route_at_once_make_each_delivery_once(desk: Desk, auditor: Auditor, mailroom: Mailroom) -> None:
    endpoint = await open_endpoint(auditor.connection, desk)
    client = await desk.client()
    for _ in range(30):
        await desk.add(client, 1)
    workers = [mailroom.worker() for _ in range(8)]
    assert sum(await asyncio.gather(*(worker.route() for worker in workers))) == 30
    assert await auditor.connection.fetchval("SELECT count(*) FROM deliveries WHERE receiver_id = $1", endpoint) == 30


async def test_the_log_is_told_of_a_notice_without_its_content(
    alone: Database, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], mailroom: Mailroom
) -> None:
    desk = await open_desk(mailroom.container)
    await desk.add(await desk.client(), UNMISTAKABLE, note="a private matter")
    with caplog.at_level(logging.INFO):
        assert (await mailroom.work())[0] >= 1
    said = caplog.text + "".join(capsys.readouterr())
    assert "credit.added" in said
    assert "private" not in said
    assert str(UNMISTAKABLE) not in said
