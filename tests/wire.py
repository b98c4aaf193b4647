"""A wire tap: stands between the program and its database and counts what the program waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, unquote, urlsplit

_HEADER = 5  # a type of one byte and a length of four, which counts itself
_WAITS = {ord("Q"), ord("S")}
"""Query, which is a message of its own, and Sync, which ends Parse, Bind, Execute: after each the client waits until
the server is ready again.
"""


@dataclass
class WireTap:
    """``url``: the database by way of the tap. ``messages``: how often whoever used it waited for the server so far;
    ``connections``: how many were made.
    """

    url: str
    messages: int = 0
    connections: int = 0


@asynccontextmanager
async def tapped(url: str) -> AsyncIterator[WireTap]:
    """For a server that is reached without TLS: by a socket, or on this machine or its network."""
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    host, port = query.get("host") or parts.hostname or "localhost", int(query.get("port") or parts.port or 5432)
    user, password = quote(unquote(parts.username or ""), safe=""), parts.password
    signing_in = user if password is None else f"{user}:{password}"
    connections: set[asyncio.Task[None]] = set()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tap.connections += 1
        connections.add(asyncio.current_task())  # type: ignore[arg-type]  # a callback of a server runs in a task
        if host.startswith("/"):
            to_server = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            to_server = await asyncio.open_connection(host, port)
        back = asyncio.create_task(_copy(to_server[0], writer))
        try:
            await _copy_and_count(reader, to_server[1], tap)
        finally:
            to_server[1].close()
            await back

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    tap_port = server.sockets[0].getsockname()[1]
    tap = WireTap(f"postgresql://{signing_in}@127.0.0.1:{tap_port}{parts.path}?sslmode=disable")
    try:
        yield tap
    finally:
        server.close()
        await asyncio.gather(*connections, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def _copy_and_count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tap: WireTap) -> None:
    try:
        # The first message has no type: its length, then what the client wants of the server.
        header = await reader.readexactly(4)
        writer.write(header + await reader.readexactly(int.from_bytes(header) - 4))
        while True:
            header = await reader.readexactly(_HEADER)
            body = await reader.readexactly(int.from_bytes(header[1:]) - 4)
            tap.messages += header[0] in _WAITS
            writer.write(header + body)
    except asyncio.IncompleteReadError:
        return  # the client is gone
