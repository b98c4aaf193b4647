"""Workers that die without last words, receivers that are away or hang: notices arrive, and nobody at a till waits."""

from __future__ import annotations

import json
import signal
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest

from core.ids import ClientId, EndpointId, ReceiverId
from core.notices import NoticeKind
from core.staff import Permission
from core.use_cases import deliver_notices
from tests.database import Database
from tests.desk import Desk, open_desk
from tests.mailroom import put_into_outbox
from tests.trust.installation import PATIENCE_SECONDS, Installation, Request, installed, until
from tests.trust.nursery import Process, nursery
from tests.trust.scenarios import ALONE, Scale, Scenario
from tests.webhook_receivers import WebhookReceiver, answering, hanging, receiving, slowly

TO_LOOPBACK = {"ACCOUNT_CREDIT_WEBHOOKS_TO_PRIVATE_ADDRESSES": "true"}
NOTICES_A_KILL = 200
GOAL_A_SECOND = 500
MOST_SLOWER = 1.1

_numbers = count()


class WorkerProcess:
    """A worker as a supervisor runs it. What it says goes to ``log``."""

    def __init__(self, process: Process, log: Path) -> None:
        self.process = process
        self.log = log

    async def kill(self) -> None:
        self.process.signal(signal.SIGKILL)
        await self.process.wait(seconds=PATIENCE_SECONDS)

    async def stop(self) -> None:
        self.process.signal(signal.SIGTERM)
        assert await self.process.wait(seconds=PATIENCE_SECONDS) == 0, self.log.read_text()[-5000:]


def start_worker(installation: Installation) -> WorkerProcess:
    log = installation.folder / f"worker-{next(_numbers)}.log"
    return WorkerProcess(nursery().start("worker", settings=installation.settings, output=log), log)


@asynccontextmanager
async def working(installation: Installation, workers: int = 1) -> AsyncIterator[None]:
    """Workers for the length of the block; they have to end well."""
    started = [start_worker(installation) for _ in range(workers)]
    yield
    for worker in started:
        await worker.stop()


@asynccontextmanager
async def with_receivers(database: Database, folder: Path) -> AsyncIterator[Installation]:
    async with database.fresh() as alone, installed(alone, folder, webhooks_to_private_addresses=True) as installation:
        installation.settings.update(TO_LOOPBACK)
        yield installation


async def open_endpoint(desk: Desk, url: str) -> EndpointId:
    made = await desk.container.add_webhook_endpoint()(
        desk.owner, url=url, description="", kinds=frozenset({NoticeKind.CREDIT_ADDED})
    )
    return EndpointId(made.id)


async def fill(installation: Installation, clients: int, notices: int) -> dict[ClientId, list[str]]:
    """Put notices into the outbox; the ids of each client's, in order."""
    made = [await installation.desk.client() for _ in range(clients)]
    await put_into_outbox(installation.auditor.connection, installation.desk.shop_id, made, notices)
    return await in_outbox(installation, made)


async def in_outbox(installation: Installation, clients: list[ClientId]) -> dict[ClientId, list[str]]:
    """The ids of each client's notices, in order."""
    connection, shop_id = installation.auditor.connection, installation.desk.shop_id
    rows = await connection.fetch(
        "SELECT id::text, client_id FROM outbox WHERE shop_id = $1 AND kind = 'credit.added' ORDER BY at, id", shop_id
    )
    sent: dict[ClientId, list[str]] = {client: [] for client in clients}
    for row in rows:
        sent[row["client_id"]].append(row["id"])
    return sent


def heard(receiver: WebhookReceiver) -> list[tuple[str, UUID]]:
    """The notices that it got, with their clients."""
    return [
        (request.headers["webhook-id"], UUID(json.loads(request.body)["data"]["client_id"])) for request in receiver.got
    ]


def require_first_times_in_order(receiver: WebhookReceiver, sent: dict[ClientId, list[str]]) -> None:
    firsts: dict[UUID, list[str]] = defaultdict(list)
    for notice, client in dict(heard(receiver)).items():  # dicts keep the order in which keys came first
        firsts[client].append(notice)
    assert firsts == sent


def more_than(receiver: WebhookReceiver, requests: int) -> Callable[[], Awaitable[bool]]:
    async def there_are() -> bool:
        return len(receiver.got) > requests

    return there_are


async def settled(installation: Installation) -> bool:
    waiting: int = await installation.auditor.connection.fetchval(
        """SELECT (SELECT count(*) FROM outbox WHERE due_at IS NOT NULL)
            + (SELECT count(*) FROM deliveries WHERE state = 'pending')"""
    )
    return waiting == 0


async def test_the_worker_is_killed_between_sending_and_marking(
    database: Database, tmp_path: Path, scenario: Scenario, scale: Scale
) -> None:
    """While work goes on: in turns when the receiver has a notice and has not answered, and when it has answered and
    nothing is marked.
    """
    kills = scale.of(50, least=4)
    behave = slowly(0.02)  # so that there is always more to send than what is in hand
    async with with_receivers(database, tmp_path) as installation, receiving(behave) as receiver:
        connection = installation.auditor.connection
        await open_endpoint(installation.desk, receiver.url)
        clients = [await installation.desk.client() for _ in range(50)]
        for turn in range(kills):
            marked = await delivered(installation)
            await put_into_outbox(connection, installation.desk.shop_id, clients, NOTICES_A_KILL)
            worker = start_worker(installation)
            await until(lambda: more_delivered(installation, marked + 20))  # noqa: B023  # awaited within the turn
            if turn % 2:
                receiver.behave = hanging()
                await until(more_than(receiver, len(receiver.got)))
                await worker.kill()
                receiver.behave = behave
            else:
                async with connection.transaction():
                    await connection.execute("LOCK TABLE delivery_attempts IN ACCESS EXCLUSIVE MODE")
                    await installation.auditor.until_waiting(1)
                    await worker.kill()
            await _end_leases(installation)
        killed_with = len(receiver.got)
        receiver.behave = answering()
        async with working(installation):
            await until(lambda: settled(installation))
        sent = await in_outbox(installation, clients)
        times = Counter(notice for notice, _ in heard(receiver))
        assert set(times) == {notice for ids in sent.values() for notice in ids}
        require_first_times_in_order(receiver, sent)
        repeats = sum(times.values()) - len(times)
        assert kills / 2 <= repeats <= kills * deliver_notices.LANES * deliver_notices.DEPTH
        states = await connection.fetch("SELECT DISTINCT state FROM deliveries")
        assert [row["state"] for row in states] == ["delivered"]
    scenario(
        "kill -9 of the worker between sending and marking",
        figure=f"{kills} kills, {len(times):,} notices ({killed_with:,} requests up to the last kill): none lost, "
        f"{repeats:,} came again under their id, first times in order",
    )


async def delivered(installation: Installation) -> int:
    found: int = await installation.auditor.connection.fetchval(
        "SELECT count(*) FROM deliveries WHERE state = 'delivered'"
    )
    return found


async def more_delivered(installation: Installation, enough: int) -> bool:
    return await delivered(installation) >= enough


async def _end_leases(installation: Installation) -> None:
    """As if their minute had passed."""
    await installation.auditor.connection.execute(
        "UPDATE delivery_lanes SET due_at = due_at - interval '61 seconds' WHERE claim IS NOT NULL"
    )


async def test_the_lease_of_a_dead_worker_ends(database: Database, tmp_path: Path, scenario: Scenario) -> None:
    """Waited for, with the second worker there from the beginning."""
    async with with_receivers(database, tmp_path) as installation, receiving(hanging()) as receiver:
        await open_endpoint(installation.desk, receiver.url)
        [ids] = (await fill(installation, clients=1, notices=3)).values()
        worker = start_worker(installation)
        await until(more_than(receiver, 0))
        await worker.kill()
        killed = time.monotonic()
        receiver.behave = answering()
        async with working(installation):
            await until(more_than(receiver, 1), seconds=90)
            took = time.monotonic() - killed
            await until(lambda: settled(installation))
        assert [notice for notice, _ in heard(receiver)] == [ids[0], *ids]
        assert took < 75
    scenario("a dead worker's lease", figure=f"over after {took:.0f} s, then the others go on with the same ids")


@ALONE
@pytest.mark.parametrize("workers", [1, 2])
async def test_workers_on_one_queue_lose_nothing_and_double_nothing(
    database: Database, tmp_path: Path, scenario: Scenario, scale: Scale, workers: int
) -> None:
    notices = scale.of(10_000, least=500)
    async with with_receivers(database, tmp_path) as installation, receiving(answering()) as receiver:
        await open_endpoint(installation.desk, receiver.url)
        sent = await fill(installation, clients=500, notices=notices)
        async with working(installation, workers):
            await until(more_than(receiver, 0))
            began = time.monotonic()
            await until(lambda: settled(installation), seconds=PATIENCE_SECONDS + notices / 50)
            took = time.monotonic() - began
        assert len(receiver.got) == notices
        assert Counter(notice for notice, _ in heard(receiver)).most_common(1)[0][1] == 1
        require_first_times_in_order(receiver, sent)
    several = "two workers" if workers == 2 else "one worker"
    scenario(
        f"{several} on one queue of {notices:,}",
        figure=f"each sent once and in order; {notices / took:,.0f} a second, with a receiver on the same cores "
        f"(goal: {GOAL_A_SECOND})",
    )


@ALONE
async def test_receivers_that_are_away_or_hang_keep_no_other_back(
    database: Database, tmp_path: Path, scenario: Scenario, scale: Scale
) -> None:
    notices = scale.of(200, least=30)
    async with AsyncExitStack() as stack:
        installation = await stack.enter_async_context(with_receivers(database, tmp_path))
        good = await stack.enter_async_context(receiving(answering()))
        hang = [await stack.enter_async_context(receiving(hanging())) for _ in range(10)]
        for url in [good.url, *(receiver.url for receiver in hang), *(f"http://127.0.0.1:1/{n}" for n in range(9))]:
            await open_endpoint(installation.desk, url)
        clients = [await installation.desk.client() for _ in range(20)]
        took: list[float] = []
        async with working(installation):
            for turn in range(notices):
                await installation.desk.add(clients[turn % len(clients)], 100)
                committed = time.monotonic()
                await until(more_than(good, turn))
                took.append(time.monotonic() - committed)
        assert len(good.got) == notices
        assert all(receiver.got for receiver in hang)
        await installation.require_sound()
    median, worst = statistics.median(took), max(took)
    assert worst < 5  # a hanging one is waited for 15 s
    scenario(
        "10 receivers that hang and 9 that are away, beside a good one",
        figure=f"{notices} notices reach the good one {median:.1f} s after their commit, {worst:.1f} s at most",
    )


@ALONE
async def test_nobody_at_a_till_notices_that_all_receivers_are_down(
    database: Database, tmp_path: Path, scenario: Scenario, scale: Scale
) -> None:
    """Phases with all up and phases with all down in turn, each at a shop of its own, on one server and one worker."""
    samples = scale.of(600, least=120)
    async with AsyncExitStack() as stack:
        installation = await stack.enter_async_context(with_receivers(database, tmp_path))
        up = await stack.enter_async_context(receiving(answering()))
        down = await stack.enter_async_context(receiving(hanging()))
        failing = await stack.enter_async_context(receiving(answering("500 Internal Server Error")))
        desks = {True: installation.desk, False: await open_desk(installation.desk.container)}
        for path in range(3):
            await open_endpoint(desks[True], f"{up.url}&{path}")
        endpoints = [await open_endpoint(desks[False], url) for url in (down.url, failing.url, "http://127.0.0.1:1/")]
        server = await stack.enter_async_context(installation.serving())
        await stack.enter_async_context(working(installation))
        took: dict[bool, list[float]] = {True: [], False: []}
        phases = Phases(installation, desks, server.url)
        await phases.run(is_up=True, requests=20)  # the first are slower, whoever is up
        await phases.run(is_up=False, requests=20)
        # More of both where the machine was busy with something else.
        while len(took[True]) < samples or (ratio_of(took) > MOST_SLOWER and len(took[True]) < 10 * samples):
            for is_up in (True, False):
                took[is_up] += await phases.run(is_up=is_up, requests=30)
            await _give_up(desks[False], endpoints)
        assert len(failing.got) > 0
        assert len(down.got) > 0
        assert len(up.got) > 0
        await installation.auditor.require_sound(*desks.values())
    ratio = ratio_of(took)
    assert ratio <= MOST_SLOWER
    scenario(
        "the API while all receivers are down",
        figure=f"adding credit takes {median_ms(took[False]):.1f} ms (median of {len(took[False]):,}), and "
        f"{median_ms(took[True]):.1f} ms while all are up: ratio {ratio:.2f}",
    )


def median_ms(took: list[float]) -> float:
    return statistics.median(took) * 1000


def ratio_of(took: dict[bool, list[float]]) -> float:
    """Down to up."""
    return median_ms(took[False]) / median_ms(took[True])


class Phases:
    """Somebody who adds credit at one shop or the other, one request after the other."""

    def __init__(self, installation: Installation, desks: dict[bool, Desk], url: str) -> None:
        self._installation = installation
        self._desks = desks
        self._url = url

    async def run(self, *, is_up: bool, requests: int) -> list[float]:
        """How long each took, in seconds."""
        desk = self._desks[is_up]
        client = await desk.client()
        key = await _key_of(desk)
        took = []
        async with self._installation.till(self._url, api_key=key) as till:
            for _ in range(requests):
                began = time.monotonic()
                answer = await till(Request.add(client))
                took.append(time.monotonic() - began)
                assert answer.status_code == 201
        return took


async def _key_of(desk: Desk) -> str:
    made = await desk.container.add_api_key()(desk.owner, name="till", permissions={Permission.CREATE_PAYMENTS})
    return made.key


async def _give_up(desk: Desk, endpoints: list[EndpointId]) -> None:
    """What waits for a retry would else come in the middle of a phase with all up."""
    async with desk.container.transactions().at_shop(desk.shop_id) as shop:
        for endpoint_id in endpoints:
            await shop.deliveries.give_up(ReceiverId(endpoint_id), at=desk.container.clock().now())
