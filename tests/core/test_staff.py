"""Who may do what, and what they may hand on."""

from typing import TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidField, LastStaffManager, PermissionDenied
from core.staff import ActorKind, Asker, Permission, StaffMember, clean_email, require_password
from core.views import sorted_permissions
from tests.builders import a_staff_member, an_asker

P = Permission
permission_sets = st.frozensets(st.sampled_from(Permission))


def test_r25_there_are_exactly_these_permissions() -> None:
    assert set(Permission) == {
        "create_payments",
        "manage_clients",
        "manage_invoices",
        "manage_staff",
        "manage_settings",
    }


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("kind", ActorKind)
def test_r25_who_lacks_a_permission_is_refused_and_told_which(permission: Permission, kind: ActorKind) -> None:
    all_others = an_asker(*(set(Permission) - {permission}), kind=kind)
    with pytest.raises(PermissionDenied) as refused:
        all_others.require(permission)
    assert refused.value.permission == permission


@pytest.mark.parametrize("permission", Permission)
def test_r25_who_has_a_permission_needs_no_other(permission: Permission) -> None:
    an_asker(permission).require(permission)


def test_r25_viewing_is_open_to_every_staff_member() -> None:
    an_asker().require(None)


class Wish(TypedDict, total=False):
    """What may be wanted of a staff member."""

    name: str
    email: str
    permissions: frozenset[Permission]
    active: bool
    new_password: bool


def changed(member: StaffMember, wish: Wish, *, by: Asker, other_managers: int = 1) -> StaffMember:
    return member.changed_by(
        by,
        name=wish.get("name", member.name),
        email=wish.get("email", member.email),
        permissions=wish.get("permissions", member.permissions),
        active=wish.get("active", member.active),
        new_password=wish.get("new_password", False),
        other_managers=other_managers,
    )


STAFF_MANAGER = an_asker(P.MANAGE_STAFF)
BOOKKEEPER = a_staff_member(P.CREATE_PAYMENTS)
FORMER_BOOKKEEPER = a_staff_member(P.CREATE_PAYMENTS, active=False)


@pytest.mark.parametrize(
    ("member", "wish"),
    [
        pytest.param(a_staff_member(), Wish(permissions=frozenset({P.CREATE_PAYMENTS})), id="by-adding-it"),
        pytest.param(
            BOOKKEEPER, Wish(permissions=frozenset({P.CREATE_PAYMENTS, P.MANAGE_CLIENTS})), id="beside-one-they-had"
        ),
        pytest.param(FORMER_BOOKKEEPER, Wish(active=True), id="by-making-active-again-who-has-it"),
        pytest.param(BOOKKEEPER, Wish(new_password=True), id="by-taking-over-a-password"),
        pytest.param(BOOKKEEPER, Wish(email="mine@example.com"), id="by-taking-over-an-address"),
    ],
)
def test_r25_nobody_grants_what_they_lack(member: StaffMember, wish: Wish) -> None:
    with pytest.raises(PermissionDenied):
        changed(member, wish, by=STAFF_MANAGER)


@pytest.mark.parametrize(
    ("member", "wish"),
    [
        pytest.param(BOOKKEEPER, Wish(name="Samantha Lee"), id="rename"),
        pytest.param(BOOKKEEPER, Wish(permissions=frozenset()), id="take-away"),
        pytest.param(BOOKKEEPER, Wish(active=False), id="deactivate"),
        pytest.param(FORMER_BOOKKEEPER, Wish(active=True, permissions=frozenset()), id="back-without-it"),
        pytest.param(a_staff_member(), Wish(permissions=frozenset({P.MANAGE_STAFF})), id="grant-what-they-have"),
        pytest.param(a_staff_member(), Wish(new_password=True), id="new-password-for-who-has-nothing"),
    ],
)
def test_r25_what_grants_nothing_more_is_allowed(member: StaffMember, wish: Wish) -> None:
    expected = msgspec.structs.replace(
        member, **{name: value for name, value in wish.items() if name != "new_password"}
    )
    assert changed(member, wish, by=STAFF_MANAGER) == expected


def test_r25_a_staff_member_may_change_their_own_sign_in() -> None:
    member = a_staff_member(P.MANAGE_STAFF, P.CREATE_PAYMENTS)
    themselves = Asker(ActorKind.STAFF, member.id, member.name, frozenset({P.MANAGE_STAFF}))
    assert changed(member, Wish(email="new@example.com", new_password=True), by=themselves).email == "new@example.com"


MANAGER = a_staff_member(P.MANAGE_STAFF, P.CREATE_PAYMENTS)


@pytest.mark.parametrize(
    "wish",
    [Wish(active=False), Wish(permissions=frozenset({P.CREATE_PAYMENTS})), Wish(active=False, permissions=frozenset())],
    ids=["deactivated", "permission-taken", "both"],
)
def test_r25_the_last_one_who_can_manage_staff_stays(wish: Wish) -> None:
    owner = an_asker(*Permission)
    with pytest.raises(LastStaffManager):
        changed(MANAGER, wish, by=owner, other_managers=0)
    assert not changed(MANAGER, wish, by=owner, other_managers=1).manages_staff


@pytest.mark.parametrize(
    "member",
    [a_staff_member(P.CREATE_PAYMENTS), a_staff_member(P.MANAGE_STAFF, active=False)],
    ids=["cannot-manage-staff", "not-active"],
)
def test_r25_who_does_not_manage_staff_is_not_the_last_who_does(member: StaffMember) -> None:
    assert not changed(member, Wish(active=False), by=an_asker(*Permission), other_managers=0).active


@given(
    asker=permission_sets,
    before=permission_sets,
    after=permission_sets,
    was_active=st.booleans(),
    active=st.booleans(),
    new_password=st.booleans(),
)
def test_r25_no_change_gives_anybody_a_permission_that_the_asker_lacks(
    asker: frozenset[Permission],
    before: frozenset[Permission],
    after: frozenset[Permission],
    was_active: bool,
    active: bool,
    new_password: bool,
) -> None:
    member = a_staff_member(*before, active=was_active)
    wish = Wish(permissions=after, active=active, new_password=new_password)
    usable_before = before if was_active else frozenset[Permission]()
    try:
        new = changed(member, wish, by=an_asker(*asker))
    except PermissionDenied:
        # Somebody who has all of it would not have been refused for a permission.
        assert not (before | after) <= asker
        return
    usable_after = new.permissions if new.active else frozenset[Permission]()
    assert usable_after - usable_before <= asker
    assert not new_password or before <= asker


@given(asked=permission_sets, has=permission_sets)
def test_r25_an_api_key_is_given_only_what_its_maker_has(
    asked: frozenset[Permission], has: frozenset[Permission]
) -> None:
    if asked <= has:
        an_asker(*has).may_grant(asked)
    else:
        with pytest.raises(PermissionDenied):
            an_asker(*has).may_grant(asked)


def test_r1_who_did_it_is_kept_with_the_name_as_it_was_then() -> None:
    asker = an_asker(P.CREATE_PAYMENTS)
    assert (asker.actor.kind, asker.actor.id, asker.actor.name) == (asker.kind, asker.id, asker.name)


def test_permissions_are_listed_in_one_order() -> None:
    assert sorted_permissions(frozenset(Permission)) == list(Permission)
    assert sorted_permissions(frozenset({P.MANAGE_SETTINGS, P.CREATE_PAYMENTS})) == [
        P.CREATE_PAYMENTS,
        P.MANAGE_SETTINGS,
    ]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("pat@example.com", "pat@example.com"),
        (" Pat@Example.COM ", "pat@example.com"),
        ("pat+shop@mail.example.co.uk", "pat+shop@mail.example.co.uk"),
    ],
)
def test_an_email_address_is_kept_in_small_letters(typed: str, kept: str) -> None:
    assert clean_email(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "pat",
        "pat@",
        "@example.com",
        "pat@example",
        "pat@@example.com",
        "pat@example..com",
        "pat@example.com, sam@example.com",
        "Pat <pat@example.com>",
        "pat@exam\x00ple.com",
        "p" * 250 + "@a.de",
    ],
)
def test_what_is_no_email_address_is_refused(typed: str) -> None:
    with pytest.raises(InvalidField) as refused:
        clean_email(typed, field="owner_email")
    assert refused.value.field == "owner_email"


COMMON = frozenset({"password123"})


@pytest.mark.parametrize("length", [10, 128])
def test_a_password_has_10_to_128_characters(length: int) -> None:
    assert require_password("x" * length, common=COMMON) == "x" * length


@pytest.mark.parametrize("length", [0, 9, 129])
def test_a_shorter_or_longer_password_is_refused(length: int) -> None:
    with pytest.raises(InvalidField) as refused:
        require_password("x" * length, common=COMMON)
    assert refused.value.field == "password"


@pytest.mark.parametrize("password", ["password123", "PassWord123"])
def test_a_password_that_guessers_try_first_is_refused_in_whatever_letters(password: str) -> None:
    with pytest.raises(InvalidField) as refused:
        require_password(password, common=COMMON)
    assert refused.value.field == "password"
    assert password not in str(refused.value)


@pytest.mark.parametrize("character", ["\n", "\t", "\0", "\x7f"])
def test_a_password_that_no_form_takes_is_refused(character: str) -> None:
    with pytest.raises(InvalidField, match="valid"):
        require_password(f"0123456789{character}", common=frozenset())
