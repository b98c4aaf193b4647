"""A database that is slow, in the way, or not to be written to: a bounded wait, an answer that says try again, and no
trace of what was refused.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path

import asyncpg
import httpx
import pytest

from core.use_cases.retried import MAX_ATTEMPTS
from tests.database import Database
from tests.trust.installation import Installation, Request, Server, installed, require_retryable
from tests.trust.scenarios import Scale, Scenario

CLIENTS = 50
LOCK_TIMEOUT_SECONDS = 5
LATER_AT_MOST_SECONDS = 8
"""Of an answer on a machine that is busy with something else."""


@pytest.fixture
async def installation(database: Database, tmp_path: Path) -> AsyncIterator[Installation]:
    async with database.fresh() as alone, installed(alone, tmp_path) as installation:
        yield installation


async def health(server: Server) -> dict[str, int]:
    async with httpx.AsyncClient(base_url=server.url, timeout=20) as http:
        return {name: (await http.get(f"/health/{name}")).status_code for name in ("live", "ready")}


async def test_fifty_clients_share_a_pool_of_two(installation: Installation, scenario: Scenario) -> None:
    requests = [Request.add(await installation.desk.client()) for _ in range(CLIENTS)]
    slow, others = requests[:2], requests[2:]
    await installation.let_locks_be_waited_for()
    async with (
        installation.serving(ACCOUNT_CREDIT_MAX_CONNECTIONS="2", ACCOUNT_CREDIT_ACQUIRE_TIMEOUT_SECONDS="1") as server,
        installation.till(server.url) as till,
    ):
        async with installation.locked(*(request.client_id for request in slow)):
            waiting = [asyncio.create_task(till(request)) for request in slow]
            await installation.auditor.until_waiting(len(slow))
            refused = await asyncio.gather(*(till(request) for request in others))
            # The database is there, and it asks on a connection of its own: a busy pool is no reason to send nobody.
            assert await health(server) == {"live": 200, "ready": 200}
        for answer in refused:
            require_retryable(answer, "busy")
        assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [201, 201]
        began = time.monotonic()
        answers = [answer for answer, _ in await asyncio.gather(*(till.insist(request) for request in requests))]
        recovered = time.monotonic() - began
        assert await installation.connections() <= 2
        for request in requests:
            assert await installation.entries(request.client_id) == 1
    replayed = sum(answer.headers.get("idempotency-replayed") == "true" for answer in answers)
    assert replayed >= len(slow)
    await installation.require_sound()
    scenario(
        "a pool of 2 with 50 clients",
        figure=f"{len(refused)} answers 503 with Retry-After, live 200, ready 200 (the database is there); "
        f"all {CLIENTS} done {recovered:.1f} s later, each once",
    )


async def test_a_lock_is_held_for_long(installation: Installation, scenario: Scenario, scale: Scale) -> None:
    held_seconds = scale.of(30, least=3, most=30)
    timeout = LOCK_TIMEOUT_SECONDS if scale.factor >= 1 else 1
    await installation.set_for_program("lock_timeout", f"{timeout}s")
    request, other = await installation.request("apply"), await installation.request("add")
    entries = await installation.entries(request.client_id)
    waits: list[float] = []
    async with installation.serving() as server, installation.till(server.url) as till:
        async with installation.locked(request.client_id):
            began = time.monotonic()
            while time.monotonic() < began + held_seconds:
                asked = time.monotonic()
                require_retryable(await till(request), "busy")
                waits.append(time.monotonic() - asked)
                assert (await till(other)).status_code == 201  # the shop's other clients do not notice
            assert await installation.entries(request.client_id) == entries
        await installation.retry(server, request, replayed=False)
        assert await installation.entries(request.client_id) == entries + 1
    assert timeout <= max(waits) < timeout + LATER_AT_MOST_SECONDS
    await installation.require_sound()
    scenario(
        f"a lock held for {held_seconds} s",
        figure=f"{len(waits)} times 503 busy after {max(waits):.1f} s at most, nothing written; then the retry is done",
    )


async def test_a_deadlock_is_met(installation: Installation, scenario: Scenario) -> None:
    # The program's side looks for the deadlock first, once, and so is the one that PostgreSQL ends. By then it has to
    # be there, also on a busy machine.
    await installation.set_for_program("deadlock_timeout", "2s")
    request = await installation.request("apply")
    entries = await installation.entries(request.client_id)
    rival = await asyncpg.connect(installation.database.superuser_url)
    async with installation.serving() as server, installation.till(server.url) as till:
        await rival.execute("SET deadlock_timeout = '1min'; BEGIN")
        await rival.execute("SELECT FROM invoices WHERE client_id = $1 FOR UPDATE", request.client_id)
        asked = asyncio.create_task(till(request))
        await installation.auditor.until_waiting(1)
        await rival.execute("SELECT FROM credit_accounts WHERE client_id = $1 FOR UPDATE", request.client_id)
        # Both are the rival's now, so the request's transaction is gone.
        await rival.execute("ROLLBACK")
        assert (await asked).status_code == 201
        assert await installation.entries(request.client_id) == entries + 1
    await rival.close()
    await installation.require_sound()
    scenario("a real deadlock", figure="PostgreSQL ended the request, the next attempt is done: 201, one effect")


FAILING = """
CREATE SEQUENCE attempts;
GRANT USAGE ON SEQUENCE attempts TO account_credit_app;
CREATE FUNCTION fail_at_first() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF nextval('attempts') <= TG_ARGV[1]::bigint THEN
    RAISE EXCEPTION 'met another transaction' USING ERRCODE = TG_ARGV[0];
  END IF;
  RETURN NEW;
END $$
"""


async def test_who_met_others_is_tried_again_three_times(installation: Installation, scenario: Scenario) -> None:
    database = installation.auditor.connection
    await database.execute(FAILING)
    failures_and_attempts = ((1, 2), (MAX_ATTEMPTS - 1, MAX_ATTEMPTS), (1000, MAX_ATTEMPTS))
    async with installation.serving() as server, installation.till(server.url) as till:
        for state, (failures, attempts) in product(
            ("serialization_failure", "deadlock_detected"), failures_and_attempts
        ):
            request = await installation.request("capture")
            entries = await installation.entries(request.client_id)
            await database.execute(
                "ALTER SEQUENCE attempts RESTART; CREATE TRIGGER fail_at_first BEFORE INSERT ON ledger_entries "
                f"FOR EACH ROW EXECUTE FUNCTION fail_at_first({state}, {failures})"
            )
            answer = await till(request)
            assert await database.fetchval("SELECT last_value FROM attempts") == attempts
            await database.execute("DROP TRIGGER fail_at_first ON ledger_entries")
            if failures >= MAX_ATTEMPTS:
                require_retryable(answer, "busy")
                assert await installation.entries(request.client_id) == entries
                await installation.retry(server, request, replayed=False)
            else:
                assert answer.status_code == 201, answer.text
            assert await installation.entries(request.client_id) == entries + 1
    await installation.require_sound()
    scenario(
        "deadlock and serialization failures",
        figure=f"tried again {MAX_ATTEMPTS - 1} times at most, then 503 busy without a trace",
    )


async def test_a_database_that_cannot_be_written_to(installation: Installation, scenario: Scenario) -> None:
    database, name = installation.auditor.connection, installation.database.name
    requests = [await installation.request(what) for what in ("add", "apply", "delete")]
    entries = [await installation.entries(request.client_id) for request in requests]
    async with installation.serving() as server, installation.till(server.url) as till:
        await database.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        for request in requests:
            require_retryable(await till(request), "unavailable")
        assert [await installation.entries(request.client_id) for request in requests] == entries
        await database.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        began = time.monotonic()
        for request in requests:
            assert (await till.insist(request))[0].is_success
        back = time.monotonic() - began
        assert [await installation.entries(request.client_id) for request in requests] == [n + 1 for n in entries]
    await installation.require_sound()
    scenario(
        "a read-only database",
        figure=f"writes are 503 unavailable, nothing changes; all are done {back:.1f} s after it ended",
    )
