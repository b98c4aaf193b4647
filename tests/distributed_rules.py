"""What a statement may not be on a database distributed by shop, as far as its text shows.

Such a database refuses a statement that breaks a rule, or runs it slowly, or on the wrong machine.
"""

from __future__ import annotations

import re
from functools import cache

# What Citus does not run, or not on one machine, whatever statement it stands in.
BANNED = (
    r"\bMERGE\b",
    r"\bINSERT INTO \w+ (\([^)]*\) )?SELECT\b",
    r"\bWITH \w+ AS (NOT MATERIALIZED |MATERIALIZED )?\( ?(INSERT|UPDATE|DELETE)\b",
    r"\bpg_(try_)?advisory_",
    r"\bnextval\b",
    r"\bset_config\b",
    r"\bLOCK TABLE\b",
    r"\bHAVING (?:(?! WHERE | ORDER BY | LIMIT ).)*\( ?SELECT\b",
)
IN_WRITES = {"coalesce", "decode", "nullif", "lower", "now"}
"""Functions whose outcome may be written by an UPDATE: the same on each machine."""

WRITES = r"\b(?:UPDATE (\w+) SET|DO UPDATE SET) (.*?)(?: WHERE | RETURNING |$)"
_CONTROL = re.compile(r"(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SHOW)\b.*;?")
_SET_BESIDE = re.compile(r"; ?SET ")
_CALL = re.compile(r"SELECT (\w+)\(\$1(, \$\d+)*\)")
_OF_A_SHOP = re.compile(r"set_shop|\w+_v\d+")
_NOT_FUNCTIONS = {"any", "all", "in", "values", "exists", "case", "when", "then", "else", "and", "or", "not", "select"}


def in_one_line(sql: str) -> str:
    return re.sub(r"\s+", " ", sql).strip()


def faults(sql: str) -> list[str]:
    """Every rule that the statement, in one line, breaks."""
    if _CONTROL.fullmatch(sql):
        return (
            ["sets something beside other statements, all of which Citus sends on"] if _SET_BESIDE.search(sql) else []
        )
    if call := _CALL.fullmatch(sql):
        return [] if _OF_A_SHOP.fullmatch(call[1]) else [f"calls {call[1]}, which is no function of a shop"]
    return [
        *(f"does not name the shop for {table}" for table in without_shop(sql)),
        *(f"has what is banned: {banned}" for banned in BANNED if re.search(banned, sql)),
        *(f"writes what {function} makes" for function in written_by_functions(sql)),
        *(f"returns more than columns: {what}" for what in returned(sql) if not _is_bare_columns(what)),
    ]


def without_shop(sql: str) -> list[str]:
    """The tables for which it does not say the shop (ShopStatement looks at the expression, this at the text)."""
    if insert := re.match(r"INSERT INTO (\w+) \((.*?)\) VALUES \((.*?)\)( ON CONFLICT .*| RETURNING .*)?$", sql):
        table, columns, values, _ = insert.groups()
        written = dict(zip(columns.split(", "), values.split(", "), strict=False))
        return [] if re.fullmatch(r"\$\d+(::UUID)?", written.get("shop_id", "")) else [table]
    sql = re.sub(r"\bFOR (NO KEY )?UPDATE\b", "", sql)
    # What is followed by a bracket is no table: rows made of the parameters. What begins with pg_ is the machine's.
    tables = re.findall(r"\b(?:FROM|JOIN|UPDATE|USING|INTO) (?!LATERAL\b|pg_)(\w+)\b(?!\()(?: AS (\w+))?", sql)
    names = [alias or table for table, alias in tables]
    return [name for name in names if not re.search(rf"\b{name}\.shop_id = \$\d+::UUID", sql)]


def written_by_functions(sql: str) -> set[str]:
    """The functions in what an UPDATE writes that may differ from one machine to the next, as far as is known."""
    called = {name for _, assigned in re.findall(WRITES, sql) for name in re.findall(r"\b([a-z_]\w*) ?\(", assigned)}
    return called - IN_WRITES - _NOT_FUNCTIONS


def returned(sql: str) -> list[str]:
    return re.findall(r"\bRETURNING (.*)$", sql)


def _is_bare_columns(what: str) -> bool:
    return re.fullmatch(r"(\w+\.)?\w+(, (\w+\.)?\w+)*", what) is not None


@cache
def shop_places(sql: str) -> tuple[int, ...]:
    """Which of its parameters, from 0, are a shop."""
    sql = in_one_line(sql)
    if call := _CALL.fullmatch(sql):
        return (0,) if _OF_A_SHOP.fullmatch(call[1]) else ()
    if insert := re.match(r"INSERT INTO \w+ \((.*?)\) VALUES \((.*?)\)", sql):
        written = dict(zip(insert[1].split(", "), insert[2].split(", "), strict=False))
        named = re.findall(r"^\$(\d+)", written.get("shop_id", ""))
    else:
        named = re.findall(r"\bshop_id = \$(\d+)", sql)
    return tuple(sorted({int(place) - 1 for place in named}))
