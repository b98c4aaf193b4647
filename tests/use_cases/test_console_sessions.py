"""Sessions in a browser: how one begins, how long it lasts, and what ends it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from dependency_injector import providers

from core.errors import SignInFailed, TooManySignIns, Unauthenticated
from core.ids import StaffId
from core.staff import ActorKind, Permission
from core.use_cases.console_sessions import IDLE_LIFETIME, LIFETIME, Visit
from core.use_cases.staff import StaffEdit
from entrypoints.container import Container, running
from tests.database import Database
from tests.desk import PASSWORD, Desk, SetClock, container_for, open_desk
from tests.soundness import Auditor

MOMENT = timedelta(seconds=20)
"""More than anything here takes on a busy machine."""
WRONG = "wrong wrong wrong"


@pytest.fixture(scope="module")
def clock() -> SetClock:
    return SetClock()


@pytest.fixture(autouse=True)
def now(clock: SetClock) -> Iterator[None]:
    """Each test begins now."""
    yield
    clock.reset()


@pytest.fixture(scope="module")
async def container(database: Database, clock: SetClock) -> AsyncIterator[Container]:
    """The program with a clock that can be set."""
    container = container_for(database)
    container.clock.override(providers.Object(clock))
    async with running(container):
        yield container


async def _begin(desk: Desk, password: str = PASSWORD, *, email: str | None = None, address: str | None = None) -> str:
    return await desk.container.begin_console_session()(
        slug=desk.slug, email=email or desk.owner_email, password=password, address=address or uuid4().hex
    )


async def _visit(desk: Desk, credential: str) -> Visit:
    return await desk.container.continue_console_session()(credential)


async def _require_over(desk: Desk, credential: str) -> None:
    with pytest.raises(Unauthenticated):
        await _visit(desk, credential)


async def test_a_session_says_who_visits_and_what_they_may(desk: Desk) -> None:
    member, _ = await desk.hire(Permission.CREATE_PAYMENTS, name="Robin")
    visit = await _visit(desk, await _begin(desk, email=member.email))
    assert (visit.name, visit.shop.slug) == ("Robin", desk.slug)
    assert visit.permissions == {Permission.CREATE_PAYMENTS}
    me = await desk.container.show_me()(visit.caller)
    assert (me.by.kind, me.by.id) == (ActorKind.STAFF, member.id)


async def test_each_sign_in_is_a_session_of_its_own(desk: Desk) -> None:
    here, elsewhere = await _begin(desk), await _begin(desk)
    assert (await _visit(desk, here)).session_id != (await _visit(desk, elsewhere)).session_id
    await desk.container.end_console_session()(here)
    await _require_over(desk, here)
    await _visit(desk, elsewhere)


async def test_ending_a_session_twice_is_no_error(desk: Desk) -> None:
    credential = await _begin(desk)
    for _ in range(2):
        await desk.container.end_console_session()(credential)


async def test_a_session_that_nobody_uses_ends_after_half_an_hour(desk: Desk, clock: SetClock) -> None:
    credential = await _begin(desk)
    clock.forward(IDLE_LIFETIME - MOMENT)
    await _visit(desk, credential)
    clock.forward(IDLE_LIFETIME - MOMENT)
    await _visit(desk, credential)
    clock.forward(IDLE_LIFETIME)
    await _require_over(desk, credential)


async def test_however_much_it_is_used_a_session_ends_after_twelve_hours(desk: Desk, clock: SetClock) -> None:
    credential = await _begin(desk)
    for _ in range(int(LIFETIME / (IDLE_LIFETIME / 2)) - 1):
        clock.forward(IDLE_LIFETIME / 2)
        await _visit(desk, credential)
    clock.forward(IDLE_LIFETIME / 2)
    await _require_over(desk, credential)


async def test_when_it_was_last_used_is_written_once_a_minute(desk: Desk, clock: SetClock, auditor: Auditor) -> None:
    async def seen() -> object:
        return await auditor.connection.fetchval(
            "SELECT seen_at FROM console_sessions WHERE shop_id = $1", desk.shop_id
        )

    credential = await _begin(desk)
    at_first = await seen()
    clock.forward(timedelta(seconds=50))
    await _visit(desk, credential)
    assert await seen() == at_first
    clock.forward(timedelta(seconds=15))
    await asyncio.gather(*(_visit(desk, credential) for _ in range(8)))
    assert await seen() != at_first


@pytest.mark.parametrize(
    "edit",
    [StaffEdit(active=False), StaffEdit(password="another long password")],  # noqa: S106  # of nobody
    ids=["deactivated", "new password"],
)
async def test_a_session_ends_with_the_access_that_it_began_with(desk: Desk, edit: StaffEdit) -> None:
    member, _ = await desk.hire()
    credential, unrelated = await _begin(desk, email=member.email), await _begin(desk)
    await desk.container.edit_staff_member()(desk.owner, StaffId(member.id), edit)
    await _require_over(desk, credential)
    await desk.container.edit_staff_member()(desk.owner, StaffId(member.id), StaffEdit(active=True))
    await _require_over(desk, credential)
    await _visit(desk, unrelated)


async def test_what_a_visitor_may_changes_with_the_next_page(desk: Desk) -> None:
    member, _ = await desk.hire(Permission.CREATE_PAYMENTS)
    credential = await _begin(desk, email=member.email)
    edit = StaffEdit(permissions=frozenset({Permission.MANAGE_CLIENTS}))
    await desk.container.edit_staff_member()(desk.owner, StaffId(member.id), edit)
    assert (await _visit(desk, credential)).permissions == {Permission.MANAGE_CLIENTS}


@pytest.mark.parametrize("kind", ["nonsense", "no such id", "another secret", "another shop", "an API key", "a token"])
async def test_a_credential_that_is_none_opens_nothing(desk: Desk, container: Container, kind: str) -> None:
    credential = await _begin(desk)
    prefix, shop, session_id, secret = credential.split("_", 3)
    other = await open_desk(container)
    tokens = await container.sign_in()(slug=desk.slug, email=desk.owner_email, password=PASSWORD, address=uuid4().hex)
    faulty = {
        "nonsense": "cs_nonsense",
        "no such id": f"{prefix}_{shop}_{uuid4().hex}_{secret}",
        "another secret": f"{prefix}_{shop}_{session_id}_{'A' * 43}",
        "another shop": f"{prefix}_{other.shop_id.hex}_{session_id}_{secret}",
        "an API key": f"ak_{shop}_{session_id}_{secret}",
        "a token": tokens.refresh_token.replace("rt_", "cs_", 1),
    }[kind]
    for use in (container.continue_console_session(), container.end_console_session()):
        with pytest.raises(Unauthenticated):
            await use(faulty)
    await _visit(desk, credential)


async def test_a_session_is_stored_as_a_digest_only(desk: Desk, auditor: Auditor) -> None:
    secret = (await _begin(desk)).split("_", 3)[3]
    assert secret not in str(await auditor.everything(desk.shop_id))


async def test_both_ways_to_sign_in_count_the_same_failures(desk: Desk) -> None:
    address = uuid4().hex
    for _ in range(5):
        with pytest.raises(SignInFailed):
            await _begin(desk, WRONG, address=address)
        with pytest.raises(SignInFailed):
            await desk.container.sign_in()(
                slug=desk.slug,
                email=desk.owner_email,
                password=WRONG,
                address=address,
            )
    with pytest.raises(TooManySignIns):
        await _begin(desk, address=address)
    with pytest.raises(TooManySignIns):
        await _begin(desk)


async def test_where_somebody_signed_in_at_the_console_they_are_not_kept_out(desk: Desk) -> None:
    counter = uuid4().hex
    await _begin(desk, address=counter)
    for _ in range(10):
        with pytest.raises(SignInFailed):
            await _begin(desk, WRONG)
    with pytest.raises(TooManySignIns):
        await _begin(desk)
    await _begin(desk, address=counter)
