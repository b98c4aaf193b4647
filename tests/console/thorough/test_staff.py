"""Staff at the console: add, edit, a new password, deactivate and activate, and who may give what."""

from __future__ import annotations

from playwright.async_api import expect

from core.ids import StaffId
from core.staff import Permission
from core.use_cases.staff import StaffEdit
from core.views import StaffView
from tests.console.browser import Screen
from tests.console.conftest import OpenScreen
from tests.console.visiting import Comes, Visiting
from tests.desk import PASSWORD, Desk

NEW_PASSWORD = "staple battery horse"  # noqa: S105  # of nobody


async def staff_of(desk: Desk) -> dict[str, StaffView]:
    page = await desk.container.list_staff()(desk.owner, after=None, limit=100)
    return {member.name: member for member in page.items}


async def test_a_staff_member_is_added_and_signs_in(either_screen: Screen, open_screen: OpenScreen, desk: Desk) -> None:
    screen = either_screen
    await screen.sign_in(desk)
    await screen.go("/app/settings/staff")
    await screen.click("Add staff member", "link")
    await screen.page.get_by_label("Name").fill("Robin Roe")
    await screen.page.get_by_label("E-mail").fill("Robin@Example.com")
    await screen.page.get_by_label("Password").fill(f" {PASSWORD} ")
    await screen.page.get_by_label("Payments and credit").check()
    if screen.javascript:
        await screen.require_accessible()
    await screen.click("Add staff member")
    assert await screen.said() == "Robin Roe was added, and can sign in with that password."
    rows = await screen.rows()
    assert [rows[1][index] for index in (0, 1, 2, 3)] == [
        "Robin Roe",
        "robin@example.com",
        "Payments and credit",
        "Active",
    ]
    if screen.javascript:
        await screen.require_accessible()
    robin = await open_screen(javascript=screen.javascript)
    await robin.sign_in(desk, "robin@example.com", f" {PASSWORD} ")
    await expect(robin.page.get_by_role("heading", name="Clients")).to_be_visible()


async def test_who_cannot_be_added_is_said_and_the_password_is_typed_again(owner: Screen, desk: Desk) -> None:
    owner.expected += ["422", "409"]
    await owner.go("/app/settings/staff/add")
    await owner.page.get_by_label("Name").fill("Robin")
    await owner.page.get_by_label("E-mail").fill(desk.owner_email)
    await owner.page.get_by_label("Clients", exact=False).check()
    for password, wrong in (
        ("short", "Password must have at least 10 characters"),
        ("1234567890", "Password is one of the most common ones: choose another"),
        (PASSWORD, "Another staff member already has this e-mail address."),
    ):
        await owner.page.get_by_label("Password").fill(password)
        await owner.click("Add staff member")
        assert (await owner.errors())[-1] == wrong
        assert await owner.page.get_by_label("Password").input_value() == ""
        await expect(owner.page.get_by_label("Clients", exact=False)).to_be_checked()
    await owner.require_accessible()
    assert list(await staff_of(desk)) == ["Olive Owner"]


async def test_a_form_that_is_sent_twice_adds_one_staff_member(visiting: Visiting, desk: Desk) -> None:
    form = {"name": "Robin", "email": "robin@example.com", "password": PASSWORD}
    for _ in range(2):
        assert (await visiting.post("/app/settings/staff/add", form, key="the-same")).status_code == 303
    assert list(await staff_of(desk)) == ["Olive Owner", "Robin"]


async def test_r25_nobody_grants_what_they_lack(screen: Screen, comes: Comes, desk: Desk) -> None:
    manager, _ = await desk.hire(Permission.MANAGE_STAFF, Permission.MANAGE_CLIENTS, name="Max")
    await desk.hire(Permission.CREATE_PAYMENTS, name="Robin")
    await screen.sign_in(desk, manager.email)
    await screen.go("/app/settings/staff/add")
    boxes = {
        await box.get_attribute("value"): await box.is_enabled()
        for box in await screen.page.locator("input[name=permissions]").all()
    }
    assert [name for name, enabled in boxes.items() if enabled] == ["manage_clients", "manage_staff"]
    await expect(screen.page.get_by_text("You lack this permission, so you cannot give it.")).to_have_count(3)
    await screen.require_accessible()
    # What somebody has can be taken away, and who has more signs in as before.
    robin = (await staff_of(desk))["Robin"]
    await screen.go(f"/app/settings/staff/{robin.id}/edit")
    await expect(screen.page.get_by_text("once taken away, you cannot give it back")).to_have_count(1)
    await expect(screen.page.get_by_label("E-mail")).not_to_be_editable()
    await screen.require_accessible()
    await screen.go(f"/app/settings/staff/{robin.id}/password")
    await expect(screen.page.get_by_text("nobody grants what they lack")).to_be_visible()
    await screen.require_accessible()
    await screen.go("/app/settings/staff")
    await expect(screen.page.get_by_role("link", name="Password of Robin")).to_have_count(0)
    await expect(screen.page.get_by_role("link", name="Password of Max")).to_have_count(1)
    # The server refuses as well.
    visiting = await comes()
    await visiting.sign_in(desk, manager.email)
    here = f"/app/settings/staff/{robin.id}"
    for path, form in (
        ("/app/settings/staff/add", {"name": "x", "email": "x@example.com", "password": PASSWORD}),
        ("/app/settings/api-keys/add", {"name": "till"}),
        (f"{here}/edit", {"name": "Robin", "email": robin.email, "was_permissions": "create_payments"}),
    ):
        refused = await visiting.post(path, {**form, "permissions": "manage_settings"})
        assert refused.status_code == 403
        assert "This needs the permission “Settings”, which you do not have." in refused.text
    for path, form in ((f"{here}/password", {"password": NEW_PASSWORD}), (f"{here}/edit", {"email": "x@example.com"})):
        assert (await visiting.post(path, {"name": "Robin", **form} if "email" in form else form)).status_code == 403
    await desk.container.edit_staff_member()(desk.owner, StaffId(robin.id), StaffEdit(active=False))
    assert (await visiting.post(f"{here}/activate")).status_code == 403
    assert await staff_of(desk) == {**(await staff_of(desk)), "Robin": _with(robin, active=False)}


def _with(member: StaffView, *, active: bool) -> StaffView:
    return StaffView(
        id=member.id,
        name=member.name,
        email=member.email,
        permissions=member.permissions,
        active=active,
        created_at=member.created_at,
    )


async def test_a_staff_member_is_edited(either_screen: Screen, desk: Desk) -> None:
    screen = either_screen
    await desk.hire(Permission.CREATE_PAYMENTS, Permission.MANAGE_CLIENTS, name="Robin")
    await screen.sign_in(desk)
    await screen.go("/app/settings/staff")
    await screen.click("Edit Robin", "link")
    await screen.page.get_by_label("Name").fill("Robin Roe")
    await screen.page.get_by_label("E-mail").fill("robin@example.com")
    await screen.page.get_by_label("Payments and credit").uncheck()
    await screen.page.get_by_label("Invoices").check()
    if screen.javascript:
        await screen.require_accessible()
    await screen.click("Save")
    assert await screen.said() == "Robin Roe was saved."
    robin = (await staff_of(desk))["Robin Roe"]
    assert robin.email == "robin@example.com"
    assert robin.permissions == [Permission.MANAGE_CLIENTS, Permission.MANAGE_INVOICES]


async def test_a_stale_page_gives_no_permission_back(owner: Screen, desk: Desk) -> None:
    robin, _ = await desk.hire(Permission.CREATE_PAYMENTS, name="Robin")
    await owner.go(f"/app/settings/staff/{robin.id}/edit")
    # Meanwhile, at another desk.
    taken = StaffEdit(permissions=frozenset())
    await desk.container.edit_staff_member()(desk.owner, StaffId(robin.id), taken)
    await owner.page.get_by_label("Name").fill("Robin Roe")
    await owner.click("Save")
    assert await owner.said() == "Robin Roe was saved."
    assert (await staff_of(desk))["Robin Roe"].permissions == []


async def test_a_new_password_ends_the_sessions(either_screen: Screen, open_screen: OpenScreen, desk: Desk) -> None:
    screen = either_screen
    member, _ = await desk.hire(name="Robin")
    robin = await open_screen(javascript=screen.javascript)
    await robin.sign_in(desk, member.email)
    await screen.sign_in(desk)
    await screen.go("/app/settings/staff")
    await screen.click("Password of Robin", "link")
    await screen.page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    if screen.javascript:
        await screen.require_accessible()
    await screen.click("Set password")
    assert await screen.said() == "Robin has a new password, and has to sign in again."
    await robin.go("/app/clients")
    await expect(robin.page.get_by_text("Your session is over")).to_be_visible()
    await robin.sign_in(desk, member.email, NEW_PASSWORD)
    await expect(robin.page.get_by_role("heading", name="Clients")).to_be_visible()


async def test_ones_own_new_password_leads_to_the_sign_in_page(owner: Screen) -> None:
    owner.expected.append("422")
    await owner.go("/app/settings/staff")
    await owner.click("Password of Olive Owner", "link")
    await owner.page.get_by_label("New password", exact=True).fill("short")
    await owner.click("Set password")
    assert (await owner.errors())[1] == "New password must have at least 10 characters"
    await owner.page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    await owner.click("Set password")
    await expect(owner.page.get_by_text("Your session is over")).to_be_visible()


async def test_deactivating_ends_access_at_once_and_activating_gives_it_back(
    either_screen: Screen, open_screen: OpenScreen, desk: Desk
) -> None:
    screen = either_screen
    member, _ = await desk.hire(Permission.CREATE_PAYMENTS, name="Robin")
    robin = await open_screen(javascript=screen.javascript)
    await robin.sign_in(desk, member.email)
    await screen.sign_in(desk)
    await screen.go("/app/settings/staff")
    await screen.click("Deactivate Robin", "link")
    await expect(screen.page.get_by_text("Their access ends at once")).to_be_visible()
    if screen.javascript:
        await screen.require_accessible()
    await screen.click("Deactivate")
    assert await screen.said() == "Robin was deactivated. Their access has ended."
    assert (await screen.rows())[1][3] == "Deactivated"
    await robin.go("/app/clients")
    await expect(robin.page.get_by_text("Your session is over")).to_be_visible()
    await screen.click("Activate Robin")
    assert await screen.said() == "Robin was activated, and can sign in with the password they had."
    await robin.sign_in(desk, member.email)
    await expect(robin.page.get_by_role("heading", name="Clients")).to_be_visible()


async def test_r25_the_last_one_who_manages_staff_stays(owner: Screen, desk: Desk) -> None:
    owner.expected.append("409")
    last = (
        "This is the last active staff member who can manage staff, so that must stay. "
        "Give somebody else the permission “Staff and API keys” first."
    )
    await owner.go("/app/settings/staff")
    await owner.click("Deactivate Olive Owner", "link")
    await expect(owner.page.get_by_text("This is you.")).to_be_visible()
    await owner.click("Deactivate")
    assert await owner.errors() == [last]
    await owner.require_accessible()
    await owner.go("/app/settings/staff")
    await owner.click("Edit Olive Owner", "link")
    await owner.page.get_by_label("Staff and API keys").uncheck()
    await owner.click("Save")
    assert await owner.errors() == [last]
    await expect(owner.page.get_by_label("Staff and API keys")).not_to_be_checked()
    olive = (await staff_of(desk))["Olive Owner"]
    assert (olive.active, olive.permissions) == (True, list(Permission))
