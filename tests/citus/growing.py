"""An installation that has outgrown one machine: its shops work on one PostgreSQL, then on Citus, with all they had.

python -m tests.citus.growing COORDINATOR_URL WORKER_URL ...
"""

from __future__ import annotations

import asyncio
import sys
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from adapters.postgres import migrations
from adapters.postgres.provision import provision
from tests.database import Cluster, Database, become_citus
from tests.desk import open_desk, program


async def grow(coordinator_url: str, *worker_urls: str) -> None:
    """Raises what does not hold afterwards."""
    name = f"account_credit_growing_{uuid4().hex[:12]}"
    database = Database(name, Cluster(coordinator_url, ""))
    for url in (coordinator_url, *worker_urls):
        await provision(url, database=name)
    await migrations.upgrade(database.owner_url)
    async with program(database) as container:
        desks = [await open_desk(container) for _ in range(4)]
        clients = [await desk.client() for desk in desks]
        for desk, client in zip(desks, clients, strict=True):
            await desk.add(client, 5000)
            await desk.apply(await desk.invoice(client, 2000), 2000)

        await become_citus(name, coordinator_url, *worker_urls)
        await migrations.upgrade(database.owner_url)
        await migrations.upgrade(database.owner_url)  # nothing is left to do
        for desk, client in zip(desks, clients, strict=True):
            assert await desk.findings() == []
            assert (await desk.add(client, 100)).balance_after == 3100
            assert await desk.findings() == []
    coordinator = await asyncpg.connect(database.superuser_url)
    try:
        machines = await coordinator.fetchval(
            "SELECT array_agg(DISTINCT nodeport ORDER BY nodeport) FROM citus_shards "
            "WHERE table_name = 'shops'::regclass"
        )
        assert machines == sorted(urlsplit(url).port or 5432 for url in worker_urls)
    finally:
        await coordinator.close()


if __name__ == "__main__":
    asyncio.run(grow(*sys.argv[1:]))
    sys.stdout.write("an installation of one machine went on as Citus, with all it had\n")
