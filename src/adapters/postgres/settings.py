"""See :class:`ports.settings.Settings`."""

from msgspec import convert
from sqlalchemy import bindparam, func

from adapters.postgres.shop_scope import ShopScope, ShopStatement, insert_into, select_of, update_of
from adapters.postgres.tables import invoice_counters, shop_slugs, shops
from core.errors import NotFound
from core.shop import ShopSettings

_CHANGING = ("name", "time_zone", "quickbooks_connected", "language", "email_notices", "email")

_READ = ShopStatement(
    select_of(
        shops,
        shops.c.shop_id.label("id"),
        shops.c.slug,
        shops.c.currency,
        *(shops.c[name] for name in _CHANGING),
    )
)
_LOCK = ShopStatement(select_of(shops, shops.c.shop_id).with_for_update(key_share=True))
_CHANGE = ShopStatement(update_of(shops).values({name: bindparam(name) for name in _CHANGING}))
_OPEN = ShopStatement(insert_into(shops, "slug", "currency", *_CHANGING).values(created_at=func.now()))
_TAKE_SLUG = ShopStatement(insert_into(shop_slugs, "slug"))
_START_COUNTER = ShopStatement(insert_into(invoice_counters).values(last_number=0))


class PostgresSettings:
    """The settings of one shop."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def read(self) -> ShopSettings:
        row = await self._scope.row(_READ)
        if row is None:
            raise NotFound
        return convert(dict(row), ShopSettings)

    async def lock(self) -> None:
        await self._scope.value(_LOCK)

    async def change(self, shop: ShopSettings) -> None:
        await self._scope.run(_CHANGE, **_changing(shop))

    async def open_shop(self, shop: ShopSettings) -> None:
        await self._scope.run(_TAKE_SLUG, slug=shop.slug)
        await self._scope.run(_OPEN, slug=shop.slug, currency=shop.currency, **_changing(shop))
        await self._scope.run(_START_COUNTER)


def _changing(shop: ShopSettings) -> dict[str, object]:
    return {name: getattr(shop, name) for name in _CHANGING}
