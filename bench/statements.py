"""What the program sends to PostgreSQL, read from PostgreSQL's own log, and the same again as a script for pgbench.

A script does for a client picked by chance what was logged for one: its ids, numbers and balances are put in where
those of the one stood. pgbench cannot put a text together, so the statement that opens the books also writes down, in
SQL, what the next one is to write: a little work that the program does not ask PostgreSQL for. Statements that the
program sends in one message pgbench sends in a pipeline, and waits as often as the program.
"""

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bench.filling import Connection, client_id, invoice_id, shop_id, staff_id

_STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*): (?P<sql>.*)", re.DOTALL)
_PARAMETERS = re.compile(r"DETAIL:  Parameters: (?P<all>.*)", re.DOTALL)
_PARAMETER = re.compile(r"\$(?P<place>\d+) = (?P<value>NULL|'(?:[^']|'')*')")
_LINE = re.compile(r"^\d{4}-\d\d-\d\d [0-9:.]+ \w+ \[\d+\] ", re.MULTILINE)
_WRITE = re.compile(r"SELECT (?P<function>write_v\d+)\(\$1, \$2\)")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LOGGING = {"log_statement": "all", "log_parameter_max_length": "-1", "log_error_verbosity": "default"}


@dataclass(frozen=True)
class Logged:
    """A statement with its parameters, each as it was logged: a literal in SQL."""

    sql: str
    parameters: tuple[str, ...] = ()


def read_log(log: str) -> list[Logged]:
    """The statements in a part of PostgreSQL's log, in order."""
    found: list[Logged] = []
    for entry in _LINE.split(log):
        text = entry.rstrip("\n")
        if statement := _STATEMENT.match(text):
            found.append(Logged(statement["sql"].strip()))
        elif (given := _PARAMETERS.match(text)) and found:
            parameters = [match["value"] for match in _PARAMETER.finditer(given["all"])]
            found[-1] = Logged(found[-1].sql, tuple(parameters))
    return found


@asynccontextmanager
async def logging(superuser: Connection, database: str) -> AsyncIterator[None]:
    """PostgreSQL logs every statement of connections that are made during the block."""
    for name, value in _LOGGING.items():
        await superuser.execute(f"ALTER DATABASE {database} SET {name} = '{value}'")
    try:
        yield
    finally:
        for name in _LOGGING:
            await superuser.execute(f"ALTER DATABASE {database} RESET {name}")


# What stands for what in a script.
_SHOP = "('00000000-0000-7000-a000-' || lpad((:client % {shops})::text, 12, '0'))::uuid"
_STAFF = "('00000000-0000-7000-b000-' || lpad((:client % {shops})::text, 12, '0'))::uuid"
_CLIENT = "('00000000-0000-7000-8000-' || lpad(:client::text, 12, '0'))::uuid"
_INVOICE = "('00000000-0000-7000-9000-' || lpad(:client::text, 12, '0'))::uuid"
_KEY = "('pgbench-' || :key)"


def script(statements: Sequence[Logged], *, number: int, key: str | None, clients: int, shops: int) -> str:
    """For pgbench. ``number``: of the client that the statements were sent for; ``key``: of that request, where it
    writes.
    """
    known = {
        shop_id(number % shops): _SHOP.format(shops=shops),
        staff_id(number % shops): _STAFF.format(shops=shops),
        client_id(number): _CLIENT,
        invoice_id(number): _INVOICE,
    }
    if key is not None:
        known[key] = _KEY
    writes = {place: wrote["function"] for place, each in enumerate(statements) if (wrote := _WRITE.match(each.sql))}
    if len(writes) != (key is not None):
        raise RuntimeError(f"not one statement of these is a write as it is known here: {statements}")
    lines = [f"\\set client random(0, {clients - 1})", "\\set key random(1, 9000000000000000000)"]
    for place, statement in enumerate(statements):
        if place + 1 in writes:
            composed = _composed(json.loads(_unquoted(statements[place + 1].parameters[1])), known)
            lines.append(_opening(statement, known, composed))
        elif place in writes:
            lines.append(f"SELECT {writes[place]}({known[shop_id(number % shops)]}, :writes);")
        else:
            lines.extend(_one_message([_with_values(part, statement.parameters, known) for part in _parts(statement)]))
    return "\n".join(lines) + "\n"


def _parts(statement: Logged) -> list[str]:
    """The statements of a message, which has several only where it has no parameters."""
    return [statement.sql] if statement.parameters else statement.sql.split("; ")


def _one_message(parts: list[str]) -> list[str]:
    return parts if len(parts) == 1 else ["\\startpipeline", *parts, "\\endpipeline"]


def _unquoted(literal: str) -> str:
    return literal[1:-1].replace("''", "'")


def _value(literal: str, known: Mapping[str, str]) -> str:
    if literal == "NULL":
        return literal
    text = _unquoted(literal)
    if text.startswith("{") and text[1:-1] in known:
        return f"ARRAY[{known[text[1:-1]]}]"
    # A colon before a letter or digit would be a variable of pgbench's, also within quotes.
    return known.get(text) or literal.replace(":", "'||chr(58)||'")


def _with_values(sql: str, parameters: Sequence[str], known: Mapping[str, str]) -> str:
    """The statement with its parameters in place, and with what is known in place of literal ids."""
    whole = re.sub(r"\$(\d+)", lambda match: _value(parameters[int(match[1]) - 1], known), sql.rstrip(";"))
    for text, expression in known.items():
        whole = whole.replace(f"'{text}'", expression)
    return whole.replace("\n", " ") + ";"


def _opening(statement: Logged, known: Mapping[str, str], composed: str) -> str:
    call = _with_values(statement.sql, statement.parameters, known).rstrip(";").removeprefix("SELECT ")
    return f"SELECT {composed} AS writes FROM (SELECT opened, {_NEW_IDS} FROM {call} AS opened OFFSET 0) o \\gset"


_NEW_IDS = ", ".join(f"uuidv7() AS id{number}" for number in range(6))


def _composed(writes: Any, known: Mapping[str, str]) -> str:
    """SQL that puts together what to write from the columns ``opened`` and ``id0`` to ``id5``."""
    opened_account = "(opened #>> '{account,%s}')::bigint"
    opened_invoice = "(opened #>> '{invoices,0,%s}')::bigint"
    balance = opened_account % "balance"
    values: list[str] = []
    ids: dict[str, str] = {}
    settled = next((write["row"]["settled"] for write in writes if write["op"] == "payment"), 0)
    entry = next((write["row"]["amount"] for write in writes if write["op"] == "entry"), 0)

    def put(expression: str) -> str:
        if expression not in values:
            values.append(expression)
        return f"\0{values.index(expression) + 1}\0"

    def said(value: Any, name: str, op: str) -> Any:  # noqa: PLR0911  # one for each kind of value
        if isinstance(value, dict):
            return {key: said(each, key, op) for key, each in value.items()}
        if isinstance(value, list):
            return [said(each, name, op) for each in value]
        if name in {"number", "last_number"} and isinstance(value, int):
            return put(f"{opened_account % 'last_number'} + 1")
        if name in {"balance", "balance_after"} and value is not None:
            return put(f"{balance} + {entry}")
        if op == "invoice" and name == "settled":
            return put(f"{opened_invoice % name} + {settled}")
        if op == "invoice" and name == "credit_applied":
            return put(f"{opened_invoice % name} + {max(-entry, 0)}")
        if name in {"at", "last_at", "recorded_at"}:
            return put("opened ->> 'at'")
        if isinstance(value, str) and value in known:
            return put(known[value])
        if isinstance(value, str) and _UUID.fullmatch(value):
            return put(ids.setdefault(value, f"id{len(ids)}"))
        return value

    template = (
        json.dumps([{"op": write["op"], "row": said(write["row"], "", write["op"])} for write in writes])
        .replace("%", "%%")
        .replace("'", "''")
    )
    # Numbers stand without quotes around them.
    template = re.sub(r'"\\u0000(\d+)\\u0000"', lambda match: _hole(values[int(match[1]) - 1], match[1]), template)
    return f"format('{template}', {', '.join(values)})"


def _hole(expression: str, place: str) -> str:
    hole = f"%{place}$s"
    return hole if "bigint" in expression else f'"{hole}"'
