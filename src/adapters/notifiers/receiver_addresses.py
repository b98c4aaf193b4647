"""Which addresses webhooks may go to: those of the open Internet, judged after names are resolved.

Everything inside the operator's network (databases, the metadata service of a cloud, this program itself) is reached
by somebody, and a shop's staff must not reach it through us. A name may answer otherwise a moment later, so what was
looked up and judged here is also what is connected to.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohappyeyeballs import AddrInfoType, SocketFactoryType
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from core.errors import InvalidField
from core.webhooks import URL_MAX_LENGTH

Address = IPv4Address | IPv6Address
Lookup = Callable[[str], Awaitable[Sequence[str]]]
"""The addresses of a host's name, as text. Raises OSError."""

LOOKUP_SECONDS = 5.0
_LOOKUPS_AT_ONCE = 32

_NOT_PUBLIC: tuple[IPv4Network, ...] = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' own, and some clouds' metadata
        "127.0.0.0/8",  # this machine
        "168.63.129.16/32",  # of every machine at Azure: its host
        "169.254.0.0/16",  # this link, and most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_UNICAST = IPv6Network("2000::/3")
"""What IPv6 has given out to the Internet; outside of it is ::1, fc00::/7, fe80::/10, ff00::/8, IPv4-mapped ..."""
_NOT_PUBLIC_UNICAST: tuple[IPv6Network, ...] = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo (an IPv4 address inside) among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
"""How machines without IPv4 reach it: what counts is the address in its last 32 bits (RFC 6052)."""

_NAME = re.compile(r"(?=.{1,254}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?")
_ENDS_IN_A_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)\.?")
"""An IPv4 address in one of its old spellings, as in the URL standard of browsers: 127.1, 0x7f.1, 2130706433."""


class AddressRefused(Exception):
    """Nothing is sent there. The message says why, and names no address of ours."""


def is_public(address: Address) -> bool:
    """Whether it belongs to the open Internet and to one machine."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _UNICAST and not any(address in network for network in _NOT_PUBLIC_UNICAST)


async def system_lookup(name: str) -> list[str]:
    """As the machine resolves names: /etc/hosts, DNS and what else it is told."""
    found = await asyncio.get_running_loop().run_in_executor(
        _lookups, lambda: socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    )
    return list(dict.fromkeys(str(each[4][0]) for each in found))


_lookups = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, thread_name_prefix="webhook-lookup")
"""Of their own: names that take long to resolve keep nothing else of the program waiting."""


class ReceiverAddresses:
    """See :class:`ports.webhook_endpoints.ReceiverAddresses`."""

    def __init__(
        self,
        *,
        private_allowed: bool,
        lookup: Lookup = system_lookup,
        judge: Callable[[Address], bool] = is_public,
    ) -> None:
        """``private_allowed``: http, and addresses inside the network too, for development."""
        self._private_allowed = private_allowed
        self._lookup = lookup
        self._judge = judge

    async def check(self, url: str) -> None:
        try:
            name = self.parsed(url).raw_host or ""
            if not _is_literal(name):
                async with asyncio.timeout(LOOKUP_SECONDS):
                    await self.of_name(name)
        except AddressRefused as refused:
            raise InvalidField("url", str(refused)) from None
        except OSError:
            # A name that is yet to be made, or a lookup that takes too long (TimeoutError): sending tells.
            return

    def parsed(self, url: str) -> URL:
        """The URL, if it may be sent to as far as can be seen without a lookup.

        Raises:
            AddressRefused.
        """
        if not re.fullmatch(rf"[!-~]{{1,{URL_MAX_LENGTH}}}", url, re.ASCII) or not url.isascii():
            raise AddressRefused(f"must have only visible ASCII characters, at most {URL_MAX_LENGTH}")
        try:
            parsed = URL(url)
            host, port = parsed.raw_host or "", parsed.port
        except ValueError:
            raise AddressRefused("must be a URL, such as https://example.com/webhooks") from None
        if parsed.scheme not in ({"https", "http"} if self._private_allowed else {"https"}):
            raise AddressRefused("must begin with https://")
        authority = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]
        if "@" in authority:
            raise AddressRefused("must not have a user name or password")
        if "#" in url:
            raise AddressRefused("must not have a fragment")
        if not port:
            raise AddressRefused("must not have port 0")
        if _is_literal(host):
            self.require_allowed(host)
        elif "[" in authority or not _NAME.fullmatch(host):
            raise AddressRefused("must name its host by name or as a plain IP address")
        elif _ENDS_IN_A_NUMBER.fullmatch(host):
            raise AddressRefused("must spell an IP address as four numbers with dots, or in IPv6")
        return parsed

    async def of_name(self, name: str) -> list[str]:
        """The addresses behind a name. One that must not be sent to among them spoils all.

        Raises:
            AddressRefused.
            OSError: the name could not be resolved.
        """
        found = await self._lookup(name)
        for address in found:
            self.require_allowed(address)
        return list(found)

    def require_allowed(self, text: str) -> None:
        """Raises AddressRefused."""
        try:
            address = ip_address(text)
        except ValueError:
            raise AddressRefused("must name its host by name or as a plain IP address") from None
        if not self._private_allowed and not self._judge(address):
            raise AddressRefused("must not lead to an address that is not on the open Internet")


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class CheckedResolver(AbstractResolver):
    """Gives aiohttp the addresses that were judged, and no others."""

    def __init__(self, addresses: ReceiverAddresses) -> None:
        self._addresses = addresses

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002  # aiohttp asks for any, unless told otherwise
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in await self._addresses.of_name(host)
        ]

    async def close(self) -> None:
        pass


def checked_socket(addresses: ReceiverAddresses) -> SocketFactoryType:
    """What aiohttp makes sockets with: the last look at an address, whatever way it came. An address that is written
    in the URL itself passes no resolver.
    """

    def make(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        addresses.require_allowed(str(address[0]))
        return socket.socket(family, kind, protocol)

    return make
