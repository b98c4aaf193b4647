"""The whole program as one HTTP application: the staff API, the console, health and documentation."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
from litestar import Litestar, Request, Response
from litestar.di import Provide

from core.staff import Caller
from entrypoints.console.application import console_routes
from entrypoints.console.errors import error_pages, is_of_console
from entrypoints.console.services import Console
from entrypoints.http.documentation import documentation_routes
from entrypoints.http.health import health_routes
from entrypoints.http.idempotency import caller_of, replay
from entrypoints.http.openapi import openapi_document
from entrypoints.http.problems import edge_answers, problem_handler
from entrypoints.http.request_ids import EachRequest
from entrypoints.http.requests import MAX_BODY_BYTES, JsonRequest, filters_in
from entrypoints.staff_api.application import staff_api_routes
from entrypoints.staff_api.examples import ANSWER_EXAMPLES, BODY_EXAMPLES
from entrypoints.staff_api.info import INFO
from entrypoints.staff_api.refusals import REFUSALS
from entrypoints.staff_api.services import Api, CallerOf, StaffApi
from ports.transactions import AlreadyAnswered

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def create_app(api: StaffApi, console: Console, *, lifespan: Sequence[Lifespan] = ()) -> Litestar:
    """The application. ``lifespan``: what is to be open while it serves."""

    # One waits for the other, although it need not: those that wait for nobody Litestar starts as tasks of their own,
    # which takes several times as long as they do.
    def provide_api() -> StaffApi:
        return api

    async def provide_caller(request: Request[Any, Any, Any], api: Api) -> Caller:
        return await caller_of(request, api.fingerprints)

    def provide_filters(request: Request[Any, Any, Any], caller: CallerOf) -> Any:  # noqa: ARG001
        return filters_in(request)

    answers = [*REFUSALS.values(), *edge_answers()]
    problems, pages = problem_handler(REFUSALS), error_pages(console)

    def handle(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        # Also for what no route answers, which belongs to neither.
        return (pages if is_of_console(request.scope["path"]) else problems)(request, error)

    app = Litestar(
        [
            *staff_api_routes(api),
            *console_routes(console),
            *health_routes(api.ready),
            *documentation_routes(INFO.title, answers),
        ],
        dependencies={
            "api": Provide(provide_api, sync_to_thread=False),
            "caller": Provide(provide_caller),
            "filters": Provide(provide_filters, sync_to_thread=False),
        },
        exception_handlers={AlreadyAnswered: replay, Exception: handle},
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
