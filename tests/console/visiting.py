"""The console without a browser: requests as one would send them, and as one never would."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import uuid4

import httpx
from litestar import Litestar

from tests.desk import PASSWORD, Desk

ORIGIN = "https://shop.test"
SESSION = "__Host-account-credit-session"


@dataclass
class Visiting:
    """Somebody with cookies. Every form gets the token of a page that they were shown, unless a test says otherwise."""

    http: httpx.AsyncClient
    token: str = ""

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        answer = await self.http.get(path, headers=headers)
        found = re.search(r'name="_token" value="([^"]+)"', answer.text)
        self.token = found[1] if found else self.token
        return answer

    async def post(
        self,
        path: str,
        entries: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        key: str | None = None,
    ) -> httpx.Response:
        sent = {"_token": self.token if token is None else token, "_key": key or uuid4().hex, **(entries or {})}
        return await self.http.post(path, data=sent, headers={"Origin": ORIGIN, **(headers or {})})

    async def sign_in(self, desk: Desk, email: str | None = None, password: str = PASSWORD) -> httpx.Response:
        await self.get("/app/sign-in")
        answer = await self.post(
            "/app/sign-in", {"shop": desk.slug, "email": email or desk.owner_email, "password": password}
        )
        if answer.status_code == 303:
            await self.get("/app/clients")
        return answer


def http_of(app: Litestar) -> httpx.AsyncClient:
    """As a browser with cookies of its own."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]  # its own ASGI types
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN)


Comes = Callable[[], Awaitable[Visiting]]
"""Somebody new comes."""
