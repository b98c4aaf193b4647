"""Who asks, at which shop, and the shop's settings."""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from core.ids import StaffId
from core.shop import Language, require_time_zone
from core.staff import ActorKind, Caller, Permission
from core.use_cases.retried import retried
from core.views import ActorView, MeView, ShopView, shop_view, sorted_permissions
from ports.transactions import Transactions


class ShowMe:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller) -> MeView:
        async with self._transactions.for_shop(caller) as shop:
            asker = await shop.admit()
            staff = await shop.staff.view(StaffId(asker.id)) if asker.kind == ActorKind.STAFF else None
            return MeView(
                by=ActorView(asker.kind, asker.id, asker.name),
                staff=staff,
                shop=shop_view(await shop.settings.read()),
                permissions=sorted_permissions(asker.permissions),
            )


class ShowShop:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller) -> ShopView:
        async with self._transactions.for_shop(caller) as shop:
            return shop_view(await shop.settings.read())


class ShopEdit(Struct, frozen=True, kw_only=True):
    """What to change of a shop; ``None``, for its e-mail address ``UNSET``, leaves a field as it is. Currency and slug
    never change.
    """

    name: str | None = None
    time_zone: str | None = None
    quickbooks_connected: bool | None = None
    language: Language | None = None
    email_notices: bool | None = None
    email: str | UnsetType | None = UNSET


class EditShop:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, edit: ShopEdit) -> ShopView:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit_alone(Permission.MANAGE_SETTINGS)
            if edit.time_zone is not None:
                require_time_zone(edit.time_zone)
            changes = {
                name: value
                for name, value in msgspec.structs.asdict(edit).items()
                if value is not UNSET and (value is not None or name == "email")
            }
            changed = msgspec.structs.replace(await shop.settings.read(), **changes)
            await shop.settings.change(changed)
            return shop.answer(200, shop_view(changed))
