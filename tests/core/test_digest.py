"""A digest: what was changed in it is noticed, and what became of the accounts since is named."""

from collections.abc import Iterable
from hashlib import sha256
from uuid import UUID

import pytest

from core.digest import (
    SIGNED_BEFORE_THE_HASH,
    DigestLines,
    DigestRefused,
    Head,
    ShopOfHeads,
    StoredHead,
    check_head,
    check_seal,
    heads_by_shop,
)
from core.ids import ClientId
from core.verification import Fault
from tests.builders import NOON, SHOP_ID

KEY = b"k" * 32
PAT, SAM = ClientId(UUID(int=1)), ClientId(UUID(int=2))
HASH = b"\x07" * 32
OTHER_SHOP = UUID(int=9)


def sign(message: bytes) -> bytes:
    """Not Ed25519, but as good here: whoever has no key makes another one."""
    return sha256(KEY + message).digest()


def signed_by(public_key: bytes, message: bytes, signature: bytes) -> bool:
    return public_key == KEY and signature == sign(message)


def a_digest() -> list[bytes]:
    lines = DigestLines(public_key=KEY, sign=sign)
    written = lines.opening(NOON)
    written += lines.shop(ShopOfHeads(SHOP_ID, "main-street", NOON))
    written += lines.heads([Head(PAT, 3, HASH.hex(), 500), Head(SAM, 0, None, 0)])
    written += lines.shop(ShopOfHeads(OTHER_SHOP, "empty", NOON))
    written += lines.seal()
    return written.splitlines(keepends=True)


def content(lines: Iterable[bytes]) -> list[tuple[str, list[ClientId]]]:
    return [(shop.slug, [head.client_id for head in heads]) for shop, heads in heads_by_shop(lines)]


def test_what_was_signed_is_believed_and_read_shop_by_shop() -> None:
    sealed = check_seal(a_digest(), signed_by=signed_by)
    assert (sealed.made_at, sealed.public_key, sealed.accounts) == (NOON, KEY, 2)
    assert content(a_digest()) == [("main-street", [PAT, SAM]), ("empty", [])]


def test_a_shop_whose_heads_nobody_reads_is_passed_over() -> None:
    assert [shop.slug for shop, _ in heads_by_shop(a_digest())] == ["main-street", "empty"]


def test_a_digest_of_no_shop_is_one() -> None:
    lines = DigestLines(public_key=KEY, sign=sign)
    written = [lines.opening(NOON), lines.seal()]
    assert check_seal(written, signed_by=signed_by).accounts == 0
    assert content(written) == []


def test_the_signature_says_what_it_is_for() -> None:
    messages: list[bytes] = []

    def signing(message: bytes) -> bytes:
        messages.append(message)
        return b""

    lines = DigestLines(public_key=KEY, sign=signing)
    opening = lines.opening(NOON)
    lines.seal()
    assert messages == [SIGNED_BEFORE_THE_HASH + sha256(opening).digest()]


@pytest.mark.parametrize("place", range(5))
def test_a_line_that_was_taken_out_or_changed_or_put_in_is_noticed(place: int) -> None:
    for lines in (
        a_digest()[:place] + a_digest()[place + 1 :],
        [line.replace(b"0", b"1", 1) if at == place else line for at, line in enumerate(a_digest())],
        a_digest()[: place + 1] + a_digest()[2:3] + a_digest()[place + 1 :],
        a_digest()[:place],
        [line.replace(b'":', b'": ') if at == place else line for at, line in enumerate(a_digest())][:4],
    ):
        with pytest.raises(DigestRefused):
            check_seal(lines, signed_by=signed_by)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "It is empty."),
        ([b"{}\n"], "It has a line that belongs to no digest."),
        ([b"\xff\n"], "It has a line that belongs to no digest."),
        ([b"[" * 100_000], "It has a line that belongs to no digest."),
        (a_digest()[1:], "It does not begin like a digest."),
        ([a_digest()[0].replace(b'"version":1', b'"version":2')], "It is a digest of version 2, "),
        (a_digest()[:-1], "It has no seal: its end is missing."),
        ([*a_digest(), b"\n"], "Something follows its seal."),
        ([*a_digest()[:3], *a_digest()[4:]], "It was changed: its seal belongs to something else."),
        ([a_digest()[0].replace(b"6b6b", b"xyxy"), *a_digest()[1:]], "It was changed"),
    ],
)
def test_what_is_no_digest_is_refused_with_the_reason(lines: list[bytes], why: str) -> None:
    with pytest.raises(DigestRefused) as told:
        check_seal(lines, signed_by=signed_by)
    assert str(told.value).startswith(why)


def test_the_seal_of_somebody_else_is_refused() -> None:
    forger = DigestLines(public_key=KEY, sign=lambda message: sha256(b"forged" + message).digest())
    stranger = DigestLines(public_key=b"s" * 32, sign=sign)
    for lines in (forger, stranger):
        with pytest.raises(DigestRefused, match="No key that is trusted signed it"):
            check_seal([lines.opening(NOON), lines.seal()], signed_by=signed_by)


def test_a_public_key_that_is_none_is_refused() -> None:
    lines = DigestLines(public_key=KEY, sign=sign)
    opening = lines.opening(NOON).replace(KEY.hex().encode(), b"no hex at all")
    seal = lines.seal().replace(sha256(lines.opening(NOON)).hexdigest().encode(), sha256(opening).hexdigest().encode())
    with pytest.raises(DigestRefused):
        check_seal([opening, seal], signed_by=signed_by)


HEAD = Head(PAT, 3, HASH.hex(), 500)


@pytest.mark.parametrize(
    ("stored", "faults"),
    [
        (StoredHead(3, HASH, 500), []),
        (StoredHead(8, HASH, 500), []),
        (StoredHead(None, None, None), [Fault.DIGEST_ACCOUNT]),
        (StoredHead(2, None, None), [Fault.DIGEST_ACCOUNT, Fault.DIGEST_ENTRY]),
        (StoredHead(2, HASH, 500), [Fault.DIGEST_ACCOUNT]),
        (StoredHead(3, b"\x08" * 32, 500), [Fault.DIGEST_ENTRY]),
        (StoredHead(8, b"\x08" * 32, 500), [Fault.DIGEST_ENTRY]),
        (StoredHead(8, HASH, 501), [Fault.DIGEST_ENTRY]),
        (StoredHead(8, None, None), [Fault.DIGEST_ENTRY]),
    ],
    ids=["the same", "grown", "gone", "cut", "cut in the account alone", "rewritten", "grown", "balance", "a hole"],
)
def test_what_became_of_an_account_is_named(stored: StoredHead, faults: list[Fault]) -> None:
    findings = list(check_head(HEAD, stored))
    assert [finding.what for finding in findings] == faults
    assert {(finding.client_id, finding.number) for finding in findings} <= {(PAT, 3)}


def test_an_account_without_entries_then_may_have_any_now_but_not_be_gone() -> None:
    empty = Head(PAT, 0, None, 0)
    assert list(check_head(empty, StoredHead(0, None, None))) == []
    assert list(check_head(empty, StoredHead(5, None, None))) == []
    assert [finding.what for finding in check_head(empty, StoredHead(None, None, None))] == [Fault.DIGEST_ACCOUNT]
