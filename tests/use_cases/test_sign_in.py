"""Signing in, staying signed in, and how access ends."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from dependency_injector import providers

from core.errors import SignInFailed, TooManySignIns, Unauthenticated
from core.ids import ApiKeyId, StaffId
from core.staff import ActorKind, Caller, Credential, Permission
from core.use_cases.staff import StaffEdit
from core.views import SignedInView
from entrypoints.container import Container, running
from ports.transactions import Busy
from tests.database import Database
from tests.desk import PASSWORD, Desk, SetClock, container_for, open_desk
from tests.soundness import Auditor, outcomes

QUARTER = timedelta(minutes=15)


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


async def _sign_in(desk: Desk, password: str = PASSWORD, **more: str) -> SignedInView:
    asked = {"slug": desk.slug, "email": desk.owner_email, "address": uuid4().hex, **more}
    return await desk.container.sign_in()(password=password, **asked)


def _caller(desk: Desk, signed_in: SignedInView) -> Caller:
    return Caller(desk.container.credential_reader().read(signed_in.access_token))


async def test_who_signs_in_is_who_they_are(desk: Desk) -> None:
    signed_in = await _sign_in(desk, email=" OWNER@Example.com ")
    me = await desk.container.show_me()(_caller(desk, signed_in))
    assert (me.by.kind, me.by.name, me.shop.slug) == ("staff", "Olive Owner", desk.slug)
    assert me.staff is not None
    assert me.staff.email == desk.owner_email
    assert signed_in.expires_in == 900


async def test_an_access_token_ends_after_fifteen_minutes(desk: Desk, clock: SetClock) -> None:
    old = await _sign_in(desk)
    clock.forward(timedelta(minutes=14))
    young = await _sign_in(desk)
    clock.forward(timedelta(minutes=1))
    with pytest.raises(Unauthenticated):
        _caller(desk, old)
    assert _caller(desk, young) == desk.owner


async def test_an_unknown_shop_or_email_and_a_person_who_left_are_answered_like_a_wrong_password(desk: Desk) -> None:
    member, _ = await desk.hire()
    await desk.container.edit_staff_member()(desk.owner, StaffId(member.id), StaffEdit(active=False))
    answers = set()
    for wrong in (
        {"password": "not the password"},
        {"email": "nobody@example.com"},
        {"slug": "no-such-shop"},
        {"email": member.email},
    ):
        with pytest.raises(SignInFailed) as refusal:
            await _sign_in(desk, **wrong)
        answers.add((type(refusal.value), str(refusal.value), str(vars(refusal.value))))
    assert len(answers) == 1


async def test_the_password_of_one_shop_opens_no_other(desk: Desk, container: Container) -> None:
    other = await open_desk(container)
    member, _ = await desk.hire()
    with pytest.raises(SignInFailed):
        await _sign_in(other, email=member.email)


async def test_a_refresh_token_is_exchanged_for_new_ones(desk: Desk) -> None:
    signed_in = await _sign_in(desk)
    refreshed = await desk.container.refresh()(signed_in.refresh_token)
    assert refreshed.refresh_token != signed_in.refresh_token
    assert (await desk.container.show_me()(_caller(desk, refreshed))).shop.slug == desk.slug
    again = await desk.container.refresh()(refreshed.refresh_token)
    assert again.refresh_token != refreshed.refresh_token


async def test_a_refresh_token_that_comes_again_ends_its_whole_family(desk: Desk) -> None:
    first = await _sign_in(desk)
    unrelated = await _sign_in(desk)
    refresh = desk.container.refresh()
    second = await refresh(first.refresh_token)
    third = await refresh(second.refresh_token)
    with pytest.raises(Unauthenticated):
        await refresh(first.refresh_token)
    for token in (second.refresh_token, third.refresh_token, first.refresh_token):
        with pytest.raises(Unauthenticated):
            await refresh(token)
    await refresh(unrelated.refresh_token)


async def test_of_twenty_that_refresh_with_one_token_at_once_one_gets_new_tokens_and_the_family_ends(
    desk: Desk,
) -> None:
    first = await _sign_in(desk)
    refresh = desk.container.refresh()
    answers = await outcomes(*(refresh(first.refresh_token) for _ in range(20)))
    [won] = [answer for answer in answers if isinstance(answer, SignedInView)]
    assert [type(answer) for answer in answers].count(Unauthenticated) == 19
    with pytest.raises(Unauthenticated):
        await refresh(won.refresh_token)


async def test_a_refresh_token_is_stored_as_a_digest_only(desk: Desk, auditor: Auditor) -> None:
    signed_in = await _sign_in(desk)
    secret = signed_in.refresh_token.split("_", 3)[3]
    everything = await auditor.everything(desk.shop_id)
    assert secret not in str(everything)
    assert PASSWORD not in str(everything)


async def test_a_refresh_token_ends_after_thirty_days(container: Container, clock: SetClock) -> None:
    desk = await open_desk(container)
    kept, used = await _sign_in(desk), await _sign_in(desk)
    clock.forward(timedelta(days=29))
    used = await container.refresh()(used.refresh_token)
    clock.forward(timedelta(days=2))
    with pytest.raises(Unauthenticated):
        await container.refresh()(kept.refresh_token)
    # Each exchange begins the thirty days anew.
    await container.refresh()(used.refresh_token)


@pytest.mark.parametrize("kind", ["nonsense", "no such id", "another secret", "another shop", "an API key"])
async def test_a_refresh_token_that_is_not_one_is_refused(desk: Desk, container: Container, kind: str) -> None:
    token = (await _sign_in(desk)).refresh_token
    prefix, shop, token_id, secret = token.split("_", 3)
    other = await open_desk(container)
    faulty = {
        "nonsense": "rt_nonsense",
        "no such id": f"{prefix}_{shop}_{uuid4().hex}_{secret}",
        "another secret": f"{prefix}_{shop}_{token_id}_{'A' * 43}",
        "another shop": f"{prefix}_{other.shop_id.hex}_{token_id}_{secret}",
        "an API key": f"ak_{shop}_{token_id}_{secret}",
    }[kind]
    for use in (container.refresh(), container.sign_out()):
        with pytest.raises(Unauthenticated):
            await use(faulty)
    # A guess ends nobody's session.
    await container.refresh()(token)


async def test_signing_out_ends_the_session_and_no_other(desk: Desk) -> None:
    here, elsewhere = await _sign_in(desk), await _sign_in(desk)
    await desk.container.sign_out()(here.refresh_token)
    with pytest.raises(Unauthenticated):
        await desk.container.refresh()(here.refresh_token)
    await desk.container.refresh()(elsewhere.refresh_token)


async def test_deactivating_a_staff_member_ends_access_at_the_next_request(desk: Desk) -> None:
    member, robin = await desk.hire(Permission.CREATE_PAYMENTS)
    signed_in = await _sign_in(desk, email=member.email)
    client = await desk.client()
    await desk.add(client, 100, caller=robin)
    await desk.container.edit_staff_member()(desk.owner, StaffId(member.id), StaffEdit(active=False))
    for refused in (
        lambda: desk.add(client, 100, caller=robin),
        lambda: desk.container.show_me()(robin),
        lambda: desk.container.refresh()(signed_in.refresh_token),
    ):
        with pytest.raises(Unauthenticated):
            await refused()
    # Who comes back signs in anew: the old session stays ended.
    await desk.container.edit_staff_member()(desk.owner, StaffId(member.id), StaffEdit(active=True))
    with pytest.raises(Unauthenticated):
        await desk.container.refresh()(signed_in.refresh_token)
    await _sign_in(desk, email=member.email)


async def test_taking_a_permission_away_works_at_the_next_request(desk: Desk) -> None:
    member, robin = await desk.hire(Permission.CREATE_PAYMENTS)
    client = await desk.client()
    assert (await desk.tab(client, caller=robin)).can_add
    edit = StaffEdit(permissions=frozenset())
    await desk.container.edit_staff_member()(desk.owner, StaffId(member.id), edit)
    assert not (await desk.tab(client, caller=robin)).can_add


async def test_deleting_an_api_key_ends_access_at_the_next_request(desk: Desk) -> None:
    key = await desk.api_key(Permission.CREATE_PAYMENTS)
    client = await desk.client()
    await desk.add(client, 100, caller=key)
    await desk.container.delete_api_key()(desk.owner, ApiKeyId(key.credential.id))
    with pytest.raises(Unauthenticated):
        await desk.add(client, 100, caller=key)


async def test_an_api_key_with_another_secret_or_of_another_shop_is_refused(desk: Desk, container: Container) -> None:
    key = (await desk.api_key()).credential
    other = await open_desk(container)
    for faulty in (
        Credential(key.shop_id, key.kind, key.id, b"\0" * 32),
        Credential(key.shop_id, key.kind, key.id, None),
        Credential(key.shop_id, key.kind, other.owner.credential.id, key.secret_hash),
        Credential(other.shop_id, key.kind, key.id, key.secret_hash),
        Credential(key.shop_id, ActorKind.STAFF, key.id, key.secret_hash),
    ):
        with pytest.raises(Unauthenticated):
            await container.show_me()(Caller(faulty))


async def test_a_new_password_ends_the_sessions_and_the_old_password(desk: Desk) -> None:
    member, _ = await desk.hire()
    signed_in = await _sign_in(desk, email=member.email)
    edit = StaffEdit(password="another long password")  # noqa: S106  # of nobody
    await desk.container.edit_staff_member()(desk.owner, StaffId(member.id), edit)
    with pytest.raises(Unauthenticated):
        await desk.container.refresh()(signed_in.refresh_token)
    with pytest.raises(SignInFailed):
        await _sign_in(desk, email=member.email)
    await _sign_in(desk, "another long password", email=member.email)


async def test_a_new_name_ends_no_session(desk: Desk) -> None:
    member, _ = await desk.hire()
    signed_in = await _sign_in(desk, email=member.email)
    await desk.container.edit_staff_member()(desk.owner, StaffId(member.id), StaffEdit(name="New"))
    await desk.container.refresh()(signed_in.refresh_token)


async def test_after_ten_failures_an_account_is_closed_for_a_quarter_of_an_hour_even_to_the_right_password(
    desk: Desk, clock: SetClock
) -> None:
    for _ in range(10):
        with pytest.raises(SignInFailed):
            await _sign_in(desk, "wrong wrong wrong")
        clock.forward(timedelta(minutes=1))
    with pytest.raises(TooManySignIns) as refusal:
        await _sign_in(desk)
    # The first of the ten is ten minutes old.
    assert 4 * 60 < refusal.value.retry_after_seconds <= 5 * 60 + 1
    clock.forward(timedelta(seconds=refusal.value.retry_after_seconds))
    await _sign_in(desk)


async def test_who_waited_while_others_failed_is_told_to_wait_for_a_quarter_of_an_hour_at_most(
    desk: Desk, clock: SetClock
) -> None:
    began_before = timedelta(seconds=10)
    clock.forward(began_before)
    for _ in range(10):
        with pytest.raises(SignInFailed):
            await _sign_in(desk, "wrong wrong wrong")
    clock.forward(-began_before)
    with pytest.raises(TooManySignIns) as refusal:
        await _sign_in(desk)
    assert 14 * 60 < refusal.value.retry_after_seconds <= 15 * 60 + 1


async def test_what_is_refused_while_an_account_is_closed_does_not_keep_it_closed(desk: Desk, clock: SetClock) -> None:
    for _ in range(10):
        with pytest.raises(SignInFailed):
            await _sign_in(desk, "wrong wrong wrong")
    for _ in range(5):
        clock.forward(timedelta(minutes=2))
        with pytest.raises(TooManySignIns):
            await _sign_in(desk)
    clock.forward(timedelta(minutes=6))
    await _sign_in(desk)


async def test_signing_in_forgets_the_failures_of_the_account(desk: Desk) -> None:
    for _ in range(2):
        for _ in range(9):
            with pytest.raises(SignInFailed):
                await _sign_in(desk, "wrong wrong wrong")
        await _sign_in(desk)


async def test_the_failures_of_one_account_close_no_other(desk: Desk, container: Container) -> None:
    other = await open_desk(container)
    for _ in range(10):
        with pytest.raises(SignInFailed):
            await _sign_in(desk, "wrong wrong wrong")
    await _sign_in(other)  # the same e-mail address at another shop


async def test_an_email_that_nobody_has_is_closed_like_one_that_somebody_has(desk: Desk) -> None:
    for _ in range(10):
        with pytest.raises(SignInFailed):
            await _sign_in(desk, email="nobody@example.com")
    with pytest.raises(TooManySignIns):
        await _sign_in(desk, email="nobody@example.com")


async def test_after_ten_failures_from_an_address_it_is_closed_whichever_accounts_it_tried(
    desk: Desk, container: Container, clock: SetClock
) -> None:
    other = await open_desk(container)
    address = uuid4().hex
    for place in range(10):
        with pytest.raises(SignInFailed):
            await _sign_in((desk, other)[place % 2], email=f"nobody{place}@example.com", address=address)
    for tried in (desk, other):
        with pytest.raises(TooManySignIns):
            await _sign_in(tried, address=address)
        await _sign_in(tried)  # from elsewhere
    with pytest.raises(TooManySignIns):
        await _sign_in(desk, slug="no-such-shop", address=address)
    clock.forward(QUARTER)
    await _sign_in(desk, address=address)


async def test_who_signs_in_while_their_password_is_changed_is_not_left_with_a_session_of_the_old_one(
    desk: Desk, auditor: Auditor
) -> None:
    member, _ = await desk.hire()
    # Signing in waits for the lock between looking at the password and opening the session.
    async with auditor.connection.transaction():
        await auditor.connection.execute("LOCK TABLE sessions IN SHARE ROW EXCLUSIVE MODE")
        signing_in = asyncio.create_task(_sign_in(desk, email=member.email))
        await auditor.until_waiting(1)
        edit = StaffEdit(password="another long password")  # noqa: S106  # of nobody
        changing = asyncio.create_task(
            desk.container.edit_staff_member()(desk.owner, StaffId(member.id), edit),
        )
        both_wait = asyncio.create_task(auditor.until_waiting(2))
        # On a machine that is very busy the first gives up before the second comes to the lock: that is no session.
        await asyncio.wait([both_wait, signing_in], return_when=asyncio.FIRST_COMPLETED)
        both_wait.cancel()
    signed_in, _ = await asyncio.gather(signing_in, changing, return_exceptions=True)
    if isinstance(signed_in, SignedInView):
        with pytest.raises(Unauthenticated):
            await desk.container.refresh()(signed_in.refresh_token)
    else:
        assert isinstance(signed_in, SignInFailed | Busy)
