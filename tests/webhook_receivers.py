"""Receivers of webhooks on loopback: good ones, and ones that misbehave as only a socket can."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias

Behaviour: TypeAlias = "Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]"


@dataclass
class Request:
    """One POST, as it came."""

    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebhookReceiver:
    """``behave``: what it does once it has a request. ``connections``: how often somebody connected."""

    behave: Behaviour
    got: list[Request] = field(default_factory=list)
    connections: int = 0
    hung_up_on: asyncio.Event = field(default_factory=asyncio.Event)
    """The sender closed the connection while the answer was still being given."""
    port: int = 0
    scheme: str = "http"
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}/hooks?shop=1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.got.append(await _request(reader))
                await self.behave(reader, writer)
                await writer.drain()
                if writer.is_closing():
                    break
        except asyncio.IncompleteReadError:
            pass
        except (ConnectionError, asyncio.CancelledError):
            self.hung_up_on.set()
        finally:
            writer.close()


async def _request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers["content-length"]))
    method, target, _ = first.split(" ")
    assert method == "POST"
    return Request(target, headers, body)


@asynccontextmanager
async def receiving(
    behave: Behaviour, *, ssl_context: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[WebhookReceiver]:
    """A receiver that does so, for as long as the block lasts."""
    receiver = WebhookReceiver(behave, scheme="https" if ssl_context else "http", host=host)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(asyncio.CancelledError):
            await receiver.serve(reader, writer)
        tasks.discard(task)

    server = await asyncio.start_server(serve, host, port, ssl=ssl_context)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(status: str = "200 OK", body: bytes = b"", **headers: str) -> Behaviour:
    """Such as ``answering("503 Service Unavailable", retry_after="120")``."""
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    answer = "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode("latin-1") + body

    async def behave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return behave


def slowly(seconds: float, status: str = "200 OK") -> Behaviour:
    """Answers after that long."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await answering(status)(reader, writer)

    return behave


def hanging(*, after: bytes = b"") -> Behaviour:
    """Says that much, and then nothing; sees it when the sender gives up."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(after)
        await writer.drain()
        async with asyncio.timeout(60):
            if not await reader.read(1):
                raise ConnectionAbortedError

    return behave


def breaking_off(after: bytes = b"") -> Behaviour:
    """Says that much, and closes."""

    async def behave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(after)
        await writer.drain()
        writer.close()

    return behave


def pouring(head: bytes, part: bytes, times: int = 2**30) -> Behaviour:
    """Says ``head``, and then ``part`` as often and as fast as the sender takes it."""

    async def behave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        for _ in range(times):
            writer.write(part)
            await writer.drain()

    return behave
