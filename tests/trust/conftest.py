"""Scenarios that show what the program keeps to under load and faults. Not part of the test suite: ``make trust``.

Each is a test; the fixture ``scenario`` puts its rows into the one table that ends the run.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.database import Database
from tests.soundness import Auditor
from tests.trust.scenarios import ALONE, Progress, Row, Scale, Scenario, as_markdown, as_text, rows_of, write_report

_SECONDS_OF_SCHEMATHESIS = 180
_TABLE = pytest.StashKey["Table"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("trust", "scenarios of trust")
    group.addoption("--trust-scale", type=float, default=1.0, metavar="N", help="how much of everything (default: 1)")
    group.addoption("--trust-seed", type=int, metavar="N", help="repeat a run's random choices (default: new ones)")
    group.addoption(
        "--trust-report",
        type=Path,
        metavar="FILE",
        help="write the table as Markdown, between the markers of FILE if it has them",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.option.trust_seed is None:
        config.option.trust_seed = secrets.randbelow(2**32)
    seconds = Scale(config.option.trust_scale).of(_SECONDS_OF_SCHEMATHESIS, least=15, most=3600)
    os.environ.setdefault("SCHEMATHESIS_SECONDS", str(seconds))
    config.addinivalue_line("markers", f"{ALONE.mark.name}: measures how fast something is; no other may run meanwhile")
    table = config.stash[_TABLE] = Table()
    config.pluginmanager.register(table)


def pytest_report_header(config: pytest.Config) -> str:
    return f"trust: scale {config.option.trust_scale:g}, seed {config.option.trust_seed}"


class Table:
    """Collects the rows as the tests end. Several processes end theirs in any order; the table has the files' order."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Row]] = {}
        self._places: dict[str, int] = {}
        self._began = time.monotonic()

    @property
    def rows(self) -> list[Row]:
        tests = sorted(self._rows, key=lambda test: (test.partition("::")[0], self._places.get(test, 0)))
        return [row for test in tests for row in self._rows[test]]

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._places = {test: place for place, test in enumerate(ids)}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and not report.failed:
            return
        found = rows_of(report.user_properties) if report.when == "call" else []
        if report.failed and all(row.passed for row in found):
            name = report.nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
            found.append(Row(name, _first_line(report), passed=False))
        self._rows.setdefault(report.nodeid, []).extend(found)

    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        if not self.rows:
            return
        terminalreporter.section("trust")
        for line in as_text(self.rows):
            terminalreporter.write_line(line)
        if config.option.trust_report:
            write_report(config.option.trust_report, as_markdown(self.rows, self._caption(config)))
            terminalreporter.write_line(f"\nwritten to {config.option.trust_report}")

    def _caption(self, config: pytest.Config) -> str:
        minutes = (time.monotonic() - self._began) / 60
        return (
            f"The run of {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores: scale "
            f"{config.option.trust_scale:g}, seed {config.option.trust_seed}, {minutes:.0f} minutes."
        )


def _first_line(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return (getattr(crash, "message", None) or report.longreprtext or "failed").strip().splitlines()[0][:150]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who has to be alone comes first, so that nobody waits for them later."""
    items.sort(key=lambda item: not _is_alone(item))


def _is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker(ALONE.mark.name) is not None


@pytest.fixture(autouse=True)
def turns(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where several processes run scenarios (``-n 2``), one that measures how fast something is has the machine for
    itself.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    with (tmp_path_factory.getbasetemp().parent / "turn").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX if _is_alone(request.node) else fcntl.LOCK_SH)
        yield


@pytest.fixture
def scenario(request: pytest.FixtureRequest) -> Scenario:
    return Scenario(request.node.user_properties)


@pytest.fixture
def progress(request: pytest.FixtureRequest) -> Progress:
    """What makes a long scenario say how far it is, past pytest's capture."""
    terminal = request.config.pluginmanager.getplugin("terminalreporter")
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def write(line: str) -> None:
        if terminal is None:  # one of several processes: only the first talks
            return
        with capture.global_and_fixture_disabled():
            terminal.write_line(f"  {line}")

    return Progress(write, request.node.name.removeprefix("test_").replace("_", " "))


@pytest.fixture(scope="session")
def scale(pytestconfig: pytest.Config) -> Scale:
    return Scale(pytestconfig.option.trust_scale)


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """What every random choice of the run begins with."""
    chosen: int = pytestconfig.option.trust_seed
    return chosen


@pytest.fixture(scope="session")
async def auditor(database: Database) -> AsyncIterator[Auditor]:
    connection = await asyncpg.connect(database.superuser_url)
    yield Auditor(connection)
    await connection.close()
