"""What a database holds, table by table, to see whether anything changed."""

from uuid import UUID

import asyncpg

# A table is found by itself, so that a new one cannot be overlooked.
_TABLES = """
SELECT relname::text AS name, EXISTS (SELECT FROM pg_attribute
    WHERE attrelid = pg_class.oid AND attname = 'shop_id' AND NOT attisdropped) AS of_shop
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1"""


async def snapshot(superuser: "asyncpg.Connection[asyncpg.Record]", shop_id: UUID | None = None) -> dict[str, str]:
    """By table, a digest of all its rows; of one shop's rows, where a shop is named."""
    tables = await superuser.fetch(_TABLES)
    parts = [
        f"SELECT '{name}', md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM {name} t"  # noqa: S608
        + (" WHERE shop_id = $1" if shop_id else "")
        for name, of_shop in tables
        if of_shop or shop_id is None
    ]
    rows = await superuser.fetch(" UNION ALL ".join(parts), *([shop_id] if shop_id else []))
    return {table: digest for table, digest in rows}  # noqa: C416  # a record is no pair to dict
