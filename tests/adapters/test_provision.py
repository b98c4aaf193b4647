"""Roles and database before the first migration."""

import asyncio
from importlib.resources import files

import asyncpg
import pytest

from adapters.postgres.provision import APP, BACKUP, JOBS, OWNER, provision
from tests.database import Database


async def ask(url: str, question: str, *arguments: object) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question, *arguments)
    finally:
        await connection.close()


async def test_many_at_once_make_one_database(database: Database) -> None:
    name = 'made by "many" at once'
    try:
        await asyncio.gather(*(provision(database.superuser_url, database=name) for _ in range(8)))
        owned_by = "SELECT datdba::regrole::text FROM pg_database WHERE datname = $1"
        assert await ask(database.superuser_url, owned_by, name) == OWNER
    finally:
        await ask(database.superuser_url, 'DROP DATABASE IF EXISTS "made by ""many"" at once"')


async def test_only_backups_pass_row_level_security_and_nobody_has_the_rights_of_a_superuser(
    database: Database,
) -> None:
    roles = """SELECT array_agg(rolname::text || ' ' || rolbypassrls ORDER BY rolname) FROM pg_roles
        WHERE rolname LIKE 'account\\_credit\\_%'
        AND NOT (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication)"""
    expected = [f"{APP} false", f"{BACKUP} true", f"{JOBS} false", f"{OWNER} false"]
    assert await ask(database.superuser_url, roles) == expected


@pytest.mark.parametrize(
    ("role", "setting", "value"),
    [
        ("app", "statement_timeout", "10s"),
        ("app", "lock_timeout", "5s"),
        ("app", "idle_in_transaction_session_timeout", "15s"),
        ("app", "TimeZone", "UTC"),
        ("app", "plan_cache_mode", "force_generic_plan"),
        ("jobs", "statement_timeout", "10s"),
        ("jobs", "lock_timeout", "5s"),
        ("jobs", "idle_in_transaction_session_timeout", "15s"),
        ("owner", "statement_timeout", "0"),
        ("owner", "lock_timeout", "5s"),
    ],
)
async def test_nobody_waits_for_ever(database: Database, role: str, setting: str, value: str) -> None:
    url = {"app": database.app_url, "jobs": database.jobs_url, "owner": database.owner_url}[role]
    assert await ask(url, "SELECT current_setting($1)", setting) == value


async def test_a_right_too_many_is_taken_back(database: Database) -> None:
    """In one transaction, by what :func:`provision` runs: roles are the whole server's, and others look at them too."""
    bypasses = "SELECT rolbypassrls FROM pg_roles WHERE rolname = $1"
    connection = await asyncpg.connect(database.superuser_url)
    try:
        await connection.execute(f"BEGIN; ALTER ROLE {JOBS} BYPASSRLS")
        assert await connection.fetchval(bypasses, JOBS) is True
        await connection.execute(files("adapters.postgres").joinpath("roles.sql").read_text())
        assert await connection.fetchval(bypasses, JOBS) is False
        assert not connection.is_in_transaction(), "it was committed"
    finally:
        await connection.close()


@pytest.mark.parametrize("role", ["app", "jobs", "backup"])
async def test_only_the_owner_makes_tables(database: Database, role: str) -> None:
    url = {"app": database.app_url, "jobs": database.jobs_url, "backup": database.backup_url}[role]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ask(url, "CREATE TABLE mine ()")


async def test_a_stranger_to_the_product_cannot_connect(database: Database) -> None:
    public = "SELECT has_database_privilege('public', $1, 'CONNECT')"
    assert await ask(database.superuser_url, public, database.name) is False
