"""The program without a way in, and a shop of its own for each test."""

from collections.abc import AsyncIterator

import pytest

from entrypoints.container import Container
from tests.database import Database
from tests.desk import Desk, open_desk, program


@pytest.fixture(scope="session")
async def container(database: Database) -> AsyncIterator[Container]:
    async with program(database, max_connections=20) as running:
        yield running


@pytest.fixture
async def desk(container: Container) -> Desk:
    return await open_desk(container)
