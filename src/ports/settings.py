"""The settings of one shop."""

from typing import Protocol

from core.shop import ShopSettings


class Settings(Protocol):
    async def read(self) -> ShopSettings: ...

    async def lock(self) -> None:
        """Let nobody else change the shop's settings, staff or keys until the transaction ends."""
        ...

    async def change(self, shop: ShopSettings) -> None:
        """All but slug and currency, which stay."""
        ...

    async def open_shop(self, shop: ShopSettings) -> None:
        """A new shop, with its slug in the directory."""
        ...
