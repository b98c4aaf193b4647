"""The routes of the console, and what stands around them."""

from typing import Any

from litestar import Response, Router, get
from litestar.di import Provide

from entrypoints.console import (
    bulk_payments,
    client,
    clients,
    credit,
    form_addresses,
    invoices,
    notices,
    payments,
    reports,
    settings,
    sign_in,
    statements,
)
from entrypoints.console.addresses import CLIENTS
from entrypoints.console.assets import asset_routes
from entrypoints.console.errors import error_pages
from entrypoints.console.pages import redirection
from entrypoints.console.services import Console
from entrypoints.console.sessions import HOME, provide_form, provide_visitor, receive_form, require_session
from entrypoints.http.allowed_methods import options_routes
from ports.transactions import AlreadyAnswered

_PAGES = (
    *(sign_in, clients, client, credit, invoices, payments, bulk_payments, statements, notices),
    *(reports, settings, form_addresses),
)
"""The modules of pages; each has its ``routes``."""


@get("/")
async def home() -> Response[Any]:
    """The first page."""
    return redirection(CLIENTS)


def console_routes(console: Console) -> list[Router]:
    """Everything below ``/app``."""

    def provide_console() -> Console:
        return console

    of_nobody = [*sign_in.open_routes, *asset_routes(console.pages.assets)]
    of_visitors = [home, *(route for page in _PAGES for route in page.routes)]
    pages = error_pages(console)
    around: dict[str, Any] = {
        "dependencies": {"console": Provide(provide_console, sync_to_thread=False)},
        # Named too, since the staff API's own handler of it would otherwise be nearer to it.
        "exception_handlers": {AlreadyAnswered: pages, Exception: pages},
    }
    return [
        Router(HOME, route_handlers=[*options_routes(of_nobody), *of_nobody], **around),
        Router(
            HOME,
            route_handlers=[*options_routes(of_visitors), *of_visitors],
            guards=[require_session(console)],
            before_request=receive_form(console),
            **{
                **around,
                "dependencies": {
                    **around["dependencies"],
                    "visitor": Provide(provide_visitor, sync_to_thread=False),
                    "form": Provide(provide_form, sync_to_thread=False),
                },
            },
        ),
    ]
