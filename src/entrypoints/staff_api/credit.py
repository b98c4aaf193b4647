"""The credit ledger: of one client, and of the whole shop."""

from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from core.errors import (
    AlreadyVoided,
    ClientDeleted,
    CreditAlreadySpent,
    EntryNotVoidable,
    InvalidField,
    PermissionDenied,
    RefundExceedsPaid,
)
from core.ids import ClientId, EntryId, InvoiceId
from core.views import EntryView
from entrypoints.http.cursors import Listed
from entrypoints.staff_api.bodies import CreditBody, VoidBody
from entrypoints.staff_api.credit_tab import CreditTab
from entrypoints.staff_api.filters import EntryFilters, ExportFilters, TabFilters
from entrypoints.staff_api.ledger_csv import CSV_MEDIA_TYPE, csv_answer
from entrypoints.staff_api.services import Api, CallerOf

_TAGS = ["Credit"]
_LIST = "credit entries"


@get("/clients/{client_id:uuid}/credit", summary="Show the Credit tab", tags=_TAGS, refuses=())
async def show_credit_tab(
    api: Api, caller: CallerOf, client_id: FromPath[UUID], filters: NamedDependency[TabFilters]
) -> CreditTab:
    """The balance, the newest entries, and what the one who asks may do. `next_cursor` goes on in the list of the
    client's entries, without filters.
    """
    tab = await api.show_credit_tab(caller, ClientId(client_id), limit=filters.limit)
    cursors = api.cursors.of_list(_LIST, caller, EntryFilters(), client_id)
    return CreditTab.of(tab, cursors.write(tab.next_position))


@get("/clients/{client_id:uuid}/credit/entries", summary="List a client's ledger entries", tags=_TAGS, refuses=())
async def list_client_entries(
    api: Api, caller: CallerOf, client_id: FromPath[UUID], filters: NamedDependency[EntryFilters]
) -> Listed[EntryView]:
    """The newest first."""
    return await _listed(api, caller, ClientId(client_id), filters)


@get("/credit/entries", summary="List the shop's ledger entries", tags=_TAGS, refuses=())
async def list_entries(api: Api, caller: CallerOf, filters: NamedDependency[EntryFilters]) -> Listed[EntryView]:
    """Of all clients, the newest first."""
    return await _listed(api, caller, None, filters)


async def _listed(api: Api, caller: CallerOf, client_id: ClientId | None, filters: EntryFilters) -> Listed[EntryView]:
    cursors = api.cursors.of_list(_LIST, caller, filters, client_id)
    page = await api.list_entries(
        caller,
        client_id,
        kind=filters.kind,
        first=filters.first,
        last=filters.last,
        after=cursors.after,
        limit=filters.limit,
    )
    return cursors.listed(page)


@get(
    "/clients/{client_id:uuid}/credit/entries.csv",
    media_type=CSV_MEDIA_TYPE,
    summary="Export a client's ledger",
    tags=_TAGS,
    refuses=(),
)
async def export_client_entries(
    api: Api, caller: CallerOf, client_id: FromPath[UUID], filters: NamedDependency[ExportFilters]
) -> Stream:
    """As CSV, the oldest entry first; amounts are decimals in the currency beside them."""
    return await _exported(api, caller, ClientId(client_id), filters)


@get("/credit/entries.csv", media_type=CSV_MEDIA_TYPE, summary="Export the shop's ledger", tags=_TAGS, refuses=())
async def export_entries(api: Api, caller: CallerOf, filters: NamedDependency[ExportFilters]) -> Stream:
    """As CSV, the oldest entry first; amounts are decimals in the currency beside them."""
    return await _exported(api, caller, None, filters)


async def _exported(api: Api, caller: CallerOf, client_id: ClientId | None, filters: ExportFilters) -> Stream:
    shop, parts = await api.export_entries(caller, client_id, kind=filters.kind, first=filters.first, last=filters.last)
    return csv_answer(shop, parts)


@post(
    "/clients/{client_id:uuid}/credit/entries",
    summary="Add credit",
    tags=_TAGS,
    key_required=True,
    refuses=(PermissionDenied, ClientDeleted, RefundExceedsPaid, InvalidField),
)
async def add_credit(api: Api, caller: CallerOf, client_id: FromPath[UUID], data: JSONBody[CreditBody]) -> EntryView:
    """By hand, with a reason and a note. A refund that names an invoice cannot exceed what was paid on it and not yet
    refunded as credit. Needs the permission `create_payments`.
    """
    return await api.add_credit(
        caller,
        ClientId(client_id),
        reason=data.reason,
        amount=data.amount,
        note=data.note,
        invoice_id=None if data.invoice_id is None else InvoiceId(data.invoice_id),
    )


@get("/credit/entries/{entry_id:uuid}", summary="Show a ledger entry", tags=_TAGS, refuses=())
async def show_entry(api: Api, caller: CallerOf, entry_id: FromPath[UUID]) -> EntryView:
    """Entries are never changed or deleted; `reversed_by` says whether a later one takes it back."""
    return await api.show_entry(caller, EntryId(entry_id))


@post(
    "/credit/entries/{entry_id:uuid}/void",
    summary="Void a ledger entry",
    tags=_TAGS,
    key_required=True,
    refuses=(PermissionDenied, ClientDeleted, AlreadyVoided, EntryNotVoidable, CreditAlreadySpent, InvalidField),
)
async def void_entry(api: Api, caller: CallerOf, entry_id: FromPath[UUID], data: JSONBody[VoidBody]) -> EntryView:
    """Reverses added or captured credit with a new, opposite entry, which is the answer. Needs the permission
    `create_payments`.
    """
    return await api.void_entry(caller, EntryId(entry_id), note=data.note)


routes = [
    show_credit_tab,
    list_client_entries,
    list_entries,
    export_client_entries,
    export_entries,
    add_credit,
    show_entry,
    void_entry,
]
