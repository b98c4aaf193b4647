"""What a cluster needs before the first migration: the roles, and a database that belongs to their owner.

The only part of the program that signs in as a superuser. Where nobody has one (a hosted PostgreSQL), a database
administrator does by hand what `roles.sql` and this module say.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from hashlib import pbkdf2_hmac, sha256
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


async def set_passwords(superuser_url: str, passwords: Mapping[str, str]) -> None:
    """Let each role sign in with its password. What is sent, and what a log of statements shows, is a verifier."""
    async with _connection(superuser_url) as cluster, cluster.transaction():
        await cluster.execute(_LOCK)
        for role, password in passwords.items():
            await cluster.execute(f"ALTER ROLE {_quoted(role)} PASSWORD '{scram_verifier(password)}'")


def scram_verifier(password: str, *, salt: bytes | None = None) -> str:
    """What PostgreSQL keeps of a password (RFC 5803), here of visible ASCII, which needs no SASLprep.

    Raises:
        ValueError: the password has other characters.
    """
    if not password or not all("!" <= character <= "~" for character in password):
        raise ValueError("a role's password must have visible ASCII characters only")
    salt = secrets.token_bytes(16) if salt is None else salt
    salted = pbkdf2_hmac("sha256", password.encode(), salt, _SCRAM_ROUNDS)
    stored_key = sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    texts = [b64encode(part).decode() for part in (salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${_SCRAM_ROUNDS}:{texts[0]}${texts[1]}:{texts[2]}"


_SCRAM_ROUNDS = 4096

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
