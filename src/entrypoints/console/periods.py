"""Which days a statement or a report is about: what was asked for, else this month; and the periods asked for most."""

from datetime import date, timedelta
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, Struct

from core.errors import InvalidField
from entrypoints.http.cursors import ListFilters
from entrypoints.staff_api.filters import FirstDay, LastDay

_NAMES = {"first": "From", "from": "From", "last": "To", "to": "To"}
_BACKWARDS = InvalidField("last", "must not be before the first day")


class PeriodQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days as somebody chose them, in whichever order: what is wrong with that is said beside the fields."""

    first: Annotated[date | None, Meta(title="From")] = msgspec.field(name="from", default=None)
    last: Annotated[date | None, Meta(title="To")] = msgspec.field(name="to", default=None)


class DaysFilters(ListFilters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A list over some days, in whichever order, too."""

    first: FirstDay = msgspec.field(name="from", default=None)
    last: LastDay = msgspec.field(name="to", default=None)

    @property
    def wrong(self) -> str | None:
        """What to say beside the days, if they are none that a list can be over."""
        if self.first is not None and self.last is not None and self.first > self.last:
            return _said(_BACKWARDS)
        return None


class Quick(Struct, frozen=True):
    """A period with a name."""

    name: str
    first: date
    last: date

    @property
    def query(self) -> str:
        return query_of(self.first, self.last)


class Period(Struct, frozen=True, kw_only=True):
    """The days of a page, the last one included, and how to change them."""

    first: date
    last: date
    today: date
    wrong: str | None = None

    @property
    def query(self) -> str:
        return query_of(self.first, self.last)

    @property
    def quick(self) -> list[Quick]:
        return quick_periods(self.today)

    def refused(self, refusal: InvalidField) -> "Period":
        """The same days, with what is wrong with them."""
        return msgspec.structs.replace(self, wrong=_said(refusal))


def period_of(first: date | None, last: date | None, today: date) -> Period:
    """Without days this month until today."""
    last = last or today
    period = Period(first=first or last.replace(day=1), last=last, today=today)
    if period.first > period.last:
        return period.refused(_BACKWARDS)
    return period


def quick_periods(today: date) -> list[Quick]:
    this_month = today.replace(day=1)
    this_quarter = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
    this_year = today.replace(month=1, day=1)
    return [
        Quick("This month", this_month, today),
        Quick("Last month", _before(this_month).replace(day=1), _before(this_month)),
        Quick("Last quarter", _start_of_quarter(_before(this_quarter)), _before(this_quarter)),
        Quick("This year", this_year, today),
        Quick("Last year", _before(this_year).replace(month=1, day=1), _before(this_year)),
    ]


def query_of(first: date, last: date, **more: str) -> str:
    return urlencode({"from": first.isoformat(), "to": last.isoformat(), **more})


def _said(refusal: InvalidField) -> str:
    return f"{_NAMES.get(refusal.field, refusal.field)} {refusal.message}."


def _before(day: date) -> date:
    return day - timedelta(days=1)


def _start_of_quarter(day: date) -> date:
    return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
