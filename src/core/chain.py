"""The hash chain of a credit account: each entry's hash covers its content and the hash before it.

The bytes are versioned and every field is length-prefixed, so that no two different entries have the same bytes.
Note and author's name go in as salted SHA-256 digests: they can be erased for privacy without breaking the chain.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

_VERSION = b"account-credit/entry/1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


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
    microseconds = (at - _EPOCH) // _MICROSECOND
    fields: Sequence[bytes | None] = (
        _VERSION,
        shop_id.bytes,
        client_id.bytes,
        b"%d" % number,
        entry_id.bytes,
        kind.encode(),
        b"%d" % amount,
        b"%d" % balance_after,
        reason.encode(),
        note_digest,
        by_kind.encode(),
        by_id.bytes,
        by_name_digest,
        b"%d" % microseconds,
        invoice_id.bytes if invoice_id else None,
        payment_id.bytes if payment_id else None,
        b"%d" % reverses_number if reverses_number is not None else None,
        previous_hash,
    )
    # A field that is absent and one that is empty are not the same: 4 bytes of 0xff say absent.
    return sha256(
        b"".join(b"\xff\xff\xff\xff" if f is None else len(f).to_bytes(4, "big") + f for f in fields)
    ).digest()
