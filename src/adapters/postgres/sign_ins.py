"""See :class:`ports.sign_ins.SignIns`."""

from datetime import datetime
from hashlib import sha256
from uuid import UUID

from msgspec import convert
from sqlalchemy import bindparam

from adapters.postgres.shop_scope import (
    ShopScope,
    ShopStatement,
    delete_from,
    insert_into,
    of_shop,
    select_of,
    update_of,
)
from adapters.postgres.tables import console_sessions, refresh_tokens, sessions, sign_in_failures, staff
from core.ids import StaffId
from ports.sign_ins import ConsoleSession, Password, RefreshToken

_password = select_of(staff, staff.c.id.label("staff_id"), staff.c.password_hash, staff.c.active).where(
    staff.c.email == bindparam("email")
)
_PASSWORD = ShopStatement(_password)
_LOCK_PASSWORD = ShopStatement(_password.with_for_update(key_share=True))
_FAILURES = ShopStatement(
    select_of(sign_in_failures, sign_in_failures.c.at)
    .where(
        sign_in_failures.c.email_digest == bindparam("email_digest"),
        sign_in_failures.c.at > bindparam("since"),
    )
    .order_by(sign_in_failures.c.at)
)
_FAILED = ShopStatement(insert_into(sign_in_failures, "email_digest", "at", "id"))
_FORGET = ShopStatement(
    delete_from(sign_in_failures).where(sign_in_failures.c.email_digest == bindparam("email_digest"))
)
_DID_NOT_FAIL = ShopStatement(
    delete_from(sign_in_failures).where(
        sign_in_failures.c.email_digest == bindparam("email_digest"),
        sign_in_failures.c.at == bindparam("at"),
        sign_in_failures.c.id == bindparam("id"),
    )
)
_CAME_FROM = ShopStatement(
    select_of(sessions, sessions.c.id)
    .where(
        sessions.c.staff_id == bindparam("staff_id"),
        sessions.c.address_digest == bindparam("address_digest"),
        sessions.c.started_at > bindparam("since"),
    )
    .limit(1)
)
_START = ShopStatement(insert_into(sessions, "id", "staff_id", "started_at", "address_digest"))
_ADD_TOKEN = ShopStatement(insert_into(refresh_tokens, "id", "session_id", "secret_hash", "expires_at"))
_SESSION_OF_TOKEN = ShopStatement(
    select_of(refresh_tokens, refresh_tokens.c.session_id).where(refresh_tokens.c.id == bindparam("token_id"))
)
_LOCK_SESSION = ShopStatement(
    select_of(sessions, sessions.c.id).where(sessions.c.id == bindparam("session_id")).with_for_update(key_share=True)
)
_TOKEN = ShopStatement(
    select_of(
        refresh_tokens,
        refresh_tokens.c.id,
        refresh_tokens.c.session_id,
        sessions.c.staff_id,
        refresh_tokens.c.secret_hash,
        refresh_tokens.c.expires_at,
        refresh_tokens.c.used_at.is_not(None).label("used"),
        sessions.c.ended_at.is_not(None).label("session_ended"),
        staff.c.active.label("staff_active"),
    )
    .join(sessions, of_shop(sessions) & (sessions.c.id == refresh_tokens.c.session_id))
    .join(staff, of_shop(staff) & (staff.c.id == sessions.c.staff_id))
    .where(refresh_tokens.c.id == bindparam("token_id"))
)
_USE = ShopStatement(
    update_of(refresh_tokens).where(refresh_tokens.c.id == bindparam("token_id")).values(used_at=bindparam("at"))
)
_END = ShopStatement(
    update_of(sessions)
    .where(sessions.c.id == bindparam("session_id"), sessions.c.ended_at.is_(None))
    .values(ended_at=bindparam("at"))
)
_END_ALL = ShopStatement(
    update_of(sessions)
    .where(sessions.c.staff_id == bindparam("the_staff_id"), sessions.c.ended_at.is_(None))
    .values(ended_at=bindparam("at"))
)
_OPEN_IN_BROWSER = ShopStatement(insert_into(console_sessions, "session_id", "secret_hash", "seen_at"))
_CONSOLE_SESSION = ShopStatement(
    select_of(
        console_sessions,
        console_sessions.c.session_id.label("id"),
        console_sessions.c.secret_hash,
        sessions.c.started_at,
        console_sessions.c.seen_at,
        sessions.c.ended_at.is_not(None).label("ended"),
        sessions.c.staff_id,
        staff.c.name,
        staff.c.permissions,
        staff.c.active,
    )
    .join(sessions, of_shop(sessions) & (sessions.c.id == console_sessions.c.session_id))
    .join(staff, of_shop(staff) & (staff.c.id == sessions.c.staff_id))
    .where(console_sessions.c.session_id == bindparam("the_session_id"))
)
_SEEN = ShopStatement(
    update_of(console_sessions)
    .where(console_sessions.c.session_id == bindparam("the_session_id"), console_sessions.c.seen_at < bindparam("at"))
    .values(seen_at=bindparam("at"))
)


class PostgresSignIns:
    """Signing in at one shop."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def password(self, email: str) -> Password | None:
        row = await self._scope.row(_PASSWORD, email=email)
        return None if row is None else convert(dict(row), Password)

    async def lock_password(self, email: str) -> Password | None:
        row = await self._scope.row(_LOCK_PASSWORD, email=email)
        return None if row is None else convert(dict(row), Password)

    async def failures(self, email: str, *, since: datetime) -> list[datetime]:
        return [row["at"] for row in await self._scope.rows(_FAILURES, email_digest=_digest(email), since=since)]

    async def failed(self, email: str, *, at: datetime, failure_id: UUID) -> None:
        await self._scope.run(_FAILED, email_digest=_digest(email), at=at, id=failure_id)

    async def did_not_fail(self, email: str, *, at: datetime, failure_id: UUID) -> None:
        await self._scope.run(_DID_NOT_FAIL, email_digest=_digest(email), at=at, id=failure_id)

    async def forget_failures(self, email: str) -> None:
        await self._scope.run(_FORGET, email_digest=_digest(email))

    async def came_from(self, staff_id: StaffId, address: str, *, since: datetime) -> bool:
        found = await self._scope.value(_CAME_FROM, staff_id=staff_id, address_digest=_digest(address), since=since)
        return found is not None

    async def start_session(self, session_id: UUID, staff_id: StaffId, *, address: str, at: datetime) -> None:
        await self._scope.run(_START, id=session_id, staff_id=staff_id, started_at=at, address_digest=_digest(address))

    async def add_token(self, token_id: UUID, session_id: UUID, *, secret_hash: bytes, expires_at: datetime) -> None:
        await self._scope.run(
            _ADD_TOKEN, id=token_id, session_id=session_id, secret_hash=secret_hash, expires_at=expires_at
        )

    async def lock_token(self, token_id: UUID) -> RefreshToken | None:
        session_id = await self._scope.value(_SESSION_OF_TOKEN, token_id=token_id)
        if session_id is None:
            return None
        # Read by a later statement than the lock: two that refresh with one token must not both find it unused.
        await self._scope.value(_LOCK_SESSION, session_id=session_id)
        row = await self._scope.row(_TOKEN, token_id=token_id)
        return None if row is None else convert(dict(row), RefreshToken)

    async def use_token(self, token_id: UUID, *, at: datetime) -> None:
        await self._scope.run(_USE, token_id=token_id, at=at)

    async def end_session(self, session_id: UUID, *, at: datetime) -> None:
        await self._scope.run(_END, session_id=session_id, at=at)

    async def end_sessions_of(self, staff_id: StaffId, *, at: datetime) -> None:
        await self._scope.run(_END_ALL, the_staff_id=staff_id, at=at)

    async def open_in_browser(self, session_id: UUID, *, secret_hash: bytes, at: datetime) -> None:
        await self._scope.run(_OPEN_IN_BROWSER, session_id=session_id, secret_hash=secret_hash, seen_at=at)

    async def console_session(self, session_id: UUID) -> ConsoleSession | None:
        row = await self._scope.row(_CONSOLE_SESSION, the_session_id=session_id)
        return None if row is None else convert(dict(row), ConsoleSession)

    async def seen(self, session_id: UUID, *, at: datetime) -> None:
        await self._scope.run(_SEEN, the_session_id=session_id, at=at)


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()
