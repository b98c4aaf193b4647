"""What goes over the wire as an e-mail: whatever names are, they are names."""

import email
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses

import pytest
from aiosmtplib.email import parse_address
from hypothesis import given
from hypothesis import strategies as st

from adapters.notifiers.internet_message import Address, InternetMessage, NotAnAddress, one_line
from tests.builders import NOON
from tests.entrypoints.hostile import KEPT, ONE_LINE_ONLY, REFUSED

HEADERS = [
    "Date",
    "From",
    "To",
    "Reply-To",
    "Message-ID",
    "Subject",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Content-Language",
    "MIME-Version",
    "Content-Type",
]
INJECTIONS = {
    "CR LF": "Pat\r\nBcc: eve@example.com",
    "LF": "Pat\nBcc: eve@example.com",
    "CR": "Pat\rBcc: eve@example.com",
    "NUL": "Pat\0\r\n\r\n<html>",
    "vertical tab": "Pat\x0bBcc: eve@example.com",
    "form feed": "Pat\x0cBcc: eve@example.com",
    "file separator": "Pat\x1cBcc: eve@example.com",
    "next line": "Pat\x85Bcc: eve@example.com",
    "line separator": "Pat\u2028Bcc: eve@example.com",
    "paragraph separator": "Pat\u2029Bcc: eve@example.com",
    "end of headers": "Pat\r\n\r\nBody",
    "end of message": "Pat\r\n.\r\nMAIL FROM:<eve@example.com>",
    "encoded word": "=?utf-8?q?Pat=0D=0ABcc:_eve=40example.com?=",
    "encoded word of an address": "=?utf-8?b?ZXZlQGV4YW1wbGUuY29t?= <eve@example.com>,",
    "second address": "Pat <eve@example.com>, Dana",
    "end of quotes": 'Pat" <eve@example.com>, "',
    "backslash": "Pat\\",
    "comment": "Pat (eve@example.com)",
    "group": "Friends: eve@example.com;",
}
NAMES = {**KEPT, **ONE_LINE_ONLY, **REFUSED, **INJECTIONS}


def a_message(name: str, *, subject: str | None = None, text: str | None = None) -> InternetMessage:
    return InternetMessage(
        id="0198f1c2@shops.example",
        at=NOON,
        sender_name=name,
        sender=Address.parse("credit@shops.example"),
        recipient_name=name,
        recipient=Address.parse("pat@example.com"),
        reply_to=Address.parse("desk@main-street.example"),
        subject=name if subject is None else subject,
        language="en-US",
        text=name if text is None else text,
        html=name if text is None else text,
    )


def read(raw: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(raw, policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def require_sound(raw: bytes, name: str) -> None:
    """The headers are ours, say the name and nothing else, and every line is one by every reader's rules."""
    text = raw.decode("ascii")
    assert text.splitlines() == text.split("\r\n")[:-1]
    assert max(len(line) for line in text.split("\r\n")) <= 100
    assert not any(line == "." for line in text.split("\r\n"))
    said = read(raw)
    assert list(said.keys()) == HEADERS
    assert said.defects == []
    shown = one_line(name)
    # Read with the library's older reader: the newer one puts a space between the encoded words of a name, and reads
    # what comes out once more.
    plain = email.message_from_bytes(raw)
    for header, address in (("From", "credit@shops.example"), ("To", "pat@example.com")):
        [(phrase, only)] = getaddresses([plain[header]])
        assert only == address
        assert str(make_header(decode_header(phrase))) == shown
    assert str(make_header(decode_header(plain["Subject"]))) == shown
    assert [part.get_content_type() for part in said.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_no_name_becomes_anything_but_a_name(name: str) -> None:
    require_sound(a_message(name).encode(), name)


@given(st.text(st.characters(codec=None), max_size=300))
def test_nor_does_any_other_text(name: str) -> None:
    require_sound(a_message(name).encode(), name)


def test_names_cannot_turn_the_direction_of_what_follows() -> None:
    assert one_line("ab\u202egnp.exe\u202c\u2066x\u2069") == "abgnp.exex"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])))
def test_the_text_arrives_as_it_is(text: str) -> None:
    body = read(a_message("Pat", text=text).encode()).get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == f"{text}\n"


def test_a_boundary_cannot_be_written_by_anybody() -> None:
    sly = read(a_message("Pat", text="--=_0198f1c2shopsexample--\n\nBcc: eve@example.com").encode())
    assert len(list(sly.iter_parts())) == 2


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("pat@example.com", "pat@example.com"),
        ("o'brien+credit=1@mail.example.com", "o'brien+credit=1@mail.example.com"),
        ("pat@EXAMPLE.com", "pat@example.com"),
        ("pat@bücher.example", "pat@xn--bcher-kva.example"),
        ("pat@straße.example", "pat@xn--strae-oqa.example"),
        ("用户@例子.example", "用户@xn--fsqu00a.example"),
    ],
)
def test_addresses_go_to_servers_with_their_domain_in_ascii(text: str, kept: str) -> None:
    address = Address.parse(text)
    assert str(address) == kept
    assert address.is_ascii == kept.isascii()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pat",
        "@example.com",
        "pat@",
        "pat@localhost",
        "pat@example..com",
        "pat@-example.com",
        "pat@exa mple.com",
        "pat..doe@example.com",
        ".pat@example.com",
        "pat.@example.com",
        "pat@example.com\r\nRCPT TO:<eve@example.com>",
        "pat@example.com> SIZE=1",
        "pat\u2028@example.com",
        "pat\u200b@example.com",
        "pat\u202e@example.com",
        "pat\ud800@example.com",
        "a:pat@example.com",
        '"pat doe"@example.com',
        "eve@example.com,pat@example.com",
        "<eve@example.com>pat@example.com",
        "pat@[127.0.0.1]",
        f"{'p' * 65}@example.com",
        f"pat@{'e' * 250}.com",
        "pat@\u2028.example",
        "pat@xn--\u00fc.example",
    ],
)
def test_what_is_none_is_no_address(text: str) -> None:
    with pytest.raises(NotAnAddress):
        Address.parse(text)


@given(st.text(st.characters(codec=None), max_size=80), st.sampled_from(["example.com", "bücher.example"]))
def test_whatever_is_an_address_is_one_to_the_library_that_sends_it_too(local_part: str, domain: str) -> None:
    try:
        address = str(Address.parse(f"{local_part}@{domain}"))
    except NotAnAddress:
        return
    assert parse_address(address) == address
