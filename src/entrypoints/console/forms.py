"""Forms: what was typed, read as a Struct, or shown again as it was, with a sentence beside what is wrong."""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, TypeVar, get_origin
from urllib.parse import parse_qsl
from uuid import uuid4

import msgspec
from litestar import Request
from msgspec import Meta, Struct

from core.errors import IdempotencyKeyReused, InvalidField
from core.money import MAX_AMOUNT, read_amount
from core.staff import Caller, Credential, IdempotencyKey
from entrypoints.console.formats import Formats
from entrypoints.console.origins import require_own_origin
from entrypoints.console.refusals import PAGES_OF_THEIR_OWN, FormRefused, sentence_of
from entrypoints.console.tokens import ConsoleTokens
from entrypoints.http.idempotency import KEY_PATTERN, Fingerprints
from entrypoints.http.problems import FieldError, InvalidFields, MalformedRequest, UnsupportedMediaType
from entrypoints.http.requests import SECRET_FIELDS, from_text, tidied
from entrypoints.http.validation import item_struct_in, members, metas
from ports.transactions import AlreadyAnswered

T = TypeVar("T")
S = TypeVar("S", bound=Struct)

Entries = Mapping[str, list[str]]
"""What was sent, by the name of its field. Of a list of Structs: ``lines[0].description``."""

TOKEN, KEY = "_token", "_key"
WAS = "was_"
"""With the name of a field: the hidden one that says what the form showed there, see :meth:`SentForm.changed`."""
MAX_FIELDS = 1000

_IS_MONEY = {"is": "money"}
Amount = Annotated[int, Meta(ge=1, le=MAX_AMOUNT, title="Amount", extra=_IS_MONEY)]
AmountOrZero = Annotated[int, Meta(ge=0, le=MAX_AMOUNT, title="Amount", extra=_IS_MONEY)]
SignedAmount = Annotated[int, Meta(ge=-MAX_AMOUNT, le=MAX_AMOUNT, title="Amount", extra=_IS_MONEY)]
"""Money as people type it, see :func:`core.money.read_amount`."""
AgreedExcess = Annotated[int, Meta(ge=0, le=2**63 - 1, title="Excess", extra=_IS_MONEY)]
"""What somebody was asked about: several payments together may come to more than one can ask for."""

_IN_LIST = re.compile(r"(\w+)\[(\d{1,3})\]\.(\w+)")


class FormStruct(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a form has. A field left empty counts as left out; ``Meta(title=...)`` is its label."""


class Form:
    """A form as a template shows it. ``key``: what it is saved under, once."""

    def __init__(
        self,
        type_: type[Struct] | None,
        entries: Entries,
        *,
        token: str,
        key: str | None = None,
        errors: tuple[FieldError, ...] = (),
        sentence: str | None = None,
    ) -> None:
        self.token = token
        self.key = key or str(uuid4())
        self.errors = errors
        self.sentence = sentence
        self._type = type_
        self._entries = entries

    def value(self, name: str) -> str:
        return self._entries.get(name, [""])[0]

    def values(self, name: str) -> list[str]:
        return self._entries.get(name, [])

    def error(self, name: str) -> str | None:
        return next((f"{self.label(name)} {each.message}." for each in self.errors if each.field == name), None)

    def label(self, name: str) -> str:
        """``Meta(title=...)`` of the field, or its name in words."""
        struct, field, place = self._type, name, ""
        if (in_list := _IN_LIST.fullmatch(name)) and struct is not None:
            struct, field, place = _item_of(struct, in_list[1]), in_list[3], f" {int(in_list[2]) + 1}"
        if struct is not None:
            for each in msgspec.structs.fields(struct):
                if each.encode_name == field:
                    titles = [meta.title for meta in metas(each.type) if meta.title]
                    return (titles[-1] if titles else field.replace("_", " ").capitalize()) + place
        return field.replace("_", " ").capitalize() + place

    @property
    def was(self) -> list[tuple[str, str]]:
        """The hidden fields that say what the form showed: names and texts."""
        return [(name, text) for name, texts in self._entries.items() if name.startswith(WAS) for text in texts]

    def rows(self, name: str) -> list[str]:
        """The beginnings of the names of each row of a list: ``lines[0]``, ``lines[1]``."""
        found = {int(match[2]) for each in self._entries if (match := _IN_LIST.fullmatch(each)) and match[1] == name}
        return [f"{name}[{place}]" for place in sorted(found)]


def entries_of(values: Mapping[str, Any], formats: Formats, type_: type[Struct]) -> dict[str, list[str]]:
    """Values as they stand in the fields of a form; None leaves its field empty."""
    return dict(_entries(values, formats, type_, ""))


def with_what_it_shows(entries: dict[str, list[str]], names: Iterable[str]) -> dict[str, list[str]]:
    """The entries, and beside each of these fields the hidden one that says what stands there."""
    return {**entries, **{WAS + name: entries.get(name) or [""] for name in names}}


def _entries(values: Mapping[str, Any], formats: Formats, type_: type[Struct], at: str) -> Iterator[tuple[str, Any]]:
    types = {field.encode_name: field.type for field in msgspec.structs.fields(type_)}
    for name, value in values.items():
        kind = types[name]
        item = item_struct_in(kind)
        if item is not None:
            for place, each in enumerate(value):
                yield from _entries(_as_mapping(each), formats, item, f"{at}{name}[{place}].")
        elif value is None:
            continue
        elif _is_money(kind) and isinstance(value, int):
            yield at + name, [formats.typed(value)]
        elif isinstance(value, bool):
            yield at + name, ["true"] if value else []
        elif isinstance(value, list | tuple | set | frozenset):
            yield at + name, [str(each) for each in value]
        else:
            yield at + name, [str(value)]


def _as_mapping(value: Any) -> Mapping[str, Any]:
    return msgspec.structs.asdict(value) if isinstance(value, Struct) else value


class SentForm:
    """A form that somebody sent from a page of ours."""

    def __init__(
        self,
        entries: Entries,
        *,
        key: str,
        token: str,
        credential: Credential,
        prints: tuple[bytes, ...],
        formats: Formats,
    ) -> None:
        self.entries = entries
        self.caller = Caller(credential, IdempotencyKey(key, prints))
        self._key = key
        self._token = token
        self._formats = formats
        self._type: type[Struct] | None = None

    def read(self, type_: type[S]) -> S:
        """What was typed. Raises InvalidFields, and what the Struct itself raises."""
        self._type = type_
        return read_entries(self.entries, type_, self._formats)

    def changed(self, **values: Any) -> dict[str, Any]:
        """Of these fields those that say something else than the form showed. What nobody touched may be another by
        now, at another desk, and is to be left alone.
        """
        return {name: value for name, value in values.items() if not self._untouched(name)}

    def _untouched(self, name: str) -> bool:
        return WAS + name in self.entries and self._texts(WAS + name) == self._texts(name)

    def _texts(self, name: str) -> list[str]:
        """A box that is not ticked sends nothing, and what says so sends an empty text."""
        return sorted(text for text in self.entries.get(name, ()) if text)

    def now_shows(self, name: str, text: str) -> None:
        """What a hidden field says once the form is shown again, whatever was sent in it."""
        self.entries = {**self.entries, name: [text]}

    def drop_blank_rows(self, name: str, *, but: str = "") -> None:
        """Leave out the rows of a list in which nothing was typed, ``but`` for that field; the first one stays."""
        rows: dict[int, dict[str, list[str]]] = {}
        others: dict[str, list[str]] = {}
        for each, texts in self.entries.items():
            if (match := _IN_LIST.fullmatch(each)) and match[1] == name:
                rows.setdefault(int(match[2]), {})[match[3]] = texts
            else:
                others[each] = texts
        in_order = [rows[place] for place in sorted(rows)]
        filled = [row for row in in_order if any(_typed(row[field]) for field in row if field != but)]
        for place, row in enumerate(filled or in_order[:1]):
            others |= {f"{name}[{place}].{field}": texts for field, texts in row.items()}
        self.entries = others

    def with_one_more(self, name: str, field: str, type_: type[Struct]) -> Form:
        """The form as it was sent, with a blank row more in a list. ``field``: one that a row has."""
        form = Form(type_, self.entries, token=self._token, key=self._key)
        more = {f"{name}[{len(form.rows(name))}].{field}": [""]}
        return Form(type_, {**self.entries, **more}, token=self._token, key=self._key)

    async def once(self, do: Callable[[Caller], Awaitable[T]], type_: type[T]) -> T:
        """What ``do`` makes; the same again where this very form was saved before. ``type_`` as the use case has it."""
        try:
            return await do(self.caller)
        except AlreadyAnswered as answered:
            if not answered.body:
                return None  # type: ignore[return-value]  # a use case without an answer has None for T
            return msgspec.json.decode(answered.body, type=type_)

    def unchanged(self) -> Form:
        """The form as it was sent, for a page that did nothing with it yet."""
        return Form(self._type, self.entries, token=self._token, key=self._key)

    def again(self, refusal: Exception, type_: type[Struct] | None = None) -> Form:
        """The form as it was sent, and why it was not saved. Under a new key where the old one is used up.

        Raises:
            The refusal itself, if it is not one of the form.
        """
        if isinstance(refusal, PAGES_OF_THEIR_OWN):
            raise refusal
        errors: tuple[FieldError, ...] = ()
        if isinstance(refusal, InvalidFields):
            errors = refusal.errors
        elif isinstance(refusal, InvalidField):
            errors = (FieldError(refusal.field, refusal.message),)
        used_up = isinstance(refusal, IdempotencyKeyReused)
        return Form(
            self._type or type_,
            self.entries,
            token=self._token,
            key=None if used_up else self._key,
            errors=errors,
            sentence=sentence_of(refusal, self._formats),
        )


def _typed(texts: list[str]) -> bool:
    return any(text.strip() for text in texts)


async def read_form(
    request: Request[Any, Any, Any],
    *,
    tokens: ConsoleTokens,
    bound_to: bytes,
    fingerprints: Fingerprints,
    credential: Credential,
    formats: Formats,
) -> SentForm:
    """The form that a request carries.

    Raises:
        FormRefused: it was not sent by a page that we showed to this person.
        MalformedRequest, UnsupportedMediaType.
    """
    entries = await sent_entries(request)
    require_token(request, entries, tokens, bound_to)
    key = (entries.pop(KEY, None) or [""])[0]
    if not re.fullmatch(KEY_PATTERN, key):
        raise MalformedRequest("The form has no key to be saved under.")
    del entries[TOKEN]
    # Not the bytes: the token in them is another one after the next sign-in.
    prints = fingerprints.of(request.method, request.scope["path"], msgspec.json.encode(sorted(entries.items())))
    return SentForm(
        entries, key=key, token=tokens.of_forms(bound_to), credential=credential, prints=prints, formats=formats
    )


def require_token(request: Request[Any, Any, Any], entries: Entries, tokens: ConsoleTokens, bound_to: bytes) -> None:
    """Refuse a form that no page of ours made for this person. Raises FormRefused."""
    require_own_origin(request)
    if not tokens.is_of_forms((entries.get(TOKEN) or [""])[0], bound_to):
        raise FormRefused


async def sent_entries(request: Request[Any, Any, Any]) -> dict[str, list[str]]:
    """Raises MalformedRequest, UnsupportedMediaType."""
    if request.content_type[0].lower() != "application/x-www-form-urlencoded":
        raise UnsupportedMediaType("A form must be sent as application/x-www-form-urlencoded.")
    try:
        body = (await request.body()).decode("ascii")
        pairs = parse_qsl(body, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except (UnicodeDecodeError, ValueError):
        raise MalformedRequest("The form cannot be read.") from None
    entries: dict[str, list[str]] = {}
    for name, text in pairs:
        # Browsers send line breaks as CR LF.
        entries.setdefault(name, []).append(text.replace("\r\n", "\n"))
    return entries


def read_entries(entries: Entries, type_: type[S], formats: Formats) -> S:
    """What was typed, as that type. Raises InvalidFields, and what the Struct itself raises."""
    errors: list[FieldError] = []
    value = _nested(entries, type_, formats, errors)
    try:
        read = tidied(value, type_)
    except InvalidFields as refusal:
        known = {error.field for error in errors}
        errors += [error for error in refusal.errors if error.field not in known]
        raise InvalidFields(_in_order(errors, entries, type_)) from None
    if errors:
        raise InvalidFields(_in_order(errors, entries, type_))
    return read


def _in_order(errors: list[FieldError], entries: Entries, type_: type[Struct]) -> tuple[FieldError, ...]:
    """As the fields stand in the form."""
    names = [field.encode_name for field in msgspec.structs.fields(type_)]
    sent = list(entries)

    def place(error: FieldError) -> tuple[int, int]:
        name = re.split(r"[.\[]", error.field)[0]
        return (
            names.index(name) if name in names else len(names),
            sent.index(error.field) if error.field in sent else len(sent),
        )

    return tuple(sorted(errors, key=place))


def _nested(entries: Entries, type_: type[Struct], formats: Formats, errors: list[FieldError]) -> dict[str, Any]:
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(type_)}
    value: dict[str, Any] = {}
    rows: dict[str, dict[int, dict[str, Any]]] = {}
    for name, texts in entries.items():
        if name.startswith(WAS):
            continue
        in_list = _IN_LIST.fullmatch(name)
        item = None if in_list is None else item_struct_in(fields.get(in_list[1], Any))
        if in_list is not None and item is not None:
            types = {field.encode_name: field.type for field in msgspec.structs.fields(item)}
            row = rows.setdefault(in_list[1], {}).setdefault(int(in_list[2]), {})
            _put(row, in_list[3], texts, types.get(in_list[3], Any), name, formats, errors)
        else:
            _put(value, name, texts, fields.get(name, Any), name, formats, errors)
    for name, by_place in rows.items():
        value[name] = [by_place[place] for place in sorted(by_place)]
    return value


def _put(
    into: dict[str, Any],
    field: str,
    texts: list[str],
    kind: Any,
    name: str,
    formats: Formats,
    errors: list[FieldError],
) -> None:
    if any(get_origin(each) in {tuple, list, frozenset} for each in members(kind)):
        into[field] = [text for text in texts if text]
    elif len(texts) > 1:
        errors.append(FieldError(name, "must be given once"))
    elif not (texts[0] if field in SECRET_FIELDS else texts[0].strip()):
        return
    elif (money := _money_in(kind)) is not None:
        try:
            into[field] = read_amount(
                texts[0],
                formats.minor_unit_digits,
                symbols=formats.symbols,
                field=name,
                least=int(money.ge or 0),
                most=int(money.le or MAX_AMOUNT),
            )
        except InvalidField as refusal:
            errors.append(FieldError(name, refusal.message))
            into[field] = 1
    else:
        kinds = frozenset(members(kind))
        into[field] = from_text(texts[0].strip(" ") if kinds & {int, bool} else texts[0], kinds)


def _money_in(kind: Any) -> Meta | None:
    return next((meta for meta in metas(kind) if meta.extra == _IS_MONEY), None)


def _is_money(kind: Any) -> bool:
    return _money_in(kind) is not None


def _item_of(struct: type[Struct], name: str) -> type[Struct] | None:
    types = {field.encode_name: field.type for field in msgspec.structs.fields(struct)}
    return item_struct_in(types.get(name))
