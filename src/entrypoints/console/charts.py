"""Small pictures of figures over time, as the points of an SVG."""

from collections.abc import Sequence

from msgspec import Struct

from core.views import BalanceHistory, EntryView
from entrypoints.console.formats import Formats

WIDTH, HEIGHT = 600, 96
_TOP = 6


class Mark(Struct, frozen=True):
    """A balance, and in words when it was."""

    when: str
    balance: int


class Chart(Struct, frozen=True, kw_only=True):
    """``line``: the points of a step line; ``area``: the same down to zero. ``highest``: what the top stands for."""

    line: str
    area: str
    highest: Mark
    first: Mark
    last: Mark


def chart_of_days(history: BalanceHistory, formats: Formats) -> Chart | None:
    """None where there is nothing to see: less than two days, or never any credit."""
    return _chart([Mark(formats.day(point.date), point.balance) for point in history.points])


def chart_of_entries(entries: Sequence[EntryView], formats: Formats) -> Chart | None:
    """Of an account on its first day: from nothing, entry by entry, each balance as wide as the others.

    ``entries``: all there are, newest first.
    """
    marks = [Mark(formats.moment(entry.at), entry.balance_after) for entry in reversed(entries)]
    return _chart([Mark(marks[0].when, 0), *marks, marks[-1]]) if marks else None


def _chart(marks: list[Mark]) -> Chart | None:
    if len(marks) < 2 or not any(mark.balance for mark in marks):
        return None
    highest = max(marks, key=lambda mark: mark.balance)
    across = WIDTH / (len(marks) - 1)

    def height(balance: int) -> float:
        return HEIGHT - (HEIGHT - _TOP) * balance / highest.balance

    steps: list[str] = []
    for place, mark in enumerate(marks):
        # A balance holds until it changes.
        if place:
            steps.append(_at(place * across, height(marks[place - 1].balance)))
        steps.append(_at(place * across, height(mark.balance)))
    line = " ".join(steps)
    return Chart(
        line=line, area=f"{_at(0, HEIGHT)} {line} {_at(WIDTH, HEIGHT)}", highest=highest, first=marks[0], last=marks[-1]
    )


def _at(x: float, y: float) -> str:
    return f"{x:.1f},{y:.1f}"
