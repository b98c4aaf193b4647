"""What goes wrong around the program: requests cut short, a full pool, locks held too long, lost connections."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from time import monotonic
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from adapters.postgres.provision import APP
from core.errors import Refusal
from core.staff import Caller
from core.views import EntryView
from entrypoints.container import Container
from ports.transactions import AlreadyAnswered, Busy, IdempotencyKeyInUse, Unavailable
from tests.database import Database
from tests.desk import Desk, keyed, open_desk, program
from tests.soundness import Auditor


@pytest.fixture(scope="module")
async def alone(database: Database) -> AsyncIterator[Database]:
    """A database whose sessions can be counted."""
    async with database.fresh() as alone:
        yield alone


@pytest.fixture(scope="module")
async def auditor(alone: Database) -> AsyncIterator[Auditor]:
    connection = await asyncpg.connect(alone.superuser_url)
    yield Auditor(connection)
    await connection.close()


@pytest.fixture(scope="module")
async def container(alone: Database) -> AsyncIterator[Container]:
    async with program(alone, max_connections=4) as running:
        yield running


@asynccontextmanager
async def impatient(
    alone: Database, auditor: Auditor, timeout: str = "lock_timeout", *, at_most: str = "250ms", **settings: object
) -> AsyncIterator[Desk]:
    """A shop of a program whose connections wait a quarter of a second instead of five."""
    role = f"ALTER ROLE {APP} IN DATABASE {alone.name}"
    await auditor.connection.execute(f"{role} SET {timeout} = '{at_most}'")
    try:
        async with program(alone, **{"max_connections": 4, **settings}) as container:
            opened = await open_desk(container)
            yield opened
            await auditor.require_sound(opened)
    finally:
        await auditor.connection.execute(f"{role} RESET {timeout}")


@asynccontextmanager
async def somebody_has(alone: Database, what: str, *arguments: object) -> AsyncIterator[None]:
    """Another connection has a lock, in a transaction that does not end before the block does."""
    connection = await asyncpg.connect(alone.superuser_url)
    try:
        async with connection.transaction():
            await connection.execute(what, *arguments)
            yield
    finally:
        await connection.close()


def its_account(client: UUID) -> tuple[str, UUID]:
    return "SELECT FROM credit_accounts WHERE client_id = $1 FOR UPDATE", client


async def _sessions(auditor: Auditor, state: str = "") -> int:
    """How many connections the program has to the database, in that state or in any."""
    count: int = await auditor.connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = $1 AND state LIKE $2",
        APP,
        f"{state}%",
    )
    return count


async def _cut_short(request: Awaitable[object], after: float) -> object:
    """What the request is answered, or CancelledError if it is cancelled before."""
    task = asyncio.ensure_future(request)
    await asyncio.wait([task], timeout=after)
    task.cancel()
    [answer] = await asyncio.gather(task, return_exceptions=True)
    return answer


async def test_requests_cut_short_anywhere_are_done_or_not_and_a_repeat_says_the_same(
    desk: Desk, auditor: Auditor
) -> None:
    dice = Random(20260302)  # noqa: S311  # a die, no secret
    client = await desk.client()
    invoice = await desk.invoice(client, 10**9)
    await desk.add(client, 10**6)
    payments = [(await desk.pay(invoice, 10)).id for _ in range(40)]
    requests: list[Callable[[Caller, UUID], Awaitable[Any]]] = [
        lambda who, _: desk.add(client, 100, caller=who),
        lambda who, _: desk.apply(invoice, 1, caller=who),
        lambda who, _: desk.pay(invoice, 5, caller=who),
        lambda who, _: desk.container.add_client()(who, name="New", email=None, phone=None),
        lambda who, payment: desk.delete(payment, caller=who),
    ]
    began = monotonic()
    await desk.add(client, 100)
    usual = monotonic() - began
    cancelled = 0
    for attempt in range(200):
        request, payment = requests[attempt % 5], payments[attempt // 5]
        who = keyed(desk.owner, f"request {attempt}")
        first = await _cut_short(request(who, payment), dice.random() * usual * 1.2)
        cut = isinstance(first, asyncio.CancelledError)
        cancelled += cut
        usual *= 1.05 if cut else 0.95  # what a request takes changes with whatever else the machine does
        done = len(await auditor.rows("idempotency_records", desk.shop_id)) > attempt
        assert cut or (done and not isinstance(first, BaseException)), first
        # The repeat gets the first answer if it was done, and does it if it was not.
        repeat = (await asyncio.gather(request(who, payment), return_exceptions=True))[0]
        assert isinstance(repeat, AlreadyAnswered) is done, (first, repeat)
    assert 20 < cancelled < 200
    await _healthy(desk, auditor, client)
    kinds = [str(entry.kind) for entry in await desk.entries(client)]
    assert (kinds.count("added"), kinds.count("applied")) == (2 + 40, 40)
    assert len((await desk.show(invoice)).payments) == 40 + 40 + 40 - 40


async def _healthy(desk: Desk, auditor: Auditor, client: UUID) -> None:
    """The books are sound, no connection is left in a transaction, and all of the pool can be had."""
    await auditor.require_sound(desk)
    await _until_at_most(0, auditor, "idle in transaction")
    await asyncio.gather(*(desk.card(client) for _ in range(20)))
    await _until_at_most(4, auditor)


async def _until_at_most(count: int, auditor: Auditor, state: str = "") -> None:
    """The server notices a moment later that a connection was given up; a busy one some moments later."""
    async with asyncio.timeout(10):
        while await _sessions(auditor, state) > count:
            await asyncio.sleep(0.01)


async def test_many_requests_cut_short_at_once_leave_the_pool_whole(desk: Desk, auditor: Auditor) -> None:
    dice = Random(20260303)  # noqa: S311  # a die, no secret
    client = await desk.client()
    for _ in range(5):
        requests = [_cut_short(desk.add(client, 1), dice.random() * 0.05) for _ in range(20)]
        await asyncio.gather(*requests)
    await _healthy(desk, auditor, client)


async def test_a_request_that_is_cut_short_while_it_waits_for_a_lock_lets_go_of_everything(
    desk: Desk, alone: Database, auditor: Auditor
) -> None:
    client = await desk.client()
    async with somebody_has(alone, *its_account(client)):
        waiting = [asyncio.ensure_future(desk.add(client, 100)) for _ in range(4)]
        await auditor.until_waiting(4)
        for task in waiting:
            task.cancel()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(answer, asyncio.CancelledError) for answer in ended)
        # Others are served meanwhile.
        await desk.add(await desk.client(), 100)
    assert await desk.entries(client) == []
    await _healthy(desk, auditor, client)


async def test_a_pool_of_two_under_fifty_requests_answers_busy_instead_of_hanging_and_recovers(
    alone: Database, auditor: Auditor
) -> None:
    async with impatient(alone, auditor, max_connections=2, acquire_timeout_seconds=1.0) as desk:
        client = await desk.client()
        async with somebody_has(alone, *its_account(client)):
            began = monotonic()
            answers = await asyncio.gather(*(desk.add(client, 100) for _ in range(50)), return_exceptions=True)
            assert monotonic() - began < 10
            assert {type(answer) for answer in answers} == {Busy}
        assert await desk.entries(client) == []
        await desk.add(client, 100)
        # With a little patience, all fifty are served by two connections.
        await asyncio.gather(*(_patiently(desk, client) for _ in range(50)))
        assert (await desk.card(client)).credit == 5100


async def _patiently(desk: Desk, client: UUID) -> None:
    while True:
        try:
            await desk.add(client, 100)
            return
        except Busy:
            continue


async def test_who_waits_too_long_for_an_account_is_told_that_it_is_busy_and_nothing_is_written(
    alone: Database, auditor: Auditor
) -> None:
    async with impatient(alone, auditor) as desk:
        client = await desk.client()
        invoice = await desk.invoice(client, 1000)
        before = await auditor.everything(desk.shop_id)
        async with somebody_has(alone, *its_account(client)):
            for request in (
                lambda: desk.add(client, 100, caller=keyed(desk.owner, "k")),
                lambda: desk.pay(invoice, 100),
                lambda: desk.delete_client(client),
            ):
                with pytest.raises(Busy):
                    await request()
            # To look needs no lock.
            assert (await desk.card(client)).credit == 0
            assert (await desk.options(invoice)).due == 1000
        assert await auditor.everything(desk.shop_id) == before
        # The key is free.
        await desk.add(client, 100, caller=keyed(desk.owner, "k"))


async def test_who_waits_too_long_for_a_key_is_told_that_it_is_in_use(alone: Database, auditor: Auditor) -> None:
    key_taken = """INSERT INTO idempotency_records (shop_id, key, fingerprint, status, body, sealed, recorded_at)
        VALUES ($1, 'k', 'x', 201, '{}', false, now())"""
    async with impatient(alone, auditor) as desk:
        client = await desk.client()
        async with somebody_has(alone, key_taken, desk.shop_id):
            for request in (
                lambda who: desk.add(client, 100, caller=who),
                lambda who: desk.container.add_client()(who, name="New", email=None, phone=None),
                lambda who: desk.delete_client(client, caller=who),
            ):
                with pytest.raises(IdempotencyKeyInUse):
                    await request(keyed(desk.owner, "k"))
            # Another key is no matter.
            await desk.add(client, 100, caller=keyed(desk.owner, "another"))


async def test_a_request_waits_for_one_with_the_same_key_that_ends_in_time(
    desk: Desk, alone: Database, auditor: Auditor
) -> None:
    client = await desk.client()
    async with somebody_has(alone, *its_account(client)):
        first, second = (asyncio.ensure_future(desk.add(client, 100, caller=keyed(desk.owner, "k"))) for _ in range(2))
        await auditor.until_waiting(2)
    answers = await asyncio.gather(first, second, return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["AlreadyAnswered", "EntryView"]


async def test_a_request_whose_connection_is_cut_says_unavailable_and_the_next_one_works(
    desk: Desk, alone: Database, auditor: Auditor
) -> None:
    client = await desk.client()
    who = keyed(desk.owner, "k")
    async with somebody_has(alone, *its_account(client)):
        cut = asyncio.ensure_future(desk.add(client, 100, caller=who))
        await auditor.until_waiting(1)
        await auditor.connection.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND usename = $1 AND wait_event_type = 'Lock'""",
            APP,
        )
        with pytest.raises(Unavailable):
            await cut
    # With the same key it is safe to try again.
    assert (await desk.add(client, 100, caller=who)).number == 1
    await _healthy(desk, auditor, client)


async def test_connections_that_are_cut_while_nobody_uses_them_cost_no_more_than_one_try_each(
    desk: Desk, auditor: Auditor
) -> None:
    client = await desk.client()
    for _ in range(3):
        await asyncio.gather(*(desk.card(client) for _ in range(8)))
        cut = await auditor.connection.fetchval(
            """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND usename = $1""",
            APP,
        )
        assert cut > 0
        tries = [(await asyncio.gather(desk.add(client, 100), return_exceptions=True))[0] for _ in range(cut + 1)]
        assert {type(answer) for answer in tries} <= {Unavailable, EntryView}
        assert isinstance(tries[-1], EntryView)
    await _healthy(desk, auditor, client)


async def test_a_statement_that_takes_too_long_is_told_as_busy(alone: Database, auditor: Auditor) -> None:
    async with impatient(alone, auditor, "statement_timeout", at_most="2s") as desk:
        client = await desk.client()
        async with somebody_has(alone, *its_account(client)):
            with pytest.raises(Busy):
                await desk.add(client, 100)
        await desk.add(client, 100)


async def test_a_look_that_met_a_deadlock_looks_again(alone: Database, auditor: Auditor) -> None:
    """As behind a migration, which takes one table after the other."""
    async with program(alone, max_connections=4) as container:
        desk = await open_desk(container)
        client = await desk.client()
        await desk.add(client, 100)
        migration = await asyncpg.connect(alone.superuser_url)
        try:
            async with migration.transaction():
                await migration.execute("LOCK TABLE ledger_entries IN ACCESS EXCLUSIVE MODE")
                looking = asyncio.ensure_future(desk.entries(client))
                await auditor.until_waiting(1)
                # Who waited first is the first to find out.
                await migration.execute("LOCK TABLE staff IN ACCESS EXCLUSIVE MODE")
            assert [entry.amount for entry in await looking] == [100]
        finally:
            await migration.close()


async def test_a_refusal_gives_its_connection_back(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    for _ in range(20):
        with pytest.raises(Refusal):
            await desk.apply(client)
    await _healthy(desk, auditor, client)
