"""The routes of the staff API, and what stands around them."""

from litestar import Router

from entrypoints.http.allowed_methods import options_routes
from entrypoints.http.authentication import require_credential
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
            guards=[refuse_unknown_parameters],
            before_request=check_body,
        ),
        Router(
            PREFIX,
            route_handlers=[*options_routes(resource_routes), *resource_routes],
            guards=[require_credential(api.credential_reader), refuse_unknown_parameters],
            before_request=check_body,
        ),
    ]
