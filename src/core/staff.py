"""Who may do what (R25): permissions, the staff member or API key that asks, and what they may hand on."""

import re
from collections.abc import Container, Iterable
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec
from msgspec import Struct

from core.errors import InvalidField, LastStaffManager, PermissionDenied
from core.ids import ApiKeyId, ShopId, StaffId
from core.text import clean, has_control_character


class Permission(StrEnum):
    CREATE_PAYMENTS = "create_payments"
    MANAGE_CLIENTS = "manage_clients"
    MANAGE_INVOICES = "manage_invoices"
    MANAGE_STAFF = "manage_staff"
    MANAGE_SETTINGS = "manage_settings"


class ActorKind(StrEnum):
    STAFF = "staff"
    API_KEY = "api_key"


class Actor(Struct, frozen=True):
    """Who did it: the id, and the name as it was then (R1)."""

    kind: ActorKind
    id: UUID
    name: str


class Credential(Struct, frozen=True):
    """Who says they ask, and at which shop. An access token was checked by its signature and has no ``secret_hash``;
    an API key carries the SHA-256 of its secret, compared in the shop's own table.
    """

    shop_id: ShopId
    kind: ActorKind
    id: UUID
    secret_hash: bytes | None = None


class IdempotencyKey(Struct, frozen=True):
    """A key and the digests that its request may have (one for each secret key in force; the first is recorded)."""

    key: str
    fingerprints: tuple[bytes, ...]


class Caller(Struct, frozen=True):
    """One request: who asks, and the idempotency key that they ask under, if any."""

    credential: Credential
    key: IdempotencyKey | None = None


class Asker(Struct, frozen=True):
    """The active staff member or API key behind a credential, as the shop's tables say now."""

    kind: ActorKind
    id: UUID
    name: str
    permissions: frozenset[Permission]

    @property
    def actor(self) -> Actor:
        return Actor(self.kind, self.id, self.name)

    def require(self, permission: Permission | None) -> None:
        if permission is not None and permission not in self.permissions:
            raise PermissionDenied(permission)

    def may_grant(self, permissions: Iterable[Permission]) -> None:
        """Nobody grants what they lack."""
        for permission in sorted(permissions):
            self.require(permission)


class StaffMember(Struct, frozen=True, kw_only=True):
    """A person who works at one shop."""

    id: StaffId
    name: str
    email: str
    permissions: frozenset[Permission]
    active: bool
    created_at: datetime

    @property
    def manages_staff(self) -> bool:
        return self.active and Permission.MANAGE_STAFF in self.permissions

    def changed_by(
        self,
        asker: Asker,
        *,
        name: str,
        email: str,
        permissions: frozenset[Permission],
        active: bool,
        new_password: bool,
        other_managers: int,
    ) -> "StaffMember":
        """The staff member as ``asker`` wants it.

        Nobody grants what they lack: not by adding a permission, not by making active again who has it, and not by
        taking over the sign-in (e-mail or password) of who has it. ``other_managers``: how many other active staff
        members can manage staff; the last one stays.
        """
        granted = permissions - self.permissions
        if active and not self.active:
            granted = permissions
        if (new_password or email != self.email) and asker.id != self.id:
            granted = granted | self.permissions
        asker.may_grant(granted)
        new = msgspec.structs.replace(self, name=name, email=email, permissions=permissions, active=active)
        if self.manages_staff and not new.manages_staff and other_managers == 0:
            raise LastStaffManager
        return new


class ApiKey(Struct, frozen=True, kw_only=True):
    """A program's way in to one shop."""

    id: ApiKeyId
    name: str
    permissions: frozenset[Permission]
    created_at: datetime


PASSWORD_MIN_LENGTH, PASSWORD_MAX_LENGTH = 10, 128


def require_password(password: str, *, common: Container[str]) -> str:
    """The password, if it is long enough to be one and can be typed; the upper bound keeps hashing it cheap.

    ``common``: passwords that are tried first, in small letters.
    """
    if not PASSWORD_MIN_LENGTH <= len(password) <= PASSWORD_MAX_LENGTH:
        raise InvalidField("password", f"must have {PASSWORD_MIN_LENGTH} to {PASSWORD_MAX_LENGTH} characters")
    if has_control_character(password, multiline=False):
        raise InvalidField("password", "must not have control characters: no sign-in form takes them")
    if password.casefold() in common:
        raise InvalidField("password", "is one of the most common ones: choose another")
    return password


_EMAIL = re.compile(r"[^\s@,;<>\"()\[\]\\]+@[^\s@,;<>\"()\[\]\\.]+(\.[^\s@,;<>\"()\[\]\\.]+)+")


def clean_email(email: str, *, field: str = "email") -> str:
    """An e-mail address as it is kept and looked up: in small letters. Whether it works only a message can tell."""
    email = clean(email).lower()
    if len(email) > 254 or has_control_character(email, multiline=False) or not _EMAIL.fullmatch(email):
        raise InvalidField(field, "must be an e-mail address, such as pat@example.com")
    return email
