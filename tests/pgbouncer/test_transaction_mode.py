"""Each transaction of the program may run on another connection of the server."""

import asyncio
import signal
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx

from adapters.security.keys import SecretKeys
from core.ids import ClientId
from entrypoints.worker import worker_of
from tests.database import Database
from tests.desk import Desk, open_desk, program
from tests.entrypoints.processes import free_port, run, running, stop, until
from tests.pgbouncer.conftest import SERVER_CONNECTIONS
from tests.worked_example import worked_example

OWNER = {"email": "olive@example.com", "password": "a long password"}


async def test_a_busy_day_goes_over_a_few_connections_and_every_cent_is_where_it_belongs(
    bounced: Database, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async with program(bounced, prepared_statements=False) as container:
        desks = [await open_desk(container) for _ in range(4)]

        async def day(desk: Desk, client: ClientId) -> None:
            for _ in range(5):
                await desk.add(client, 5000)
                invoice = await desk.invoice(client, 7000)
                await desk.apply(invoice)
                await desk.pay(invoice, 2500, overpayment="capture")
                assert (await desk.show(invoice)).due == 0

        clients = [(desk, await desk.client()) for desk in desks for _ in range(5)]
        await asyncio.gather(*(day(desk, client) for desk, client in clients))
        for desk, client in clients:
            assert (await desk.card(client)).credit == 5 * 500
            assert len(await desk.entries(client)) == 15
        for desk in desks:
            assert await desk.findings() == []
        routed, _ = await worker_of(container).once()
        assert routed > 0
        [open_] = await superuser.fetch(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND usename = 'account_credit_app'", bounced.name
        )
        assert container.database().use.open > SERVER_CONNECTIONS >= open_["count"] > 0


def test_the_whole_program_serves_and_works_behind_it(bounced: Database, tmp_path: Path) -> None:
    settings = {
        "ACCOUNT_CREDIT_DATABASE_URL": bounced.app_url,
        "ACCOUNT_CREDIT_JOBS_DATABASE_URL": bounced.jobs_url,
        "ACCOUNT_CREDIT_SECRET_KEYS": SecretKeys.generate("test"),
        "ACCOUNT_CREDIT_PREPARED_STATEMENTS": "false",
    }
    slug, port = f"s-{uuid4().hex[:12]}", str(free_port())
    opened = run(
        *("shop", "create", "--name", "Main Street", "--slug", slug, "--currency", "USD"),
        *("--time-zone", "America/Chicago", "--owner-name", "Olive", "--owner-email", OWNER["email"]),
        settings=settings,
        said=OWNER["password"].encode(),
    )
    assert opened.returncode == 0, opened.stderr
    with running("serve", "--port", port, settings=settings, folder=tmp_path) as server:
        until(lambda: run("healthy", "--port", port, settings={}).returncode == 0)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            signed_in = client.post("/v1/auth/sign-in", json={"shop": slug, **OWNER})
            worked_example(client, {"Authorization": f"Bearer {signed_in.json()['access_token']}"})
        assert stop(server, signal.SIGTERM) == 0
    worked = run("worker", "--once", settings=settings)
    assert worked.returncode == 0, worked.stderr
    verified = run("verify", settings=settings)
    assert (verified.returncode, verified.stderr) == (0, "")
