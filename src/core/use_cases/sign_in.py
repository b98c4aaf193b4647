"""Sign in, stay signed in, sign out."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeAlias, TypeVar
from uuid import UUID

from msgspec import Struct

from core.errors import SignInFailed, TooManySignIns, Unauthenticated
from core.ids import ShopId, StaffId
from core.staff import clean_email
from core.use_cases.retried import retried
from core.views import SignedInView
from ports.directory import Directory
from ports.security import REFRESH_TOKEN_KIND, AccessTokens, Clock, Fresh, Passwords, Secrets
from ports.sign_ins import Password, RefreshToken
from ports.transactions import ShopTransaction, Transactions

T = TypeVar("T")

Begin: TypeAlias = Callable[[ShopTransaction, StaffId, UUID, datetime], Awaitable[T]]
"""Makes something of a session that was just started: for that staff member, with that id, at that time."""

REFRESH_LIFETIME = timedelta(days=30)
MAX_FAILURES = 10
FAILURE_WINDOW = timedelta(minutes=15)
ADDRESS_MEMORY = timedelta(days=30)
"""How long an address that somebody signed in from stays theirs."""

_NOWHERE = ShopId(UUID(int=0))
"""Looked up where there is no such shop, so that the answer takes as long."""


def require_few_failures(failures: Sequence[datetime], *, now: datetime) -> None:
    """Refuse while the window holds the most failures allowed; it opens again as they grow old, since what is
    refused here is not counted. ``failures``: oldest first.
    """
    if len(failures) >= MAX_FAILURES:
        # ``now`` is when the attempt began: of many at once, some have failed since then.
        left = min(failures[-MAX_FAILURES] + FAILURE_WINDOW - now, FAILURE_WINDOW)
        raise TooManySignIns(retry_after_seconds=max(int(left.total_seconds()) + 1, 1))


class _Failures(Protocol):
    """The failed sign-ins of one account, or from one address."""

    async def since(self, moment: datetime) -> list[datetime]: ...

    async def add(self, attempt: "_Attempt") -> None: ...

    async def take_back(self, attempt: "_Attempt") -> None: ...


class _Attempt(Struct, frozen=True):
    id: UUID
    at: datetime

    async def require_few(self, failures: _Failures, *, counted: bool) -> None:
        """``counted``: this attempt is among the failures, and does not stand in its own way."""
        found = await failures.since(self.at - FAILURE_WINDOW)
        if counted and self.at in found:  # unless its owner signed in meanwhile, who starts with a clean slate
            found.remove(self.at)
        require_few_failures(found, now=self.at)


class _InDirectory:
    """Failures under a name that belongs to no shop: an address, or an account of a shop that does not exist."""

    def __init__(self, directory: Directory, name: str) -> None:
        self._directory = directory
        self._name = name

    async def since(self, moment: datetime) -> list[datetime]:
        return await self._directory.failures_from(self._name, since=moment)

    async def add(self, attempt: _Attempt) -> None:
        await self._directory.failed_from(self._name, at=attempt.at, failure_id=attempt.id)

    async def take_back(self, attempt: _Attempt) -> None:
        await self._directory.did_not_fail_from(self._name, at=attempt.at, failure_id=attempt.id)


class _AtShop:
    """Failures of one e-mail address at one shop, whether or not anybody has it."""

    def __init__(self, transactions: Transactions, shop_id: ShopId, email: str) -> None:
        self._transactions = transactions
        self._shop_id = shop_id
        self._email = email

    async def since(self, moment: datetime) -> list[datetime]:
        async with self._transactions.at_shop(self._shop_id) as shop:
            return await shop.sign_ins.failures(self._email, since=moment)

    async def add(self, attempt: _Attempt) -> None:
        async with self._transactions.at_shop(self._shop_id) as shop:
            await shop.sign_ins.failed(self._email, at=attempt.at, failure_id=attempt.id)

    async def take_back(self, attempt: _Attempt) -> None:
        async with self._transactions.at_shop(self._shop_id) as shop:
            await shop.sign_ins.did_not_fail(self._email, at=attempt.at, failure_id=attempt.id)


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


class ProvePassword:
    """Shop, e-mail and password, as every way to sign in asks for them. An unknown shop or e-mail is answered like a
    wrong password, after as long.

    Ten failures of an account close it, and ten from an address close that. A closed account stays open to the
    addresses that its owner signed in from before: whoever keeps failing on purpose keeps it closed for others only.
    """

    def __init__(
        self,
        transactions: Transactions,
        directory: Directory,
        passwords: Passwords,
        fresh: Fresh,
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._directory = directory
        self._passwords = passwords
        self._fresh = fresh
        self._clock = clock

    async def __call__(self, begin: Begin[T], *, slug: str, email: str, password: str, address: str) -> T:
        """What ``begin`` makes of the session that was started for who proved to be the staff member, in the same
        transaction. ``address``: where the request came from.

        Raises:
            SignInFailed, TooManySignIns, InvalidField.
        """
        email = clean_email(email)
        attempt = _Attempt(self._fresh.id(), self._clock.now())
        from_address = _InDirectory(self._directory, address)
        await attempt.require_few(from_address, counted=False)
        shop_id = await self._directory.shop_of(slug)
        of_account: _Failures = (
            _AtShop(self._transactions, shop_id, email)
            if shop_id is not None
            else _InDirectory(self._directory, f"{slug} {email}")
        )
        known, came_before = await self._look_up(shop_id or _NOWHERE, email, address, now=attempt.at)
        limits = (from_address,) if came_before else (from_address, of_account)
        for failures in limits[1:]:
            await attempt.require_few(failures, counted=False)
        # Counted before the password is looked at: of many tries at once, no more get through than one after another.
        await from_address.add(attempt)
        await of_account.add(attempt)
        try:
            for failures in limits:
                await attempt.require_few(failures, counted=True)
        except TooManySignIns:
            await of_account.take_back(attempt)
            await from_address.take_back(attempt)
            raise
        # Outside of any transaction: this takes long on purpose.
        right = await self._passwords.verify(password, known.password_hash if known else None)
        if shop_id is None or known is None or not right or not known.active:
            raise SignInFailed
        begun = await self._begin_session(begin, shop_id, email, known, address, now=attempt.at)
        await from_address.take_back(attempt)
        return begun

    async def _look_up(
        self, shop_id: ShopId, email: str, address: str, *, now: datetime
    ) -> tuple[Password | None, bool]:
        """The password to check, and whether its owner signed in from the address before."""
        async with self._transactions.at_shop(shop_id) as shop:
            known = await shop.sign_ins.password(email)
            staff_id = known.staff_id if known else StaffId(_NOWHERE)
            return known, await shop.sign_ins.came_from(staff_id, address, since=now - ADDRESS_MEMORY)

    async def _begin_session(
        self, begin: Begin[T], shop_id: ShopId, email: str, known: Password, address: str, *, now: datetime
    ) -> T:
        async with self._transactions.at_shop(shop_id) as shop:
            if await shop.sign_ins.lock_password(email) != known:
                # A new password, or the end of access, came meanwhile; it ended the sessions that there were then.
                raise SignInFailed
            session_id = self._fresh.id()
            await shop.sign_ins.forget_failures(email)
            await shop.sign_ins.start_session(session_id, known.staff_id, address=address, at=now)
            return await begin(shop, known.staff_id, session_id, now)


class SignIn:
    """Of a program on somebody's behalf: with shop, e-mail and password, for tokens. See :class:`ProvePassword`."""

    def __init__(self, prove_password: ProvePassword, tokens: Tokens) -> None:
        self._prove_password = prove_password
        self._tokens = tokens

    async def __call__(self, *, slug: str, email: str, password: str, address: str) -> SignedInView:
        """``address``: where the request came from."""

        async def begin(shop: ShopTransaction, staff_id: StaffId, session_id: UUID, now: datetime) -> SignedInView:
            return await self._tokens.issue(shop, staff_id, session_id, now=now)

        return await self._prove_password(begin, slug=slug, email=email, password=password, address=address)


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
