"""A ledger as a file that somebody else can check without this program: everything that the hashes cover, as stored.

JSON lines: what the file is, then each account followed by its entries in the order of their numbers, by client, then
an end that says how much there was. docs/ledger-format.md describes it, and docs/verify_ledger.py checks it.
"""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from core.chain import microseconds
from core.verification import StoredAccount, StoredEntry

VERSION = 1


class Line(Struct, frozen=True, tag_field="line"):
    """One line of the file."""


class Opening(Line, frozen=True, tag="ledger"):
    """``client_id``: whose ledger it is; None for the whole shop's."""

    version: int
    made_at: datetime
    shop_id: UUID
    slug: str
    currency: str
    client_id: UUID | None


class AccountLine(Line, frozen=True, tag="account"):
    """Where an account stands. Hashes in hex."""

    client_id: UUID
    balance: int
    last_number: int
    last_hash: str | None


class EntryLine(Line, frozen=True, tag="entry"):
    """An entry of the account before it. Hashes, salts and digests in hex; ``at`` in microseconds since 1970 (UTC)."""

    client_id: UUID
    number: int
    id: UUID
    kind: str
    amount: int
    balance_after: int
    reason: str
    note: str | None
    note_salt: str | None
    note_digest: str | None
    by_kind: str
    by_id: UUID
    by_name: str
    by_name_salt: str | None
    by_name_digest: str
    at: int
    invoice_id: UUID | None
    payment_id: UUID | None
    reverses_number: int | None
    previous_hash: str | None
    hash: str


class End(Line, frozen=True, tag="end"):
    accounts: int
    entries: int


_encoder = msgspec.json.Encoder()


def written(line: Line) -> bytes:
    """The line as it stands in the file."""
    return _encoder.encode(line) + b"\n"


def account_line(account: StoredAccount) -> AccountLine:
    """Of a client with an account."""
    return AccountLine(account.client_id, account.balance or 0, account.last_number or 0, _hex(account.last_hash))


def entry_line(entry: StoredEntry) -> EntryLine:
    return EntryLine(
        client_id=entry.client_id,
        number=entry.number,
        id=entry.id,
        kind=entry.kind,
        amount=entry.amount,
        balance_after=entry.balance_after,
        reason=entry.reason,
        note=entry.note,
        note_salt=_hex(entry.note_salt),
        note_digest=_hex(entry.note_digest),
        by_kind=entry.by_kind,
        by_id=entry.by_id,
        by_name=entry.by_name,
        by_name_salt=_hex(entry.by_name_salt),
        by_name_digest=entry.by_name_digest.hex(),
        at=microseconds(entry.at),
        invoice_id=entry.invoice_id,
        payment_id=entry.payment_id,
        reverses_number=entry.reverses_number,
        previous_hash=_hex(entry.previous_hash),
        hash=entry.hash.hex(),
    )


def _hex(content: bytes | None) -> str | None:
    return None if content is None else content.hex()
