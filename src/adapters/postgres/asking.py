"""Who asks is found out by the first statement that a transaction reads by, in the same message, and nothing is read
for nobody. A function that a transaction opens with (``open_v1``) sees to that itself, in the same words.
"""

from functools import cache
from typing import Any

import asyncpg
import structlog
from msgspec import Struct, json
from sqlalchemy import LargeBinary, Text, Uuid, bindparam, case, literal_column, true

from adapters.postgres.json_views import document
from adapters.postgres.shop_scope import Record, SelectOfShop, ShopScope, ShopStatement, select_of
from adapters.postgres.tables import api_keys, shops, staff
from core.errors import Unauthenticated
from core.shop import Shop
from core.staff import ActorKind, Asker, Caller


class Admission(Struct, frozen=True):
    """``asker``: None for whoever only says who they are. ``found``: whether what was read beside it is there."""

    asker: Asker | None
    shop: Shop
    found: bool


_admission = json.Decoder(Admission)

_kind = bindparam("asker_kind", type_=Text())
_id = bindparam("asker_id", type_=Uuid())
_secret_hash = bindparam("asker_secret_hash", type_=LargeBinary())


def _asker() -> Any:
    """An :class:`~core.staff.Asker`, or NULL."""
    member = select_of(staff, _asker_of(staff, ActorKind.STAFF)).where(staff.c.id == _id, staff.c.active)
    key = select_of(api_keys, _asker_of(api_keys, ActorKind.API_KEY)).where(
        api_keys.c.id == _id, api_keys.c.secret_hash == _secret_hash, api_keys.c.deleted_at.is_(None)
    )
    return case(
        (_kind == literal_column(f"'{ActorKind.STAFF}'"), member.scalar_subquery()), else_=key.scalar_subquery()
    )


def _asker_of(table: Any, kind: ActorKind) -> Any:
    return document(kind=literal_column(f"'{kind}'"), id=table.c.id, name=table.c.name, permissions=table.c.permissions)


def _shop() -> Any:
    """A :class:`~core.shop.Shop`."""
    names = ("name", "slug", "currency", "time_zone", "quickbooks_connected")
    return document(id=shops.c.shop_id, **{name: shops.c[name] for name in names})


_ALONE = ShopStatement(select_of(shops, document(asker=_asker(), shop=_shop(), found=true())))


@cache
def with_asker(read: SelectOfShop) -> ShopStatement:
    """The first row of ``read``, or NULLs if it has none, and the :class:`Admission`."""
    # OFFSET keeps the two apart: else each mention of the asker would look them up again.
    who = select_of(shops, _asker().label("asker"), _shop().label("shop")).offset(literal_column("0")).subquery("who")
    wanted = read.subquery("wanted").select().add_columns(true().label("found"))
    # Not WHERE, which PostgreSQL looks at once it has the row.
    found = wanted.limit(case((who.c.asker.is_(None), 0), else_=1)).lateral("found")
    admission = document(asker=who.c.asker, shop=who.c.shop, found=found.c.found.is_not(None))
    columns = [column for column in found.c if column is not found.c.found]
    return ShopStatement(
        who.outerjoin(found, true()).select().with_only_columns(*columns, admission.label("admission"))
    )


class AskingScope(ShopScope):
    """A scope for a caller of whom nothing is known yet but what they say. The first :meth:`row` has a column more than
    its statement, the last one.
    """

    def __init__(self, connection: "asyncpg.pool.PoolConnectionProxy[Record]", caller: Caller) -> None:
        super().__init__(connection, caller.credential.shop_id)
        self.asker: Asker | None = None
        self.shop: Shop | None = None
        self.caller = caller

    def admit(self, asker: Asker, shop: Shop) -> None:
        """They are who they say they are: from here on the log may say it."""
        self.asker, self.shop = asker, shop
        structlog.contextvars.bind_contextvars(
            shop_id=str(self.shop_id), actor_kind=asker.kind.value, actor_id=str(asker.id)
        )

    async def row(self, statement: ShopStatement, **parameters: object) -> Record | None:
        if self.asker is not None or statement.select is None:
            return await super().row(statement, **parameters)
        row = await super().row(with_asker(statement.select), **parameters, **self._who())
        return row if self._admit(None if row is None else row["admission"]) else None

    async def value(self, statement: ShopStatement, **parameters: object) -> Any:
        if self.asker is not None or statement.select is None:
            return await super().value(statement, **parameters)
        row = await self.row(statement, **parameters)
        return None if row is None else row[0]

    async def rows(self, statement: ShopStatement, **parameters: object) -> list[Record]:
        if self.asker is None and statement.select is not None:
            self._admit(await super().value(_ALONE, **self._who()))
        return await super().rows(statement, **parameters)

    def _who(self) -> dict[str, object]:
        if self.caller.key is not None:
            raise RuntimeError("whether the key was answered comes first: call admit() or an open_...()")
        credential = self.caller.credential
        return {
            "asker_kind": credential.kind.value,
            "asker_id": credential.id,
            "asker_secret_hash": credential.secret_hash,
        }

    def _admit(self, told: str | None) -> bool:
        """Whether what was read beside it is there."""
        admission = None if told is None else _admission.decode(told)
        if admission is None or admission.asker is None:
            raise Unauthenticated
        self.admit(admission.asker, admission.shop)
        return admission.found

    def _note_write(self) -> None:
        if self.asker is None:
            raise RuntimeError("nobody writes before it is known who asks: call admit() or an open_...() first")
        super()._note_write()
