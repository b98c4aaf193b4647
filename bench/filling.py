"""Fills a database past the program, at once. Ids say their number: wrk and pgbench can count instead of asking.

The entries are what the program would have written, but for their hashes, which the database takes as they come and
which only ``verify`` looks at: that one is measured on ledgers that the program's own core has made.
"""

from typing import TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

PASSWORD = "correct horse battery"  # noqa: S105  # of nobody
EMAIL = "olive@example.com"
MUCH = 10_000_000_000
"""Each client's first entry, in cents, unless told otherwise: more than is ever spent."""
HOURS = 500
"""That many entries of each ledger, the newest, are an hour apart; those before that month a second."""


def shop_id(number: int) -> str:
    return f"00000000-0000-7000-a000-{number:012d}"


def staff_id(number: int) -> str:
    """Of the shop's owner."""
    return f"00000000-0000-7000-b000-{number:012d}"


def client_id(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012d}"


def invoice_id(number: int) -> str:
    return f"00000000-0000-7000-9000-{number:012d}"


_FUNCTIONS = """
CREATE OR REPLACE FUNCTION pg_temp.bench_id(kind text, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
  $$ SELECT ('00000000-0000-7000-' || kind || '000-' || lpad(number::text, 12, '0'))::uuid $$;
CREATE OR REPLACE FUNCTION pg_temp.line_id(kind text, client bigint, number bigint) RETURNS uuid
  LANGUAGE sql IMMUTABLE AS
  $$ SELECT (lpad(client::text, 8, '0') || '-0000-7000-' || kind || '000-' || lpad(number::text, 12, '0'))::uuid $$;
CREATE OR REPLACE FUNCTION pg_temp.moment(number bigint, length bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT date_trunc('hour', now()) - CASE WHEN length - number < 500 THEN (length - number) * interval '1 hour'
    ELSE interval '60 days' + (length - number) * interval '1 second' END $$;
"""

_SHOPS = """
INSERT INTO shops (shop_id, name, slug, currency, time_zone, created_at)
  SELECT pg_temp.bench_id('a', n), 'Shop ' || n, 'shop-' || n, 'USD', 'America/Chicago', now() FROM numbers;
INSERT INTO shop_slugs (slug, shop_id) SELECT 'shop-' || n, pg_temp.bench_id('a', n) FROM numbers;
INSERT INTO invoice_counters (shop_id, last_number) SELECT pg_temp.bench_id('a', n), 0 FROM numbers;
INSERT INTO staff (shop_id, id, name, email, permissions, password_hash, created_at)
  SELECT pg_temp.bench_id('a', n), pg_temp.bench_id('b', n), 'Olive Owner', '{email}',
    '{{create_payments,manage_clients,manage_invoices,manage_staff,manage_settings}}', '{password_hash}', now()
  FROM numbers;
"""

# Every fourth entry spends credit on the client's invoice, the others add some.
_CLIENTS = """
INSERT INTO clients (shop_id, id, name, email, created_at)
  SELECT pg_temp.bench_id('a', n % {shops}), pg_temp.bench_id('8', n), 'Client ' || n, 'client@example.com', now()
  FROM numbers;
INSERT INTO invoices (shop_id, id, client_id, number, issued_on, lines, tax, total, settled, credit_applied, created_at)
  SELECT pg_temp.bench_id('a', n % {shops}), pg_temp.bench_id('9', n), pg_temp.bench_id('8', n), 'B-' || n,
    current_date, '[{{"description": "Engine", "quantity": "1", "unit_price": 99999999999}}]', 0, 99999999999,
    100 * ({length} / 4), 100 * ({length} / 4), now()
  FROM numbers;
INSERT INTO payments (shop_id, id, client_id, invoice_id, method, amount, collected, settled, captured, received_on,
    recorded_at, recorded_by_kind, recorded_by_id, recorded_by_name)
  SELECT pg_temp.bench_id('a', n % {shops}), pg_temp.line_id('a', n, i), pg_temp.bench_id('8', n),
    pg_temp.bench_id('9', n), 'account_credit', 100, 0, 100, 0, pg_temp.moment(i, {length})::date,
    pg_temp.moment(i, {length}), 'staff', pg_temp.bench_id('b', n % {shops}), 'Olive Owner'
  FROM numbers, generate_series(4, {length}, 4) i;
INSERT INTO ledger_entries (shop_id, client_id, number, id, kind, amount, balance_after, reason, note, by_kind, by_id,
    by_name, at, invoice_id, payment_id, note_salt, note_digest, by_name_salt, by_name_digest, previous_hash, hash)
  SELECT pg_temp.bench_id('a', n % {shops}), pg_temp.bench_id('8', n), i, pg_temp.line_id('9', n, i),
    CASE WHEN spends THEN 'applied' ELSE 'added' END,
    CASE WHEN i = 1 THEN {much} WHEN spends THEN -100 ELSE 100 END, {much} + 100 * (i - 1 - 2 * (i / 4)),
    CASE WHEN spends THEN 'payment' ELSE 'goodwill' END, CASE WHEN NOT spends THEN 'job ran late' END,
    'staff', pg_temp.bench_id('b', n % {shops}), 'Olive Owner', pg_temp.moment(i, {length}),
    CASE WHEN spends THEN pg_temp.bench_id('9', n) END, CASE WHEN spends THEN pg_temp.line_id('a', n, i) END,
    CASE WHEN NOT spends THEN '\\x00112233445566778899aabbccddeeff'::bytea END,
    CASE WHEN NOT spends THEN sha256('note') END, '\\x00112233445566778899aabbccddeeff', sha256('name'),
    CASE WHEN i > 1 THEN sha256((i - 1)::text::bytea) END, sha256(i::text::bytea)
  FROM numbers, generate_series(1, {length}) i, LATERAL (SELECT i % 4 = 0 AS spends) kind;
INSERT INTO credit_accounts (shop_id, client_id, balance, last_number, last_hash, last_at)
  SELECT pg_temp.bench_id('a', n % {shops}), pg_temp.bench_id('8', n),
    {much} + 100 * ({length} - 1 - 2 * ({length} / 4)), {length}, sha256({length}::text::bytea),
    pg_temp.moment({length}, {length})
  FROM numbers;
"""


async def fill_shops(connection: Connection, first: int, last: int, *, password_hash: str) -> None:
    """Shops by these numbers, each with its owner, who signs in as EMAIL with the password of that hash."""
    await _run(connection, _SHOPS.format(email=EMAIL, password_hash=password_hash), first, last)


async def fill_clients(
    connection: Connection, first: int, last: int, *, shops: int, entries: int, much: int = MUCH
) -> None:
    """Clients by these numbers, of the shop whose number is what is left when divided by ``shops``, each with that
    many entries and one invoice that can take very many payments.
    """
    await _run(connection, _CLIENTS.format(shops=shops, length=entries, much=much), first, last)


async def _run(connection: Connection, script: str, first: int, last: int) -> None:
    async with connection.transaction():
        await connection.execute(_FUNCTIONS)
        # What is written here fits together; to look each key up would take most of the time.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            f"CREATE TEMPORARY TABLE numbers ON COMMIT DROP AS SELECT generate_series({first}, {last}) n"
        )
        await connection.execute(script)
