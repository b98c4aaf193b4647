"""What the staff API takes: request bodies. What is not said here is refused."""

from datetime import date
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from core.errors import InvalidField
from core.invoices import InvoiceLine
from core.ledger import AddReason
from core.money import MAX_AMOUNT
from core.notices import NoticeKind
from core.payments import MoneyMethod, OverpaymentChoice, PaymentMethod
from core.shop import Language
from core.staff import PASSWORD_MAX_LENGTH, PASSWORD_MIN_LENGTH, Permission
from core.text import NOTE_MAX_LENGTH
from core.webhooks import URL_MAX_LENGTH
from entrypoints.staff_api.texts import (
    NO_CONTROL_CHARACTERS,
    ONE_LINE,
    Email,
    Name,
    Number,
    Phone,
    Reference,
    Vehicle,
)

T = TypeVar("T")


def given(value: T | UnsetType) -> T | None:
    """A field of an edit, or None where it was left out."""
    return None if isinstance(value, UnsetType) else value


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


Amount = Annotated[int, Meta(ge=1, le=MAX_AMOUNT, description="In minor units, such as cents.", examples=[5000])]
Tax = Annotated[int, Meta(ge=0, le=MAX_AMOUNT, description="In minor units.", examples=[1000])]
Note = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=NOTE_MAX_LENGTH,
        pattern=r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]*$",
        description="Why. Line feeds and tabs are fine.",
        examples=["job ran late"],
        extra={"message": NO_CONTROL_CHARACTERS},
    ),
]
Slug = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=ONE_LINE,
        description="The shop's short name.",
        examples=["main-street"],
        extra={"message": NO_CONTROL_CHARACTERS},
    ),
]
Token = Annotated[str, Meta(min_length=1, max_length=500, pattern=ONE_LINE, extra={"message": NO_CONTROL_CHARACTERS})]
Password = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=PASSWORD_MAX_LENGTH,
        pattern=ONE_LINE,
        extra={"message": NO_CONTROL_CHARACTERS},
    ),
]
NewPassword = Annotated[
    str,
    Meta(
        min_length=PASSWORD_MIN_LENGTH,
        max_length=PASSWORD_MAX_LENGTH,
        pattern=ONE_LINE,
        description="Taken as it is, spaces at its ends included.",
        extra={"message": NO_CONTROL_CHARACTERS},
    ),
]
TimeZone = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=ONE_LINE,
        description="A name of the IANA time zone database.",
        examples=["America/Chicago"],
        extra={"message": NO_CONTROL_CHARACTERS},
    ),
]
Permissions = Annotated[tuple[Permission, ...], Meta(max_length=20)]
DayOfMoney = Annotated[
    date, Meta(description="The day it was received: today at the shop if left out, never in the future.")
]


class SignInBody(Body, frozen=True, kw_only=True):
    shop: Slug
    email: Email
    password: Password


class RefreshTokenBody(Body, frozen=True, kw_only=True):
    refresh_token: Token


class ShopEditBody(Body, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET
    time_zone: TimeZone | UnsetType = UNSET
    quickbooks_connected: bool | UnsetType = UNSET
    language: Annotated[Language, Meta(description="What e-mails to clients are written in.")] | UnsetType = UNSET
    email_notices: Annotated[bool, Meta(description="Whether clients get e-mails about their credit.")] | UnsetType = (
        UNSET
    )
    email: (
        Annotated[Email | None, Meta(description="Where clients' answers to them go; null: nowhere.")] | UnsetType
    ) = UNSET


class StaffBody(Body, frozen=True, kw_only=True):
    name: Name
    email: Email
    permissions: Permissions
    password: NewPassword


class StaffEditBody(Body, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    permissions: Permissions | UnsetType = UNSET
    password: NewPassword | UnsetType = UNSET
    active: Annotated[bool, Meta(description="false ends the staff member's access at once.")] | UnsetType = UNSET


class ApiKeyBody(Body, frozen=True, kw_only=True):
    name: Name
    permissions: Permissions


class ClientBody(Body, frozen=True, kw_only=True):
    name: Name
    email: Email | None = None
    phone: Phone | None = None
    email_notices: Annotated[bool, Meta(description="false leaves the client out of the shop's e-mails.")] = True


class ClientEditBody(Body, frozen=True, kw_only=True):
    """What to change; what is left out stays, null clears."""

    name: Name | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    phone: Phone | UnsetType | None = UNSET
    email_notices: (
        Annotated[bool, Meta(description="false leaves the client out of the shop's e-mails.")] | UnsetType
    ) = UNSET


class LineBody(Body, frozen=True, kw_only=True):
    description: Annotated[
        str,
        Meta(min_length=1, max_length=200, pattern=ONE_LINE, extra={"message": NO_CONTROL_CHARACTERS}),
    ]
    quantity: Annotated[
        Annotated[int, Meta(ge=1, le=9_999_999)]
        | Annotated[
            str,
            Meta(
                pattern=r"^(?=.*[1-9])[0-9]{1,7}(\.[0-9]{1,4})?$(?!\n)",
                extra={"message": 'must be a decimal number above zero, such as "1.5", with at most 4 decimal places'},
            ),
        ],
        Meta(description='A whole number, or a decimal number as text, such as "1.5".', examples=[1, "1.5"]),
    ]
    unit_price: Annotated[
        int,
        Meta(ge=-MAX_AMOUNT, le=MAX_AMOUNT, description="In minor units; below zero it is a discount."),
    ]

    @property
    def line(self) -> InvoiceLine:
        return InvoiceLine(description=self.description, quantity=self.quantity, unit_price=self.unit_price)


Lines = Annotated[tuple[LineBody, ...], Meta(min_length=1, max_length=100)]


class InvoiceBody(Body, frozen=True, kw_only=True):
    client_id: UUID
    number: Number | UnsetType = UNSET
    issued_on: Annotated[date, Meta(description="Today at the shop if left out.")] | UnsetType = UNSET
    vehicle: Vehicle | None = None
    lines: Lines
    tax: Tax = 0


class InvoiceEditBody(Body, frozen=True, kw_only=True):
    """What to change; what is left out stays, null clears. Lines are replaced all together."""

    number: Number | UnsetType = UNSET
    issued_on: date | UnsetType = UNSET
    vehicle: Vehicle | UnsetType | None = UNSET
    lines: Lines | UnsetType = UNSET
    tax: Tax | UnsetType = UNSET


class PaymentBody(Body, frozen=True, kw_only=True):
    """``amount`` may be left out for Account Credit only: then as much as possible is applied."""

    method: PaymentMethod
    amount: Amount | UnsetType = UNSET
    overpayment: (
        Annotated[OverpaymentChoice, Meta(description="What to do with money above what is due.")] | UnsetType
    ) = UNSET
    reference: Reference | None = None
    received_on: DayOfMoney | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.amount is UNSET and self.method != PaymentMethod.ACCOUNT_CREDIT:
            raise InvalidField("amount", "is required with this method")


class PaymentEditBody(Body, frozen=True, kw_only=True):
    """What to change; what is left out stays, null clears."""

    amount: Amount | UnsetType = UNSET
    method: MoneyMethod | UnsetType = UNSET
    reference: Reference | UnsetType | None = UNSET
    received_on: date | UnsetType = UNSET
    overpayment: OverpaymentChoice | UnsetType = UNSET


class AllocationBody(Body, frozen=True, kw_only=True):
    invoice_id: UUID
    amount: Amount


class BulkPaymentBody(Body, frozen=True, kw_only=True):
    client_id: UUID
    method: Annotated[PaymentMethod, Meta(description="Account Credit is refused here.")]
    reference: Reference | None = None
    received_on: DayOfMoney | UnsetType = UNSET
    allocations: Annotated[
        tuple[AllocationBody, ...], Meta(min_length=2, max_length=100, description="Each invoice once.")
    ]


class CreditBody(Body, frozen=True, kw_only=True):
    reason: AddReason
    amount: Amount
    note: Note
    invoice_id: Annotated[UUID | None, Meta(description="An invoice of the same client that it comes from.")] = None


class VoidBody(Body, frozen=True, kw_only=True):
    note: Note


Url = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=URL_MAX_LENGTH,
        pattern=ONE_LINE,
        description="Begins with https://.",
        examples=["https://books.example.com/hooks/account-credit"],
        extra={"message": NO_CONTROL_CHARACTERS},
    ),
]
Description = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=ONE_LINE,
        description="For the shop itself.",
        examples=["Bookkeeping"],
        extra={"message": NO_CONTROL_CHARACTERS},
    ),
]
Kinds = Annotated[
    tuple[NoticeKind, ...], Meta(min_length=1, max_length=20, description="What the endpoint is told of.")
]


class WebhookEndpointBody(Body, frozen=True, kw_only=True):
    url: Url
    kinds: Kinds
    description: Description | None = None


class WebhookEndpointEditBody(Body, frozen=True, kw_only=True):
    """What to change; what is left out stays, null clears."""

    url: Url | UnsetType = UNSET
    kinds: Kinds | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    on: Annotated[bool, Meta(description="false switches the endpoint off, true on again.")] | UnsetType = UNSET


class ResendBody(Body, frozen=True, kw_only=True):
    """Days at the shop; both ends are part of the range."""

    first: Annotated[date, Meta(description="The first day.")] = msgspec.field(name="from")
    last: Annotated[date, Meta(description="The last day: today if left out.")] | UnsetType = msgspec.field(
        name="to", default=UNSET
    )
    delivered: Annotated[bool, Meta(description="Also what it has accepted already.")] = False

    def __post_init__(self) -> None:
        if not isinstance(self.last, UnsetType) and self.first > self.last:
            raise InvalidField("to", "must not be before from")
