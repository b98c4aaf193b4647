"""One connection to the database serves one shop after the other; ``make trust`` goes on for longer."""

import pytest

from tests.database import Database
from tests.trust.one_connection import one_connection


async def test_one_connection_serves_two_shops_in_turn_and_never_mixes_them(database: Database) -> None:
    async with one_connection(database) as alone:
        await alone.take_turns(200)
        await alone.auditor.require_sound(*(till.desk for till in alone.tills))
    # Seven turns a round, and something befalls in six of them.
    assert set(alone.counts.values()) == {28, 29}
    assert len(alone.connections) > 20


async def test_a_shop_that_stays_set_on_the_connection_is_found(database: Database) -> None:
    async with one_connection(database) as alone:
        definition = await alone.auditor.connection.fetchval("SELECT pg_get_functiondef('set_shop'::regproc)")
        assert "SET LOCAL" in definition
        await alone.auditor.connection.execute(definition.replace("SET LOCAL", "SET"))
        with pytest.raises(AssertionError):
            await alone.take_turns(2)
