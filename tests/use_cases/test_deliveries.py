"""Deliveries: each once while nobody dies, in order for each client, again and again while a receiver is down."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from core.deliveries import BY_EMAIL, RETRY_DELAYS, Delivery
from core.ids import ClientId, NoticeId, ReceiverId
from core.notices import NoticeKind
from core.use_cases import deliver_notices
from entrypoints.stopping import Stop
from entrypoints.worker import Worker
from ports.notifier import NotAccepted
from tests.database import Database
from tests.desk import Desk, open_desk
from tests.mailroom import Mailroom, Receiver, accepting, open_endpoint, place_of, restored

CREDIT = (NoticeKind.CREDIT_ADDED,)


@pytest.fixture(scope="module")
async def alone(database: Database) -> AsyncIterator[Database]:
    """A round goes over all shops of a database, so these have one of their own."""
    async with database.fresh() as alone:
        yield alone


@pytest.fixture(scope="module")
async def superuser(alone: Database) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    connection = await asyncpg.connect(alone.superuser_url)
    yield connection
    await connection.close()


@pytest.fixture
async def mailroom(alone: Database, superuser: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[Mailroom]:
    async with Mailroom.of(alone, superuser) as mailroom:
        yield mailroom


@pytest.fixture
def receiver(mailroom: Mailroom) -> Receiver:
    return mailroom.receiver


@pytest.fixture
async def desk(mailroom: Mailroom) -> Desk:
    return await open_desk(mailroom.container)


@pytest.fixture
async def endpoint(mailroom: Mailroom, desk: Desk) -> ReceiverId:
    """One that wants to know of credit that was added."""
    return await open_endpoint(mailroom.connection, desk, *CREDIT)


async def refusing(_delivery: Delivery) -> str:
    raise NotAccepted("503 Service Unavailable")


class Gate:
    """Makes deliveries wait. ``holds``: which."""

    def __init__(self, holds: "set[UUID | str] | None" = None) -> None:
        self.open = asyncio.Event()
        self._holds = holds

    async def __call__(self, delivery: Delivery) -> str:
        if self._holds is None or place_of(delivery) in self._holds:
            await self.open.wait()
        return "200 OK"


async def settled(worker: Worker) -> None:
    """Until the worker has nothing in hand."""
    await asyncio.wait_for(worker.deliver.drain(), 20)


async def until(receiver: Receiver, count: int) -> None:
    async with asyncio.timeout(20):
        while len(receiver.got) < count:
            await asyncio.sleep(0.005)


# Once, and in order


async def test_a_delivery_is_sent_once_and_its_answer_is_kept(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    client = await desk.client()
    for amount in (100, 200, 300):
        await desk.add(client, amount)
    assert await mailroom.work() == (3, 3)
    assert receiver.amounts() == [100, 200, 300]
    assert await mailroom.later(days=30) == (0, 0)
    assert await mailroom.states(endpoint) == ["delivered"] * 3
    attempts = await mailroom.attempts(endpoint)
    assert [(row["number"], row["accepted"], row["answer"]) for row in attempts] == [(1, True, "200 OK")] * 3


async def test_a_client_hears_nothing_later_before_what_came_first(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    pat, sam = await desk.client(), await desk.client()
    receiver.behave = refusing
    await desk.add(pat, 100)
    await mailroom.work()
    receiver.behave = accepting
    await desk.add(pat, 200)
    await desk.add(sam, 300)
    await mailroom.work()
    assert receiver.amounts() == [300]
    await mailroom.later(seconds=5)
    assert receiver.amounts() == [300, 100, 200]


async def test_what_fails_at_one_receiver_does_not_keep_another_back(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    other = await open_endpoint(mailroom.connection, desk, *CREDIT)

    async def refusing_at_one(delivery: Delivery) -> str:
        return await (refusing if place_of(delivery) == endpoint else accepting)(delivery)

    receiver.behave = refusing_at_one
    client = await desk.client()
    for _ in range(3):
        await desk.add(client, 100)
    await mailroom.work()
    assert await mailroom.states(endpoint) == ["pending"] * 3
    assert await mailroom.states(other) == ["delivered"] * 3


async def test_many_workers_keep_each_clients_order_at_each_receiver(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While more comes, and while receivers fail now and then."""
    monkeypatch.setattr(deliver_notices, "LEASE", timedelta(days=1))  # time runs far ahead of the work here
    other = await open_endpoint(mailroom.connection, desk, *CREDIT)
    clients = [await desk.client() for _ in range(6)]
    luck = random.Random(20261122)  # noqa: S311  # the same each time

    async def moody(delivery: Delivery) -> str:
        await asyncio.sleep(luck.random() / 200)
        # Whoever was refused four times is sent the next one hours later, which is longer than the clock here runs.
        if luck.random() < 0.1 and delivery.attempt < 3:
            raise NotAccepted("500 Internal Server Error")
        return "200 OK"

    receiver.behave = moody
    stop = Stop()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(mailroom.worker().until(stop))
        for _ in range(15):
            await asyncio.gather(*(desk.add(client, 1) for client in clients))
            mailroom.clock.forward(timedelta(seconds=6))
        async with asyncio.timeout(60):
            while len(receiver.got) < 2 * 15 * len(clients):
                mailroom.clock.forward(timedelta(seconds=6))
                await asyncio.sleep(0.05)
        stop.ask()
    for receiver_id in (endpoint, other):
        heard: dict[ClientId, list[int]] = defaultdict(list)
        for delivery in receiver.got:
            entry = delivery.notice.payload.entry
            if place_of(delivery) == receiver_id and entry is not None:
                heard[delivery.notice.client_id].append(entry.number)
        assert heard == {client: list(range(1, 16)) for client in clients}
    assert set(await mailroom.states(endpoint)) == {"delivered"}


async def test_two_workers_on_one_queue_lose_nothing_and_double_nothing(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    clients = [await desk.client() for _ in range(40)]
    notices = 1000
    await mailroom.fill(desk, clients, notices)
    routed = await asyncio.gather(*(mailroom.worker().once() for _ in range(2)))
    assert sum(each for each, _ in routed) == notices
    while await mailroom.work() != (0, 0):
        pass
    assert Counter(delivery.notice.id for delivery in receiver.got).most_common(1)[0][1] == 1
    assert len(receiver.got) == len(receiver.asked) == notices
    assert set(await mailroom.states(endpoint)) == {"delivered"}


# Again and again


async def test_a_receiver_that_is_down_for_the_whole_schedule_then_failed_for_good(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    receiver.behave = refusing
    await desk.add(await desk.client(), 100)
    await mailroom.work()
    for tried, delay in enumerate(RETRY_DELAYS[1:], start=1):
        assert [delivery.attempt for delivery in receiver.asked] == list(range(1, tried + 1))
        await mailroom.later(seconds=delay.total_seconds() - 4)
        assert len(receiver.asked) == tried
        await mailroom.later(seconds=5)
    assert await mailroom.states(endpoint) == ["failed"]
    await mailroom.later(days=30)
    assert len(receiver.asked) == len(RETRY_DELAYS)
    attempts = await mailroom.attempts(endpoint)
    assert [row["number"] for row in attempts] == list(range(1, 11))
    assert {(row["accepted"], row["answer"]) for row in attempts} == {(False, "503 Service Unavailable")}
    assert len({delivery.notice.id for delivery in receiver.asked}) == 1


async def test_an_endpoint_that_fails_for_five_days_is_switched_off_and_its_owner_is_to_be_told(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    receiver.behave = refusing
    client = await desk.client()
    for _ in range(5):
        await desk.add(client, 100)
        await mailroom.work()
        assert (await mailroom.endpoint(endpoint))["off_since"] is None
        await mailroom.later(days=1, hours=1)
    off = await mailroom.endpoint(endpoint)
    assert (off["off_reason"], off["tell_owner_at"], off["owner_told_at"]) == ("failing", off["off_since"], None)
    assert set(await mailroom.states(endpoint)) == {"failed"}
    asked = len(receiver.asked)
    await desk.add(client, 100)
    assert await mailroom.later(days=1) == (1, 0)
    assert len(receiver.asked) == asked
    assert len(await mailroom.deliveries(endpoint)) == 5


async def test_an_endpoint_that_is_gone_is_switched_off_at_once(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    async def gone(_delivery: Delivery) -> str:
        raise NotAccepted("410 Gone", gone=True)

    receiver.behave = gone
    for client in [await desk.client() for _ in range(3)]:
        await desk.add(client, 100)
        await desk.add(client, 100)
    await mailroom.work()
    off = await mailroom.endpoint(endpoint)
    assert (off["off_reason"], off["tell_owner_at"]) == ("gone", off["off_since"])
    assert await mailroom.states(endpoint) == ["failed"] * 6
    asked = len(receiver.asked)
    await mailroom.later(days=2)
    assert len(receiver.asked) == asked
    assert await mailroom.lanes_due(desk) == 0


async def test_a_receiver_that_says_when_to_come_again_has_quiet_until_then(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    async def busy(_delivery: Delivery) -> str:
        raise NotAccepted("429 Too Many Requests", retry_after_seconds=3600)

    receiver.behave = busy
    pat, sam = await desk.client(), await desk.client()
    await desk.add(pat, 100)
    await mailroom.work()
    receiver.behave = accepting
    await desk.add(sam, 200)
    await mailroom.work()
    await mailroom.later(seconds=3590)
    assert receiver.got == []
    await mailroom.later(seconds=20)
    assert sorted(receiver.amounts()) == [100, 200]
    assert (await mailroom.endpoint(endpoint))["quiet_until"] is None


async def test_whatever_a_notifier_raises_is_a_failed_attempt(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    async def broken(_delivery: Delivery) -> str:
        raise LookupError("of the program's own")

    receiver.behave = broken
    await desk.add(await desk.client(), 100)
    await mailroom.work()
    [attempt] = await mailroom.attempts(endpoint)
    assert (attempt["accepted"], attempt["answer"]) == (False, "It could not be sent.")
    receiver.behave = accepting
    await mailroom.later(seconds=5)
    assert receiver.amounts() == [100]


async def test_what_cannot_be_sent_to_this_client_by_anybody_fails_at_once(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    async def impossible(_delivery: Delivery) -> str:
        raise NotAccepted("550 no such user", for_good=True)

    receiver.behave = impossible
    await desk.add(await desk.client(), 100)
    await mailroom.work()
    assert await mailroom.states(endpoint) == ["failed"]


# By e-mail


async def test_a_client_is_told_by_email_where_shop_and_client_want_it(
    desk: Desk, mailroom: Mailroom, receiver: Receiver
) -> None:
    pat, sam, kim = [await desk.client() for _ in range(3)]
    await mailroom.give_address(desk, pat, "pat@example.com")
    await mailroom.give_address(desk, sam, "sam@example.com", wanted=False)
    for client in (pat, sam, kim):
        await desk.add(client, 100)
    assert await mailroom.work() == (3, 0)  # the shop has not turned it on
    await mailroom.connection.execute("UPDATE shops SET email_notices = true WHERE shop_id = $1", desk.shop_id)
    for client in (pat, sam, kim):
        await desk.add(client, 100)
        await desk.pay(await desk.invoice(client), 100)
    assert await mailroom.work() == (6, 1)
    assert [(place_of(delivery), delivery.notice.kind) for delivery in receiver.got] == [
        ("pat@example.com", "credit.added")
    ]


async def test_an_address_that_was_taken_away_meanwhile_is_no_reason_to_wait(
    desk: Desk, mailroom: Mailroom, receiver: Receiver
) -> None:
    await mailroom.connection.execute("UPDATE shops SET email_notices = true WHERE shop_id = $1", desk.shop_id)
    pat = await desk.client()
    await mailroom.give_address(desk, pat, "pat@example.com")
    receiver.behave = refusing
    await desk.add(pat, 100)
    await mailroom.work()
    await mailroom.give_address(desk, pat, None)
    await mailroom.later(seconds=6)
    assert len(receiver.asked) == 1
    [delivery] = [each for each in await mailroom.deliveries(BY_EMAIL) if each["client_id"] == pat]
    assert (delivery["state"], delivery["attempts"]) == ("failed", 2)


async def test_a_shop_that_writes_to_many_clients_leaves_room_for_another_that_writes_to_one(
    desk: Desk, mailroom: Mailroom, receiver: Receiver
) -> None:
    other_desk = await open_desk(mailroom.container)
    await mailroom.connection.execute("UPDATE shops SET email_notices = true")
    many = [await desk.client() for _ in range(150)]
    one = await other_desk.client()
    for client in many:
        await mailroom.give_address(desk, client, f"{client}@example.com")
    await mailroom.give_address(other_desk, one, "one@example.com")

    async def slow(_delivery: Delivery) -> str:
        await asyncio.sleep(0.02)
        return "250 OK"

    receiver.behave = slow
    worker = mailroom.worker()
    await mailroom.fill(desk, many, 150)
    await worker.route()
    assert await worker.deliver() == 1
    await settled(worker)  # the server is known to work
    await worker.deliver()
    await mailroom.fill(other_desk, [one], 1)
    await worker.route()
    await worker.deliver()
    await settled(worker)
    assert "one@example.com" in map(place_of, receiver.got)
    assert len(receiver.got) < 100


# Several at once, and none waits for another


async def test_a_receiver_that_hangs_keeps_nobody_back(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    other_desk = await open_desk(mailroom.container)
    good = await open_endpoint(mailroom.connection, desk, *CREDIT)
    elsewhere = await open_endpoint(mailroom.connection, other_desk, *CREDIT)
    gate = receiver.behave = Gate({endpoint})
    stop, worker = Stop(), mailroom.worker()
    working = asyncio.create_task(worker.until(stop))
    for at in (desk, other_desk):
        for client in [await at.client() for _ in range(30)]:
            await at.add(client, 100)
    await until(receiver, 60)
    assert Counter(map(place_of, receiver.got)) == {good: 30, elsewhere: 30}
    gate.open.set()
    await until(receiver, 90)
    stop.ask()
    await asyncio.wait_for(working, 10)


async def test_no_receiver_gets_more_than_ten_at_once_and_few_before_it_has_accepted_one(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    clients = [await desk.client() for _ in range(40)]
    gate = receiver.behave = Gate()
    worker = mailroom.worker()
    await mailroom.fill(desk, clients, 40)
    await worker.route()
    await worker.deliver()
    await asyncio.sleep(0)
    await receiver.busy.wait()
    assert await worker.deliver() == 0
    gate.open.set()
    await settled(worker)
    assert receiver.most_at_once[endpoint] <= deliver_notices.LANES_OF_THE_UNPROVEN

    async def slow(_delivery: Delivery) -> str:
        await asyncio.sleep(0.02)
        return "200 OK"

    receiver.behave = slow
    while await worker.deliver():
        await settled(worker)
    assert len(receiver.got) == 40
    assert receiver.most_at_once[endpoint] == deliver_notices.AT_ONCE_TO_ONE


async def test_a_notice_leaves_within_a_second_of_its_commit_when_nothing_else_happens(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    client = await desk.client()
    stop = Stop()
    working = asyncio.create_task(mailroom.worker().until(stop))
    loop = asyncio.get_running_loop()
    took = []
    for turn in range(1, 6):
        await asyncio.sleep(0.3)  # so that the worker is between two looks
        await desk.add(client, 100)
        committed = loop.time()
        await until(receiver, turn)
        took.append(loop.time() - committed)
    stop.ask()
    await working
    assert sorted(took)[1] < 1  # a machine may be busy with something else for a second


# Workers that stop, and workers that die


async def test_a_worker_that_is_told_to_stop_waits_for_what_it_is_sending_and_gives_back_the_rest(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    clients = [await desk.client() for _ in range(30)]
    worker = mailroom.worker()
    await desk.add(clients[0], 1)
    await worker.once()  # the receiver is known to work
    gate = receiver.behave = Gate()
    receiver.busy.clear()
    await mailroom.fill(desk, clients, 60)
    stop = Stop()
    working = asyncio.create_task(worker.until(stop))
    await receiver.busy.wait()
    while receiver.at_once[endpoint] < 10:
        await asyncio.sleep(0.005)
    stop.ask()
    await asyncio.sleep(0.1)
    assert not working.done()
    gate.open.set()
    await asyncio.wait_for(working, 10)
    assert len(receiver.got) == 11
    # Nobody has to wait for a lease to end.
    assert await mailroom.work() == (0, 50)
    assert Counter(delivery.notice.id for delivery in receiver.got).most_common(1)[0][1] == 1


async def test_a_worker_in_a_hurry_gives_back_what_it_is_sending_too(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    receiver.behave = Gate()
    await desk.add(await desk.client(), 100)
    stop = Stop()
    working = asyncio.create_task(mailroom.worker().until(stop))
    await receiver.busy.wait()
    stop.ask()
    stop.ask()
    await asyncio.wait_for(working, 5)
    receiver.behave = accepting
    assert await mailroom.work() == (0, 1)
    assert [delivery.attempt for delivery in receiver.asked] == [1, 1]


async def test_what_a_dead_worker_had_in_hand_is_sent_again_with_the_same_id_once_its_lease_is_over(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    await desk.add(await desk.client(), 100)
    gate = receiver.behave = Gate()
    dead = mailroom.worker()
    await dead.route()
    await dead.deliver()
    await receiver.busy.wait()
    receiver.behave = accepting
    assert await mailroom.later(seconds=50) == (0, 0)
    assert await mailroom.later(seconds=11) == (0, 1)
    assert len({delivery.notice.id for delivery in receiver.asked}) == 1
    # It was only slow: what it says now counts no more.
    gate.open.set()
    await settled(dead)
    [delivery] = await mailroom.deliveries(endpoint)
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 1)
    assert len(await mailroom.attempts(endpoint)) == 1


async def test_a_worker_whose_lease_is_about_to_end_begins_nothing(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    client = await desk.client()
    await desk.add(client, 1)
    worker = mailroom.worker()
    await worker.once()
    await desk.add(client, 2)
    await desk.add(client, 3)
    gate = receiver.behave = Gate()
    receiver.busy.clear()
    await worker.route()
    await worker.deliver()
    await receiver.busy.wait()
    mailroom.clock.forward(timedelta(seconds=40))
    gate.open.set()
    await settled(worker)
    assert receiver.amounts() == [1, 2]
    assert await mailroom.work() == (0, 1)


async def test_what_cannot_be_settled_at_once_is_settled_when_the_database_is_back(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    await desk.add(await desk.client(), 100)
    gate = receiver.behave = Gate()
    worker = mailroom.worker()
    await worker.route()
    await worker.deliver()
    await receiver.busy.wait()
    async with mailroom.connection.transaction():
        await mailroom.connection.execute("LOCK TABLE delivery_attempts IN ACCESS EXCLUSIVE MODE")
        gate.open.set()
        await until(receiver, 1)
        await asyncio.sleep(0.1)
        await mailroom.kill_connections()
    await settled(worker)
    assert await mailroom.states(endpoint) == ["delivered"]
    assert len(receiver.asked) == 1


# One shop's trouble is its own


async def test_rows_that_nobody_can_read_keep_no_other_shop_back(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    await desk.add(await desk.client(), 100)
    await mailroom.connection.execute("UPDATE outbox SET payload = '[]' WHERE shop_id = $1", desk.shop_id)
    other_desk = await open_desk(mailroom.container)
    elsewhere = await open_endpoint(mailroom.connection, other_desk, *CREDIT)
    await other_desk.add(await other_desk.client(), 200)
    assert await mailroom.work() == (2, 1)
    assert [place_of(delivery) for delivery in receiver.got] == [elsewhere]


# Staff's hand


async def test_what_failed_is_sent_again_when_somebody_asks_for_it(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    async def impossible(_delivery: Delivery) -> str:
        raise NotAccepted("400 Bad Request", for_good=True)

    receiver.behave = impossible
    client = await desk.client()
    entries = [await desk.add(client, amount) for amount in (100, 200)]
    await mailroom.work()
    assert await mailroom.states(endpoint) == ["failed", "failed"]
    receiver.behave = accepting
    assert await mailroom.send_again(desk, endpoint) == 2
    assert await mailroom.work() == (0, 2)
    assert receiver.amounts() == [entry.amount for entry in entries]
    assert [delivery.attempt for delivery in receiver.got] == [2, 2]


async def test_what_an_endpoint_missed_is_sent_with_the_ids_that_it_always_had(
    desk: Desk, mailroom: Mailroom, receiver: Receiver
) -> None:
    client = await desk.client()
    for amount in (100, 200):
        await desk.add(client, amount)
    await mailroom.work()
    late = await open_endpoint(mailroom.connection, desk)
    assert await mailroom.send_again(desk, late) == 2
    assert await mailroom.send_again(desk, late) == 2
    assert await mailroom.work() == (0, 2)
    assert receiver.amounts() == [100, 200]
    ids = [row["id"] for row in await mailroom.notices(desk)]
    assert [delivery.notice.id for delivery in receiver.got] == ids


async def test_what_waits_for_a_retry_goes_at_once_when_it_is_sent_again(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    receiver.behave = refusing
    await desk.add(await desk.client(), 100)
    await mailroom.work()
    await mailroom.later(seconds=6)
    receiver.behave = accepting
    assert await mailroom.work() == (0, 0)
    await mailroom.send_again(desk, endpoint)
    assert await mailroom.work() == (0, 1)


async def test_what_is_sent_again_while_it_is_being_sent_goes_once(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    await desk.add(await desk.client(), 100)
    gate = receiver.behave = Gate()
    worker = mailroom.worker()
    await worker.route()
    await worker.deliver()
    await receiver.busy.wait()
    await mailroom.send_again(desk, endpoint)
    gate.open.set()
    await settled(worker)
    assert await mailroom.work() == (0, 0)
    assert len(receiver.got) == 1


async def test_what_waits_for_an_endpoint_is_given_up_and_what_is_on_its_way_may_arrive(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    client = await desk.client()
    await desk.add(client, 100)
    await desk.add(client, 200)
    gate = receiver.behave = Gate()
    worker = mailroom.worker()
    await worker.route()
    await worker.deliver()
    await receiver.busy.wait()
    async with mailroom.container.transactions().at_shop(desk.shop_id) as shop:
        assert await shop.deliveries.give_up(endpoint, at=mailroom.clock.now()) == 2
    gate.open.set()
    await settled(worker)
    assert await mailroom.states(endpoint) == ["delivered", "failed"]
    assert await mailroom.lanes_due(desk) == 0


async def test_a_delivery_made_for_an_endpoint_that_was_just_switched_off_is_given_up(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    await desk.add(await desk.client(), 100)
    worker = mailroom.worker()
    await worker.route()
    await mailroom.connection.execute(
        "UPDATE webhook_endpoints SET off_since = now(), off_reason = 'by_staff' WHERE id = $1", endpoint
    )
    assert await mailroom.work() == (0, 0)
    assert await mailroom.states(endpoint) == ["failed"]
    assert await mailroom.lanes_due(desk) == 0


# Paused


async def test_nothing_is_sent_while_it_is_paused_and_all_of_it_afterwards(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    control = mailroom.container.outbox_control()
    await control.pause("a new address is being set up")
    await desk.add(await desk.client(), 100)
    assert await mailroom.work() == (0, 0)
    paused = await control.pause_now()
    assert paused is not None
    assert paused.why == "a new address is being set up"
    assert paused.since is not None
    await control.resume()
    assert await mailroom.work() == (1, 1)


async def test_a_pause_stops_what_is_in_hand_but_for_what_is_on_its_way(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    client = await desk.client()
    await desk.add(client, 1)
    worker = mailroom.worker()
    await worker.once()
    for amount in (2, 3):
        await desk.add(client, amount)
    gate = receiver.behave = Gate()
    receiver.busy.clear()
    stop = Stop()
    working = asyncio.create_task(worker.until(stop))
    await receiver.busy.wait()
    await mailroom.container.outbox_control().pause("wait")
    while worker.paused is None:
        await asyncio.sleep(0.01)
    gate.open.set()
    await settled(worker)
    assert receiver.amounts() == [1, 2]
    await mailroom.container.outbox_control().resume()
    await until(receiver, 3)
    stop.ask()
    await working


async def test_a_copy_of_the_database_sends_nothing_until_somebody_says_so(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId, alone: Database
) -> None:
    await desk.add(await desk.client(), 100)
    assert await mailroom.container.outbox_control().pause_now() is None
    async with restored(alone) as copy:
        copied_receiver = copy.receiver
        assert await copy.work() == (0, 0)
        paused = await copy.container.outbox_control().pause_now()
        assert paused is not None
        assert "restored" in paused.why
        await copy.container.outbox_control().resume()
        assert await copy.work() == (1, 1)
        assert copied_receiver.amounts() == [100]


async def test_tables_that_were_restored_in_place_are_a_copy_too(alone: Database) -> None:
    async with alone.fresh() as restored:
        connection = await asyncpg.connect(restored.superuser_url)
        async with Mailroom.of(restored, connection) as mailroom:
            control = mailroom.container.outbox_control()
            assert await control.pause_now() is None
            # What `pg_restore --clean` comes to.
            await connection.execute("""
                CREATE TABLE restored (LIKE outbox_control INCLUDING ALL);
                INSERT INTO restored SELECT * FROM outbox_control;
                DROP TABLE outbox_control;
                ALTER TABLE restored RENAME TO outbox_control;
                GRANT SELECT, UPDATE ON outbox_control TO account_credit_app;
            """)
            assert await control.pause_now() is not None
        await connection.close()


async def test_the_switch_is_thrown_before_anything_was_ever_sent(alone: Database) -> None:
    async with alone.fresh() as new:
        connection = await asyncpg.connect(new.superuser_url)
        async with Mailroom.of(new, connection) as mailroom:
            control = mailroom.container.outbox_control()
            await control.pause("not yet")
            paused = await control.pause_now()
            assert paused is not None
            assert paused.why == "not yet"
        await connection.close()


NO_SUCH_NOTICE = NoticeId(uuid4())


async def test_a_notice_of_another_shop_cannot_be_sent_again(
    desk: Desk, mailroom: Mailroom, receiver: Receiver, endpoint: ReceiverId
) -> None:
    other_desk = await open_desk(mailroom.container)
    await other_desk.add(await other_desk.client(), 100)
    [theirs] = await mailroom.notices(other_desk)
    assert await mailroom.send_again(desk, endpoint, [theirs["id"], NO_SUCH_NOTICE]) == 0
