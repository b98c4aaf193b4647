"""What is known across shops: which slug is whose, who has something due, where sign-ins fail."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from core.ids import ShopId


class Directory(Protocol):
    async def shop_of(self, slug: str) -> ShopId | None: ...

    async def shops(self) -> list[tuple[str, ShopId]]:
        """All shops, by slug."""
        ...

    async def with_notices_to_route(self) -> list[ShopId]: ...

    async def with_deliveries_due(self, *, at: datetime) -> list[ShopId]: ...

    async def with_owners_to_tell(self, *, at: datetime) -> list[ShopId]: ...

    async def failures_from(self, address: str, *, since: datetime) -> list[datetime]:
        """When signing in from this address failed, oldest first."""
        ...

    async def failed_from(self, address: str, *, at: datetime, failure_id: UUID) -> None: ...

    async def did_not_fail_from(self, address: str, *, at: datetime, failure_id: UUID) -> None:
        """Take back what :meth:`failed_from` counted."""
        ...
