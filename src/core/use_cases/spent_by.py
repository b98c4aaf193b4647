"""Say what to delete first when credit cannot be taken back because it was spent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.errors import CreditAlreadySpent
from core.ids import ClientId
from ports.transactions import ShopTransaction


@asynccontextmanager
async def naming_what_spent_it(
    shop: ShopTransaction, client_id: ClientId, *, at_most: int | None = None
) -> AsyncIterator[None]:
    """Add the client's live Account Credit payments to the refusal (R19); they are read only when it comes to that."""
    try:
        yield
    except CreditAlreadySpent as refusal:
        refusal.spent_by = await shop.payments.spent_by(client_id, at_most=at_most)
        raise
