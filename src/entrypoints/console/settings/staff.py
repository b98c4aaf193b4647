"""Settings > Staff: who works here, what each may, and how they sign in."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Meta

from core.ids import StaffId
from core.staff import PASSWORD_MIN_LENGTH, Permission
from core.use_cases.staff import StaffEdit
from core.views import StaffView
from entrypoints.console.client import NoFilters
from entrypoints.console.formats import isolated
from entrypoints.console.forms import FormStruct
from entrypoints.console.refusals import REFUSED
from entrypoints.console.services import ConsoleOf, FormOf, VisitorOf
from entrypoints.console.settings.tabs import PATH, settings_facts
from entrypoints.console.visitors import Visitor, listing
from entrypoints.console.words import PERMISSION_HINTS, PERMISSIONS
from entrypoints.staff_api.bodies import NewPassword, Permissions
from entrypoints.staff_api.texts import Email, Name

STAFF = f"{PATH}/staff"
TAB = "Staff"
_LIST = "console staff"

MayDo = Annotated[Permissions, Meta(title="Permissions")]


class NewStaffForm(FormStruct, frozen=True, kw_only=True):
    name: Annotated[Name, Meta(title="Name")]
    email: Annotated[Email, Meta(title="E-mail")]
    password: Annotated[NewPassword, Meta(title="Password")]
    permissions: MayDo = ()


class StaffForm(FormStruct, frozen=True, kw_only=True):
    name: Annotated[Name, Meta(title="Name")]
    email: Annotated[Email, Meta(title="E-mail")]
    permissions: MayDo = ()


class PasswordForm(FormStruct, frozen=True, kw_only=True):
    password: Annotated[NewPassword, Meta(title="New password")]


def permission_facts() -> dict[str, Any]:
    """What ``settings/_permissions.html`` needs beside the form."""
    return {"permission_words": PERMISSIONS, "permission_hints": PERMISSION_HINTS}


@get("/settings/staff")
async def list_staff(console: ConsoleOf, visitor: VisitorOf) -> Response[str]:
    """In the order in which they came."""
    filters = visitor.query(NoFilters)
    cursors = console.cursors.of_list(_LIST, visitor.caller, filters)
    page = await console.list_staff(visitor.caller, after=cursors.after, limit=filters.limit)
    return visitor.page(
        "settings/staff.html",
        listing=listing(visitor, console.cursors, _LIST, STAFF, filters, page),
        locked={member.id for member in page.items if not _has_all_of(visitor, member)},
        **permission_facts(),
        **await settings_facts(console, visitor, TAB),
    )


@get("/settings/staff/add")
async def show_add_staff_member(visitor: VisitorOf) -> Response[str]:
    """The form for a new staff member."""
    visitor.require(Permission.MANAGE_STAFF)
    return visitor.page("settings/staff_member.html", form=visitor.form(NewStaffForm), **_facts(visitor, None))


@post("/settings/staff/add")
async def add_staff_member(console: ConsoleOf, visitor: VisitorOf, form: FormOf) -> Response[Any]:
    """R25. Needs the permission `manage_staff`."""
    visitor.require(Permission.MANAGE_STAFF)
    try:
        typed = form.read(NewStaffForm)
        member = await form.once(
            lambda caller: console.add_staff_member(
                caller,
                name=typed.name,
                email=typed.email,
                permissions=frozenset(typed.permissions),
                password=typed.password,
            ),
            StaffView,
        )
    except REFUSED as refusal:
        return visitor.again("settings/staff_member.html", form, refusal, **_facts(visitor, None))
    return visitor.go(STAFF, f"{isolated(member.name)} was added, and can sign in with that password.")


@get("/settings/staff/{staff_id:uuid}/edit")
async def show_edit_staff_member(console: ConsoleOf, visitor: VisitorOf, staff_id: FromPath[UUID]) -> Response[str]:
    """The form with what is known of a staff member."""
    member = await console.show_staff_member(visitor.caller, StaffId(staff_id))
    form = visitor.edit_form(StaffForm, name=member.name, email=member.email, permissions=member.permissions)
    return visitor.page("settings/staff_member.html", form=form, **_facts(visitor, member))


@post("/settings/staff/{staff_id:uuid}/edit")
async def edit_staff_member(
    console: ConsoleOf, visitor: VisitorOf, form: FormOf, staff_id: FromPath[UUID]
) -> Response[Any]:
    """R25. Needs the permission `manage_staff`."""
    visitor.require(Permission.MANAGE_STAFF)
    try:
        typed = form.read(StaffForm)
        edit = StaffEdit(**form.changed(name=typed.name, email=typed.email, permissions=frozenset(typed.permissions)))
        member = await form.once(lambda caller: console.edit_staff_member(caller, StaffId(staff_id), edit), StaffView)
    except REFUSED as refusal:
        member = await console.show_staff_member(visitor.caller, StaffId(staff_id))
        return visitor.again("settings/staff_member.html", form, refusal, **_facts(visitor, member))
    return visitor.go(STAFF, f"{isolated(member.name)} was saved.")


@get("/settings/staff/{staff_id:uuid}/password")
async def show_new_password(console: ConsoleOf, visitor: VisitorOf, staff_id: FromPath[UUID]) -> Response[str]:
    """The form for it, or why it is not for this visitor to set."""
    member = await console.show_staff_member(visitor.caller, StaffId(staff_id))
    return visitor.page("settings/password.html", form=visitor.form(PasswordForm), **_facts(visitor, member))


@post("/settings/staff/{staff_id:uuid}/password")
async def set_password(console: ConsoleOf, visitor: VisitorOf, form: FormOf, staff_id: FromPath[UUID]) -> Response[Any]:
    """Needs the permission `manage_staff`, and all that the other one has."""
    visitor.require(Permission.MANAGE_STAFF)
    try:
        edit = StaffEdit(password=form.read(PasswordForm).password)
        member = await form.once(lambda caller: console.edit_staff_member(caller, StaffId(staff_id), edit), StaffView)
    except REFUSED as refusal:
        member = await console.show_staff_member(visitor.caller, StaffId(staff_id))
        return visitor.again("settings/password.html", form, refusal, **_facts(visitor, member))
    return visitor.go(STAFF, f"{isolated(member.name)} has a new password, and has to sign in again.")


@get("/settings/staff/{staff_id:uuid}/deactivate")
async def show_deactivate(console: ConsoleOf, visitor: VisitorOf, staff_id: FromPath[UUID]) -> Response[str]:
    """What it means."""
    member = await console.show_staff_member(visitor.caller, StaffId(staff_id))
    return visitor.page("settings/deactivate.html", form=visitor.form(), **_facts(visitor, member))


@post("/settings/staff/{staff_id:uuid}/deactivate")
async def deactivate(console: ConsoleOf, visitor: VisitorOf, form: FormOf, staff_id: FromPath[UUID]) -> Response[Any]:
    """R25: the last one who can manage staff stays. Needs the permission `manage_staff`."""
    edit = StaffEdit(active=False)
    try:
        member = await form.once(lambda caller: console.edit_staff_member(caller, StaffId(staff_id), edit), StaffView)
    except REFUSED as refusal:
        member = await console.show_staff_member(visitor.caller, StaffId(staff_id))
        return visitor.again("settings/deactivate.html", form, refusal, **_facts(visitor, member))
    return visitor.go(STAFF, f"{isolated(member.name)} was deactivated. Their access has ended.")


@post("/settings/staff/{staff_id:uuid}/activate")
async def activate(console: ConsoleOf, visitor: VisitorOf, form: FormOf, staff_id: FromPath[UUID]) -> Response[Any]:
    """Needs the permission `manage_staff`, and all that the other one has."""
    edit = StaffEdit(active=True)
    member = await form.once(lambda caller: console.edit_staff_member(caller, StaffId(staff_id), edit), StaffView)
    return visitor.go(STAFF, f"{isolated(member.name)} was activated, and can sign in with the password they had.")


def _facts(visitor: Visitor, member: StaffView | None) -> dict[str, Any]:
    """``locked``: the visitor lacks something that the member has, so the member's sign-in is not theirs to change."""
    return {
        "member": member,
        "locked": member is not None and member.id != visitor.staff_id and not _has_all_of(visitor, member),
        "password_min_length": PASSWORD_MIN_LENGTH,
        **permission_facts(),
    }


def _has_all_of(visitor: Visitor, member: StaffView) -> bool:
    return all(visitor.may(permission) for permission in member.permissions)


routes = [
    list_staff,
    show_add_staff_member,
    add_staff_member,
    show_edit_staff_member,
    edit_staff_member,
    show_new_password,
    set_password,
    show_deactivate,
    deactivate,
    activate,
]
