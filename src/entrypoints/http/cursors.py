"""Pages of lists: cursors that cannot be forged, nor carried to another shop, list, client or filter."""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from core.staff import Caller
from core.views import Page, Position
from entrypoints.http.problems import InvalidCursor

T = TypeVar("T")

MAX_LIMIT, DEFAULT_LIMIT = 100, 25
_MAC_BYTES = 16

_position = msgspec.json.Decoder(tuple[str | int, ...])


class ListFilters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The query parameters of every list."""

    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT, description="How many items at most.")] = DEFAULT_LIMIT
    cursor: Annotated[str | None, Meta(description="`next_cursor` of the page before.")] = None


class Listed(Struct, Generic[T], frozen=True):
    """A page of a list."""

    items: list[T]
    next_cursor: Annotated[str | None, Meta(description="For the next page; null at the end of the list.")]


class Cursors:
    def __init__(self, keys: Sequence[bytes]) -> None:
        """``keys``: the first signs, all verify."""
        self._keys = tuple(keys)

    def of_list(self, name: str, caller: Caller, filters: ListFilters, client_id: UUID | None = None) -> "ListCursors":
        """The cursors of one list as one shop filters it; ``limit`` may change from page to page."""
        plain = msgspec.structs.replace(filters, limit=DEFAULT_LIMIT, cursor=None)
        place = msgspec.json.encode((caller.credential.shop_id, name, client_id, plain))
        return ListCursors(self._keys, place, filters.cursor)


class ListCursors:
    def __init__(self, keys: tuple[bytes, ...], place: bytes, cursor: str | None) -> None:
        self._keys = keys
        self._place = place
        self.after = None if cursor is None else self._read(cursor)

    def listed(self, page: Page[T]) -> Listed[T]:
        return Listed(page.items, self.write(page.next_position))

    def write(self, position: Position | None) -> str | None:
        if position is None:
            return None
        plain = msgspec.json.encode(position)
        return _encoded(self._mac(self._keys[0], plain) + plain)

    def _read(self, cursor: str) -> Position:
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except (UnicodeEncodeError, binascii.Error):
            raise InvalidCursor from None
        if _encoded(raw) != cursor:
            # The decoder passes over characters that are not its own.
            raise InvalidCursor
        mac, plain = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not any(hmac.compare_digest(mac, self._mac(key, plain)) for key in self._keys):
            raise InvalidCursor
        return _position.decode(plain)

    def _mac(self, key: bytes, plain: bytes) -> bytes:
        message = len(self._place).to_bytes(8, "big") + self._place + plain
        return hmac.digest(key, message, sha256)[:_MAC_BYTES]


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
