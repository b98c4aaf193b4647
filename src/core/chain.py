"""The hash chain of a credit account: each entry's hash covers its content and the hash before it.

The bytes are versioned and every field is length-prefixed, so that no two different entries have the same bytes.
Note and author's name go in as salted SHA-256 digests: they can be erased for privacy without breaking the chain.
"""

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

ERASED_NAME = "(erased)"
"""What stands in place of an author's name that was erased for privacy, with its salt."""

_VERSION = b"account-credit/entry/1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A field that is absent and one that is empty are not the same: 4 bytes of 0xff say absent.
_ABSENT = b"\xff\xff\xff\xff"
_LENGTHS = tuple(length.to_bytes(4, "big") for length in range(33))


def text_digest(text: str, salt: bytes) -> bytes:
    """The salted SHA-256 of a text, 32 bytes. ``salt``: 16 random bytes of this text's own."""
    return sha256(salt + text.encode()).digest()


def entry_hash(
    *,
    shop_id: UUID,
    client_id: UUID,
    number: int,
    entry_id: UUID,
    kind: str,
    amount: int,
    balance_after: int,
    reason: str,
    note_digest: bytes | None,
    by_kind: str,
    by_id: UUID,
    by_name_digest: bytes,
    at: datetime,
    invoice_id: UUID | None,
    payment_id: UUID | None,
    reverses_number: int | None,
    previous_hash: bytes | None,
) -> bytes:
    """SHA-256 over an entry's content and the hash before it, 32 bytes."""
    number_, amount_, balance_, at_ = b"%d" % number, b"%d" % amount, b"%d" % balance_after, b"%d" % microseconds(at)
    return sha256(
        b"".join(
            (
                _beginning(shop_id, client_id),
                _LENGTHS[len(number_)],
                number_,
                _LENGTHS[16],
                entry_id.bytes,
                _word(kind),
                _LENGTHS[len(amount_)],
                amount_,
                _LENGTHS[len(balance_)],
                balance_,
                _word(reason),
                _ABSENT if note_digest is None else _field(note_digest),
                _word(by_kind),
                _LENGTHS[16],
                by_id.bytes,
                _field(by_name_digest),
                _LENGTHS[len(at_)],
                at_,
                _ABSENT if invoice_id is None else _field(invoice_id.bytes),
                _ABSENT if payment_id is None else _field(payment_id.bytes),
                _ABSENT if reverses_number is None else _field(b"%d" % reverses_number),
                _ABSENT if previous_hash is None else _field(previous_hash),
            )
        )
    ).digest()


def microseconds(at: datetime) -> int:
    """Since 1970, as they go into the hash."""
    since = at - _EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds


def _field(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


# Verifying hashes millions of entries: what is the same in many of them is made once.
@lru_cache(maxsize=64)
def _word(word: str) -> bytes:
    return _field(word.encode())


@lru_cache(maxsize=1024)
def _beginning(shop_id: UUID, client_id: UUID) -> bytes:
    return _field(_VERSION) + _field(shop_id.bytes) + _field(client_id.bytes)
