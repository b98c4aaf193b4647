"""From plain JSON values to the types that handlers take, with a clear sentence for every field that does not fit."""

import re
from collections.abc import Iterator
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from entrypoints.http.problems import FieldError, InvalidFields

T = TypeVar("T")

_LONGEST_FIELD_NAME = 100
"""Of a field that does not exist, in an answer."""

_NAMES = {
    "int": "a whole number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "date": "a date, such as 2026-01-31",
    "uuid": "an id",
}
_NOT_ANOTHER_TYPE = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_TOO_SMALL = re.compile(r"Expected `\w+` >= (-?\d+)")
_TOO_LARGE = re.compile(r"Expected `\w+` <= (-?\d+)")
_TOO_SHORT = re.compile(r"Expected `(\w+)` of length >= (\d+)")
_TOO_LONG = re.compile(r"Expected `(\w+)` of length <= (\d+)")


def converted(value: Any, type_: type[T]) -> T:
    """The value as that type, or all that keeps it from being one.

    Raises:
        InvalidFields.
    """
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError:
        # Slower, one field at a time: the first error alone would send people round in circles.
        raise InvalidFields(tuple(_errors(value, type_, ""))) from None


def _errors(value: Any, type_: Any, path: str) -> Iterator[FieldError]:
    struct = struct_in(type_)
    if struct is not None and isinstance(value, dict):
        yield from _errors_of_fields(value, struct, path)
        return
    item = item_struct_in(type_)
    if item is not None and isinstance(value, list | tuple):
        errors = [error for place, each in enumerate(value) for error in _errors(each, item, f"{path}[{place}]")]
        if errors:
            yield from errors
            return
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        yield FieldError(path or "body", _sentence(str(error), type_))


def _errors_of_fields(value: dict[str, Any], struct: type[Struct], path: str) -> Iterator[FieldError]:
    prefix = f"{path}." if path else ""
    known = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    for name, field in known.items():
        if name in value:
            yield from _errors(value[name], field.type, prefix + name)
        elif field.required:
            yield FieldError(prefix + name, "is required")
    for name in value:
        if name not in known:
            yield FieldError(prefix + name[:_LONGEST_FIELD_NAME], "is not known here")


def _sentence(message: str, type_: Any) -> str:  # noqa: PLR0911  # one return for each kind of message
    if match := _NOT_ANOTHER_TYPE.match(message):
        expected, got = match.groups()
        if got == "null":
            return "must not be null"
        names = " or ".join(_NAMES.get(name, name) for name in expected.split(" | ") if name != "null")
        return f"must be {names}" + (", without a decimal point or an exponent" if got == "float" else "")
    if match := _TOO_SMALL.match(message):
        return f"must be at least {match[1]}"
    if match := _TOO_LARGE.match(message):
        return f"must be at most {match[1]}"
    if match := _TOO_SHORT.match(message):
        return f"must have at least {_counted(match)}"
    if match := _TOO_LONG.match(message):
        return f"must have at most {_counted(match)}"
    if "matching regex" in message:
        return next((meta.extra["message"] for meta in metas(type_) if meta.extra), "is not of the right form")
    if message.startswith("Invalid enum value"):
        return "must be one of: " + ", ".join(_choices(type_))
    if "UUID" in message:
        return "must be an id"
    if "date" in message:
        return "must be a date, such as 2026-01-31"
    return "is not valid"


def _counted(match: re.Match[str]) -> str:
    thing = "item" if match[1] == "array" else "character"
    return f"{match[2]} {thing}" if match[2] == "1" else f"{match[2]} {thing}s"


def members(type_: Any) -> Iterator[Any]:
    """The types that a type is made of, without annotations and unions around them."""
    origin = get_origin(type_)
    if origin is Annotated:
        yield from members(get_args(type_)[0])
    elif origin in {Union, UnionType}:
        for argument in get_args(type_):
            yield from members(argument)
    else:
        yield type_


def struct_in(type_: Any) -> type[Struct] | None:
    """The Struct that a type is, if it is one."""
    return next((each for each in members(type_) if isinstance(each, type) and issubclass(each, Struct)), None)


def item_struct_in(type_: Any) -> type[Struct] | None:
    sequences = [each for each in members(type_) if get_origin(each) in {list, tuple}]
    return next((struct_in(get_args(each)[0]) for each in sequences), None)


def metas(type_: Any) -> Iterator[Meta]:
    """What is said of a type in its annotations."""
    if get_origin(type_) is Annotated:
        yield from (argument for argument in get_args(type_)[1:] if isinstance(argument, Meta))
    if get_origin(type_) in {Annotated, Union, UnionType}:
        for argument in get_args(type_):
            yield from metas(argument)


def _choices(type_: Any) -> Iterator[str]:
    for each in members(type_):
        if isinstance(each, type) and issubclass(each, Enum):
            yield from (str(member.value) for member in each)
        elif get_origin(each) is Literal:
            yield from map(str, get_args(each))
        elif get_origin(each) in {frozenset, list, tuple, set}:
            yield from _choices(get_args(each)[0])
