"""What the database shows and refuses each role, whatever statement it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest

from adapters.postgres.provision import APP
from tests.adapters.walls import WITHOUT_SHOP, try_everything
from tests.database import Database
from tests.rows import (
    NIL,
    NOON,
    Connection,
    PaperShop,
    Row,
    a_client_row,
    a_console_session_row,
    a_delivery_row,
    a_lane_row,
    a_session_row,
    a_shop_row,
    a_staff_row,
    an_account_row,
    an_attempt_row,
    an_endpoint_row,
    an_invoice_row,
    put,
)
from tests.snapshots import snapshot

paper, other = PaperShop(), PaperShop()

# Of these the jobs role reads two or three columns.
MAY_LIST = {"outbox", "delivery_lanes", "webhook_endpoints", "shop_verifications"}

APPEND_ONLY = ["ledger_entries", "payment_changes"]

# For each table a row that it does not hold yet, of a shop that is not the other one.
NEW_ROWS: dict[str, Row] = {
    **paper.rows_beside(),
    "invoice_counters": {"shop_id": paper.twin, "last_number": 0},
    "shop_routing": {"shop_id": paper.twin},
    "shop_verifications": {"shop_id": paper.twin, "verified_at": NOON, "findings": 0},
    "webhook_endpoints": an_endpoint_row(paper.shop, uuid4()),
    "delivery_lanes": a_lane_row(paper.shop, paper.endpoint, paper.sam),
    "deliveries": a_delivery_row(paper.shop, NIL, paper.pat, paper.notice),
    "delivery_attempts": an_attempt_row(paper.shop, paper.delivery, number=2),
    "shops": a_shop_row(uuid4()),
    "clients": a_client_row(paper.shop, uuid4()),
    "staff": a_staff_row(paper.shop, uuid4()),
    "sessions": a_session_row(paper.shop, paper.staff, uuid4()),
    "console_sessions": a_console_session_row(paper.shop, paper.other_session),
    "invoices": an_invoice_row(paper.shop, paper.pat, uuid4()),
    "payments": paper.payment(paper.invoice, uuid4()),
    "ledger_entries": paper.entry(6, "added", 1000, 6700),
    "credit_accounts": an_account_row(paper.shop, paper.kim),
}
TABLES = sorted(NEW_ROWS)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture(scope="module")
async def superuser(database: Database) -> AsyncIterator[Connection]:
    async with connected(database.superuser_url) as connection:
        await paper.write(connection)
        await other.write(connection)
        yield connection


@pytest.fixture
async def app(superuser: Connection, database: Database) -> AsyncIterator[Connection]:
    """As the program at run time, in a transaction that nobody keeps."""
    async with connected(database.app_url) as connection:
        transaction = connection.transaction()
        await transaction.start()
        yield connection
        await transaction.rollback()


@pytest.fixture
async def owner(superuser: Connection, database: Database) -> AsyncIterator[Connection]:
    async with connected(database.owner_url) as connection:
        yield connection


@pytest.fixture
async def jobs(superuser: Connection, database: Database) -> AsyncIterator[Connection]:
    async with connected(database.jobs_url) as connection:
        yield connection


async def set_shop(connection: Connection, shop_id: UUID) -> None:
    await connection.execute("SELECT set_shop($1)", shop_id)


async def test_the_tables_here_are_all_that_there_are(superuser: Connection) -> None:
    tables = await superuser.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {table["tablename"] for table in tables} == WITHOUT_SHOP.keys() | set(TABLES)


@pytest.mark.parametrize("table", TABLES)
async def test_without_a_shop_nothing_is_there(superuser: Connection, app: Connection, table: str) -> None:
    count = f"SELECT count(*) FROM {table}"  # noqa: S608
    assert await superuser.fetchval(count) > 0
    assert await app.fetchval(count) == 0


@pytest.mark.parametrize("table", TABLES)
async def test_a_shop_sees_its_own_rows_and_no_other(superuser: Connection, app: Connection, table: str) -> None:
    shops = f"SELECT DISTINCT shop_id FROM {table}"  # noqa: S608
    assert {row["shop_id"] for row in await superuser.fetch(shops)} >= {paper.shop, other.shop}
    await set_shop(app, other.shop)
    assert [row["shop_id"] for row in await app.fetch(shops)] == [other.shop]


@pytest.mark.parametrize("set_to", [pytest.param(None, id="none"), pytest.param(other.shop, id="another")])
@pytest.mark.parametrize("table", TABLES)
async def test_a_row_of_a_shop_that_is_not_set_is_refused(app: Connection, table: str, set_to: UUID | None) -> None:
    if set_to is not None:
        await set_shop(app, set_to)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security policy"):
        await put(app, table, NEW_ROWS[table])


@pytest.mark.parametrize("table", TABLES)
async def test_its_own_row_is_taken(app: Connection, table: str) -> None:
    await set_shop(app, UUID(str(NEW_ROWS[table]["shop_id"])))
    await put(app, table, NEW_ROWS[table])


@pytest.mark.parametrize("at", [pytest.param(None, id="none"), pytest.param(other.shop, id="another")])
async def test_no_statement_reaches_a_shop_that_is_not_set(
    superuser: Connection, database: Database, at: UUID | None
) -> None:
    before = await snapshot(superuser, paper.shop)
    async with connected(database.app_url) as app:
        assert await try_everything(superuser, app, shop_id=paper.shop, at=at) > 250
    assert await snapshot(superuser, paper.shop) == before


@pytest.mark.parametrize(
    ("way", "complaint"),
    [
        ("ALTER TABLE clients DISABLE ROW LEVEL SECURITY", "clients: rows of other shops are shown"),
        (f"ALTER POLICY own_shop ON clients TO {APP} USING (true)", "clients: rows of other shops are shown"),
        (f"ALTER POLICY own_shop ON clients TO {APP} WITH CHECK (true)", "clients: a row of another shop is taken"),
        (f"GRANT TRUNCATE ON idempotency_records TO {APP}", "idempotency_records: it can be emptied"),
    ],
)
async def test_a_way_past_the_policies_is_found(database: Database, way: str, complaint: str) -> None:
    async with (
        database.fresh() as scratch,
        connected(scratch.superuser_url) as administrator,
        connected(scratch.app_url) as app,
    ):
        for shop in (paper, other):
            await shop.write(administrator)
        await administrator.execute(way)
        with pytest.raises(AssertionError, match=complaint):
            await try_everything(administrator, app, shop_id=paper.shop, at=other.shop)


@pytest.mark.parametrize("table", TABLES)
async def test_no_row_moves_to_another_shop(app: Connection, table: str) -> None:
    await set_shop(app, paper.shop)
    # Citus moves no row from machine to machine, whoever asks.
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError)):
        await app.execute(f"UPDATE {table} SET shop_id = $1", other.shop)  # noqa: S608


async def test_the_functions_show_and_write_nothing_of_another_shop(app: Connection) -> None:
    opened = "SELECT open_v1($1, 'staff', $2, NULL, NULL, $3, NULL, NULL, NULL, NULL, false)"
    await set_shop(app, other.shop)
    assert await app.fetchval(opened, other.shop, other.staff, other.pat) is not None
    assert await app.fetchval(opened, paper.shop, paper.staff, paper.pat) is None
    assert await app.fetchval(opened, other.shop, paper.staff, paper.pat) is None
    notice = f"""[{{"op": "notice", "row": {{"id": "{uuid4()}", "client_id": "{paper.pat}", "kind": "credit_added",
        "at": "2026-03-02T12:00:00Z", "payload": {{}}}}}}]"""
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security policy"):
        await app.execute("SELECT write_v1($1, $2)", paper.shop, notice)


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE {} SET amount = amount",
        "UPDATE {} SET amount = amount WHERE false",
        "DELETE FROM {}",
        "TRUNCATE {} CASCADE",
    ],
)
class TestAppendOnly:
    """R1: not by the program, not by its role, and by nobody else without taking the trigger away first."""

    async def test_the_programs_role_may_not(self, app: Connection, table: str, change: str) -> None:
        await set_shop(app, paper.shop)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
            await app.execute(change.format(table))

    async def test_the_owner_is_refused(self, owner: Connection, table: str, change: str) -> None:
        with pytest.raises(asyncpg.RestrictViolationError, match="is append-only"):
            await owner.execute(change.format(table))

    async def test_the_superuser_is_refused(self, superuser: Connection, table: str, change: str) -> None:
        with pytest.raises(asyncpg.RestrictViolationError, match="is append-only"):
            await superuser.execute(change.format(table))


@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_an_insert_cannot_become_an_update(app: Connection, table: str) -> None:
    await set_shop(app, paper.shop)
    insert = f"INSERT INTO {table} (shop_id, id) VALUES ($1, $1)"  # noqa: S608
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await app.execute(f"{insert} ON CONFLICT ON CONSTRAINT {table}_pkey DO UPDATE SET amount = 0", paper.shop)


@pytest.mark.parametrize("table", TABLES)
async def test_the_owner_sees_no_shops_rows(owner: Connection, table: str) -> None:
    assert await owner.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608


async def test_the_jobs_role_lists_the_shops_with_something_due(superuser: Connection, jobs: Connection) -> None:
    await superuser.execute("UPDATE outbox SET due_at = at WHERE shop_id = $1", paper.shop)
    shops = await jobs.fetch("SELECT DISTINCT shop_id FROM outbox WHERE due_at <= now()")
    assert paper.shop in {row["shop_id"] for row in shops}
    assert other.shop not in {row["shop_id"] for row in shops}


async def test_the_jobs_role_lists_the_shops_with_a_lane_due(superuser: Connection, jobs: Connection) -> None:
    await superuser.execute("UPDATE delivery_lanes SET due_at = now() WHERE shop_id = $1", paper.shop)
    shops = await jobs.fetch("SELECT DISTINCT shop_id FROM delivery_lanes WHERE due_at <= now()")
    assert paper.shop in {row["shop_id"] for row in shops}
    assert other.shop not in {row["shop_id"] for row in shops}


async def test_the_jobs_role_lists_the_shops_whose_owner_is_to_be_told(superuser: Connection, jobs: Connection) -> None:
    await superuser.execute(
        "UPDATE webhook_endpoints SET off_since = now(), off_reason = 'gone', tell_owner_at = now() WHERE shop_id = $1",
        paper.shop,
    )
    shops = await jobs.fetch("SELECT DISTINCT shop_id FROM webhook_endpoints WHERE tell_owner_at <= now()")
    assert paper.shop in {row["shop_id"] for row in shops}
    assert other.shop not in {row["shop_id"] for row in shops}


@pytest.mark.parametrize(
    "statement",
    [
        *(f"SELECT {column} FROM outbox" for column in ("id", "client_id", "kind", "payload", "routed_at", "*")),  # noqa: S608
        *(f"SELECT {column} FROM delivery_lanes" for column in ("receiver_id", "client_id", "claim", "*")),  # noqa: S608
        *(f"SELECT {column} FROM webhook_endpoints" for column in ("id", "url", "secret", "off_reason", "*")),  # noqa: S608
        *(f"SELECT 1 FROM {table}" for table in sorted({*TABLES, *WITHOUT_SHOP} - MAY_LIST)),  # noqa: S608
        "UPDATE outbox SET due_at = NULL",
        "UPDATE delivery_lanes SET due_at = NULL",
        "DELETE FROM outbox",
        "SELECT shop_id FROM outbox FOR UPDATE",
        "SELECT set_shop('00000000-0000-0000-0000-000000000000')",
    ],
)
async def test_the_jobs_role_may_do_nothing_else(jobs: Connection, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await jobs.execute(statement)


async def test_the_programs_role_owns_nothing_and_passes_no_policy(superuser: Connection) -> None:
    role = await superuser.fetchrow("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = $1", APP)
    assert role is not None
    assert tuple(role) == (False, False)
    owned = """SELECT (SELECT count(*) FROM pg_shdepend WHERE refobjid = role.oid AND deptype = 'o')
        + (SELECT count(*) FROM pg_auth_members WHERE member = role.oid) FROM pg_roles role WHERE rolname = $1"""
    assert await superuser.fetchval(owned, APP) == 0


async def test_what_a_transaction_leaves_of_its_shop_shows_nothing(superuser: Connection, database: Database) -> None:
    async with connected(database.app_url) as connection:
        for way in ("SELECT set_shop($1)", "SELECT set_config('app.shop_id', $1::uuid::text, true)"):
            async with connection.transaction():
                await connection.execute(way, paper.shop)
                assert await connection.fetchval("SELECT count(*) FROM clients") == 3
            # Not NULL as before the first time, but '', which is no UUID.
            assert await connection.fetchval("SELECT current_setting('app.shop_id', true)") == ""
            assert await connection.fetchval("SELECT count(*) FROM clients") == 0
