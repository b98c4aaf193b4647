"""Bad input, thought up by schemathesis from the OpenAPI document, against a real server process with two shops.

All its checks run, in all its phases, on all operations, for ``SCHEMATHESIS_SECONDS``. Each shop has an API key with
all permissions; what one shop made is asked for with the other's key too.
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
from schemathesis.checks import CHECKS, load_all_checks

from core.staff import Permission
from tests.database import Database
from tests.entrypoints.test_server import PROGRAM, environment, open_shop, serving, sign_in
from tests.soundness import Auditor
from tests.trust.scenarios import Progress, Scenario

SECONDS = int(os.environ.get("SCHEMATHESIS_SECONDS", "60"))
PHASES = ("Examples", "Coverage", "Fuzzing", "Stateful")
_EXPECTED = ["2xx", "3xx", "400", "401", "403", "404", "409", "422", "429", "5xx"]
"""What valid data may be answered with. 400 and 422 are looked at by a check of our own, which wants a reason. A 5xx is
for not_a_server_error to find."""


async def test_no_input_makes_the_api_break_its_own_description(
    database: Database, auditor: Auditor, tmp_path: Path, seed: int, scenario: Scenario, progress: Progress
) -> None:
    settings = environment(database.app_url, database.jobs_url)
    slugs = [f"shop-{uuid4().hex[:8]}" for _ in range(2)]
    for slug in slugs:
        open_shop(settings, slug)
    with serving(settings, tmp_path / "log") as client:
        keys = [_api_key(client, slug) for slug in slugs]
        status, said = _run(tmp_path, str(client.base_url), keys, seed, progress)
    scenario("bad input (schemathesis)", figure=f"{_summary(said)}, seed {seed}", passed=status == 0)
    assert status == 0, said
    events = [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines() if line[:1] == "{"]
    assert "unexpected_error" not in events
    for slug in slugs:
        shop_id = await auditor.connection.fetchval("SELECT shop_id FROM shops WHERE slug = $1", slug)
        assert await auditor.faults(shop_id) == []
        verified = subprocess.run([*PROGRAM, "verify", "--shop", slug], env=settings, check=False)  # noqa: S603
        assert verified.returncode == 0


def _summary(said: str) -> str:
    """How much was tried. Nothing of it may have been left out."""
    load_all_checks()
    checks = len(CHECKS.get_all_names())
    seconds = {phase: re.search(rf"{phase} \(in ([0-9.]+)s\)", said) for phase in PHASES}
    missing = [phase for phase, took in seconds.items() if took is None]
    assert missing == [], said
    operations = re.search(r"Selected: (\d+)/(\d+)\s+Tested: (\d+)", said)
    assert operations, said
    assert len(set(operations.groups())) == 1, operations[0]
    cases = re.search(r"(\d+) generated", said)
    assert cases, said
    stateful = seconds["Stateful"]
    return (
        f"{int(cases[1]):,} requests to {operations[1]} operations in {SECONDS} s, all {checks} checks and one of our "
        f"own, all {len(PHASES)} phases ({float(stateful[1] if stateful else 0):.0f} s of it stateful)"
    )


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
