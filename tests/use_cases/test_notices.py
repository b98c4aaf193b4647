"""Notices: written with what they tell of, and sent afterwards."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from dependency_injector import providers

from core.notices import DueNotice, NoticeKind
from entrypoints.container import Container, running
from tests.database import Database
from tests.desk import Desk, SetClock, container_for, keyed, open_desk
from tests.soundness import Auditor, outcomes


class Receiver:
    """Gets notices. See :class:`ports.notifier.Notifier`."""

    def __init__(self) -> None:
        self.got: list[DueNotice] = []
        self.refusing = False
        self.slow: asyncio.Event | None = None
        self.busy = asyncio.Event()

    async def send(self, notice: DueNotice) -> None:
        if self.refusing:
            raise ConnectionError("nobody answers")
        if self.slow is not None:
            self.busy.set()
            await self.slow.wait()
        self.got.append(notice)


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
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def container(alone: Database, auditor: Auditor, receiver: Receiver, clock: SetClock) -> AsyncIterator[Container]:
    container = container_for(alone)
    container.notifier.override(providers.Object(receiver))
    container.clock.override(providers.Object(clock))
    async with running(container):
        # What another test left, also for later, is not this one's.
        await auditor.connection.execute("UPDATE outbox SET due_at = NULL")
        yield container


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
    desk: Desk, auditor: Auditor, receiver: Receiver
) -> None:
    client = await desk.client()
    entry = await desk.add(client, 500, note="a private matter")
    await desk.container.deliver_notices()()
    [notice] = receiver.got
    assert (notice.kind, notice.shop_id, notice.client_id, notice.at) == (
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
    desk: Desk, auditor: Auditor, receiver: Receiver
) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    caller = keyed(desk.owner, "k")
    await outcomes(desk.apply(invoice), desk.pay(invoice, 2000), desk.void(client), desk.add(client, 0))
    assert await _kinds(auditor, desk) == []
    await desk.add(client, 500, caller=caller)
    await outcomes(desk.add(client, 500, caller=caller))
    await desk.container.deliver_notices()()
    assert [notice.kind for notice in receiver.got] == ["credit.added"]


async def test_a_notice_is_sent_once_and_marked_as_sent(desk: Desk, auditor: Auditor, receiver: Receiver) -> None:
    client = await desk.client()
    for amount in (100, 200, 300):
        await desk.add(client, amount)
    deliver = desk.container.deliver_notices()
    assert await deliver() == 3
    assert [n.payload.entry.amount for n in receiver.got if n.payload.entry] == [100, 200, 300]
    assert await deliver() == 0
    assert len(receiver.got) == 3
    rows = await _outbox(auditor, desk.shop_id)
    assert [(row["attempts"], row["due_at"], row["sent_at"] is not None) for row in rows] == [(1, None, True)] * 3


async def _outbox(auditor: Auditor, shop_id: UUID) -> list[asyncpg.Record]:
    return await auditor.connection.fetch("SELECT * FROM outbox WHERE shop_id = $1 ORDER BY id", shop_id)


async def test_a_round_goes_over_all_shops_with_something_due(
    desk: Desk, container: Container, receiver: Receiver
) -> None:
    other = await open_desk(container)
    quiet = await open_desk(container)
    for at in (desk, other):
        await at.add(await at.client(), 100)
    assert await container.deliver_notices()() == 2
    assert {notice.shop_id for notice in receiver.got} == {desk.shop_id, other.shop_id}
    assert quiet.shop_id not in await container.directory().with_notices_due()


async def test_a_notice_that_nobody_takes_is_tried_again_later_and_later(
    desk: Desk, auditor: Auditor, receiver: Receiver, clock: SetClock
) -> None:
    await desk.add(await desk.client(), 100)
    deliver = desk.container.deliver_notices()
    receiver.refusing = True
    clock.forward(timedelta(hours=-2))  # so that what is due again later is due at once
    for attempt, seconds in enumerate([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600], start=1):
        before = clock.now()
        assert await deliver() == 0
        [row] = await _outbox(auditor, desk.shop_id)
        wait = timedelta(seconds=seconds)
        assert before + wait <= row["due_at"] <= clock.now() + wait
        assert (row["attempts"], row["sent_at"]) == (attempt, None)
    receiver.refusing = False
    assert await deliver() == 1
    assert [notice.attempts for notice in receiver.got] == [14]


async def test_a_notice_waits_for_its_time(desk: Desk, receiver: Receiver) -> None:
    await desk.add(await desk.client(), 100)
    deliver = desk.container.deliver_notices()
    receiver.refusing = True
    await deliver()
    await deliver()
    receiver.refusing = False
    assert (await deliver(), receiver.got) == (0, [])


async def test_one_that_nobody_takes_does_not_keep_the_others_back(
    desk: Desk, container: Container, receiver: Receiver
) -> None:
    other = await open_desk(container)
    await desk.add(await desk.client(), 100)
    deliver = container.deliver_notices()
    receiver.refusing = True
    await deliver()
    receiver.refusing = False
    await desk.add(await desk.client(), 200)
    await other.add(await other.client(), 300)
    assert await deliver() == 2
    assert sorted(n.payload.entry.amount for n in receiver.got if n.payload.entry) == [200, 300]


async def test_a_second_worker_passes_over_what_a_first_one_has_in_hand(desk: Desk, receiver: Receiver) -> None:
    client = await desk.client()
    await desk.add(client, 100)
    deliver = desk.container.deliver_notices()
    receiver.slow = asyncio.Event()
    first = asyncio.ensure_future(deliver())
    await receiver.busy.wait()
    assert await deliver() == 0
    # What came since is nobody's yet.
    free, receiver.slow = receiver.slow, None
    await desk.add(client, 200)
    assert await deliver() == 1
    free.set()
    assert await first == 1
    assert [n.payload.entry.amount for n in receiver.got if n.payload.entry] == [200, 100]


async def test_a_worker_that_dies_while_sending_leaves_its_notices_to_the_next(
    desk: Desk, receiver: Receiver, auditor: Auditor
) -> None:
    await desk.add(await desk.client(), 100)
    deliver = desk.container.deliver_notices()
    receiver.slow = asyncio.Event()
    dying = asyncio.ensure_future(deliver())
    await receiver.busy.wait()
    dying.cancel()
    await asyncio.wait([dying])
    receiver.slow = None
    assert await deliver() == 1
    assert [row["attempts"] for row in await _outbox(auditor, desk.shop_id)] == [1]


async def test_nothing_is_sent_before_it_is_committed(desk: Desk, auditor: Auditor, receiver: Receiver) -> None:
    client = await desk.client()
    async with auditor.connection.transaction():
        await auditor.connection.execute("LOCK TABLE idempotency_records IN SHARE ROW EXCLUSIVE MODE")
        # The notice is written before the key, and the key has to wait.
        adding = asyncio.ensure_future(desk.add(client, 100, caller=keyed(desk.owner, "k")))
        await auditor.until_waiting(1)
        assert await desk.container.deliver_notices()() == 0
        adding.cancel()
        await asyncio.wait([adding])
    assert await desk.container.deliver_notices()() == 0
    assert receiver.got == []


async def test_many_workers_send_each_notice_once(desk: Desk, receiver: Receiver) -> None:
    client = await desk.client()
    for _ in range(30):
        await desk.add(client, 1)
    deliver = desk.container.deliver_notices()
    assert sum(await asyncio.gather(*(deliver() for _ in range(8)))) == 30
    assert sorted(n.payload.entry.number for n in receiver.got if n.payload.entry) == list(range(1, 31))


async def test_the_log_is_told_of_a_notice_without_its_content(
    alone: Database, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    container = container_for(alone)
    async with running(container):
        desk = await open_desk(container)
        await desk.add(await desk.client(), 4711, note="a private matter")
        with caplog.at_level(logging.INFO):
            assert await container.deliver_notices()() >= 1
    said = caplog.text + "".join(capsys.readouterr())
    assert "credit.added" in said
    assert "private" not in said
    assert "4711" not in said
