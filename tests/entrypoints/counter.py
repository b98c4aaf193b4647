"""A person at the API: requests in, answers out, over the real application."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.desk import PASSWORD, Desk


@dataclass
class Counter:
    """Somebody with a credential (or none) in front of the API."""

    http: httpx.AsyncClient
    bearer: str | None = None
    default_headers: dict[str, str] = field(default_factory=dict)

    async def request(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        key: str | None = None,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        sent = {**self.default_headers, **(headers or {})}
        if self.bearer is not None:
            sent.setdefault("Authorization", f"Bearer {self.bearer}")
        if key is not None:
            sent["Idempotency-Key"] = key
        more: dict[str, Any] = {"content": content} if content is not None else {}
        if json is not None:
            more["json"] = json
        return await self.http.request(method, path, params=query, headers=sent, **more)

    async def get(self, path: str, **query: Any) -> Any:
        """The answer to a GET that succeeds."""
        return _sound(await self.request("GET", path, query=query), 200)

    async def post(self, path: str, json: Any = None, *, status: int = 201, key: str | None = None) -> Any:
        """The answer to a POST, under a fresh idempotency key unless one is named."""
        return _sound(await self.request("POST", path, json, key=key or uuid4().hex), status)

    async def patch(self, path: str, json: Any, *, status: int = 200) -> Any:
        return _sound(await self.request("PATCH", path, json), status)

    async def delete(self, path: str, *, status: int = 204) -> Any:
        return _sound(await self.request("DELETE", path), status)


def _sound(answer: httpx.Response, status: int) -> Any:
    assert answer.status_code == status, (answer.status_code, answer.text)
    if not answer.content:
        return None
    expected = "application/problem+json" if status >= 400 else "application/json"
    assert answer.headers["content-type"].split(";")[0] == expected
    return answer.json()


async def sign_in(http: httpx.AsyncClient, desk: Desk, email: str | None = None) -> Counter:
    """The desk's owner, or another of its staff, at the API."""
    body = {"shop": desk.slug, "email": email or desk.owner_email, "password": PASSWORD}
    tokens = await Counter(http).post("/v1/auth/sign-in", body, status=200)
    return Counter(http, tokens["access_token"])
