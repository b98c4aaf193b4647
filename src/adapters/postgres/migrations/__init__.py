"""The database's history: forward only, run as the owner role, each migration in a transaction of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from alembic.config import Config

# Alembic and SQLAlchemy's engine are loaded by who migrates: whoever serves asks for head() alone, and starts sooner.

from adapters.postgres.migrations.distribution import distribute

LOCK_TIMEOUT_SECONDS = 1
"""Whoever comes after a migration that waits for a lock waits too, the server's requests first of all: better to give
up, let them through, and try again.
"""
TRIES = 30
PAUSE_SECONDS = 2.0
ANOTHER_ONE_SECONDS = 600
"""How long to wait for somebody else who migrates the same database."""

_LOOK_AGAIN_SECONDS = 0.2
_LOCK_NOT_AVAILABLE = "55P03"
_ONE_AT_A_TIME = int.from_bytes(b"acr-migr", "big") >> 1


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415  # see above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def head() -> str:
    """The newest migration that this program knows."""
    return max(path.name[:4] for path in (Path(__file__).parent / "versions").glob("[0-9]*.py"))


async def upgrade(owner_url: str, *, tries: int = TRIES) -> None:
    """Bring the database up to the newest migration, and on Citus every table to its place. ``owner_url``: as the role
    that owns the schema.

    What is done stays done: each try goes on where the one before met a lock.

    Raises:
        sqlalchemy.exc.DBAPIError, asyncpg.PostgresError: also when a lock could not be had in the last try either.
        TimeoutError: somebody else migrates, and does not come to an end.
    """
    from alembic import command  # noqa: PLC0415  # see above

    async with _one_at_a_time(owner_url):
        for left in reversed(range(tries)):
            try:
                await _with_alembic(owner_url, lambda config: command.upgrade(config, "head"))
                await distribute(owner_url)
                return
            except (DBAPIError, asyncpg.PostgresError) as error:
                told = error.orig if isinstance(error, DBAPIError) else error
                if not left or getattr(told, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                    raise
            await asyncio.sleep(PAUSE_SECONDS)


@asynccontextmanager
async def _one_at_a_time(owner_url: str) -> AsyncIterator[None]:
    """Of two who migrate at once one waits for the other, and then finds nothing left to do."""
    connection = await asyncpg.connect(owner_url)
    try:
        # Asked again and again: who waits inside of a statement has a snapshot, and building an index waits for that.
        async with asyncio.timeout(ANOTHER_ONE_SECONDS):
            while not await connection.fetchval(  # noqa: ASYNC110  # the other one is another program
                "SELECT pg_try_advisory_lock($1)", _ONE_AT_A_TIME
            ):
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        yield
    finally:
        await connection.close()


async def check(owner_url: str) -> None:
    """Raise ``alembic.util.CommandError`` where the database's tables are not those that the program knows."""
    from alembic import command  # noqa: PLC0415  # see above

    await _with_alembic(owner_url, command.check)


async def _with_alembic(owner_url: str, run: "Callable[[Config], None]") -> None:
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415  # see above
    from sqlalchemy.pool import NullPool  # noqa: PLC0415  # see above

    # Waiting for locks is bounded; the work itself (an index on a large table) is not.
    settings = {"lock_timeout": f"{LOCK_TIMEOUT_SECONDS}s", "statement_timeout": "0"}

    async def connect() -> asyncpg.Connection:
        connection = await asyncpg.connect(owner_url)
        for name, value in settings.items():
            await connection.execute(f"SET {name} = '{value}'")
        return connection

    def in_sync(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        run(config)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(in_sync)
            await connection.commit()
    finally:
        await engine.dispose()
