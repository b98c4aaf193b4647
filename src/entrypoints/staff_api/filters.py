"""What the lists and reports of the staff API can be narrowed to: query parameters."""

from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from core.deliveries import DeliveryState
from core.errors import InvalidField
from core.invoices import InvoiceStatus
from core.ledger import EntryKind
from core.payments import PaymentMethod
from entrypoints.http.cursors import DEFAULT_LIMIT, MAX_LIMIT, ListFilters
from entrypoints.staff_api.texts import SearchText

FirstDay = Annotated[date | None, Meta(description="The first day of the range, at the shop.")]
LastDay = Annotated[date | None, Meta(description="The last day of the range, at the shop; it is part of it.")]


def _require_range(first: date | None, last: date | None) -> None:
    if first is not None and last is not None and first > last:
        raise InvalidField("to", "must not be before from")


class Period(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    first: FirstDay = msgspec.field(name="from", default=None)
    last: LastDay = msgspec.field(name="to", default=None)

    def __post_init__(self) -> None:
        _require_range(self.first, self.last)


class ClientFilters(ListFilters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    q: Annotated[
        SearchText | None,
        Meta(description="Part of the name, e-mail address or phone number, or the beginning of a vehicle."),
    ] = None
    has_credit: Annotated[bool | None, Meta(description="Only clients with credit, or only those without.")] = None
    deleted: Annotated[bool, Meta(description="The deleted clients instead of the others.")] = False


class InvoiceFilters(ListFilters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    client_id: UUID | None = None
    status: InvoiceStatus | None = None


class PaymentFilters(ListFilters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    client_id: UUID | None = None
    method: PaymentMethod | None = None
    first: FirstDay = msgspec.field(name="from", default=None)
    last: LastDay = msgspec.field(name="to", default=None)
    deleted: Annotated[bool, Meta(description="The deleted payments instead of the live ones.")] = False

    def __post_init__(self) -> None:
        _require_range(self.first, self.last)


class EntryFilters(ListFilters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: EntryKind | None = None
    first: FirstDay = msgspec.field(name="from", default=None)
    last: LastDay = msgspec.field(name="to", default=None)

    def __post_init__(self) -> None:
        _require_range(self.first, self.last)


class DeliveryFilters(ListFilters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    state: Annotated[DeliveryState | None, Meta(description="`failed`: what was given up.")] = None


class ExportFilters(Period, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: EntryKind | None = None


class TabFilters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT, description="How many of the newest entries at most.")] = (
        DEFAULT_LIMIT
    )
