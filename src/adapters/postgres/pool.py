"""The connection pool of the runtime role."""

import asyncpg

from adapters.postgres.shop_scope import Record


async def _nothing_to_reset(_connection: "asyncpg.Connection[Record]") -> None:
    """Only SET LOCAL is used, so the RESET ALL that asyncpg sends on release would be one message for nothing."""


def make_pool(url: str, *, max_size: int, connect_timeout_seconds: float) -> "asyncpg.Pool[Record]":
    """A pool that is not open yet; ``async with`` or ``await`` opens it. Connections are made when first needed, so
    that the program starts, and says that it is not ready, while the database is away.
    """
    return asyncpg.create_pool(
        url,
        min_size=0,
        max_size=max_size,
        timeout=connect_timeout_seconds,
        reset=_nothing_to_reset,
        statement_cache_size=500,
        max_cached_statement_lifetime=0,
    )
