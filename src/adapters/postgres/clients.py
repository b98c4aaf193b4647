"""See :class:`ports.clients.Clients`."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from msgspec import convert
from sqlalchemy import BigInteger, ColumnElement, Text, bindparam, func, literal_column, or_, true, tuple_

from adapters.postgres.json_views import is_not_settled
from adapters.postgres.paging import page_of
from adapters.postgres.shop_scope import (
    Record,
    SelectOfShop,
    ShopScope,
    ShopStatement,
    insert_into,
    of_shop,
    one_of,
    select_of,
    update_of,
)
from adapters.postgres.tables import clients, credit_accounts, invoices, shops
from core.errors import NotFound
from core.ids import ClientId
from core.views import ClientListItem, ClientView, Page, Position


def _with_account(*more: Any) -> SelectOfShop:
    return (
        select_of(
            clients,
            clients.c.id,
            clients.c.name,
            clients.c.sort_name,
            clients.c.email,
            clients.c.phone,
            clients.c.email_notices,
            clients.c.created_at,
            credit_accounts.c.balance.label("credit"),
            credit_accounts.c.closed_at.label("deleted_at"),
            shops.c.currency,
            *more,
        )
        .join(credit_accounts, of_shop(credit_accounts) & (credit_accounts.c.client_id == clients.c.id))
        .join(shops, of_shop(shops))
    )


def _sum(of: Any) -> Any:
    return func.coalesce(func.sum(of), 0).cast(BigInteger)


# A long history is paid: what is due stands on few invoices, and the totals of all of them are read from an index. What
# is paid follows from that, since an invoice's due is its total less what is settled (R27).
_invoiced = (
    select_of(invoices, _sum(invoices.c.total).label("invoiced"))
    .where(invoices.c.client_id == bindparam("client_id"), invoices.c.voided_at.is_(None))
    .subquery("all_invoices")
)
_not_settled = (
    select_of(
        invoices,
        _sum(func.greatest(invoices.c.due, 0)).label("due"),
        _sum(func.greatest(-invoices.c.due, 0)).label("overpaid"),
    )
    .where(invoices.c.client_id == bindparam("client_id"), is_not_settled())
    .subquery("not_settled")
)
_VIEW = ShopStatement(
    _with_account(
        _invoiced.c.invoiced,
        (_invoiced.c.invoiced - _not_settled.c.due + _not_settled.c.overpaid).label("paid"),
        _not_settled.c.due,
        _not_settled.c.overpaid,
    )
    .join(_invoiced, true())
    .join(_not_settled, true())
    .where(clients.c.id == bindparam("client_id"))
)
_ITEM = ShopStatement(_with_account().where(clients.c.id == bindparam("client_id")))
_NAMES = ShopStatement(select_of(clients, clients.c.id, clients.c.name).where(one_of(clients.c.id, "client_ids")))
_OVERPAID = ShopStatement(
    select_of(invoices, _sum(-invoices.c.due)).where(
        invoices.c.client_id == bindparam("client_id"), is_not_settled(), invoices.c.due < 0
    )
)
_ADD = ShopStatement(
    insert_into(clients, "id", "name", "email", "phone", "email_notices").values(created_at=func.now())
)
_ADD_ACCOUNT = ShopStatement(insert_into(credit_accounts, "client_id").values(balance=0, last_number=0))
_CHANGE = ShopStatement(
    update_of(clients)
    .where(clients.c.id == bindparam("client_id"))
    .values({name: bindparam(name) for name in ("name", "email", "phone", "email_notices")})
)
_account = update_of(credit_accounts).where(credit_accounts.c.client_id == bindparam("the_client_id"))
_CLOSE = ShopStatement(_account.values(closed_at=func.now()))
_REOPEN = ShopStatement(_account.values(closed_at=None))


def _small(name: str) -> SelectOfShop:
    """The parameter in small letters, as PostgreSQL makes them of what is stored; once, and not again for each row."""
    return select_of(shops, func.lower(bindparam(name, type_=Text())))


# Everything that begins with it, as a range of bytes: a plan for any parameter can find that, but not a LIKE.
_typed = func.lower(bindparam("typed", type_=Text()))
_last: ColumnElement[str] = literal_column("chr(1114111)")
_WITH_VEHICLE = select_of(invoices, invoices.c.client_id).where(
    invoices.c.search_vehicle >= _typed, invoices.c.search_vehicle < _typed.concat(_last)
)


@cache
def _page_statement(*, q: bool, digits: bool, has_credit: bool | None, deleted: bool, after: bool) -> ShopStatement:
    statement = _with_account().where(
        credit_accounts.c.closed_at.is_not(None) if deleted else credit_accounts.c.closed_at.is_(None)
    )
    if q:
        text = clients.c.search_text
        found = [text.like(_small("pattern").scalar_subquery()), clients.c.id.in_(_WITH_VEHICLE)]
        if digits:
            found.append(text.like(bindparam("digits_pattern", type_=Text())))
        statement = statement.where(or_(*found))
    if has_credit is not None:
        statement = statement.where(credit_accounts.c.balance > 0 if has_credit else credit_accounts.c.balance == 0)
    if after:
        position = tuple_(bindparam("after_name", type_=Text()), bindparam("after_id", type_=clients.c.id.type))
        statement = statement.where(tuple_(clients.c.sort_name, clients.c.id) > position)
    return ShopStatement(
        statement.order_by(clients.c.sort_name, clients.c.id).limit(bindparam("limit", type_=BigInteger()))
    )


class PostgresClients:
    """The clients of one shop."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def view(self, client_id: ClientId) -> ClientView:
        row = await self._scope.row(_VIEW, client_id=client_id)
        if row is None:
            raise NotFound
        return convert(dict(row), ClientView)

    async def item(self, client_id: ClientId) -> ClientListItem:
        row = await self._scope.row(_ITEM, client_id=client_id)
        if row is None:
            raise NotFound
        return convert(dict(row), ClientListItem)

    async def names(self, client_ids: Sequence[ClientId]) -> dict[ClientId, str]:
        rows = await self._scope.rows(_NAMES, client_ids=list(client_ids))
        return {row["id"]: row["name"] for row in rows}

    async def page(
        self, *, q: str | None, has_credit: bool | None, deleted: bool, after: Position | None, limit: int
    ) -> Page[ClientListItem]:
        digits = _digits(q or "")
        statement = _page_statement(
            q=q is not None,
            digits=digits not in {"", q},
            has_credit=has_credit,
            deleted=deleted,
            after=after is not None,
        )
        after_name, after_id = after or (None, None)
        rows = await self._scope.rows(
            statement,
            typed=q,
            pattern=_contains(q or ""),
            digits_pattern=_contains(digits),
            after_name=after_name,
            after_id=after_id,
            limit=limit + 1,
        )
        page = page_of(rows, limit, _position)
        return Page(convert([dict(row) for row in page.items], list[ClientListItem]), page.next_position)

    async def add(
        self, client_id: ClientId, *, name: str, email: str | None, phone: str | None, email_notices: bool
    ) -> None:
        await self._scope.run(_ADD, id=client_id, name=name, email=email, phone=phone, email_notices=email_notices)
        await self._scope.run(_ADD_ACCOUNT, client_id=client_id)

    async def change(
        self, client_id: ClientId, *, name: str, email: str | None, phone: str | None, email_notices: bool
    ) -> None:
        await self._scope.run(
            _CHANGE, client_id=client_id, name=name, email=email, phone=phone, email_notices=email_notices
        )

    async def overpaid(self, client_id: ClientId) -> int:
        overpaid: int = await self._scope.value(_OVERPAID, client_id=client_id)
        return overpaid

    async def close(self, client_id: ClientId) -> None:
        await self._scope.run(_CLOSE, the_client_id=client_id)

    async def reopen(self, client_id: ClientId) -> None:
        await self._scope.run(_REOPEN, the_client_id=client_id)


def _position(row: Record) -> Position:
    return (row["sort_name"], str(row["id"]))


def _digits(text: str) -> str:
    """The digits of what may be a part of a phone number, however it is written; nothing if it is none."""
    return re.sub(r"[\s()+./-]", "", text) if re.fullmatch(r"[0-9\s()+./-]+", text) else ""


def _contains(text: str) -> str:
    for special in ("\\", "%", "_"):
        text = text.replace(special, "\\" + special)
    return f"%{text}%"
