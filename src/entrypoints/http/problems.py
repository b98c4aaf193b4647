"""One shape for everything that goes wrong: RFC 9457 problems with a stable ``code`` and the facts of the refusal."""

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from msgspec import Struct

from core.errors import InvalidField, PermissionDenied
from entrypoints import metrics
from ports.transactions import DatabaseTrouble

PROBLEM_MEDIA_TYPE = "application/problem+json"
PROBLEM_PATH = "/docs/problems/"

_log = structlog.stdlib.get_logger()


class Answer(Struct, frozen=True):
    """How an API answers one kind of error. ``sentence`` is what ``detail`` says unless the error says it itself."""

    status: int
    code: str
    sentence: str

    @property
    def title(self) -> str:
        return self.code.replace("_", " ").capitalize()


ProblemTable = Mapping[type[Exception], Answer]


class FieldError(Struct, frozen=True):
    """What is wrong with one field; ``field`` is its path, such as ``lines[0].quantity``."""

    field: str
    message: str


class UnreadableRequest(Exception):
    """The request was refused before any rule of the shop was asked."""

    answer: ClassVar[Answer]

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or self.answer.sentence)


class MalformedRequest(UnreadableRequest):
    answer = Answer(400, "malformed_request", "The request cannot be read.")


class IdempotencyKeyRequired(UnreadableRequest):
    answer = Answer(400, "idempotency_key_required", "This request needs an Idempotency-Key header.")


class IdempotencyKeyInvalid(UnreadableRequest):
    answer = Answer(
        400, "idempotency_key_invalid", "The Idempotency-Key header must have 1 to 255 visible ASCII characters."
    )


class InvalidCursor(UnreadableRequest):
    answer = Answer(400, "invalid_cursor", "This cursor is not one of this list with these filters.")


class UnsupportedMediaType(UnreadableRequest):
    answer = Answer(415, "unsupported_media_type", "The body must be sent as application/json.")


class InvalidFields(UnreadableRequest):
    answer = Answer(422, "validation_failed", "Something in the request is not valid.")

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__()
        self.errors = errors


INTERNAL_ERROR = Answer(500, "internal_error", "Something went wrong here. It is not the request's fault.")

_BY_STATUS = {
    answer.status: answer
    for answer in (
        MalformedRequest.answer,
        Answer(404, "not_found", "There is nothing at this address."),
        Answer(405, "method_not_allowed", "This address does not take this method."),
        Answer(413, "payload_too_large", "The body is larger than 64 kB."),
        UnsupportedMediaType.answer,
    )
}
"""How the framework's own errors are answered."""

PAYLOAD_TOO_LARGE = _BY_STATUS[413]
METHOD_NOT_ALLOWED = _BY_STATUS[405]


def edge_answers() -> Iterator[Answer]:
    """All answers that are not in a table of refusals, but for those that one way in alone gives."""
    ours = [kind for kind in UnreadableRequest.__subclasses__() if kind.__module__.startswith("entrypoints.http.")]
    yield from (kind.answer for kind in ours)
    yield from (METHOD_NOT_ALLOWED, PAYLOAD_TOO_LARGE, INTERNAL_ERROR)


def request_id_of(scope: Mapping[str, Any]) -> str:
    return str(scope["state"].get("request_id", ""))


def problem_handler(table: ProblemTable) -> Callable[[Request[Any, Any, Any], Exception], Response[bytes]]:
    """The handler of every exception of an API whose refusals are answered as in ``table``."""

    def handle(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        answer = answer_to(table, error)
        log_what_matters(answer, error)
        return problem_response(answer, error, request_id=request_id_of(request.scope))

    return handle


def log_what_matters(answer: Answer, error: Exception) -> None:
    """What whoever runs the program wants to know of; most of what is refused is only counted."""
    metrics.refused(answer.code)
    if answer is INTERNAL_ERROR:
        _log.error("unexpected_error", exc_info=error)
    elif isinstance(error, PermissionDenied):
        _log.warning("permission_denied", permission=error.permission)
    elif isinstance(error, DatabaseTrouble):
        _log.warning(answer.code, cause=type(error.__cause__).__name__)


def problem_response(answer: Answer, error: Exception, *, request_id: str) -> Response[bytes]:
    says_it = not isinstance(error, HTTPException) and answer is not INTERNAL_ERROR and str(error)
    body: dict[str, Any] = {
        "type": PROBLEM_PATH + answer.code,
        "title": answer.title,
        "status": answer.status,
        "detail": str(error) if says_it else answer.sentence,
        "code": answer.code,
        "request_id": request_id,
        **_facts(error),
    }
    return Response(
        msgspec.json.encode(body),
        status_code=answer.status,
        media_type=PROBLEM_MEDIA_TYPE,
        headers=_headers(answer, error),
    )


def answer_to(table: ProblemTable, error: Exception) -> Answer:
    """How an error is answered where refusals are answered as in ``table``."""
    if isinstance(error, UnreadableRequest):
        return error.answer
    if isinstance(error, HTTPException):
        return _BY_STATUS.get(error.status_code, INTERNAL_ERROR)
    return next((table[kind] for kind in type(error).__mro__ if kind in table), INTERNAL_ERROR)


def _facts(error: Exception) -> dict[str, Any]:
    if isinstance(error, InvalidFields):
        return {"errors": error.errors}
    if isinstance(error, InvalidField):
        return {"errors": [FieldError(error.field, error.message)]}
    return {name: getattr(error, name) for name in fact_names(type(error))}


def fact_names(kind: type[Exception]) -> tuple[str, ...]:
    """The facts that errors of that kind carry: the fields of those that are dataclasses."""
    return tuple(getattr(kind, "__dataclass_fields__", ()))


def _headers(answer: Answer, error: Exception) -> dict[str, str]:
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    retry_after_seconds = getattr(error, "retry_after_seconds", None)
    if retry_after_seconds is not None:
        headers["Retry-After"] = str(retry_after_seconds)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return headers
