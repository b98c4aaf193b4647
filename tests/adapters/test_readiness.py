"""Anybody may ask whether the program is ready: that costs the database next to nothing, and stays true."""

import asyncio

import pytest

from adapters.postgres import readiness
from adapters.postgres.readiness import Readiness
from tests.database import Database
from tests.wire import tapped


async def test_fifty_who_ask_at_once_are_answered_by_one_connection(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "KEPT_SECONDS", 60)
    async with tapped(database.app_url) as tap:
        ready = Readiness(tap.url)
        assert all(await asyncio.gather(*(ready() for _ in range(50))))
        assert await ready()
        assert tap.connections == 1


async def test_an_answer_that_is_old_is_not_given_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "KEPT_SECONDS", 60)
    async with tapped(database.app_url) as tap:
        ready = Readiness(tap.url)
        assert await ready()
    assert await ready(), "a moment ago it was there"
    monkeypatch.setattr(readiness, "KEPT_SECONDS", 0.05)
    await asyncio.sleep(0.1)
    assert not await ready(), "it went away"


async def test_who_hangs_up_takes_the_answer_from_nobody(database: Database) -> None:
    async with tapped(database.app_url) as tap:
        ready = Readiness(tap.url)
        first, second = asyncio.create_task(ready()), asyncio.create_task(ready())
        await asyncio.sleep(0)
        first.cancel()
        assert await second
        assert tap.connections == 1
