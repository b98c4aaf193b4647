"""The clients of one shop."""

from collections.abc import Sequence
from typing import Protocol

from core.ids import ClientId
from core.views import ClientListItem, ClientView, Page, Position


class Clients(Protocol):
    async def view(self, client_id: ClientId) -> ClientView:
        """A client with its card. Raises NotFound."""
        ...

    async def item(self, client_id: ClientId) -> ClientListItem:
        """A client without its card. Raises NotFound."""
        ...

    async def names(self, client_ids: Sequence[ClientId]) -> dict[ClientId, str]:
        """Of those that there are."""
        ...

    async def page(
        self, *, q: str | None, has_credit: bool | None, deleted: bool, after: Position | None, limit: int
    ) -> Page[ClientListItem]:
        """Clients by name. ``q``: a part of name, e-mail or phone (however its digits are written), or the beginning
        of a vehicle on one of the client's invoices; capitals do not matter.
        """
        ...

    async def add(
        self, client_id: ClientId, *, name: str, email: str | None, phone: str | None, email_notices: bool
    ) -> None:
        """A new client with an empty credit account."""
        ...

    async def change(
        self, client_id: ClientId, *, name: str, email: str | None, phone: str | None, email_notices: bool
    ) -> None: ...

    async def overpaid(self, client_id: ClientId) -> int:
        """What the client's invoices are overpaid by, together. Minor units."""
        ...

    async def close(self, client_id: ClientId) -> None:
        """Delete: nothing about the client's money changes any more."""
        ...

    async def reopen(self, client_id: ClientId) -> None:
        """Restore."""
        ...
