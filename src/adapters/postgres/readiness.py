"""Whether the database is there and as new as the program."""

import asyncio
from time import monotonic

import asyncpg

from adapters.postgres import migrations

TIMEOUT_SECONDS = 2
KEPT_SECONDS = 1.0
"""For how long an answer is given again. Anybody may ask, and each look is a connection more to the database."""

_REVISION = "SELECT version_num FROM alembic_version"


class Readiness:
    """Asks on a connection of its own: a busy pool is not a database that is away. One at a time: whoever asks while
    it looks, or just after, is told the same.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._head = migrations.head()
        self._look: asyncio.Task[bool] | None = None
        self._looked_at = 0.0

    async def __call__(self) -> bool:
        """True when the database answers and has at least the migrations that this program needs."""
        look = self._look
        if look is None or (look.done() and monotonic() - self._looked_at >= KEPT_SECONDS):
            look = self._look = asyncio.create_task(self._is_ready())
        # Whoever asked first may hang up; the others still want to know.
        return await asyncio.shield(look)

    async def _is_ready(self) -> bool:
        try:
            revision = await self._revision()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        finally:
            self._looked_at = monotonic()
        return bool(revision) and str(revision) >= self._head

    async def _revision(self) -> object:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            # Nothing is prepared for later, and it is a transaction: so that a pooler may be in between.
            connection = await asyncpg.connect(self._url, statement_cache_size=0)
            try:
                async with connection.transaction():
                    return await connection.fetchval(_REVISION)
            finally:
                await connection.close(timeout=1)
