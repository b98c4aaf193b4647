"""Wires the ways in over HTTP: what the handlers of the staff API and the console are given.

Apart from :mod:`entrypoints.container`, so that commands and the worker start without a web framework.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from dependency_injector import containers, providers
from litestar import Litestar

from adapters.security.keys import SecretKeys
from entrypoints.application import Lifespan, create_app
from entrypoints.console.assets import Assets
from entrypoints.console.cookies import Cookies
from entrypoints.console.documents import Documents
from entrypoints.console.pages import Pages
from entrypoints.console.services import Console
from entrypoints.console.tokens import ConsoleTokens
from entrypoints.container import Container, running
from entrypoints.http.cursors import Cursors
from entrypoints.http.idempotency import Fingerprints
from entrypoints.staff_api.services import StaffApi

T = TypeVar("T")


def _made_of_keys(make: Callable[[Sequence[bytes]], T], keys: SecretKeys, purpose: str) -> T:
    return make(list(keys.derive(purpose).values()))


class WebContainer(containers.DeclarativeContainer):
    """``program``: the :class:`Container` whose use cases are called."""

    program = providers.DependenciesContainer()

    cursors = providers.Singleton(_made_of_keys, Cursors, program.keys, "cursors")
    fingerprints = providers.Singleton(_made_of_keys, Fingerprints, program.keys, "idempotency-fingerprints")
    staff_api = providers.Singleton(
        StaffApi,
        credential_reader=program.credential_reader,
        cursors=cursors,
        fingerprints=fingerprints,
        ready=program.readiness,
        sign_in=program.sign_in,
        refresh=program.refresh,
        sign_out=program.sign_out,
        show_me=program.show_me,
        show_shop=program.show_shop,
        edit_shop=program.edit_shop,
        list_staff=program.list_staff,
        add_staff_member=program.add_staff_member,
        edit_staff_member=program.edit_staff_member,
        list_api_keys=program.list_api_keys,
        add_api_key=program.add_api_key,
        delete_api_key=program.delete_api_key,
        show_client=program.show_client,
        list_clients=program.list_clients,
        add_client=program.add_client,
        edit_client=program.edit_client,
        delete_client=program.delete_client,
        restore_client=program.restore_client,
        show_invoice=program.show_invoice,
        list_invoices=program.list_invoices,
        add_invoice=program.add_invoice,
        edit_invoice=program.edit_invoice,
        void_invoice=program.void_invoice,
        show_payment_options=program.show_payment_options,
        show_payment=program.show_payment,
        list_payments=program.list_payments,
        record_payment=program.record_payment,
        edit_payment=program.edit_payment,
        delete_payment=program.delete_payment,
        record_bulk_payment=program.record_bulk_payment,
        delete_bulk_payment=program.delete_bulk_payment,
        capture_overpayment=program.capture_overpayment,
        show_credit_tab=program.show_credit_tab,
        list_entries=program.list_entries,
        export_entries=program.export_entries,
        show_entry=program.show_entry,
        add_credit=program.add_credit,
        void_entry=program.void_entry,
        report_collected=program.report_collected,
        report_credit=program.report_credit,
        list_webhook_endpoints=program.list_webhook_endpoints,
        show_webhook_endpoint=program.show_webhook_endpoint,
        add_webhook_endpoint=program.add_webhook_endpoint,
        edit_webhook_endpoint=program.edit_webhook_endpoint,
        delete_webhook_endpoint=program.delete_webhook_endpoint,
        rotate_webhook_secret=program.rotate_webhook_secret,
        list_endpoint_deliveries=program.list_endpoint_deliveries,
        list_client_notices=program.list_client_notices,
        resend_delivery=program.resend_delivery,
        resend_missed=program.resend_missed,
    )

    pages = providers.Singleton(Pages, providers.Singleton(Assets))
    console_tokens = providers.Singleton(_made_of_keys, ConsoleTokens, program.keys, "console")
    console = providers.Singleton(
        Console,
        pages=pages,
        cookies=providers.Singleton(Cookies, secure=program.settings.provided.secure_cookies),
        tokens=console_tokens,
        cursors=cursors,
        fingerprints=fingerprints,
        clock=program.clock,
        documents=providers.Singleton(Documents),
        begin_session=program.begin_console_session,
        continue_session=program.continue_console_session,
        end_session=program.end_console_session,
        edit_shop=program.edit_shop,
        list_staff=program.list_staff,
        show_staff_member=program.show_staff_member,
        add_staff_member=program.add_staff_member,
        edit_staff_member=program.edit_staff_member,
        list_api_keys=program.list_api_keys,
        show_api_key=program.show_api_key,
        add_api_key=program.add_api_key,
        delete_api_key=program.delete_api_key,
        show_client=program.show_client,
        list_clients=program.list_clients,
        name_clients=program.name_clients,
        add_client=program.add_client,
        edit_client=program.edit_client,
        delete_client=program.delete_client,
        restore_client=program.restore_client,
        show_invoice=program.show_invoice,
        list_invoices=program.list_invoices,
        add_invoice=program.add_invoice,
        edit_invoice=program.edit_invoice,
        void_invoice=program.void_invoice,
        show_payment_options=program.show_payment_options,
        show_payment=program.show_payment,
        list_payments=program.list_payments,
        record_payment=program.record_payment,
        edit_payment=program.edit_payment,
        delete_payment=program.delete_payment,
        record_bulk_payment=program.record_bulk_payment,
        delete_bulk_payment=program.delete_bulk_payment,
        capture_overpayment=program.capture_overpayment,
        show_client_ledger=program.show_client_ledger,
        show_explained_ledger=program.show_explained_ledger,
        export_entries=program.export_entries,
        list_entries=program.list_entries,
        show_entry=program.show_entry,
        add_credit=program.add_credit,
        void_entry=program.void_entry,
        explain_balance=program.explain_balance,
        show_statement=program.show_statement,
        list_client_notices=program.list_client_notices,
        list_webhook_endpoints=program.list_webhook_endpoints,
        show_webhook_endpoint=program.show_webhook_endpoint,
        add_webhook_endpoint=program.add_webhook_endpoint,
        edit_webhook_endpoint=program.edit_webhook_endpoint,
        delete_webhook_endpoint=program.delete_webhook_endpoint,
        rotate_webhook_secret=program.rotate_webhook_secret,
        list_endpoint_deliveries=program.list_endpoint_deliveries,
        list_emails=program.list_emails,
        count_failed=program.count_failed,
        resend_delivery=program.resend_delivery,
        resend_missed=program.resend_missed,
        preview_add=program.preview_add,
        preview_void=program.preview_void,
        preview_payment=program.preview_payment,
        preview_delete_payment=program.preview_delete_payment,
        preview_delete_bulk_payment=program.preview_delete_bulk_payment,
        report_collected=program.report_collected,
        list_collected=program.list_collected,
        report_credit_by_client=program.report_credit_by_client,
    )


def web_app(program: Container, *, lifespan: Sequence[Lifespan] = ()) -> Litestar:
    """The staff API and the console as an ASGI application on connections that somebody else opens."""
    web = WebContainer(program=program)
    return create_app(web.staff_api(), web.console(), lifespan=lifespan)


def staff_api_app(program: Container) -> Litestar:
    """The same, with a lifespan that opens and closes the program's connections."""

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        async with running(program):
            yield

    return web_app(program, lifespan=[lifespan])
