"""The real application on the real database, reached without a socket."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from dependency_injector import providers
from litestar import Litestar

from entrypoints.container import Container, running
from entrypoints.web_container import staff_api_app
from tests.database import Database
from tests.desk import Desk, SetClock, container_for, open_desk
from tests.entrypoints.counter import Counter, sign_in
from tests.entrypoints.door import Door


@pytest.fixture(scope="session")
def container(database: Database) -> Container:
    return container_for(database, max_connections=10)


@pytest.fixture(scope="session")
async def app(container: Container) -> AsyncIterator[Litestar]:
    # Not the application's own lifespan, which must end in the task that it began in; fixtures have one each.
    async with running(container):
        yield staff_api_app(container)


@pytest.fixture(scope="session")
async def http(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]  # its own ASGI types
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        yield client


@pytest.fixture
async def desk(app: Litestar, container: Container) -> Desk:
    assert app.routes
    return await open_desk(container)


@pytest.fixture
async def owner(http: httpx.AsyncClient, desk: Desk) -> Counter:
    return await sign_in(http, desk)


@pytest.fixture(scope="session")
async def door_of_the_run(database: Database) -> AsyncIterator[Door]:
    container = container_for(database)
    clock = SetClock()
    container.clock.override(providers.Object(clock))
    async with running(container):
        yield Door(container, staff_api_app(container), clock)


@pytest.fixture
def door(door_of_the_run: Door) -> Iterator[Door]:
    """An application with a clock that can be set; each test begins now."""
    yield door_of_the_run
    door_of_the_run.clock.reset()
