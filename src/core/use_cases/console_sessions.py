"""Sessions in a browser: begin one with a password, continue it with its cookie, end it."""

from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from core.errors import Unauthenticated
from core.ids import ShopId, StaffId
from core.shop import ShopSettings
from core.staff import ActorKind, Caller, Credential, Permission
from core.use_cases.retried import retried
from core.use_cases.sign_in import ProvePassword
from ports.security import CONSOLE_SESSION_KIND, Clock, Secrets
from ports.sign_ins import ConsoleSession
from ports.transactions import ShopTransaction, Transactions

IDLE_LIFETIME = timedelta(minutes=30)
"""How long a session lasts that nobody uses."""
LIFETIME = timedelta(hours=12)
"""How long one lasts at most."""
SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is kept when a session was last used: a write for every page would be one too many."""


class Visit(Struct, frozen=True, kw_only=True):
    """Somebody at the console: who they are and what they may, at which shop, as its tables say now."""

    session_id: UUID
    staff_id: StaffId
    name: str
    permissions: frozenset[Permission]
    shop: ShopSettings

    @property
    def caller(self) -> Caller:
        return Caller(Credential(self.shop.id, ActorKind.STAFF, self.staff_id))


class BeginConsoleSession:
    """With shop, e-mail and password, for the credential of a new session. See :class:`ProvePassword`."""

    def __init__(self, prove_password: ProvePassword, secrets: Secrets) -> None:
        self._prove_password = prove_password
        self._secrets = secrets

    async def __call__(self, *, slug: str, email: str, password: str, address: str) -> str:
        """``address``: where the request came from."""

        async def begin(shop: ShopTransaction, _staff_id: StaffId, session_id: UUID, now: datetime) -> str:
            credential, secret_hash = self._secrets.make(CONSOLE_SESSION_KIND, shop.shop_id, session_id)
            await shop.sign_ins.open_in_browser(session_id, secret_hash=secret_hash, at=now)
            return credential

        return await self._prove_password(begin, slug=slug, email=email, password=password, address=address)


class ContinueConsoleSession:
    """Who a session's credential stands for, as long as the session lasts."""

    def __init__(self, transactions: Transactions, secrets: Secrets, clock: Clock) -> None:
        self._transactions = transactions
        self._secrets = secrets
        self._clock = clock

    @retried
    async def __call__(self, credential: str) -> Visit:
        """Raises Unauthenticated: no such session, or no longer."""
        shop_id, session_id, secret_hash = _read(self._secrets, credential)
        now = self._clock.now()
        async with self._transactions.at_shop(shop_id) as shop:
            session = await shop.sign_ins.console_session(session_id)
            if session is None or session.secret_hash != secret_hash or _is_over(session, now=now):
                raise Unauthenticated
            if session.seen_at <= now - SEEN_EVERY:
                await shop.sign_ins.seen(session_id, at=now)
            return Visit(
                session_id=session_id,
                staff_id=session.staff_id,
                name=session.name,
                permissions=session.permissions,
                shop=await shop.settings.read(),
            )


class EndConsoleSession:
    """Sign out of the console. A session that is over, or none, stays so."""

    def __init__(self, transactions: Transactions, secrets: Secrets, clock: Clock) -> None:
        self._transactions = transactions
        self._secrets = secrets
        self._clock = clock

    @retried
    async def __call__(self, credential: str) -> None:
        """Raises Unauthenticated: not the credential of a session that there ever was."""
        shop_id, session_id, secret_hash = _read(self._secrets, credential)
        async with self._transactions.at_shop(shop_id) as shop:
            session = await shop.sign_ins.console_session(session_id)
            if session is None or session.secret_hash != secret_hash:
                raise Unauthenticated
            await shop.sign_ins.end_session(session_id, at=self._clock.now())


def _read(secrets: Secrets, credential: str) -> tuple[ShopId, UUID, bytes]:
    read = secrets.read(CONSOLE_SESSION_KIND, credential)
    if read is None:
        raise Unauthenticated
    return read


def _is_over(session: ConsoleSession, *, now: datetime) -> bool:
    return (
        session.ended
        or not session.active
        or now - session.seen_at >= IDLE_LIFETIME
        or now - session.started_at >= LIFETIME
    )
