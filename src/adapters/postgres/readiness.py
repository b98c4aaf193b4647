"""Whether the database is there and as new as the program."""

import asyncio

import asyncpg

from adapters.postgres import migrations

TIMEOUT_SECONDS = 2


class Readiness:
    """Asks on a connection of its own: a busy pool is not a database that is away."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._head = migrations.head()

    async def __call__(self) -> bool:
        """True when the database answers and has at least the migrations that this program needs."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                # Nothing is prepared for later, and it is a transaction: so that a pooler may be in between.
                connection = await asyncpg.connect(self._url, statement_cache_size=0)
                try:
                    async with connection.transaction():
                        revision = await connection.fetchval("SELECT version_num FROM alembic_version")
                finally:
                    await connection.close(timeout=1)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return bool(revision) and str(revision) >= self._head
