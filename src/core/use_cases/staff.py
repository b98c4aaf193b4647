"""Staff members and API keys (R25): viewing them needs the permission too."""

from collections.abc import Container, Set

from msgspec import Struct

from core.errors import EmailTaken
from core.ids import ApiKeyId, StaffId
from core.staff import ApiKey, Caller, Permission, StaffMember, clean_email, require_password
from core.use_cases.retried import retried
from core.views import ApiKeyView, NewApiKeyView, Page, Position, StaffView, sorted_permissions
from ports.security import API_KEY_KIND, Passwords, Secrets
from ports.transactions import Transactions


class ListStaff:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, *, after: Position | None, limit: int) -> Page[StaffView]:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit(Permission.MANAGE_STAFF)
            return await shop.staff.page(after=after, limit=limit)


class ShowStaffMember:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, staff_id: StaffId) -> StaffView:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit(Permission.MANAGE_STAFF)
            return await shop.staff.view(staff_id)


class AddStaffMember:
    def __init__(self, transactions: Transactions, passwords: Passwords, common_passwords: Container[str]) -> None:
        self._transactions = transactions
        self._passwords = passwords
        self._common_passwords = common_passwords

    async def __call__(
        self, caller: Caller, *, name: str, email: str, permissions: Set[Permission], password: str
    ) -> StaffView:
        require_password(password, common=self._common_passwords)
        async with self._transactions.for_shop(caller) as shop:
            # Hashing takes long: nobody who may not add staff makes the server do it.
            (await shop.admit(Permission.MANAGE_STAFF)).may_grant(permissions)
        password_hash = await self._passwords.hash(password)
        return await self._add(
            caller, name=name, email=clean_email(email), permissions=permissions, password_hash=password_hash
        )

    @retried
    async def _add(
        self, caller: Caller, *, name: str, email: str, permissions: Set[Permission], password_hash: str
    ) -> StaffView:
        async with self._transactions.for_shop(caller) as shop:
            (await shop.admit_alone(Permission.MANAGE_STAFF)).may_grant(permissions)
            if await shop.staff.email_taken(email):
                raise EmailTaken
            member = StaffMember(
                id=StaffId(shop.recorder.new_id()),
                name=name,
                email=email,
                permissions=frozenset(permissions),
                active=True,
                created_at=shop.recorder.at,
            )
            await shop.staff.add(member, password_hash=password_hash)
            return shop.answer(201, await shop.staff.view(member.id))


class StaffEdit(Struct, frozen=True, kw_only=True):
    """What to change of a staff member; ``None`` leaves a field as it is."""

    name: str | None = None
    email: str | None = None
    permissions: frozenset[Permission] | None = None
    password: str | None = None
    active: bool | None = None


class EditStaffMember:
    """R25. Deactivating, like a new password, ends the staff member's sessions; access ends with the next request."""

    def __init__(self, transactions: Transactions, passwords: Passwords, common_passwords: Container[str]) -> None:
        self._transactions = transactions
        self._passwords = passwords
        self._common_passwords = common_passwords

    async def __call__(self, caller: Caller, staff_id: StaffId, edit: StaffEdit) -> StaffView:
        password_hash = None
        if edit.password is not None:
            require_password(edit.password, common=self._common_passwords)
            async with self._transactions.for_shop(caller) as shop:
                await shop.admit(Permission.MANAGE_STAFF)
            password_hash = await self._passwords.hash(edit.password)
        return await self._edit(caller, staff_id, edit, password_hash)

    @retried
    async def _edit(self, caller: Caller, staff_id: StaffId, edit: StaffEdit, password_hash: str | None) -> StaffView:
        async with self._transactions.for_shop(caller) as shop:
            asker = await shop.admit_alone(Permission.MANAGE_STAFF)
            old, other_managers = await shop.staff.member(staff_id)
            new = old.changed_by(
                asker,
                name=edit.name or old.name,
                email=clean_email(edit.email) if edit.email else old.email,
                permissions=old.permissions if edit.permissions is None else edit.permissions,
                active=old.active if edit.active is None else edit.active,
                new_password=password_hash is not None,
                other_managers=other_managers,
            )
            if new.email != old.email and await shop.staff.email_taken(new.email, by_other_than=staff_id):
                raise EmailTaken
            await shop.staff.change(new, password_hash=password_hash)
            if password_hash is not None or not new.active:
                await shop.sign_ins.end_sessions_of(staff_id, at=shop.recorder.at)
            return shop.answer(200, await shop.staff.view(staff_id))


class ListApiKeys:
    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, *, after: Position | None, limit: int) -> Page[ApiKeyView]:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit(Permission.MANAGE_STAFF)
            return await shop.staff.keys_page(after=after, limit=limit)


class ShowApiKey:
    """All but the key itself."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, key_id: ApiKeyId) -> ApiKeyView:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit(Permission.MANAGE_STAFF)
            return await shop.staff.key_view(key_id)


class AddApiKey:
    """The key itself is in this answer only."""

    def __init__(self, transactions: Transactions, secrets: Secrets) -> None:
        self._transactions = transactions
        self._secrets = secrets

    @retried
    async def __call__(self, caller: Caller, *, name: str, permissions: Set[Permission]) -> NewApiKeyView:
        async with self._transactions.for_shop(caller) as shop:
            (await shop.admit_alone(Permission.MANAGE_STAFF)).may_grant(permissions)
            recorder = shop.recorder
            key_id = ApiKeyId(recorder.new_id())
            secret, secret_hash = self._secrets.make(API_KEY_KIND, shop.shop_id, key_id)
            key = ApiKey(id=key_id, name=name, permissions=frozenset(permissions), created_at=recorder.at)
            await shop.staff.add_key(key, secret_hash=secret_hash)
            view = NewApiKeyView(
                id=key_id,
                name=name,
                permissions=sorted_permissions(key.permissions),
                created_at=key.created_at,
                key=secret,
            )
            return shop.answer(201, view, secret=True)


class DeleteApiKey:
    """Access ends with the next request."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, key_id: ApiKeyId) -> None:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit_alone(Permission.MANAGE_STAFF)
            await shop.staff.delete_key(key_id)
            shop.answer(204, None)
