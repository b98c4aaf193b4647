"""An auditor: reads a shop's tables past the program, as the superuser whom no policy holds back.

What must hold of the books is written here once more, in SQL and apart from the program's own `verify`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest

from core.errors import Refusal
from ports.transactions import AlreadyAnswered
from tests.desk import Desk

# Found by themselves, so that a new table cannot be overlooked.
_TABLES_OF_A_SHOP = """
SELECT relname::text FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'shop_id'
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1"""

# Each names what is wrong: no row, no fault.
_FAULTS = {
    "an account's balance is not the sum of its entries, or not the balance after the last one": """
        SELECT account.client_id FROM credit_accounts account
        LEFT JOIN LATERAL (SELECT sum(amount) AS sum, max(number) AS last, count(*) AS count FROM ledger_entries entry
          WHERE entry.shop_id = account.shop_id AND entry.client_id = account.client_id) ledger ON true
        LEFT JOIN ledger_entries head ON head.shop_id = account.shop_id AND head.client_id = account.client_id
          AND head.number = ledger.last
        WHERE account.shop_id = $1 AND (account.balance <> coalesce(ledger.sum, 0)
          OR account.balance <> coalesce(head.balance_after, 0) OR account.last_number <> coalesce(ledger.last, 0)
          OR account.last_number <> ledger.count OR account.last_hash IS DISTINCT FROM head.hash
          OR account.last_at IS DISTINCT FROM head.at)""",
    "an entry does not follow the one before it": """
        SELECT id FROM (SELECT id, number, amount, balance_after, at, previous_hash,
            lag(balance_after, 1, 0::bigint) OVER chain AS balance_before, lag(hash) OVER chain AS hash_before,
            lag(at, 1, '-infinity'::timestamptz) OVER chain AS at_before, row_number() OVER chain AS place
          FROM ledger_entries WHERE shop_id = $1 WINDOW chain AS (PARTITION BY client_id ORDER BY number)) entry
        WHERE number <> place OR balance_after <> balance_before + amount OR balance_after < 0 OR at < at_before
          OR previous_hash IS DISTINCT FROM hash_before""",
    "an entry is reversed twice, or by what is not its opposite": """
        SELECT reversal.id FROM ledger_entries reversal
        LEFT JOIN ledger_entries entry ON entry.shop_id = reversal.shop_id AND entry.client_id = reversal.client_id
          AND entry.number = reversal.reverses_number
        WHERE reversal.shop_id = $1 AND reversal.kind IN ('voided', 'returned')
          AND (entry.id IS NULL OR entry.amount <> -reversal.amount OR entry.payment_id IS DISTINCT FROM
            reversal.payment_id OR entry.invoice_id IS DISTINCT FROM reversal.invoice_id
            OR (SELECT count(*) FROM ledger_entries other WHERE other.shop_id = entry.shop_id
              AND other.client_id = entry.client_id AND other.reverses_number = entry.number) <> 1)""",
    "a payment does not add up, or not with its entries": """
        SELECT payment.id FROM payments payment
        JOIN LATERAL (SELECT coalesce(sum(amount) FILTER (WHERE kind IN ('captured', 'voided')), 0) AS captured,
            coalesce(sum(amount) FILTER (WHERE kind IN ('applied', 'returned')), 0) AS applied,
            count(*) FILTER (WHERE kind = 'applied') AS times
          FROM ledger_entries entry WHERE entry.shop_id = payment.shop_id AND entry.payment_id = payment.id) ledger
          ON true
        WHERE payment.shop_id = $1 AND (payment.captured <> ledger.captured OR CASE
          WHEN method = 'account_credit' THEN collected <> 0 OR payment.captured <> 0 OR settled <> amount
            OR ledger.times <> 1 OR ledger.applied <> CASE WHEN deleted_at IS NULL THEN -amount ELSE 0 END
          ELSE collected <> amount OR collected <> settled + payment.captured OR ledger.applied <> 0
            OR (deleted_at IS NOT NULL AND payment.captured <> 0) END)""",
    "an invoice's settled is not what its live payments settle": """
        SELECT invoice.id FROM invoices invoice
        JOIN LATERAL (SELECT coalesce(sum(settled), 0) AS settled,
            coalesce(sum(settled) FILTER (WHERE method = 'account_credit'), 0) AS by_credit, count(*) AS live
          FROM payments payment WHERE payment.shop_id = invoice.shop_id AND payment.invoice_id = invoice.id
            AND deleted_at IS NULL) payments ON true
        WHERE invoice.shop_id = $1 AND (invoice.settled <> payments.settled
          OR invoice.credit_applied <> payments.by_credit OR invoice.credit_applied > invoice.total
          OR (invoice.voided_at IS NOT NULL AND payments.live > 0))""",
    "more credit was refunded for an invoice than ever came in for it": """
        SELECT invoice.id FROM invoices invoice
        JOIN (SELECT invoice_id, sum(amount) AS amount FROM ledger_entries entry WHERE shop_id = $1
            AND reason = 'refund' AND invoice_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM ledger_entries reversal WHERE reversal.shop_id = $1
              AND reversal.client_id = entry.client_id AND reversal.reverses_number = entry.number)
          GROUP BY invoice_id) refunded ON refunded.invoice_id = invoice.id
        WHERE invoice.shop_id = $1 AND refunded.amount > (SELECT coalesce(sum(amount), 0) FROM payments payment
          WHERE payment.shop_id = $1 AND payment.invoice_id = invoice.id)""",
    "a deleted client has credit or an overpaid invoice": """
        SELECT account.client_id FROM credit_accounts account
        WHERE account.shop_id = $1 AND account.closed_at IS NOT NULL AND (account.balance <> 0 OR EXISTS (
          SELECT FROM invoices invoice WHERE invoice.shop_id = account.shop_id
            AND invoice.client_id = account.client_id AND invoice.due < 0))""",
    "applied credit has no Account Credit payment of its own, or a deleted one was not returned once": """
        SELECT entry.id FROM ledger_entries entry
        LEFT JOIN payments payment ON payment.shop_id = entry.shop_id AND payment.client_id = entry.client_id
          AND payment.invoice_id = entry.invoice_id AND payment.id = entry.payment_id
        JOIN LATERAL (SELECT count(*) FILTER (WHERE kind = 'applied') AS applied,
            count(*) FILTER (WHERE kind = 'returned') AS returned FROM ledger_entries other
          WHERE other.shop_id = entry.shop_id AND other.payment_id = entry.payment_id) ledger ON true
        WHERE entry.shop_id = $1 AND entry.kind = 'applied' AND (payment.method IS DISTINCT FROM 'account_credit'
          OR ledger.applied <> 1 OR ledger.returned <> CASE WHEN payment.deleted_at IS NULL THEN 0 ELSE 1 END)""",
    "what was added, captured, applied, returned and voided is not the sum of the balances": """
        SELECT $1::uuid FROM (SELECT coalesce(sum(CASE WHEN kind IN ('added', 'captured', 'returned') THEN abs(amount)
            WHEN kind IN ('applied', 'voided') THEN -abs(amount) END), 0) AS sum
          FROM ledger_entries WHERE shop_id = $1) ledger
        WHERE sum <> (SELECT coalesce(sum(balance), 0) FROM credit_accounts WHERE shop_id = $1)""",
    "a key has an effect that is not there, is of another moment, or is another key's too": """
        WITH answer AS (SELECT recorded_at, convert_from(body, 'UTF8')::jsonb AS said FROM idempotency_records
          WHERE shop_id = $1 AND status = 201 AND NOT sealed),
        effect AS (SELECT recorded_at, said ->> 'id' AS id FROM answer
          WHERE said ?| ARRAY['balance_after', 'recorded_at']
          UNION ALL SELECT recorded_at, jsonb_array_elements(said -> 'payments') ->> 'id' FROM answer
          WHERE said ? 'payments' AND NOT said ? 'total'
          UNION ALL SELECT recorded_at, jsonb_array_elements(said -> 'entries') ->> 'id' FROM answer
          WHERE said ?& ARRAY['entries', 'invoice'])
        SELECT effect.id FROM effect
        LEFT JOIN ledger_entries entry ON entry.shop_id = $1 AND entry.id = effect.id::uuid
        LEFT JOIN payments payment ON payment.shop_id = $1 AND payment.id = effect.id::uuid
        GROUP BY effect.id HAVING count(*) > 1
          OR bool_or(effect.recorded_at IS DISTINCT FROM coalesce(entry.at, payment.recorded_at))""",
    "a notice tells of what is not there, or not as it is": """
        SELECT notice.id FROM outbox notice
        LEFT JOIN ledger_entries entry ON entry.shop_id = notice.shop_id
          AND entry.id = (notice.payload -> 'entry' ->> 'id')::uuid
        LEFT JOIN payments payment ON payment.shop_id = notice.shop_id
          AND payment.id = (notice.payload -> 'payment' ->> 'id')::uuid
        WHERE notice.shop_id = $1 AND CASE
          WHEN notice.kind LIKE 'credit.%' THEN (notice.kind, notice.client_id, notice.at, notice.payload -> 'entry')
            IS DISTINCT FROM ('credit.' || entry.kind, entry.client_id, entry.at, jsonb_build_object('id', entry.id,
              'number', entry.number, 'kind', entry.kind, 'amount', entry.amount, 'balance_after',
              entry.balance_after, 'reason', entry.reason, 'invoice_id', entry.invoice_id, 'payment_id',
              entry.payment_id))
          WHEN notice.kind LIKE 'payment.%' THEN (notice.client_id, notice.at,
              notice.payload -> 'payment' ->> 'invoice_id') IS DISTINCT FROM (payment.client_id,
            CASE notice.kind WHEN 'payment.recorded' THEN payment.recorded_at ELSE payment.deleted_at END,
            payment.invoice_id::text)
          ELSE notice.kind <> 'client.deleted' OR NOT EXISTS (SELECT FROM credit_accounts account
            WHERE account.shop_id = notice.shop_id AND account.client_id = notice.client_id) END""",
    "a new payment or a deleted one has no notice, or more than one": """
        SELECT payment.id FROM payments payment
        LEFT JOIN (SELECT payload -> 'payment' ->> 'id' AS payment_id,
            count(*) FILTER (WHERE kind = 'payment.recorded') AS recorded,
            count(*) FILTER (WHERE kind = 'payment.deleted') AS deleted FROM outbox WHERE shop_id = $1
          GROUP BY 1) told ON told.payment_id = payment.id::text
        WHERE payment.shop_id = $1 AND (told.recorded IS DISTINCT FROM 1
          OR told.deleted IS DISTINCT FROM CASE WHEN payment.deleted_at IS NULL THEN 0 ELSE 1 END)""",
    "an entry has no notice, or more than one": """
        SELECT entry.id FROM ledger_entries entry
        LEFT JOIN (SELECT payload -> 'entry' ->> 'id' AS entry_id, count(*) AS notices FROM outbox WHERE shop_id = $1
          GROUP BY 1) told ON told.entry_id = entry.id::text
        WHERE entry.shop_id = $1 AND told.notices IS DISTINCT FROM 1""",
}

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


class Auditor:
    """Looks into the books of any shop of one database."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self.connection = connection

    async def faults(self, shop_id: UUID) -> list[str]:
        """What does not hold of the shop's books; nothing if they are sound."""
        return [
            f"{fault}: {rows[0][0]}"
            for fault, sql in _FAULTS.items()
            if (rows := await self.connection.fetch(sql, shop_id))
        ]

    async def require_sound(self, *desks: Desk) -> None:
        """By what is written here, and by the program's own `verify`."""
        for desk in desks:
            assert await self.faults(desk.shop_id) == []
            assert await desk.findings() == []

    async def everything(self, shop_id: UUID) -> dict[str, list[str]]:
        """All rows of a shop, as text."""
        tables = await self.connection.fetch(_TABLES_OF_A_SHOP)
        return {table: await self.rows(table, shop_id) for (table,) in tables}

    async def rows(self, table: str, shop_id: UUID) -> list[str]:
        sql = f"SELECT t::text FROM {table} t WHERE shop_id = $1 ORDER BY 1"  # noqa: S608  # a name from the catalogue
        return [row[0] for row in await self.connection.fetch(sql, shop_id)]

    @asynccontextmanager
    async def refuses(
        self, desk: Desk, refusal: type[Refusal], *, facts: Mapping[str, object] | None = None
    ) -> AsyncIterator[pytest.ExceptionInfo[Refusal]]:
        """The block is refused like that, with these facts, and nothing at all is written at the shop."""
        before = await self.everything(desk.shop_id)
        with pytest.raises(refusal) as told:
            yield told
        assert type(told.value) is refusal
        found = {name: getattr(told.value, name) for name in facts or {}}
        assert found == (facts or {})
        assert await self.everything(desk.shop_id) == before

    @asynccontextmanager
    async def changes_nothing(self, desk: Desk) -> AsyncIterator[None]:
        before = await self.everything(desk.shop_id)
        yield
        assert await self.everything(desk.shop_id) == before

    async def waiting_for_locks(self) -> int:
        """How many of the program's connections wait for a lock."""
        # Within a transaction PostgreSQL would tell again and again of the connections that there were at first.
        await self.connection.execute("SELECT pg_stat_clear_snapshot()")
        waiting: int = await self.connection.fetchval(_WAITING)
        if await self.connection.fetchval("SELECT to_regproc('run_command_on_workers') IS NOT NULL"):
            of_workers = await self.connection.fetch("SELECT result FROM run_command_on_workers($1)", _WAITING)
            waiting += sum(int(row["result"]) for row in of_workers)
        return waiting

    async def until_waiting(self, count: int) -> None:
        """Return once that many wait for a lock. (Asks again and again: PostgreSQL tells nobody.)"""
        async with asyncio.timeout(20):
            while await self.waiting_for_locks() < count:
                await asyncio.sleep(0.002)


async def outcomes(*requests: Awaitable[object]) -> list[object]:
    """What each of them ends with, all at once: a view, None, the first answer again, or what it was refused with.
    Whatever else is raised is a fault.
    """
    ended = list(await asyncio.gather(*requests, return_exceptions=True))
    for outcome in ended:
        if isinstance(outcome, BaseException) and not isinstance(outcome, Refusal | AlreadyAnswered):
            raise outcome
    return ended
