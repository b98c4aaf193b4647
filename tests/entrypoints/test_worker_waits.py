"""A worker that is new before its database is: an upgrade may start it before the migrations are done."""

import json
import signal
from pathlib import Path

import asyncpg

from tests.database import Database
from tests.desk import open_desk, program
from tests.entrypoints.figures import settings_of
from tests.entrypoints.processes import run, running, stop, until


def _events(folder: Path) -> list[str]:
    log = folder / "err"
    return [json.loads(line)["event"] for line in log.read_text().splitlines()] if log.exists() else []


async def _be_of_version(database: Database, version: str) -> str:
    """The schema says that it is; what it said before."""
    superuser = await asyncpg.connect(database.superuser_url)
    try:
        before = await superuser.fetchval("SELECT version_num FROM alembic_version")
        await superuser.execute("UPDATE alembic_version SET version_num = $1", version)
        return str(before)
    finally:
        await superuser.close()


async def test_it_sends_nothing_before_the_database_is_migrated_and_says_so_once(
    database: Database, tmp_path: Path
) -> None:
    async with database.fresh() as alone, program(alone) as container:
        desk = await open_desk(container)
        await desk.add(await desk.client("Pat"), 500)
        newest = await _be_of_version(alone, "0001")
        settings = settings_of(alone)
        port = settings["ACCOUNT_CREDIT_METRICS_PORT"]
        with running("worker", settings=settings, folder=tmp_path) as worker:
            until(lambda: "not_ready" in _events(tmp_path))
            assert run("healthy", "--port", port, settings={}).returncode == 1
            assert "working" not in _events(tmp_path)
            assert await _to_route(alone) == 1
            await _be_of_version(alone, newest)
            until(lambda: "notice" in _events(tmp_path))
            assert stop(worker, signal.SIGTERM) == 0
        events = _events(tmp_path)
        assert events.count("not_ready") == 1
        assert events.index("not_ready") < events.index("working") < events.index("notice")


async def _to_route(database: Database) -> int:
    superuser = await asyncpg.connect(database.superuser_url)
    try:
        return int(await superuser.fetchval("SELECT count(*) FROM outbox WHERE due_at IS NOT NULL"))
    finally:
        await superuser.close()


async def test_it_stops_at_once_while_it_waits(database: Database, tmp_path: Path) -> None:
    async with database.fresh() as alone:
        await _be_of_version(alone, "0001")
        with running("worker", settings=settings_of(alone), folder=tmp_path) as worker:
            until(lambda: "not_ready" in _events(tmp_path))
            assert stop(worker, signal.SIGTERM) == 0
        assert _events(tmp_path)[-1] == "stopped"
        assert "working" not in _events(tmp_path)
