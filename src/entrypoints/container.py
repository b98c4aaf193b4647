"""Wires the program: which adapter stands behind which port. Everything is made once, at start."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import random
from typing import TYPE_CHECKING, TypeVar

from dependency_injector import containers, providers

from adapters.notifiers.internet_message import Address
from adapters.notifiers.log import LogNotifier, StructuredNoticeLog
from adapters.notifiers.receiver_addresses import ReceiverAddresses
from adapters.notifiers.smtp import SmtpConnections, SmtpNotifier, SmtpServer
from adapters.notifiers.webhook import WebhookNotifier
from adapters.postgres.directory import PostgresDirectory
from adapters.postgres.outbox_control import PostgresOutboxControl
from adapters.postgres.pool import Database
from adapters.postgres.readiness import Readiness
from adapters.postgres.transactions import PostgresTransactions
from adapters.postgres.waiting import PostgresWaiting
from adapters.security.access_tokens import JwtAccessTokens
from adapters.security.answer_seal import AesGcmAnswerSeal, AesGcmSecretSeal
from adapters.security.common_passwords import load_common_passwords
from adapters.security.credentials import CredentialReader
from adapters.security.fresh import SystemClock, SystemFresh
from adapters.security.keys import SecretKeys
from adapters.security.passwords import Argon2Passwords
from adapters.security.secrets import OpaqueSecrets
from core.deliveries import Channel
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
from core.use_cases.credit_ledger import ExportEntries, ListEntries, ShowClientLedger, ShowCreditTab, ShowEntry
from core.use_cases.delete_payment import DeletePayment
from core.use_cases.deliver_notices import DeliverNotices
from core.use_cases.delivery_log import (
    CountFailed,
    ListClientNotices,
    ListEmails,
    ListEndpointDeliveries,
    ResendDelivery,
    ResendMissed,
)
from core.use_cases.digests import CheckHeads, DigestShop
from core.use_cases.edit_payment import EditPayment
from core.use_cases.explain_balance import ExplainBalance
from core.use_cases.explained_ledger import ShowExplainedLedger
from core.use_cases.export_ledger import ExportLedger
from core.use_cases.invoices import AddInvoice, EditInvoice, ListInvoices, ShowInvoice, ShowPaymentOptions, VoidInvoice
from core.use_cases.list_shops import ListShops
from core.use_cases.note_verdict import NoteVerdict
from core.use_cases.open_shop import OpenShop
from core.use_cases.outbox import ResumeOutbox, RetryFailed, ShowOutbox
from core.use_cases.payments import ListPayments, ShowPayment
from core.use_cases.previews import (
    PreviewAdd,
    PreviewDeleteBulkPayment,
    PreviewDeletePayment,
    PreviewPayment,
    PreviewVoid,
)
from core.use_cases.record_payment import RecordPayment
from core.use_cases.reports import ListCollected, ReportCollected, ReportCredit, ReportCreditByClient
from core.use_cases.reseal_secrets import ResealSecrets
from core.use_cases.route_notices import RouteNotices
from core.use_cases.shop_settings import EditShop, ShowMe, ShowShop
from core.use_cases.sign_in import ProvePassword, Refresh, SignIn, SignOut, Tokens
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
from core.use_cases.tell_owners import TellOwners
from core.use_cases.verify_shop import VerifyShop
from core.use_cases.void_entry import VoidEntry
from core.use_cases.webhook_endpoints import (
    AddWebhookEndpoint,
    DeleteWebhookEndpoint,
    EditWebhookEndpoint,
    ListWebhookEndpoints,
    RotateWebhookSecret,
    ShowWebhookEndpoint,
)
from entrypoints import metrics
from entrypoints.counted import CountedNotifier
from entrypoints.settings import Settings
from ports.notifier import Notifier
from ports.security import Clock

if TYPE_CHECKING:
    from entrypoints.tracing import Tracing

T = TypeVar("T")

STAFF_API_AUDIENCE = "staff-api"
JOBS_CONNECTIONS = 2
"""One to list what is due, and one so that looking at figures stands in nobody's way."""


def _tracing(settings: Settings) -> "Tracing | None":
    if settings.traces_endpoint is None:
        return None
    from entrypoints.tracing import Tracing  # noqa: PLC0415  # it takes long, and may not be there

    return Tracing(settings.traces_endpoint, share=settings.traces_share)


def _database(url: str, settings: Settings, max_connections: int, tracing: "Tracing | None") -> Database:
    return Database(
        url,
        max_connections=max_connections,
        connect_timeout_seconds=settings.connect_timeout_seconds,
        acquire_timeout_seconds=settings.acquire_timeout_seconds,
        prepared_statements=settings.prepared_statements,
        on_statement=None if tracing is None else tracing.statement,
    )


def _mail(settings: Settings, clock: Clock) -> SmtpNotifier | None:
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    url, sender = settings.smtp_url, Address.parse(settings.mail_from)
    server = SmtpServer(host=url.host, port=url.port, tls=url.tls, username=url.username, password=url.password)
    return SmtpNotifier(SmtpConnections(server, name=sender.domain), clock, sender=sender)


def _notifiers(
    settings: Settings, webhook: Notifier, mail: Notifier | None, tracing: "Tracing | None"
) -> dict[Channel, Notifier]:
    """What is sent on which channel; on one that is not there nothing is."""
    if mail is None and settings.mail_to_log:
        mail = LogNotifier()
    notifiers = {Channel.WEBHOOK: webhook, **({} if mail is None else {Channel.EMAIL: mail})}
    if tracing is not None:
        notifiers = {channel: tracing.notifier(notifier) for channel, notifier in notifiers.items()}
    return {channel: CountedNotifier(channel, notifier) for channel, notifier in notifiers.items()}


class Container(containers.DeclarativeContainer):
    """Give it :attr:`settings` with both database URLs and secret keys; then ask for what an entrypoint needs.

    No handler knows the container: the launchers take from it what they hand on.
    """

    settings = providers.Dependency(instance_of=Settings)

    tracing = providers.Singleton(_tracing, settings)
    keys = providers.Singleton(SecretKeys.parse, settings.provided.secret_keys)
    fresh = providers.Singleton(SystemFresh)
    clock = providers.Singleton(SystemClock)
    passwords = providers.Singleton(Argon2Passwords)
    common_passwords = providers.Singleton(load_common_passwords)
    secrets = providers.Singleton(OpaqueSecrets)
    access_tokens = providers.Singleton(JwtAccessTokens, keys, fresh, clock, audience=STAFF_API_AUDIENCE)
    credential_reader = providers.Singleton(CredentialReader, access_tokens, secrets)

    database = providers.Singleton(
        _database, settings.provided.database_url, settings, settings.provided.max_connections, tracing
    )
    jobs_database = providers.Singleton(
        _database, settings.provided.jobs_database_url, settings, JOBS_CONNECTIONS, tracing
    )
    seal = providers.Singleton(AesGcmAnswerSeal, keys)
    secret_seal = providers.Singleton(AesGcmSecretSeal, keys)
    receiver_addresses = providers.Singleton(
        ReceiverAddresses, private_allowed=settings.provided.webhooks_to_private_addresses
    )
    webhook_notifier = providers.Singleton(WebhookNotifier, receiver_addresses, secret_seal, clock)
    transactions = providers.Singleton(
        PostgresTransactions, database, fresh=fresh, seal=seal, tally=providers.Object(metrics.entries_committed)
    )
    directory = providers.Singleton(PostgresDirectory, database, jobs_database)
    waiting = providers.Singleton(PostgresWaiting, database, jobs_database)
    readiness = providers.Singleton(Readiness, settings.provided.database_url)
    outbox_control = providers.Singleton(PostgresOutboxControl, database)
    notice_log = providers.Singleton(StructuredNoticeLog)
    mail = providers.Singleton(_mail, settings, clock)
    notifiers = providers.Singleton(_notifiers, settings, webhook_notifier, mail, tracing)

    open_shop = providers.Singleton(OpenShop, transactions, directory, passwords, common_passwords, fresh, clock)
    list_shops = providers.Singleton(ListShops, transactions, directory)
    tokens = providers.Singleton(Tokens, access_tokens, secrets, fresh)
    prove_password = providers.Singleton(ProvePassword, transactions, directory, passwords, fresh, clock)
    sign_in = providers.Singleton(SignIn, prove_password, tokens)
    refresh = providers.Singleton(Refresh, transactions, secrets, tokens, clock)
    sign_out = providers.Singleton(SignOut, transactions, secrets, clock)
    begin_console_session = providers.Singleton(BeginConsoleSession, prove_password, secrets)
    continue_console_session = providers.Singleton(ContinueConsoleSession, transactions, secrets, clock)
    end_console_session = providers.Singleton(EndConsoleSession, transactions, secrets, clock)

    show_me = providers.Singleton(ShowMe, transactions)
    show_shop = providers.Singleton(ShowShop, transactions)
    edit_shop = providers.Singleton(EditShop, transactions)
    list_staff = providers.Singleton(ListStaff, transactions)
    show_staff_member = providers.Singleton(ShowStaffMember, transactions)
    add_staff_member = providers.Singleton(AddStaffMember, transactions, passwords, common_passwords)
    edit_staff_member = providers.Singleton(EditStaffMember, transactions, passwords, common_passwords)
    list_api_keys = providers.Singleton(ListApiKeys, transactions)
    show_api_key = providers.Singleton(ShowApiKey, transactions)
    add_api_key = providers.Singleton(AddApiKey, transactions, secrets)
    delete_api_key = providers.Singleton(DeleteApiKey, transactions)

    show_client = providers.Singleton(ShowClient, transactions)
    list_clients = providers.Singleton(ListClients, transactions)
    name_clients = providers.Singleton(NameClients, transactions)
    add_client = providers.Singleton(AddClient, transactions)
    edit_client = providers.Singleton(EditClient, transactions)
    delete_client = providers.Singleton(DeleteClient, transactions)
    restore_client = providers.Singleton(RestoreClient, transactions)

    show_invoice = providers.Singleton(ShowInvoice, transactions)
    list_invoices = providers.Singleton(ListInvoices, transactions)
    add_invoice = providers.Singleton(AddInvoice, transactions)
    edit_invoice = providers.Singleton(EditInvoice, transactions)
    void_invoice = providers.Singleton(VoidInvoice, transactions)
    show_payment_options = providers.Singleton(ShowPaymentOptions, transactions)

    show_payment = providers.Singleton(ShowPayment, transactions)
    list_payments = providers.Singleton(ListPayments, transactions)
    record_payment = providers.Singleton(RecordPayment, transactions)
    edit_payment = providers.Singleton(EditPayment, transactions)
    delete_payment = providers.Singleton(DeletePayment, transactions)
    record_bulk_payment = providers.Singleton(RecordBulkPayment, transactions)
    delete_bulk_payment = providers.Singleton(DeleteBulkPayment, transactions)
    capture_overpayment = providers.Singleton(CaptureOverpayment, transactions)

    show_credit_tab = providers.Singleton(ShowCreditTab, transactions)
    show_client_ledger = providers.Singleton(ShowClientLedger, transactions)
    show_explained_ledger = providers.Singleton(ShowExplainedLedger, transactions)
    list_entries = providers.Singleton(ListEntries, transactions)
    export_entries = providers.Singleton(ExportEntries, transactions)
    show_entry = providers.Singleton(ShowEntry, transactions)
    explain_balance = providers.Singleton(ExplainBalance, transactions)
    show_statement = providers.Singleton(ShowStatement, transactions)

    preview_add = providers.Singleton(PreviewAdd, transactions)
    preview_void = providers.Singleton(PreviewVoid, transactions)
    preview_payment = providers.Singleton(PreviewPayment, transactions)
    preview_delete_payment = providers.Singleton(PreviewDeletePayment, transactions)
    preview_delete_bulk_payment = providers.Singleton(PreviewDeleteBulkPayment, transactions)
    add_credit = providers.Singleton(AddCredit, transactions)
    void_entry = providers.Singleton(VoidEntry, transactions)

    report_collected = providers.Singleton(ReportCollected, transactions)
    list_collected = providers.Singleton(ListCollected, transactions)
    report_credit = providers.Singleton(ReportCredit, transactions)
    report_credit_by_client = providers.Singleton(ReportCreditByClient, transactions)

    list_webhook_endpoints = providers.Singleton(ListWebhookEndpoints, transactions)
    show_webhook_endpoint = providers.Singleton(ShowWebhookEndpoint, transactions)
    add_webhook_endpoint = providers.Singleton(AddWebhookEndpoint, transactions, receiver_addresses, secret_seal, fresh)
    edit_webhook_endpoint = providers.Singleton(EditWebhookEndpoint, transactions, receiver_addresses)
    delete_webhook_endpoint = providers.Singleton(DeleteWebhookEndpoint, transactions)
    rotate_webhook_secret = providers.Singleton(RotateWebhookSecret, transactions, secret_seal, fresh)
    reseal_secrets = providers.Singleton(ResealSecrets, transactions, directory, secret_seal)
    list_endpoint_deliveries = providers.Singleton(ListEndpointDeliveries, transactions)
    list_emails = providers.Singleton(ListEmails, transactions)
    list_client_notices = providers.Singleton(ListClientNotices, transactions)
    count_failed = providers.Singleton(CountFailed, transactions, clock)
    resend_delivery = providers.Singleton(ResendDelivery, transactions)
    resend_missed = providers.Singleton(ResendMissed, transactions, fresh)

    verify_shop = providers.Singleton(VerifyShop, transactions)
    note_verdict = providers.Singleton(NoteVerdict, transactions, clock)
    digest_shop = providers.Singleton(DigestShop, transactions, clock)
    check_heads = providers.Singleton(CheckHeads, transactions)
    export_ledger = providers.Singleton(ExportLedger, transactions, clock)

    route_notices = providers.Singleton(
        RouteNotices, transactions, directory, fresh, clock, notice_log, channels=notifiers
    )
    show_outbox = providers.Singleton(ShowOutbox, transactions, directory, outbox_control)
    retry_failed = providers.Singleton(RetryFailed, transactions, directory, fresh, clock)
    resume_outbox = providers.Singleton(ResumeOutbox, transactions, directory, outbox_control, route_notices, clock)
    deliver_notices = providers.Singleton(
        DeliverNotices, transactions, directory, notifiers, fresh, clock, notice_log, jitter=providers.Object(random)
    )

    tell_owners = providers.Singleton(TellOwners, transactions, directory, mail, clock, notice_log)


@asynccontextmanager
async def running(container: Container) -> AsyncIterator[None]:
    """The container's connections, open for as long as the block lasts."""
    database, jobs = container.database(), container.jobs_database()
    await database.open()
    try:
        await jobs.open()
        try:
            yield
        finally:
            await container.webhook_notifier().close()
            if (mail := container.mail()) is not None:
                await mail.close()
            await jobs.close()
    finally:
        await database.close()
        if (tracing := container.tracing()) is not None:
            await tracing.close()
