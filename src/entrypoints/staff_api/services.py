"""What the handlers of the staff API call, made once at start."""

from dataclasses import dataclass
from typing import TypeAlias

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from core.staff import Caller
from core.use_cases.add_credit import AddCredit
from core.use_cases.bulk_payments import DeleteBulkPayment, RecordBulkPayment
from core.use_cases.capture_overpayment import CaptureOverpayment
from core.use_cases.clients import AddClient, DeleteClient, EditClient, ListClients, RestoreClient, ShowClient
from core.use_cases.credit_ledger import ExportEntries, ListEntries, ShowCreditTab, ShowEntry
from core.use_cases.delete_payment import DeletePayment
from core.use_cases.delivery_log import ListClientNotices, ListEndpointDeliveries, ResendDelivery, ResendMissed
from core.use_cases.edit_payment import EditPayment
from core.use_cases.invoices import AddInvoice, EditInvoice, ListInvoices, ShowInvoice, ShowPaymentOptions, VoidInvoice
from core.use_cases.payments import ListPayments, ShowPayment
from core.use_cases.record_payment import RecordPayment
from core.use_cases.reports import ReportCollected, ReportCredit
from core.use_cases.shop_settings import EditShop, ShowMe, ShowShop
from core.use_cases.sign_in import Refresh, SignIn, SignOut
from core.use_cases.staff import AddApiKey, AddStaffMember, DeleteApiKey, EditStaffMember, ListApiKeys, ListStaff
from core.use_cases.void_entry import VoidEntry
from core.use_cases.webhook_endpoints import (
    AddWebhookEndpoint,
    DeleteWebhookEndpoint,
    EditWebhookEndpoint,
    ListWebhookEndpoints,
    RotateWebhookSecret,
    ShowWebhookEndpoint,
)
from entrypoints.http.authentication import CredentialReader
from entrypoints.http.cursors import Cursors
from entrypoints.http.health import Ready
from entrypoints.http.idempotency import Fingerprints


@dataclass(frozen=True, kw_only=True)
class StaffApi:
    """Everything the staff API needs; a handler takes it as ``api``."""

    credential_reader: CredentialReader
    cursors: Cursors
    fingerprints: Fingerprints
    ready: Ready

    sign_in: SignIn
    refresh: Refresh
    sign_out: SignOut

    show_me: ShowMe
    show_shop: ShowShop
    edit_shop: EditShop
    list_staff: ListStaff
    add_staff_member: AddStaffMember
    edit_staff_member: EditStaffMember
    list_api_keys: ListApiKeys
    add_api_key: AddApiKey
    delete_api_key: DeleteApiKey

    show_client: ShowClient
    list_clients: ListClients
    add_client: AddClient
    edit_client: EditClient
    delete_client: DeleteClient
    restore_client: RestoreClient

    show_invoice: ShowInvoice
    list_invoices: ListInvoices
    add_invoice: AddInvoice
    edit_invoice: EditInvoice
    void_invoice: VoidInvoice
    show_payment_options: ShowPaymentOptions

    show_payment: ShowPayment
    list_payments: ListPayments
    record_payment: RecordPayment
    edit_payment: EditPayment
    delete_payment: DeletePayment
    record_bulk_payment: RecordBulkPayment
    delete_bulk_payment: DeleteBulkPayment
    capture_overpayment: CaptureOverpayment

    show_credit_tab: ShowCreditTab
    list_entries: ListEntries
    export_entries: ExportEntries
    show_entry: ShowEntry
    add_credit: AddCredit
    void_entry: VoidEntry

    report_collected: ReportCollected
    report_credit: ReportCredit

    list_webhook_endpoints: ListWebhookEndpoints
    show_webhook_endpoint: ShowWebhookEndpoint
    add_webhook_endpoint: AddWebhookEndpoint
    edit_webhook_endpoint: EditWebhookEndpoint
    delete_webhook_endpoint: DeleteWebhookEndpoint
    rotate_webhook_secret: RotateWebhookSecret
    list_endpoint_deliveries: ListEndpointDeliveries
    list_client_notices: ListClientNotices
    resend_delivery: ResendDelivery
    resend_missed: ResendMissed


# Neither is data of the request: there is nothing to validate.
Api: TypeAlias = NamedDependency[SkipValidation[StaffApi]]
CallerOf: TypeAlias = NamedDependency[SkipValidation[Caller]]
