"""The OpenAPI 3.1 document, made from the routes themselves.

Schemas come from msgspec, which also converts and encodes, so that the document says exactly what is enforced. A
handler adds what its signature does not say: ``refuses`` (kinds of errors), ``key_required``, ``media_type``.
"""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from inspect import cleandoc
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from litestar.routes import HTTPRoute
from msgspec import Struct

from core.errors import IdempotencyKeyReused, NotFound, Unauthenticated
from entrypoints.http import problems
from entrypoints.http.cursors import ListFilters
from entrypoints.http.idempotency import HEADER, KEY_PATTERN, REPLAYED_HEADER, requires_key, takes_key
from entrypoints.http.openapi_problems import ProblemBook, problem_schema
from entrypoints.http.openapi_schemas import SchemaBook
from entrypoints.http.openapi_webhooks import WebhookDescription, webhooks_object
from entrypoints.http.problems import Answer, ProblemTable
from entrypoints.http.requests import NoFields, filters_of
from ports.transactions import Busy, IdempotencyKeyInUse, Unavailable

Document = dict[str, Any]

BEARER = "bearer"
_REQUEST_ID = "X-Request-Id"


class ApiInfo(Struct, frozen=True, kw_only=True):
    """What the document says about the API as a whole."""

    title: str
    version: str
    description: str
    tags: Sequence[tuple[str, str]]
    webhooks: Sequence[WebhookDescription]
    webhooks_tag: str


def openapi_document(
    app: Litestar,
    info: ApiInfo,
    table: ProblemTable,
    *,
    body_examples: Mapping[Any, Mapping[str, Any]],
    answer_examples: Mapping[Any, Any],
) -> Document:
    """``body_examples``: by type and name; ``answer_examples``: by the type that a handler returns."""
    operations = list(_documented(app))
    types = [*_types_of(operations), *(webhook.type_ for webhook in info.webhooks)]
    book = SchemaBook(iter(types), answer_examples)
    paths: dict[str, Document] = {}
    problem_book = ProblemBook(headers={_REQUEST_ID: _request_id_header()})
    writer = _OperationWriter(book, problem_book, table, body_examples)
    for path, method, handler in operations:
        paths.setdefault(path, {})[method.lower()] = writer.operation(path, method, handler)
    return {
        "openapi": "3.1.0",
        "info": {"title": info.title, "version": info.version, "description": info.description},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": description} for name, description in info.tags],
        "paths": paths,
        "webhooks": webhooks_object(info.webhooks, book, info.webhooks_tag),
        "components": {
            "responses": problem_book.components,
            "schemas": {**book.components, "Problem": problem_schema(book, table)},
            "securitySchemes": {
                BEARER: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An access token from signing in, or an API key of the shop.",
                }
            },
        },
    }


def _documented(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            if "refuses" in handler.opt:
                yield route.path_format, method, handler


def _types_of(operations: Sequence[tuple[str, str, HTTPRouteHandler]]) -> Iterator[Any]:
    yield NoFields
    for _, _, handler in operations:
        if handler.parsed_data_field is not None:
            yield handler.parsed_data_field.annotation
        returned = handler.parsed_fn_signature.return_type.annotation
        if returned not in {type(None), Stream}:
            yield returned


class _OperationWriter:
    def __init__(
        self,
        book: SchemaBook,
        problem_book: ProblemBook,
        table: ProblemTable,
        body_examples: Mapping[Any, Mapping[str, Any]],
    ) -> None:
        self._book = book
        self._problems = problem_book
        self._table = table
        self._body_examples = body_examples

    def operation(self, path: str, method: str, handler: HTTPRouteHandler) -> Document:
        written: Document = {
            "operationId": handler.fn.__name__,
            "tags": list(handler.tags or ()),
            "summary": handler.summary,
            "description": cleandoc(handler.fn.__doc__ or ""),
            "parameters": [*self._parameters(path, method, handler)],
            "security": [{BEARER: []}] if _is_guarded(handler) else [],
        }
        body = self._request_body(method, handler)
        if body is not None:
            written["requestBody"] = body
        answers = _answers(path, method, handler, self._table)
        written["responses"] = {**self._success(method, handler), **self._problems.responses(answers)}
        return written

    def _parameters(self, path: str, method: str, handler: HTTPRouteHandler) -> Iterator[Document]:
        for name in _path_parameters(path):
            yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
        filters = filters_of(handler)
        if filters is not None:
            yield from self._book.query_parameters(filters)
        if takes_key(handler, method):
            yield {
                "name": HEADER,
                "in": "header",
                "required": requires_key(handler),
                "description": "A new one for each new request. The same request again under the same key is not done "
                "again: it gets the first answer.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": KEY_PATTERN},
            }
        yield {
            "name": _REQUEST_ID,
            "in": "header",
            "required": False,
            "description": "Is taken over if it has 1 to 64 letters, digits, dots, dashes and underscores; else one "
            "is made.",
            "schema": {"type": "string"},
        }

    def _request_body(self, method: str, handler: HTTPRouteHandler) -> Document | None:
        field = handler.parsed_data_field
        if field is None and method != "POST":
            return None
        type_ = NoFields if field is None else field.annotation
        media: Document = {"schema": self._book.schema(type_)}
        examples = self._body_examples.get(type_)
        if examples:
            media["examples"] = {name: {"value": value} for name, value in examples.items()}
        return {"required": field is not None, "content": {"application/json": media}}

    def _success(self, method: str, handler: HTTPRouteHandler) -> Document:
        headers = {_REQUEST_ID: _request_id_header()}
        if takes_key(handler, method):
            headers[REPLAYED_HEADER] = {
                "description": "Present when this is the first answer again.",
                "schema": {"type": "string", "const": "true"},
            }
        status = HTTPStatus(handler.status_code)
        response: Document = {"description": status.phrase, "headers": headers}
        returned = handler.parsed_fn_signature.return_type.annotation
        if returned is Stream:
            response["content"] = {str(handler.media_type): {"schema": {"type": "string"}}}
        elif returned is not type(None):
            media: Document = {"schema": self._book.schema(returned)}
            example = self._book.example(returned)
            if example is not None:
                media["example"] = example
            response["content"] = {"application/json": media}
        return {str(status.value): response}


def _path_parameters(path: str) -> Iterator[str]:
    yield from (part[1:-1] for part in path.split("/") if part.startswith("{"))


def _is_guarded(handler: HTTPRouteHandler) -> bool:
    return "caller" in handler.parsed_fn_signature.parameters


def _request_id_header() -> Document:
    return {"description": "The request's id, as in the log.", "schema": {"type": "string"}}


def _answers(path: str, method: str, handler: HTTPRouteHandler, table: ProblemTable) -> list[Answer]:
    """Everything that can go wrong with an operation, each once, in the order of statuses."""
    kinds: list[type[Exception]] = list(handler.opt["refuses"])
    answers = [problems.INTERNAL_ERROR]
    if path.startswith("/v1"):
        kinds += [Unavailable, Busy]
        answers += [problems.MalformedRequest.answer, problems.InvalidFields.answer]
    if _is_guarded(handler):
        kinds.append(Unauthenticated)
    if "{" in path:
        kinds.append(NotFound)
    if takes_key(handler, method):
        kinds += [IdempotencyKeyReused, IdempotencyKeyInUse]
        answers += [problems.IdempotencyKeyInvalid.answer, problems.PAYLOAD_TOO_LARGE]
    if requires_key(handler):
        answers.append(problems.IdempotencyKeyRequired.answer)
    if handler.parsed_data_field is not None or method == "POST":
        answers += [problems.UnsupportedMediaType.answer, problems.PAYLOAD_TOO_LARGE]
    filters = filters_of(handler)
    if filters is not None and issubclass(filters, ListFilters):
        answers.append(problems.InvalidCursor.answer)
    answers += [table[kind] for kind in kinds]
    by_code = {answer.code: answer for answer in answers}
    return sorted(by_code.values(), key=lambda answer: answer.status)
