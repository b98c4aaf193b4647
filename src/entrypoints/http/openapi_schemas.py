"""JSON schemas of our types, as msgspec makes them, under names that readers know."""

import re
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from types import NoneType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from msgspec import UnsetType

from entrypoints.http.cursors import Listed
from entrypoints.http.validation import members

_REF = "#/components/schemas/"
_RULES = re.compile(r" \(R\d+(, R\d+)*\)|^R\d+(, R\d+)*[.:] ?")
"""Numbers of the shop's rules, which say nothing outside of the source."""


class SchemaBook:
    """The schemas of all types that an API takes and answers with."""

    def __init__(self, types: Iterator[Any], answer_examples: Mapping[Any, Any]) -> None:
        self._types = list(dict.fromkeys(types))
        self._answer_examples = answer_examples
        schemas, components = msgspec.json.schema_components(self._types, ref_template=_REF + "{name}")
        self.components = {_readable(name): _tidied(schema) for name, schema in components.items()}
        self._schemas = {type_: _tidied(schema) for type_, schema in zip(self._types, schemas, strict=True)}

    def schema(self, type_: Any) -> dict[str, Any]:
        schema: dict[str, Any] = self._schemas[type_]
        return schema

    def inline_schema(self, type_: Any) -> dict[str, Any]:
        """Of a type that is not among the components."""
        [schema], components = msgspec.json.schema_components([type_], ref_template=_REF + "{name}")
        inlined: dict[str, Any] = _inlined(schema, components)
        return inlined

    def example(self, type_: Any) -> Any:
        """An answer of that type, as JSON values, or None if there is none."""
        if get_origin(type_) is Listed:
            item = self.example(get_args(type_)[0])
            return None if item is None else {"items": [item], "next_cursor": None}
        example = self._answer_examples.get(type_)
        return None if example is None else msgspec.to_builtins(example)

    def query_parameters(self, filters: Any) -> Iterator[dict[str, Any]]:
        for field in msgspec.structs.fields(filters):
            schema = self.inline_schema(_present(field.type))
            description = schema.pop("description", None)
            if field.default not in (None, msgspec.NODEFAULT):
                schema["default"] = field.default
            parameter = {"name": field.encode_name, "in": "query", "required": field.required, "schema": schema}
            if description:
                parameter["description"] = description
            yield parameter


def _present(type_: Any) -> Any:
    """The type of a parameter that is there: a query has no null."""
    if get_origin(type_) is Annotated:
        inner, *metas = get_args(type_)
        return Annotated[_present(inner), *metas]
    kinds = [each for each in members(type_) if each not in {NoneType, UnsetType}]
    if len(kinds) == len(list(members(type_))):
        return type_
    arguments = [each for each in get_args(type_) if each not in {NoneType, UnsetType}]
    return Union[tuple(arguments)]  # noqa: UP007  # there is no X | Y of a list


def _readable(name: str) -> str:
    """``Listed_EntryView_`` is a list of entries; a view is what readers know the thing as."""
    name = re.sub(r"^Listed_(\w+?)(ListItem|View)_$", r"\1List", name)
    return name.removesuffix("View")


def _tidied(schema: Any) -> Any:
    if isinstance(schema, list | tuple):
        return [_tidied(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    tidied = {name: _tidied(each) for name, each in schema.items() if name != "title"}
    if isinstance(schema.get("$ref"), str):
        tidied["$ref"] = _REF + _readable(schema["$ref"].removeprefix(_REF))
    if isinstance(schema.get("description"), str):
        tidied["description"] = _RULES.sub("", cleandoc(schema["description"])).replace("``", "`")
    return tidied


def _inlined(schema: Any, components: Mapping[str, Any]) -> Any:
    if isinstance(schema, list | tuple):
        return [_inlined(each, components) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(components[schema["$ref"].removeprefix(_REF)], components)
    return _tidied({name: _inlined(each, components) for name, each in schema.items()})
