"""Who gets into the console, what they carry, and how it ends. Forms that were not sent from a page of ours."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from playwright.async_api import expect

from core.ids import StaffId
from core.staff import Permission
from core.use_cases.staff import StaffEdit
from entrypoints.container import Container
from tests.console.browser import Screen
from tests.console.routes import OPEN_ROUTES, ROUTES, Ids, Route, ids_of
from tests.console.visiting import ORIGIN, SESSION, Comes, Visiting, http_of
from tests.desk import Desk, SetClock, open_desk
from tests.entrypoints.log import written_log

with_every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
HALF_AN_HOUR = timedelta(minutes=30)


def test_the_table_of_routes_is_complete(app: Litestar) -> None:
    served = {
        f"{method} {route.path.replace(':uuid}', '}').replace(':str}', '}')}"
        for route in app.routes
        if isinstance(route, HTTPRoute) and (route.path == "/app" or route.path.startswith("/app/"))
        for method in route.methods
        if method != "OPTIONS"
    }
    assert served == {route.name for route in ROUTES} | OPEN_ROUTES


async def test_signing_in_by_keyboard_leads_to_the_page_that_was_asked_for(screen: Screen, desk: Desk) -> None:
    client = await desk.client("Pat Doe")
    await screen.go(f"/app/clients/{client}")
    await expect(screen.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await screen.require_accessible()
    await expect(screen.page.get_by_label("Shop")).to_be_focused()
    keyboard = screen.page.keyboard
    for text in (desk.slug, desk.owner_email, "correct horse battery"):
        await keyboard.type(text)
        await keyboard.press("Tab")
    await keyboard.press("Enter")
    await expect(screen.page.get_by_role("heading", name="Pat Doe")).to_be_visible()
    assert screen.path == f"/app/clients/{client}"


async def test_signing_out_ends_the_session(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    await screen.sign_in(desk)
    [session] = [cookie for cookie in await screen.context.cookies() if cookie["name"] == SESSION]
    await screen.click("Sign out", exact=False)
    await expect(screen.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await screen.context.add_cookies([session])  # type: ignore[list-item]  # what cookies() gives is what this takes
    await screen.go("/app/clients")
    await expect(screen.page.get_by_text("Your session is over")).to_be_visible()


async def test_a_wrong_password_is_said_and_what_was_typed_stays(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    screen.expected.append("401")
    await screen.sign_in(desk, password="wrong wrong wrong")  # noqa: S106  # of nobody
    assert await screen.errors() == ["Shop, e-mail address or password is wrong."]
    assert await screen.page.get_by_label("Shop").input_value() == desk.slug
    assert await screen.page.get_by_label("Password").input_value() == ""


async def test_a_script_that_asks_after_the_session_is_over_leads_to_the_sign_in_page_and_back(
    owner: Screen, desk: Desk, clock: SetClock
) -> None:
    await desk.client("Pat Doe")
    await owner.go("/app/clients")
    clock.forward(HALF_AN_HOUR)
    await owner.page.get_by_label("Search").press_sequentially("pat")
    await expect(owner.page.get_by_text("Your session is over")).to_be_visible()
    await owner.page.get_by_label("Shop").fill(desk.slug)
    await owner.page.get_by_label("E-mail").fill(desk.owner_email)
    await owner.page.get_by_label("Password").fill("correct horse battery")
    await owner.click("Sign in", exact=False)
    await expect(owner.page.get_by_role("heading", name="Clients")).to_be_visible()


async def test_a_session_is_a_cookie_that_no_script_and_no_other_site_gets(comes: Comes, desk: Desk) -> None:
    visiting = await comes()
    answer = await visiting.sign_in(desk)
    [session] = [text for text in answer.headers.get_list("set-cookie") if text.startswith(SESSION)]
    flags = {flag.strip().lower() for flag in session.split(";")[1:]}
    assert flags == {"httponly", "secure", "path=/", "samesite=lax"}


async def test_each_sign_in_is_a_new_session_and_ends_the_one_before(visiting: Visiting, desk: Desk) -> None:
    before = visiting.http.cookies[SESSION]
    again = Visiting(visiting.http)
    visiting.http.cookies.delete(SESSION, domain="shop.test", path="/")
    page = await again.get("/app/sign-in")
    assert page.status_code == 200
    visiting.http.cookies.set(SESSION, before, domain="shop.test", path="/")
    await again.post(
        "/app/sign-in", {"shop": desk.slug, "email": desk.owner_email, "password": "correct horse battery"}
    )
    after = visiting.http.cookies[SESSION]
    assert after != before
    visiting.http.cookies.set(SESSION, before, domain="shop.test", path="/")
    assert (await visiting.get("/app/clients")).status_code == 303


@pytest.mark.parametrize("minutes", [30, 12 * 60], ids=["unused", "old"])
async def test_a_session_ends_by_itself(visiting: Visiting, clock: SetClock, minutes: int) -> None:
    for _ in range(minutes // 15 - 1 if minutes > 30 else 0):
        clock.forward(timedelta(minutes=15))
        assert (await visiting.get("/app/clients")).status_code == 200
    clock.forward(timedelta(minutes=15) if minutes > 30 else HALF_AN_HOUR)
    answer = await visiting.get("/app/clients?q=pat")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/app/sign-in?next=" + quote("/app/clients?q=pat", safe=""),
    )


async def test_a_session_ends_when_the_staff_member_is_deactivated(comes: Comes, desk: Desk) -> None:
    member, _ = await desk.hire()
    visiting = await comes()
    await visiting.sign_in(desk, member.email)
    assert (await visiting.get("/app/clients")).status_code == 200
    await desk.container.edit_staff_member()(desk.owner, StaffId(member.id), StaffEdit(active=False))
    assert (await visiting.get("/app/clients")).status_code == 303
    assert (await visiting.post("/app/clients/add", {"name": "Pat"})).status_code == 303


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.test/app",
        "//evil.test/app",
        "/\\evil.test",
        "/app//evil.test",
        "/app/../v1/me",
        "/v1/me",
        "javascript:alert(1)",
        "/app\n/x",
        "/application",
    ],
)
async def test_signing_in_leads_to_no_other_host(comes: Comes, desk: Desk, elsewhere: str) -> None:
    visiting = await comes()
    await visiting.get(f"/app/sign-in?next={quote(elsewhere, safe='')}")
    answer = await visiting.post(
        "/app/sign-in",
        {"shop": desk.slug, "email": desk.owner_email, "password": "correct horse battery", "next": elsewhere},
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/app")


@with_every_route
async def test_without_a_session_every_page_leads_to_the_sign_in_page(comes: Comes, route: Route) -> None:
    answer = await _send(await comes(), route, Ids())
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/app/sign-in")


async def test_a_tablet_may_begin_the_shop_with_a_large_letter(visiting: Visiting, desk: Desk) -> None:
    again = Visiting(visiting.http)
    visiting.http.cookies.clear()
    page = (await again.get("/app/sign-in")).text
    [field] = re.findall(r'<input id="field-shop"[^>]*>', page)
    assert 'autocapitalize="none"' in field
    assert 'spellcheck="false"' in field
    entries = {"shop": f" {desk.slug.capitalize()} ", "email": desk.owner_email, "password": "correct horse battery"}
    assert (await again.post("/app/sign-in", entries)).status_code == 303


async def test_whoever_changed_their_own_password_is_told_that_the_session_ended_with_it(
    visiting: Visiting, desk: Desk
) -> None:
    path = f"/app/settings/staff/{desk.owner.credential.id}/password"
    await visiting.get(path)
    answer = await visiting.post(path, {"password": "a new horse battery"})
    assert answer.status_code == 303
    led = await visiting.get(answer.headers["location"])
    shown = await visiting.get(led.headers["location"])
    assert "and when your password was changed. Sign in to go on." in shown.text


@dataclass(frozen=True)
class Street:
    """A shop that every route is tried at, by people who change nothing there: what they may not do is refused."""

    ids: Ids
    technician: Visiting
    lacking: dict[str | None, Visiting]
    """By a permission: who has all others."""
    stranger: Visiting
    """Of another shop."""


@pytest.fixture(scope="module")
async def street(app: Litestar, container: Container) -> AsyncIterator[Street]:
    async with AsyncExitStack() as stack:

        async def signed_in(desk: Desk, email: str) -> Visiting:
            visiting = Visiting(await stack.enter_async_context(http_of(app)))
            await visiting.sign_in(desk, email)
            return visiting

        desk, elsewhere = await open_desk(container), await open_desk(container)
        yield Street(
            ids=await ids_of(desk),
            technician=await signed_in(desk, (await desk.hire())[0].email),
            lacking={
                lacked: await signed_in(desk, (await desk.hire(*set(Permission) - {lacked}))[0].email)
                for lacked in (None, *Permission)
            },
            stranger=await signed_in(elsewhere, elsewhere.owner_email),
        )


@with_every_route
async def test_r25_who_lacks_the_permission_is_refused(street: Street, route: Route) -> None:
    for visiting in (street.technician, street.lacking[route.permission]):
        answer = await _send(visiting, route, street.ids)
        assert answer.status_code in ({200, 303} if route.permission is None else {403}), answer.text
        if route.method == "POST":
            # Also where something is wrong with the form.
            assert (await visiting.post(route.url(street.ids))).status_code == 403
            assert (await visiting.post(route.url(street.ids), {"nonsense": "x"})).status_code == 403


@with_every_route
async def test_r26_of_another_shop_is_like_of_nowhere(street: Street, route: Route) -> None:
    await street.stranger.get("/app/settings/shop")  # which says what the request before it left to say
    foreign, unknown = await _send(street.stranger, route, street.ids), await _send(street.stranger, route, Ids())
    assert foreign.status_code == unknown.status_code
    if foreign.status_code >= 400:
        assert _without_keys(foreign) == _without_keys(unknown)
    # (There is a time zone of the canaries, and any four letters are in a token now and then.)
    assert "Quux" not in _without_keys(foreign)


def _without_keys(answer: httpx.Response) -> str:
    """The page, without what is made anew for each form."""
    return re.sub(r'name="_(key|token)" value="[^"]*"', "", answer.text)


async def _send(visiting: Visiting, route: Route, ids: Ids) -> httpx.Response:
    if route.method == "GET":
        return await visiting.get(route.url(ids))
    return await visiting.post(route.url(ids), route.form(ids))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "https://shop.test.evil.test"},
        {"Origin": "", "Referer": "https://shop.test/app"},
        {"Origin": ""},
    ],
    ids=str,
)
async def test_a_form_that_comes_from_elsewhere_is_refused(visiting: Visiting, headers: dict[str, str]) -> None:
    answer = await visiting.post("/app/clients/add", {"name": "Pat"}, headers=headers)
    assert answer.status_code == 403
    assert "was not sent from a page of this console" in answer.text


@pytest.mark.parametrize(
    ("headers", "sent_from"),
    [
        ({"Origin": "https://shop.example"}, ["shop.example"]),
        ({"Referer": "https://shop.example/app/clients/a-client?q=pat"}, ["shop.example"]),
        ({"Origin": "null"}, ["null"]),
        ({}, []),
    ],
    ids=str,
)
async def test_the_log_says_which_hosts_did_not_agree_as_behind_a_proxy_that_rewrites_one(
    visiting: Visiting, headers: dict[str, str], sent_from: list[str]
) -> None:
    sent = {"_token": visiting.token, "_key": "one", "name": "Pat"}
    with written_log("json") as written:
        answer = await visiting.http.post("/app/clients/add", data=sent, headers=headers)
    assert answer.status_code == 403
    [line] = [each for each in map(json.loads, written.getvalue().splitlines()) if "sent_from" in each]
    assert (line["event"], line["level"]) == ("form_from_elsewhere", "warning")
    assert (line["sent_from"], line["host"]) == (sent_from, ["shop.test"])
    assert "a-client" not in written.getvalue()


async def test_where_there_is_no_origin_the_referer_counts(visiting: Visiting) -> None:
    sent = {"_token": visiting.token, "_key": "one", "name": "Pat"}
    for referer, status in ((None, 403), ("https://evil.test/app", 403), (f"{ORIGIN}/app/clients/add", 303)):
        headers = {} if referer is None else {"Referer": referer}
        assert (await visiting.http.post("/app/clients/add", data=sent, headers=headers)).status_code == status


async def test_a_form_with_no_token_or_that_of_another_session_is_refused(
    visiting: Visiting, comes: Comes, desk: Desk
) -> None:
    other = await comes()
    await other.sign_in(desk)
    for token in ("", "nonsense", other.token, visiting.token[:-2]):
        answer = await visiting.post("/app/clients/add", {"name": "Pat"}, token=token)
        assert answer.status_code == 403, token
    assert (await visiting.post("/app/clients/add", {"name": "Pat"})).status_code == 303


async def test_nobody_is_signed_in_by_a_form_from_elsewhere(comes: Comes, desk: Desk) -> None:
    visiting = await comes()
    await visiting.get("/app/sign-in")
    entries = {"shop": desk.slug, "email": desk.owner_email, "password": "correct horse battery"}
    for more in ({"headers": {"Origin": "https://evil.test"}}, {"token": "nonsense"}):
        answer = await visiting.post("/app/sign-in", entries, **more)
        assert answer.status_code == 403
        assert SESSION not in visiting.http.cookies


async def test_a_form_that_is_sent_twice_is_saved_once_and_both_answers_lead_to_it(
    visiting: Visiting, desk: Desk
) -> None:
    answers = [await visiting.post("/app/clients/add", {"name": "Pat"}, key="the-same") for _ in range(2)]
    assert answers[0].status_code == answers[1].status_code == 303
    assert answers[0].headers["location"] == answers[1].headers["location"]
    changed = await visiting.post("/app/clients/add", {"name": "Pat Doe"}, key="the-same")
    assert changed.status_code == 422
    assert "already saved" in changed.text
    assert 'value="the-same"' not in changed.text
    # Whoever signs in meanwhile has another token, and sends the same form all the same.
    visiting.http.cookies.clear()
    again = Visiting(visiting.http)
    assert (await again.sign_in(desk)).status_code == 303
    repeated = await again.post("/app/clients/add", {"name": "Pat"}, key="the-same")
    assert repeated.headers["location"] == answers[0].headers["location"]


@pytest.mark.parametrize(
    ("site", "packed"),
    [("same-origin", True), ("none", True), ("cross-site", False), ("same-site", False), (None, False)],
)
async def test_a_page_is_packed_unless_another_site_made_the_browser_ask(
    visiting: Visiting, site: str | None, packed: bool
) -> None:
    answer = await visiting.get("/app/clients?q=guess", headers={} if site is None else {"Sec-Fetch-Site": site})
    assert (answer.headers.get("content-encoding") == "gzip") == packed
    assert 'value="guess"' in answer.text


async def test_a_form_has_another_token_each_time_and_each_of_them_is_taken(visiting: Visiting) -> None:
    tokens = set()
    for name in ("Pat", "Ann"):
        await visiting.get("/app/clients/add")
        tokens.add(visiting.token)
        assert (await visiting.post("/app/clients/add", {"name": name})).status_code == 303
    [one, other] = tokens
    # Neither half is the same, nor do they share any run of letters that would pack better than chance.
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 20


@pytest.mark.parametrize("path", ["/app/sign-in", "/app/clients", "/app/nowhere", "/app/clients/nonsense"])
async def test_every_page_says_what_a_browser_may_load(visiting: Visiting, path: str) -> None:
    headers = (await visiting.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


async def test_what_is_not_there_is_a_page_here_and_a_problem_elsewhere(visiting: Visiting, comes: Comes) -> None:
    for visitor in (visiting, await comes()):
        page = await visitor.get("/app/nowhere")
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "There is nothing here" in page.text
        problem = await visitor.get("/nowhere")
        assert (problem.status_code, problem.headers["content-type"]) == (404, "application/problem+json")


async def test_files_are_kept_for_good_under_names_of_what_is_in_them(visiting: Visiting) -> None:
    page = await visiting.get("/app/clients")
    [sheet] = [part.split('"')[0] for part in page.text.split('href="') if part.split('"')[0].endswith(".css")]
    answer = await visiting.get(sheet)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert (await visiting.get("/app/assets/console.css")).status_code == 404
