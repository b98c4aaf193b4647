"""A client's card, entries, balance over time and where the balance came from, all of one moment."""

from datetime import date

from msgspec import Struct

from core.ids import ClientId
from core.ledger import EntryKind
from core.staff import Caller
from core.use_cases.credit_ledger import entries_of_days
from core.use_cases.explain_balance import explanation_of
from core.use_cases.retried import retried
from core.use_cases.statements import history_of
from core.views import BalanceExplanation, BalanceHistory, ClientView, EntryView, Page, Position
from ports.transactions import Transactions


class ExplainedLedger(Struct, frozen=True, kw_only=True):
    """``entries``: newest first, and only they are narrowed."""

    client: ClientView
    entries: Page[EntryView]
    history: BalanceHistory
    explanation: BalanceExplanation


class ShowExplainedLedger:
    """R27: the balance is the same wherever the page shows it, also while another desk writes."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self,
        caller: Caller,
        client_id: ClientId,
        *,
        kind: EntryKind | None,
        first: date | None,
        last: date | None,
        after: Position | None,
        limit: int,
        sources: int,
    ) -> ExplainedLedger:
        """``sources``: so many parts of the balance at most. Raises NotFound."""
        async with self._transactions.snapshot_for(caller) as shop:
            await shop.admit()
            client = await shop.clients.view(client_id)
            return ExplainedLedger(
                client=client,
                entries=await entries_of_days(
                    shop, client_id, kind=kind, first=first, last=last, after=after, limit=limit
                ),
                history=await history_of(shop, client_id),
                explanation=await explanation_of(shop, client_id, after=None, limit=sources),
            )
