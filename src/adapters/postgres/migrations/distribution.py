"""Where tables are when the database is a Citus cluster: all rows of a shop on one machine, whatever their table.

It is looked at after the migrations, and what is not in its place yet is put there. So a migration makes tables and
functions as for one machine, none can be forgotten, and an installation that has grown is distributed by the first
``migrate`` after the extension came.
"""

from __future__ import annotations

import asyncpg

EVERYWHERE = {"shop_slugs": "read before the shop is known, and unique over all shops"}
"""Tables that each machine has all of, with the reason."""
COORDINATOR = {
    "alembic_version": "the schema of all machines is changed from there",
    "outbox_control": "whether notices go out from this installation, which is known by where its coordinator runs",
    "sign_in_failures_by_address": "about no shop, and never looked at together with one",
}
"""Tables that only the coordinator has, with the reason."""
WITH_THE_SHOP = "shops"
"""The table whose rows all others follow."""
RUN_BY_THE_COORDINATOR = {"set_shop": "the coordinator hands what it sets to each machine that is asked later"}
"""Functions of one shop that are not sent to its machine, with the reason."""

_IS_CITUS = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')"
_TABLES = """SELECT relname::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname::text <> ALL ($1::text[])"""
_NAMED = """SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND conrelid <> confrelid AND connamespace = 'public'::regnamespace"""
_OF_A_SHOP = """SELECT oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND proargnames[1] = 'p_shop' AND proname::text <> ALL ($1::text[])
    ORDER BY 1"""
_IN_PLACE = """SELECT logicalrelid::text FROM pg_dist_partition
    UNION SELECT objid::regprocedure::text FROM pg_dist_object
    WHERE classid = 'pg_proc'::regclass AND distribution_argument_index IS NOT NULL"""


async def distribute(owner_url: str) -> None:
    """Put what is not in its place there; on plain PostgreSQL nothing. ``owner_url``: the coordinator's.

    Each table by itself, so that what is done stays done. Nobody can write to a table while its rows move, and until
    all of them have nobody can work: an installation with shops in it is distributed while its processes are stopped.

    Raises:
        asyncpg.PostgresError: also where the cluster has no machine for the rows, or a row breaks a foreign key.
    """
    connection = await asyncpg.connect(owner_url)
    try:
        if await connection.fetchval(_IS_CITUS):
            # Ours refuse what they are asked to, and do nothing else: it is the same on each machine.
            await connection.execute("SET citus.enable_unsafe_triggers = on")
            in_place = {row[0] for row in await connection.fetch(_IN_PLACE)}
            for what, steps in await placements(connection):
                if what not in in_place:
                    async with connection.transaction():
                        for step in steps:
                            await connection.execute(step)
    finally:
        await connection.close()


async def placements(connection: asyncpg.Connection[asyncpg.Record]) -> list[tuple[str, list[str]]]:
    """Each table and function that is not the coordinator's alone, and what is said to Citus of it, in order."""
    placed = [(table, [f"SELECT create_reference_table('{table}')"]) for table in EVERYWHERE]
    for table in await _parents_first(connection):
        beside = "none" if table == WITH_THE_SHOP else WITH_THE_SHOP
        # Rows are moved by the tables' owner, who for that moment must see them: nobody else can look meanwhile.
        steps = [
            "SET LOCAL citus.multi_shard_modify_mode = 'sequential'",
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"SELECT create_distributed_table('{table}', 'shop_id', colocate_with => '{beside}')",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        ]
        placed.append((table, steps))
    for (function,) in await connection.fetch(_OF_A_SHOP, list(RUN_BY_THE_COORDINATOR)):
        # All of its statements then run where the shop is, in one message.
        how = f"colocate_with => '{WITH_THE_SHOP}', force_delegation => true"
        placed.append((function, [f"SELECT create_distributed_function('{function}', 'p_shop', {how})"]))
    return placed


async def _parents_first(connection: asyncpg.Connection[asyncpg.Record]) -> list[str]:
    """The tables of shops, each after those that its foreign keys name."""
    left = {row[0] for row in await connection.fetch(_TABLES, [*EVERYWHERE, *COORDINATOR])}
    named = [(child, parent) for child, parent in await connection.fetch(_NAMED)]
    ordered: list[str] = []
    while left:
        waiting = {child for child, parent in named if parent in left}
        if waiting >= left:
            raise ValueError(f"foreign keys of {sorted(left)} go round in a circle")
        ordered += sorted(left - waiting)
        left &= waiting
    return ordered
