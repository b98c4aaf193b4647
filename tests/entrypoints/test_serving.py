"""How the server is run: who it takes the caller to be, and what it does with requests when it is told to stop."""

import asyncio
import socket
from typing import Any

import httpx
import pytest
from litestar.types import Receive, Scope, Send

from entrypoints.http_server import serve_until
from entrypoints.listening import CannotListen, address_of, listening
from entrypoints.serving import BehindProxy
from entrypoints.stopping import Stop

PROXY = "10.0.0.1"


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        ([], PROXY),
        ([(b"x-forwarded-for", b"203.0.113.7")], "203.0.113.7"),
        ([(b"x-forwarded-for", b"1.2.3.4, 203.0.113.7")], "203.0.113.7"),
        ([(b"x-forwarded-for", b"1.2.3.4"), (b"x-forwarded-for", b"203.0.113.7")], "203.0.113.7"),
        ([(b"x-forwarded-for", b"2001:db8::7")], "2001:db8::7"),
        ([(b"x-forwarded-for", b" ")], PROXY),
    ],
    ids=["no header", "the proxy's word", "after the caller's own claim", "in a header of its own", "IPv6", "empty"],
)
async def test_behind_a_proxy_the_caller_is_whom_the_proxy_saw_and_not_whom_the_caller_claims(
    headers: list[tuple[bytes, bytes]], caller: str
) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["client"] is not None
        seen.append(scope["client"][0])

    scope = {"type": "http", "headers": headers, "client": (PROXY, 5000)}
    await BehindProxy(app)(scope, None, None)  # type: ignore[arg-type]  # all of a scope that matters here
    assert seen == [caller]


def slow(started: asyncio.Event, seconds: float) -> Any:
    """An application that takes that long to answer."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in ("startup", "shutdown"):
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
            return
        started.set()
        await asyncio.sleep(seconds)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    return app


async def test_a_request_that_is_being_answered_is_answered_before_the_server_stops() -> None:
    stop, started = Stop(), asyncio.Event()
    with listening("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(serve_until(stop, slow(started, 0.5), listener))
        async with httpx.AsyncClient() as client:
            request = asyncio.create_task(client.get(address_of(listener)))
            await started.wait()
            stop.ask()
            answer = await request
        await serving
    assert answer.text == "done"
    assert "server" not in answer.headers


@pytest.mark.parametrize("asked", [1, 2], ids=["after the grace", "at once when asked again"])
async def test_a_request_that_takes_too_long_does_not_keep_the_server(asked: int) -> None:
    stop, started = Stop(), asyncio.Event()
    grace_seconds = 1 if asked == 1 else 3600
    with listening("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(serve_until(stop, slow(started, 3600), listener, grace_seconds=grace_seconds))
        async with httpx.AsyncClient() as client:
            request = asyncio.create_task(client.get(address_of(listener), timeout=30))
            await started.wait()
            for _ in range(asked):
                stop.ask()
            async with asyncio.timeout(20):
                await serving
            request.cancel()


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("no.such.host.invalid", "Cannot serve on no.such.host.invalid: "),
        ("203.0.113.7", "Cannot serve on 203.0.113.7:"),
    ],
    ids=["no such host", "not ours"],
)
def test_an_address_that_cannot_be_served_on_is_one_sentence(host: str, sentence: str) -> None:
    with pytest.raises(CannotListen) as told, listening(host, 8000):
        pass
    assert str(told.value).startswith(sentence)
    assert str(told.value).endswith(".")


def test_an_ipv6_address_can_be_typed_into_a_browser() -> None:
    if not _has_ipv6():
        with pytest.raises(CannotListen, match="Cannot serve on"), listening("::1", 0):
            pass
        return
    with listening("::1", 0) as listener:
        assert address_of(listener) == f"http://[::1]:{listener.getsockname()[1]}"


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
