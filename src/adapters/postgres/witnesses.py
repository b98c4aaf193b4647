"""See :class:`ports.verification.Witnesses`."""

from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, any_, bindparam, func, literal_column, not_

from adapters.postgres.accounts import readable
from adapters.postgres.shop_scope import ShopScope, ShopStatement, select_of
from adapters.postgres.tables import idempotency_records, outbox
from core.kept_answers import StoredAnswer
from core.told import StoredNotice

# As in accounts.py.
_NOTICES_A_PAGE: Any = literal_column("1000")
_ANSWERS_A_PAGE: Any = literal_column("500")

_NOTICES = ShopStatement(
    select_of(outbox, outbox.c.id, outbox.c.client_id, outbox.c.kind, readable(outbox.c.at), outbox.c.payload)
    .where(outbox.c.id > bindparam("after"))
    .order_by(outbox.c.id)
    .limit(_NOTICES_A_PAGE)
)

_recorded_at = readable(idempotency_records.c.recorded_at)
_of_something_made = (idempotency_records.c.status == literal_column("201")) & not_(idempotency_records.c.sealed)
_answers = select_of(idempotency_records, idempotency_records.c.key, _recorded_at, idempotency_records.c.body).where(
    _of_something_made
)
_ANSWERS = ShopStatement(
    _answers.where(idempotency_records.c.key > bindparam("after"))
    .order_by(idempotency_records.c.key)
    .limit(_ANSWERS_A_PAGE)
)
# Two statements: as one, a planner without statistics may go through the table once for each of its rows.
_MOMENTS_OF_MORE_THAN_ONE = ShopStatement(
    select_of(idempotency_records, _recorded_at)
    .where(_of_something_made)
    .group_by(idempotency_records.c.recorded_at)
    .having(func.count() > literal_column("1"))
)
_ANSWERS_OF_MOMENTS = ShopStatement(
    _answers.where(
        idempotency_records.c.recorded_at
        == any_(bindparam("moments", type_=ARRAY(idempotency_records.c.recorded_at.type)))
    )
)


class PostgresWitnesses:
    """What tells of one shop's ledger beside it."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def notices(self, *, after: UUID) -> list[StoredNotice]:
        return [StoredNotice(*row) for row in await self._scope.rows(_NOTICES, after=after)]

    async def answers(self, *, after: str) -> list[StoredAnswer]:
        return [StoredAnswer(*row) for row in await self._scope.rows(_ANSWERS, after=after)]

    async def answers_of_one_moment(self) -> list[StoredAnswer]:
        moments = [moment for (moment,) in await self._scope.rows(_MOMENTS_OF_MORE_THAN_ONE)]
        rows = await self._scope.rows(_ANSWERS_OF_MOMENTS, moments=moments) if moments else []
        return [StoredAnswer(*row) for row in rows]
