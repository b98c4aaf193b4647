"""The program without a way in, a shop of its own for each test, and an auditor who looks at its books afterwards."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from entrypoints.container import Container
from tests.database import Database, patient
from tests.desk import Desk, open_desk, program
from tests.soundness import Auditor


@pytest.fixture(scope="session")
async def container(database: Database) -> AsyncIterator[Container]:
    settings = {"database_url": patient(database.app_url), "acquire_timeout_seconds": 60.0}
    async with program(database, max_connections=20, **settings) as running:
        yield running


@pytest.fixture(scope="session")
async def auditor(database: Database) -> AsyncIterator[Auditor]:
    connection = await asyncpg.connect(database.superuser_url)
    yield Auditor(connection)
    await connection.close()


@pytest.fixture
async def desk(container: Container, auditor: Auditor) -> AsyncIterator[Desk]:
    """Whatever a test does at this shop: afterwards its books are sound."""
    opened = await open_desk(container)
    yield opened
    await auditor.require_sound(opened)


@pytest.fixture
async def other_desk(container: Container, auditor: Auditor) -> AsyncIterator[Desk]:
    """Another shop of the same installation."""
    opened = await open_desk(container)
    yield opened
    await auditor.require_sound(opened)
