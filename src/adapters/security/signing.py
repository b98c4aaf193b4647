"""Ed25519 (RFC 8032) with keys in PEM, as OpenSSL reads and writes them too."""

import re

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

_PUBLIC_KEYS = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


class FaultyKey(Exception):
    """This is not the key that is needed; the message shows none of it."""


def new_key() -> tuple[bytes, bytes]:
    """A new private key and its public key, as what goes into a file each."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), public


class Ed25519Signer:
    """See :class:`ports.security.Signer`."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key().public_bytes_raw()

    @classmethod
    def parse(cls, pem: bytes) -> "Ed25519Signer":
        """From a private key without a password.

        Raises:
            FaultyKey.
        """
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise FaultyKey("What should sign digests is no private key of Ed25519 in PEM without a password.")
        return cls(key)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


class Ed25519TrustedKeys:
    """See :class:`ports.security.TrustedKeys`."""

    def __init__(self, keys: dict[bytes, Ed25519PublicKey]) -> None:
        """``keys``: by their 32 bytes."""
        self._keys = keys

    @classmethod
    def parse(cls, pem: bytes) -> "Ed25519TrustedKeys":
        """From one public key or several, one after the other.

        Raises:
            FaultyKey.
        """
        found = _PUBLIC_KEYS.findall(pem)
        keys: dict[bytes, Ed25519PublicKey] = {}
        for text in found:
            try:
                key = load_pem_public_key(text)
            except (ValueError, UnsupportedAlgorithm):
                key = None
            if isinstance(key, Ed25519PublicKey):
                keys[key.public_bytes_raw()] = key
        if not found or len(keys) < len(set(found)):
            raise FaultyKey("What digests are believed by has to be public keys of Ed25519 in PEM, and nothing else.")
        return cls(keys)

    def signed_by(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        key = self._keys.get(public_key)
        if key is None:
            return False
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True
