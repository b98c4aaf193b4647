"""Where each table goes when the database is distributed by shop: none is forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.postgres.migrations.distribution import COORDINATOR, EVERYWHERE, RUN_BY_THE_COORDINATOR, placements
from tests.adapters.walls import WITHOUT_SHOP, tables_of_shops
from tests.database import Database
from tests.rows import Connection


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[Connection]:
    """In a transaction, so that a test may change the schema."""
    connection = await asyncpg.connect(database.owner_url)
    await connection.execute("BEGIN")
    yield connection
    await connection.execute("ROLLBACK")
    await connection.close()


def test_tables_without_a_shop_have_a_place_and_a_reason() -> None:
    assert EVERYWHERE.keys() | COORDINATOR.keys() == WITHOUT_SHOP.keys()
    assert not EVERYWHERE.keys() & COORDINATOR.keys()
    assert all([*EVERYWHERE.values(), *COORDINATOR.values(), *RUN_BY_THE_COORDINATOR.values()])


async def test_every_table_of_a_shop_is_distributed_by_it_beside_the_others(owner: Connection) -> None:
    said = dict(await placements(owner))
    tables = await tables_of_shops(owner)
    assert {table for table in said if "(" not in table} == {*tables, *EVERYWHERE}
    for table in tables:
        beside = "none" if table == "shops" else "shops"
        assert f"SELECT create_distributed_table('{table}', 'shop_id', colocate_with => '{beside}')" in said[table]
        assert said[table][-1] == f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"


async def test_a_table_comes_after_those_that_it_names(owner: Connection) -> None:
    order = [what for what, _ in await placements(owner)]
    keys = await owner.fetch(
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint "
        "WHERE contype = 'f' AND conrelid <> confrelid"
    )
    assert len(keys) > 15
    assert [(child, parent) for child, parent in keys if order.index(child) < order.index(parent)] == []


async def test_a_table_and_a_function_of_a_later_migration_are_placed_too(owner: Connection) -> None:
    await owner.execute("""
        CREATE TABLE tills (shop_id uuid NOT NULL REFERENCES shops, id uuid, PRIMARY KEY (shop_id, id));
        CREATE FUNCTION open_v9(p_shop uuid) RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
    """)
    said = dict(await placements(owner))
    assert any("create_distributed_table('tills', 'shop_id', " in step for step in said["tills"])
    assert said["open_v9(uuid)"] == [
        (
            "SELECT create_distributed_function('open_v9(uuid)', 'p_shop', colocate_with => 'shops', "
            "force_delegation => true)"
        )
    ]


async def test_functions_run_where_the_shop_is_but_for_the_one_that_says_which_it_is(owner: Connection) -> None:
    functions = {what.partition("(")[0] for what, _ in await placements(owner) if "(" in what}
    assert functions == {"open_v1", "write_v1"}


async def test_tables_that_name_each_other_are_refused(owner: Connection) -> None:
    await owner.execute("""
        CREATE TABLE hens (shop_id uuid, id uuid, PRIMARY KEY (shop_id, id));
        CREATE TABLE eggs (shop_id uuid, id uuid, PRIMARY KEY (shop_id, id), FOREIGN KEY (shop_id, id) REFERENCES hens);
        ALTER TABLE hens ADD FOREIGN KEY (shop_id, id) REFERENCES eggs;
    """)
    with pytest.raises(ValueError, match=r"'eggs', 'hens'.* circle"):
        await placements(owner)
