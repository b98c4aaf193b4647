"""The database's history: forward only, run as the owner role, each migration in a transaction of its own."""

from collections.abc import Callable
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

LOCK_TIMEOUT_SECONDS = 5
"""A migration that waits for a lock makes everyone behind it wait: better to give up and be run again."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def head() -> str:
    """The newest migration that this program knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


async def upgrade(owner_url: str) -> None:
    """Bring the database up to the newest migration. ``owner_url``: as the role that owns the schema."""
    await _with_alembic(owner_url, lambda config: command.upgrade(config, "head"))


async def check(owner_url: str) -> None:
    """Raise ``alembic.util.CommandError`` where the database's tables are not those that the program knows."""
    await _with_alembic(owner_url, command.check)


async def _with_alembic(owner_url: str, run: Callable[[Config], None]) -> None:
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
