"""What a scenario is asked to do and what it shows: how much of everything, and one row a scenario in one table."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

ALONE = pytest.mark.alone
"""Of scenarios that measure how fast something is: no other may run meanwhile."""

BEGIN, END = "<!-- trust table -->", "<!-- /trust table -->"

_HEADER = ("scenario", "figure", "passed")


@dataclass(frozen=True)
class Scale:
    """How much is done of everything: 1 for ``make trust``, a tenth in CI, a hundred for ``make soak``."""

    factor: float

    def of(self, whole: int, *, least: int = 1, most: int | None = None) -> int:
        """That many of what ``make trust`` does ``whole`` times (or seconds)."""
        scaled = max(round(whole * self.factor), least)
        return scaled if most is None else min(scaled, most)


@dataclass(frozen=True)
class Row:
    scenario: str
    figure: str
    passed: bool = True

    @property
    def cells(self) -> tuple[str, str, str]:
        return self.scenario, self.figure, "yes" if self.passed else "NO"


class Progress:
    """Tells a terminal every while how far a scenario is."""

    def __init__(self, write: Callable[[str], None], name: str, *, every_seconds: float = 30.0) -> None:
        self._write = write
        self._name = name
        self._every_seconds = every_seconds
        self._began = (0.0, 0)
        self._told = 0.0

    def __call__(self, done: int, whole: int, unit: str) -> None:
        """``done`` of ``whole``."""
        now = time.monotonic()
        if not self._told:
            # What came before that is no part of its pace.
            self._began, self._told = (now, done), now
        began, done_then = self._began
        if now < self._told + self._every_seconds or done <= done_then:
            return
        self._told = now
        left = timedelta(seconds=round((now - began) / (done - done_then) * (whole - done)))
        self._write(f"{self._name}: {done:,} of {whole:,} {unit}, some {left} left")


class Scenario:
    """What a test calls to put rows into the table.

    The rows travel with the test's report, so that they also arrive from another process.
    """

    def __init__(self, properties: list[tuple[str, object]]) -> None:
        self._properties = properties

    def __call__(self, scenario: str, *, figure: str, passed: bool = True) -> None:
        """``passed=False`` marks the row; the test has to fail by itself. Rows of a test that fails later stay."""
        self._properties.append((Scenario.__name__, {"scenario": scenario, "figure": figure, "passed": passed}))


def rows_of(properties: Sequence[tuple[str, Any]]) -> list[Row]:
    """The rows that a test left."""
    return [Row(**value) for name, value in properties if name == Scenario.__name__]


def as_text(rows: Sequence[Row]) -> list[str]:
    """The table for a terminal."""
    cells = [_HEADER, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(2)]
    lines = [f"{one:<{widths[0]}}  {two:<{widths[1]}}  {three}".rstrip() for one, two, three in cells]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def as_markdown(rows: Sequence[Row], caption: str) -> str:
    lines = [f"{caption}\n", "| " + " | ".join(_HEADER) + " |", "|---|---|---|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row.cells) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def write_report(file: Path, table: str) -> None:
    """Between the markers of a page that has them, else as the whole file."""
    page = file.read_text(encoding="utf-8") if file.exists() else ""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    file.write_text(f"{before}{begin}\n\n{table}\n{end}{after}" if begin and end else table, encoding="utf-8")
