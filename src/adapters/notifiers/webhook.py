"""Sends notices as webhooks: one POST, whose every part is bounded in time and size, to an address that was judged."""

import asyncio
import ssl
import unicodedata
from datetime import datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version

import aiohttp
from yarl import URL

from adapters.notifiers.receiver_addresses import AddressRefused, CheckedResolver, ReceiverAddresses, checked_socket
from core.deliveries import Delivery, WebhookReceiver
from core.webhooks import secret_context, signed_headers, webhook_body
from ports.notifier import NotAccepted
from ports.security import Clock, SealBroken, SecretSeal

TIMEOUT_SECONDS = 15.0
"""For all of it: resolving, connecting, sending, and the head of the answer."""
EXCERPT_SECONDS = 1.0
"""How long the rest of an answer may take. Its status says whether it is accepted."""
EXCERPT_BYTES = 1024
ANSWER_MAX_LENGTH = 1000
KEPT_ALIVE_SECONDS = 2.0
"""Shorter than what servers keep: a connection that its server is just closing cannot be sent on."""

_HEADERS = {
    "content-type": "application/json",
    "user-agent": f"Account-Credit/{version('account-credit')}",
    "accept": "*/*",
    "accept-encoding": "identity",
}


class WebhookNotifier:
    """See :class:`ports.notifier.Notifier`. Secrets come sealed and are opened here only.

    Made without a loop; :meth:`close` it in the one that it sent in.
    """

    def __init__(
        self,
        addresses: ReceiverAddresses,
        seal: SecretSeal,
        clock: Clock,
        *,
        ssl_context: ssl.SSLContext | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._addresses = addresses
        self._seal = seal
        self._clock = clock
        self._ssl_context = ssl_context
        self._timeout_seconds = timeout_seconds
        self._session: aiohttp.ClientSession | None = None

    async def send(self, delivery: Delivery) -> str:
        receiver = delivery.receiver
        if not isinstance(receiver, WebhookReceiver):
            raise TypeError("only webhooks are sent here")
        body = webhook_body(delivery.notice, shop_id=delivery.shop.id)
        context = secret_context(delivery.shop.id, receiver.endpoint_id)
        try:
            secrets = [self._seal.unseal(secret, context=context) for secret in receiver.secrets]
            signed = signed_headers(delivery.notice.id, body, secrets=secrets, at=self._clock.now())
            url = self._addresses.parsed(receiver.url)
            return await self._post(url, body, signed)
        except SealBroken:
            raise NotAccepted("The secret to sign with cannot be read. Rotate it.") from None
        except AddressRefused as refused:
            raise NotAccepted(f"The address {refused}.") from None
        except TimeoutError:
            raise NotAccepted(f"No answer within {self._timeout_seconds:g} seconds.") from None
        except (aiohttp.ClientError, OSError, ValueError) as trouble:
            raise NotAccepted(_sentence(trouble)) from None

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _post(self, url: URL, body: bytes, signed: dict[str, str]) -> str:
        """What the receiver answered, if it accepted. Raises NotAccepted, and whatever goes wrong on the way."""
        async with self._open_session().post(
            url, data=body, headers={**_HEADERS, **signed}, allow_redirects=False
        ) as response:
            answer = await _answer_of(response)
            # Not back to the pool: what is not read of it is not waited for.
            if not response.content.at_eof():
                response.close()
            if 200 <= response.status < 300:
                return answer
            raise NotAccepted(
                answer,
                retry_after_seconds=_retry_after_seconds(response, self._clock.now()),
                gone=response.status == 410,
            )

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=CheckedResolver(self._addresses),
                socket_factory=checked_socket(self._addresses),
                ssl=self._ssl_context or True,
                # How many are in flight is decided by who calls; a limit here would let one receiver wait for another.
                limit=0,
                keepalive_timeout=KEPT_ALIVE_SECONDS,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=self._timeout_seconds),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
            )
        return self._session


async def _answer_of(response: aiohttp.ClientResponse) -> str:
    """The status and the beginning of the text, printable and on one line."""
    excerpt = b""
    try:
        async with asyncio.timeout(EXCERPT_SECONDS):
            while len(excerpt) < EXCERPT_BYTES and (part := await response.content.read(EXCERPT_BYTES - len(excerpt))):
                excerpt += part
    except (aiohttp.ClientError, OSError):
        pass  # TimeoutError too: what came so far is told
    text = f"{response.status} {response.reason or ''} {excerpt.decode('utf-8', 'replace')}"
    return printable(text)


def printable(text: str) -> str:
    """One line of at most 1000 characters that shows what it is and controls nothing."""
    shown = "".join(" " if character.isspace() else character for character in text)
    shown = "".join(character for character in shown if unicodedata.category(character)[0] != "C")
    return " ".join(shown.split())[:ANSWER_MAX_LENGTH].rstrip()


def _retry_after_seconds(response: aiohttp.ClientResponse, now: datetime) -> float | None:
    """What the answer says of when to come again: in seconds, or as a date (RFC 9110, 10.2.3)."""
    said = response.headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:10])
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return None
    if moment.tzinfo is None:  # as "-0000" is read
        return None
    return max(0.0, (moment - now).total_seconds())


def _sentence(trouble: Exception) -> str:
    """What went wrong, without addresses: those of names are nobody's business but their resolver's."""
    match trouble:
        case aiohttp.ClientConnectorDNSError():
            said = "The host's name cannot be resolved"
        case aiohttp.ClientConnectorCertificateError():
            said = f"The certificate is not trusted: {getattr(trouble.certificate_error, 'verify_message', '')}"
        case aiohttp.ClientConnectorSSLError():
            said = "No secure connection could be made"
        case aiohttp.ClientConnectorError():
            said = "No connection could be made"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
            said = "The connection was closed before there was an answer"
        case _:
            said = "The answer is not one of HTTP"
    return printable(said).rstrip(": ") + "."
