"""Reading a balance or a page of a ledger costs the same for 10 entries and for 100,000.

Looked at are the program's own statements, as its role, under row-level security: as a plan made for their very
parameters, and as the one plan for all parameters that PostgreSQL may change to for a prepared statement. And what
PostgreSQL itself asks when it checks a foreign key, as the owner of the tables.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import product, takewhile
from uuid import UUID, uuid4

import asyncpg
import pytest

from adapters.postgres.clients import PostgresClients
from adapters.postgres.ledger import PostgresLedger
from adapters.postgres.payments import PostgresPayments
from adapters.postgres.reports import PostgresReports
from adapters.postgres.shop_scope import Record, ShopScope
from adapters.postgres.statements import PostgresStatements
from core.ids import ClientId, ShopId
from core.ledger import EntryKind
from core.payments import PaymentMethod
from core.staff import ActorKind, Caller, Credential
from core.views import EntryView
from core.views import Page as PageOfEntries
from tests.adapters.plans import Explaining, Plan, set_to
from tests.database import Database
from tests.desk import program
from tests.rows import DIGEST, NOON, Connection, a_shop_row, a_staff_row, an_invoice_row, put

FEW, MANY = 10, 100_000
MANY_DAYS = 10_000
CLIENTS = 302
LAST_DAY = date(2080, 1, 1)
INDEX_SCANS_ONLY = {"Index Scan", "Index Only Scan", "Limit", "Result", "Aggregate"}
"""And what puts a page together as one document; how much is read is seen by the buffers."""

Ask = Callable[[PostgresLedger, ClientId], Awaitable[object]]
AskScope = Callable[[ShopScope, ClientId], Awaitable[object]]

# Odd numbers add, even ones void the one before; every tenth names an invoice. Foreign keys and triggers are off
# meanwhile, for speed; checks are not.
_ENTRIES = """
INSERT INTO ledger_entries (shop_id, client_id, number, id, kind, amount, balance_after, reason, note_digest, by_kind,
    by_id, by_name, by_name_digest, at, invoice_id, reverses_number, reverses_kind, previous_hash, hash)
SELECT $1, $2, n, gen_random_uuid(), CASE odd WHEN 1 THEN 'added' ELSE 'voided' END, CASE odd WHEN 1 THEN 100 ELSE -100
    END, odd * 100, CASE odd WHEN 1 THEN 'goodwill' ELSE 'void' END, $3, 'staff', $1, 'Olive Owner', $3,
    $4::timestamptz + n * interval '1 minute', CASE WHEN n % 10 = 1 THEN $2::uuid END,
    CASE odd WHEN 0 THEN n - 1 END, CASE odd WHEN 0 THEN 'added' END, CASE WHEN n > 1 THEN $3::bytea END, $3
FROM (SELECT n, n % 2 AS odd FROM generate_series(1, $5::bigint) n) numbers
"""
_CLIENTS = """
INSERT INTO clients (shop_id, id, name, created_at) SELECT $1, id, 'Pat Doe', $3 FROM unnest($2::uuid[]) id;
"""
# One of each a day, until the last day: all invoices paid but the newest three, every other payment with credit.
_INVOICES_BY_DAY = """
INSERT INTO invoices (shop_id, id, client_id, number, issued_on, lines, tax, total, settled, created_at)
SELECT $1, gen_random_uuid(), client, gen_random_uuid()::text, $3::date - n, '[]', 0, 100, CASE WHEN n > 3 THEN 100
    ELSE 0 END, $4 FROM unnest($2::uuid[]) client, generate_series($5::int, 1, -1) n
"""
_PAYMENTS_BY_DAY = """
INSERT INTO payments (shop_id, id, client_id, invoice_id, method, amount, collected, settled, captured, received_on,
    recorded_at, recorded_by_kind, recorded_by_id, recorded_by_name)
SELECT $1, gen_random_uuid(), client, client, CASE n % 2 WHEN 0 THEN 'cash' ELSE 'account_credit' END, 100,
    CASE n % 2 WHEN 0 THEN 100 ELSE 0 END, 100, 0, $3::date - n, $4::timestamptz - n * interval '1 day',
    'staff', $1, 'Olive Owner' FROM unnest($2::uuid[]) client, generate_series($5::int, 1, -1) n
"""
_ACCOUNTS = """
INSERT INTO credit_accounts (shop_id, client_id, balance, last_number, last_hash, last_at)
SELECT shop_id, client_id, 0, max(number), $1, max(at) FROM ledger_entries GROUP BY shop_id, client_id
"""
_INVOICES = """
INSERT INTO invoices (shop_id, id, client_id, number, issued_on, lines, tax, total, created_at)
SELECT $1, id, id, id::text, $3::timestamptz::date, '[]', 0, 0, $3 FROM unnest($2::uuid[]) id
"""
# Of each foreign key into a table that grows what PostgreSQL asks to check it (RI_FKey_check).
_CHECKS_OF_KEYS = """
SELECT key.conname AS name, array_agg(attname ORDER BY place) AS columns, array_agg(atttypid::regtype ORDER BY place)
    AS types, format('SELECT 1 FROM ONLY %s x WHERE %s FOR KEY SHARE OF x', confrelid::regclass,
    string_agg(format('%I = $%s', attname, place), ' AND ' ORDER BY place)) AS check
FROM pg_constraint key CROSS JOIN unnest(key.confkey) WITH ORDINALITY referenced (number, place)
JOIN pg_attribute ON attrelid = key.confrelid AND attnum = referenced.number
WHERE contype = 'f' AND confrelid::regclass::text IN ('clients', 'invoices', 'payments', 'ledger_entries')
GROUP BY key.oid ORDER BY key.oid
"""
_INDEXES = """
SELECT indexrelid::regclass::text AS name, indrelid AS of_table, indisunique AND indpred IS NULL AS is_unique,
    array_agg(attname ORDER BY place) AS columns
FROM pg_index CROSS JOIN unnest(indkey::smallint[]) WITH ORDINALITY indexed (number, place)
JOIN pg_attribute ON attrelid = indrelid AND attnum = indexed.number WHERE place <= indnkeyatts GROUP BY indexrelid
"""


@dataclass(frozen=True)
class BusyShop:
    """One of 300 shops, with 302 clients: one with 10 entries, one with 100,000, the others with 30 each."""

    database: Database
    connection: Connection
    """As the program's role, with this shop set."""
    shop_id: ShopId
    staff: UUID
    few: ClientId
    many: ClientId
    quiet_invoices: dict[ClientId, UUID]
    """An invoice of each of the two that no entry names."""

    async def plan(self, ask: Ask, plan_for: str, client_id: ClientId, *, staff: UUID | None = None) -> Plan:
        [plan] = await self.plans(lambda scope, of: ask(PostgresLedger(scope), of), plan_for, client_id, staff=staff)
        return plan

    async def plans(
        self, ask: AskScope, plan_for: str, client_id: ClientId, *, staff: UUID | None = None
    ) -> list[Plan]:
        """``staff``: each of them also finds out that it is this one who asks."""
        scope = Explaining(self.connection, self.shop_id, plan_for, staff=staff)
        await ask(scope, client_id)
        return scope.plans


@pytest.fixture(scope="module")
async def shop(database: Database) -> AsyncIterator[BusyShop]:
    async with database.fresh() as another:
        shop_id, staff, few, many = ShopId(uuid4()), uuid4(), ClientId(uuid4()), ClientId(uuid4())
        others = [uuid4() for _ in range(300)]
        superuser: Connection = await asyncpg.connect(another.superuser_url)
        try:
            await superuser.execute("SET session_replication_role = replica")
            await put(superuser, "shops", *(a_shop_row(uuid4()) for _ in range(300)), a_shop_row(shop_id))
            await put(superuser, "staff", a_staff_row(shop_id, staff))
            await superuser.execute(_CLIENTS, shop_id, [few, many, *others], NOON)
            await superuser.execute(_INVOICES, shop_id, [few, many, *others], NOON)
            quiet_invoices = {few: uuid4(), many: uuid4()}
            await put(superuser, "invoices", *(an_invoice_row(shop_id, *pair) for pair in quiet_invoices.items()))
            for client_id, entries in [*((other, 30) for other in others), (few, FEW), (many, MANY)]:
                await superuser.execute(_ENTRIES, shop_id, client_id, DIGEST, NOON, entries)
            long_ago = LAST_DAY - timedelta(days=MANY_DAYS // 2)
            for clients, last, days in ((others, long_ago, 10), ([few], LAST_DAY, FEW), ([many], LAST_DAY, MANY_DAYS)):
                for by_day in (_INVOICES_BY_DAY, _PAYMENTS_BY_DAY):
                    await superuser.execute(by_day, shop_id, clients, last, NOON, days)
            await superuser.execute(_ACCOUNTS, DIGEST)
            await superuser.execute("VACUUM ANALYZE")
        finally:
            await superuser.close()
        async with set_to(shop_id, another.app_url) as connection:
            yield BusyShop(another, connection, shop_id, staff, few, many, quiet_invoices)


@dataclass(frozen=True)
class Page:
    """A page by entry numbers: after that one, from that one on, until before that one."""

    after: int | None = None
    first: int | None = None
    until: int | None = None
    oldest_first: bool = False
    of_shop: bool = False
    kind: EntryKind | None = None
    limit: int = 4  # and one more, to know whether there is another page

    async def __call__(self, ledger: PostgresLedger, client_id: ClientId) -> PageOfEntries[EntryView]:
        return await ledger.page(
            client_id=None if self.of_shop else client_id,
            kind=self.kind,
            at_from=None if self.first is None else _at(self.first),
            at_before=None if self.until is None else _at(self.until),
            after=None if self.after is None else (self.after, _at(self.after).isoformat(), str(client_id)),
            limit=self.limit,
            oldest_first=self.oldest_first,
        )


def _at(number: int) -> datetime:
    return NOON + timedelta(minutes=number)


@dataclass(frozen=True)
class Sources:
    """What an explanation reads: the newest sources, or those before that entry."""

    before: int | None = None

    async def __call__(self, ledger: PostgresLedger, client_id: ClientId) -> object:
        before = None if self.before is None else (_at(self.before), self.before)
        return await ledger.sources(client_id, as_of=MANY, before=before, limit=4)


async def balance(ledger: PostgresLedger, client_id: ClientId) -> object:
    return await ledger.balance(client_id)


async def newest(ledger: PostgresLedger, client_id: ClientId) -> object:
    return await ledger.newest(client_id, limit=9)


@pytest.mark.parametrize("plan_for", ["custom", "generic"])
@pytest.mark.parametrize(
    ("of_few", "of_many"),
    [
        pytest.param(balance, balance, id="the balance"),
        pytest.param(newest, newest, id="the balance with the newest entries"),
        pytest.param(Page(limit=9), Page(limit=9), id="the first page"),
        pytest.param(Page(after=7), Page(after=50_000), id="a deep page"),
        pytest.param(Page(first=2, until=9), Page(first=10_000, until=90_000), id="a period"),
        pytest.param(Page(first=2), Page(first=10_000), id="from a day on"),
        pytest.param(Page(until=9), Page(until=90_000), id="until a day"),
        pytest.param(
            Page(first=2, until=9, after=8),
            Page(first=10_000, until=90_000, after=50_000),
            id="a deep page of a period",
        ),
        pytest.param(Page(oldest_first=True), Page(oldest_first=True), id="oldest first"),
        pytest.param(
            Page(oldest_first=True, after=5), Page(oldest_first=True, after=50_000), id="a deep page, oldest first"
        ),
        pytest.param(
            Page(oldest_first=True, first=2, until=9, after=3),
            Page(oldest_first=True, first=10_000, until=90_000, after=50_000),
            id="a deep page of a period, oldest first",
        ),
        pytest.param(Page(kind=EntryKind.VOIDED), Page(kind=EntryKind.VOIDED), id="a kind"),
        pytest.param(
            Page(kind=EntryKind.VOIDED, after=9, limit=2),
            Page(kind=EntryKind.VOIDED, after=50_000, limit=2),
            id="a deep page of a kind",
        ),
        pytest.param(
            Page(kind=EntryKind.VOIDED, first=2, until=9, limit=2),
            Page(kind=EntryKind.VOIDED, first=10_000, until=90_000, limit=2),
            id="a period of a kind",
        ),
    ],
)
async def test_it_costs_the_same_for_10_entries_and_for_100000(
    shop: BusyShop, of_few: Ask, of_many: Ask, plan_for: str
) -> None:
    few = await shop.plan(of_few, plan_for, shop.few)
    many = await shop.plan(of_many, plan_for, shop.many)
    assert many.rows == few.rows > 0
    assert few.nodes | many.nodes <= INDEX_SCANS_ONLY
    assert many.buffers <= 1.5 * few.buffers


FIRST_READS = [
    pytest.param(balance, id="the balance"),
    pytest.param(newest, id="the balance with the newest entries"),
    pytest.param(Page(), id="the first page"),
    pytest.param(Page(after=50_000), id="a deep page"),
    pytest.param(Page(first=10_000, until=90_000, after=50_000), id="a deep page of a period"),
    pytest.param(Page(kind=EntryKind.VOIDED, after=50_000), id="a deep page of a kind"),
    pytest.param(Page(of_shop=True, after=50_000), id="a deep page of the shop"),
]


@pytest.mark.parametrize("plan_for", ["custom", "generic"])
@pytest.mark.parametrize("ask", FIRST_READS)
async def test_to_find_out_who_asks_beside_it_changes_nothing_of_how_it_is_read(
    shop: BusyShop, ask: Ask, plan_for: str
) -> None:
    alone = await shop.plan(ask, plan_for, shop.many)
    beside = await shop.plan(ask, plan_for, shop.many, staff=shop.staff)
    assert set(beside.indexes) - set(alone.indexes) <= {"shops_pkey", "staff_pkey", "api_keys_pkey"}
    assert beside.buffers <= alone.buffers + 10


@pytest.mark.parametrize("plan_for", ["custom", "generic"])
@pytest.mark.parametrize("ask", FIRST_READS)
async def test_nothing_is_read_for_nobody(shop: BusyShop, ask: Ask, plan_for: str) -> None:
    plan = await shop.plan(ask, plan_for, shop.many, staff=uuid4())
    assert plan.read <= {"shops", "staff"}


@pytest.mark.parametrize("plan_for", ["custom", "generic"])
@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(Page(of_shop=True), id="the first page"),
        pytest.param(Page(of_shop=True, after=50_000), id="a deep page"),
        pytest.param(Page(of_shop=True, first=10_000, until=90_000), id="a period"),
        pytest.param(Page(of_shop=True, first=10_000, until=90_000, after=50_000), id="a deep page of a period"),
        pytest.param(Page(of_shop=True, until=90_000, oldest_first=True, after=50_000), id="oldest first"),
    ],
)
async def test_a_page_of_a_whole_shop_costs_no_more_than_one_of_a_client(
    shop: BusyShop, asked: Page, plan_for: str
) -> None:
    of_shop = await shop.plan(asked, plan_for, shop.many)
    of_client = await shop.plan(replace(asked, of_shop=False), plan_for, shop.many)
    assert of_shop.rows == of_client.rows > 0
    assert of_shop.nodes <= INDEX_SCANS_ONLY
    assert of_shop.buffers <= 1.5 * of_client.buffers


@pytest.mark.parametrize("plan_for", ["custom", "generic"])
@pytest.mark.parametrize("of_shop", [False, True], ids=["of a client", "of the shop"])
async def test_that_there_is_no_entry_of_a_kind_is_found_out_at_once(
    shop: BusyShop, of_shop: bool, plan_for: str
) -> None:
    for asked in (Page(kind=EntryKind.CAPTURED), Page(kind=EntryKind.CAPTURED, first=10_000, until=90_000)):
        plan = await shop.plan(replace(asked, of_shop=of_shop), plan_for, shop.many)
        assert plan.rows == 0
        assert plan.nodes <= INDEX_SCANS_ONLY
        assert plan.buffers <= 10


@pytest.mark.parametrize("plan_for", ["custom", "generic"])
async def test_explaining_a_balance_costs_the_same_for_10_entries_and_for_100000(shop: BusyShop, plan_for: str) -> None:
    for of_few, of_many in ((Sources(), Sources()), (Sources(before=9), Sources(before=50_001))):
        few = await shop.plan(of_few, plan_for, shop.few)
        many = await shop.plan(of_many, plan_for, shop.many)
        assert many.rows == few.rows == 4
        # One list for each of two kinds, put together.
        assert few.nodes | many.nodes <= {*INDEX_SCANS_ONLY, "Append", "Merge Append", "Subquery Scan", "Sort"}
        assert many.buffers <= 1.5 * few.buffers


@pytest.mark.parametrize("plan_for", ["custom", "generic"])
async def test_reading_some_entries_costs_the_same_for_10_entries_and_for_100000(shop: BusyShop, plan_for: str) -> None:
    async def three(ledger: PostgresLedger, client_id: ClientId) -> object:
        ids = await shop.connection.fetchval(
            "SELECT array_agg(id) FROM ledger_entries WHERE client_id = $1 AND number IN (5, 7, 9)", client_id
        )
        return await ledger.views(ids)

    few, many = [await shop.plan(three, plan_for, client_id) for client_id in (shop.few, shop.many)]
    assert many.rows == few.rows == 3
    assert few.nodes | many.nodes <= {*INDEX_SCANS_ONLY, "Bitmap Heap Scan", "Bitmap Index Scan"}
    assert many.buffers <= 1.5 * few.buffers


def _days(ago: int) -> date:
    return LAST_DAY - timedelta(days=ago)


async def invoices_of_a_period(scope: ShopScope, client_id: ClientId) -> object:
    return await PostgresStatements(scope).invoices(client_id, first=_days(8), last=_days(4), limit=20)


async def payments_of_a_period(scope: ShopScope, client_id: ClientId) -> object:
    return await PostgresStatements(scope).payments(client_id, first=_days(8), last=_days(4), limit=20)


async def due_before(scope: ShopScope, client_id: ClientId) -> object:
    return await PostgresStatements(scope).due_before(client_id, _days(8))


async def a_year_of_balances(scope: ShopScope, client_id: ClientId) -> object:
    moments = [NOON + timedelta(minutes=minute) for minute in range(-20, FEW)]
    return await PostgresLedger(scope).balances_before(client_id, moments)


async def what_spent_it(scope: ShopScope, client_id: ClientId) -> object:
    return await PostgresPayments(scope).spent_by(client_id, at_most=3)


@pytest.mark.parametrize("plan_for", ["custom", "generic"])
@pytest.mark.parametrize(
    "ask", [invoices_of_a_period, payments_of_a_period, due_before, a_year_of_balances, what_spent_it]
)
async def test_what_a_statement_reads_costs_the_same_for_10_lines_and_for_10000(
    shop: BusyShop, ask: AskScope, plan_for: str
) -> None:
    of_few, of_many = [await shop.plans(ask, plan_for, client_id) for client_id in (shop.few, shop.many)]
    for few, many in zip(of_few, of_many, strict=True):
        assert many.rows == few.rows > 0
        assert "Seq Scan" not in few.nodes | many.nodes
        assert many.buffers <= 1.5 * few.buffers + 3


@pytest.mark.parametrize("plan_for", ["custom", "generic"])
async def test_vehicles_are_searched_through_their_index(shop: BusyShop, plan_for: str) -> None:
    async def search(scope: ShopScope, _client_id: ClientId) -> object:
        return await PostgresClients(scope).page(q="zzz", has_credit=None, deleted=False, after=None, limit=3)

    [plan] = await shop.plans(search, plan_for, shop.many)
    assert "Seq Scan on invoices" not in plan.scans
    assert "Index Only Scan on invoices" in plan.scans
    # Each client is looked at, and no invoice.
    assert plan.buffers < CLIENTS + 50


@pytest.mark.parametrize("plan_for", ["custom", "generic"])
@pytest.mark.parametrize("deleted", [False, True])
async def test_the_payments_of_a_day_are_found_without_looking_at_the_others(
    shop: BusyShop, deleted: bool, plan_for: str
) -> None:
    async def of_a_day(scope: ShopScope, _client_id: ClientId) -> object:
        return await PostgresPayments(scope).collected_page(
            method=PaymentMethod.CASH,
            received_from=_days(8),
            received_to=_days(8),
            deleted=deleted,
            after=None,
            limit=25,
        )

    [plan] = await shop.plans(of_a_day, plan_for, shop.many)
    assert plan.rows == (0 if deleted else 2)
    assert plan.buffers <= 40


@pytest.mark.parametrize("plan_for", ["custom", "generic"])
async def test_credit_of_a_period_is_summed_without_reading_entries(shop: BusyShop, plan_for: str) -> None:
    async def report(scope: ShopScope, _client_id: ClientId) -> object:
        return await PostgresReports(scope).credit(at_from=_at(90_000), at_before=_at(91_000))

    owed, later, moves, _currency = await shop.plans(report, plan_for, shop.many)
    for plan in (later, moves):
        assert "Index Only Scan on ledger_entries" in plan.scans
        assert "Index Scan on ledger_entries" not in plan.scans
    assert owed.buffers <= 20
    assert moves.buffers <= 50  # of 1,000 entries, each in some 80 bytes of the index
    assert later.buffers <= 250


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_a_page_keeps_to_its_period_wherever_its_cursor_comes_from(shop: BusyShop, oldest_first: bool) -> None:
    ledger = PostgresLedger(ShopScope(shop.connection, shop.shop_id))  # type: ignore[arg-type]  # of no pool
    for first, until, after in product((None, 3, 7), (None, 7, 9), (None, 1, 3, 5, 7, 9, 10)):
        page = await Page(after, first, until, oldest_first)(ledger, shop.few)
        wanted = [
            number
            for number in (range(1, FEW + 1) if oldest_first else range(FEW, 0, -1))
            if (first is None or number >= first)
            and (until is None or number < until)
            and (after is None or (number > after if oldest_first else number < after))
        ]
        assert [entry.number for entry in page.items] == wanted[:4]


@pytest.mark.parametrize("with_invoice", [False, True], ids=["a client", "a client and an invoice"])
async def test_the_opening_read_costs_the_same_for_10_entries_and_for_100000(
    shop: BusyShop, with_invoice: bool
) -> None:
    opening = "SELECT open_v1($1, 'staff', $2, NULL, NULL, $3, $4, NULL, NULL, NULL, false)"

    async def buffers(client_id: ClientId) -> int:
        invoices = [shop.quiet_invoices[client_id]] if with_invoice else None
        arguments = (shop.shop_id, shop.staff, client_id, invoices)
        for _ in range(6):  # from the sixth time on a function's statements may have plans for all parameters
            assert await shop.connection.fetchval(opening, *arguments)
        explained = await shop.connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {opening}", *arguments)
        return Plan(explained).buffers

    assert await buffers(shop.many) <= 1.5 * await buffers(shop.few)


async def test_the_check_of_a_foreign_key_reads_one_row_whatever_there_is(database: Database) -> None:
    """It has one plan for all parameters: an index that finds a row or two of most clients finds all of another."""
    async with database.fresh() as another:
        superuser: Connection = await asyncpg.connect(another.superuser_url)
        try:
            await _shops_of_little(superuser, entries=2)
            indexes = {index["name"]: index for index in await superuser.fetch(_INDEXES)}
            keys = await superuser.fetch(_CHECKS_OF_KEYS)
            await superuser.execute("SET plan_cache_mode = force_generic_plan")
            taken = {key["name"]: await _index_of_check(superuser, key) for key in keys}
        finally:
            await superuser.close()

    def finds_one_row(key: Record) -> bool:
        index = indexes[taken[key["name"]]]
        looked_up = set(takewhile(set(key["columns"]).__contains__, index["columns"]))
        return any(
            other["is_unique"] and other["of_table"] == index["of_table"] and set(other["columns"]) <= looked_up
            for other in indexes.values()
        )

    assert len(keys) >= 12
    assert {key["name"]: taken[key["name"]] for key in keys if not finds_one_row(key)} == {}


async def test_where_all_clients_have_little_the_plan_for_all_is_still_good_for_one_with_much(
    database: Database,
) -> None:
    """With ten entries each it hardly matters in which order a client's are read; with millions it does."""
    async with database.fresh() as another:
        superuser: Connection = await asyncpg.connect(another.superuser_url)
        try:
            shop_id, client_id = await _shops_of_little(superuser, entries=10)
        finally:
            await superuser.close()
        async with set_to(shop_id, another.app_url) as connection:
            for ask, index in (
                (Sources(), "entries_of_client_by_kind"),
                (Sources(before=2), "entries_of_client_by_kind"),
                (Page(kind=EntryKind.CAPTURED), "entries_of_client_by_kind"),
                (Page(kind=EntryKind.CAPTURED, after=2), "entries_of_client_by_kind"),
                (Page(kind=EntryKind.CAPTURED, first=1, until=2), "entries_of_client_by_kind"),
                (Page(first=1, until=2), "entries_of_client_by_time"),
            ):
                scope = Explaining(connection, shop_id, "generic")
                await ask(PostgresLedger(scope), client_id)
                [plan] = scope.plans
                # Beside it the reversals are looked up, each by its number.
                lookups = {"ledger_reversible", "reversed_at_most_once"}
                assert {taken for taken in plan.indexes if taken in lookups or "entries" in taken} - lookups == {index}


async def test_who_reads_a_whole_shop_or_narrows_a_list_has_each_statement_planned_for_that(shop: BusyShop) -> None:
    """Whoever looks at one thing has it planned once. The plan for all reads and sorts all that is left of a large shop
    among small ones, for every page, and walks past all payments to find those of a day long ago.
    """
    caller = Caller(Credential(shop.shop_id, ActorKind.STAFF, shop.staff))
    counts = "SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE statement LIKE $1"
    async with program(shop.database) as container:
        transactions = container.transactions()
        for opened, planned in (
            (transactions.snapshot_of(shop.shop_id), (8, 0)),
            (transactions.for_shop(caller, narrowed=True), (8, 0)),
            (transactions.snapshot_for(caller, narrowed=True), (8, 0)),
            (transactions.for_shop(caller), (0, 8)),
            (transactions.snapshot_for(caller), (0, 8)),
        ):
            async with opened as transaction:
                connection = transaction.settings._scope._connection
                before = await connection.fetchrow(counts, "%shops.email%FROM shops%") or (0, 0)
                await transaction.clients.names([])  # who asks is known
                for _ in range(8):
                    await transaction.settings.read()
                [after] = await connection.fetch(counts, "%shops.email%FROM shops%")
            assert tuple(x - y for x, y in zip(after, before, strict=True)) == planned


async def _shops_of_little(superuser: Connection, *, entries: int) -> tuple[ShopId, ClientId]:
    """Shops whose clients have that many entries each, and a payment of each invoice; and one client of them."""
    await superuser.execute("SET session_replication_role = replica")
    some: list[tuple[ShopId, ClientId]] = []
    for shop_id in [uuid4() for _ in range(20)]:
        clients = [uuid4() for _ in range(20)]
        await put(superuser, "shops", a_shop_row(shop_id))
        await superuser.execute(_CLIENTS, shop_id, clients, NOON)
        await superuser.execute(_INVOICES, shop_id, clients, NOON)
        await superuser.execute(_PAYMENTS_BY_DAY, shop_id, clients, LAST_DAY, NOON, 1)
        for client_id in clients:
            await superuser.execute(_ENTRIES, shop_id, client_id, DIGEST, NOON, entries)
        some.append((ShopId(shop_id), ClientId(clients[0])))
    await superuser.execute("VACUUM ANALYZE")
    return some[0]


async def _index_of_check(superuser: Connection, key: Record) -> str:
    await superuser.execute(f"PREPARE looked_at ({', '.join(key['types'])}) AS {key['check']}")
    nulls = ", ".join("NULL" for _ in key["columns"])
    [index] = Plan(await superuser.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE looked_at ({nulls})")).indexes
    await superuser.execute("DEALLOCATE looked_at")
    return index
