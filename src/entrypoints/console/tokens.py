"""What the console signs: the token in each form, and what a redirect leaves for the next page to say."""

import binascii
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256

_MAC_BYTES = 32


class ConsoleTokens:
    """MACs, each bound to a session (or, before there is one, to a browser) and to what it is for."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """``keys``: the first signs, all verify."""
        self._keys = tuple(keys)

    def of_forms(self, bound_to: bytes) -> str:
        """The token that every form carries, so that nobody else can make a browser send one.

        Another one each time, behind a mask: how well a page compresses must not tell what is in it.
        """
        mask = secrets.token_bytes(_MAC_BYTES)
        return _encoded(mask + _masked(self._mac(self._keys[0], b"form", bound_to, b""), mask))

    def is_of_forms(self, token: str, bound_to: bytes) -> bool:
        raw = _decoded(token)
        if len(raw) != 2 * _MAC_BYTES:
            return False
        sent = _masked(raw[_MAC_BYTES:], raw[:_MAC_BYTES])
        return any(hmac.compare_digest(sent, self._mac(key, b"form", bound_to, b"")) for key in self._keys)

    def seal(self, text: str, bound_to: bytes) -> str:
        """The text, fit for a cookie, as :meth:`unseal` takes it."""
        plain = text.encode()
        return _encoded(self._mac(self._keys[0], b"said", bound_to, plain) + plain)

    def unseal(self, sealed: str, bound_to: bytes) -> str | None:
        """The text; None if it is not one of ours for whom it is bound to."""
        raw = _decoded(sealed)
        mac, plain = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if any(hmac.compare_digest(mac, self._mac(key, b"said", bound_to, plain)) for key in self._keys):
            return plain.decode()
        return None

    @staticmethod
    def _mac(key: bytes, purpose: bytes, bound_to: bytes, plain: bytes) -> bytes:
        message = b"".join(len(part).to_bytes(8, "big") + part for part in (purpose, bound_to, plain))
        return hmac.digest(key, message, sha256)


def _masked(plain: bytes, mask: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(plain, mask, strict=True))


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (UnicodeEncodeError, binascii.Error):
        return b""
