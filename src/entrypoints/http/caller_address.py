"""Where a request came from, as the throttle of signing in counts it."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any

from litestar.connection import ASGIConnection

_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](:\d+)?|(?P<v4>[0-9.]+):\d+")
_LONGEST = 100
_NETWORK_BITS = 64


def caller_address(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The address of whoever is connected: of the proxy in front, unless it is trusted to say whom it speaks for.

    Who has one IPv6 address has the 2**64 of its network, so the network is the address.
    """
    host = connection.client.host if connection.client else "unknown"
    with_port = _WITH_PORT.fullmatch(host)
    if with_port:
        host = with_port["v6"] or with_port["v4"]
    try:
        return str(IPv4Address(host))
    except AddressValueError:
        pass
    try:
        address = IPv6Address(host)
    except AddressValueError:
        return host[:_LONGEST]
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    network = int(address) >> _NETWORK_BITS << _NETWORK_BITS
    return f"{IPv6Address(network)}/{_NETWORK_BITS}"
