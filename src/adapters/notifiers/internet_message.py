"""An e-mail as it goes over the wire (RFC 5322, MIME), made of texts that nobody has to trust.

The standard library's messages read a header again when it is set, encoded words included, and break it at line ends of
Unicode: a name can become a header of its own. Here every name goes into ASCII first, and nothing is read again.
"""

import quopri
import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime

import idna
from msgspec import Struct

_MAX_NAME_LENGTH = 200
_WORD_BYTES = 45
"""Of text in an encoded word, which may have 75 characters in all (RFC 2047)."""
_LONGEST_PLAIN = 60
_PLAIN = re.compile(r"[A-Za-z0-9 !#$%&'*+/^_`{|}~-]*")
_NEVER = {"Cc", "Cs", "Zl", "Zp"}
_TURNS_THE_LINE = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Bidirectional control: with it a sender's name can look like another's."""
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u00a1-\U0010ffff-]{1,64}")
_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)+")


class NotAnAddress(Exception):
    """No mail can be sent to it."""


class Address(Struct, frozen=True):
    """An e-mail address in the form in which servers take it: its domain in ASCII."""

    local_part: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Raises NotAnAddress."""
        local_part, _, domain = text.rpartition("@")
        return cls(_checked_local_part(local_part), ascii_domain(domain))

    @property
    def is_ascii(self) -> bool:
        """Whether every server takes it, also one without SMTPUTF8 (RFC 6531)."""
        return self.local_part.isascii()

    def __str__(self) -> str:
        return f"{self.local_part}@{self.domain}"


class InternetMessage(Struct, frozen=True, kw_only=True):
    """A message with a text and an HTML part. ``id``: without brackets; a repeat has the same one.

    ``language``: a BCP 47 tag.
    """

    id: str
    at: datetime
    sender_name: str
    sender: Address
    recipient_name: str
    recipient: Address
    reply_to: Address | None
    subject: str
    language: str
    text: str
    html: str

    def encode(self) -> bytes:
        """ASCII, but for a recipient whose address is not."""
        boundary = f"=_{''.join(each for each in self.id if each.isalnum())[:60]}"
        headers = [
            ("Date", format_datetime(self.at)),
            ("From", _mailbox(self.sender_name, self.sender)),
            ("To", _mailbox(self.recipient_name, self.recipient)),
            *([("Reply-To", f"<{self.reply_to}>")] if self.reply_to else []),
            ("Message-ID", f"<{self.id}>"),
            ("Subject", _phrase(self.subject, quoted=False)),
            ("Auto-Submitted", "auto-generated"),
            ("X-Auto-Response-Suppress", "All"),
            ("Content-Language", self.language),
            ("MIME-Version", "1.0"),
            ("Content-Type", f'multipart/alternative;\r\n boundary="{boundary}"'),
        ]
        lines = [f"{name}: {value}" for name, value in headers]
        lines += ["", f"--{boundary}", *_part("plain", self.text)]
        lines += [f"--{boundary}", *_part("html", self.html)]
        lines += [f"--{boundary}--", ""]
        return "\r\n".join(lines).encode()


def ascii_domain(domain: str) -> str:
    """Raises NotAnAddress."""
    try:
        domain = domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        raise NotAnAddress from None
    if not _DOMAIN.fullmatch(domain):
        raise NotAnAddress
    return domain


def one_line(text: str, *, max_length: int = _MAX_NAME_LENGTH) -> str:
    """The text without what could end a line or turn its direction."""
    shown = "".join(
        " " if unicodedata.category(each) in _NEVER else each
        for each in text[:max_length]
        if unicodedata.bidirectional(each) not in _TURNS_THE_LINE
    )
    return " ".join(shown.split())


def _checked_local_part(text: str) -> str:
    letters = all(unicodedata.category(each)[0] in "LMNPS" for each in text)
    if not (_LOCAL_PART.fullmatch(text) and letters) or text[0] == "." or text[-1] == "." or ".." in text:
        raise NotAnAddress
    return text


def _mailbox(name: str, address: Address) -> str:
    phrase = _phrase(name, quoted=True)
    return f"{phrase}\r\n <{address}>" if phrase else f"<{address}>"


def _phrase(text: str, *, quoted: bool) -> str:
    """A name or a subject. What is not short plain ASCII goes into encoded words, a line each."""
    line = one_line(text)
    if "=?" not in line and len(line) <= _LONGEST_PLAIN:
        if _PLAIN.fullmatch(line):
            return line
        if line.isascii():
            escaped = line.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"' if quoted else line
    return "\r\n ".join(f"=?utf-8?b?{b64encode(word).decode()}?=" for word in _words(line))


def _words(line: str) -> Iterator[bytes]:
    """Pieces of whole characters."""
    word = b""
    for each in line:
        encoded = each.encode()
        if len(word) + len(encoded) > _WORD_BYTES:
            yield word
            word = b""
        word += encoded
    yield word


def _part(subtype: str, content: str) -> list[str]:
    body = quopri.encodestring("\n".join([*content.splitlines(), ""]).encode(errors="replace")).decode()
    return [
        f"Content-Type: text/{subtype}; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        *body.rstrip("\n").split("\n"),
        "",
    ]
