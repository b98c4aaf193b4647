"""See :class:`ports.staff.StaffRegister`."""

from msgspec import convert
from sqlalchemy import BigInteger, BindParameter, Text, any_, bindparam, func

from adapters.postgres.paging import page_of
from adapters.postgres.shop_scope import Record, ShopScope, ShopStatement, insert_into, select_of, update_of
from adapters.postgres.tables import api_keys, staff
from core.errors import NotFound
from core.ids import ApiKeyId, StaffId
from core.staff import ApiKey, Permission, StaffMember
from core.views import ApiKeyView, Page, Position, StaffView, sorted_permissions

_members = select_of(staff, *(staff.c[name] for name in ("id", "name", "email", "permissions", "active", "created_at")))
_MEMBER = ShopStatement(_members.where(staff.c.id == bindparam("staff_id")))
_limit = bindparam("limit", type_=BigInteger())
_FIRST = ShopStatement(_members.order_by(staff.c.id).limit(_limit))
_NEXT = ShopStatement(_members.where(staff.c.id > bindparam("after_id")).order_by(staff.c.id).limit(_limit))
_OTHER_MANAGERS = ShopStatement(
    select_of(staff, func.count()).where(
        staff.c.id != bindparam("staff_id"),
        staff.c.active,
        bindparam("manage_staff", Permission.MANAGE_STAFF.value, type_=Text()) == any_(staff.c.permissions),
    )
)
_EMAIL = ShopStatement(select_of(staff, staff.c.id).where(staff.c.email == bindparam("email")))
_ADD = ShopStatement(insert_into(staff, "id", "name", "email", "permissions", "active", "password_hash", "created_at"))
_one = update_of(staff).where(staff.c.id == bindparam("staff_id"))
_columns: dict[str, BindParameter[object]] = {
    name: bindparam(name) for name in ("name", "email", "permissions", "active")
}
_CHANGE = ShopStatement(_one.values(_columns))
_CHANGE_WITH_PASSWORD = ShopStatement(_one.values({**_columns, "password_hash": bindparam("password_hash")}))

_keys = select_of(api_keys, *(api_keys.c[name] for name in ("id", "name", "permissions", "created_at"))).where(
    api_keys.c.deleted_at.is_(None)
)
_KEY = ShopStatement(_keys.where(api_keys.c.id == bindparam("key_id")))
_FIRST_KEYS = ShopStatement(_keys.order_by(api_keys.c.id).limit(_limit))
_NEXT_KEYS = ShopStatement(_keys.where(api_keys.c.id > bindparam("after_id")).order_by(api_keys.c.id).limit(_limit))
_ADD_KEY = ShopStatement(insert_into(api_keys, "id", "name", "permissions", "secret_hash", "created_at"))
_DELETE_KEY = ShopStatement(
    update_of(api_keys)
    .where(api_keys.c.id == bindparam("key_id"), api_keys.c.deleted_at.is_(None))
    .values(deleted_at=func.now())
)


class PostgresStaffRegister:
    """The staff members and API keys of one shop."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def view(self, staff_id: StaffId) -> StaffView:
        return _staff_view(await self._member(staff_id))

    async def page(self, *, after: Position | None, limit: int) -> Page[StaffView]:
        rows = await self._page(_FIRST, _NEXT, after, limit)
        items = [_staff_view(member) for member in convert([dict(row) for row in rows], list[StaffMember])]
        return page_of(items, limit, _position)

    async def member(self, staff_id: StaffId) -> tuple[StaffMember, int]:
        member = await self._member(staff_id)
        return member, await self._scope.value(_OTHER_MANAGERS, staff_id=staff_id)

    async def email_taken(self, email: str, *, by_other_than: StaffId | None = None) -> bool:
        holder = await self._scope.value(_EMAIL, email=email)
        return holder is not None and holder != by_other_than

    async def add(self, member: StaffMember, *, password_hash: str) -> None:
        await self._scope.run(
            _ADD,
            id=member.id,
            name=member.name,
            email=member.email,
            permissions=sorted_permissions(member.permissions),
            active=member.active,
            password_hash=password_hash,
            created_at=member.created_at,
        )

    async def change(self, member: StaffMember, *, password_hash: str | None) -> None:
        await self._scope.run(
            _CHANGE if password_hash is None else _CHANGE_WITH_PASSWORD,
            staff_id=member.id,
            name=member.name,
            email=member.email,
            permissions=sorted_permissions(member.permissions),
            active=member.active,
            password_hash=password_hash,
        )

    async def keys_page(self, *, after: Position | None, limit: int) -> Page[ApiKeyView]:
        rows = await self._page(_FIRST_KEYS, _NEXT_KEYS, after, limit)
        keys = convert([dict(row) for row in rows], list[ApiKey])
        return page_of([_key_view(key) for key in keys], limit, _position)

    async def key_view(self, key_id: ApiKeyId) -> ApiKeyView:
        row = await self._scope.row(_KEY, key_id=key_id)
        if row is None:
            raise NotFound
        return _key_view(convert(dict(row), ApiKey))

    async def add_key(self, key: ApiKey, *, secret_hash: bytes) -> None:
        await self._scope.run(
            _ADD_KEY,
            id=key.id,
            name=key.name,
            permissions=sorted_permissions(key.permissions),
            secret_hash=secret_hash,
            created_at=key.created_at,
        )

    async def delete_key(self, key_id: ApiKeyId) -> None:
        if not await self._scope.run(_DELETE_KEY, key_id=key_id):
            raise NotFound

    async def _member(self, staff_id: StaffId) -> StaffMember:
        row = await self._scope.row(_MEMBER, staff_id=staff_id)
        if row is None:
            raise NotFound
        return convert(dict(row), StaffMember)

    async def _page(
        self, first: ShopStatement, following: ShopStatement, after: Position | None, limit: int
    ) -> list[Record]:
        if after is None:
            return await self._scope.rows(first, limit=limit + 1)
        return await self._scope.rows(following, after_id=after[0], limit=limit + 1)


def _position(item: StaffView | ApiKeyView) -> Position:
    return (str(item.id),)


def _staff_view(member: StaffMember) -> StaffView:
    return StaffView(
        id=member.id,
        name=member.name,
        email=member.email,
        permissions=sorted_permissions(member.permissions),
        active=member.active,
        created_at=member.created_at,
    )


def _key_view(key: ApiKey) -> ApiKeyView:
    return ApiKeyView(
        id=key.id, name=key.name, permissions=sorted_permissions(key.permissions), created_at=key.created_at
    )
