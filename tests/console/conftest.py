"""One Chromium for the run, the real server on the run's database, a fresh browser context for each test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from dependency_injector import providers
from litestar import Litestar
from playwright.async_api import Browser, async_playwright

from entrypoints.container import Container
from entrypoints.http_server import serve_until
from entrypoints.listening import address_of, listening
from entrypoints.stopping import Stop
from entrypoints.web_container import staff_api_app
from tests.console.browser import CHROMIUM, NO_CHROMIUM, SWITCHES, Screen, new_screen
from tests.console.visiting import Comes, Visiting, http_of
from tests.database import Database
from tests.desk import Desk, SetClock, container_for, open_desk

OpenScreen = Callable[..., Awaitable[Screen]]

ZONES = [ZoneInfo(name) for name in ("America/Chicago", "Pacific/Kiritimati", "Pacific/Pago_Pago")]
"""Of the tests' shops."""
LONGEST_TEST = timedelta(seconds=30)


def pytest_report_header() -> str | None:
    return None if CHROMIUM else NO_CHROMIUM


def pytest_ignore_collect() -> bool | None:
    """Without a browser these tests cannot be run at all; the head of the run says so."""
    return None if CHROMIUM else True


@pytest.fixture(autouse=True)
async def one_day() -> None:
    """Who asks twice what day it is at a shop is told the same: shortly before midnight there a test waits for it."""
    while any((now := datetime.now(zone)).date() != (now + LONGEST_TEST).date() for zone in ZONES):
        await asyncio.sleep(0.1)


@pytest.fixture(scope="session")
def clock() -> SetClock:
    return SetClock()


@pytest.fixture(scope="session")
def container(database: Database, clock: SetClock) -> Container:
    container = container_for(database, max_connections=10)
    container.clock.override(providers.Object(clock))
    return container


@pytest.fixture(scope="session")
async def address(container: Container) -> AsyncIterator[str]:
    """Where the program is served, as a person would have it served."""
    stop = Stop()
    with listening("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(serve_until(stop, staff_api_app(container), listener, grace_seconds=1))
        address = address_of(listener)
        try:
            async with httpx.AsyncClient(timeout=60) as http:
                # The listener takes connections before the server does; the answer comes once it serves.
                assert (await http.get(f"{address}/health/live")).status_code == 200
            yield address
        finally:
            stop.ask()
            stop.ask()
            await serving


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        await browser.close()


@pytest.fixture
async def desk(address: str, container: Container, clock: SetClock) -> AsyncIterator[Desk]:
    """A shop of the test's own. The clock begins at now."""
    assert address
    yield await open_desk(container)
    clock.reset()


@pytest.fixture
async def open_screen(browser: Browser, address: str) -> AsyncIterator[OpenScreen]:
    """Opens browsers with cookies of their own. Whatever one complains of fails the test."""
    screens: list[Screen] = []
    async with AsyncExitStack() as stack:

        async def open_one(**how: Any) -> Screen:
            screen = await new_screen(browser, address, **how)
            stack.push_async_callback(screen.context.close)
            screens.append(screen)
            return screen

        yield open_one
    for screen in screens:
        screen.require_no_faults()


@pytest.fixture
async def screen(open_screen: OpenScreen) -> Screen:
    """A browser in front of nobody yet."""
    return await open_screen()


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
async def either_screen(open_screen: OpenScreen, request: pytest.FixtureRequest) -> Screen:
    """A browser with JavaScript, and once more one without."""
    return await open_screen(javascript=request.param)


@pytest.fixture
async def owner(screen: Screen, desk: Desk) -> Screen:
    """The desk's owner, signed in."""
    await screen.sign_in(desk)
    return screen


@pytest.fixture(scope="session")
def app(address: str, container: Container) -> Litestar:
    """The same program as in the browser, reached without a socket."""
    assert address
    return staff_api_app(container)


@pytest.fixture
async def comes(app: Litestar) -> AsyncIterator[Comes]:
    """Somebody new comes."""
    async with AsyncExitStack() as stack:

        async def come() -> Visiting:
            return Visiting(await stack.enter_async_context(http_of(app)))

        yield come


@pytest.fixture
async def visiting(comes: Comes, desk: Desk) -> Visiting:
    """The desk's owner, signed in."""
    visiting = await comes()
    assert (await visiting.sign_in(desk)).status_code == 303
    return visiting
