"""See :class:`ports.outbox.Outbox`."""

from collections.abc import Callable
from datetime import datetime

import msgspec
from sqlalchemy import BigInteger, bindparam, func

from adapters.postgres.shop_scope import ShopScope, ShopStatement, select_of, update_of
from adapters.postgres.tables import outbox
from core.ids import NoticeId
from core.notices import DueNotice, Notice, NoticeKind, NoticePayload

_payload = msgspec.json.Decoder(NoticePayload)

_CLAIM = ShopStatement(
    select_of(outbox, *(outbox.c[name] for name in ("id", "client_id", "kind", "at", "payload", "attempts")))
    .where(outbox.c.due_at <= func.now())
    .order_by(outbox.c.due_at, outbox.c.id)
    .limit(bindparam("limit", type_=BigInteger()))
    .with_for_update(skip_locked=True, key_share=True)
)
_one = update_of(outbox).where(outbox.c.id == bindparam("notice_id"))
_SENT = ShopStatement(_one.values(sent_at=func.now(), due_at=None, attempts=outbox.c.attempts + 1))
_FAILED = ShopStatement(_one.values(due_at=bindparam("due_at"), attempts=outbox.c.attempts + 1))


class PostgresOutbox:
    """Notices on their way out of one shop."""

    def __init__(self, scope: ShopScope, stage: Callable[[Notice], None]) -> None:
        self._scope = scope
        self._stage = stage

    def add(self, notice: Notice) -> None:
        self._stage(notice)

    async def claim(self, *, limit: int) -> list[DueNotice]:
        return [
            DueNotice(
                id=row["id"],
                shop_id=self._scope.shop_id,
                client_id=row["client_id"],
                kind=NoticeKind(row["kind"]),
                at=row["at"],
                payload=_payload.decode(row["payload"]),
                attempts=row["attempts"],
            )
            for row in await self._scope.rows(_CLAIM, limit=limit)
        ]

    async def sent(self, notice_id: NoticeId) -> None:
        await self._scope.run(_SENT, notice_id=notice_id)

    async def failed(self, notice_id: NoticeId, *, due_at: datetime) -> None:
        await self._scope.run(_FAILED, notice_id=notice_id, due_at=due_at)
