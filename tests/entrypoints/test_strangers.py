"""Who may what at each route, and what a stranger learns: nothing (R25, R26)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest
import structlog
from dependency_injector import providers
from litestar import Litestar, get

from core.errors import ClientDeleted, InvalidField, NotFound
from core.ids import ClientId, StaffId
from core.staff import Caller
from entrypoints.web_container import staff_api_app
from tests.database import Database
from tests.desk import PASSWORD
from tests.entrypoints.counter import Counter
from tests.entrypoints.isolation import (
    Isolation,
    complaints_about_the_table,
    ids_that_no_request_names,
    in_front_of,
    isolation_in_process,
    table_of_routes,
    texts_of,
)
from tests.entrypoints.routes import OPEN, ROUTES, Route
from tests.entrypoints.shop_with_everything import open_full_shop

with_every_route = pytest.mark.parametrize("route", table_of_routes(), ids=lambda route: route.name)


@pytest.fixture(scope="module")
async def strangers(database: Database) -> AsyncIterator[Isolation]:
    async with isolation_in_process(database) as made:
        yield made


def test_no_route_escapes(app: Litestar) -> None:
    assert complaints_about_the_table(app) == []


def test_every_id_that_a_route_takes_is_tried(app: Litestar) -> None:
    assert ids_that_no_request_names(app) == []


@with_every_route
async def test_r26_of_another_shop_is_like_of_nowhere(strangers: Isolation, route: Route) -> None:
    assert await strangers.try_route(route) > 0


@pytest.mark.parametrize("route", [route for route in ROUTES if route.needs_key], ids=lambda route: route.name)
async def test_money_moves_only_under_an_idempotency_key(strangers: Isolation, route: Route) -> None:
    shop = strangers.other
    answer = await shop.owner.request(route.method, route.url(shop.ids), route.body(shop.ids) if route.body else None)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")


# That it is worth something: the requests are real ones, there is something to be found, and it would be found.


async def test_every_request_is_one_that_is_done_where_it_may_be(strangers: Isolation) -> None:
    shop = await open_full_shop(strangers.shop.desk.container, strangers.http, strangers.superuser)
    member, _ = await shop.desk.hire()
    token = shop.desk.container.access_tokens().issue(shop.desk.shop_id, StaffId(member.id))
    clerk = Counter(strangers.http, token)
    for route in [*ROUTES, *OPEN]:
        # R25: viewing is open to every staff member.
        everybody = [clerk, shop.owner] if route in ROUTES and route.permission is None else [shop.owner]
        for counter in everybody:
            body = route.body(shop.ids) if route.body else None
            if body and route.path == "/v1/auth/sign-in":
                body = {**body, "email": shop.desk.owner_email, "password": PASSWORD}
            query = route.query(shop.ids)
            answer = await counter.request(route.method, route.url(shop.ids), body, key=uuid4().hex, query=query)
            if route.path == "/v1/auth/refresh":
                shop.ids = replace(shop.ids, refresh_token=answer.json()["refresh_token"])
            assert answer.is_success, (route.name, answer.text)


# Texts that are the program's words, the same at every shop. By column, or by table and column.
WORDS = {
    *("currency", "time_zone", "language", "permissions", "kind", "by_kind", "recorded_by_kind", "deleted_by_kind"),
    *("method", "reason", "reverses_kind", "status", "off_reason", "kinds", "state"),
}


async def test_every_text_of_a_shop_would_be_recognised(strangers: Isolation) -> None:
    """A new text column: fill it in, in tests/entrypoints/shop_with_everything.py, with the shop's mark in it."""
    columns = await strangers.superuser.fetch(
        """SELECT table_name::text AS table, column_name::text AS column FROM information_schema.columns
            WHERE table_schema = 'public' AND data_type IN ('text', 'jsonb', 'ARRAY')"""
    )
    found = await texts_of(strangers.superuser, strangers.shop)
    assert len(found) > 60
    unmarked = {
        f"{table}.{column}"
        for table, column in columns
        if (table, column) in found and not WORDS & {column, f"{table}.{column}"}
        if not found[table, column] & strangers.treasure
    }
    assert unmarked == set()


async def test_a_route_that_is_not_in_the_table_is_found(strangers: Isolation) -> None:
    @get("/v1/gossip")
    async def gossip() -> None: ...

    app = staff_api_app(strangers.shop.desk.container)
    app.register(gossip)
    [complaint] = [each for each in complaints_about_the_table(app) if "OPTIONS" not in each]
    assert complaint.startswith("GET /v1/gossip is served, and nothing tries whether strangers get in.")


SHOW_CLIENT = next(route for route in ROUTES if route.name == "GET /v1/clients/{client_id}")
Leak = Callable[[asyncpg.Record | None, Isolation], Awaitable[None]]


async def _by_another_refusal(there: asyncpg.Record | None, _: Isolation) -> None:
    if there is not None:
        raise ClientDeleted


async def _by_a_message(there: asyncpg.Record | None, _: Isolation) -> None:
    raise InvalidField("client_id", there["name"] if there is not None else "unknown")


async def _by_a_line_of_the_log(there: asyncpg.Record | None, _: Isolation) -> None:
    if there is not None:
        structlog.get_logger().info("looked_up", name=there["name"])


async def _by_a_change(there: asyncpg.Record | None, strangers: Isolation) -> None:
    if there is not None:
        await strangers.superuser.execute("UPDATE clients SET phone = 'was asked for' WHERE id = $1", there["id"])


@pytest.mark.parametrize(
    ("leak", "complaint"),
    [
        (_by_another_refusal, "the owner of another shop: what is of another shop is answered otherwise"),
        (_by_a_message, "is answered otherwise than one of nothing"),
        (_by_a_line_of_the_log, "the log says"),
        (_by_a_change, "it changed rows of clients"),
    ],
)
async def test_a_program_that_gives_something_away_is_found_out(
    strangers: Isolation, leak: Leak, complaint: str
) -> None:
    container = strangers.shop.desk.container
    show_client = container.show_client()

    async def leaking(caller: Caller, client_id: ClientId) -> object:
        try:
            return await show_client(caller, client_id)
        except NotFound:
            await leak(await strangers.superuser.fetchrow("SELECT * FROM clients WHERE id = $1", client_id), strangers)
            raise

    with container.show_client.override(providers.Object(leaking)):
        async with in_front_of(container) as http:
            with pytest.raises(AssertionError, match=complaint):
                await replace(strangers, http=http).try_route(SHOW_CLIENT)
