"""Staff and API keys: nobody grants what they lack, and the last one who can manage staff stays (R25)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.errors import EmailTaken, InvalidField, LastStaffManager, NotFound, PermissionDenied, Refusal, SlugTaken
from core.ids import ApiKeyId, StaffId
from core.shop import Language
from core.staff import Caller, Permission
from core.use_cases.shop_settings import ShopEdit
from core.use_cases.staff import StaffEdit
from core.views import StaffView
from entrypoints.container import Container
from tests.desk import PASSWORD, Desk, keyed
from tests.soundness import Auditor, outcomes

NEW_PASSWORD = "another long password"  # noqa: S105  # of nobody
ALL = frozenset(Permission)


async def _add(desk: Desk, caller: Caller, *permissions: Permission, email: str | None = None) -> StaffView:
    return await desk.container.add_staff_member()(
        caller,
        name="New",
        email=email or f"{uuid4().hex}@example.com",
        permissions=set(permissions),
        password=PASSWORD,
    )


async def _edit(desk: Desk, caller: Caller, staff_id: UUID, edit: StaffEdit) -> StaffView:
    return await desk.container.edit_staff_member()(caller, StaffId(staff_id), edit)


async def test_a_staff_member_has_the_permissions_that_they_were_given(desk: Desk) -> None:
    member, robin = await desk.hire(Permission.CREATE_PAYMENTS, Permission.MANAGE_CLIENTS)
    assert member.permissions == [Permission.CREATE_PAYMENTS, Permission.MANAGE_CLIENTS]
    assert (await desk.container.show_me()(robin)).permissions == member.permissions


@pytest.mark.parametrize("lacking", sorted(ALL - {Permission.MANAGE_STAFF}))
async def test_nobody_grants_what_they_lack(desk: Desk, auditor: Auditor, lacking: Permission) -> None:
    _, manager = await desk.hire(*ALL - {lacking})
    plain, _ = await desk.hire()
    denied = {"permission": lacking}
    async with auditor.refuses(desk, PermissionDenied, facts=denied):
        await _add(desk, manager, lacking)
    async with auditor.refuses(desk, PermissionDenied, facts=denied):
        await _edit(desk, manager, plain.id, StaffEdit(permissions=frozenset({lacking})))
    async with auditor.refuses(desk, PermissionDenied, facts=denied):
        await desk.container.add_api_key()(manager, name="key", permissions={lacking})
    me = await desk.container.show_me()(manager)
    async with auditor.refuses(desk, PermissionDenied, facts=denied):
        await _edit(desk, manager, me.by.id, StaffEdit(permissions=ALL))
    await _add(desk, manager, *ALL - {lacking})


async def test_nobody_takes_over_the_sign_in_of_somebody_who_may_more(desk: Desk, auditor: Auditor) -> None:
    _, manager = await desk.hire(Permission.MANAGE_STAFF)
    treasurer, _ = await desk.hire(Permission.CREATE_PAYMENTS)
    owner = (await desk.container.show_me()(desk.owner)).by.id
    for other in (treasurer.id, owner):
        for edit in (
            StaffEdit(password=NEW_PASSWORD),
            StaffEdit(email="mine@example.com"),
            # Nor by taking the permission away in the same step.
            StaffEdit(password=NEW_PASSWORD, permissions=frozenset()),
            StaffEdit(email="mine@example.com", permissions=frozenset()),
        ):
            async with auditor.refuses(desk, PermissionDenied):
                await _edit(desk, manager, other, edit)


async def test_nobody_brings_back_somebody_who_may_more(desk: Desk, auditor: Auditor) -> None:
    _, manager = await desk.hire(Permission.MANAGE_STAFF)
    treasurer, _ = await desk.hire(Permission.CREATE_PAYMENTS)
    await _edit(desk, desk.owner, treasurer.id, StaffEdit(active=False))
    async with auditor.refuses(desk, PermissionDenied, facts={"permission": Permission.CREATE_PAYMENTS}):
        await _edit(desk, manager, treasurer.id, StaffEdit(active=True))
    back = await _edit(desk, manager, treasurer.id, StaffEdit(active=True, permissions=frozenset()))
    assert (back.active, back.permissions) == (True, [])


async def test_an_api_key_grants_no_more_than_it_may(desk: Desk, auditor: Auditor) -> None:
    key = await desk.api_key(Permission.MANAGE_STAFF)
    async with auditor.refuses(desk, PermissionDenied, facts={"permission": Permission.CREATE_PAYMENTS}):
        await _add(desk, key, Permission.CREATE_PAYMENTS)
    await _add(desk, key, Permission.MANAGE_STAFF)


async def test_everybody_who_manages_staff_may_change_names_and_take_permissions_away(desk: Desk) -> None:
    _, manager = await desk.hire(Permission.MANAGE_STAFF)
    treasurer, _ = await desk.hire(Permission.CREATE_PAYMENTS, Permission.MANAGE_CLIENTS)
    edit = StaffEdit(name="Treasurer", permissions=frozenset({Permission.CREATE_PAYMENTS}))
    edited = await _edit(desk, manager, treasurer.id, edit)
    assert (edited.name, edited.permissions) == ("Treasurer", [Permission.CREATE_PAYMENTS])


async def test_one_may_change_one_s_own_email_and_password(desk: Desk) -> None:
    me = (await desk.container.show_me()(desk.owner)).by.id
    email = f"{uuid4().hex}@example.com"
    await _edit(desk, desk.owner, me, StaffEdit(email=email, password=NEW_PASSWORD))
    await desk.caller(email, NEW_PASSWORD)


async def test_the_last_one_who_can_manage_staff_stays(desk: Desk, auditor: Auditor) -> None:
    owner = (await desk.container.show_me()(desk.owner)).by.id
    await desk.hire(*ALL - {Permission.MANAGE_STAFF})
    key = await desk.api_key(*ALL)  # a key is nobody who stays
    gone, _ = await desk.hire(*ALL)
    await _edit(desk, desk.owner, gone.id, StaffEdit(active=False))
    for asker in (desk.owner, key):
        for edit in (StaffEdit(active=False), StaffEdit(permissions=ALL - {Permission.MANAGE_STAFF})):
            async with auditor.refuses(desk, LastStaffManager):
                await _edit(desk, asker, owner, edit)
    await desk.hire(Permission.MANAGE_STAFF)
    assert not (await _edit(desk, desk.owner, owner, StaffEdit(active=False))).active


@pytest.mark.parametrize("edit", [StaffEdit(active=False), StaffEdit(permissions=frozenset())], ids=["leave", "demote"])
async def test_when_two_managers_dismiss_each_other_at_once_one_stays(desk: Desk, edit: StaffEdit) -> None:
    owner = (await desk.container.show_me()(desk.owner)).by.id
    for _ in range(5):
        member, other = await desk.hire(*ALL)
        answers = await outcomes(
            _edit(desk, desk.owner, member.id, edit),
            _edit(desk, other, owner, edit),
        )
        staying = [
            member
            for member in (await _staff(desk, desk.owner, other))
            if member.active and Permission.MANAGE_STAFF in member.permissions
        ]
        assert len(staying) == 1
        assert [isinstance(answer, StaffView) for answer in answers].count(True) == 1
        # The one who stayed brings the other one back.
        boss = desk.owner if staying[0].id == owner else other
        for lost in (owner, member.id):
            await _edit(desk, boss, lost, StaffEdit(active=True, permissions=ALL))
        await _edit(desk, desk.owner, member.id, StaffEdit(active=False))


async def test_who_is_dismissed_while_dismissing_somebody_else_is_refused(desk: Desk, auditor: Auditor) -> None:
    """Whoever waits for the register asks again who they are once it is theirs."""
    robin, robin_asks = await desk.hire(*ALL)
    sam, _ = await desk.hire(*ALL)
    async with _register_held(desk, auditor):
        first = asyncio.create_task(_edit(desk, desk.owner, robin.id, StaffEdit(permissions=frozenset())))
        await auditor.until_waiting(1)
        second = asyncio.create_task(_edit(desk, robin_asks, sam.id, StaffEdit(active=False)))
        await auditor.until_waiting(2)
    await first
    with pytest.raises(PermissionDenied):
        await second


async def _staff(desk: Desk, *askers: Caller) -> list[StaffView]:
    """The staff, asked by whoever of them still may."""
    for asker in askers:
        try:
            return (await desk.container.list_staff()(asker, after=None, limit=100)).items
        except Refusal:
            continue
    raise AssertionError("nobody can manage staff any more")


async def test_an_email_address_is_one_staff_member_s_at_a_shop(desk: Desk, other_desk: Desk, auditor: Auditor) -> None:
    member, _ = await desk.hire()
    other, _ = await desk.hire()
    async with auditor.refuses(desk, EmailTaken):
        await _add(desk, desk.owner, email=member.email.upper())
    async with auditor.refuses(desk, EmailTaken):
        await _edit(desk, desk.owner, other.id, StaffEdit(email=member.email))
    await _edit(desk, desk.owner, member.id, StaffEdit(email=member.email))
    await _add(other_desk, other_desk.owner, email=member.email)


async def test_of_twenty_who_take_one_email_address_at_once_one_gets_it(desk: Desk) -> None:
    email = f"{uuid4().hex}@example.com"
    answers = await outcomes(*(_add(desk, desk.owner, email=email) for _ in range(20)))
    assert sorted(type(answer).__name__ for answer in answers) == ["EmailTaken"] * 19 + ["StaffView"]


async def test_a_password_and_an_email_address_must_be_ones(desk: Desk, auditor: Auditor) -> None:
    member, _ = await desk.hire()
    for edit, field in (
        (StaffEdit(password="x" * 9), "password"),
        (StaffEdit(password="x" * 129), "password"),
        (StaffEdit(email="nobody"), "email"),
        (StaffEdit(email="a@b.c\x00"), "email"),
    ):
        async with auditor.refuses(desk, InvalidField, facts={"field": field}):
            await _edit(desk, desk.owner, member.id, edit)
    async with auditor.refuses(desk, InvalidField, facts={"field": "email"}):
        await _add(desk, desk.owner, email="nobody")


async def test_a_staff_member_or_key_that_is_not_there_is_not_found(desk: Desk, auditor: Auditor) -> None:
    async with auditor.refuses(desk, NotFound):
        await _edit(desk, desk.owner, desk.shop_id, StaffEdit(name="x"))
    key = await desk.api_key()
    await desk.container.delete_api_key()(desk.owner, ApiKeyId(key.credential.id))
    for gone in (key.credential.id, desk.shop_id):
        async with auditor.refuses(desk, NotFound):
            await desk.container.delete_api_key()(desk.owner, ApiKeyId(gone))


async def test_staff_and_keys_are_listed_in_the_order_in_which_they_came_and_deleted_keys_are_not(desk: Desk) -> None:
    names = ["Olive Owner", "A", "B", "C"]
    for name in names[1:]:
        await desk.hire(name=name)
    keys = [await desk.api_key() for _ in range(3)]
    await desk.container.delete_api_key()(desk.owner, ApiKeyId(keys[1].credential.id))
    listed: list[str] = []
    after = None
    while True:
        page = await desk.container.list_staff()(desk.owner, after=after, limit=2)
        listed += [member.name for member in page.items]
        after = page.next_position
        if after is None:
            break
    assert listed == names
    shown = await desk.container.list_api_keys()(desk.owner, after=None, limit=100)
    assert [key.id for key in shown.items] == [keys[0].credential.id, keys[2].credential.id]


async def test_the_same_request_for_a_new_staff_member_many_times_at_once_makes_one(
    desk: Desk, auditor: Auditor
) -> None:
    email = f"{uuid4().hex}@example.com"
    caller = keyed(desk.owner, "hire once")
    async with _register_held(desk, auditor):
        hiring = [asyncio.create_task(_add(desk, caller, email=email)) for _ in range(15)]
        await auditor.until_waiting(15)
    answers = await outcomes(*hiring)
    kinds = sorted(type(answer).__name__ for answer in answers)
    assert kinds == ["AlreadyAnswered"] * 14 + ["StaffView"]


async def test_the_same_request_to_delete_a_key_many_times_at_once_is_answered_the_same(
    desk: Desk, auditor: Auditor
) -> None:
    key = ApiKeyId((await desk.api_key()).credential.id)
    caller = keyed(desk.owner, "delete once")
    async with _register_held(desk, auditor):
        deleting = [asyncio.ensure_future(desk.container.delete_api_key()(caller, key)) for _ in range(15)]
        await auditor.until_waiting(15)
    answers = await outcomes(*deleting)
    kinds = sorted(type(answer).__name__ for answer in answers)
    assert kinds == ["AlreadyAnswered"] * 14 + ["NoneType"]


@asynccontextmanager
async def _register_held(desk: Desk, auditor: Auditor) -> AsyncIterator[None]:
    """Nobody writes staff or keys before the block ends, so that all who come in it have looked by then."""
    async with auditor.connection.transaction():
        for table in ("shops", "staff", "api_keys"):
            await auditor.connection.execute(f"SELECT FROM {table} WHERE shop_id = $1 FOR UPDATE", desk.shop_id)
        yield


async def test_changes_of_different_settings_at_once_are_all_kept(desk: Desk, auditor: Auditor) -> None:
    edit = desk.container.edit_shop()
    async with _register_held(desk, auditor):
        changes = [
            asyncio.ensure_future(edit(desk.owner, change))
            for change in (ShopEdit(name="New"), ShopEdit(quickbooks_connected=True), ShopEdit(time_zone="UTC"))
        ]
        await auditor.until_waiting(3)
    await asyncio.gather(*changes)
    shop = await desk.container.show_shop()(desk.owner)
    assert (shop.name, shop.quickbooks_connected, shop.time_zone) == ("New", True, "UTC")


async def test_currency_and_slug_of_a_shop_stay_and_its_time_zone_must_be_one(desk: Desk, auditor: Auditor) -> None:
    before = await desk.container.show_shop()(desk.owner)
    edited = await desk.container.edit_shop()(desk.owner, ShopEdit(name="New", time_zone="Europe/Berlin"))
    assert (edited.currency, edited.slug, edited.name, edited.time_zone) == (
        before.currency,
        before.slug,
        "New",
        "Europe/Berlin",
    )
    async with auditor.refuses(desk, InvalidField, facts={"field": "time_zone"}):
        await desk.container.edit_shop()(desk.owner, ShopEdit(time_zone="Mars/Olympus_Mons"))


async def test_a_shop_writes_to_nobody_until_it_says_so_and_then_in_its_language(desk: Desk) -> None:
    new = await desk.container.show_shop()(desk.owner)
    assert (new.email_notices, new.language, new.email) == (False, "en", None)
    edit = desk.container.edit_shop()
    wanted = ShopEdit(email_notices=True, language=Language.DE, email="desk@example.com")
    for shown in (
        await edit(desk.owner, wanted),
        await edit(desk.owner, ShopEdit(name="New")),
        await desk.container.show_shop()(desk.owner),
        (await desk.container.show_me()(desk.owner)).shop,
    ):
        assert (shown.email_notices, shown.language, shown.email) == (True, "de", "desk@example.com")
    emptied = await edit(desk.owner, ShopEdit(email_notices=False, email=None))
    assert (emptied.email_notices, emptied.language, emptied.email) == (False, "de", None)


_SHOP: dict[str, Any] = {
    "name": "A Shop",
    "slug": "a-shop-that-is-never-opened",
    "currency": "USD",
    "time_zone": "America/Chicago",
    "owner_name": "Olive",
    "owner_email": "olive@example.com",
    "owner_password": PASSWORD,
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "  "),
        ("slug", "A Shop"),
        ("slug", "-a"),
        ("slug", "x" * 64),
        ("currency", "usd"),
        ("currency", "XXX"),
        ("time_zone", "CST6"),
        ("owner_name", ""),
        ("owner_email", "olive"),
        ("owner_password", "short"),
    ],
)
async def test_a_shop_is_opened_with_what_can_be_one_only(container: Container, field: str, value: str) -> None:
    with pytest.raises(InvalidField) as refusal:
        await container.open_shop()(**{**_SHOP, field: value})
    assert refusal.value.field in {field, "password"}
    assert await container.directory().shop_of(_SHOP["slug"]) is None


async def test_a_slug_is_one_shop_s_also_when_many_take_it_at_once(container: Container, desk: Desk) -> None:
    with pytest.raises(SlugTaken):
        await container.open_shop()(**{**_SHOP, "slug": desk.slug})
    slug = f"shop-{uuid4().hex}"
    answers = await outcomes(*(container.open_shop()(**{**_SHOP, "slug": slug}) for _ in range(10)))
    assert sorted(type(answer).__name__ for answer in answers) == ["ShopSettings"] + ["SlugTaken"] * 9
