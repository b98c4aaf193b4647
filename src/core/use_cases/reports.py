"""Reports for the bookkeeper."""

from datetime import date

from core.payments import PaymentMethod
from core.staff import Caller
from core.use_cases.credit_ledger import moments
from core.use_cases.retried import retried
from core.views import ClientCredit, CollectedPayment, CollectedReport, CreditReport, Page, Position
from ports.transactions import Transactions


class ReportCollected:
    """R17."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, *, first: date | None, last: date | None) -> CollectedReport:
        async with self._transactions.for_shop(caller, narrowed=True) as shop:
            return await shop.reports.collected(received_from=first, received_to=last)


class ListCollected:
    """The payments behind the figures of money collected: the live ones, which they count, or the deleted ones, which
    they do not. The one received last comes first.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self,
        caller: Caller,
        *,
        first: date | None,
        last: date | None,
        method: PaymentMethod | None,
        deleted: bool,
        after: Position | None,
        limit: int,
    ) -> Page[CollectedPayment]:
        async with self._transactions.for_shop(caller, narrowed=True) as shop:
            return await shop.payments.collected_page(
                method=method, received_from=first, received_to=last, deleted=deleted, after=after, limit=limit
            )


class ReportCredit:
    """R28: the exact reference over a period."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, *, first: date | None, last: date | None) -> CreditReport:
        async with self._transactions.snapshot_for(caller, narrowed=True) as shop:
            await shop.admit()
            at_from, at_before = moments(shop, first, last)
            return await shop.reports.credit(at_from=at_from, at_before=at_before)


class ReportCreditByClient:
    """The same, and client by client as of the same moment: who had credit at the end of the period or entries in it,
    by name.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self, caller: Caller, *, first: date | None, last: date | None, after: Position | None, limit: int
    ) -> tuple[CreditReport, Page[ClientCredit]]:
        async with self._transactions.snapshot_for(caller, narrowed=True) as shop:
            await shop.admit()
            at_from, at_before = moments(shop, first, last)
            report = await shop.reports.credit(at_from=at_from, at_before=at_before)
            return report, await shop.reports.credit_by_client(
                at_from=at_from, at_before=at_before, after=after, limit=limit
            )
