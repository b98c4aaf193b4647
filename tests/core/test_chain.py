"""The hash of an entry covers all of it and the hash before it."""

import inspect
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from core.chain import entry_hash, text_digest
from core.ledger import LedgerEntry
from tests.core.world import World


class Content(Struct, frozen=True, kw_only=True):
    """What :func:`core.chain.entry_hash` covers."""

    shop_id: UUID
    client_id: UUID
    number: int
    entry_id: UUID
    kind: str
    amount: int
    balance_after: int
    reason: str
    note_digest: bytes | None
    by_kind: str
    by_id: UUID
    by_name_digest: bytes
    at: datetime
    invoice_id: UUID | None
    payment_id: UUID | None
    reverses_number: int | None
    previous_hash: bytes | None


def fixed(number: int) -> UUID:
    return UUID(int=number)


CONTENT = Content(
    shop_id=fixed(1),
    client_id=fixed(2),
    number=7,
    entry_id=fixed(3),
    kind="voided",
    amount=-50_00,
    balance_after=20_00,
    reason="void",
    note_digest=text_digest("entered twice", b"n" * 16),
    by_kind="staff",
    by_id=fixed(4),
    by_name_digest=text_digest("Pat Miller", b"m" * 16),
    at=datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC),
    invoice_id=fixed(5),
    payment_id=fixed(6),
    reverses_number=1,
    previous_hash=b"p" * 32,
)


def hash_of(content: Content) -> bytes:
    return entry_hash(**msgspec.structs.asdict(content))


# Kept hashes must be recomputable for as long as the ledger stands, so this one may never change. It was worked out
# apart from the program, from the layout that core.chain describes.
KNOWN = "629a2474a5d5f719f44826b2f1df0d9513d983b4a29646230e04aa98c996919c"


def test_the_hash_of_a_given_content_never_changes() -> None:
    assert hash_of(CONTENT).hex() == KNOWN


CHANGES: dict[str, dict[str, object]] = {
    "shop": {"shop_id": fixed(99)},
    "client": {"client_id": fixed(99)},
    "number": {"number": 8},
    "id": {"entry_id": fixed(99)},
    "kind": {"kind": "returned"},
    "amount": {"amount": -50_01},
    "sign": {"amount": 50_00},
    "balance-after": {"balance_after": 20_01},
    "reason": {"reason": "payment_deleted"},
    "note": {"note_digest": text_digest("entered Twice", b"n" * 16)},
    "note-salt": {"note_digest": text_digest("entered twice", b"N" * 16)},
    "no-note": {"note_digest": None},
    "empty-note": {"note_digest": b""},
    "by-kind": {"by_kind": "api_key"},
    "by-id": {"by_id": fixed(99)},
    "by-name": {"by_name_digest": text_digest("Pat Mueller", b"m" * 16)},
    "at": {"at": CONTENT.at + timedelta(microseconds=1)},
    "invoice": {"invoice_id": fixed(99)},
    "no-invoice": {"invoice_id": None},
    "payment": {"payment_id": fixed(99)},
    "no-payment": {"payment_id": None},
    "invoice-and-payment-swapped": {"invoice_id": CONTENT.payment_id, "payment_id": CONTENT.invoice_id},
    "reverses": {"reverses_number": 2},
    "reverses-nothing": {"reverses_number": None},
    "previous-hash": {"previous_hash": b"P" * 32},
    "no-previous-hash": {"previous_hash": None},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_r1_changing_anything_in_an_entry_changes_its_hash(change: dict[str, Any]) -> None:
    assert hash_of(msgspec.structs.replace(CONTENT, **change)) != hash_of(CONTENT)


def test_r1_the_hash_covers_all_of_an_entry() -> None:
    covered = {name for change in CHANGES.values() for name in change}
    assert covered == set(Content.__struct_fields__) == set(inspect.signature(entry_hash).parameters)
    # Salted digests stand for the two texts; the kind of what is reversed follows from its number.
    kept = {name.removesuffix("_digest") for name in covered - {"shop_id", "entry_id"}} | {"id", "hash"}
    salts = {"note_salt", "note_digest", "by_name_salt", "by_name_digest"}
    assert set(LedgerEntry.__struct_fields__) == kept | salts | {"reverses_kind"}


def test_absent_and_empty_content_differ() -> None:
    absent, empty = (msgspec.structs.replace(CONTENT, note_digest=digest) for digest in (None, b""))
    assert hash_of(absent) != hash_of(empty)


@pytest.mark.parametrize("hours", [-11, 0, 14])
def test_the_same_moment_in_another_time_zone_has_the_same_hash(hours: int) -> None:
    elsewhere = CONTENT.at.astimezone(timezone(timedelta(hours=hours)))
    assert hash_of(msgspec.structs.replace(CONTENT, at=elsewhere)) == hash_of(CONTENT)


@given(
    one=st.tuples(st.text(max_size=8), st.text(max_size=8)), other=st.tuples(st.text(max_size=8), st.text(max_size=8))
)
def test_content_cannot_be_moved_from_one_field_to_the_next(one: tuple[str, str], other: tuple[str, str]) -> None:
    # The two are neighbours in the bytes that are hashed, were there no lengths between them.
    entries = [
        msgspec.structs.replace(CONTENT, note_digest=digest.encode(), by_kind=kind) for digest, kind in (one, other)
    ]
    assert (hash_of(entries[0]) == hash_of(entries[1])) == (one == other)


@given(text=st.text(), other=st.text(), salt=st.binary(min_size=16, max_size=16))
def test_a_digest_tells_texts_apart_and_not_without_its_salt(text: str, other: str, salt: bytes) -> None:
    assert len(text_digest(text, salt)) == 32
    assert (text_digest(text, salt) == text_digest(other, salt)) == (text == other)
    assert text_digest(text, salt) != text_digest(text, bytes(byte ^ 1 for byte in salt))


def test_r1_each_entry_carries_the_hash_of_the_one_before_it() -> None:
    world = World()
    invoice = world.bill(80_00)
    world.add(50_00)
    world.apply(invoice)
    world.pay(invoice, 40_00, "capture")
    assert world.entries[0].previous_hash is None
    assert [later.previous_hash for _, later in pairwise(world.entries)] == [e.hash for e in world.entries[:-1]]
    assert world.account.last_hash == world.entries[-1].hash


def test_a_salt_is_used_once() -> None:
    world = World()
    for _ in range(3):
        world.add(1)
    used = [salt for entry in world.entries for salt in (entry.note_salt, entry.by_name_salt)]
    assert len(set(used)) == len(used) == 6
