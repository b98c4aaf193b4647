"""See :class:`ports.verification.Witnesses`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, literal_column, not_

from adapters.postgres.accounts import readable
from adapters.postgres.shop_scope import ShopScope, ShopStatement, one_of, select_of
from adapters.postgres.tables import idempotency_records, ledger_entries, outbox, payments
from core.kept_answers import Done, StoredAnswer
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
_ANSWERS_OF_ONE_MOMENT = ShopStatement(
    _answers.where(
        idempotency_records.c.recorded_at.in_(
            select_of(idempotency_records, idempotency_records.c.recorded_at)
            .where(_of_something_made)
            .group_by(idempotency_records.c.recorded_at)
            .having(func.count() > literal_column("1"))
        )
    )
)
_ENTRIES = ShopStatement(
    select_of(
        ledger_entries,
        *(ledger_entries.c[name] for name in ("id", "client_id", "invoice_id")),
        readable(ledger_entries.c.at),
        *(ledger_entries.c[name] for name in ("number", "amount", "balance_after")),
    ).where(one_of(ledger_entries.c.id, "ids"))
)
_PAYMENTS = ShopStatement(
    select_of(
        payments,
        *(payments.c[name] for name in ("id", "client_id", "invoice_id")),
        readable(payments.c.recorded_at),
    ).where(one_of(payments.c.id, "ids"))
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
        return [StoredAnswer(*row) for row in await self._scope.rows(_ANSWERS_OF_ONE_MOMENT)]

    async def done(self, ids: Sequence[UUID]) -> dict[UUID, Done]:
        entries = await self._scope.rows(_ENTRIES, ids=ids)
        found = {row[0]: Done(*row) for row in entries}
        if len(found) < len(ids):
            found |= {row[0]: Done(*row) for row in await self._scope.rows(_PAYMENTS, ids=ids)}
        return found
