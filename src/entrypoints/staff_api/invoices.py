"""Invoices, and what starting a payment on one tells."""

from uuid import UUID

from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from core.errors import (
    ClientDeleted,
    InvalidField,
    InvoiceBelowAppliedCredit,
    InvoiceHasPayments,
    InvoiceNumberTaken,
    InvoiceVoid,
    NotOverpaid,
    PermissionDenied,
)
from core.ids import ClientId, InvoiceId
from core.use_cases.invoices import InvoiceEdit
from core.views import CaptureView, InvoiceView, PaymentOptionsView
from entrypoints.http.cursors import Listed
from entrypoints.staff_api.bodies import InvoiceBody, InvoiceEditBody, given
from entrypoints.staff_api.filters import InvoiceFilters
from entrypoints.staff_api.services import Api, CallerOf

_TAGS = ["Invoices"]


@get("/invoices", summary="List invoices", tags=_TAGS, refuses=())
async def list_invoices(api: Api, caller: CallerOf, filters: NamedDependency[InvoiceFilters]) -> Listed[InvoiceView]:
    """The newest first."""
    cursors = api.cursors.of_list("invoices", caller, filters)
    page = await api.list_invoices(
        caller,
        client_id=None if filters.client_id is None else ClientId(filters.client_id),
        status=filters.status,
        after=cursors.after,
        limit=filters.limit,
    )
    return cursors.listed(page)


@post(
    "/invoices",
    summary="Add an invoice",
    tags=_TAGS,
    refuses=(PermissionDenied, ClientDeleted, InvoiceNumberTaken, InvalidField),
)
async def add_invoice(api: Api, caller: CallerOf, data: JSONBody[InvoiceBody]) -> InvoiceView:
    """Its client never changes. Each line is rounded half up; a discount is a line below zero; the total is never below
    zero. Needs the permission `manage_invoices`.
    """
    return await api.add_invoice(
        caller,
        ClientId(data.client_id),
        number=given(data.number),
        issued_on=given(data.issued_on),
        vehicle=data.vehicle,
        lines=[each.line for each in data.lines],
        tax=data.tax,
    )


@get("/invoices/{invoice_id:uuid}", summary="Show an invoice", tags=_TAGS, refuses=())
async def show_invoice(api: Api, caller: CallerOf, invoice_id: FromPath[UUID]) -> InvoiceView:
    """With what is settled and due, and its live payments."""
    return await api.show_invoice(caller, InvoiceId(invoice_id))


@patch(
    "/invoices/{invoice_id:uuid}",
    summary="Change an invoice",
    tags=_TAGS,
    refuses=(
        PermissionDenied,
        ClientDeleted,
        InvoiceVoid,
        InvoiceBelowAppliedCredit,
        InvoiceNumberTaken,
        InvalidField,
    ),
)
async def edit_invoice(
    api: Api, caller: CallerOf, invoice_id: FromPath[UUID], data: JSONBody[InvoiceEditBody]
) -> InvoiceView:
    """What is left out stays, null clears; lines are replaced all together. With a total below what is settled the
    invoice becomes overpaid. Needs the permission `manage_invoices`.
    """
    edit = InvoiceEdit(
        number=given(data.number),
        issued_on=given(data.issued_on),
        vehicle=data.vehicle,
        lines=None if (lines := given(data.lines)) is None else tuple(each.line for each in lines),
        tax=given(data.tax),
    )
    return await api.edit_invoice(caller, InvoiceId(invoice_id), edit)


@post(
    "/invoices/{invoice_id:uuid}/void",
    status_code=200,
    summary="Void an invoice",
    tags=_TAGS,
    refuses=(PermissionDenied, ClientDeleted, InvoiceVoid, InvoiceHasPayments),
)
async def void_invoice(api: Api, caller: CallerOf, invoice_id: FromPath[UUID]) -> InvoiceView:
    """Possible without live payments. A void invoice has nothing due and takes nothing more. Needs the permission
    `manage_invoices`.
    """
    return await api.void_invoice(caller, InvoiceId(invoice_id))


@get("/invoices/{invoice_id:uuid}/payment-options", summary="Start a payment", tags=_TAGS, refuses=())
async def show_payment_options(api: Api, caller: CallerOf, invoice_id: FromPath[UUID]) -> PaymentOptionsView:
    """What is due, how much credit could pay of it, and whether to offer that. Nothing is saved."""
    return await api.show_payment_options(caller, InvoiceId(invoice_id))


@post(
    "/invoices/{invoice_id:uuid}/capture-overpayment",
    summary="Turn an overpayment into credit",
    tags=_TAGS,
    key_required=True,
    refuses=(PermissionDenied, ClientDeleted, InvoiceVoid, NotOverpaid),
)
async def capture_overpayment(api: Api, caller: CallerOf, invoice_id: FromPath[UUID]) -> CaptureView:
    """Takes what the invoice is overpaid from its payments with money, the newest first: one ledger entry for each
    payment touched. Needs the permission `create_payments`.
    """
    return await api.capture_overpayment(caller, InvoiceId(invoice_id))


routes = [
    list_invoices,
    add_invoice,
    show_invoice,
    edit_invoice,
    void_invoice,
    show_payment_options,
    capture_overpayment,
]
