"""Sends notices as e-mail, over connections to one SMTP server that are kept for a while."""

import asyncio
import ssl
from asyncio import Task, TimerHandle
from contextlib import suppress
from typing import Literal

import structlog
from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPStatus,
)
from msgspec import Struct

from adapters.notifiers.internet_message import Address, InternetMessage, NotAnAddress, one_line
from adapters.notifiers.letters import Letter, letter_of_endpoint_off, letter_of_notice
from core.deliveries import ANSWER_MAX_LENGTH, Delivery, EmailReceiver
from core.shop import ShopSettings
from ports.endpoints_off import EndpointOff, Person
from ports.notifier import NotAccepted
from ports.security import Clock

TlsMode = Literal["starttls", "tls", "none"]

CONNECTIONS = 10
TIMEOUT_SECONDS = 15.0
"""For one message, connecting included. A server that looks for viruses may take its time."""
KEPT_SECONDS = 20.0
"""How long a connection waits for the next message. Servers close theirs after some minutes."""
MESSAGES_PER_CONNECTION = 100
"""Servers have a limit, and some say so only by closing."""

_TRY_LATER = {500, 502, 503, 504, 530, 534, 535, 538, 552}
"""Replies above 500 that are not about a recipient or a message but about us, our commands or our sign-in, which
somebody can put right; and 552, a mailbox that is full or too many recipients (RFC 5321, 4.5.3.1.10).
"""

_log = structlog.get_logger("smtp")


class SmtpServer(Struct, frozen=True, kw_only=True):
    """Where e-mail is handed over. ``tls``: from the start, by STARTTLS (never without, if the server does not offer
    it), or not at all.
    """

    host: str
    port: int
    tls: TlsMode
    username: str | None = None
    password: str | None = None


class _Connection:
    """One connection, and what was done with it."""

    def __init__(self, smtp: SMTP) -> None:
        self.smtp = smtp
        self.messages = 0
        self.closes_at: TimerHandle | None = None


class SmtpConnections:
    """At most :data:`CONNECTIONS` to the server. Made without a loop; :meth:`close` it in the one that it sent in.

    ``name``: what we call ourselves to the server. ``tls_context``: another than the system's.
    """

    def __init__(
        self,
        server: SmtpServer,
        *,
        name: str,
        tls_context: ssl.SSLContext | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        kept_seconds: float = KEPT_SECONDS,
    ) -> None:
        self._server = server
        self._name = name
        self._tls_context = tls_context
        self._timeout_seconds = timeout_seconds
        self._kept_seconds = kept_seconds
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._kept: list[_Connection] = []
        self._leaving: set[Task[None]] = set()

    async def send(self, message: InternetMessage) -> str:
        """What the server answered when it took the message.

        Raises:
            NotAccepted: what it says of our own side stays in the log; what it says of the recipient does not.
        """
        async with self._slots:
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    return await self._send(message)
            except TimeoutError as late:
                raise self._trouble("The SMTP server did not answer in time.", late) from None
            except (SMTPException, OSError) as error:
                raise self._trouble("The SMTP server could not be used.", error) from None

    async def close(self) -> None:
        """Take leave of the server."""
        while self._kept:
            self._leave(self._kept.pop())
        if self._leaving:
            await asyncio.wait(self._leaving)

    async def _send(self, message: InternetMessage) -> str:
        while kept := self._take_kept():
            try:
                return await self._hand_over(kept, message)
            except _ClosedWhileKept:
                continue
        return await self._hand_over(await self._connected(), message)

    async def _hand_over(self, connection: _Connection, message: InternetMessage) -> str:
        try:
            answer = await _transaction(connection, message)
        except NotAccepted:
            with suppress(SMTPException):
                await connection.smtp.rset()
                self._keep(connection)
            raise
        except BaseException:
            connection.smtp.close()
            raise
        self._keep(connection)
        return answer

    async def _connected(self) -> _Connection:
        server = self._server
        smtp = SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            tls_context=self._context(),
            local_hostname=self._name,
            timeout=self._timeout_seconds,
        )
        await smtp.connect()
        try:
            if smtp.last_ehlo_response is None:
                await smtp.ehlo()
        except BaseException:
            smtp.close()
            raise
        return _Connection(smtp)

    def _context(self) -> ssl.SSLContext | None:
        """Made once: it reads all the certificates of the machine."""
        if self._tls_context is None and self._server.tls != "none":
            self._tls_context = ssl.create_default_context()
        return self._tls_context

    def _take_kept(self) -> _Connection | None:
        while self._kept:
            connection = self._kept.pop()
            if connection.closes_at is not None:
                connection.closes_at.cancel()
            if connection.smtp.is_connected:
                return connection
        return None

    def _keep(self, connection: _Connection) -> None:
        if not connection.smtp.is_connected:
            return
        if connection.messages >= MESSAGES_PER_CONNECTION:
            self._leave(connection)
            return
        self._kept.append(connection)
        loop = asyncio.get_running_loop()
        connection.closes_at = loop.call_later(self._kept_seconds, self._drop, connection)

    def _drop(self, connection: _Connection) -> None:
        self._kept.remove(connection)
        self._leave(connection)

    def _leave(self, connection: _Connection) -> None:
        if connection.closes_at is not None:
            connection.closes_at.cancel()
        leaving = asyncio.get_running_loop().create_task(_quit(connection.smtp))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def _trouble(self, sentence: str, error: Exception) -> NotAccepted:
        # The details are the operator's: shops read the answers in their log. But what is said of a recipient, who may
        # be named in it, is not the operator's either.
        of_recipient = isinstance(error, SMTPRecipientRefused | SMTPDataError)
        said = str(error.args[0]) if of_recipient else one_line(str(error))
        _log.warning("smtp_trouble", trouble=type(error).__name__, said=said)
        return NotAccepted(sentence)


class _ClosedWhileKept(Exception):
    """The server had closed the connection before it got anything of the message."""


async def _transaction(connection: _Connection, message: InternetMessage) -> str:
    """Raises NotAccepted for what is about the recipient or the message, SMTPException or OSError for the rest."""
    smtp, recipient = connection.smtp, message.recipient
    used_before, connection.messages = connection.messages > 0, connection.messages + 1
    wide = not recipient.is_ascii
    if wide and not smtp.supports_extension("smtputf8"):
        raise NotAccepted("The SMTP server takes no addresses with such letters.", for_good=True)
    try:
        await smtp.mail(str(message.sender), options=["SMTPUTF8"] if wide else None)
    except (SMTPServerDisconnected, SMTPResponseException) as error:
        if used_before and not smtp.is_connected:
            raise _ClosedWhileKept from error
        raise
    try:
        await smtp.rcpt(str(recipient), encoding="utf-8" if wide else "ascii")
        accepted = await smtp.data(message.encode())
    except SMTPResponseException as refused:
        if refused.code < 400 or refused.code == SMTPStatus.domain_unavailable:
            raise
        raise NotAccepted(
            _answer(refused.code, refused.message), for_good=refused.code >= 500 and refused.code not in _TRY_LATER
        ) from None
    return _answer(accepted.code, accepted.message)


def _answer(code: int, message: str) -> str:
    return one_line(f"{code} {message}", max_length=ANSWER_MAX_LENGTH)


async def _quit(smtp: SMTP) -> None:
    try:
        await smtp.quit(timeout=1)
    except (SMTPException, OSError):
        pass  # whatever it says, we are leaving
    finally:
        smtp.close()


class SmtpNotifier:
    """Writes e-mails. See :class:`ports.notifier.Notifier`, for clients, and :class:`ports.endpoints_off.StaffMail`.

    ``sender``: the address that all mail is from; the name beside it is the shop's.
    """

    def __init__(self, connections: SmtpConnections, clock: Clock, *, sender: Address) -> None:
        self._connections = connections
        self._clock = clock
        self._sender = sender

    async def send(self, delivery: Delivery) -> str:
        receiver = delivery.receiver
        if not isinstance(receiver, EmailReceiver):
            raise TypeError("only e-mail is sent here")
        letter = letter_of_notice(delivery.notice, delivery.shop, client_name=receiver.client_name)
        return await self._post(
            letter,
            delivery.shop,
            message_id=str(delivery.notice.id),
            name=receiver.client_name,
            address=receiver.address,
        )

    async def endpoint_off(self, shop: ShopSettings, person: Person, endpoint: EndpointOff) -> None:
        letter = letter_of_endpoint_off(
            shop, url=endpoint.url, why=endpoint.off_reason, since=endpoint.off_since, staff_name=person.name
        )
        await self._post(
            letter,
            shop,
            message_id=f"{endpoint.id}.{endpoint.off_since:%Y%m%d%H%M%S}.{person.id}",
            name=person.name,
            address=person.email,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._connections.close()

    async def _post(self, letter: Letter, shop: ShopSettings, *, message_id: str, name: str, address: str) -> str:
        try:
            recipient = Address.parse(address)
        except NotAnAddress:
            raise NotAccepted("No mail can be sent to an address of that form.", for_good=True) from None
        return await self._connections.send(
            InternetMessage(
                id=f"{message_id}@{self._sender.domain}",
                at=self._clock.now(),
                sender_name=shop.name,
                sender=self._sender,
                recipient_name=name,
                recipient=recipient,
                reply_to=_reply_to(shop),
                subject=letter.subject,
                language=letter.language,
                text=letter.text,
                html=letter.html,
            )
        )


def _reply_to(shop: ShopSettings) -> Address | None:
    try:
        return None if shop.email is None else Address.parse(shop.email)
    except NotAnAddress:
        return None
