"""People at work while something is done to their database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from tests.database import Database
from tests.trust.installation import Installation, Request, Server, Till, until

WORKERS = 6


@dataclass
class Load:
    """People who add credit without end, each to one client, and who ask again until they are told that it is done."""

    installation: Installation
    acknowledged: dict[str, UUID] = field(default_factory=dict)
    refused: int = 0
    last_at: float = 0.0
    _over: bool = False

    @asynccontextmanager
    async def on(self, server: Server) -> AsyncIterator[None]:
        clients = [await self.installation.desk.client() for _ in range(WORKERS)]
        async with self.installation.till(server.url) as till, asyncio.TaskGroup() as workers:
            for client in clients:
                workers.create_task(self._work(till, client))
            yield
            self._over = True

    async def _work(self, till: Till, client_id: UUID) -> None:
        while not self._over:
            request = Request.add(client_id)
            answer, refused = await till.insist(request)
            self.refused += refused
            self.acknowledged[request.key] = UUID(answer.json()["id"])
            self.last_at = time.monotonic()

    async def more(self, count: int) -> None:
        """Until that many more were acknowledged."""
        enough = len(self.acknowledged) + count

        async def there() -> bool:
            return len(self.acknowledged) >= enough

        await until(there)


async def kept(database: Database, entries: list[UUID]) -> int:
    """How many of these entries the database has, asked on a new connection."""
    connection = await asyncpg.connect(database.superuser_url)
    try:
        count: int = await connection.fetchval("SELECT count(*) FROM ledger_entries WHERE id = ANY ($1)", entries)
    finally:
        await connection.close()
    return count
