"""The staff members and API keys of one shop."""

from typing import Protocol

from core.ids import ApiKeyId, StaffId
from core.staff import ApiKey, StaffMember
from core.views import ApiKeyView, Page, Position, StaffView


class StaffRegister(Protocol):
    async def view(self, staff_id: StaffId) -> StaffView:
        """Raises NotFound."""
        ...

    async def page(self, *, after: Position | None, limit: int) -> Page[StaffView]:
        """Staff members in the order in which they came."""
        ...

    async def member(self, staff_id: StaffId) -> tuple[StaffMember, int]:
        """A staff member, and how many other active ones can manage staff. Raises NotFound."""
        ...

    async def email_taken(self, email: str, *, by_other_than: StaffId | None = None) -> bool: ...

    async def add(self, member: StaffMember, *, password_hash: str) -> None: ...

    async def change(self, member: StaffMember, *, password_hash: str | None) -> None:
        """``password_hash`` None: the password stays."""
        ...

    async def keys_page(self, *, after: Position | None, limit: int) -> Page[ApiKeyView]:
        """API keys in the order in which they were made; deleted ones are left out."""
        ...

    async def key_view(self, key_id: ApiKeyId) -> ApiKeyView:
        """Raises NotFound, also for one that was deleted."""
        ...

    async def add_key(self, key: ApiKey, *, secret_hash: bytes) -> None: ...

    async def delete_key(self, key_id: ApiKeyId) -> None:
        """Raises NotFound."""
        ...
