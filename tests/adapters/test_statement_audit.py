"""The audit of what the program sends sees each kind of fault, and sees what the program sends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from adapters.postgres.readiness import Readiness
from adapters.postgres.shop_scope import ShopStatement, select_of
from adapters.postgres.tables import clients
from tests.database import Database
from tests.desk import open_desk, program
from tests.distributed_rules import faults
from tests.statement_audit import ABOUT_NO_ONE_SHOP, verdict
from tests.statement_notes import NOT_NOTED, Notes

OWN = "SELECT clients.name FROM clients WHERE clients.shop_id = $1::UUID"

FAULTY = {
    "SELECT clients.name FROM clients WHERE clients.id = $1::UUID": "does not name the shop for clients",
    OWN + " AND clients.id IN (SELECT payments.client_id FROM payments)": "does not name the shop for payments",  # noqa: S608
    "SELECT clients.name FROM clients JOIN shops ON clients.shop_id = shops.shop_id WHERE clients.shop_id = $1::UUID": (
        "does not name the shop for shops"
    ),
    "INSERT INTO clients (id, name) VALUES ($1::UUID, $2)": "does not name the shop for clients",
    "DELETE FROM clients WHERE clients.id = $1::UUID": "does not name the shop for clients",
    "UPDATE clients SET name=$2 WHERE clients.id = $1::UUID": "does not name the shop for clients",
    "SELECT old_v1x($1)": "calls old_v1x, which is no function of a shop",
    "UPDATE shops SET created_at=clock_timestamp() WHERE shops.shop_id = $1::UUID": "writes what clock_timestamp makes",
    "UPDATE shops SET name=$2 WHERE shops.shop_id = $1::UUID RETURNING lower(shops.name)": (
        "returns more than columns: lower(shops.name)"
    ),
    f"{OWN} AND pg_advisory_xact_lock(1) IS NULL": r"has what is banned: \bpg_(try_)?advisory_",
    f"{OWN} AND set_config('app.shop_id', $2, true) <> ''": r"has what is banned: \bset_config\b",
    "BEGIN; SET LOCAL jit = off; SELECT set_shop('...')": (
        "sets something beside other statements, all of which Citus sends on"
    ),
    f"{OWN} AND nextval('numbers') > 0": r"has what is banned: \bnextval\b",
}


@pytest.mark.parametrize(("sql", "fault"), FAULTY.items())
def test_each_fault_of_a_statement_is_found(sql: str, fault: str) -> None:
    assert faults(sql) == [fault]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO clients (shop_id, name) SELECT shop_id, name FROM clients WHERE clients.shop_id = $1::UUID",
        "MERGE INTO clients USING shops ON true WHEN MATCHED THEN DELETE",
        "WITH gone AS (DELETE FROM clients WHERE clients.shop_id = $1::UUID) SELECT 1",
        OWN + " GROUP BY 1 HAVING count(*) > (SELECT count(*) FROM shops WHERE shops.shop_id = $1::UUID)",  # noqa: S608
        "LOCK TABLE clients",
    ],
)
def test_what_cannot_be_distributed_is_found(sql: str) -> None:
    assert any(fault.startswith("has what is banned") for fault in faults(sql))


@pytest.mark.parametrize("sql", [OWN, "BEGIN", "SELECT open_v1($1, $2)", str(ShopStatement(select_of(clients)).sql)])
def test_what_is_right_is_no_fault(sql: str) -> None:
    assert faults(sql.replace("\n", "")) == []


@pytest.fixture
async def noted(database: Database, tmp_path: Path) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(database.app_url)
    Notes(tmp_path).watch(connection)
    yield connection
    await connection.close()


async def test_a_transaction_of_two_shops_is_found(noted: asyncpg.Connection[asyncpg.Record], tmp_path: Path) -> None:
    await noted.execute("BEGIN")
    await noted.execute("SELECT set_shop($1)", uuid4())
    await noted.fetch(OWN, uuid4())
    await noted.execute("ROLLBACK")
    await noted.fetch("SELECT 1")  # asyncpg tells of a statement a moment after it
    assert verdict(tmp_path).faults == [f"the second shop in one transaction: {OWN}"]


async def test_a_transaction_of_two_shops_is_found_where_the_first_comes_with_its_beginning(
    noted: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    shop = uuid4()
    await noted.execute(f"BEGIN; SELECT set_shop('{shop}')")
    await noted.fetch(OWN, shop)
    await noted.fetch("SELECT 1")
    assert verdict(tmp_path).faults == []
    await noted.fetch(OWN, uuid4())
    await noted.execute("ROLLBACK")
    await noted.fetch("SELECT 1")
    assert verdict(tmp_path).faults == [f"the second shop in one transaction: {OWN}"]


async def test_two_shops_in_the_rows_of_one_statement_are_found(
    noted: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    shop = uuid4()
    insert = "INSERT INTO shop_routing (shop_id) VALUES ($1::UUID)"
    await noted.execute("BEGIN")
    await noted.execute("SELECT set_shop($1)", shop)
    with pytest.raises(asyncpg.PostgresError):
        await noted.executemany(insert, [(shop,), (uuid4(),)])
    await noted.execute("ROLLBACK")
    await noted.fetch("SELECT 1")
    assert verdict(tmp_path).faults == [f"the second shop in one transaction: {insert}"]


async def test_a_shop_that_is_named_before_it_is_set_is_found(
    noted: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    await noted.fetch(OWN, uuid4())
    await noted.fetch("SELECT 1")
    assert verdict(tmp_path).faults == [f"names a shop before set_shop, or in no transaction: {OWN}"]


async def test_transactions_one_after_another_may_be_of_different_shops(
    noted: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    for _ in range(2):
        shop = uuid4()
        await noted.execute("BEGIN")
        await noted.execute("SELECT set_shop($1)", shop)
        await noted.fetch(OWN, shop)
        await noted.execute("COMMIT")
    await noted.fetch("SELECT 1")
    assert verdict(tmp_path).faults == []
    assert verdict(tmp_path).statements == len(["BEGIN", "set_shop", OWN, "COMMIT"])


async def test_what_the_program_sends_is_noted(database: Database, statements_noted: Path) -> None:
    async with program(database) as container:
        desk = await open_desk(container)
        await desk.add(await desk.client("Pat"), 5000)
    noted = "".join(file.read_text() for file in statements_noted.glob("*.jsonl"))
    assert "SELECT open_v1($1" in noted
    assert "SELECT write_v1($1" in noted


async def test_what_the_program_sends_past_its_pools_is_noted(database: Database, statements_noted: Path) -> None:
    assert await Readiness(database.app_url)()
    connection = await asyncpg.connect(database.app_url)
    await connection.fetch("SELECT 1 AS asked_by_a_test")
    await connection.close()
    noted = "".join(file.read_text() for file in statements_noted.glob("*.jsonl"))
    assert "FROM alembic_version" in noted
    assert "asked_by_a_test" not in noted


def test_what_other_processes_send_is_noted_too() -> None:
    script = "import asyncpg; print(asyncpg.create_pool.__module__, asyncpg.connect.__module__)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.split() == ["tests.statement_notes"] * 2


def test_every_text_about_no_one_shop_has_its_reason() -> None:
    assert all(ABOUT_NO_ONE_SHOP.values())


def test_every_module_that_is_not_listened_to_is_there_and_connects_by_itself() -> None:
    assert all(NOT_NOTED.values())
    for name in NOT_NOTED:
        assert "asyncpg.connect(" in Path(str(import_module(name).__file__)).read_text()
