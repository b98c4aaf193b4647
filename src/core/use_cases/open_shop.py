"""A new shop with its owner."""

import re
from collections.abc import Container

from core.errors import InvalidField, SlugTaken
from core.ids import ShopId, StaffId
from core.shop import MINOR_UNIT_DIGITS, Language, ShopSettings, require_time_zone
from core.staff import Permission, StaffMember, clean_email, require_password
from core.text import clean, has_control_character
from core.use_cases.retried import retried
from ports.directory import Directory
from ports.security import Clock, Fresh, Passwords
from ports.transactions import Transactions

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class OpenShop:
    """The first staff member of a shop is its owner and has all permissions (R25)."""

    def __init__(
        self,
        transactions: Transactions,
        directory: Directory,
        passwords: Passwords,
        common_passwords: Container[str],
        fresh: Fresh,
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._directory = directory
        self._passwords = passwords
        self._common_passwords = common_passwords
        self._fresh = fresh
        self._clock = clock

    async def __call__(
        self,
        *,
        name: str,
        slug: str,
        currency: str,
        time_zone: str,
        owner_name: str,
        owner_email: str,
        owner_password: str,
        language: Language = Language.EN,
    ) -> ShopSettings:
        if not (_SLUG.fullmatch(slug) and 2 <= len(slug) <= 63):
            raise InvalidField("slug", "must be 2 to 63 small letters, digits and single hyphens, such as main-street")
        if currency not in MINOR_UNIT_DIGITS:
            raise InvalidField("currency", "must be an ISO 4217 code, such as USD")
        require_password(owner_password, common=self._common_passwords)
        shop = ShopSettings(
            id=ShopId(self._fresh.id()),
            name=_require_name(name, "name"),
            slug=slug,
            currency=currency,
            time_zone=require_time_zone(time_zone),
            quickbooks_connected=False,
            language=language,
        )
        owner = StaffMember(
            id=StaffId(self._fresh.id()),
            name=_require_name(owner_name, "owner_name"),
            email=clean_email(owner_email, field="owner_email"),
            permissions=frozenset(Permission),
            active=True,
            created_at=self._clock.now(),
        )
        await self._open(shop, owner, await self._passwords.hash(owner_password))
        return shop

    @retried
    async def _open(self, shop: ShopSettings, owner: StaffMember, password_hash: str) -> None:
        if await self._directory.shop_of(shop.slug) is not None:
            raise SlugTaken
        async with self._transactions.at_shop(shop.id) as opened:
            await opened.settings.open_shop(shop)
            await opened.staff.add(owner, password_hash=password_hash)


def _require_name(name: str, field: str) -> str:
    name = clean(name)
    if not 1 <= len(name) <= 200 or has_control_character(name, multiline=False):
        raise InvalidField(field, "must have 1 to 200 characters, without control characters")
    return name
