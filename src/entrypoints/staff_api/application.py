"""The routes of the staff API, and what stands around them."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request, Router

from entrypoints.http.allowed_methods import options_routes
from entrypoints.http.authentication import CredentialReader, require_credential
from entrypoints.http.requests import check_body, refuse_unknown_parameters
from entrypoints.staff_api import (
    api_keys,
    auth,
    bulk_payments,
    clients,
    credit,
    invoices,
    payments,
    reports,
    shop,
    staff,
    webhooks,
)
from entrypoints.staff_api.services import StaffApi

PREFIX = "/v1"
_RESOURCES = (shop, staff, api_keys, clients, invoices, payments, bulk_payments, credit, reports, webhooks)


def staff_api_routes(api: StaffApi) -> list[Router]:
    """Everything below ``/v1``."""
    resource_routes = [route for resource in _RESOURCES for route in resource.routes]
    return [
        Router(
            PREFIX,
            route_handlers=[*options_routes(auth.routes), *auth.routes],
            before_request=_check,
        ),
        Router(
            PREFIX,
            route_handlers=[*options_routes(resource_routes), *resource_routes],
            before_request=_check_of(api.credential_reader),
        ),
    ]


# Before the handler, and not as guards: Litestar copies the whole handler for each guard and each request.


async def _check(request: Request[Any, Any, Any]) -> None:
    refuse_unknown_parameters(request)
    await check_body(request)


def _check_of(reader: CredentialReader) -> Callable[[Request[Any, Any, Any]], Awaitable[None]]:
    async def check(request: Request[Any, Any, Any]) -> None:
        require_credential(request.scope, reader)
        await _check(request)

    return check
