"""The application as somebody from outside comes to it: from an address, with a credential that may be forged."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
from litestar.types import ASGIApp

from entrypoints.container import STAFF_API_AUDIENCE, Container
from tests.desk import PASSWORD, Desk, SetClock

SIGN_IN = "/v1/auth/sign-in"
WRONG = "wrong wrong wrong"


@dataclass
class Door:
    """The application, reached from an address of the test's choosing. Its clock can be set."""

    container: Container
    app: ASGIApp
    clock: SetClock

    @asynccontextmanager
    async def http(self, address: str, app: ASGIApp | None = None) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(
            app=app or self.app,  # type: ignore[arg-type]  # httpx has ASGI types of its own
            client=(address, 50000),
            raise_app_exceptions=False,
        )
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
            yield client

    async def sign_in(
        self,
        desk: Desk,
        password: str = PASSWORD,
        *,
        address: str | None = None,
        app: ASGIApp | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """From a new address unless one is named."""
        body = {"shop": desk.slug, "email": desk.owner_email, "password": password, **more}
        async with self.http(address or an_address(), app) as http:
            return await http.post(SIGN_IN, json=body, headers=headers)

    async def fail(self, desk: Desk, times: int = 10, **more: Any) -> None:
        for _ in range(times):
            answer = await self.sign_in(desk, WRONG, **more)
            assert answer.status_code == 401


def an_address() -> str:
    """Of a network of its own."""
    return f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1"


def is_throttled(answer: httpx.Response) -> bool:
    if answer.status_code == 429:
        assert answer.json()["code"] == "too_many_requests"
        assert 0 < int(answer.headers["retry-after"]) <= 15 * 60 + 1
        return True
    return False


def without_request_id(answer: httpx.Response) -> tuple[int, dict[str, str], dict[str, Any]]:
    problem = answer.json()
    del problem["request_id"]
    headers = dict(answer.headers)
    del headers["x-request-id"]
    return answer.status_code, headers, problem


@dataclass
class Forge:
    """Makes tokens as the program does, or nearly so."""

    door: Door
    desk: Desk

    @property
    def keys(self) -> dict[str, bytes]:
        return self.door.container.keys().derive(f"access-tokens/{STAFF_API_AUDIENCE}")

    def token(
        self,
        *,
        key: Any = None,
        algorithm: str = "HS256",
        header: dict[str, Any] | None = None,
        without: str | None = None,
        **claims: Any,
    ) -> str:
        [(key_id, right_key)] = self.keys.items()
        now = datetime.now(UTC)
        said = {
            "iss": "account-credit",
            "aud": STAFF_API_AUDIENCE,
            "sub": str(self.desk.owner.credential.id),
            "shop": str(self.desk.shop_id),
            "iat": now,
            "exp": now + timedelta(minutes=5),
            **claims,
        }
        said.pop(without or "", None)
        headers = {"kid": key_id, "typ": "at+jwt", **(header or {})}
        return jwt.encode(said, right_key if key is None else key, algorithm=algorithm, headers=headers)
