"""Clients: show, list, add, edit, delete, restore."""

from collections.abc import Sequence

from msgspec import UNSET, Struct, UnsetType

from core.ids import ClientId
from core.notices import client_deleted
from core.staff import Caller, Permission
from core.use_cases.retried import retried
from core.views import ClientListItem, ClientView, Page, Position
from ports.transactions import Transactions


class ShowClient:
    """R27: the client with its card."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, client_id: ClientId) -> ClientView:
        async with self._transactions.for_shop(caller) as shop:
            return await shop.clients.view(client_id)


class ListClients:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self,
        caller: Caller,
        *,
        q: str | None,
        has_credit: bool | None,
        deleted: bool,
        after: Position | None,
        limit: int,
    ) -> Page[ClientListItem]:
        async with self._transactions.for_shop(caller) as shop:
            return await shop.clients.page(q=q, has_credit=has_credit, deleted=deleted, after=after, limit=limit)


class NameClients:
    """The names of clients, deleted ones too; who is none of the shop's is left out."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, client_ids: Sequence[ClientId]) -> dict[ClientId, str]:
        async with self._transactions.for_shop(caller) as shop:
            return await shop.clients.names(client_ids)


class AddClient:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self, caller: Caller, *, name: str, email: str | None, phone: str | None, email_notices: bool = True
    ) -> ClientView:
        """``email_notices``: whether the client gets the e-mails that the shop sends about credit."""
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit(Permission.MANAGE_CLIENTS)
            client_id = ClientId(shop.recorder.new_id())
            await shop.clients.add(client_id, name=name, email=email, phone=phone, email_notices=email_notices)
            return shop.answer(201, await shop.clients.view(client_id))


class ClientEdit(Struct, frozen=True, kw_only=True):
    """What to change of a client; ``UNSET`` for e-mail and phone and ``None`` for the others leave a field as it is."""

    name: str | None = None
    email: str | UnsetType | None = UNSET
    phone: str | UnsetType | None = UNSET
    email_notices: bool | None = None


class EditClient:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, client_id: ClientId, edit: ClientEdit) -> ClientView:
        async with self._transactions.for_shop(caller) as shop:
            books = await shop.open_client(client_id, needs=Permission.MANAGE_CLIENTS)
            books.require_live_client()
            old = await shop.clients.view(client_id)
            await shop.clients.change(
                client_id,
                name=edit.name or old.name,
                email=old.email if edit.email is UNSET else edit.email,
                phone=old.phone if edit.phone is UNSET else edit.phone,
                email_notices=old.email_notices if edit.email_notices is None else edit.email_notices,
            )
            return shop.answer(200, await shop.clients.view(client_id))


class DeleteClient:
    """R24."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, client_id: ClientId) -> None:
        async with self._transactions.for_shop(caller) as shop:
            books = await shop.open_client(client_id, needs=Permission.MANAGE_CLIENTS)
            books.delete_client(overpaid=await shop.clients.overpaid(client_id))
            await shop.clients.close(client_id)
            recorder = shop.recorder
            shop.outbox.add(
                client_deleted(client_id, currency=shop.shop.currency, at=recorder.at, new_id=recorder.new_id)
            )
            shop.answer(204, None)


class RestoreClient:
    """R24. Restoring a client that is not deleted changes nothing."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, client_id: ClientId) -> ClientView:
        async with self._transactions.for_shop(caller) as shop:
            await shop.open_client(client_id, needs=Permission.MANAGE_CLIENTS)
            await shop.clients.reopen(client_id)
            return shop.answer(200, await shop.clients.view(client_id))
