"""What stands between shops in the database, for every table that there is: read from the catalogue, and tried."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from adapters.postgres.provision import APP
from tests.rows import Connection


@dataclass(frozen=True)
class Open:
    """A table that belongs to no shop: why, and what it holds, which is no name, no money and no secret."""

    reason: str
    columns: frozenset[str]


WITHOUT_SHOP = {
    "shop_slugs": Open(
        "says which shop a slug names, before anybody is signed in there", frozenset({"slug", "shop_id"})
    ),
    "sign_in_failures_by_address": Open(
        "a guesser tries many shops from one address; holds digests of addresses",
        frozenset({"address_digest", "at", "id"}),
    ),
    "outbox_control": Open(
        "whether notices go out from this installation, which is one switch",
        frozenset({"the_only_row", "home", "paused_at", "paused_why"}),
    ),
    "alembic_version": Open("Alembic's own", frozenset({"version_num"})),
}
"""The closed list. Whatever is added here needs a reason that holds against each of its columns."""

OWN_SHOP = "(shop_id = (NULLIF(current_setting('app.shop_id'::text, true), ''::text))::uuid)"

_TABLES = """
SELECT oid, relname::text AS name, relrowsecurity AS enabled, relforcerowsecurity AS forced
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'f') ORDER BY 2"""

_COLUMNS = "SELECT attname::text FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped"

_POLICIES = """
SELECT policyname::text AS name, permissive, roles::text[], cmd, qual, with_check FROM pg_policies
WHERE schemaname = 'public' AND tablename = $1"""

_INDEXES = """
SELECT indexrelid::regclass::text AS name, indisprimary AS is_primary, attname::text AS first
FROM pg_index LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0] WHERE indrelid = $1"""

_FOREIGN_KEYS = """
SELECT conname::text AS name, child.attname::text AS first, parent.attname::text AS leads_to FROM pg_constraint
JOIN pg_attribute child ON child.attrelid = conrelid AND child.attnum = conkey[1]
JOIN pg_attribute parent ON parent.attrelid = confrelid AND parent.attnum = confkey[1]
WHERE contype = 'f' AND conrelid = $1"""


async def tables_of_shops(connection: Connection) -> list[str]:
    """All tables but those of the closed list."""
    return [row["name"] for row in await connection.fetch(_TABLES) if row["name"] not in WITHOUT_SHOP]


async def holes(connection: Connection) -> list[str]:
    """A sentence for everything by which rows of one shop could reach another one."""
    found = []
    for table in await connection.fetch(_TABLES):
        columns = {row[0] for row in await connection.fetch(_COLUMNS, table["oid"])}
        if table["name"] in WITHOUT_SHOP:
            more = columns - WITHOUT_SHOP[table["name"]].columns
            complaints = [f"{column} is in a table without a shop" for column in sorted(more)]
        else:
            complaints = [complaint async for complaint in _complaints(connection, table)]
        found += [f"{table['name']}: {complaint}" for complaint in complaints]
    return found


async def _complaints(connection: Connection, table: asyncpg.Record) -> AsyncIterator[str]:
    if not table["enabled"]:
        yield "row-level security is not enabled"
    if not table["forced"]:
        yield "row-level security is not forced on the owner"
    policies = await connection.fetch(_POLICIES, table["name"])
    ours = [each for each in policies if {APP, "public"} & set(each["roles"])]
    if not ours:
        yield "no policy lets the program's role at its own shop's rows"
    for policy in ours:
        said = (policy["roles"], policy["permissive"], policy["cmd"], policy["qual"], policy["with_check"])
        if said != ([APP], "PERMISSIVE", "ALL", OWN_SHOP, OWN_SHOP):
            yield f"the policy {policy['name']} is about more than the shop's own rows"
    indexes = await connection.fetch(_INDEXES, table["oid"])
    if not any(index["is_primary"] for index in indexes):
        yield "it has no primary key"
    for index in indexes:
        if index["first"] != "shop_id":
            yield f"the key or index {index['name']} does not begin with the shop"
    for key in await connection.fetch(_FOREIGN_KEYS, table["oid"]):
        if (key["first"], key["leads_to"]) != ("shop_id", "shop_id"):
            yield f"the foreign key {key['name']} does not lead from the shop to the shop"


# As the program's role, by any statement.


async def try_everything(superuser: Connection, app: Connection, *, shop_id: UUID, at: UUID | None) -> int:
    """Look for the shop's rows, and write some of it, as the program's role ``at`` another shop (None: at none).

    Raises AssertionError with a sentence; how many statements it took. The shop must have a row in every table.
    """
    tried = 0
    for table in await tables_of_shops(superuser):
        row = await superuser.fetchval(f"SELECT to_jsonb(t) FROM {table} t WHERE shop_id = $1 LIMIT 1", shop_id)  # noqa: S608
        assert row is not None, f"{table}: there is nothing to be found; give the shop a row of it"
        columns = [column["name"] for column in await superuser.fetch(_WRITABLE, table)]
        listed = ", ".join(columns)
        shown = f"SELECT count(*) FROM {table} WHERE shop_id IS DISTINCT FROM $1"  # noqa: S608
        async with _at(app, at):
            assert await app.fetchval(shown, at) == 0, f"{table}: rows of other shops are shown"
        copy = f"INSERT INTO {table} ({listed}) SELECT {listed} FROM jsonb_populate_record(NULL::{table}, $1)"  # noqa: S608
        done = await _told(app, at, copy, json.dumps(json.loads(row)))
        assert done is None, f"{table}: a row of another shop is taken"
        writes = [f"UPDATE {table} SET {column} = {column} WHERE shop_id = $1" for column in columns]  # noqa: S608
        writes += [f"DELETE FROM {table} WHERE shop_id = $1", f"UPDATE {table} SET shop_id = $1"]  # noqa: S608
        for write in writes:
            done = await _told(app, at, write, shop_id)
            assert done in {None, "UPDATE 0", "DELETE 0"}, f"{table}: {write}: {done}"
        done = await _told(app, at, f"TRUNCATE {table} CASCADE")
        assert done is None, f"{table}: it can be emptied"
        tried += len(writes) + 3
    return tried


_WRITABLE = """
SELECT attname::text AS name FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"""


async def _told(app: Connection, at: UUID | None, statement: str, *arguments: object) -> str | None:
    """What the database says it did; None where it refused because of who asks."""
    try:
        async with _at(app, at):
            return await app.execute(statement, *arguments)
    except asyncpg.InsufficientPrivilegeError:
        return None
    except asyncpg.IntegrityConstraintViolationError as error:
        return f"nothing but a key refused it: {error}"


@asynccontextmanager
async def _at(app: Connection, shop_id: UUID | None) -> AsyncIterator[None]:
    """Committed: whatever was done is there to be found afterwards."""
    async with app.transaction():
        if shop_id is not None:
            await app.execute("SELECT set_shop($1)", shop_id)
        yield
