"""Figures on the private port: of one process, of several together, and of the worker."""

import json
import os
import signal
import time
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from entrypoints import metrics
from entrypoints.sampling import look_at_outbox, look_at_verified
from ports.transactions import DatabaseTrouble
from tests.database import Database
from tests.desk import open_desk, program
from tests.entrypoints.figures import figure, figures, serving, settings_of
from tests.entrypoints.processes import free_port, run, running, stop, until

OWNER = {"email": "olive@example.com", "password": "a long password"}


def open_shop(settings: dict[str, str]) -> str:
    slug = f"s-{uuid4().hex[:12]}"
    done = run(
        *("shop", "create", "--name", "Main Street", "--slug", slug, "--currency", "USD"),
        *("--time-zone", "America/Chicago", "--owner-name", "Olive", "--owner-email", OWNER["email"]),
        settings=settings,
        said=OWNER["password"].encode(),
    )
    assert done.returncode == 0, done.stderr
    return slug


@pytest.mark.parametrize("processes", [1, 2], ids=["one process", "two processes"])
def test_requests_entries_and_refusals_are_counted_once_whoever_answered_them(
    database: Database, tmp_path: Path, processes: int
) -> None:
    settings = {**settings_of(database), "ACCOUNT_CREDIT_PROCESSES": str(processes)}
    slug = open_shop(settings)
    with serving(settings, tmp_path) as (client, private):
        signed_in = client.post("/v1/auth/sign-in", json={"shop": slug, **OWNER})
        headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}", "Connection": "close"}

        def post(path: str, body: dict[str, object]) -> httpx.Response:
            return client.post(f"/v1{path}", json=body, headers={**headers, "Idempotency-Key": uuid4().hex})

        pat = post("/clients", {"name": "Pat"}).json()["id"]
        # Each on a connection of its own, so that both processes get some.
        for _ in range(20):
            assert post(f"/clients/{pat}/credit/entries", {"reason": "goodwill", "amount": 5, "note": "x"}).is_success
        for _ in range(6):
            assert (
                post(
                    "/invoices/00000000-0000-0000-0000-000000000000/payments", {"method": "account_credit"}
                ).status_code
                == 404
            )
        route = "/v1/clients/{client_id}/credit/entries"
        # A request is counted after its answer was sent.
        live = {"method": "POST", "route": route, "status": "201"}
        until(lambda: figure(private, "account_credit_requests_total", **live) >= 20)
        found = figures(private)

        def of(name: str, **labels: str) -> float:
            return found.get((name, frozenset(labels.items())), 0.0)

        assert of("account_credit_requests_total", method="POST", route=route, status="201") == 20
        assert of("account_credit_request_seconds_count", method="POST", route=route) == 20
        assert of("account_credit_request_seconds_bucket", method="POST", route=route, le="+Inf") == 20
        assert of("account_credit_entries_total", kind="added") == 20
        assert of("account_credit_refusals_total", code="not_found") == 6
        until(lambda: figure(private, "account_credit_pool_connections", state="most") == 10 * processes)
        told = httpx.get(f"http://127.0.0.1:{private}/metrics").text
        assert slug not in told
        assert pat not in told
        assert httpx.get(f"http://127.0.0.1:{private}/health/live").status_code == 200
        assert httpx.get(f"http://127.0.0.1:{private}/v1/me").status_code == 404
        assert client.get("/metrics").status_code == 404, "figures are not for those who may ask the API"


def _serving_ids(log: Path) -> list[int]:
    lines = [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [line["process_id"] for line in lines if line["event"] == "serving" and "processes" not in line]


def test_a_process_that_is_killed_is_replaced_and_what_it_counted_stays_counted(
    database: Database, tmp_path: Path
) -> None:
    settings = {**settings_of(database), "ACCOUNT_CREDIT_PROCESSES": "2"}
    with serving(settings, tmp_path) as (client, private):
        log = tmp_path / "err"
        until(lambda: len(_serving_ids(log)) == 2)
        for _ in range(10):
            assert client.get("/health/live", headers={"Connection": "close"}).status_code == 200
        live = {"method": "GET", "route": "/health/live", "status": "200"}
        # A request is counted after its answer was sent.
        until(lambda: figure(private, "account_credit_requests_total", **live) >= 10)
        before = figure(private, "account_credit_requests_total", **live)
        os.kill(_serving_ids(log)[0], signal.SIGKILL)
        until(lambda: len(_serving_ids(log)) == 3)
        until(lambda: figure(private, "account_credit_pool_connections", state="most") == 20)
        for _ in range(10):
            assert client.get("/health/live", headers={"Connection": "close"}).status_code == 200
        until(lambda: figure(private, "account_credit_requests_total", **live) == before + 10)
        assert '"event": "process_ended"' in log.read_text()


def test_several_processes_do_not_outlive_the_one_that_started_them(database: Database, tmp_path: Path) -> None:
    settings = {**settings_of(database), "ACCOUNT_CREDIT_PROCESSES": "2"}
    log = tmp_path / "err"
    with running("serve", "--port", str(free_port()), settings=settings, folder=tmp_path) as server:
        until(lambda: log.exists() and len(_serving_ids(log)) == 2)
        server.kill()
        server.wait()
        until(lambda: log.read_text().count('"event": "stopped"') == 2)


def _told(name: str, **labels: str) -> float | None:
    """What this process says."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    found = [each for family in families for each in family.samples if (each.name, each.labels) == (name, labels)]
    return found[0].value if found else None


async def test_the_worker_says_what_waits_and_how_the_shops_were_verified(database: Database, tmp_path: Path) -> None:
    async with database.fresh() as alone, program(alone) as container:
        desk = await open_desk(container)
        settings = settings_of(alone)
        private = int(settings["ACCOUNT_CREDIT_METRICS_PORT"])
        paused = run("outbox", "pause", "--why", "for the test", settings=settings)
        assert paused.returncode == 0, paused.stderr
        await desk.add(await desk.client("Pat"), 500)
        before = time.time()
        with running("worker", settings=settings, folder=tmp_path) as worker:
            until(lambda: run("healthy", "--port", str(private), settings={}).returncode == 0)
            until(lambda: figure(private, "account_credit_sampled_timestamp_seconds", what="verified") > before)
            assert figure(private, "account_credit_sampled_timestamp_seconds", what="outbox") > before
            assert figure(private, "account_credit_outbox_waiting", stage="route") == 1
            assert figure(private, "account_credit_outbox_lag_seconds", stage="route") > 0
            assert figure(private, "account_credit_verify_shops", state="never") == 1
            assert stop(worker, signal.SIGTERM) == 0


async def test_what_waits_is_gone_once_it_was_taken_in_hand(database: Database) -> None:
    async with database.fresh() as alone, program(alone) as container:
        desk = await open_desk(container)
        await desk.add(await desk.client("Pat"), 500)
        await look_at_outbox(container)
        assert _told("account_credit_outbox_waiting", stage="route") == 1
        assert (_told("account_credit_outbox_lag_seconds", stage="route") or 0) > 0
        await container.route_notices()()
        await look_at_outbox(container)
        assert _told("account_credit_outbox_waiting", stage="route") == 0
        assert _told("account_credit_outbox_lag_seconds", stage="route") == 0


async def test_figures_of_a_database_that_is_away_say_how_old_they_are(database: Database) -> None:
    async with database.fresh() as alone, program(alone) as container:
        await look_at_outbox(container)
        looked_at = _told("account_credit_sampled_timestamp_seconds", what="outbox")
        await container.jobs_database().close()
        with pytest.raises(DatabaseTrouble):
            await look_at_outbox(container)
        assert _told("account_credit_sampled_timestamp_seconds", what="outbox") == looked_at


async def test_deliveries_do_not_wait_for_a_look_at_the_figures(database: Database) -> None:
    async with program(database) as container:
        desk = await open_desk(container)
        await desk.add(await desk.client("Pat"), 500)
        async with container.jobs_database().connection():  # as if it took long
            assert desk.shop_id in await container.directory().with_notices_to_route()


async def test_verifying_says_how_it_went_and_how_long_ago_that_was(database: Database) -> None:
    async with database.fresh() as alone, program(alone) as container:
        desk, _ = [await open_desk(container) for _ in range(2)]
        await desk.add(await desk.client("Pat"), 500)
        settings = settings_of(alone)
        superuser = await asyncpg.connect(alone.superuser_url)

        async def shops() -> list[float | None]:
            await look_at_verified(container)
            return [_told("account_credit_verify_shops", state=each) for each in ("never", "disagree")]

        try:
            assert await shops() == [2, 0]
            assert run("verify", "--shop", desk.slug, settings=settings).returncode == 0
            assert await shops() == [1, 0]
            await superuser.execute("UPDATE shop_verifications SET verified_at = now() - interval '2 days'")
            await look_at_verified(container)
            assert (_told("account_credit_verify_age_seconds") or 0) > 2 * 86400
            await superuser.execute("ALTER TABLE credit_accounts DISABLE TRIGGER ALL")
            await superuser.execute("UPDATE credit_accounts SET balance = 600, last_at = last_at + interval '1 s'")
            assert run("verify", settings=settings).returncode == 1
            assert await shops() == [0, 1]
            assert (_told("account_credit_verify_age_seconds") or 0) < 60
        finally:
            await superuser.close()


async def test_a_database_that_takes_no_notes_can_be_verified_all_the_same(database: Database) -> None:
    async with database.fresh() as alone, program(alone) as container:
        desk = await open_desk(container)
        superuser = await asyncpg.connect(alone.superuser_url)
        await superuser.execute(f"ALTER DATABASE {alone.name} SET default_transaction_read_only = on")
        await superuser.close()
        done = run("verify", settings=settings_of(alone))
        assert (done.returncode, done.stderr) == (0, f"{desk.slug}: the outcome could not be noted in the database.\n")


def test_methods_and_routes_that_somebody_makes_up_make_no_new_figures(database: Database, tmp_path: Path) -> None:
    with serving(settings_of(database), tmp_path) as (client, private):
        for number, method in enumerate(("PROPFIND", "LOCK", "REPORT")):
            client.request(method, f"/nowhere/{number}")
        told = httpx.get(f"http://127.0.0.1:{private}/metrics").text
    assert "PROPFIND" not in told
    assert "/nowhere" not in told
    assert 'method="other"' in told
