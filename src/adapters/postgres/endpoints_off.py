"""See :class:`ports.endpoints_off.EndpointsOff`."""

from datetime import datetime

from msgspec import convert
from sqlalchemy import TIMESTAMP, BigInteger, bindparam, literal_column

from adapters.postgres.shop_scope import ShopScope, ShopStatement, one_of, select_of, update_of
from adapters.postgres.tables import staff, webhook_endpoints
from core.ids import EndpointId
from ports.endpoints_off import EndpointOff, Person

_limit = bindparam("limit", type_=BigInteger())
_TO_TELL = ShopStatement(
    select_of(webhook_endpoints, *(webhook_endpoints.c[name] for name in ("id", "url", "off_reason", "off_since")))
    .where(webhook_endpoints.c.tell_owner_at <= bindparam("at"))
    .order_by(webhook_endpoints.c.tell_owner_at)
    .limit(_limit)
    .with_for_update(key_share=True, skip_locked=True)
)
_CLAIM = ShopStatement(
    update_of(webhook_endpoints)
    .where(one_of(webhook_endpoints.c.id, "endpoints"))
    .values(tell_owner_at=bindparam("until"))
)
_PEOPLE = ShopStatement(
    select_of(staff, *(staff.c[name] for name in ("id", "name", "email")))
    .where(staff.c.active, literal_column("'manage_settings'") == staff.c.permissions.any_())
    .order_by(staff.c.id)
    .limit(_limit)
)
_ours = update_of(webhook_endpoints).where(
    webhook_endpoints.c.id == bindparam("endpoint"),
    webhook_endpoints.c.tell_owner_at == bindparam("claimed_until", type_=TIMESTAMP(timezone=True)),
)
_TOLD = ShopStatement(_ours.values(tell_owner_at=None, owner_told_at=bindparam("told_at")))
_GIVE_UP = ShopStatement(_ours.values(tell_owner_at=None))


class PostgresEndpointsOff:
    """Those of one shop."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def claim(self, *, at: datetime, until: datetime, limit: int) -> list[EndpointOff]:
        rows = await self._scope.rows(_TO_TELL, at=at, limit=limit)
        await self._scope.run(_CLAIM, endpoints=[row["id"] for row in rows], until=until)
        return convert([dict(row) for row in rows], list[EndpointOff])

    async def people(self, *, limit: int) -> list[Person]:
        return convert([dict(row) for row in await self._scope.rows(_PEOPLE, limit=limit)], list[Person])

    async def told(self, endpoint_id: EndpointId, *, claimed_until: datetime, at: datetime) -> None:
        await self._scope.run(_TOLD, endpoint=endpoint_id, claimed_until=claimed_until, told_at=at)

    async def give_up(self, endpoint_id: EndpointId, *, claimed_until: datetime) -> None:
        await self._scope.run(_GIVE_UP, endpoint=endpoint_id, claimed_until=claimed_until)
