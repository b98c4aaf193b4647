"""The program as a process of its own: the worked example over HTTP, and a database that goes away and comes back."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.postgres import migrations
from adapters.postgres.provision import provision
from adapters.security.keys import SecretKeys
from tests.database import Database
from tests.entrypoints.processes import PATIENCE_SECONDS, free_port
from tests.worked_example import worked_example

PROGRAM = (sys.executable, "-m", "entrypoints.cli")
OWNER = {"email": "olive@example.com", "password": "a long password"}


def environment(app_url: str, jobs_url: str) -> dict[str, str]:
    return {
        **os.environ,
        "ACCOUNT_CREDIT_DATABASE_URL": app_url,
        "ACCOUNT_CREDIT_JOBS_DATABASE_URL": jobs_url,
        "ACCOUNT_CREDIT_SECRET_KEYS": SecretKeys.generate("test"),
    }


def open_shop(settings: dict[str, str], slug: str) -> None:
    subprocess.run(  # noqa: S603  # our own program
        [
            *PROGRAM,
            *("shop", "create", "--name", "Main Street", "--slug", slug, "--currency", "USD"),
            *("--time-zone", "America/Chicago", "--owner-name", "Olive", "--owner-email", OWNER["email"]),
        ],
        input=OWNER["password"] + "\n",
        text=True,
        env=settings,
        check=True,
    )


@contextmanager
def serving(settings: dict[str, str], log: Path) -> Iterator[httpx.Client]:
    """A server process, ready; stopped as an operator does, with SIGTERM."""
    port = free_port()
    with log.open("wb") as lines:
        process = subprocess.Popen(  # noqa: S603  # our own program
            [*PROGRAM, "serve", "--port", str(port)], env=settings, stderr=lines, stdout=lines
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            wait_for(lambda: client.get("/health/ready").status_code == 200)
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_SECONDS) == 0


def wait_for(condition: Any, *, seconds: float = PATIENCE_SECONDS) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.05)


def sign_in(client: httpx.Client, slug: str) -> dict[str, str]:
    answer = client.post("/v1/auth/sign-in", json={"shop": slug, **OWNER})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_the_worked_example_over_http(database: Database, tmp_path: Path) -> None:
    settings = environment(database.app_url, database.jobs_url)
    slug = f"main-street-{uuid4().hex[:8]}"
    open_shop(settings, slug)
    log = tmp_path / "log"
    with serving(settings, log) as client:
        invoice = worked_example(client, sign_in(client, slug))

    verified = subprocess.run([*PROGRAM, "verify", "--shop", slug], env=settings, check=False)  # noqa: S603
    assert verified.returncode == 0
    requests = [line for line in map(json.loads, log.read_text().splitlines()) if line.get("event") == "request"]
    apply_line = next(line for line in requests if line["method"] == "POST" and line["route"].endswith("/payments"))
    assert apply_line["status"] == 201
    assert {"route", "duration_ms", "shop_id", "request_id"} <= apply_line.keys()
    assert invoice not in json.dumps(requests)
    assert OWNER["password"] not in log.read_text()


def test_a_database_that_goes_away_is_503_and_service_comes_back_by_itself(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    socket_link = tmp_path / "s"

    def url(server: EmbeddedPostgres, role: str) -> str:
        """The same address before and after: a server that comes back may have another socket folder."""
        parts = urlsplit(server.url(role, "account_credit"))
        query = parse_qs(parts.query)
        socket_link.unlink(missing_ok=True)
        socket_link.symlink_to(query["host"][0])
        return f"postgresql://{role}@/account_credit?host={socket_link}&port={query.get('port', ['5432'])[0]}"

    with EmbeddedPostgres(folder, disposable=True) as server:
        settings = {
            **environment(url(server, "account_credit_app"), url(server, "account_credit_jobs")),
            "ACCOUNT_CREDIT_CONNECT_TIMEOUT_SECONDS": "2",
            "ACCOUNT_CREDIT_ACQUIRE_TIMEOUT_SECONDS": "2",
        }
        _prepare(server)
        open_shop(settings, "s-one")
        with serving(settings, tmp_path / "log") as client:
            headers = sign_in(client, "s-one")
            assert client.get("/v1/me", headers=headers).status_code == 200
            server.stop()
            answer = client.get("/v1/me", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
            assert client.get("/health/live").status_code == 200
            wait_for(lambda: client.get("/health/ready").status_code == 503)
            server.start()
            url(server, "account_credit_app")
            wait_for(lambda: client.get("/v1/me", headers=headers).status_code == 200, seconds=30)
            wait_for(lambda: client.get("/health/ready").status_code == 200)


def _prepare(server: EmbeddedPostgres) -> None:
    asyncio.run(provision(server.url("postgres", "postgres"), database="account_credit"))
    asyncio.run(migrations.upgrade(server.url("account_credit_owner", "account_credit")))
