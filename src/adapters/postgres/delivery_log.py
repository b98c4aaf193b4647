"""See :class:`ports.delivery_log.DeliveryLog`."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from msgspec import convert
from sqlalchemy import ARRAY, BigInteger, Text, any_, bindparam, exists, func, literal_column, true, tuple_

from adapters.postgres.paging import page_of
from adapters.postgres.shop_scope import Record, ShopScope, ShopStatement, of_shop, one_of, select_of
from adapters.postgres.tables import clients, deliveries, delivery_attempts, outbox, webhook_endpoints
from core.deliveries import BY_EMAIL, Channel, DeliveryState, channel_of
from core.errors import NotFound
from core.ids import ClientId, DeliveryId, EndpointId, NoticeId, ReceiverId
from core.notices import NoticeKind
from core.views import Page, Position
from core.webhook_views import DeliveryAttemptView, DeliveryView

SHOWN_ATTEMPTS = 10
_CLOCKS_APART = timedelta(days=1)
"""Ids have the time of the program's clock in them, notices that of the database's."""

_views = select_of(
    deliveries,
    *(
        deliveries.c[name]
        for name in (
            *("id", "receiver_id", "client_id", "notice_id", "notice_at", "kind"),
            *("state", "attempts", "next_attempt_at", "settled_at"),
        )
    ),
)
_ONE = ShopStatement(_views.where(deliveries.c.id == bindparam("delivery_id")))
_CLIENT = ShopStatement(select_of(clients, clients.c.id).where(clients.c.id == bindparam("client_id")))
_ATTEMPTS = ShopStatement(
    select_of(
        delivery_attempts,
        *(delivery_attempts.c[name] for name in ("delivery_id", "number", "at", "duration_ms", "accepted", "answer")),
    )
    .join(deliveries, of_shop(deliveries) & (deliveries.c.id == delivery_attempts.c.delivery_id))
    .where(
        one_of(delivery_attempts.c.delivery_id, "delivery_ids"),
        delivery_attempts.c.number > deliveries.c.attempts - SHOWN_ATTEMPTS,
    )
    .order_by(delivery_attempts.c.delivery_id, delivery_attempts.c.number.desc())
)


_failed_lately = (
    select_of(deliveries, literal_column("1").label("failed"))
    .where(deliveries.c.state == literal_column("'failed'"), deliveries.c.notice_id >= bindparam("id_from"))
    .limit(bindparam("most", type_=BigInteger()))
)
_FAILED_EMAILS = ShopStatement(_failed_lately.where(deliveries.c.receiver_id == bindparam("receiver")))
_of_endpoint = _failed_lately.where(deliveries.c.receiver_id == webhook_endpoints.c.id).lateral("failed")
_FAILED_WEBHOOKS = ShopStatement(
    select_of(webhook_endpoints, webhook_endpoints.c.id, func.count())
    .join(_of_endpoint, true())
    .where(webhook_endpoints.c.deleted_at.is_(None))
    .group_by(webhook_endpoints.c.id)
)


@cache
def _page_statement(*, of_client: bool, state: DeliveryState | None, after: bool) -> ShopStatement:
    column = deliveries.c.client_id if of_client else deliveries.c.receiver_id
    statement = _views.where(column == bindparam("whose"))
    if state is not None:
        # As the partial indexes say it.
        statement = statement.where(deliveries.c.state == literal_column(f"'{state}'"))
    key = [deliveries.c.notice_id, deliveries.c.id]
    if after:
        position = tuple_(*(bindparam(f"after_{each.name}", type_=each.type) for each in key))
        statement = statement.where(tuple_(*key) < position)
    newest_first = [each.desc() for each in key]
    return ShopStatement(statement.order_by(*newest_first).limit(bindparam("limit", type_=BigInteger())))


@cache
def _notices_statement(*, at_from: bool, at_before: bool, missed: bool) -> ShopStatement:
    """By id, which has an index and begins with the time, and then by the time itself."""
    statement = select_of(outbox, outbox.c.id).where(
        outbox.c.due_at.is_(None), outbox.c.kind == any_(bindparam("kinds", type_=ARRAY(Text())))
    )
    if at_from:
        statement = statement.where(outbox.c.id >= bindparam("id_from"), outbox.c.at >= bindparam("at_from"))
    if at_before:
        statement = statement.where(outbox.c.id < bindparam("id_before"), outbox.c.at < bindparam("at_before"))
    if missed:
        arrives = exists(
            select_of(deliveries, literal_column("1")).where(
                deliveries.c.receiver_id == bindparam("receiver"),
                deliveries.c.notice_id == outbox.c.id,
                deliveries.c.state != literal_column("'failed'"),
            )
        )
        statement = statement.where(~arrives)
    return ShopStatement(statement.order_by(outbox.c.at, outbox.c.id).limit(bindparam("limit", type_=BigInteger())))


class PostgresDeliveryLog:
    """The log of one shop's deliveries."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def of_endpoint(
        self, endpoint_id: EndpointId, *, state: DeliveryState | None, after: Position | None, limit: int
    ) -> Page[DeliveryView]:
        return await self._page(endpoint_id, of_client=False, state=state, after=after, limit=limit)

    async def of_emails(self, *, state: DeliveryState | None, after: Position | None, limit: int) -> Page[DeliveryView]:
        return await self._page(BY_EMAIL, of_client=False, state=state, after=after, limit=limit)

    async def failed_since(self, moment: datetime, *, most: int) -> dict[ReceiverId, int]:
        id_from = _first_id(moment, -_CLOCKS_APART)
        emails = await self._scope.rows(_FAILED_EMAILS, receiver=BY_EMAIL, id_from=id_from, most=most)
        of_endpoints = await self._scope.rows(_FAILED_WEBHOOKS, id_from=id_from, most=most)
        return {**({BY_EMAIL: len(emails)} if emails else {}), **{row[0]: row[1] for row in of_endpoints}}

    async def of_client(
        self, client_id: ClientId, *, state: DeliveryState | None, after: Position | None, limit: int
    ) -> Page[DeliveryView]:
        if await self._scope.value(_CLIENT, client_id=client_id) is None:
            raise NotFound
        return await self._page(client_id, of_client=True, state=state, after=after, limit=limit)

    async def view(self, delivery_id: DeliveryId) -> DeliveryView:
        [view] = await self._views([await self._one(delivery_id)])
        return view

    async def receiver_and_notice(self, delivery_id: DeliveryId) -> tuple[ReceiverId, NoticeId]:
        row = await self._one(delivery_id)
        return row["receiver_id"], row["notice_id"]

    async def notices_between(
        self,
        at_from: datetime | None,
        at_before: datetime | None,
        *,
        kinds: Collection[NoticeKind],
        missed_by: EndpointId | None,
        limit: int,
    ) -> list[NoticeId]:
        rows = await self._scope.rows(
            _notices_statement(
                at_from=at_from is not None, at_before=at_before is not None, missed=missed_by is not None
            ),
            at_from=at_from,
            at_before=at_before,
            id_from=_first_id(at_from, -_CLOCKS_APART),
            id_before=_first_id(at_before, _CLOCKS_APART),
            kinds=sorted(kinds),
            receiver=missed_by,
            limit=limit,
        )
        return [row["id"] for row in rows]

    async def _page(
        self, whose: UUID, *, of_client: bool, state: DeliveryState | None, after: Position | None, limit: int
    ) -> Page[DeliveryView]:
        after_notice_id, after_id = after or (None, None)
        rows = await self._scope.rows(
            _page_statement(of_client=of_client, state=state, after=after is not None),
            whose=whose,
            after_notice_id=after_notice_id,
            after_id=after_id,
            limit=limit + 1,
        )
        page = page_of(rows, limit, lambda row: (str(row["notice_id"]), str(row["id"])))
        return Page(await self._views(page.items), page.next_position)

    async def _one(self, delivery_id: DeliveryId) -> Record:
        row = await self._scope.row(_ONE, delivery_id=delivery_id)
        if row is None:
            raise NotFound
        return row

    async def _views(self, rows: Collection[Record]) -> list[DeliveryView]:
        attempts: dict[UUID, list[DeliveryAttemptView]] = {row["id"]: [] for row in rows}
        if rows:
            for row in await self._scope.rows(_ATTEMPTS, delivery_ids=list(attempts)):
                attempts[row["delivery_id"]].append(convert(dict(row), DeliveryAttemptView))
        return [_view(row, attempts[row["id"]]) for row in rows]


def _view(row: Record, attempts: list[DeliveryAttemptView]) -> DeliveryView:
    channel = channel_of(row["receiver_id"])
    return DeliveryView(
        id=row["id"],
        channel=channel,
        endpoint_id=row["receiver_id"] if channel is Channel.WEBHOOK else None,
        client_id=row["client_id"],
        notice_id=row["notice_id"],
        kind=NoticeKind(row["kind"]),
        at=row["notice_at"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        next_attempt_at=row["next_attempt_at"],
        settled_at=row["settled_at"],
        latest_attempts=attempts,
    )


def _first_id(moment: datetime | None, shift: timedelta) -> UUID | None:
    """The lowest UUIDv7 of that moment (RFC 9562, 5.7), shifted as far as time goes."""
    if moment is None:
        return None
    milliseconds = int((moment.timestamp() + shift.total_seconds()) * 1000)
    return UUID(int=min(max(milliseconds, 0), 2**48 - 1) << 80)
