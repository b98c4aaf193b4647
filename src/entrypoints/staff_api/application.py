"""The staff API as an application: its routes, and what stands around them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

import msgspec
from litestar import Litestar, Router
from litestar.di import Provide

from entrypoints.http.allowed_methods import options_routes
from entrypoints.http.authentication import require_credential
from entrypoints.http.documentation import documentation_routes
from entrypoints.http.health import health_routes
from entrypoints.http.idempotency import provide_caller, replay
from entrypoints.http.openapi import openapi_document
from entrypoints.http.problems import edge_answers, problem_handler
from entrypoints.http.request_ids import EachRequest
from entrypoints.http.requests import (
    MAX_BODY_BYTES,
    JsonRequest,
    check_body,
    provide_filters,
    refuse_unknown_parameters,
)
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
)
from entrypoints.staff_api.examples import ANSWER_EXAMPLES, BODY_EXAMPLES
from entrypoints.staff_api.info import INFO
from entrypoints.staff_api.refusals import REFUSALS
from entrypoints.staff_api.services import StaffApi
from ports.transactions import AlreadyAnswered

PREFIX = "/v1"
_RESOURCES = (shop, staff, api_keys, clients, invoices, payments, bulk_payments, credit, reports)

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


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


def create_app(api: StaffApi, *, lifespan: Sequence[Lifespan] = ()) -> Litestar:
    """The application. ``lifespan``: what is to be open while it serves."""

    def provide_api() -> StaffApi:
        return api

    answers = [*REFUSALS.values(), *edge_answers()]
    app = Litestar(
        [*staff_api_routes(api), *health_routes(api.ready), *documentation_routes(INFO.title, answers)],
        dependencies={
            "api": Provide(provide_api, sync_to_thread=False),
            "caller": Provide(provide_caller(api.fingerprints)),
            "filters": Provide(provide_filters, sync_to_thread=False),
        },
        exception_handlers={AlreadyAnswered: replay, Exception: problem_handler(REFUSALS)},
        request_class=JsonRequest,
        request_max_body_size=MAX_BODY_BYTES,
        lifespan=list(lifespan),
        # The document and the log are our own.
        openapi_config=None,
        logging_config=None,
    )
    app.state.openapi = msgspec.json.encode(
        openapi_document(app, INFO, REFUSALS, body_examples=BODY_EXAMPLES, answer_examples=ANSWER_EXAMPLES)
    )
    app.asgi_handler = EachRequest(app.asgi_handler)
    return app
