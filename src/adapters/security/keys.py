"""The program's secret keys: a list with ids, the first signs, all verify. Each purpose has keys of its own."""

import binascii
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MIN_KEY_BYTES = 32


class FaultySecretKeys(ValueError):
    """The list of secret keys cannot be read; the message says why and shows none of it."""


class SecretKeys:
    """Root keys. No root key signs anything itself."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        """``keys``: by id, the one that signs first."""
        self._keys = keys

    @classmethod
    def parse(cls, text: str) -> "SecretKeys":
        """From ``id:key,id:key``, each key at least 32 bytes in URL-safe base64.

        Raises:
            FaultySecretKeys.
        """
        keys: dict[str, bytes] = {}
        for item in text.split(","):
            key_id, separator, encoded = item.strip().partition(":")
            if not separator or not key_id:
                raise FaultySecretKeys("must be a list such as 2026a:<key>,2025b:<key>, the one that signs first")
            try:
                key = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            except (binascii.Error, ValueError):
                raise FaultySecretKeys(f"key {len(keys) + 1} is not URL-safe base64") from None
            if len(key) < MIN_KEY_BYTES:
                raise FaultySecretKeys(f"key {len(keys) + 1} has fewer than {MIN_KEY_BYTES} bytes")
            if key_id in keys:
                raise FaultySecretKeys(f"key {len(keys) + 1} has the id of another one")
            keys[key_id] = key
        return cls(keys)

    @staticmethod
    def generate(key_id: str) -> str:
        """A list with one new key, as :meth:`parse` takes it."""
        return f"{key_id}:{urlsafe_b64encode(secrets.token_bytes(MIN_KEY_BYTES)).decode().rstrip('=')}"

    def derive(self, purpose: str) -> dict[str, bytes]:
        """A 32-byte key for that purpose from each root key, by id, the one that signs first (HKDF, RFC 5869)."""
        return {
            key_id: HKDF(algorithm=SHA256(), length=32, salt=None, info=f"account-credit/{purpose}".encode()).derive(
                key
            )
            for key_id, key in self._keys.items()
        }
