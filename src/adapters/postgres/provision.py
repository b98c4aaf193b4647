"""What a cluster needs before the first migration: the roles, and a database that belongs to their owner.

The only part of the program that signs in as a superuser. Where nobody has one (a hosted PostgreSQL), a database
administrator does by hand what `roles.sql` and this module say.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.resources import files

import asyncpg

OWNER = "account_credit_owner"
APP = "account_credit_app"
JOBS = "account_credit_jobs"
BACKUP = "account_credit_backup"


async def provision(superuser_url: str, *, database: str) -> None:
    """Make the roles and the database where they are missing; a few milliseconds where they are not.

    `superuser_url` may name any database of the cluster that exists. Any number may run this at once. Raises what
    asyncpg raises: OSError where no server answers, asyncpg.PostgresError where the role may not do this.
    """
    async with _connection(superuser_url) as cluster:
        await cluster.execute(files(__package__).joinpath("roles.sql").read_text())
        if await cluster.fetchval(_CLOSED_TO_PUBLIC, database):
            return
        if not await cluster.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database):
            with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                # template0: the encoding must not hang on what somebody has put into template1.
                await cluster.execute(
                    f"CREATE DATABASE {_quoted(database)} OWNER {OWNER} ENCODING 'UTF8' TEMPLATE template0"
                )
    async with _connection(superuser_url, database=database) as inside, inside.transaction():
        await inside.execute(_LOCK)
        await inside.execute(_SCHEMA_RIGHTS)
        await inside.execute(_DATABASE_RIGHTS.format(database=_quoted(database)))


# Two at once would fail with "tuple concurrently updated"; held to the end of the transaction.
_LOCK = "LOCK TABLE pg_catalog.pg_db_role_setting IN SHARE ROW EXCLUSIVE MODE"

# Clusters that were upgraded from PostgreSQL 14 let everybody create tables in "public".
_SCHEMA_RIGHTS = f"""
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO {OWNER};
GRANT USAGE ON SCHEMA public TO {APP}, {JOBS}, {BACKUP}
"""

# In one transaction with the rights above, so these being in place tells that those are.
_DATABASE_RIGHTS = f"""
REVOKE ALL ON DATABASE {{database}} FROM PUBLIC;
GRANT ALL ON DATABASE {{database}} TO {OWNER};
GRANT CONNECT ON DATABASE {{database}} TO {APP}, {JOBS}, {BACKUP}
"""

# The names put in are the constants above.
_CLOSED_TO_PUBLIC = f"""
SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)
   AND NOT has_database_privilege('public', $1, 'CONNECT')
   AND has_database_privilege('{OWNER}', $1, 'CONNECT') AND has_database_privilege('{APP}', $1, 'CONNECT')
   AND has_database_privilege('{JOBS}', $1, 'CONNECT') AND has_database_privilege('{BACKUP}', $1, 'CONNECT')
"""  # noqa: S608


@asynccontextmanager
async def _connection(url: str, *, database: str | None = None) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(url, database=database)
    try:
        yield connection
    finally:
        await connection.close()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
