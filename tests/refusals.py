"""Rows that the schema has to refuse, each with the one constraint that stands against it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import asyncpg
import pytest

from tests.rows import Connection, Row, put

NOT_NULL = "NOT NULL"
"""In the place of a constraint's name, where a column must be there."""


@dataclass(frozen=True)
class Wrong:
    """Rows of which the schema refuses the last one, or the whole statement, by this constraint alone."""

    what: str
    refused_by: str
    rows: tuple[Row, ...]
    table: str
    in_one_statement: bool


def wrong(
    what: str, refused_by: str, *rows: Row, table: str = "ledger_entries", in_one_statement: bool = False
) -> Wrong:
    return Wrong(what, refused_by, rows, table, in_one_statement)


def named(cases: Iterable[Wrong]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case.what) for case in cases])


async def assert_refused(connection: Connection, case: Wrong) -> None:
    """By the constraint that is named, and not by another one that happens to stand before it."""
    *before, last = case.rows
    if not case.in_one_statement:
        for row in before:
            await put(connection, case.table, row)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refusal:
        await put(connection, case.table, *(case.rows if case.in_one_statement else (last,)))
    if case.refused_by == NOT_NULL:
        assert isinstance(refusal.value, asyncpg.NotNullViolationError)
    else:
        assert constraint_of(refusal.value) == case.refused_by


def constraint_of(error: asyncpg.IntegrityConstraintViolationError) -> str | None:
    """The constraint that refused. Citus names it in words alone, with the number of the shard behind."""
    if error.constraint_name is None and (said := re.search(r'constraint "(.*?)(_\d+)?"', str(error))):
        return said[1]
    name: str | None = error.constraint_name
    return name


async def assert_all_tried(
    connection: Connection, tables: Iterable[str], cases: Iterable[Wrong], *, implied: Iterable[str]
) -> None:
    """Every check, key and unique index of the tables is what refuses one of the cases.

    ``implied``: what refuses nothing by itself, such as a key that holds more columns than another one, only so that
    foreign keys can point at it.
    """
    constraints = await connection.fetch(
        """SELECT conname::text AS name FROM pg_constraint
            WHERE conrelid = ANY ($1::text[]::regclass[]) AND contype IN ('c', 'f', 'p', 'u')
          UNION SELECT indexrelid::regclass::text FROM pg_index
            WHERE indrelid = ANY ($1::text[]::regclass[]) AND indisunique""",
        list(tables),
    )
    assert {row["name"] for row in constraints} - {case.refused_by for case in cases} == set(implied)
