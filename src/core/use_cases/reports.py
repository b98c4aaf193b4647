"""Reports for the bookkeeper."""

from datetime import date

from core.staff import Caller
from core.use_cases.credit_ledger import moments
from core.views import CollectedReport, CreditReport
from ports.transactions import Transactions


class ReportCollected:
    """R17."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def __call__(self, caller: Caller, *, first: date | None, last: date | None) -> CollectedReport:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit()
            return await shop.reports.collected(received_from=first, received_to=last)


class ReportCredit:
    """R28: the exact reference over a period."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def __call__(self, caller: Caller, *, first: date | None, last: date | None) -> CreditReport:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit()
            at_from, at_before = moments(shop.shop, first, last)
            return await shop.reports.credit(at_from=at_from, at_before=at_before)
