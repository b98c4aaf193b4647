"""Reports for the bookkeeper: money collected down to its payments, credit owed by client, the whole ledger."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.response import Stream
from msgspec import Struct

from core.errors import InvalidField
from core.ids import ClientId
from core.ledger import EntryKind
from core.payments import PaymentMethod
from core.views import CollectedItem
from entrypoints.console.credit import LedgerFilters
from entrypoints.console.pages import redirection
from entrypoints.console.periods import DaysFilters, Period, PeriodQuery, period_of, query_of
from entrypoints.console.services import Console, ConsoleOf, VisitorOf
from entrypoints.console.visitors import Visitor, listing
from entrypoints.console.words import KINDS, METHODS, REASONS
from entrypoints.staff_api.filters import ExportFilters
from entrypoints.staff_api.ledger_csv import csv_answer

PATH = "/app/reports"
COLLECTED, PAYMENTS = f"{PATH}/collected", f"{PATH}/collected/payments"
CREDIT, LEDGER = f"{PATH}/credit", f"{PATH}/ledger"
TABS = [("Money collected", COLLECTED), ("Credit owed", CREDIT), ("Ledger", LEDGER)]

MAX_DAYS = 366
"""So many days of money collected fit on one page."""
DELETED_SHOWN = 10
MONEY_METHODS = [method for method in PaymentMethod if method is not PaymentMethod.ACCOUNT_CREDIT]


class CollectedFilters(DaysFilters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    method: PaymentMethod | None = None
    deleted: bool = False


class Cell(Struct, frozen=True):
    """A figure, and the payments behind it."""

    method: PaymentMethod | None
    collected: int
    address: str


class Day(Struct, frozen=True):
    """Money collected on one day: for each method that occurs in the period, then of all."""

    date: date
    cells: list[Cell]


@get("/reports")
async def show_reports() -> Response[Any]:
    """The first of them."""
    return redirection(COLLECTED)


@get("/reports/collected")
async def show_collected(console: ConsoleOf, visitor: VisitorOf) -> Response[str]:
    """R17: money collected by day and method, and the deleted payments that it leaves out."""
    query = visitor.query(PeriodQuery)
    period = _period(console, visitor, query.first, query.last)
    if period.wrong is None and (period.last - period.first).days >= MAX_DAYS:
        period = period.refused(InvalidField("last", "must be less than a year after the first day"))
    if period.wrong is not None:
        return visitor.page(
            "reports/collected.html", status=422, report=None, period=period, **_around("Money collected")
        )
    report = await console.report_collected(visitor.caller, first=period.first, last=period.last)
    deleted = await console.list_collected(
        visitor.caller,
        first=period.first,
        last=period.last,
        method=None,
        deleted=True,
        after=None,
        limit=DELETED_SHOWN,
    )
    methods = [method for method in PaymentMethod if any(item.method == method for item in report.items)]
    return visitor.page(
        "reports/collected.html",
        report=report,
        period=period,
        methods=methods,
        days=_days(report.items, methods),
        totals=_cells(report.items, methods, period.first, period.last),
        deleted=deleted.items,
        more_deleted=f"{PAYMENTS}?{query_of(period.first, period.last, deleted='true')}",
        **_around("Money collected"),
    )


def _days(items: Sequence[CollectedItem], methods: Sequence[PaymentMethod]) -> list[Day]:
    by_day: dict[date, list[CollectedItem]] = {}
    for item in items:
        by_day.setdefault(item.date, []).append(item)
    return [Day(day, _cells(by_day[day], methods, day, day)) for day in sorted(by_day, reverse=True)]


def _cells(items: Sequence[CollectedItem], methods: Sequence[PaymentMethod], first: date, last: date) -> list[Cell]:
    cells = []
    for method in (*methods, None):
        collected = sum(item.collected for item in items if method in (None, item.method))
        only = {} if method is None else {"method": method.value}
        cells.append(Cell(method, collected, f"{PAYMENTS}?{query_of(first, last, **only)}"))
    return cells


@get("/reports/collected/payments")
async def show_collected_payments(console: ConsoleOf, visitor: VisitorOf) -> Response[str]:
    """The payments behind a figure of money collected, or those that were deleted and are behind none."""
    filters = visitor.query(CollectedFilters)
    period = _period(console, visitor, filters.first, filters.last)
    template, around = "reports/payments.html", {**_around("Money collected"), "methods": MONEY_METHODS}
    if period.wrong is not None:
        return visitor.page(template, status=422, payments=None, period=period, filters=filters, **around)
    filters = msgspec.structs.replace(filters, first=period.first, last=period.last)
    cursors = console.cursors.of_list("console collected", visitor.caller, filters)
    page = await console.list_collected(
        visitor.caller,
        first=period.first,
        last=period.last,
        method=filters.method,
        deleted=filters.deleted,
        after=cursors.after,
        limit=filters.limit,
    )
    report = await console.report_collected(visitor.caller, first=period.first, last=period.last)
    counted = [item for item in report.items if filters.method in (None, item.method)]
    only = {} if filters.method is None else {"method": filters.method.value}
    return visitor.page(
        template,
        payments=listing(visitor, console.cursors, "console collected", PAYMENTS, filters, page),
        period=period,
        filters=filters,
        collected=sum(item.collected for item in counted),
        count=sum(item.count for item in counted),
        kinds=[
            ("Counted", f"{PAYMENTS}?{query_of(period.first, period.last, **only)}"),
            ("Deleted", f"{PAYMENTS}?{query_of(period.first, period.last, **only, deleted='true')}"),
        ],
        back=f"{COLLECTED}?{period.query}",
        **around,
    )


@get("/reports/credit")
async def show_credit_owed(console: ConsoleOf, visitor: VisitorOf) -> Response[str]:
    """R28: what the shop owes its clients, and how that changed in a period, client by client."""
    filters = visitor.query(DaysFilters)
    period = _period(console, visitor, filters.first, filters.last)
    if period.wrong is not None:
        return visitor.page("reports/credit.html", status=422, report=None, period=period, **_around("Credit owed"))
    filters = msgspec.structs.replace(filters, first=period.first, last=period.last)
    cursors = console.cursors.of_list("console credit by client", visitor.caller, filters)
    report, page = await console.report_credit_by_client(
        visitor.caller, first=period.first, last=period.last, after=cursors.after, limit=filters.limit
    )
    return visitor.page(
        "reports/credit.html",
        report=report,
        period=period,
        clients=listing(visitor, console.cursors, "console credit by client", CREDIT, filters, page),
        **_around("Credit owed"),
    )


@get("/reports/ledger")
async def show_ledger(console: ConsoleOf, visitor: VisitorOf) -> Response[str]:
    """R28: every entry of the shop in a period, newest first."""
    filters = visitor.query(LedgerFilters)
    period = _period(console, visitor, filters.first, filters.last)
    around = {**_around("Ledger"), "kinds": list(EntryKind), "kind": filters.kind}
    if period.wrong is not None:
        return visitor.page("reports/ledger.html", status=422, ledger=None, period=period, **around)
    filters = msgspec.structs.replace(filters, first=period.first, last=period.last)
    cursors = console.cursors.of_list("console ledger", visitor.caller, filters)
    page = await console.list_entries(
        visitor.caller,
        None,
        kind=filters.kind,
        first=period.first,
        last=period.last,
        after=cursors.after,
        limit=filters.limit,
    )
    only = {} if filters.kind is None else {"kind": filters.kind.value}
    return visitor.page(
        "reports/ledger.html",
        ledger=listing(visitor, console.cursors, "console ledger", LEDGER, filters, page),
        names=await _names(console, visitor, {entry.client_id for entry in page.items}),
        period=period,
        export=f"{LEDGER}.csv?{query_of(period.first, period.last, **only)}",
        **around,
    )


@get("/reports/ledger.csv", media_type="text/csv")
async def export_ledger(console: ConsoleOf, visitor: VisitorOf) -> Stream:
    """The same entries, all of them, the oldest first; without a period the whole ledger."""
    filters = visitor.query(ExportFilters)
    shop, parts = await console.export_entries(
        visitor.caller, None, kind=filters.kind, first=filters.first, last=filters.last
    )
    return csv_answer(shop, parts)


async def _names(console: Console, visitor: Visitor, client_ids: set[UUID]) -> dict[ClientId, str]:
    return await console.name_clients(visitor.caller, [ClientId(each) for each in client_ids])


def _period(console: Console, visitor: Visitor, first: date | None, last: date | None) -> Period:
    return period_of(first, last, visitor.formats.today(console.clock.now()))


def _around(tab: str) -> dict[str, Any]:
    return {"tabs": TABS, "tab": tab, "method_words": METHODS, "kind_words": KINDS, "reason_words": REASONS}


routes = [
    show_reports,
    show_collected,
    show_collected_payments,
    show_credit_owed,
    show_ledger,
    export_ledger,
]
