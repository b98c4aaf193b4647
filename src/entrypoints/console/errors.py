"""What goes wrong, as a page."""

from collections.abc import Callable
from typing import Any

from litestar import Request, Response

from core.errors import InvalidField, Unauthenticated
from entrypoints.console.refusals import REFUSALS, sentence_of
from entrypoints.console.services import Console
from entrypoints.console.sessions import HOME, to_sign_in
from entrypoints.console.visitors import visitor_of
from entrypoints.http.problems import (
    INTERNAL_ERROR,
    FieldError,
    InvalidFields,
    answer_to,
    log_what_matters,
    request_id_of,
)

_TITLES = {
    400: "This cannot be read",
    403: "You may not do this",
    404: "There is nothing here",
    405: "This does not work like that",
    409: "This is not possible now",
    413: "This is too much at once",
    415: "This cannot be read",
    422: "Something is not right",
    429: "Too many tries",
    500: "Something went wrong here",
    503: "Try again in a moment",
}
_NOTHING_HERE = "There is no such page, or what it showed belongs to another shop."


def is_of_console(path: str) -> bool:
    return path == HOME or path.startswith(f"{HOME}/")


def error_pages(console: Console) -> Callable[[Request[Any, Any, Any], Exception], Response[Any]]:
    """The handler of every exception below ``/app``."""

    def handle(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        if isinstance(error, Unauthenticated):
            return to_sign_in(request)
        answer = answer_to(REFUSALS, error)
        log_what_matters(answer, error)
        facts = {
            "title": _TITLES.get(answer.status, _TITLES[500]),
            "sentence": _sentence(answer.status, answer.sentence, error, request),
            "request_id": request_id_of(request.scope),
            "number": answer.status,
        }
        visitor = visitor_of(request)
        if visitor is None:
            page = console.pages.answer(
                request, "error.html", {"visitor": None, "said": None, **facts}, status=answer.status
            )
        else:
            page = visitor.page("error.html", status=answer.status, **facts)
        retry_after_seconds = getattr(error, "retry_after_seconds", None)
        if retry_after_seconds is not None:
            page.headers["Retry-After"] = str(retry_after_seconds)
        return page

    return handle


def _sentence(status: int, sentence: str, error: Exception, request: Request[Any, Any, Any]) -> str:
    visitor = visitor_of(request)
    if status == 404:
        return _NOTHING_HERE
    if visitor is None or status == INTERNAL_ERROR.status or not str(error) or status in {405, 413}:
        return sentence
    if request.method == "GET" and isinstance(error, InvalidFields | InvalidField):
        wrong = error.errors if isinstance(error, InvalidFields) else (FieldError(error.field, error.message),)
        return (
            f"The address of this page is not right: {', '.join(f'“{each.field}” {each.message}' for each in wrong)}."
        )
    return sentence_of(error, visitor.formats)
