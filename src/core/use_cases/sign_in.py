"""Sign in, stay signed in, sign out."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from core.errors import SignInFailed, TooManySignIns, Unauthenticated
from core.ids import ShopId, StaffId
from core.staff import clean_email
from core.use_cases.retried import retried
from core.views import SignedInView
from ports.directory import Directory
from ports.security import REFRESH_TOKEN_KIND, AccessTokens, Clock, Fresh, Passwords, Secrets
from ports.sign_ins import Password, RefreshToken
from ports.transactions import ShopTransaction, Transactions

REFRESH_LIFETIME = timedelta(days=30)
MAX_FAILURES = 10
FAILURE_WINDOW = timedelta(minutes=15)


def require_few_failures(failures: list[datetime], *, now: datetime) -> None:
    """Refuse while the window holds the most failures allowed; it opens again as they grow old, since what is
    refused here is not counted. ``failures``: oldest first.
    """
    if len(failures) >= MAX_FAILURES:
        again = failures[-MAX_FAILURES] + FAILURE_WINDOW
        raise TooManySignIns(retry_after_seconds=max(int((again - now).total_seconds()) + 1, 1))


class Tokens:
    """Makes the tokens of a session."""

    def __init__(self, access_tokens: AccessTokens, secrets: Secrets, fresh: Fresh) -> None:
        self._access_tokens = access_tokens
        self._secrets = secrets
        self._fresh = fresh

    async def issue(self, shop: ShopTransaction, staff_id: StaffId, session_id: UUID, *, now: datetime) -> SignedInView:
        token_id = self._fresh.id()
        refresh_token, secret_hash = self._secrets.make(REFRESH_TOKEN_KIND, shop.shop_id, token_id)
        await shop.sign_ins.add_token(token_id, session_id, secret_hash=secret_hash, expires_at=now + REFRESH_LIFETIME)
        return SignedInView(
            access_token=self._access_tokens.issue(shop.shop_id, staff_id),
            expires_in=int(self._access_tokens.lifetime.total_seconds()),
            refresh_token=refresh_token,
        )


class SignIn:
    """With shop, e-mail and password. An unknown shop or e-mail is answered like a wrong password, after as long."""

    def __init__(
        self,
        transactions: Transactions,
        directory: Directory,
        passwords: Passwords,
        tokens: Tokens,
        fresh: Fresh,
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._directory = directory
        self._passwords = passwords
        self._tokens = tokens
        self._fresh = fresh
        self._clock = clock

    async def __call__(self, *, slug: str, email: str, password: str, address: str) -> SignedInView:
        """``address``: where the request came from."""
        email = clean_email(email)
        now = self._clock.now()
        since = now - FAILURE_WINDOW
        require_few_failures(await self._directory.failures_from(address, since=since), now=now)
        shop_id = await self._directory.shop_of(slug)
        known: Password | None = None
        if shop_id is not None:
            async with self._transactions.at_shop(shop_id) as shop:
                require_few_failures(await shop.sign_ins.failures(email, since=since), now=now)
                known = await shop.sign_ins.password(email)
        # Outside of any transaction: this takes long on purpose.
        right = await self._passwords.verify(password, known.password_hash if known else None)
        if shop_id is None or known is None or not right or not known.active:
            await self._count_failure(shop_id, email, address, now=now)
            raise SignInFailed
        async with self._transactions.at_shop(shop_id) as shop:
            if await shop.sign_ins.lock_password(email) != known:
                # A new password, or the end of access, came meanwhile; it ended the sessions that there were then.
                raise SignInFailed
            session_id = self._fresh.id()
            await shop.sign_ins.forget_failures(email)
            await shop.sign_ins.start_session(session_id, known.staff_id, at=now)
            return await self._tokens.issue(shop, known.staff_id, session_id, now=now)

    async def _count_failure(self, shop_id: ShopId | None, email: str, address: str, *, now: datetime) -> None:
        await self._directory.failed_from(address, at=now, failure_id=self._fresh.id())
        if shop_id is not None:
            async with self._transactions.at_shop(shop_id) as shop:
                await shop.sign_ins.failed(email, at=now, failure_id=self._fresh.id())


class Refresh:
    """A refresh token works once. One that comes a second time was stolen, from us or from its thief: the session
    ends for both.
    """

    def __init__(self, transactions: Transactions, secrets: Secrets, tokens: Tokens, clock: Clock) -> None:
        self._transactions = transactions
        self._secrets = secrets
        self._tokens = tokens
        self._clock = clock

    @retried
    async def __call__(self, refresh_token: str) -> SignedInView:
        now = self._clock.now()
        shop_id, token_id, secret_hash = _read(self._secrets, refresh_token)
        async with self._transactions.at_shop(shop_id) as shop:
            token = await shop.sign_ins.lock_token(token_id)
            verdict = _judge(token, secret_hash, now=now)
            if token is not None and verdict == "reused":
                # Committed before it is refused.
                await shop.sign_ins.end_session(token.session_id, at=now)
            if token is not None and verdict == "good":
                await shop.sign_ins.use_token(token_id, at=now)
                return await self._tokens.issue(shop, StaffId(token.staff_id), token.session_id, now=now)
        raise Unauthenticated


class SignOut:
    """End the session that a refresh token belongs to."""

    def __init__(self, transactions: Transactions, secrets: Secrets, clock: Clock) -> None:
        self._transactions = transactions
        self._secrets = secrets
        self._clock = clock

    @retried
    async def __call__(self, refresh_token: str) -> None:
        shop_id, token_id, secret_hash = _read(self._secrets, refresh_token)
        async with self._transactions.at_shop(shop_id) as shop:
            token = await shop.sign_ins.lock_token(token_id)
            if token is None or token.secret_hash != secret_hash:
                raise Unauthenticated
            await shop.sign_ins.end_session(token.session_id, at=self._clock.now())


def _read(secrets: Secrets, refresh_token: str) -> tuple[ShopId, UUID, bytes]:
    read = secrets.read(REFRESH_TOKEN_KIND, refresh_token)
    if read is None:
        raise Unauthenticated
    return read


def _judge(
    token: RefreshToken | None, secret_hash: bytes, *, now: datetime
) -> Literal["unknown", "reused", "over", "good"]:
    if token is None or token.secret_hash != secret_hash:
        return "unknown"
    if token.used:
        return "reused"
    if token.session_ended or not token.staff_active or token.expires_at <= now:
        return "over"
    return "good"
