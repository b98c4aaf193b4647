"""See :class:`ports.settings.Settings`."""

from msgspec import convert
from sqlalchemy import bindparam, func

from adapters.postgres.shop_scope import ShopScope, ShopStatement, insert_into, select_of, update_of
from adapters.postgres.tables import invoice_counters, shop_slugs, shops
from core.errors import NotFound
from core.shop import Shop

_READ = ShopStatement(
    select_of(
        shops,
        shops.c.shop_id.label("id"),
        shops.c.name,
        shops.c.slug,
        shops.c.currency,
        shops.c.time_zone,
        shops.c.quickbooks_connected,
    )
)
_LOCK = ShopStatement(select_of(shops, shops.c.shop_id).with_for_update(key_share=True))
_CHANGE = ShopStatement(
    update_of(shops).values(
        name=bindparam("name"),
        time_zone=bindparam("time_zone"),
        quickbooks_connected=bindparam("quickbooks_connected"),
    )
)
_OPEN = ShopStatement(
    insert_into(shops, "name", "slug", "currency", "time_zone", "quickbooks_connected").values(created_at=func.now())
)
_TAKE_SLUG = ShopStatement(insert_into(shop_slugs, "slug"))
_START_COUNTER = ShopStatement(insert_into(invoice_counters).values(last_number=0))


class PostgresSettings:
    """The settings of one shop."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def read(self) -> Shop:
        row = await self._scope.row(_READ)
        if row is None:
            raise NotFound
        return convert(dict(row), Shop)

    async def lock(self) -> None:
        await self._scope.value(_LOCK)

    async def change(self, shop: Shop) -> None:
        await self._scope.run(
            _CHANGE, name=shop.name, time_zone=shop.time_zone, quickbooks_connected=shop.quickbooks_connected
        )

    async def open_shop(self, shop: Shop) -> None:
        await self._scope.run(_TAKE_SLUG, slug=shop.slug)
        await self._scope.run(
            _OPEN,
            name=shop.name,
            slug=shop.slug,
            currency=shop.currency,
            time_zone=shop.time_zone,
            quickbooks_connected=shop.quickbooks_connected,
        )
        await self._scope.run(_START_COUNTER)
