"""Keys that sign digests: they go into files and come back, and nothing else is taken for one."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from adapters.security.signing import Ed25519Signer, Ed25519TrustedKeys, FaultyKey, new_key

PRIVATE, PUBLIC = new_key()
OTHER_PRIVATE, OTHER_PUBLIC = new_key()
OF_ANOTHER_KIND = generate_private_key(SECP256R1())


def test_what_a_key_signed_is_believed_of_that_key_alone() -> None:
    signer, other = Ed25519Signer.parse(PRIVATE), Ed25519Signer.parse(OTHER_PRIVATE)
    trusted = Ed25519TrustedKeys.parse(PUBLIC)
    signature = signer.sign(b"message")
    assert trusted.signed_by(signer.public_key, b"message", signature)
    assert not trusted.signed_by(signer.public_key, b"another message", signature)
    assert not trusted.signed_by(signer.public_key, b"message", other.sign(b"message"))
    assert not trusted.signed_by(other.public_key, b"message", other.sign(b"message"))
    assert not trusted.signed_by(signer.public_key, b"message", b"short")


def test_several_keys_are_trusted_one_after_the_other_in_a_file() -> None:
    trusted = Ed25519TrustedKeys.parse(b"# since March\n" + PUBLIC + b"\n# before\n" + OTHER_PUBLIC + PUBLIC)
    for private in (PRIVATE, OTHER_PRIVATE):
        signer = Ed25519Signer.parse(private)
        assert trusted.signed_by(signer.public_key, b"message", signer.sign(b"message"))


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"nonsense",
        PUBLIC,
        OF_ANOTHER_KIND.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw")),
    ],
    ids=["nothing", "nonsense", "a public key", "another kind", "with a password"],
)
def test_what_is_no_key_to_sign_with_is_refused_and_not_shown(pem: bytes) -> None:
    with pytest.raises(FaultyKey) as told:
        Ed25519Signer.parse(pem)
    assert str(told.value) == "What should sign digests is no private key of Ed25519 in PEM without a password."


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"nonsense",
        PRIVATE,
        PUBLIC + OF_ANOTHER_KIND.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        b"-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n",
    ],
    ids=["nothing", "nonsense", "a private key", "another kind among them", "damaged"],
)
def test_what_is_no_key_to_trust_is_refused(pem: bytes) -> None:
    with pytest.raises(FaultyKey):
        Ed25519TrustedKeys.parse(pem)
