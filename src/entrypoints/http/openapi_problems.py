"""Problems in the OpenAPI document: one schema for all, and for each status of an operation the codes it can carry."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, get_type_hints

from entrypoints.http.openapi_schemas import SchemaBook
from entrypoints.http.problems import (
    PROBLEM_MEDIA_TYPE,
    PROBLEM_PATH,
    Answer,
    FieldError,
    InvalidFields,
    ProblemTable,
    fact_names,
)

_RETRY_AFTER = {"description": "In how many seconds to try again.", "schema": {"type": "integer", "minimum": 0}}
_WITH_RETRY_AFTER = frozenset({429, 503})
_UNAUTHENTICATED = 401


def problem_schema(book: SchemaBook, table: ProblemTable) -> dict[str, Any]:
    """What every problem has, and the facts that one or another carries beside it."""
    facts: dict[str, Any] = {}
    for kind, answer in table.items():
        if answer.code == InvalidFields.answer.code:
            continue
        hints = get_type_hints(kind)
        for name in fact_names(kind):
            facts[name] = {**book.inline_schema(hints[name]), "description": f"With `{answer.code}`."}
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "What went wrong (RFC 9457). `code` is stable; `detail` is a sentence for a person.",
        "properties": {
            "type": {**text, "description": "An address that says more about the code."},
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "code": text,
            "request_id": text,
            "errors": {
                "type": "array",
                "items": book.inline_schema(FieldError),
                "description": f"With `{InvalidFields.answer.code}`: every field that is not valid.",
            },
            **facts,
        },
        "required": ["type", "title", "status", "detail", "code", "request_id"],
    }


class ProblemBook:
    """The responses with problems: those with the same codes stand in the document once."""

    def __init__(self, *, headers: dict[str, Any]) -> None:
        """``headers``: of every answer."""
        self._headers = headers
        self.components: dict[str, Any] = {}

    def responses(self, answers: Sequence[Answer]) -> dict[str, Any]:
        """By status. ``answers``: in the order of statuses."""
        return {
            str(status): self._reference(status, list(group))
            for status, group in groupby(answers, key=lambda answer: answer.status)
        }

    def _reference(self, status: int, group: Sequence[Answer]) -> dict[str, Any]:
        name = f"{status}." + ".".join(answer.code for answer in group)
        if name not in self.components:
            self.components[name] = self._response(status, group)
        return {"$ref": f"#/components/responses/{name}"}

    def _response(self, status: int, group: Sequence[Answer]) -> dict[str, Any]:
        headers = dict(self._headers)
        if status in _WITH_RETRY_AFTER:
            headers["Retry-After"] = _RETRY_AFTER
        if status == _UNAUTHENTICATED:
            headers["WWW-Authenticate"] = {"schema": {"type": "string"}}
        return {
            "description": "\n".join(f"- `{answer.code}`: {answer.sentence}" for answer in group),
            "headers": headers,
            "content": {PROBLEM_MEDIA_TYPE: {"schema": _schema(status, group), "examples": _examples(group)}},
        }


def _schema(status: int, group: Sequence[Answer]) -> dict[str, Any]:
    codes = [answer.code for answer in group]
    return {
        "allOf": [{"$ref": "#/components/schemas/Problem"}],
        "properties": {"status": {"const": status}, "code": {"enum": codes}},
    }


def _examples(group: Sequence[Answer]) -> dict[str, Any]:
    return {answer.code: {"value": _example(answer)} for answer in group}


def _example(answer: Answer) -> dict[str, Any]:
    example: dict[str, Any] = {
        "type": PROBLEM_PATH + answer.code,
        "title": answer.title,
        "status": answer.status,
        "detail": answer.sentence,
        "code": answer.code,
        "request_id": "1f0c9a52-7b1e-4a55-9d0e-3f6f2f6f7a10",
    }
    if answer.code == InvalidFields.answer.code:
        example["errors"] = [{"field": "amount", "message": "must be at least 1"}]
    return example
