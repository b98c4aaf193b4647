"""What the handlers of the console call, made once at start."""

from dataclasses import dataclass
from typing import TypeAlias

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from core.use_cases.add_credit import AddCredit
from core.use_cases.bulk_payments import DeleteBulkPayment, RecordBulkPayment
from core.use_cases.capture_overpayment import CaptureOverpayment
from core.use_cases.clients import (
    AddClient,
    DeleteClient,
    EditClient,
    ListClients,
    NameClients,
    RestoreClient,
    ShowClient,
)
from core.use_cases.console_sessions import BeginConsoleSession, ContinueConsoleSession, EndConsoleSession
from core.use_cases.credit_ledger import ExportEntries, ListEntries, ShowClientLedger, ShowEntry
from core.use_cases.delete_payment import DeletePayment
from core.use_cases.delivery_log import (
    CountFailed,
    ListClientNotices,
    ListEmails,
    ListEndpointDeliveries,
    ResendDelivery,
    ResendMissed,
)
from core.use_cases.edit_payment import EditPayment
from core.use_cases.explain_balance import ExplainBalance
from core.use_cases.explained_ledger import ShowExplainedLedger
from core.use_cases.invoices import AddInvoice, EditInvoice, ListInvoices, ShowInvoice, ShowPaymentOptions, VoidInvoice
from core.use_cases.payments import ListPayments, ShowPayment
from core.use_cases.previews import (
    PreviewAdd,
    PreviewDeleteBulkPayment,
    PreviewDeletePayment,
    PreviewPayment,
    PreviewVoid,
)
from core.use_cases.record_payment import RecordPayment
from core.use_cases.reports import ListCollected, ReportCollected, ReportCreditByClient
from core.use_cases.shop_settings import EditShop
from core.use_cases.staff import (
    AddApiKey,
    AddStaffMember,
    DeleteApiKey,
    EditStaffMember,
    ListApiKeys,
    ListStaff,
    ShowApiKey,
    ShowStaffMember,
)
from core.use_cases.statements import ShowStatement
from core.use_cases.void_entry import VoidEntry
from core.use_cases.webhook_endpoints import (
    AddWebhookEndpoint,
    DeleteWebhookEndpoint,
    EditWebhookEndpoint,
    ListWebhookEndpoints,
    RotateWebhookSecret,
    ShowWebhookEndpoint,
)
from entrypoints.console.cookies import Cookies
from entrypoints.console.documents import Documents
from entrypoints.console.forms import SentForm
from entrypoints.console.pages import Pages
from entrypoints.console.tokens import ConsoleTokens
from entrypoints.console.visitors import Visitor
from entrypoints.http.cursors import Cursors
from entrypoints.http.idempotency import Fingerprints
from ports.security import Clock


@dataclass(frozen=True, kw_only=True)
class Console:
    """Everything the console needs; a handler takes it as ``console``."""

    pages: Pages
    cookies: Cookies
    tokens: ConsoleTokens
    cursors: Cursors
    fingerprints: Fingerprints
    clock: Clock
    documents: Documents

    begin_session: BeginConsoleSession
    continue_session: ContinueConsoleSession
    end_session: EndConsoleSession

    edit_shop: EditShop
    list_staff: ListStaff
    show_staff_member: ShowStaffMember
    add_staff_member: AddStaffMember
    edit_staff_member: EditStaffMember
    list_api_keys: ListApiKeys
    show_api_key: ShowApiKey
    add_api_key: AddApiKey
    delete_api_key: DeleteApiKey

    list_webhook_endpoints: ListWebhookEndpoints
    show_webhook_endpoint: ShowWebhookEndpoint
    add_webhook_endpoint: AddWebhookEndpoint
    edit_webhook_endpoint: EditWebhookEndpoint
    delete_webhook_endpoint: DeleteWebhookEndpoint
    rotate_webhook_secret: RotateWebhookSecret
    list_endpoint_deliveries: ListEndpointDeliveries
    list_emails: ListEmails
    list_client_notices: ListClientNotices
    count_failed: CountFailed
    resend_delivery: ResendDelivery
    resend_missed: ResendMissed

    show_client: ShowClient
    list_clients: ListClients
    name_clients: NameClients
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

    show_client_ledger: ShowClientLedger
    show_explained_ledger: ShowExplainedLedger
    export_entries: ExportEntries
    list_entries: ListEntries
    show_entry: ShowEntry
    add_credit: AddCredit
    void_entry: VoidEntry
    explain_balance: ExplainBalance
    show_statement: ShowStatement

    preview_add: PreviewAdd
    preview_void: PreviewVoid
    preview_payment: PreviewPayment
    preview_delete_payment: PreviewDeletePayment
    preview_delete_bulk_payment: PreviewDeleteBulkPayment

    report_collected: ReportCollected
    list_collected: ListCollected
    report_credit_by_client: ReportCreditByClient


# None is data of the request in Litestar's sense: there is nothing left to validate.
ConsoleOf: TypeAlias = NamedDependency[SkipValidation[Console]]
VisitorOf: TypeAlias = NamedDependency[SkipValidation[Visitor]]
FormOf: TypeAlias = NamedDependency[SkipValidation[SentForm]]
