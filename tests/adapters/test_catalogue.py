"""What Alembic's check does not see: row-level security, policies, grants, keys, triggers, functions."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.postgres.provision import APP, BACKUP, JOBS, OWNER
from tests.adapters.walls import WITHOUT_SHOP, holes, tables_of_shops
from tests.database import Database
from tests.rows import Connection

# What the program's role may do. SELECT and INSERT hold for the whole table; of UPDATE the columns.
SELECT_INSERT = frozenset({"SELECT", "INSERT"})
APP_TABLES = {
    "alembic_version": {"SELECT"},
    "shop_slugs": SELECT_INSERT,
    "sign_in_failures_by_address": {*SELECT_INSERT, "DELETE"},
    "shops": SELECT_INSERT,
    "invoice_counters": SELECT_INSERT,
    "staff": SELECT_INSERT,
    "api_keys": SELECT_INSERT,
    "sessions": SELECT_INSERT,
    "refresh_tokens": SELECT_INSERT,
    "console_sessions": SELECT_INSERT,
    "sign_in_failures": {*SELECT_INSERT, "DELETE"},
    "clients": SELECT_INSERT,
    "invoices": SELECT_INSERT,
    "payments": SELECT_INSERT,
    "payment_changes": SELECT_INSERT,
    "ledger_entries": SELECT_INSERT,
    "credit_accounts": SELECT_INSERT,
    "idempotency_records": SELECT_INSERT,
    "outbox": SELECT_INSERT,
    "outbox_control": SELECT_INSERT,
    "shop_routing": SELECT_INSERT,
    "webhook_endpoints": SELECT_INSERT,
    "delivery_lanes": SELECT_INSERT,
    "deliveries": SELECT_INSERT,
    "delivery_attempts": SELECT_INSERT,
    "shop_verifications": SELECT_INSERT,
}
APP_UPDATES = {
    "shops": {"name", "time_zone", "quickbooks_connected", "language", "email_notices", "email"},
    "invoice_counters": {"last_number"},
    "staff": {"name", "email", "permissions", "active", "password_hash"},
    "api_keys": {"deleted_at"},
    "sessions": {"ended_at"},
    "refresh_tokens": {"used_at"},
    "console_sessions": {"seen_at"},
    "clients": {"name", "email", "phone", "email_notices"},
    "invoices": {
        *("number", "issued_on", "vehicle", "lines", "tax", "total"),
        *("settled", "credit_applied", "voided_at"),
    },
    "payments": {
        *("method", "amount", "collected", "settled", "captured", "reference", "received_on"),
        *("deleted_at", "deleted_by_kind", "deleted_by_id", "deleted_by_name"),
    },
    "credit_accounts": {"balance", "last_number", "last_hash", "last_at", "closed_at"},
    "outbox": {"due_at", "routed_at"},
    "outbox_control": {"home", "paused_at", "paused_why"},
    "shop_routing": {"routed_at"},
    "webhook_endpoints": {
        *("url", "description", "kinds", "secret", "previous_secret", "previous_secret_until", "off_since"),
        *("off_reason", "failing_since", "quiet_until", "tell_owner_at", "owner_told_at", "deleted_at"),
    },
    "delivery_lanes": {"due_at", "claim"},
    "deliveries": {"state", "attempts", "failures", "next_attempt_at", "settled_at"},
    "shop_verifications": {"verified_at", "findings"},
}
JOBS_READS = {
    "outbox": {"shop_id", "due_at"},
    "delivery_lanes": {"shop_id", "due_at"},
    "webhook_endpoints": {"shop_id", "tell_owner_at"},
    "shop_verifications": {"shop_id", "verified_at", "findings"},
}
FUNCTIONS = {"set_shop": {APP}, "open_v1": {APP}, "write_v1": {APP}, "refuse_change": set()}


@pytest.fixture(scope="module")
async def catalogue(database: Database) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database.superuser_url)
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def tables(catalogue: Connection) -> set[str]:
    rows = await catalogue.fetch(
        """SELECT relname::text AS name FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"""
    )
    return {row["name"] for row in rows}


async def test_nothing_leads_from_one_shop_to_another(catalogue: Connection) -> None:
    """A new table without row-level security, policy or shop-first keys fails here. One that has to be without them is
    added to the closed list, with its reason.
    """
    assert await holes(catalogue) == []
    assert len(await tables_of_shops(catalogue)) > 20
    assert all(table.reason for table in WITHOUT_SHOP.values())


OWN = "shop_id = nullif(current_setting('app.shop_id', true), '')::uuid"
KEY = "PRIMARY KEY (shop_id, id)"
TABLE = f"CREATE TABLE bad (shop_id uuid, id uuid, client_id uuid, {KEY});"
ENABLED, FORCED = "ALTER TABLE bad ENABLE ROW LEVEL SECURITY;", "ALTER TABLE bad FORCE ROW LEVEL SECURITY;"
POLICY = f"CREATE POLICY own_shop ON bad TO {APP} USING ({OWN}) WITH CHECK ({OWN});"
GOOD = f"{TABLE}{ENABLED}{FORCED}{POLICY}"
HOLES = {
    "not enabled": (TABLE + FORCED + POLICY, ["row-level security is not enabled"]),
    "not forced": (TABLE + ENABLED + POLICY, ["row-level security is not forced on the owner"]),
    "no policy": (TABLE + ENABLED + FORCED, ["no policy lets the program's role at its own shop's rows"]),
    "a policy that lets all through": (
        f"{TABLE}{ENABLED}{FORCED}CREATE POLICY own_shop ON bad TO {APP} USING (true);",
        ["the policy own_shop is about more than the shop's own rows"],
    ),
    "a policy that takes every row": (
        f"{TABLE}{ENABLED}{FORCED}CREATE POLICY own_shop ON bad TO {APP} USING ({OWN}) WITH CHECK (true);",
        ["the policy own_shop is about more than the shop's own rows"],
    ),
    "a second policy": (
        f"{GOOD}CREATE POLICY wide ON bad FOR SELECT TO {APP} USING (true);",
        ["the policy wide is about more than the shop's own rows"],
    ),
    "a second policy, for everybody": (
        f"{GOOD}CREATE POLICY wide ON bad FOR SELECT USING (true);",
        ["the policy wide is about more than the shop's own rows"],
    ),
    "a key without the shop": (
        GOOD.replace(KEY, "PRIMARY KEY (id)"),
        ["the key or index bad_pkey does not begin with the shop"],
    ),
    "a key with the shop behind": (
        GOOD.replace(KEY, "PRIMARY KEY (id, shop_id)"),
        ["the key or index bad_pkey does not begin with the shop"],
    ),
    "a second key": (
        GOOD.replace(KEY, f"{KEY}, UNIQUE (client_id)"),
        ["the key or index bad_client_id_key does not begin with the shop"],
    ),
    "an index of an expression": (
        f"{GOOD}CREATE INDEX named ON bad ((client_id::text));",
        ["the key or index named does not begin with the shop"],
    ),
    "no key": (GOOD.replace(KEY, "CHECK (true)"), ["it has no primary key"]),
    "a foreign key past the shop": (
        GOOD.replace(KEY, f"{KEY}, FOREIGN KEY (id, shop_id) REFERENCES bad (shop_id, id)"),
        ["the foreign key bad_id_shop_id_fkey does not lead from the shop to the shop"],
    ),
    "no shop": (
        "CREATE TABLE bad (id uuid PRIMARY KEY);",
        [
            "row-level security is not enabled",
            "row-level security is not forced on the owner",
            "no policy lets the program's role at its own shop's rows",
            "the key or index bad_pkey does not begin with the shop",
        ],
    ),
    "a name in a table of the closed list": (
        "ALTER TABLE shop_slugs ADD COLUMN owner_name text;",
        ["owner_name is in a table without a shop"],
    ),
}


@pytest.fixture(scope="module")
async def scratch(database: Database) -> AsyncIterator[Connection]:
    async with database.fresh() as another:
        connection = await asyncpg.connect(another.owner_url)
        yield connection
        await connection.close()


@pytest.mark.parametrize(("made", "complaints"), HOLES.values(), ids=HOLES)
async def test_a_hole_in_the_wall_is_found(scratch: Connection, made: str, complaints: list[str]) -> None:
    transaction = scratch.transaction()
    await transaction.start()
    try:
        await scratch.execute(made)
        found = await holes(scratch)
    finally:
        await transaction.rollback()
    assert [hole.partition(": ")[2] for hole in found] == complaints


async def test_there_are_no_views_sequences_or_other_schemas_to_look_past_the_policies(catalogue: Connection) -> None:
    others = await catalogue.fetch(
        """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind NOT IN ('r', 'i')
          UNION SELECT nspname FROM pg_namespace
            WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('public', 'information_schema')"""
    )
    assert others == []


async def test_other_policies_are_for_listing_what_is_due(catalogue: Connection) -> None:
    policies = await catalogue.fetch(
        "SELECT * FROM pg_policies WHERE schemaname = 'public' AND NOT $1 = ANY (roles)", APP
    )
    others = sorted((each["tablename"], each["roles"], each["cmd"], each["with_check"]) for each in policies)
    assert others == [(table, [JOBS], "SELECT", None) for table in sorted(JOBS_READS)]


async def test_foreign_keys_refuse_and_never_change_what_names_something(catalogue: Connection) -> None:
    # a: NO ACTION (the only one for an update: keys do not change), r: RESTRICT; s: MATCH SIMPLE.
    keys = await _foreign_keys(catalogue)
    assert len(keys) > 15
    assert {(key["on_delete"], key["on_update"], key["match"], key["deferrable"]) for key in keys} == {
        ("r", "a", "s", False)
    }


async def _foreign_keys(catalogue: Connection) -> list[asyncpg.Record]:
    return await catalogue.fetch(
        """SELECT confdeltype::text AS on_delete, confupdtype::text AS on_update, confmatchtype::text AS match,
            condeferrable AS deferrable
            FROM pg_constraint WHERE contype = 'f'"""
    )


async def test_every_constraint_is_in_force(catalogue: Connection) -> None:
    assert await catalogue.fetch("SELECT conname FROM pg_constraint WHERE NOT convalidated") == []


async def test_entries_and_changes_of_payments_are_append_only(catalogue: Connection) -> None:
    triggers = await catalogue.fetch(
        """SELECT tgrelid::regclass::text, pg_get_triggerdef(oid), tgenabled::text FROM pg_trigger
            WHERE NOT tgisinternal ORDER BY 1"""
    )
    assert [(table, enabled) for table, _, enabled in triggers] == [("ledger_entries", "O"), ("payment_changes", "O")]
    for table, definition, _ in triggers:
        assert f"BEFORE DELETE OR UPDATE OR TRUNCATE ON public.{table} " in definition
        assert definition.endswith("FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")


async def test_nothing_else_happens_by_itself(catalogue: Connection) -> None:
    assert await catalogue.fetchval("SELECT count(*) FROM pg_rewrite WHERE ev_class >= 16384") == 0
    assert await catalogue.fetchval("SELECT count(*) FROM pg_event_trigger") == 0


async def test_the_programs_role_has_the_grants_that_it_needs_and_no_other(catalogue: Connection) -> None:
    assert await _table_grants(catalogue, APP) == APP_TABLES
    assert await _column_grants(catalogue, APP) == {(table, "UPDATE"): names for table, names in APP_UPDATES.items()}


async def test_the_jobs_role_reads_which_shop_has_something_due_and_when(catalogue: Connection) -> None:
    assert await _table_grants(catalogue, JOBS) == {}
    assert await _column_grants(catalogue, JOBS) == {(table, "SELECT"): names for table, names in JOBS_READS.items()}


async def test_backups_only_read_and_read_everything(catalogue: Connection, tables: set[str]) -> None:
    assert await _table_grants(catalogue, BACKUP) == {table: {"SELECT"} for table in tables}
    assert await _column_grants(catalogue, BACKUP) == {}


async def test_nobody_else_has_any_grant(catalogue: Connection) -> None:
    grantees = await catalogue.fetch(
        """SELECT DISTINCT coalesce(rolname::text, 'PUBLIC') AS name
            FROM pg_class LEFT JOIN pg_attribute ON attrelid = pg_class.oid
            CROSS JOIN LATERAL (SELECT * FROM aclexplode(relacl) UNION SELECT * FROM aclexplode(attacl)) granted
            LEFT JOIN pg_roles ON pg_roles.oid = grantee
            WHERE relnamespace = 'public'::regnamespace"""
    )
    assert {row["name"] for row in grantees} == {OWNER, APP, JOBS, BACKUP}


async def test_the_owner_keeps_the_right_to_update_the_ledger(catalogue: Connection) -> None:
    """Foreign-key checks lock rows as the owner; the trigger refuses the rest."""
    assert await catalogue.fetchval("SELECT has_table_privilege($1, 'ledger_entries', 'UPDATE')", OWNER)


async def _table_grants(catalogue: Connection, role: str) -> dict[str, set[str]]:
    rows = await catalogue.fetch(
        """SELECT relname::text, privilege_type FROM pg_class, aclexplode(relacl)
            WHERE relnamespace = 'public'::regnamespace AND grantee = $1::text::regrole""",
        role,
    )
    granted = defaultdict(set)
    for table, privilege in rows:
        granted[table].add(privilege)
    return dict(granted)


async def _column_grants(catalogue: Connection, role: str) -> dict[tuple[str, str], set[str]]:
    rows = await catalogue.fetch(
        """SELECT attrelid::regclass::text, privilege_type, attname::text FROM pg_attribute, aclexplode(attacl)
            WHERE grantee = $1::text::regrole""",
        role,
    )
    granted = defaultdict(set)
    for table, privilege, column in rows:
        granted[table, privilege].add(column)
    return dict(granted)


async def test_functions_have_no_more_rights_than_whoever_calls_them(catalogue: Connection) -> None:
    functions = await catalogue.fetch(
        """SELECT proname::text, prosecdef, proconfig, provolatile::text, proowner::regrole::text
            FROM pg_proc WHERE pronamespace = 'public'::regnamespace"""
    )
    assert {tuple(function) for function in functions} == {(name, False, None, "v", OWNER) for name in FUNCTIONS}


async def test_functions_are_called_by_the_programs_role_alone(catalogue: Connection) -> None:
    callers = await catalogue.fetch(
        """SELECT proname::text, coalesce(rolname::text, 'PUBLIC') AS grantee
            FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))
            LEFT JOIN pg_roles ON pg_roles.oid = grantee WHERE pronamespace = 'public'::regnamespace"""
    )
    granted: dict[str, set[str]] = {name: set() for name in FUNCTIONS}
    for name, grantee in callers:
        granted[name] |= {grantee} - {OWNER}
    assert granted == FUNCTIONS


@pytest.mark.parametrize("function", ["open_v1", "write_v1"])
async def test_functions_name_the_shop_for_every_table(catalogue: Connection, tables: set[str], function: str) -> None:
    body = await catalogue.fetchval("SELECT prosrc FROM pg_proc WHERE proname = $1", function)
    arguments = await catalogue.fetchval("SELECT proargnames[1] FROM pg_proc WHERE proname = $1", function)
    assert arguments == "p_shop"
    assert "EXECUTE" not in body  # what is put together at run time cannot be read here
    touched = 0
    for statement in body.split(";"):
        used = re.findall(rf"\b(?:FROM|JOIN|UPDATE|INTO|USING)\s+(?:{'|'.join(tables)})\b", statement)
        named = len(re.findall(r"\bshop_id = p_shop\b", statement)) + len(re.findall(r"VALUES \(p_shop,", statement))
        assert named == len(used), statement
        touched += len(used)
    assert touched >= 8
