"""Small pictures of figures over time, as the points of an SVG."""

from msgspec import Struct

from core.views import BalanceHistory, BalancePoint

WIDTH, HEIGHT = 600, 96
_TOP = 6


class Chart(Struct, frozen=True, kw_only=True):
    """``line``: the points of a step line; ``area``: the same down to zero. ``highest``: what the top stands for."""

    line: str
    area: str
    highest: BalancePoint
    first: BalancePoint
    last: BalancePoint


def balance_chart(history: BalanceHistory) -> Chart | None:
    """None where there is nothing to see: less than two days, or never any credit."""
    points = history.points
    if len(points) < 2 or not any(point.balance for point in points):
        return None
    highest = max(points, key=lambda point: point.balance)
    across = WIDTH / (len(points) - 1)

    def height(balance: int) -> float:
        return HEIGHT - (HEIGHT - _TOP) * balance / highest.balance

    steps: list[str] = []
    for place, point in enumerate(points):
        # A balance holds until the day that it changes.
        if place:
            steps.append(_at(place * across, height(points[place - 1].balance)))
        steps.append(_at(place * across, height(point.balance)))
    line = " ".join(steps)
    return Chart(
        line=line,
        area=f"{_at(0, HEIGHT)} {line} {_at(WIDTH, HEIGHT)}",
        highest=highest,
        first=points[0],
        last=points[-1],
    )


def _at(x: float, y: float) -> str:
    return f"{x:.1f},{y:.1f}"
