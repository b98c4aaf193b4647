"""The database of the run: one server, one migrated template, one database for each test process.

With xdist the controller starts the server and the workers are told where it is.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from adapters.embedded_postgres import EmbeddedPostgresUnavailable
from tests import statement_audit
from tests.database import Cluster, Database, Engine, choose_engine, running_cluster

# How long an example takes says how busy the machine is, and nothing about the program.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("ours")

# Where Debian puts it is not where everybody looks for programs.
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")

_ENGINE = pytest.StashKey[Engine]()
_RUNNING = pytest.StashKey[AbstractContextManager[Cluster]]()
_CLUSTER = pytest.StashKey[Cluster]()
_STATEMENTS = pytest.StashKey[Path]()
_VERDICT = pytest.StashKey[statement_audit.Verdict]()


def pytest_configure(config: pytest.Config) -> None:
    told = getattr(config, "workerinput", None)
    if told is not None:
        config.stash[_CLUSTER] = Cluster(told["superuser_url"], told["template"], tuple(told["workers"]))
        statement_audit.begin(Path(told["statements"]))
    else:
        config.stash[_STATEMENTS] = Path(tempfile.mkdtemp(prefix="account-credit-statements-"))
        if config.getoption("dist", "no") == "no":  # else its workers do
            statement_audit.begin(config.stash[_STATEMENTS])
        # A run that is told to end ends as by Ctrl-C, which stops the server; by default it would not get to that.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        config.stash[_ENGINE] = choose_engine()


def pytest_report_header(config: pytest.Config) -> list[str]:
    engine = config.stash.get(_ENGINE, None)
    if engine is None:  # a worker has none, and says nothing
        return []
    without = "none, so tests/pgbouncer is left out (Debian: apt-get install pgbouncer)"
    return [f"database: {engine.description}", f"pgbouncer: {PGBOUNCER or without}"]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist asks for what a worker shall be told, before it starts the worker."""
    cluster = _started(node.config)
    node.workerinput.update(
        superuser_url=cluster.superuser_url,
        template=cluster.template,
        workers=list(cluster.workers),
        statements=str(node.config.stash[_STATEMENTS]),
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """What the program sent is judged where the run ends."""
    folder = session.config.stash.get(_STATEMENTS, None)
    if folder is not None:
        session.config.stash[_VERDICT] = verdict = statement_audit.verdict(folder)
        if verdict.faults and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    verdict = config.stash.get(_VERDICT, None)
    if verdict is None or not verdict.statements:
        return
    for fault in verdict.faults:
        terminalreporter.write_line(f"STATEMENT {fault}", red=True)
    terminalreporter.write_line(
        f"statements: {verdict.statements} different ones from {verdict.processes} processes, "
        f"{len(verdict.faults) or 'no'} faults"
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    if (folder := config.stash.get(_STATEMENTS, None)) is not None:
        shutil.rmtree(folder, ignore_errors=True)
    running = config.stash.get(_RUNNING, None)
    if running is not None:
        del config.stash[_RUNNING]
        running.__exit__(None, None, None)


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Cluster:
    """The run's server; started by the first who asks, so that a run without the database does not wait for it."""
    return _started(pytestconfig)


@pytest.fixture(scope="session")
async def database(cluster: Cluster) -> AsyncIterator[Database]:
    """This process's database: migrated, shared by its tests, which therefore make shops of their own."""
    async with cluster.database() as made:
        yield made


@pytest.fixture(scope="session")
def statements_noted() -> Path:
    """Where the statements of this run are noted: ``tests.statement_audit``."""
    return Path(os.environ[statement_audit.FOLDER_VARIABLE])


def _started(config: pytest.Config) -> Cluster:
    if _CLUSTER not in config.stash:
        running = running_cluster(config.stash[_ENGINE])
        try:
            config.stash[_CLUSTER] = running.__enter__()
        except (OSError, asyncpg.PostgresError, EmbeddedPostgresUnavailable) as error:
            pytest.exit(f"No database for the tests on {config.stash[_ENGINE].description}: {error}", returncode=1)
        config.stash[_RUNNING] = running
    return config.stash[_CLUSTER]
