"""See :class:`ports.webhook_endpoints.WebhookEndpoints`."""

from datetime import datetime

from msgspec import convert
from sqlalchemy import BigInteger, BindParameter, bindparam, func, literal_column

from adapters.postgres.paging import page_of
from adapters.postgres.shop_scope import ShopScope, ShopStatement, insert_into, select_of, update_of
from adapters.postgres.tables import webhook_endpoints
from core.errors import NotFound
from core.ids import EndpointId
from core.views import Page, Position
from core.webhook_views import WebhookEndpointView, webhook_endpoint_fields
from core.webhooks import WebhookEndpoint
from ports.webhook_endpoints import SealedSecrets

_columns = webhook_endpoints.c
_there = _columns.deleted_at.is_(None)
_FIELDS = ("id", "url", "description", "kinds", "created_at", "off_since", "off_reason", "failing_since")
_views = select_of(webhook_endpoints, *(_columns[name] for name in (*_FIELDS, "previous_secret_until"))).where(_there)
_this = _columns.id == bindparam("endpoint_id")
_limit = bindparam("limit", type_=BigInteger())
_ONE = ShopStatement(_views.where(_this))
_ONE_LOCKED = ShopStatement(_views.where(_this).with_for_update(key_share=True))
_FIRST = ShopStatement(_views.order_by(_columns.id).limit(_limit))
_NEXT = ShopStatement(_views.where(_columns.id > bindparam("after_id")).order_by(_columns.id).limit(_limit))
_COUNT = ShopStatement(select_of(webhook_endpoints, func.count()).where(_there))
_ADD = ShopStatement(insert_into(webhook_endpoints, "id", "url", "description", "kinds", "secret", "created_at"))
_change = update_of(webhook_endpoints).where(_columns.id == bindparam("the_endpoint"), _there)
_CHANGED = ("url", "description", "kinds", "off_since", "off_reason", "failing_since")
_changed: dict[str, BindParameter[object]] = {name: bindparam(f"the_{name}") for name in _CHANGED}
_CHANGE = ShopStatement(_change.values(**_changed))
_CHANGE_ANEW = ShopStatement(_change.values(**_changed, quiet_until=None, tell_owner_at=None))
_CHANGE_SECRET = ShopStatement(
    _change.values(
        secret=bindparam("the_secret"),
        previous_secret=_columns.secret,
        previous_secret_until=bindparam("the_previous_secret_until"),
    )
)
_DELETE = ShopStatement(
    _change.values(
        deleted_at=bindparam("the_time"),
        tell_owner_at=None,
        secret=literal_column("''"),
        previous_secret=None,
        previous_secret_until=None,
    )
)
_SECRETS = ShopStatement(
    select_of(webhook_endpoints, _columns.id, _columns.secret, _columns.previous_secret).where(_there)
)
_SEAL_ANEW = ShopStatement(
    _change.where(_columns.secret == bindparam("old_secret")).values(
        secret=bindparam("the_secret"), previous_secret=bindparam("the_previous_secret")
    )
)


class PostgresWebhookEndpoints:
    """The webhook endpoints of one shop."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def page(self, *, after: Position | None, limit: int) -> Page[WebhookEndpointView]:
        if after is None:
            rows = await self._scope.rows(_FIRST, limit=limit + 1)
        else:
            rows = await self._scope.rows(_NEXT, after_id=after[0], limit=limit + 1)
        endpoints = convert([dict(row) for row in rows], list[WebhookEndpoint])
        items = [WebhookEndpointView(**webhook_endpoint_fields(endpoint)) for endpoint in endpoints]
        return page_of(items, limit, lambda item: (str(item.id),))

    async def endpoint(self, endpoint_id: EndpointId, *, lock: bool = False) -> WebhookEndpoint:
        row = await self._scope.row(_ONE_LOCKED if lock else _ONE, endpoint_id=endpoint_id)
        if row is None:
            raise NotFound
        return convert(dict(row), WebhookEndpoint)

    async def count(self) -> int:
        count: int = await self._scope.value(_COUNT)
        return count

    async def add(self, endpoint: WebhookEndpoint, *, sealed_secret: bytes) -> None:
        await self._scope.run(
            _ADD,
            id=endpoint.id,
            url=endpoint.url,
            description=endpoint.description,
            kinds=sorted(endpoint.kinds),
            secret=sealed_secret,
            created_at=endpoint.created_at,
        )

    async def change(self, endpoint: WebhookEndpoint, *, anew: bool) -> None:
        await self._scope.run(
            _CHANGE_ANEW if anew else _CHANGE,
            the_endpoint=endpoint.id,
            the_url=endpoint.url,
            the_description=endpoint.description,
            the_kinds=sorted(endpoint.kinds),
            the_off_since=endpoint.off_since,
            the_off_reason=endpoint.off_reason,
            the_failing_since=endpoint.failing_since,
        )

    async def change_secret(self, endpoint_id: EndpointId, *, sealed_secret: bytes, previous_until: datetime) -> None:
        await self._scope.run(
            _CHANGE_SECRET,
            the_endpoint=endpoint_id,
            the_secret=sealed_secret,
            the_previous_secret_until=previous_until,
        )

    async def delete(self, endpoint_id: EndpointId, *, at: datetime) -> None:
        await self._scope.run(_DELETE, the_endpoint=endpoint_id, the_time=at)

    async def sealed_secrets(self) -> list[SealedSecrets]:
        rows = await self._scope.rows(_SECRETS)
        return [SealedSecrets(row["id"], row["secret"], row["previous_secret"]) for row in rows]

    async def seal_anew(self, old: SealedSecrets, new: SealedSecrets) -> bool:
        written = await self._scope.run(
            _SEAL_ANEW,
            the_endpoint=old.id,
            old_secret=old.secret,
            the_secret=new.secret,
            the_previous_secret=new.previous_secret,
        )
        return written == 1
