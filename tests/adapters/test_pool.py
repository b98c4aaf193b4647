"""The pool and a server that may not be written to for a while."""

import asyncio
from contextlib import suppress

import asyncpg
import pytest

from ports.transactions import Unavailable
from tests.database import Database
from tests.desk import open_desk, program


async def test_connections_made_while_the_server_was_read_only_are_not_kept(database: Database) -> None:
    async with database.fresh() as alone:
        server = await asyncpg.connect(alone.superuser_url)
        async with program(alone) as container:
            desk = await open_desk(container)
            client = await desk.client()
            await server.execute(f"ALTER DATABASE {alone.name} SET default_transaction_read_only = on")
            await server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'account_credit_app' "
                "AND datname = current_database()"
            )
            while True:  # whoever meets a connection that was just cut is told so; the next ones get new ones
                with suppress(Unavailable):
                    await asyncio.gather(*(desk.card(client) for _ in range(3)))
                    break
            with pytest.raises(Unavailable):
                await desk.add(client, 100)
            await server.execute(f"ALTER DATABASE {alone.name} RESET default_transaction_read_only")
            await asyncio.gather(desk.add(client, 100), desk.add(client, 100))
            assert (await desk.card(client)).credit == 200
        await server.close()
