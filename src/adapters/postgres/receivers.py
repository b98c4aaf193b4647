"""See :class:`ports.receivers.Receivers`."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import TIMESTAMP, bindparam, case, func

from adapters.postgres.shop_scope import ShopScope, ShopStatement, of_shop, one_of, select_of, update_of
from adapters.postgres.tables import clients, credit_accounts, shops, webhook_endpoints
from core.deliveries import EmailReceiver, Health, OffReason, Subscription, WebhookReceiver
from core.errors import NotFound
from core.ids import ClientId, EndpointId, ReceiverId
from core.notices import NoticeKind

_endpoint = webhook_endpoints.c.id == bindparam("endpoint")
_on = (webhook_endpoints.c.off_since.is_(None), webhook_endpoints.c.deleted_at.is_(None))
_health = [webhook_endpoints.c[name] for name in ("failing_since", "quiet_until", "off_since", "off_reason")]

_SUBSCRIPTIONS = ShopStatement(
    select_of(webhook_endpoints, webhook_endpoints.c.id, webhook_endpoints.c.kinds).where(*_on)
)
_WEBHOOK = ShopStatement(
    select_of(
        webhook_endpoints,
        *(webhook_endpoints.c[name] for name in ("id", "url", "secret")),
        case((webhook_endpoints.c.previous_secret_until > bindparam("at"), webhook_endpoints.c.previous_secret)).label(
            "previous_secret"
        ),
    ).where(_endpoint, *_on)
)
_HEALTH = ShopStatement(select_of(webhook_endpoints, *_health).where(_endpoint))
_LOCK_HEALTH = ShopStatement(select_of(webhook_endpoints, *_health).where(_endpoint).with_for_update(key_share=True))
_CHANGE_HEALTH = ShopStatement(
    update_of(webhook_endpoints)
    .where(webhook_endpoints.c.id == bindparam("the_endpoint"))
    .values(
        **{c.name: bindparam(f"the_{c.name}") for c in _health},
        tell_owner_at=case(
            (
                webhook_endpoints.c.deleted_at.is_(None),
                func.coalesce(
                    bindparam("the_tell_owner_at", type_=TIMESTAMP(timezone=True)), webhook_endpoints.c.tell_owner_at
                ),
            )
        ),
    )
)
_COUNT_OFF = ShopStatement(
    select_of(webhook_endpoints, func.count()).where(
        webhook_endpoints.c.off_reason != OffReason.BY_STAFF.value, webhook_endpoints.c.deleted_at.is_(None)
    )
)
_EMAILED = ShopStatement(
    select_of(clients, clients.c.id, clients.c.name, clients.c.email)
    .join(credit_accounts, of_shop(credit_accounts) & (credit_accounts.c.client_id == clients.c.id))
    .join(shops, of_shop(shops))
    .where(
        one_of(clients.c.id, "clients"),
        shops.c.email_notices,
        clients.c.email_notices,
        clients.c.email.is_not(None),
        credit_accounts.c.closed_at.is_(None),
    )
)


class PostgresReceivers:
    """Who is told of what happens at one shop."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def subscriptions(self) -> list[Subscription]:
        return [
            Subscription(ReceiverId(row["id"]), frozenset(map(NoticeKind, row["kinds"])))
            for row in await self._scope.rows(_SUBSCRIPTIONS)
        ]

    async def emailed(self, client_ids: Sequence[ClientId]) -> dict[ClientId, EmailReceiver]:
        rows = await self._scope.rows(_EMAILED, clients=list(client_ids))
        return {row["id"]: EmailReceiver(address=row["email"], client_name=row["name"]) for row in rows}

    async def count_off(self) -> int:
        count: int = await self._scope.value(_COUNT_OFF)
        return count

    async def webhook(self, receiver_id: ReceiverId, *, at: datetime) -> WebhookReceiver | None:
        row = await self._scope.row(_WEBHOOK, endpoint=receiver_id, at=at)
        if row is None:
            return None
        secrets = tuple(secret for secret in (row["secret"], row["previous_secret"]) if secret is not None)
        return WebhookReceiver(endpoint_id=EndpointId(row["id"]), url=row["url"], secrets=secrets)

    async def health(self, receiver_id: ReceiverId, *, lock: bool = False) -> Health:
        row = await self._scope.row(_LOCK_HEALTH if lock else _HEALTH, endpoint=receiver_id)
        if row is None:
            raise NotFound
        return Health(
            failing_since=row["failing_since"],
            quiet_until=row["quiet_until"],
            off_since=row["off_since"],
            off_reason=None if row["off_reason"] is None else OffReason(row["off_reason"]),
        )

    async def change_health(
        self, receiver_id: ReceiverId, health: Health, *, tell_owner_at: datetime | None = None
    ) -> None:
        await self._scope.run(
            _CHANGE_HEALTH,
            the_endpoint=receiver_id,
            the_failing_since=health.failing_since,
            the_quiet_until=health.quiet_until,
            the_off_since=health.off_since,
            the_off_reason=None if health.off_reason is None else health.off_reason.value,
            the_tell_owner_at=tell_owner_at,
        )
