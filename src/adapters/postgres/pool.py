"""The connection pool of one role."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
from msgspec import Struct

from adapters.postgres.shop_scope import Record
from ports.transactions import Unavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy


async def _nothing_to_reset(_connection: "asyncpg.Connection[Record]") -> None:
    """Only SET LOCAL is used, so the RESET ALL that asyncpg sends on release would be one message for nothing."""


class PoolUse(Struct, frozen=True):
    """How many connections there are, how many of them are in use, and how many there may be."""

    open: int
    in_use: int
    most: int


class Database:
    """A pool that is opened and closed with the program. Connections are made when first needed, so that the program
    starts, and says that it is not ready, while the database is away.
    """

    def __init__(
        self,
        url: str,
        *,
        max_connections: int,
        connect_timeout_seconds: float,
        acquire_timeout_seconds: float,
        prepared_statements: bool = True,
        on_statement: Callable[[Any], None] | None = None,
    ) -> None:
        """``prepared_statements``: whether a connection's statements may be kept from one transaction to the next.
        Behind a pooler that hands each transaction to another server connection they are nowhere to be found.
        ``on_statement`` is told of each statement once it was run (asyncpg's ``LoggedQuery``).
        """
        self._url = url
        self._max_connections = max_connections
        self._connect_timeout_seconds = connect_timeout_seconds
        self._acquire_timeout_seconds = acquire_timeout_seconds
        self._prepared_statements = prepared_statements
        self._on_statement = on_statement
        self._pool: asyncpg.Pool[Record] | None = None

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self._max_connections,
            timeout=self._connect_timeout_seconds,
            reset=_nothing_to_reset,
            init=self._told_of_statements if self._on_statement else None,
            statement_cache_size=500 if self._prepared_statements else 0,
            max_cached_statement_lifetime=0,
        )

    async def _told_of_statements(self, connection: "asyncpg.Connection[Record]") -> None:
        if self._on_statement is not None:
            connection.add_query_logger(self._on_statement)

    async def close(self) -> None:
        """Wait for connections in use, up to 10 s, then cut them."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                async with asyncio.timeout(10):
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    @property
    def use(self) -> PoolUse:
        if self._pool is None:
            return PoolUse(0, 0, self._max_connections)
        size = self._pool.get_size()
        return PoolUse(size, size - self._pool.get_idle_size(), self._max_connections)

    @asynccontextmanager
    async def connection(self) -> "AsyncIterator[PoolConnectionProxy[Record]]":
        """A connection for one transaction. Waits for a free one up to the acquire timeout."""
        pool = self._pool
        if pool is None:
            raise Unavailable
        # A time limit is a task more for each request: asyncpg makes none where nobody has to wait.
        timeout = None if pool.get_idle_size() else self._acquire_timeout_seconds
        connection = await pool.acquire(timeout=timeout)
        try:
            yield connection
        except asyncpg.ReadOnlySQLTransactionError:
            # A connection stays as writable as the server was when it was made, and one to a server that is a
            # standby by now leads there for good. Only new ones find out that it is over.
            await pool.expire_connections()
            raise
        finally:
            await pool.release(connection, timeout=self._acquire_timeout_seconds)

    async def fetch(self, statement: str, *arguments: object) -> list[Record]:
        """The rows of a statement that is a transaction of its own."""
        async with self.connection() as connection:
            if self._prepared_statements:
                return await connection.fetch(statement, *arguments)
            # It goes in two messages, to be parsed and to be run, which must reach the same server connection.
            async with connection.transaction():
                return await connection.fetch(statement, *arguments)
