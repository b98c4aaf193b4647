"""The settings of one shop."""

from typing import Protocol

from core.shop import Shop


class Settings(Protocol):
    async def read(self) -> Shop: ...

    async def lock(self) -> None:
        """Let nobody else change the shop's settings, staff or keys until the transaction ends."""
        ...

    async def change(self, shop: Shop) -> None:
        """Name, time zone and the QuickBooks switch; slug and currency stay."""
        ...

    async def open_shop(self, shop: Shop) -> None:
        """A new shop, with its slug in the directory."""
        ...
