"""Every route by everybody who has no business there: what they are told, what changes, and what the log says of it.

Two shops that are full of things of their own. Whoever is not of the first one sends its ids, in every place of a
request that takes one, and ids of nothing: the answers are the same bytes, no row of any table changes, and none of
what the first shop holds stands in an answer or in a line of the log.
"""

import io
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import asyncpg
import httpx
from litestar import Litestar

from adapters.security.access_tokens import JwtAccessTokens
from core.ids import StaffId
from core.staff import Permission
from entrypoints.container import STAFF_API_AUDIENCE, Container, running
from entrypoints.serving import BehindProxy
from entrypoints.web_container import staff_api_app
from tests.console import routes as console_routes
from tests.database import Database
from tests.desk import PASSWORD, SetClock, container_for
from tests.entrypoints.counter import Counter
from tests.entrypoints.door import an_address
from tests.entrypoints.log import written_log
from tests.entrypoints.routes import OPEN, ROUTES, Ids, Json, Route, served
from tests.entrypoints.shop_with_everything import FullShop, open_full_shop
from tests.snapshots import snapshot

# Signing in and out at the console take the token of a page before them; tests/console does it. Behind them are the use
# cases of the same requests to the API.
NOT_HERE = {("POST", "/app/sign-in"), ("POST", "/app/sign-out")}
PAGES = [
    *(Route(each.method, each.path, each.permission, form=each.form) for each in console_routes.ROUTES),
    Route("GET", "/app/sign-in"),
    Route("GET", "/app/assets/{name}", fixed={"name": "console.css"}),
]
GUARDED = {route.path for route in [*ROUTES, *PAGES[: len(console_routes.ROUTES)]]}
SESSION = "__Host-account-credit-session"
# A sign-in that fails is counted, at the shop that was named and for the address that it came from.
WRITTEN_ALL_THE_SAME = {"POST /v1/auth/sign-in": frozenset({"sign_in_failures", "sign_in_failures_by_address"})}

_NO_SECRET = re.compile(r"\d{4}-\d\d-\d\d")
_SHORTEST = 8


def table_of_routes() -> list[Route]:
    """All requests: those of the table, and ``OPTIONS`` at each of its paths."""
    by_path = {route.path: route for route in [*ROUTES, *OPEN, *PAGES]}
    by_path["/app/sign-out"] = Route("OPTIONS", "/app/sign-out")
    options = [
        Route("OPTIONS", path, where=route.where, fixed=route.fixed)  # of the path alone
        for path, route in by_path.items()
    ]
    return [*ROUTES, *OPEN, *PAGES, *options]


def complaints_about_the_table(app: Litestar) -> list[str]:
    """What the application serves and the table does not say, and the other way round."""
    listed = {(route.method, route.path) for route in table_of_routes()}
    at = set(served(app)) - NOT_HERE
    where = "Add a request for it: the text at the top of tests/entrypoints/routes.py says where."
    return [
        *(
            f"{method} {path} is served, and nothing tries whether strangers get in. {where}"
            for method, path in at - listed
        ),
        *(
            f"{method} {path} is in the table of tests/entrypoints/routes.py and is not served."
            for method, path in listed - at
        ),
    ]


def ids_that_no_request_names(app: Litestar) -> list[str]:
    """Where a route takes an id, in its path, query or body, and its request in the table does not give one."""
    document = json.loads(app.state.openapi)
    missing = []
    for route in [*ROUTES, *OPEN]:
        operation = document["paths"].get(route.path, {}).get(route.method.lower())
        if operation is None:  # it is not part of the API
            continue
        ids = Ids()
        given = set(_names({**(route.body(ids) if route.body else {}), **route.query(ids)}))
        given |= set(re.findall(r"\{(\w+)\}", route.path))
        missing += [f"{route.name}: {name}" for name in _ids_taken(operation, document) if name not in given]
    return missing


def _ids_taken(operation: Json, document: Json) -> Iterator[str]:
    for parameter in operation.get("parameters", []):
        if any(
            _resolved(each, document).get("format") == "uuid" for each in _alternatives(parameter.get("schema", {}))
        ):
            yield parameter["name"]
    content = operation.get("requestBody", {}).get("content", {})
    for media in content.values():
        yield from _ids_in(media["schema"], document)


def _ids_in(schema: Json, document: Json) -> Iterator[str]:
    for each in _alternatives(_resolved(schema, document)):
        found = _resolved(each, document)
        for name, kind in found.get("properties", {}).items():
            if any(_resolved(one, document).get("format") == "uuid" for one in _alternatives(kind)):
                yield name
            yield from _ids_in(kind, document)
        if isinstance(found.get("items"), dict):
            yield from _ids_in(found["items"], document)


def _alternatives(schema: Json) -> list[Json]:
    return [schema, *schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])]


def _resolved(schema: Json, document: Json) -> Json:
    while "$ref" in schema:
        place: Any = document
        for name in schema["$ref"].removeprefix("#/").split("/"):
            place = place[name]
        schema = place
    return schema


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from _names(each)


@dataclass(frozen=True)
class Identity:
    """Somebody at the door. ``ids``: what they have themselves, at their own shop. ``may_enter`` False: 401."""

    name: str
    bearer: str | None
    ids: Ids
    session: str | None = None
    """At the console."""
    form_token: str = ""
    may_enter: bool = False
    is_of_the_shop: bool = False
    """A colleague who lacks the permission."""
    log_may_say: frozenset[str] = frozenset()
    """Who they are, and where, if their token is a true one."""


@dataclass(frozen=True)
class Sent:
    """A request about somebody's things."""

    route: Route
    ids: Ids
    cursor: str | None = None
    key: str = field(default_factory=lambda: uuid4().hex)
    content: bytes | None = None
    """Instead of the route's own body."""


@dataclass
class Isolation:
    """``http``: the program, wherever it runs. ``new_log``: what it wrote to its log since that was last asked."""

    app: Litestar
    http: httpx.AsyncClient
    superuser: "asyncpg.Connection[asyncpg.Record]"
    new_log: Callable[[], Awaitable[str]]
    shop: FullShop
    """Whose things are asked for."""
    other: FullShop
    """Whose people ask for them."""
    identities: list[Identity]
    colleagues: dict[str, Identity]
    """By permission: who has all others at the first shop."""
    treasure: set[str]
    """What the first shop holds and the other does not, in the forms in which it could get out."""
    cursors: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    lines: int = 0
    """Of the log, that were looked at."""

    async def try_route(self, route: Route) -> int:
        """As everybody. Raises AssertionError with a sentence; how many requests it took."""
        before = self.requests
        everybody = [*self.identities, *([self.colleagues[route.permission]] if route.permission else [])]
        for identity in everybody:
            if route.is_page and identity.may_enter and identity.session is None:
                continue  # keys are for the API
            try:
                await self._try(route, identity)
            except AssertionError as error:
                raise AssertionError(f"{route.name}, {identity.name}: {error}") from error
        return self.requests - before

    async def _try(self, route: Route, who: Identity) -> None:
        pairs = [pair async for pair in self._pairs(route, who)]
        await self.new_log()
        everything = await snapshot(self.superuser)
        at_the_shop = await snapshot(self.superuser, self.shop.desk.shop_id)
        answers = []
        for what, foreign, unknown in pairs:
            told = await self._send(foreign, who)
            answers.append(told)
            if unknown is not None:
                told_of_nothing = await self._send(unknown, who)
                is_said, is_said_of_nothing = _bytes(told, foreign.ids), _bytes(told_of_nothing, unknown.ids)
                assert is_said == is_said_of_nothing, (
                    f"{what} of another shop is answered otherwise than one of nothing: {is_said!r}, and not "
                    f"{is_said_of_nothing!r}"
                )
                refused = told.status_code >= 400 or not who.may_enter
                assert refused or route.method in {"GET", "OPTIONS"}, f"{what}: {told.text}"
        for told in answers:
            self._require_refused(route, who, told)
        refused = not who.may_enter or all(
            told.status_code >= 400 or route.method in {"GET", "OPTIONS"} for told in answers
        )
        # What is not refused is done at the shop of whoever asks.
        was, is_now = (
            (everything, await snapshot(self.superuser))
            if refused
            else (at_the_shop, await snapshot(self.superuser, self.shop.desk.shop_id))
        )
        changed = {table for table in was.keys() | is_now.keys() if was.get(table) != is_now.get(table)}
        changed -= WRITTEN_ALL_THE_SAME.get(route.name, frozenset())
        if route.is_page and who.may_enter:
            changed -= {"console_sessions"}  # when one was last used
        assert not changed, f"it changed rows of {', '.join(sorted(changed))}"
        self._require_silence(route, who, answers, await self.new_log())

    async def _pairs(self, route: Route, who: Identity) -> AsyncIterator[tuple[str, Sent, Sent | None]]:
        """What is asked for: with the shop's ids, and with ids of nothing. None: the request names no id."""
        seen = self.shop.known_to_others()
        if not _named(route) or (route.is_page and who.is_of_the_shop):
            # (A page says to a colleague, who may look at every client, which of them there is none of.)
            yield "a request", Sent(route, seen), None
        else:
            yield "what is", Sent(route, seen, key=seen.idempotency_key), Sent(route, Ids())
        if route.body:
            # Refused before anybody looks who asks.
            yield "a request", Sent(route, seen, content=b"{"), None
        if not who.may_enter or who.is_of_the_shop:
            return
        if len(_named(route)) > 1:
            nothing = Ids()
            for name in _named(route):
                of_shop, of_nothing = getattr(seen, name), getattr(nothing, name)
                yield (
                    f"a request with nothing but its {name}",
                    Sent(route, replace(who.ids, **{name: of_shop})),
                    Sent(route, replace(who.ids, **{name: of_nothing})),
                )
        if route.method == "GET" and self._takes_a_cursor(route):
            # The right one is not ours to read; a forged one is of the same length.
            cursor = await self._cursor(route)
            forged = cursor[:8][::-1] + cursor[8:]
            yield "a cursor", Sent(route, seen, cursor), Sent(route, seen, forged)
            yield "a cursor", Sent(route, who.ids, cursor), Sent(route, who.ids, forged)

    def _takes_a_cursor(self, route: Route) -> bool:
        operation = json.loads(self.app.state.openapi)["paths"].get(route.path, {}).get("get", {})
        return any(parameter["name"] == "cursor" for parameter in operation.get("parameters", []))

    async def _cursor(self, route: Route) -> str:
        """The shop's own, to the second page of that list."""
        if route.name not in self.cursors:
            query = {**route.query(self.shop.ids), "limit": "1"}
            answer = await self.shop.owner.request("GET", route.url(self.shop.ids), query=query)
            cursor = answer.json().get("next_cursor")
            assert cursor, "the list has no second page: let tests/entrypoints/shop_with_everything.py make two of it"
            self.cursors[route.name] = cursor
        return self.cursors[route.name]

    async def _send(self, sent: Sent, who: Identity) -> httpx.Response:
        self.requests += 1
        route, ids = sent.route, sent.ids
        query = {**route.query(ids), **({"cursor": sent.cursor, "limit": "1"} if sent.cursor else {})}
        # The throttle of sign-ins counts by address; the id of the request is ours, so that answers can be compared.
        headers = {
            "X-Forwarded-For": an_address(),
            "X-Request-Id": "the-request",
            "Idempotency-Key": sent.key,
            "Content-Type": "application/json",
        }
        if route.is_page:
            return await self._send_as_a_browser(sent, who, headers)
        if who.bearer is not None:
            headers["Authorization"] = f"Bearer {who.bearer}"
        content = sent.content or (json.dumps(route.body(ids)).encode() if route.body else None)
        return await self.http.request(route.method, route.url(ids), params=query, headers=headers, content=content)

    async def _send_as_a_browser(self, sent: Sent, who: Identity, headers: dict[str, str]) -> httpx.Response:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        headers["Origin"] = str(self.http.base_url).rstrip("/")
        headers["Cookie"] = f"{SESSION}={who.session}" if who.session else ""
        form = {"_token": who.form_token, "_key": sent.key, **(sent.route.form(sent.ids) if sent.route.form else {})}
        content = urlencode(form) if sent.route.method == "POST" else None
        answer = await self.http.request(sent.route.method, sent.route.url(sent.ids), headers=headers, content=content)
        self.http.cookies.clear()
        return answer

    def _require_refused(self, route: Route, who: Identity, told: httpx.Response) -> None:
        said = f"{told.status_code} {told.text[:300]}"
        assert told.status_code < 500, said
        if route.path not in GUARDED or route.method == "OPTIONS":  # which says what may be asked, to anybody
            return
        if route.is_page:
            leads = told.headers.get("location", "").startswith("/app/sign-in")
            assert who.may_enter or (told.status_code == 303 and leads), said
            assert not who.is_of_the_shop or told.status_code == 403, said
        elif not who.may_enter:
            assert told.status_code == 400 or (told.status_code, told.json()["code"]) == (401, "unauthenticated"), said
        elif who.is_of_the_shop:
            assert told.status_code == 400 or (told.status_code, told.json()["code"]) == (403, "permission_denied"), (
                said
            )

    def _require_silence(self, route: Route, who: Identity, answers: Iterable[httpx.Response], log: str) -> None:
        for told in answers:
            # A page may lead back to the address that was asked for.
            named = {str(getattr(self.shop.ids, name)) for name in _named(route)} if route.is_page else set()
            said = f"{told.headers} {told.text}"
            if route.is_page and who.is_of_the_shop:
                # At its head: where they are, and who.
                said = said.replace(f"Shop {self.shop.mark}", "").replace(f"Robin {self.shop.mark}", "")
            found = _first(self.treasure - named, said)
            assert found is None, f"the answer gives away {found!r}"
        found = _first(self.treasure - who.log_may_say, log)
        assert found is None, f"the log says {found!r}"
        lines = log.count('"event": "request"')
        assert lines >= 1, "the log says nothing at all"
        self.lines += lines


def _named(route: Route) -> list[str]:
    """Which of a shop's things the request names."""
    ids, others = Ids(), Ids()
    email = re.compile(r"[0-9a-f]{32}@")  # a new one each time

    def request(of: Ids) -> str:
        return email.sub(
            "",
            json.dumps(
                [
                    route.url(of),
                    route.query(of),
                    route.body(of) if route.body else None,
                    dict(route.form(of)) if route.form else None,
                ]
            ),
        )

    return [
        each.name
        for each in fields(Ids)
        if request(replace(ids, **{each.name: getattr(others, each.name)})) != request(ids)
    ]


_NEW_IN_EACH_FORM = re.compile(r'name="_(key|token)" value="[^"]*"')


def _bytes(answer: httpx.Response, sent: Ids) -> tuple[int, list[tuple[str, str]], bytes]:
    """All of an answer but the second that it was given in. Of a page, but what is new in each form, and the address
    that was asked for, which it may lead back to.
    """
    headers = [header for header in answer.headers.multi_items() if header[0] != "date"]
    if not answer.request.url.path.startswith("/app"):
        return answer.status_code, headers, answer.content
    content = _without(sent, _NEW_IN_EACH_FORM.sub("", answer.text)).encode()
    return answer.status_code, [(name, _without(sent, value)) for name, value in headers], content


def _without(sent: Ids, said: str) -> str:
    for each in fields(sent):
        said = said.replace(str(getattr(sent, each.name)), f"({each.name})")
    return said


def _first(texts: set[str], said: str) -> str | None:
    return next((text for text in texts if text in said), None)


# Who comes.


async def _identities(container: Container, shop: FullShop, other: FullShop) -> list[Identity]:
    seen = shop.known_to_others()
    owner = Identity("the owner of another shop", other.owner.bearer, other.ids, may_enter=True)
    owner = await _in_browser(owner, other, other.desk.owner_email)
    return [
        Identity("nobody", None, seen),
        Identity("nonsense for a credential", "nonsense", seen, session="nonsense"),
        Identity("an expired token", _expired(container, shop), seen),
        Identity("a token with another shop written into it", _tampered(shop, other), seen),
        Identity(
            "a key with another shop written into it",
            _at(shop, _api_key_of(other)),
            seen,
            session=_at(shop, str(owner.session)),
        ),
        Identity(
            "a refresh token of an ended session", await _ended_session(shop), seen, session=await _ended_visit(shop)
        ),
        await _deactivated(shop),
        Identity("a deleted key", await _deleted_key(shop), seen),
        owner,
        Identity("a key of another shop", _api_key_of(other), other.ids, may_enter=True),
        await _hired("somebody at another shop who may do nothing", other),
    ]


def _api_key_of(shop: FullShop) -> str:
    """One that is in force."""
    return next(secret for secret in reversed(shop.secrets) if secret.startswith("ak_"))


async def _hired(name: str, shop: FullShop, *permissions: Permission, of_the_shop: bool = False) -> Identity:
    member, _ = await shop.desk.hire(*permissions, name=f"Robin {shop.mark}")
    token = shop.desk.container.access_tokens().issue(shop.desk.shop_id, StaffId(member.id))
    hired = Identity(
        name,
        token,
        shop.ids,
        may_enter=True,
        is_of_the_shop=of_the_shop,
        log_may_say=frozenset({str(shop.desk.shop_id), str(member.id)}),
    )
    return await _in_browser(hired, shop, member.email)


async def _in_browser(who: Identity, shop: FullShop, email: str) -> Identity:
    """Signed in at the console too."""
    session = await _visit(shop, email)
    page = await shop.owner.http.get("/app/clients", headers={"Cookie": f"{SESSION}={session}"})
    shop.owner.http.cookies.clear()
    [token] = set(re.findall(r'name="_token" value="([^"]+)"', page.text))
    return replace(who, session=session, form_token=token)


async def _visit(shop: FullShop, email: str) -> str:
    begin = shop.desk.container.begin_console_session()
    return await begin(slug=shop.desk.slug, email=email, password=PASSWORD, address=an_address())


async def _ended_visit(shop: FullShop) -> str:
    session = await _visit(shop, shop.desk.owner_email)
    await shop.desk.container.end_console_session()(session)
    return session


def _expired(container: Container, shop: FullShop) -> str:
    clock = SetClock()
    clock.forward(-timedelta(hours=1))
    past = JwtAccessTokens(container.keys(), container.fresh(), clock, audience=STAFF_API_AUDIENCE)
    return past.issue(shop.desk.shop_id, StaffId(shop.desk.owner.credential.id))


def _tampered(shop: FullShop, other: FullShop) -> str:
    """Their signature under our shop and our owner."""
    (head, _, signature), (_, payload, _) = str(other.owner.bearer).split("."), str(shop.owner.bearer).split(".")
    return f"{head}.{payload}.{signature}"


def _at(shop: FullShop, credential: str) -> str:
    """Another shop's credential, said to be one of this one."""
    kind, _, credential_id, secret = credential.split("_", 3)
    return f"{kind}_{shop.desk.shop_id.hex}_{credential_id}_{secret}"


async def _ended_session(shop: FullShop) -> str:
    owner = Counter(shop.owner.http, default_headers={"X-Forwarded-For": an_address()})
    body = {"shop": shop.desk.slug, "email": shop.desk.owner_email, "password": PASSWORD}
    token = (await owner.post("/v1/auth/sign-in", body, status=200))["refresh_token"]
    await owner.post("/v1/auth/sign-out", {"refresh_token": token}, status=204)
    return str(token)


async def _deactivated(shop: FullShop) -> Identity:
    gone = await _hired("a deactivated staff member", shop, *Permission)
    await Counter(shop.owner.http, gone.bearer).get("/v1/me")
    staff_id = shop.desk.container.credential_reader().read(str(gone.bearer)).id
    await shop.owner.patch(f"/v1/staff/{staff_id}", {"active": False})
    return replace(gone, ids=shop.known_to_others(), may_enter=False)


async def _deleted_key(shop: FullShop) -> str:
    body = {"name": f"gone {shop.mark}", "permissions": list(Permission)}
    made = await shop.owner.post("/v1/api-keys", body)
    await Counter(shop.owner.http, made["key"]).get("/v1/me")
    await shop.owner.delete(f"/v1/api-keys/{made['id']}")
    return str(made["key"])


# What a shop holds.


async def _treasure(superuser: "asyncpg.Connection[asyncpg.Record]", shop: FullShop, other: FullShop) -> set[str]:
    ours, theirs = [set().union(*(await texts_of(superuser, each)).values()) for each in (shop, other)]
    return (ours - theirs) | set(shop.secrets) | {shop.mark}


async def texts_of(superuser: "asyncpg.Connection[asyncpg.Record]", shop: FullShop) -> dict[tuple[str, str], set[str]]:
    """By table and column: what stands there of the shop, in the forms in which it could get out."""
    columns = await superuser.fetch(
        """SELECT table_name::text AS table, column_name::text AS column FROM information_schema.columns
            WHERE table_schema = 'public' AND data_type IN ('text', 'jsonb', 'bytea', 'ARRAY', 'uuid', 'bigint')
              AND table_name IN (SELECT table_name FROM information_schema.columns
                WHERE table_schema = 'public' AND column_name = 'shop_id')"""
    )
    found: dict[tuple[str, str], set[str]] = {}
    for table, column in columns:
        rows = await superuser.fetch(f"SELECT to_jsonb({column}) FROM {table} WHERE shop_id = $1", shop.desk.shop_id)  # noqa: S608
        found[table, column] = {text for row in rows if row[0] is not None for text in _leaves(json.loads(row[0]))}
    return found


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)
    text = str(value).removeprefix("\\x") if isinstance(value, str | int) else ""
    if len(text) >= _SHORTEST and not _NO_SECRET.match(text):
        yield text


# The two shops and the program before them.


@asynccontextmanager
async def isolation(
    container: Container,
    database: Database,
    http: httpx.AsyncClient,
    new_log: Callable[[], Awaitable[str]],
) -> AsyncIterator[Isolation]:
    """``database``: one that nobody else uses. ``http``: the program on it, behind a proxy that it trusts."""
    superuser = await asyncpg.connect(database.superuser_url)
    try:
        shop, other = [await open_full_shop(container, http, superuser) for _ in range(2)]
        identities = await _identities(container, shop, other)
        colleagues = {
            lacking.value: await _hired(
                f"a colleague who lacks {lacking.value}",
                shop,
                *(each for each in Permission if each != lacking),
                of_the_shop=True,
            )
            for lacking in Permission
        }
        yield Isolation(
            app=staff_api_app(container),
            http=http,
            superuser=superuser,
            new_log=new_log,
            shop=shop,
            other=other,
            identities=identities,
            colleagues=colleagues,
            treasure=await _treasure(superuser, shop, other),
        )
    finally:
        await superuser.close()


@asynccontextmanager
async def isolation_in_process(database: Database) -> AsyncIterator[Isolation]:
    """In a database of its own, without a server."""
    async with database.fresh() as alone:
        container = container_for(alone)
        async with running(container), in_front_of(container) as http:
            with written_log("json") as written:
                async with isolation(container, alone, http, _reader_of(written)) as made:
                    yield made


@asynccontextmanager
async def in_front_of(container: Container) -> AsyncIterator[httpx.AsyncClient]:
    """The program's HTTP, behind a proxy that it trusts."""
    app: Any = BehindProxy(staff_api_app(container))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as http:
        yield http


def _reader_of(written: io.StringIO) -> Callable[[], Awaitable[str]]:
    read = 0

    async def new() -> str:
        nonlocal read
        said = written.getvalue()[read:]
        read += len(said)
        return said

    return new
