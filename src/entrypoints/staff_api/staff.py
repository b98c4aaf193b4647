"""Staff members."""

from uuid import UUID

from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from core.errors import EmailTaken, InvalidField, LastStaffManager, PermissionDenied
from core.ids import StaffId
from core.use_cases.staff import StaffEdit
from core.views import StaffView
from entrypoints.http.cursors import Listed, ListFilters
from entrypoints.staff_api.bodies import StaffBody, StaffEditBody, given
from entrypoints.staff_api.services import Api, CallerOf

_TAGS = ["Staff and API keys"]


@get("/staff", summary="List staff members", tags=_TAGS, refuses=(PermissionDenied,))
async def list_staff(api: Api, caller: CallerOf, filters: NamedDependency[ListFilters]) -> Listed[StaffView]:
    """In the order in which they came. Needs the permission `manage_staff`."""
    cursors = api.cursors.of_list("staff", caller, filters)
    return cursors.listed(await api.list_staff(caller, after=cursors.after, limit=filters.limit))


@post("/staff", summary="Add a staff member", tags=_TAGS, refuses=(PermissionDenied, EmailTaken, InvalidField))
async def add_staff_member(api: Api, caller: CallerOf, data: JSONBody[StaffBody]) -> StaffView:
    """Needs the permission `manage_staff`; nobody grants a permission that they lack."""
    return await api.add_staff_member(
        caller, name=data.name, email=data.email, permissions=frozenset(data.permissions), password=data.password
    )


@patch(
    "/staff/{staff_id:uuid}",
    summary="Change a staff member",
    tags=_TAGS,
    refuses=(PermissionDenied, EmailTaken, LastStaffManager, InvalidField),
)
async def edit_staff_member(
    api: Api, caller: CallerOf, staff_id: FromPath[UUID], data: JSONBody[StaffEditBody]
) -> StaffView:
    """Needs the permission `manage_staff`. What is left out stays. A new password, like `active: false`, ends the staff
    member's sessions.
    """
    edit = StaffEdit(
        name=given(data.name),
        email=given(data.email),
        permissions=None if (permissions := given(data.permissions)) is None else frozenset(permissions),
        password=given(data.password),
        active=given(data.active),
    )
    return await api.edit_staff_member(caller, StaffId(staff_id), edit)


routes = [list_staff, add_staff_member, edit_staff_member]
