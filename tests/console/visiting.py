"""The console without a browser: requests as one would send them, and as one never would."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlsplit
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
        entries: Mapping[str, str | list[str]] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        key: str | None = None,
    ) -> httpx.Response:
        fresh = {"_token": self.token if token is None else token, "_key": key or uuid4().hex}
        sent: dict[str, str | list[str]] = {**fresh, **(entries or {})}
        return await self.http.post(path, data=sent, headers={"Origin": ORIGIN, **(headers or {})})

    async def sign_in(self, desk: Desk, email: str | None = None, password: str = PASSWORD) -> httpx.Response:
        await self.get("/app/sign-in")
        answer = await self.post(
            "/app/sign-in", {"shop": desk.slug, "email": email or desk.owner_email, "password": password}
        )
        if answer.status_code == 303:
            await self.get("/app/clients")
        return answer


def _is_sent(field: Mapping[str, str | None]) -> bool:
    return "disabled" not in field and (field.get("type") not in {"checkbox", "radio"} or "checked" in field)


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[str, list[str]] = {}
        self._inside = False
        self._choice = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        name, value = has.get("name") or "", has.get("value") or ""
        if tag == "form":
            self._inside = (has.get("action") or "").endswith("?sent=")
        elif tag == "select":
            self._choice = name
        elif self._inside and tag == "option" and "selected" in has:
            self.entries[self._choice] = [value]
        elif self._inside and tag == "input" and name not in {"", "_token", "_key"} and _is_sent(has):
            self.entries.setdefault(name, []).append(value)

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"


def fields_of(page: httpx.Response) -> dict[str, str | list[str]]:
    """What the form of a page sends if nobody touches it: its inputs and choices, without token, key and buttons."""
    reader = _Fields()
    reader.feed(page.text)
    return {name: texts if len(texts) > 1 else texts[0] for name, texts in reader.entries.items()}


def http_of(app: Litestar) -> httpx.AsyncClient:
    """As a browser with cookies of its own."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]  # its own ASGI types
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN)


DOWNLOADS = (".csv", ".pdf")


def links_in(page: httpx.Response) -> set[tuple[str, str]]:
    """Methods and paths that a page leads to: by links, forms, what is fetched for it, and as a redirect."""
    text = page.text
    found = [("GET", address) for address in re.findall(r'(?:href|hx-get)="(/[^"]*)"', text)]
    found += [("POST", address) for address in re.findall(r'(?:formaction|hx-post)="(/[^"]*)"', text)]
    for form in re.findall(r"<form [^>]*>", text):
        method = "POST" if 'method="post"' in form else "GET"
        found += [(method, address) for address in re.findall(r' action="(/[^"]*)"', form)]
    found.append(("GET", page.headers.get("location", "")))
    return {(method, urlsplit(address.replace("&amp;", "&")).path) for method, address in found if address}


async def reached(visiting: Visiting) -> dict[tuple[str, str], bool]:
    """Every method and path that links and forms lead to, from the list of clients on, and whether a page is shown
    there. No form is sent.
    """
    pages: dict[tuple[str, str], bool] = {}
    # A link cannot tick a box.
    waiting = [("GET", "/app/clients"), ("GET", "/app/clients?deleted=true")]
    while waiting:
        method, path = waiting.pop()
        if (method, path) in pages:
            continue
        pages[method, path] = False
        ours = path.startswith("/app") and not path.startswith("/app/assets/") and not path.endswith(DOWNLOADS)
        if method == "GET" and ours:
            answer = await visiting.get(path)
            pages[method, path] = answer.status_code == 200
            waiting += [each for each in links_in(answer) if each not in pages]
    return pages


async def shown_pages(visiting: Visiting) -> list[str]:
    """Paths of every page that links lead to."""
    return [path for (_, path), shown in (await reached(visiting)).items() if shown]


Comes = Callable[[], Awaitable[Visiting]]
"""Somebody new comes."""
