"""See :class:`ports.outbox.Outbox`."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, bindparam

from adapters.postgres.shop_scope import ShopScope, ShopStatement, one_of, select_of, update_of, upsert_into
from adapters.postgres.tables import outbox, shop_routing
from core.deliveries import NoticeHead
from core.ids import NoticeId
from core.notices import Notice, NoticeKind, NoticePayload

_payload = msgspec.json.Decoder(NoticePayload)

_LOCK_ROUTING = ShopStatement(
    select_of(shop_routing, shop_routing.c.shop_id).with_for_update(skip_locked=True, key_share=True)
)
_ADD_ROUTING = ShopStatement(upsert_into(shop_routing).on_conflict_do_nothing(index_elements=[shop_routing.c.shop_id]))
_HAS_ROUTED = ShopStatement(update_of(shop_routing).values(routed_at=bindparam("the_time")))
# A notice is due from the moment that it tells of, until it was routed.
_UNROUTED = ShopStatement(
    select_of(outbox, *(outbox.c[name] for name in ("id", "client_id", "kind", "at")))
    .where(outbox.c.due_at.is_not(None))
    .order_by(outbox.c.due_at, outbox.c.id)
    .limit(bindparam("limit", type_=BigInteger()))
)
_ROUTED = ShopStatement(
    update_of(outbox).where(one_of(outbox.c.id, "notices")).values(due_at=None, routed_at=bindparam("the_time"))
)


class PostgresOutbox:
    """Notices on their way out of one shop."""

    def __init__(self, scope: ShopScope, stage: Callable[[Notice], None]) -> None:
        self._scope = scope
        self._stage = stage

    def add(self, notice: Notice) -> None:
        self._stage(notice)

    async def lock_routing(self) -> bool:
        if await self._scope.value(_LOCK_ROUTING):
            return True
        # Either somebody else has it, or it is the shop's first time.
        await self._scope.run(_ADD_ROUTING)
        return await self._scope.value(_LOCK_ROUTING) is not None

    async def unrouted(self, *, limit: int) -> list[NoticeHead]:
        return [
            NoticeHead(id=row["id"], client_id=row["client_id"], kind=NoticeKind(row["kind"]), at=row["at"])
            for row in await self._scope.rows(_UNROUTED, limit=limit)
        ]

    async def routed(self, notice_ids: Sequence[NoticeId], *, at: datetime) -> None:
        await self._scope.run(_ROUTED, notices=list(notice_ids), the_time=at)
        await self._scope.run(_HAS_ROUTED, the_time=at)


def notice_from(notice_id: UUID, row: Any) -> Notice:
    """From a row of the outbox; ``notice_id``: where that goes by another name in it."""
    return Notice(
        id=NoticeId(notice_id),
        client_id=row["client_id"],
        kind=NoticeKind(row["kind"]),
        at=row["at"],
        payload=_payload.decode(row["payload"]),
    )
