"""A digest: the head of every credit account at one moment, signed, in a file to be kept where the database is not.

A chain alone cannot show that its tail was cut, or rewritten with hashes that fit: the head that was kept elsewhere
can. JSON lines: what the file is, then for each shop a line and one for each of its accounts, by client, then the seal,
whose signature covers the SHA-256 of all bytes before it. docs/ledger-format.md says it all.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from uuid import UUID

import msgspec
from msgspec import Struct

from core.ids import ClientId
from core.verification import Fault, Finding

VERSION = 1
SIGNED_BEFORE_THE_HASH = b"account-credit/digest/1\n"
"""What is signed begins with it, so that no signature made for something else passes for one of a digest."""


class DigestRefused(Exception):
    """The file is not a digest that can be trusted. Says why."""


class Line(Struct, frozen=True, tag_field="line", forbid_unknown_fields=True):
    """One line of the file."""


class Opening(Line, frozen=True, tag="digest"):
    """``public_key``: of whoever signed, 32 bytes in hex."""

    version: int
    made_at: datetime
    public_key: str


class ShopOfHeads(Line, frozen=True, tag="shop"):
    """The heads of this shop's accounts follow, as they were ``at`` that moment."""

    id: UUID
    slug: str
    at: datetime


class Head(Line, frozen=True, tag="head"):
    """Where a credit account ended: the number and hash (hex) of its last entry, and the balance after it (minor
    units). Number 0 and no hash where it had none.
    """

    client_id: ClientId
    number: int
    hash: str | None
    balance: int


class Seal(Line, frozen=True, tag="seal"):
    """``sha256`` of all bytes before this line, in hex; ``signature``: Ed25519, 64 bytes in hex."""

    accounts: int
    sha256: str
    signature: str


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Opening | ShopOfHeads | Head | Seal)


class DigestLines:
    """Makes the lines of one digest, in their order."""

    def __init__(self, *, public_key: bytes, sign: Callable[[bytes], bytes]) -> None:
        self._public_key = public_key
        self._sign = sign
        self._sha256 = sha256()
        self.accounts = 0

    def opening(self, made_at: datetime) -> bytes:
        return self._line(Opening(VERSION, made_at, self._public_key.hex()))

    def shop(self, shop: ShopOfHeads) -> bytes:
        return self._line(shop)

    def heads(self, heads: Iterable[Head]) -> bytes:
        lines = b""
        for head in heads:
            lines += self._line(head)
            self.accounts += 1
        return lines

    def seal(self) -> bytes:
        digest = self._sha256.digest()
        return self._line(Seal(self.accounts, digest.hex(), self._sign(SIGNED_BEFORE_THE_HASH + digest).hex()))

    def _line(self, line: Line) -> bytes:
        written = _encoder.encode(line) + b"\n"
        self._sha256.update(written)
        return written


class SealedDigest(Struct, frozen=True):
    """What a digest that can be trusted says of itself. ``public_key``: 32 bytes."""

    made_at: datetime
    public_key: bytes
    accounts: int


def check_seal(lines: Iterable[bytes], *, signed_by: Callable[[bytes, bytes, bytes], bool]) -> SealedDigest:
    """Read the whole file and see that nothing of it was changed, and that somebody who is trusted signed it.

    ``signed_by``: public key, message and signature; whether that key is trusted and the signature is its.

    Raises:
        DigestRefused.
    """
    opening: Opening | None = None
    seal: Seal | None = None
    digest, accounts = sha256(), 0
    for text in lines:
        if seal is not None:
            raise DigestRefused("Something follows its seal.")
        line = _read(text)
        if opening is None:
            if not isinstance(line, Opening):
                raise DigestRefused("It does not begin like a digest.")
            if line.version != VERSION:
                raise DigestRefused(f"It is a digest of version {line.version}, which this program does not know.")
            opening = line
        if isinstance(line, Seal):
            seal = line
            continue
        accounts += isinstance(line, Head)
        digest.update(text)
    if opening is None:
        raise DigestRefused("It is empty.")
    if seal is None:
        raise DigestRefused("It has no seal: its end is missing.")
    if seal.sha256 != digest.hexdigest() or seal.accounts != accounts:
        raise DigestRefused("It was changed: its seal belongs to something else.")
    public_key, signature = _bytes(opening.public_key), _bytes(seal.signature)
    if not signed_by(public_key, SIGNED_BEFORE_THE_HASH + digest.digest(), signature):
        raise DigestRefused("No key that is trusted signed it.")
    return SealedDigest(opening.made_at, public_key, accounts)


def heads_by_shop(lines: Iterable[bytes]) -> Iterator[tuple[ShopOfHeads, Iterator[Head]]]:
    """The shops of a digest that passed :func:`check_seal`, each with its heads, to be read before the next one."""
    shop: ShopOfHeads | None = None

    def shop_of(line: Line) -> ShopOfHeads | None:
        nonlocal shop
        shop = line if isinstance(line, ShopOfHeads) else shop
        return shop

    for each, of_shop in groupby(map(_read, lines), shop_of):
        if each is not None:
            yield each, (line for line in of_shop if isinstance(line, Head))


def _read(text: bytes) -> Line:
    try:
        line: Line = _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise DigestRefused("It has a line that belongs to no digest.") from None
    return line


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise DigestRefused("It has a line that belongs to no digest.") from None


class StoredHead(Struct, frozen=True):
    """What is stored now where a digest has a head: the account's last number, None if it is gone, and hash and
    balance after the entry of the head's number, None if that is gone.
    """

    last_number: int | None
    hash: bytes | None
    balance_after: int | None


def check_head(head: Head, stored: StoredHead) -> Iterator[Finding]:
    """What became of an account since the digest. That it grew is no finding."""
    if stored.last_number is None:
        yield _finding(Fault.DIGEST_ACCOUNT, head, f"The account had {head.number} entries, and is gone.")
        return
    if stored.last_number < head.number:
        yield _finding(
            Fault.DIGEST_ACCOUNT, head, f"The account ended at entry {head.number}, but now at {stored.last_number}."
        )
    if head.number == 0:
        return
    if stored.hash is None:
        yield _finding(Fault.DIGEST_ENTRY, head, f"Entry {head.number} is gone.")
    elif stored.hash.hex() != head.hash or stored.balance_after != head.balance:
        yield _finding(Fault.DIGEST_ENTRY, head, f"Entry {head.number} was rewritten: it had another hash.")


def shop_gone(slug: str) -> Finding:
    return Finding(what=Fault.DIGEST_SHOP, sentence=f"The shop {slug} is in no list of shops any more.")


def _finding(what: Fault, head: Head, sentence: str) -> Finding:
    return Finding(what=what, client_id=head.client_id, number=head.number or None, sentence=sentence)
