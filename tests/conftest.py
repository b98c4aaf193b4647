"""The database of the run: one server, one migrated template, one database for each test process.

With xdist the controller starts the server and the workers are told where it is.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from adapters.embedded_postgres import EmbeddedPostgresUnavailable
from tests.database import Cluster, Database, Engine, choose_engine, running_cluster

# How long an example takes says how busy the machine is, and nothing about the program.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("ours")

# Where Debian puts it is not where everybody looks for programs.
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")

_ENGINE = pytest.StashKey[Engine]()
_RUNNING = pytest.StashKey[AbstractContextManager[Cluster]]()
_CLUSTER = pytest.StashKey[Cluster]()


def pytest_configure(config: pytest.Config) -> None:
    told = getattr(config, "workerinput", None)
    if told is not None:
        config.stash[_CLUSTER] = Cluster(told["superuser_url"], told["template"])
    else:
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
    node.workerinput.update(superuser_url=cluster.superuser_url, template=cluster.template)


def pytest_unconfigure(config: pytest.Config) -> None:
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


def _started(config: pytest.Config) -> Cluster:
    if _CLUSTER not in config.stash:
        running = running_cluster(config.stash[_ENGINE])
        try:
            config.stash[_CLUSTER] = running.__enter__()
        except (OSError, asyncpg.PostgresError, EmbeddedPostgresUnavailable) as error:
            pytest.exit(f"No database for the tests on {config.stash[_ENGINE].description}: {error}", returncode=1)
        config.stash[_RUNNING] = running
    return config.stash[_CLUSTER]
