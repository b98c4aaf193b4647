"""A client's statement, and the balance of a client's credit over time."""

from datetime import date, timedelta

from core.errors import InvalidField
from core.ids import ClientId
from core.staff import Caller
from core.statements import MAX_LINES, Statement, StatementLines
from core.use_cases.credit_ledger import moments
from core.use_cases.retried import retried
from core.views import BalanceHistory, BalancePoint, CreditMovement, shop_view
from ports.transactions import ShopTransaction, Transactions

MAX_POINTS = 200
DAYS_SHOWN = 365


class ShowStatement:
    """Everything on it is of one moment. Without days it is of this month until today."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self, caller: Caller, client_id: ClientId, *, first: date | None, last: date | None
    ) -> Statement:
        async with self._transactions.snapshot_for(caller) as shop:
            await shop.admit()
            client = await shop.clients.item(client_id)
            last = last or shop.shop.day_of(shop.recorder.at)
            first = first or last.replace(day=1)
            if first > last:
                raise InvalidField("last", "must not be before the first day")
            lines = await _lines(shop, client_id, first, last)
            lines, end = lines.whole_days(first, last, day_of=shop.shop.day_of, at_most=MAX_LINES)
            opening_due = await shop.statements.due_before(client_id, first)
            invoiced = sum(invoice.total for invoice in lines.invoices)
            settled = sum(payment.settled for payment in lines.payments)
            return Statement(
                client=client,
                shop=shop_view(await shop.settings.read()),
                currency=shop.shop.currency,
                first=first,
                last=end,
                continues_on=end + timedelta(days=1) if end < last else None,
                opening_due=opening_due,
                invoiced=invoiced,
                settled=settled,
                closing_due=opening_due + invoiced - settled,
                invoices=lines.invoices,
                payments=lines.payments,
                credit=CreditMovement.of(
                    await _opening_credit(shop, client_id, first),
                    ((entry.kind, entry.amount) for entry in lines.entries),
                ),
                entries=lines.entries,
            )


async def _lines(shop: ShopTransaction, client_id: ClientId, first: date, last: date) -> StatementLines:
    """What there is in the period, but no more of it than shows that it is too much for one statement."""
    limit = MAX_LINES + 1
    at_from, at_before = moments(shop, first, last)
    entries = await shop.ledger.page(
        client_id=client_id,
        kind=None,
        at_from=at_from,
        at_before=at_before,
        after=None,
        limit=limit,
        oldest_first=True,
    )
    return StatementLines(
        invoices=await shop.statements.invoices(client_id, first=first, last=last, limit=limit),
        payments=await shop.statements.payments(client_id, first=first, last=last, limit=limit),
        entries=entries.items,
    )


async def _opening_credit(shop: ShopTransaction, client_id: ClientId, first: date) -> int:
    beginning, _ = moments(shop, first, None)
    if beginning is None:
        return 0
    [balance] = await shop.ledger.balances_before(client_id, [beginning])
    return balance


async def history_of(shop: ShopTransaction, client_id: ClientId) -> BalanceHistory:
    """The balance of the last year, or since the first entry if that is later: a point for every other day or so.

    Raises:
        NotFound.
    """
    await shop.ledger.balance(client_id)
    today = shop.shop.day_of(shop.recorder.at)
    oldest = await shop.ledger.page(
        client_id=client_id, kind=None, at_from=None, at_before=None, after=None, limit=1, oldest_first=True
    )
    days = 0
    if oldest.items:
        days = min((today - shop.shop.day_of(oldest.items[0].at)).days, DAYS_SHOWN)
    step = days // MAX_POINTS + 1
    shown = [today - timedelta(days=ago) for ago in range(days - days % step, -1, -step)]
    ends = [shop.shop.start_of(day + timedelta(days=1)) for day in shown]
    balances = await shop.ledger.balances_before(client_id, ends)
    return BalanceHistory(
        points=[BalancePoint(day, balance) for day, balance in zip(shown, balances, strict=True)],
        currency=shop.shop.currency,
    )
