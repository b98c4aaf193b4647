"""What the benchmark reads from others' output, and what it makes of it."""

import asyncio
import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from adapters.embedded_postgres.programs import Programs
from bench import pgbench, plots, wrk
from bench.filling import client_id, shop_id, staff_id
from bench.processes import cpu_seconds, tree
from bench.statements import Logged, read_log, script
from tests.database import Database
from tests.wire import tapped

PGBENCH = """progress: 1.0 s, 100.0 tps, lat 9.0 ms stddev 1.0, 0 failed
progress: 2.0 s, 900.0 tps, lat 9.0 ms stddev 1.0, 0 failed
progress: 3.0 s, 1000.0 tps, lat 9.0 ms stddev 1.0, 0 failed
progress: 4.0 s, 1100.5 tps, lat 9.0 ms stddev 1.0, 0 failed
number of failed transactions: {failed} (0.000%)
tps = 775.1 (without initial connection time)
"""
LOG = """2026-11-29 15:19:03.528 UTC [11404] LOG:  statement: BEGIN; SELECT set_shop('{shop}')
2026-11-29 15:19:03.529 UTC [11404] LOG:  execute __asyncpg_stmt_1__: SELECT open_v1($1, $2,
\t$3)
2026-11-29 15:19:03.529 UTC [11404] DETAIL:  Parameters: $1 = '{shop}', $2 = 'it''s', $3 = NULL
2026-11-29 15:19:03.530 UTC [11404] LOG:  statement: COMMIT
"""


def test_pgbench_counts_once_it_is_warm() -> None:
    assert pgbench.read(PGBENCH.format(failed=0)) == pytest.approx(1050.25)


@pytest.mark.parametrize("said", [PGBENCH.format(failed=1), "FATAL: no", ""], ids=["failures", "an error", "silence"])
def test_a_pgbench_that_failed_measures_nothing(said: str) -> None:
    with pytest.raises(RuntimeError, match="pgbench failed"):
        pgbench.read(said)


def test_wrk_says_what_was_done_and_what_was_not() -> None:
    figures = {
        "requests": 500,
        "microseconds": 2_000_000,
        "refused": 1,
        "broken": 0,
        "p50": 1500,
        "p99": 9000,
        "longest": 9500,
    }
    answered = wrk.read(f"Running 2s test\nfigures {json.dumps(figures)}\n")
    assert (answered.per_second, answered.p50, answered.p99) == (250.0, 1.5, 9.0)
    with pytest.raises(RuntimeError, match="not every request"):
        answered.require_sound()
    with pytest.raises(RuntimeError, match="wrk failed"):
        wrk.read("unable to connect")


def test_statements_are_read_from_the_log_with_their_parameters() -> None:
    shop = shop_id(7)
    assert read_log(LOG.format(shop=shop)) == [
        Logged(f"BEGIN; SELECT set_shop('{shop}')"),
        Logged("SELECT open_v1($1, $2,\n\t$3)", (f"'{shop}'", "'it''s'", "NULL")),
        Logged("COMMIT"),
    ]


def test_a_script_names_other_clients_and_goes_on_from_their_balance() -> None:
    shop, client = shop_id(7), client_id(17)
    writes = [
        {"op": "entry", "row": {"client_id": client, "number": 29, "amount": 100, "balance_after": 1300, "at": "2026"}},
        {"op": "account", "row": {"client_id": client, "last_number": 29, "balance": 1300}},
        {"op": "key", "row": {"key": "the-key", "by": staff_id(7)}},
    ]
    made = script(
        [
            Logged(f"BEGIN; SELECT set_shop('{shop}')"),
            Logged("SELECT open_v1($1, $2, $3)", (f"'{shop}'", f"'{client}'", "'the-key'")),
            Logged("SELECT write_v7($1, $2)", (f"'{shop}'", f"'{json.dumps(writes)}'")),
            Logged("COMMIT"),
        ],
        number=17,
        key="the-key",
        clients=100,
        shops=10,
    )
    assert not any(fixed in made for fixed in (shop, client, staff_id(7), "the-key", "1300"))
    assert made.splitlines()[2:4] == ["\\startpipeline", "BEGIN;"]
    assert made.splitlines()[4].startswith("SELECT set_shop(")
    assert made.splitlines()[5] == "\\endpipeline"
    assert "(opened #>> '{account,balance}')::bigint + 100" in made
    assert "(opened #>> '{account,last_number}')::bigint + 1" in made
    assert made.splitlines()[-2].startswith("SELECT write_v7(")
    assert made.splitlines()[-1] == "COMMIT;"


@pytest.mark.parametrize("key", ["the-key", None], ids=["nothing is written", "something is written"])
def test_a_request_that_writes_in_a_way_that_is_not_known_makes_no_script(key: str | None) -> None:
    last = "SELECT write_v1($1, $2)" if key is None else "SELECT write($1, $2)"
    statements = [Logged("SELECT open_v1($1)", ("'x'",)), Logged(last, ("'x'", "'[]'"))]
    with pytest.raises(RuntimeError, match="is a write as it is known here"):
        script(statements, number=17, key=key, clients=100, shops=10)


async def test_pgbench_waits_as_often_as_the_program(database: Database, tmp_path: Path) -> None:
    """``BEGIN`` with the shop is one message of the program's: three for what is read."""
    shop = shop_id(7)
    statements = [
        Logged(f"BEGIN; SELECT set_shop('{shop}')"),
        Logged("SELECT name FROM shops WHERE shop_id = $1", (f"'{shop}'",)),
        Logged("COMMIT"),
    ]
    file = tmp_path / "script.sql"
    file.write_text(script(statements, number=17, key=None, clients=100, shops=10))
    waits = [await _waits(database, file, transactions) for transactions in (10, 30)]
    assert waits[1] - waits[0] == 3 * 20


async def _waits(database: Database, script: Path, transactions: int) -> int:
    """Of one connection, for that many transactions; preparing them comes on top."""
    async with tapped(database.app_url) as tap:
        where = urlsplit(tap.url)
        process = await asyncio.create_subprocess_exec(
            str(Programs().folder / "pgbench"),
            *("--no-vacuum", "--protocol", "prepared", "--transactions", str(transactions), "--file", str(script)),
            *("--host", "127.0.0.1", "--port", str(where.port), "--username", str(where.username), where.path[1:]),
            env={"PGSSLMODE": "disable", "PGPASSWORD": where.password or ""},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        assert f"{transactions}/{transactions}" in said.decode()
        return tap.messages


def test_processes_are_counted_with_what_they_started() -> None:
    assert os.getpid() in tree(os.getppid())
    assert cpu_seconds(os.getpid()) > 0


def test_plots_are_svg_that_show_each_value() -> None:
    bars = plots.bars("Ratios", {"add <credit>": 0.61, "read": 0.2}, {"add <credit>": 0.5})
    assert "0.61" in bars
    assert bars.count("<path") == 1, "what has no goal has no line"
    assert "add &lt;credit&gt;" in bars
    curves = plots.curves("Growth", [1_000, 10_000], {"add": [1.0, 1.2]})
    assert curves.count("<polyline") == 1
    assert "10,000" in curves
