"""See :class:`ports.verification.Heads`."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Uuid, bindparam, column, func, literal_column

from adapters.postgres.shop_scope import ShopScope, ShopStatement, one_of, select_of
from adapters.postgres.tables import credit_accounts, ledger_entries
from core.digest import Head, StoredHead
from core.ids import ClientId

# As in accounts.py.
_HEADS_A_PAGE: Any = literal_column("2000")

_COUNT = ShopStatement(select_of(credit_accounts, func.count()))
_HEADS = ShopStatement(
    select_of(credit_accounts, *(credit_accounts.c[n] for n in ("client_id", "last_number", "last_hash", "balance")))
    .where(credit_accounts.c.client_id > bindparam("after"))
    .order_by(credit_accounts.c.client_id)
    .limit(_HEADS_A_PAGE)
)
_ACCOUNTS = ShopStatement(
    select_of(credit_accounts, credit_accounts.c.client_id, credit_accounts.c.last_number).where(
        one_of(credit_accounts.c.client_id, "client_ids")
    )
)
_head = (
    func.unnest(bindparam("client_ids", type_=ARRAY(Uuid())), bindparam("numbers", type_=ARRAY(BigInteger())))
    .table_valued(column("client_id", Uuid()), column("number", BigInteger()))
    .render_derived(name="head")
)
_ENTRIES = ShopStatement(
    select_of(ledger_entries, *(ledger_entries.c[n] for n in ("client_id", "hash", "balance_after"))).join(
        _head,
        (ledger_entries.c.client_id == _head.c.client_id) & (ledger_entries.c.number == _head.c.number),
    )
)


class PostgresHeads:
    """Where the credit accounts of one shop end."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def count(self) -> int:
        count: int = await self._scope.value(_COUNT)
        return count

    async def heads(self, *, after: ClientId) -> list[Head]:
        return [
            Head(client_id, number, None if last_hash is None else last_hash.hex(), balance)
            for client_id, number, last_hash, balance in await self._scope.rows(_HEADS, after=after)
        ]

    async def at(self, heads: Sequence[Head]) -> list[StoredHead]:
        client_ids = [head.client_id for head in heads]
        accounts = {
            row["client_id"]: row["last_number"] for row in await self._scope.rows(_ACCOUNTS, client_ids=client_ids)
        }
        numbers = [head.number for head in heads]
        rows = await self._scope.rows(_ENTRIES, client_ids=client_ids, numbers=numbers)
        entries = {client_id: (entry_hash, balance) for client_id, entry_hash, balance in rows}
        return [StoredHead(accounts.get(head.client_id), *entries.get(head.client_id, (None, None))) for head in heads]
