"""Money for several invoices of one client at once."""

from uuid import UUID

from litestar import delete, post
from litestar.params import FromPath, JSONBody

from core.books import Allocation
from core.errors import (
    AccountCreditNotInBulk,
    AllocationExceedsDue,
    ClientDeleted,
    CreditAlreadySpent,
    InvalidField,
    InvoiceVoid,
    PaymentDeleted,
    PermissionDenied,
)
from core.ids import BulkPaymentId, ClientId, InvoiceId
from core.views import BulkPaymentView
from entrypoints.staff_api.bodies import BulkPaymentBody, given
from entrypoints.staff_api.services import Api, CallerOf

_TAGS = ["Payments"]


@post(
    "/bulk-payments",
    summary="Take a bulk payment",
    tags=_TAGS,
    key_required=True,
    refuses=(
        PermissionDenied,
        ClientDeleted,
        InvoiceVoid,
        AccountCreditNotInBulk,
        AllocationExceedsDue,
        InvalidField,
    ),
)
async def record_bulk_payment(api: Api, caller: CallerOf, data: JSONBody[BulkPaymentBody]) -> BulkPaymentView:
    """One payment for each invoice, all or nothing, none of them above what is due. Needs the permission
    `create_payments`.
    """
    return await api.record_bulk_payment(
        caller,
        ClientId(data.client_id),
        method=data.method,
        allocations=[Allocation(InvoiceId(each.invoice_id), each.amount) for each in data.allocations],
        reference=data.reference,
        received_on=given(data.received_on),
    )


@delete(
    "/bulk-payments/{bulk_payment_id:uuid}",
    summary="Delete a bulk payment",
    tags=_TAGS,
    refuses=(PermissionDenied, ClientDeleted, PaymentDeleted, CreditAlreadySpent),
)
async def delete_bulk_payment(api: Api, caller: CallerOf, bulk_payment_id: FromPath[UUID]) -> None:
    """All of its payments that are still live, or none. Needs the permission `create_payments`."""
    await api.delete_bulk_payment(caller, BulkPaymentId(bulk_payment_id))


routes = [record_bulk_payment, delete_bulk_payment]
