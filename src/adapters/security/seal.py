"""Encrypts what must be read again but not by who reads the database: AES-256-GCM with keys of a purpose."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.security.keys import SecretKeys
from ports.security import SealBroken

_NONCE_BYTES = 12


class AesGcmSeal:
    """The first key seals, all unseal. ``context`` ties what is sealed to where it stands."""

    def __init__(self, keys: SecretKeys, purpose: str) -> None:
        self._ciphers = [AESGCM(key) for key in keys.derive(purpose).values()]

    def seal(self, plain: bytes, *, context: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, plain, context)

    def unseal(self, sealed: bytes, *, context: bytes) -> bytes:
        return self._unsealed(sealed, context)[0]

    def sealed_anew(self, sealed: bytes, *, context: bytes) -> bytes | None:
        """The same under the first key, or None if it is under that already."""
        plain, place = self._unsealed(sealed, context)
        return self.seal(plain, context=context) if place else None

    def _unsealed(self, sealed: bytes, context: bytes) -> tuple[bytes, int]:
        """What was sealed, and the place of its key in the list."""
        for place, cipher in enumerate(self._ciphers):
            try:
                return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context), place
            except InvalidTag:
                continue
        raise SealBroken
