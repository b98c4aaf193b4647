"""Signing in at one shop: passwords, failures, sessions and their refresh tokens."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from core.ids import StaffId
from core.staff import Permission


class Password(Struct, frozen=True):
    """What is needed to check a sign-in."""

    staff_id: StaffId
    password_hash: str
    active: bool


class RefreshToken(Struct, frozen=True, kw_only=True):
    """A refresh token as it is kept, with its session (the family of tokens of one sign-in), which is locked."""

    id: UUID
    session_id: UUID
    staff_id: StaffId
    secret_hash: bytes
    expires_at: datetime
    used: bool
    session_ended: bool
    staff_active: bool


class ConsoleSession(Struct, frozen=True, kw_only=True):
    """A session in a browser as it is kept, with who began it as the shop's tables say now."""

    id: UUID
    secret_hash: bytes
    started_at: datetime
    seen_at: datetime
    ended: bool
    staff_id: StaffId
    name: str
    permissions: frozenset[Permission]
    active: bool


class SignIns(Protocol):
    async def password(self, email: str) -> Password | None: ...

    async def lock_password(self, email: str) -> Password | None:
        """The same as it is now; it stays until the transaction ends."""
        ...

    async def failures(self, email: str, *, since: datetime) -> list[datetime]:
        """When signing in with this e-mail failed, oldest first."""
        ...

    async def failed(self, email: str, *, at: datetime, failure_id: UUID) -> None: ...

    async def did_not_fail(self, email: str, *, at: datetime, failure_id: UUID) -> None:
        """Take back what :meth:`failed` counted."""
        ...

    async def forget_failures(self, email: str) -> None: ...

    async def came_from(self, staff_id: StaffId, address: str, *, since: datetime) -> bool:
        """Whether the staff member began a session from that address since then."""
        ...

    async def start_session(self, session_id: UUID, staff_id: StaffId, *, address: str, at: datetime) -> None: ...

    async def add_token(
        self, token_id: UUID, session_id: UUID, *, secret_hash: bytes, expires_at: datetime
    ) -> None: ...

    async def lock_token(self, token_id: UUID) -> RefreshToken | None: ...

    async def use_token(self, token_id: UUID, *, at: datetime) -> None: ...

    async def end_session(self, session_id: UUID, *, at: datetime) -> None: ...

    async def end_sessions_of(self, staff_id: StaffId, *, at: datetime) -> None: ...

    async def open_in_browser(self, session_id: UUID, *, secret_hash: bytes, at: datetime) -> None:
        """Let a session that was just started go on in a browser."""
        ...

    async def console_session(self, session_id: UUID) -> ConsoleSession | None: ...

    async def seen(self, session_id: UUID, *, at: datetime) -> None:
        """Somebody used the session in their browser."""
        ...
