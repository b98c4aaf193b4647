"""``account-credit outbox``: what an operator is told of notices, and can do about them."""

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from core.deliveries import Delivery
from ports.notifier import NotAccepted
from tests.database import Database
from tests.desk import Desk, open_desk
from tests.entrypoints.processes import run, running, stop, until
from tests.entrypoints.test_cli import settings_of
from tests.mailroom import Mailroom, accepting, open_endpoint, restored


@pytest.fixture(scope="module")
async def alone(database: Database) -> AsyncIterator[Database]:
    async with database.fresh() as alone:
        yield alone


@pytest.fixture
async def mailroom(alone: Database) -> AsyncIterator[Mailroom]:
    connection = await asyncpg.connect(alone.superuser_url)
    async with Mailroom.of(alone, connection) as mailroom:
        yield mailroom
        await mailroom.container.outbox_control().resume()
    await connection.close()


@pytest.fixture
async def desk(mailroom: Mailroom) -> Desk:
    return await open_desk(mailroom.container)


@pytest.fixture
def settings(alone: Database) -> dict[str, str]:
    return settings_of(alone)


async def unusable(_delivery: Delivery) -> str:
    raise NotAccepted("400 Bad Request", for_good=True)


async def away(_delivery: Delivery) -> str:
    raise NotAccepted("503 Service Unavailable")


def line_of(desk: Desk, printed: str) -> list[str]:
    [line] = [line for line in printed.splitlines() if line.startswith(desk.slug)]
    return line.removeprefix(desk.slug).split()


async def test_status_says_what_waits_and_what_failed_where(
    desk: Desk, mailroom: Mailroom, settings: dict[str, str]
) -> None:
    await open_endpoint(mailroom.connection, desk)
    await open_endpoint(mailroom.connection, desk, off_since=mailroom.clock.now(), off_reason="failing")
    mailroom.receiver.behave = unusable
    await desk.add(await desk.client(), 100)
    await mailroom.work()
    mailroom.receiver.behave = away
    await desk.add(await desk.client(), 100)
    await mailroom.work()
    client = await desk.client()
    for _ in range(3):
        await desk.add(client, 100)
    told = run("outbox", "status", settings=settings)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("Notices go out.\n")
    assert line_of(desk, told.stdout) == ["3", "1", "0", "min", "1", "1"]
    as_json = json.loads(run("outbox", "status", "--json", settings=settings).stdout)
    [found] = [shop for shop in as_json["shops"] if shop["slug"] == desk.slug]
    summary = found["summary"]
    assert (summary["unrouted"], summary["pending"], summary["failed"], found["endpoints_off"]) == (3, 1, 1, 1)
    assert as_json["pause"] is None


async def test_a_shop_where_nothing_waits_has_no_line(desk: Desk, settings: dict[str, str]) -> None:
    told = run("outbox", "status", settings=settings)
    assert desk.slug not in told.stdout
    assert "nothing waits, nothing failed" in told.stdout


async def test_retry_sends_what_failed_again_but_not_to_endpoints_that_are_off(
    desk: Desk, mailroom: Mailroom, settings: dict[str, str]
) -> None:
    on = await open_endpoint(mailroom.connection, desk)
    off = await open_endpoint(mailroom.connection, desk)
    mailroom.receiver.behave = unusable
    client = await desk.client()
    for _ in range(3):
        await desk.add(client, 100)
    await mailroom.work()
    await mailroom.connection.execute(
        "UPDATE webhook_endpoints SET off_since = now(), off_reason = 'gone' WHERE id = $1", off
    )
    told = run("outbox", "retry", "--shop", desk.slug, settings=settings)
    assert (told.returncode, told.stdout) == (0, "3 deliveries will be sent again now.\n")
    mailroom.receiver.behave = accepting
    await mailroom.work()
    assert await mailroom.states(on) == ["delivered"] * 3
    assert await mailroom.states(off) == ["failed"] * 3
    assert run("outbox", "retry", "--shop", desk.slug, settings=settings).stdout.startswith("0 deliveries")


async def test_retry_of_what_there_is_not_is_one_sentence(desk: Desk, settings: dict[str, str]) -> None:
    shop = run("outbox", "retry", "--shop", "nowhere", settings=settings)
    assert (shop.returncode, shop.stderr) == (1, "Error: No shop has the slug nowhere.\n")
    endpoint_id = uuid4()
    endpoint = run("outbox", "retry", "--endpoint", str(endpoint_id), settings=settings)
    assert (endpoint.returncode, endpoint.stdout) == (1, "")
    assert str(endpoint_id) in endpoint.stderr


async def test_a_pause_reaches_a_running_worker_and_ends_when_it_is_told(
    desk: Desk, mailroom: Mailroom, settings: dict[str, str], tmp_path: Path
) -> None:
    with running("worker", settings=settings, folder=tmp_path) as worker:
        log = tmp_path / "err"
        until(lambda: '"event": "working"' in log.read_text())
        paused = run("outbox", "pause", "--why", "moving house", settings=settings)
        assert (paused.returncode, paused.stderr) == (0, "")
        until(lambda: '"event": "paused"' in log.read_text())
        await desk.add(await desk.client(), 100)
        status = run("outbox", "status", settings=settings).stdout
        assert "paused since" in status
        assert "moving house" in status
        assert line_of(desk, status)[0] == "1"
        assert '"event": "notice"' not in log.read_text()
        assert run("outbox", "resume", settings=settings).stdout == "Notices go out.\n"
        until(lambda: '"event": "notice"' in log.read_text())
        assert stop(worker, signal.SIGTERM) == 0


@pytest.mark.parametrize("why", ["", "   ", "x" * 501, "two\nlines"], ids=["nothing", "blank", "long", "lines"])
def test_a_reason_is_one_line(why: str, settings: dict[str, str]) -> None:
    assert run("outbox", "pause", "--why", why, settings=settings).returncode == 2


async def test_after_a_restore_what_waits_can_be_given_up_and_is_still_there_to_be_sent(
    desk: Desk, mailroom: Mailroom, alone: Database
) -> None:
    endpoint = await open_endpoint(mailroom.connection, desk)
    mailroom.receiver.behave = away
    await desk.add(await desk.client(), 100)
    await mailroom.work()
    await desk.add(await desk.client(), 200)
    async with restored(alone) as copy:
        there = settings_of(Database(copy.name, alone.cluster))
        assert "restored from a backup" in run("outbox", "status", settings=there).stdout
        once = run("worker", "--once", settings=there)
        assert once.stdout.startswith("0 notices routed, 0 deliveries accepted.")
        resumed = run("outbox", "resume", "--give-up", settings=there)
        assert resumed.stdout.startswith("2 deliveries given up")
        assert await copy.states(endpoint) == ["failed", "failed"]
        assert await copy.later(days=1) == (0, 0)
        again = run("outbox", "resume", "--give-up", settings=there)
        assert (again.returncode, again.stdout) == (1, "")
        assert "not paused" in again.stderr
        assert run("outbox", "retry", "--shop", desk.slug, settings=there).stdout.startswith("2 deliveries")
        assert await copy.later(days=1) == (0, 2)
        assert sorted(copy.receiver.amounts()) == [100, 200]
