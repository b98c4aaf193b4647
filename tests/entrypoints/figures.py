"""What the private port of a process says, and a process to ask."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from adapters.security.keys import SecretKeys
from tests.database import Database
from tests.entrypoints.processes import free_port, run, running, stop, until

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def figures(port: int) -> Figures:
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def figure(port: int, name: str, **labels: str) -> float:
    return figures(port).get((name, frozenset(labels.items())), 0.0)


def settings_of(database: Database) -> dict[str, str]:
    return {
        "ACCOUNT_CREDIT_DATABASE_URL": database.app_url,
        "ACCOUNT_CREDIT_JOBS_DATABASE_URL": database.jobs_url,
        "ACCOUNT_CREDIT_SECRET_KEYS": SecretKeys.generate("test"),
        "ACCOUNT_CREDIT_METRICS_PORT": str(free_port()),
    }


@contextmanager
def serving(settings: dict[str, str], folder: Path) -> Iterator[tuple[httpx.Client, int]]:
    """A server that is ready, and its private port."""
    port, private = free_port(), int(settings["ACCOUNT_CREDIT_METRICS_PORT"])
    with (
        running("serve", "--port", str(port), settings=settings, folder=folder) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client,
    ):
        until(lambda: run("healthy", "--port", str(private), settings={}).returncode == 0)
        until(lambda: run("healthy", "--port", str(port), settings={}).returncode == 0)
        yield client, private
        assert stop(server, signal.SIGTERM) == 0
