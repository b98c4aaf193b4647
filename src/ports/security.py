"""Passwords and secrets."""

from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from core.ids import ShopId, StaffId

API_KEY_KIND = "ak"
CONSOLE_SESSION_KIND = "cs"
REFRESH_TOKEN_KIND = "rt"  # noqa: S105  # the kind of a credential, not one


class Passwords(Protocol):
    async def hash(self, password: str) -> str: ...

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """False also when there is no hash, after the same work."""
        ...


class Secrets(Protocol):
    """Opaque credentials, ``<kind>_<shop>_<id>_<secret>``: only a digest of the secret is kept."""

    def make(self, kind: str, shop_id: ShopId, credential_id: UUID) -> tuple[str, bytes]:
        """A new credential and the SHA-256 of its secret."""
        ...

    def read(self, kind: str, credential: str) -> tuple[ShopId, UUID, bytes] | None:
        """The shop, the id and the SHA-256 of the secret; None if it is not of that form."""
        ...


class SealBroken(Exception):
    """It was sealed with a key that is no longer in the list, or for another place, or was changed."""


class SecretSeal(Protocol):
    """Encrypts what must be read again but not by who reads the database. ``context``: where it stands."""

    def seal(self, plain: bytes, *, context: bytes) -> bytes: ...

    def unseal(self, sealed: bytes, *, context: bytes) -> bytes:
        """Raises SealBroken."""
        ...

    def sealed_anew(self, sealed: bytes, *, context: bytes) -> bytes | None:
        """The same under the key that seals now, or None if it is under that already. Raises SealBroken."""
        ...


class AccessTokens(Protocol):
    lifetime: timedelta

    def issue(self, shop_id: ShopId, staff_id: StaffId) -> str: ...


class Fresh(Protocol):
    """Fresh ids and salts."""

    def id(self) -> UUID:
        """A UUIDv7."""
        ...

    def salt(self) -> bytes:
        """16 random bytes."""
        ...

    def secret(self) -> bytes:
        """32 random bytes."""
        ...


class Clock(Protocol):
    def now(self) -> datetime:
        """UTC, for tokens and sign-ins; the ledger's time is the database's."""
        ...


class Signer(Protocol):
    """Signs with a private key that the database does not have."""

    public_key: bytes
    """32 bytes (Ed25519)."""

    def sign(self, message: bytes) -> bytes: ...


class TrustedKeys(Protocol):
    """The public keys that somebody chose to believe."""

    def signed_by(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Whether it is one of these keys, and the signature is its."""
        ...
