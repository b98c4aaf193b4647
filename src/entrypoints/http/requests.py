"""Reads what a request carries: its JSON body and its query parameters, strictly."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from core.text import clean
from entrypoints.http.problems import FieldError, InvalidFields, MalformedRequest, UnsupportedMediaType
from entrypoints.http.validation import converted, members

T = TypeVar("T")
S = TypeVar("S", bound=Struct)

MAX_BODY_BYTES = 64 * 1024
MAX_QUERY_BYTES = 8000
"""More than any filter needs. Its text is normalised before it is judged, which takes the square of its length: 64 kB
of combining marks would hold up everybody else for seconds.
"""
MULTILINE_FIELDS = frozenset({"note"})
SECRET_FIELDS = frozenset({"password"})
"""Taken as they come: trimming or normalising one would make another of it."""


class _Float:
    """A number that was not written as an integer. It fits no field: ``1.0`` and ``1e2`` are refused."""

    def __init__(self, text: str) -> None:
        pass


_Float.__name__ = "float"  # as what msgspec's messages shall name it
_decoder = msgspec.json.Decoder(float_hook=_Float)


class NoFields(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing: ``{}``, or no body at all."""


class JsonRequest(Request[None, Any, Any]):
    """A request whose JSON body is converted to the type that its handler takes as ``data``."""

    async def json(self) -> Any:
        field = self.route_handler.parsed_data_field
        return await _read_body(self, object if field is None else field.annotation)

    async def body(self) -> bytes:
        """Raises MalformedRequest: the client was gone before it had sent all of it."""
        try:
            return await super().body()
        except InternalServerException:
            if not self.is_connected:  # somebody here has read it already
                raise
            raise MalformedRequest("The body broke off.") from None


async def check_body(request: Request[Any, Any, Any]) -> None:
    """Refuse a body where there must be none, and none where there must be one."""
    takes = request.route_handler.parsed_data_field
    if takes is None and request.method == "POST":
        if await request.body():
            await _read_body(request, NoFields)
    elif takes is not None and not await request.body():
        raise MalformedRequest("The body is empty. It must be a JSON object.")


async def _read_body(request: Request[Any, Any, Any], type_: type[T]) -> T:
    if request.content_type[0].lower() != "application/json":
        raise UnsupportedMediaType
    return read_json(await request.body(), type_)


def read_json(body: bytes, type_: type[T]) -> T:
    """The body as that type, its text trimmed and in NFC.

    Blanks at the ends do not count for the limits. Everything else is judged as sent as well as kept: a control
    character at an end is refused, although trimming would take it away.

    Raises:
        MalformedRequest, InvalidFields.
    """
    try:
        return tidied(_decoder.decode(body), type_)
    except RecursionError:
        raise MalformedRequest("The body is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise MalformedRequest("The body is not JSON in UTF-8.") from None


def tidied(sent: Any, type_: type[T]) -> T:
    """What was sent as that type, see :func:`read_json`. Raises InvalidFields."""
    as_sent = converted(_with_text(sent, _without_blanks), type_)
    kept = _with_text(sent, lambda _, text: clean(text))
    return as_sent if kept == sent else converted(kept, type_)


def _without_blanks(name: str, text: str) -> str:
    return text.strip(" \t\n" if name in MULTILINE_FIELDS else " ")


def _with_text(value: Any, change: Callable[[str, str], str], name: str = "") -> Any:
    """The value with each text changed; ``change`` gets the name of its field too."""
    if isinstance(value, str):
        return value if name in SECRET_FIELDS else change(name, value)
    if isinstance(value, list):
        return [_with_text(item, change, name) for item in value]
    if isinstance(value, dict):
        return {field: _with_text(item, change, field) for field, item in value.items()}
    return value


class NoParameters(Struct, frozen=True, forbid_unknown_fields=True):
    """A query without parameters."""


def refuse_unknown_parameters(request: Request[Any, Any, Any]) -> None:
    """Where a handler takes no filters, any query parameter is one too many."""
    query = request.scope["query_string"]
    if query and "filters" not in request.route_handler.parsed_fn_signature.parameters:
        read_query(query, NoParameters)


def filters_of(handler: BaseRouteHandler) -> type[Struct] | None:
    """The type of a handler's query parameters: of its dependency ``filters``."""
    taken = handler.parsed_fn_signature.parameters.get("filters")
    return None if taken is None else taken.annotation


def filters_in(request: Request[Any, Any, Any]) -> Any:
    """The query, read as the type that the handler takes it as."""
    type_ = filters_of(request.route_handler)
    if type_ is None:
        raise TypeError("a handler without filters asked for them")
    return read_query(request.scope["query_string"], type_)


def read_query(query: bytes, type_: type[S]) -> S:
    """Raises MalformedRequest, InvalidFields."""
    if not query:
        return _of_no_query(type_)  # type: ignore[no-any-return]  # of that type: a cache forgets what it is a cache of
    if len(query) > MAX_QUERY_BYTES:
        raise MalformedRequest("The query string is too long.")
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except (UnicodeDecodeError, ValueError):
        raise MalformedRequest("The query string cannot be read.") from None
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise InvalidFields((FieldError(name[:100], "must be given once"),))
    kinds = _kinds(type_)
    sent, kept = (
        {name: from_text(trimmed(text), kinds.get(name, frozenset())) for name, text in pairs}
        for trimmed in (partial(_without_blanks, ""), clean)
    )
    as_sent = converted(sent, type_)
    return as_sent if kept == sent else converted(kept, type_)


@cache
def _of_no_query(type_: type[Struct]) -> Any:
    """Read once: it is the same each time, and nobody can change it."""
    return converted({}, type_)


@cache
def _kinds(type_: type[Struct]) -> dict[str, frozenset[Any]]:
    return {field.encode_name: frozenset(members(field.type)) for field in msgspec.structs.fields(type_)}


def from_text(text: str, kinds: frozenset[Any]) -> Any:
    """What stands for a whole number, or for true or false, in a field of these kinds. What cannot be read as the type
    that it should have stays text, which is then refused.
    """
    if int in kinds and text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    if bool in kinds and text in {"true", "false"}:
        return text == "true"
    return text
