"""Reports for the bookkeeper."""

from litestar import get
from litestar.di import NamedDependency

from core.views import CollectedReport, CreditReport
from entrypoints.staff_api.filters import Period
from entrypoints.staff_api.services import Api, CallerOf

_TAGS = ["Reports"]


@get("/reports/collected", summary="Report money collected", tags=_TAGS, refuses=())
async def report_collected(api: Api, caller: CallerOf, filters: NamedDependency[Period]) -> CollectedReport:
    """What goes to the bank, for each day and method on which money was received: in full, without Account Credit and
    without deleted payments.
    """
    return await api.report_collected(caller, first=filters.first, last=filters.last)


@get("/reports/credit", summary="Report credit", tags=_TAGS, refuses=())
async def report_credit(api: Api, caller: CallerOf, filters: NamedDependency[Period]) -> CreditReport:
    """What the shop owes its clients, and how that changed in the period."""
    return await api.report_credit(caller, first=filters.first, last=filters.last)


routes = [report_collected, report_credit]
