"""What the page of benchmarks says: nothing that was not measured."""

from typing import Any

import pytest
from click.testing import CliRunner

from bench import __main__ as command
from bench import report, wrk


def _said(minutes: float, growth: float = 0.01) -> list[str]:
    """Whether the goals for memory and for its growth are met."""
    figures = {
        "machine": report.machine(),
        "arguments": "",
        "size": vars(command.Size()),
        "load_before": 0.0,
        "memory": {"minutes": minutes, "megabytes": 90.0, "growth": growth, "ready_seconds": 1.2, "samples": []},
    }
    rows = [line for line in report.as_markdown(figures).splitlines() if " MB |" in line or " % |" in line]
    return [row.rsplit("|", 2)[1].strip() for row in rows]


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (6, ["not measured", "not measured"]),
        (10, ["yes", "not measured"]),
        (60, ["yes", "yes"]),
    ],
)
def test_a_goal_for_an_hour_is_not_met_in_minutes(minutes: float, said: list[str]) -> None:
    assert _said(minutes) == said


def test_memory_that_grows_for_an_hour_does_not_meet_the_goal() -> None:
    assert _said(60, growth=0.2) == ["yes", "**no**"]


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        ([], True),
        (["--large", "--soak"], True),
        ([argument for part in command.PARTS for argument in ("--only", part)], True),
        (["--only", "growth"], False),
        (["--quick"], False),
        (["--no-report"], False),
    ],
)
def test_the_page_is_written_when_all_was_measured(
    arguments: list[str], written: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    async def measure(_size: command.Size, _parts: Any, *, written: bool) -> None:
        asked.append(written)

    monkeypatch.setattr(command, "_bench", measure)
    monkeypatch.setattr(wrk, "is_here", lambda: True)
    done = CliRunner().invoke(command.main, arguments)
    assert (done.exit_code, asked) == (0, [written]), done.output
