"""A superuser who knows how everything is made, and changes the past so that all of it fits together again.

Nothing in the database tells afterwards: only what was kept elsewhere can.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

from core.chain import entry_hash
from tests.database import Database

Row = dict[str, Any]

_NOTICES_THAT_FIT = """
UPDATE outbox notice SET at = entry.at, payload = jsonb_set(payload, '{entry}', jsonb_build_object('id', entry.id,
    'number', entry.number, 'kind', entry.kind, 'amount', entry.amount, 'balance_after', entry.balance_after,
    'reason', entry.reason, 'invoice_id', entry.invoice_id, 'payment_id', entry.payment_id))
FROM ledger_entries entry WHERE entry.shop_id = $1 AND entry.client_id = $2 AND notice.shop_id = $1
  AND notice.payload -> 'entry' ->> 'id' = entry.id::text"""
_NOTICES_OF_NOTHING = """
DELETE FROM outbox WHERE shop_id = $1 AND client_id = $2 AND kind LIKE 'credit.%' AND NOT EXISTS (SELECT
  FROM ledger_entries entry WHERE entry.shop_id = $1 AND payload -> 'entry' ->> 'id' = entry.id::text)"""
_ANSWERS = """
DELETE FROM idempotency_records WHERE shop_id = $1 AND convert_from(body, 'UTF8') LIKE '%' || $2::uuid || '%'"""


class Forger:
    """Works with every constraint and trigger switched off."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self.connection = connection

    async def cut(self, shop_id: UUID, client_id: UUID, *, keep: int) -> None:
        """Leave the first entries of a ledger, as if the others had never been."""
        await self.rewrite(shop_id, client_id, lambda entries: entries[:keep])

    async def rewrite(self, shop_id: UUID, client_id: UUID, change: Callable[[list[Row]], list[Row]]) -> None:
        """Put other entries in place of a client's: with balances, numbers and hashes that fit, an account that says
        so, notices that tell so, and no kept answer that says anything else.
        """
        connection = self.connection
        sql = "SELECT * FROM ledger_entries WHERE shop_id = $1 AND client_id = $2 ORDER BY number"
        entries = change([dict(row) for row in await connection.fetch(sql, shop_id, client_id)])
        async with connection.transaction():
            await connection.execute(
                "DELETE FROM ledger_entries WHERE shop_id = $1 AND client_id = $2", shop_id, client_id
            )
            last = await self._write(entries)
            await connection.execute(
                "UPDATE credit_accounts SET balance = $3, last_number = $4, last_hash = $5, last_at = $6 "
                "WHERE shop_id = $1 AND client_id = $2",
                *(shop_id, client_id, last["balance_after"], last["number"], last["hash"], last["at"]),
            )
            for sql in (_NOTICES_THAT_FIT, _NOTICES_OF_NOTHING, _ANSWERS):
                await connection.execute(sql, shop_id, client_id)

    async def _write(self, entries: list[Row]) -> Row:
        """In this order; the last one, or what an account without entries has."""
        last: Row = {"number": 0, "balance_after": 0, "hash": None, "at": None}
        for entry in entries:
            written = {name: value for name, value in entry.items() if name not in _GENERATED}
            written |= {
                "number": last["number"] + 1,
                "balance_after": last["balance_after"] + entry["amount"],
                "previous_hash": last["hash"],
            }
            hashed = {name: written[name] for name in _HASHED}
            written["hash"] = entry_hash(entry_id=written["id"], **hashed)
            await self.connection.copy_records_to_table(
                "ledger_entries", records=[tuple(written.values())], columns=list(written)
            )
            last = written
        return last


_GENERATED = ("previous_number", "balance_before", "reverses_amount", "payment_collects", "payment_key")
_HASHED = (
    *("shop_id", "client_id", "number", "kind", "amount", "balance_after", "reason", "note_digest", "by_kind", "by_id"),
    *("by_name_digest", "at", "invoice_id", "payment_id", "reverses_number", "previous_hash"),
)


@asynccontextmanager
async def forging(database: Database) -> AsyncIterator[Forger]:
    connection = await asyncpg.connect(database.superuser_url)
    try:
        await connection.execute("SET session_replication_role = replica")
        yield Forger(connection)
    finally:
        await connection.close()
