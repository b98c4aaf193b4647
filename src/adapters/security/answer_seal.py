"""Encrypts the kept answers of requests that show a secret once, so that a replay can show it again but the database
cannot.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.security.keys import SecretKeys

_NONCE_BYTES = 12


class AnswerUnreadable(Exception):
    """The kept answer was sealed with a key that is no longer in the list, or was changed."""


class AesGcmAnswerSeal:
    """AES-256-GCM; ``context`` ties an answer to its shop and idempotency key."""

    def __init__(self, keys: SecretKeys) -> None:
        self._ciphers = [AESGCM(key) for key in keys.derive("kept-answers").values()]

    def seal(self, plain: bytes, *, context: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, plain, context)

    def unseal(self, sealed: bytes, *, context: bytes) -> bytes:
        """Raises AnswerUnreadable."""
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
            except InvalidTag:
                continue
        raise AnswerUnreadable
