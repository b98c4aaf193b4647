"""Access tokens: JSON Web Tokens signed with HMAC-SHA256, 15 minutes, for one audience and of one type only."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

import jwt

from adapters.security.keys import SecretKeys
from core.ids import ShopId, StaffId
from core.staff import ActorKind, Credential
from ports.security import Clock, Fresh

_ALGORITHM = "HS256"
_ISSUER = "account-credit"
_TYPE = "at+jwt"
"""RFC 9068."""
_KEPT = 4096


class JwtAccessTokens:
    """Issues and reads the tokens of one audience. See :class:`ports.security.AccessTokens`."""

    lifetime = timedelta(minutes=15)

    def __init__(self, keys: SecretKeys, fresh: Fresh, clock: Clock, *, audience: str) -> None:
        self._keys = keys.derive(f"access-tokens/{audience}")
        self._signing_id = next(iter(self._keys))
        self._fresh = fresh
        self._clock = clock
        self._audience = audience
        # Who works sends the same token for minutes. What is refused is not kept: what can be made up has no end.
        self._verified = lru_cache(maxsize=_KEPT)(self._verify)

    def issue(self, shop_id: ShopId, staff_id: StaffId) -> str:
        now = self._clock.now()
        claims = {
            "iss": _ISSUER,
            "aud": self._audience,
            "sub": str(staff_id),
            "shop": str(shop_id),
            "iat": now,
            "exp": now + self.lifetime,
            "jti": self._fresh.id().hex,
        }
        headers = {"kid": self._signing_id, "typ": _TYPE}
        return jwt.encode(claims, self._keys[self._signing_id], algorithm=_ALGORITHM, headers=headers)

    def read(self, token: str) -> Credential | None:
        """Who the token speaks for; None if it is not one of ours, or no longer."""
        try:
            credential, expires_at = self._verified(token)
        except (jwt.PyJWTError, ValueError, AttributeError, TypeError, OverflowError):
            return None
        return credential if expires_at > self._clock.now() else None

    def _verify(self, token: str) -> tuple[Credential, datetime]:
        """Who it speaks for, and how long."""
        header = jwt.get_unverified_header(token)
        key = self._keys.get(header.get("kid", ""))
        if key is None or header.get("typ") != _TYPE:
            raise jwt.InvalidTokenError
        claims = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=self._audience,
            issuer=_ISSUER,
            options={
                "require": ["exp", "iat", "iss", "aud", "sub", "shop"],
                # By the clock that the token was made by, each time that it is read.
                "verify_exp": False,
                "verify_iat": False,
            },
        )
        credential = Credential(ShopId(UUID(claims["shop"])), ActorKind.STAFF, UUID(claims["sub"]))
        return credential, datetime.fromtimestamp(claims["exp"], UTC)
