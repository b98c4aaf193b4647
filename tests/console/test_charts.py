"""The small chart of a balance."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from core.views import BalanceHistory, BalancePoint
from entrypoints.console.charts import HEIGHT, WIDTH, chart_of_days, chart_of_entries
from entrypoints.console.formats import formats_of
from tests.desk import Desk

FORMATS = formats_of("USD", "America/Chicago")


def days(*balances: int) -> BalanceHistory:
    first = date(2026, 3, 1)
    points = [BalancePoint(first + timedelta(days=place), balance) for place, balance in enumerate(balances)]
    return BalanceHistory(points=points, currency="USD")


def test_a_balance_holds_until_the_day_that_it_changes_and_the_highest_is_the_top() -> None:
    chart = chart_of_days(days(0, 5000, 2500), FORMATS)
    assert chart is not None
    top, half = 6.0, HEIGHT - (HEIGHT - 6) / 2
    middle, end = WIDTH / 2, float(WIDTH)
    steps = [(0.0, HEIGHT), (middle, HEIGHT), (middle, top), (end, top), (end, half)]
    assert chart.line == " ".join(f"{x:.1f},{y:.1f}" for x, y in steps)
    assert [mark.when for mark in (chart.first, chart.highest, chart.last)] == [
        "Mar 1, 2026",
        "Mar 2, 2026",
        "Mar 3, 2026",
    ]


@pytest.mark.parametrize("balances", [(), (5000,), (0, 0, 0)])
def test_where_there_is_nothing_to_see_there_is_no_chart(balances: tuple[int, ...]) -> None:
    assert chart_of_days(days(*balances), FORMATS) is None
    assert chart_of_entries([], FORMATS) is None


async def test_an_account_on_its_first_day_is_drawn_entry_by_entry(desk: Desk) -> None:
    client = await desk.client()
    await desk.add(client, 5000)
    await desk.void((await desk.add(client, 2000)).id)
    chart = chart_of_entries(list(reversed(await desk.entries(client))), FORMATS)
    assert chart is not None
    assert [mark.balance for mark in (chart.first, chart.highest, chart.last)] == [0, 7000, 5000]
