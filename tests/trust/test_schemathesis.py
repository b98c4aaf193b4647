"""Bad input, thought up by schemathesis from the OpenAPI document, against a real server process with two shops.

All its checks run, in all its phases, for ``SCHEMATHESIS_SECONDS``. Each shop has an API key with all permissions; what
one shop made is asked for with the other's key too.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from core.staff import Permission
from tests.database import Database
from tests.entrypoints.test_server import PROGRAM, environment, open_shop, serving, sign_in
from tests.trust.scenarios import Progress, Scenario

SECONDS = int(os.environ.get("SCHEMATHESIS_SECONDS", "60"))
PHASES = ("Examples", "Coverage", "Fuzzing", "Stateful")
_EXPECTED = ["2xx", "3xx", "400", "401", "403", "404", "409", "422", "429", "5xx"]
"""What valid data may be answered with. 400 and 422 are looked at by a check of our own, which wants a reason. A 5xx is
for not_a_server_error to find."""


def test_no_input_makes_the_api_break_its_own_description(
    database: Database, tmp_path: Path, seed: int, scenario: Scenario, progress: Progress
) -> None:
    settings = environment(database.app_url, database.jobs_url)
    slugs = [f"shop-{uuid4().hex[:8]}" for _ in range(2)]
    for slug in slugs:
        open_shop(settings, slug)
    with serving(settings, tmp_path / "log") as client:
        keys = [_api_key(client, slug) for slug in slugs]
        status, said = _run(tmp_path, str(client.base_url), keys, seed, progress)
    cases = re.search(r"(\d+) generated", said)
    figure = f"{cases[1] if cases else 0} requests in {SECONDS} s, all checks, seed {seed}"
    scenario("bad input (schemathesis)", figure=figure, passed=status == 0)
    assert status == 0, said
    assert [phase for phase in PHASES if f"{phase} (in " not in said] == []
    events = [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines() if line[:1] == "{"]
    assert "unexpected_error" not in events
    for slug in slugs:
        verified = subprocess.run([*PROGRAM, "verify", "--shop", slug], env=settings, check=False)  # noqa: S603
        assert verified.returncode == 0


def _api_key(client: httpx.Client, slug: str) -> Any:
    """It lives longer than an access token."""
    body = {"name": "schemathesis", "permissions": [permission.value for permission in Permission]}
    answer = client.post("/v1/api-keys", json=body, headers=sign_in(client, slug))
    assert answer.status_code == 201, answer.text
    return answer.json()


def _run(folder: Path, url: str, keys: list[Any], seed: int, progress: Progress) -> tuple[int, str]:
    """Its exit status, and what it said."""
    users = [
        {"name": f"shop {place}", "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {key['key']}"}]}
        for place, key in enumerate(keys)
    ]
    (folder / "users.json").write_text(json.dumps({"auth": users}))
    configuration = folder / "schemathesis.toml"
    configuration.write_text(f"""
hooks = {json.dumps(str(Path(__file__).with_name("schemathesis_hooks.py")))}

[auth.wfc]
path = {json.dumps(str(folder / "users.json"))}
peers = {json.dumps([user["name"] for user in users])}

[checks.positive_data_acceptance]
expected-statuses = {json.dumps(_EXPECTED)}
""")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration)),
        *("run", f"{url}/openapi.json", "--checks", "all", "--max-time", str(SECONDS), "--continue-on-failure"),
        *("--seed", str(seed), "--request-timeout", "20", "--no-color", "--generation-database", "none"),
    ]
    with (folder / "said").open("w+") as said:
        process = subprocess.Popen(  # noqa: S603  # a tool of ours
            command,
            env={**os.environ, "OWN_API_KEYS": ",".join(key["id"] for key in keys)},
            cwd=folder,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            status = _wait(process, progress)
        finally:
            # Also when somebody stops the run, which it would not hear of.
            process.kill()
            process.wait()
        said.seek(0)
        return status, said.read()


def _wait(process: "subprocess.Popen[bytes]", progress: Progress) -> int:
    began = time.monotonic()
    while (status := process.poll()) is None:
        taken = round(time.monotonic() - began)
        assert taken < SECONDS * 3 + 300, "it does not end"
        progress(min(taken, SECONDS), SECONDS, "s")
        time.sleep(0.2)
    return status
