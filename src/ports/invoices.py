"""The invoices of one shop."""

from typing import Protocol

from core.ids import ClientId, InvoiceId
from core.invoices import Invoice, InvoiceContent, InvoiceStatus
from core.ledger import CreditAccount
from core.views import InvoiceView, Page, Position


class Invoices(Protocol):
    async def view(self, invoice_id: InvoiceId) -> InvoiceView:
        """Raises NotFound."""
        ...

    async def page(
        self,
        *,
        client_id: ClientId | None,
        status: InvoiceStatus | None,
        after: Position | None,
        limit: int,
        oldest_first: bool,
    ) -> Page[InvoiceView]:
        """Invoices, the one made last first, or the one made first."""
        ...

    async def content(self, invoice_id: InvoiceId) -> InvoiceContent:
        """What an invoice says. Raises NotFound."""
        ...

    async def with_account(self, invoice_id: InvoiceId) -> tuple[Invoice, CreditAccount]:
        """The money side of an invoice and its client's account, neither locked. Raises NotFound."""
        ...

    async def number_taken(self, number: str) -> bool: ...

    async def next_number(self) -> str:
        """A number that no invoice of the shop has, such as INV-1. Locks the shop's counter."""
        ...

    async def add(self, invoice_id: InvoiceId, client_id: ClientId, content: InvoiceContent) -> None: ...

    async def change(self, invoice: Invoice, content: InvoiceContent) -> None:
        """What it says, and its total."""
        ...

    async def void(self, invoice: Invoice) -> None: ...
