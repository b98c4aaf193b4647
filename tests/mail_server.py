"""A real SMTP server on loopback, which takes mail or misbehaves as a test wants."""

import asyncio
import email
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeAlias

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer: TypeAlias = "Callable[[SMTP], Awaitable[str]]"
"""What the server says at one point of the conversation, such as ``550 5.1.1 no such user``."""

OK = "250 OK"


def saying(reply: str) -> Answer:
    async def answer(_server: SMTP) -> str:
        return reply

    return answer


SAYS_OK = saying(OK)


async def hang(_server: SMTP) -> str:
    """Say nothing, for as long as anybody waits."""
    await asyncio.Event().wait()
    raise AssertionError


async def cut(server: SMTP) -> str:
    """Close the connection instead of answering."""
    _transport(server).abort()
    return OK


def _transport(server: SMTP) -> asyncio.Transport:
    assert isinstance(server.transport, asyncio.Transport)
    return server.transport


def after(seconds: float, reply: str = OK) -> Answer:
    async def answer(_server: SMTP) -> str:
        await asyncio.sleep(seconds)
        return reply

    return answer


@dataclass(frozen=True)
class Mail:
    """One that was accepted, as it came."""

    sender: str
    recipient: str
    raw: bytes
    over_tls: bool
    signed_in: bool

    @property
    def message(self) -> EmailMessage:
        parsed = email.message_from_bytes(self.raw, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def part(self, subtype: str) -> str:
        part = self.message.get_body((subtype,))
        assert part is not None
        content: str = part.get_content()
        return content

    @property
    def text(self) -> str:
        return self.part("plain")

    @property
    def html(self) -> str:
        return self.part("html")


@dataclass
class MailServer:
    """``at_mail``, ``at_recipient``, ``at_data``: its answers to MAIL, RCPT and the end of the message."""

    at_greeting: Answer = SAYS_OK
    at_mail: Answer = SAYS_OK
    at_recipient: Answer = SAYS_OK
    at_data: Answer = SAYS_OK
    port: int = 0
    got: list[Mail] = field(default_factory=list)
    connections: int = 0
    open: set[asyncio.Transport] = field(default_factory=set)
    most_open: int = 0
    names: set[str] = field(default_factory=set)
    """What clients called themselves."""

    async def handle_EHLO(  # noqa: N802  # aiosmtpd's name, as are those below
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.names.add(hostname)
        said = await self.at_greeting(server)
        return responses if said == OK else [said]

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        said = await self.at_mail(server)
        if said == OK:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return said

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        said = await self.at_recipient(server)
        if said == OK:
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        said = await self.at_data(server)
        if said == OK and server.transport is not None and not server.transport.is_closing():
            assert envelope.mail_from is not None
            assert isinstance(envelope.content, bytes)
            [recipient] = envelope.rcpt_tos
            over_tls = session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None
            self.got.append(
                Mail(envelope.mail_from, recipient, envelope.content, over_tls, bool(session.authenticated))
            )
        return said


@contextmanager
def kept_address() -> Iterator[socket.socket]:
    """An address where no server is yet, and where nobody else can put one meanwhile."""
    with socket.socket() as address:
        address.bind(("127.0.0.1", 0))
        yield address


@asynccontextmanager
async def mail_server(
    server: MailServer | None = None,
    *,
    address: socket.socket | None = None,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    utf8: bool = True,
    password: str | None = None,
) -> AsyncIterator[MailServer]:
    """A server for as long as the block lasts. ``address``: see :func:`kept_address`; ``starttls``: it wants TLS before
    anything else; ``tls``: from the start; ``password``: of the user ``shops``, without which it takes nothing.
    """
    chosen = server or MailServer()

    class Counted(SMTP):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            if self.session is None:  # else it is the same one, with TLS from now on
                chosen.connections += 1
            chosen.open.add(transport)
            chosen.most_open = max(chosen.most_open, len(chosen.open))
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            chosen.open = {transport for transport in chosen.open if not transport.is_closing()}
            super().connection_lost(error)

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and (given.login, given.password) == (
            b"shops",
            (password or "").encode(),
        )
        return AuthResult(success=right, handled=False, message=None if right else "535 5.7.8 No such sign-in")

    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: Counted(
            chosen,
            hostname="mail.example",
            loop=loop,
            enable_SMTPUTF8=utf8,
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_required=password is not None,
            auth_require_tls=starttls is not None,
            authenticator=authenticate if password else None,
        ),
        sock=address or socket.create_server(("127.0.0.1", 0)),
        ssl=tls,
    )
    chosen.port = listening.sockets[0].getsockname()[1]
    try:
        yield chosen
    finally:
        listening.close()
        for transport in list(chosen.open):
            transport.abort()
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Certificates:
    """A server's certificate for these names, and what a client needs to believe it."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    file: Path


def certificates(folder: Path, *names: str) -> Certificates:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(list(_general_names(names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{names[0]}.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return Certificates(server, ssl.create_default_context(cafile=file), file)


def _general_names(names: tuple[str, ...]) -> Iterator[x509.GeneralName]:
    for name in names:
        try:
            yield x509.IPAddress(ip_address(name))
        except ValueError:
            yield x509.DNSName(name)
