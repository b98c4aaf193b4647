"""Who may what at each route, and what a stranger learns: nothing (R25, R26)."""

import json
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from core.staff import Permission
from entrypoints.container import Container
from tests.desk import Desk, open_desk
from tests.entrypoints.counter import Counter, sign_in
from tests.entrypoints.routes import OPEN_ROUTES, ROUTES, Ids, Route

CANARY = "Canary Quux"
with_every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)


def test_the_table_of_routes_is_complete(app: Litestar) -> None:
    served = {
        f"{method} {_without_types(route.path)}"
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        for method in handler.http_methods
        if method != "OPTIONS"
    }
    served = {name for name in served if not name.startswith("GET /docs/") and not name.startswith("HEAD ")}
    assert served == {route.name for route in ROUTES} | OPEN_ROUTES


@with_every_route
async def test_without_a_credential_every_route_answers_401(http: httpx.AsyncClient, route: Route) -> None:
    answer = await _send(Counter(http), route, Ids())
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("bearer", ["", "nonsense", "ak_00_00_x", "eyJhbGciOiJub25lIn0.e30."])
@with_every_route
async def test_a_credential_that_is_none_answers_401(http: httpx.AsyncClient, route: Route, bearer: str) -> None:
    headers = {"Authorization": f"Bearer {bearer}"}
    answer = await _send(Counter(http, None, headers), route, Ids())
    assert answer.status_code == 401


@with_every_route
async def test_r25_who_lacks_the_permission_is_refused(
    http: httpx.AsyncClient, technician: Counter, counters: dict[str, Counter], own: Ids, route: Route
) -> None:
    answer = await _send(technician, route, own)
    if route.permission is None:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        everything_else = counters[route.permission]
        answer = await _send(everything_else, route, own)
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


@with_every_route
async def test_r26_of_another_shop_is_like_of_nowhere(stranger: Counter, own: Ids, route: Route) -> None:
    foreign = await _send(stranger, route, own)
    unknown = await _send(stranger, route, Ids())
    assert foreign.status_code == unknown.status_code
    if foreign.status_code >= 400:
        assert _facts(foreign) == _facts(unknown)
    assert CANARY not in foreign.text
    for name in own.__dataclass_fields__:
        assert str(getattr(own, name)) not in foreign.text


@with_every_route
async def test_a_deactivated_staff_member_is_out_at_the_next_request(
    deactivated: Counter, own: Ids, route: Route
) -> None:
    answer = await _send(deactivated, route, own)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@with_every_route
async def test_money_moves_only_under_an_idempotency_key(owner_of_own: Counter, own: Ids, route: Route) -> None:
    if not route.needs_key:
        return
    answer = await owner_of_own.request(route.method, route.url(own), route.body(own) if route.body else None)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")


async def _send(counter: Counter, route: Route, ids: Ids) -> httpx.Response:
    body = route.body(ids) if route.body else None
    return await counter.request(route.method, route.url(ids), body, key=uuid4().hex, query=route.query(ids))


def _facts(answer: httpx.Response) -> tuple[int, str, object]:
    problem = json.loads(answer.content)
    del problem["request_id"]
    return answer.status_code, answer.headers["content-type"], problem


def _without_types(path: str) -> str:
    return path.replace(":uuid}", "}").replace(":str}", "}")


# One shop with everything in it, and another one beside it. They stay as they are: every request here is refused,
# reads, or makes something new.


@pytest.fixture(scope="module")
async def own_desk(app: Litestar, container: Container) -> Desk:
    assert app.routes
    return await open_desk(container)


@pytest.fixture(scope="module")
async def owner_of_own(http: httpx.AsyncClient, own_desk: Desk) -> Counter:
    return await sign_in(http, own_desk)


@pytest.fixture(scope="module")
async def own(owner_of_own: Counter, own_desk: Desk) -> Ids:
    owner = owner_of_own
    client = await owner.post("/v1/clients", {"name": CANARY})
    line = {"description": CANARY, "quantity": 1, "unit_price": 13000}
    invoices = [
        await owner.post("/v1/invoices", {"client_id": client["id"], "lines": [line], "vehicle": CANARY})
        for _ in range(2)
    ]
    entry = await owner.post(
        f"/v1/clients/{client['id']}/credit/entries", {"reason": "goodwill", "amount": 5000, "note": CANARY}
    )
    allocations = [{"invoice_id": invoice["id"], "amount": 100} for invoice in invoices]
    bulk = await owner.post(
        "/v1/bulk-payments", {"client_id": client["id"], "method": "cash", "allocations": allocations}
    )
    payment = await owner.post(
        f"/v1/invoices/{invoices[0]['id']}/payments", {"method": "cash", "amount": 100, "reference": CANARY}
    )
    member, _ = await own_desk.hire(name=CANARY)
    api_key = await owner.post("/v1/api-keys", {"name": CANARY, "permissions": []})
    return Ids(
        client=client["id"],
        invoice=invoices[0]["id"],
        other_invoice=invoices[1]["id"],
        payment=payment["id"],
        bulk_payment=bulk["id"],
        entry=entry["id"],
        staff=member.id,
        api_key=api_key["id"],
    )


@pytest.fixture(scope="module")
async def stranger(http: httpx.AsyncClient, container: Container) -> Counter:
    return await sign_in(http, await open_desk(container))


@pytest.fixture(scope="module")
async def technician(http: httpx.AsyncClient, own_desk: Desk) -> Counter:
    member, _ = await own_desk.hire()
    return await sign_in(http, own_desk, member.email)


@pytest.fixture(scope="module")
async def counters(http: httpx.AsyncClient, own_desk: Desk) -> dict[str, Counter]:
    """By permission: somebody who has all others."""
    made = {}
    for lacking in Permission:
        member, _ = await own_desk.hire(*(permission for permission in Permission if permission != lacking))
        made[lacking.value] = await sign_in(http, own_desk, member.email)
    return made


@pytest.fixture(scope="module")
async def deactivated(http: httpx.AsyncClient, owner_of_own: Counter, own_desk: Desk) -> Counter:
    member, _ = await own_desk.hire(*Permission)
    counter = await sign_in(http, own_desk, member.email)
    await counter.get("/v1/me")
    await owner_of_own.patch(f"/v1/staff/{member.id}", {"active": False})
    return counter
