"""Payments: with money, or by Account Credit."""

from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from core.errors import (
    ClientDeleted,
    CreditAlreadySpent,
    InvalidField,
    InvoiceVoid,
    NoCredit,
    NothingDue,
    OverpaymentChoiceRequired,
    PaymentDeleted,
    PaymentNotEditable,
    PermissionDenied,
)
from core.ids import ClientId, InvoiceId, PaymentId
from core.payments import PaymentEdit
from core.views import PaymentView, RecordedPaymentView
from entrypoints.http.cursors import Listed
from entrypoints.staff_api.bodies import PaymentBody, PaymentEditBody, given
from entrypoints.staff_api.filters import PaymentFilters
from entrypoints.staff_api.services import Api, CallerOf

_TAGS = ["Payments"]


@post(
    "/invoices/{invoice_id:uuid}/payments",
    summary="Take a payment",
    tags=_TAGS,
    key_required=True,
    refuses=(
        PermissionDenied,
        ClientDeleted,
        InvoiceVoid,
        NothingDue,
        NoCredit,
        OverpaymentChoiceRequired,
        InvalidField,
    ),
)
async def record_payment(
    api: Api, caller: CallerOf, invoice_id: FromPath[UUID], data: JSONBody[PaymentBody]
) -> RecordedPaymentView:
    """With the method `account_credit` credit is spent: as much as is asked for, due and on the account; `capped_by`
    says what kept it lower. Money above what is due needs the choice `overpayment`. Needs the permission
    `create_payments`.
    """
    return await api.record_payment(
        caller,
        InvoiceId(invoice_id),
        method=data.method,
        amount=given(data.amount),
        overpayment=given(data.overpayment),
        reference=data.reference,
        received_on=given(data.received_on),
    )


@get("/payments", summary="List payments", tags=_TAGS, refuses=())
async def list_payments(api: Api, caller: CallerOf, filters: NamedDependency[PaymentFilters]) -> Listed[PaymentView]:
    """The one recorded last first; `from` and `to` are about the day the money was received."""
    cursors = api.cursors.of_list("payments", caller, filters)
    page = await api.list_payments(
        caller,
        client_id=None if filters.client_id is None else ClientId(filters.client_id),
        method=filters.method,
        first=filters.first,
        last=filters.last,
        deleted=filters.deleted,
        after=cursors.after,
        limit=filters.limit,
    )
    return cursors.listed(page)


@get("/payments/{payment_id:uuid}", summary="Show a payment", tags=_TAGS, refuses=())
async def show_payment(api: Api, caller: CallerOf, payment_id: FromPath[UUID]) -> PaymentView:
    """With its ledger entries and its edits. Deleted payments are kept."""
    return await api.show_payment(caller, PaymentId(payment_id))


@patch(
    "/payments/{payment_id:uuid}",
    summary="Change a payment",
    tags=_TAGS,
    refuses=(
        PermissionDenied,
        ClientDeleted,
        InvoiceVoid,
        PaymentDeleted,
        PaymentNotEditable,
        OverpaymentChoiceRequired,
        InvalidField,
    ),
)
async def edit_payment(
    api: Api, caller: CallerOf, payment_id: FromPath[UUID], data: JSONBody[PaymentEditBody]
) -> PaymentView:
    """What is left out stays, null clears. An Account Credit payment cannot be changed, nor the amount of one with
    captured credit: delete it and make a new one. Needs the permission `create_payments`.
    """
    edit = PaymentEdit(
        amount=given(data.amount),
        method=given(data.method),
        reference=data.reference,
        received_on=given(data.received_on),
        overpayment=given(data.overpayment),
    )
    return await api.edit_payment(caller, PaymentId(payment_id), edit)


@delete(
    "/payments/{payment_id:uuid}",
    summary="Delete a payment",
    tags=_TAGS,
    refuses=(PermissionDenied, ClientDeleted, PaymentDeleted, CreditAlreadySpent),
)
async def delete_payment(api: Api, caller: CallerOf, payment_id: FromPath[UUID]) -> None:
    """Credit that it spent goes back to the account; credit captured from it is voided, or nothing happens if that was
    spent. Needs the permission `create_payments`.
    """
    await api.delete_payment(caller, PaymentId(payment_id))


routes = [record_payment, list_payments, show_payment, edit_payment, delete_payment]
