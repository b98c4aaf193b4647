"""The rules of a database distributed by shop, kept by every statement from the first day on, as far as paper shows.

Such a database refuses a statement that breaks one, or runs it slowly, or on the wrong machine. Looked at are the
statements that the program has compiled, the bodies of its functions, and the migrations.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import pkgutil
import re
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import cast

import asyncpg
import pytest

import adapters.postgres
from adapters.postgres import migrations
from adapters.postgres.asking import with_asker
from adapters.postgres.shop_scope import ShopStatement
from core.deliveries import DeliveryState
from tests.database import Database
from tests.distributed_rules import BANNED, IN_WRITES, WRITES, in_one_line, without_shop
from tests.rows import Connection
from tests.statement_audit import ABOUT_NO_ONE_SHOP

CHOICES: dict[str, tuple[object, ...]] = {
    "bool": (False, True),
    "bool | None": (None, False, True),
    "core.deliveries.DeliveryState | None": (None, *DeliveryState),
}


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(adapters.postgres.__path__, "adapters.postgres."):
        if not found.ispkg:
            yield importlib.import_module(found.name)


def compiled() -> Iterator[tuple[str, ShopStatement]]:
    """Every statement by its name, also with who asks beside what it reads."""
    for name, statement in plain():
        yield name, statement
        if statement.select is not None:
            yield f"{name} and who asks", with_asker(statement.select)


def plain() -> Iterator[tuple[str, ShopStatement]]:
    """Every statement by its name, and for a function that builds statements each that it can build."""
    for module in modules():
        where = module.__name__.rpartition(".")[2]
        for name, value in vars(module).items():
            if isinstance(value, ShopStatement):
                yield f"{where}.{name}", value
            elif hasattr(value, "cache_info") and value is not with_asker and value.__module__ == module.__name__:
                build = cast("Callable[..., ShopStatement]", value)
                parameters = inspect.signature(build, eval_str=False).parameters.values()
                choices = [CHOICES[_written(parameter.annotation)] for parameter in parameters]
                for chosen in product(*choices):
                    asked = dict(zip((parameter.name for parameter in parameters), chosen, strict=True))
                    told = ", ".join(f"{name}={value}" for name, value in asked.items() if value is not False)
                    yield f"{where}.{name}({told})", build(**asked)


def _written(annotation: object) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


@cache
def statements() -> dict[str, str]:
    return {name: in_one_line(statement.sql) for name, statement in compiled()}


def test_every_statement_of_the_program_is_looked_at() -> None:
    found = {statement for _, statement in compiled()}
    assert len(statements()) > 100
    alive = {each for each in gc.get_objects() if isinstance(each, ShopStatement)}
    assert [statement.sql for statement in alive - found] == []


BEFORE_THERE_IS_A_TABLE = {"provision._CLOSED_TO_PUBLIC"}


def test_statements_about_no_one_shop_are_those_with_a_reason() -> None:
    statement = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE)\b")
    found = {
        f"{module.__name__.rpartition('.')[2]}.{name}": value
        for module in modules()
        for name, value in vars(module).items()
        if isinstance(value, str) and statement.match(value)
    }
    assert set(found) == ABOUT_NO_ONE_SHOP.keys() | BEFORE_THERE_IS_A_TABLE


def test_a_statement_names_the_shop_for_every_table() -> None:
    assert {name: missing for name, sql in statements().items() if (missing := without_shop(sql))} == {}


@pytest.mark.parametrize("banned", BANNED)
def test_statements_are_plain_ones(banned: str) -> None:
    assert [name for name, sql in statements().items() if re.search(banned, sql)] == []


@pytest.fixture(scope="module")
async def catalogue(database: Database) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database.superuser_url)
    yield connection
    await connection.close()


async def test_every_statement_is_one_that_postgresql_takes(catalogue: Connection) -> None:
    """Also with who asks beside it, whether something begins with it today or not."""
    for sql in statements().values():
        await catalogue.prepare(sql)


@pytest.fixture(scope="module")
async def volatile(catalogue: Connection) -> set[str]:
    rows = await catalogue.fetch(
        "SELECT proname::text AS name FROM pg_proc GROUP BY proname HAVING bool_or(provolatile = 'v')"
    )
    return {row["name"] for row in rows}


@pytest.fixture(scope="module")
async def bodies(catalogue: Connection) -> dict[str, str]:
    rows = await catalogue.fetch(
        "SELECT proname::text AS name, prosrc AS body FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    return {row["name"]: re.sub(r"\s+", " ", re.sub(r"--.*", "", row["body"])) for row in rows}


def _require_no_volatile_writes(sql: str, volatile: set[str]) -> int:
    writes = re.findall(WRITES, sql)
    for _, assigned in writes:
        assert set(re.findall(r"\b(\w+) ?\(", assigned)) & volatile == set(), assigned
    return len(writes)


async def test_the_functions_that_may_not_be_in_an_update_are_known(volatile: set[str]) -> None:
    assert {"random", "clock_timestamp", "gen_random_uuid", "nextval"} <= volatile
    assert not IN_WRITES & volatile


async def test_an_update_writes_nothing_volatile(volatile: set[str], bodies: dict[str, str]) -> None:
    updates = sum(_require_no_volatile_writes(sql, volatile) for sql in statements().values())
    assert updates >= 10
    in_functions = sum(
        _require_no_volatile_writes(statement, volatile) for body in bodies.values() for statement in body.split(";")
    )
    assert in_functions == 3  # a payment, an account, an invoice


def test_what_a_write_returns_are_bare_columns() -> None:
    returned = {name: found[1] for name, sql in statements().items() if (found := re.search(r"\bRETURNING (.*)$", sql))}
    assert "invoices._NEXT" in returned
    assert {name: what for name, what in returned.items() if not re.fullmatch(r"\w+\.\w+(, \w+\.\w+)*", what)} == {}


@pytest.mark.parametrize("banned", BANNED)
async def test_functions_hold_plain_statements(bodies: dict[str, str], banned: str) -> None:
    assert [name for name, body in bodies.items() if re.search(banned, body)] == []


async def test_only_set_shop_puts_a_statement_together(bodies: dict[str, str]) -> None:
    """By EXECUTE of SET LOCAL, which reaches every machine; set_config() would reach one."""
    assert [name for name, body in bodies.items() if re.search(r"\bEXECUTE\b", body)] == ["set_shop"]
    assert "SET LOCAL app.shop_id" in bodies["set_shop"]


async def test_functions_take_the_shop_first(catalogue: Connection) -> None:
    """A call is then sent to the machine that has the shop."""
    firsts = await catalogue.fetch(
        """SELECT proargnames[1] AS name, proargtypes[0]::regtype::text AS type FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace AND prorettype <> 'trigger'::regtype"""
    )
    assert {tuple(first) for first in firsts} == {("p_shop", "uuid")}


def _migrations() -> dict[str, str]:
    folder = Path(migrations.__file__).parent / "versions"
    return {path.name: re.sub(r"(--|#).*", "", path.read_text()) for path in sorted(folder.glob("0*.py"))}


@pytest.mark.parametrize(
    "banned",
    [
        *BANNED,
        r"(?i)\bON (DELETE|UPDATE) (CASCADE|SET NULL|SET DEFAULT)\b",
        r"(?i)\bRENAME CONSTRAINT\b",
        r"(?i)\b(big)?serial\b",
        r"(?i)\bGENERATED \w+( BY DEFAULT)? AS IDENTITY\b",
        r"(?i)\bCREATE (MATERIALIZED )?VIEW\b",
        r"(?i)\bCREATE SEQUENCE\b",
        r"(?i)\bEXCLUDE USING\b",
        r"(?i)\bDEFERRABLE\b",
        r"(?i)\bSECURITY DEFINER\b",
        r"(?i)\bDEFAULT (gen_random_uuid|uuidv7|clock_timestamp|random)\b",
    ],
)
def test_a_migration_makes_nothing_that_cannot_be_distributed(banned: str) -> None:
    assert [name for name, text in _migrations().items() if re.search(banned, text)] == []


def test_triggers_are_made_only_after_saying_that_they_are_wanted() -> None:
    for text in _migrations().values():
        allowed, trigger = text.find("SET LOCAL citus.enable_unsafe_triggers = on"), text.find("CREATE TRIGGER")
        assert trigger == -1 or 0 <= allowed < trigger


def test_a_table_is_made_after_those_that_it_names() -> None:
    made: set[str] = set()
    for text in _migrations().values():
        for table, body in re.findall(r"CREATE TABLE (\w+) \((.*?)\n\);", text, re.DOTALL):
            made.add(table)
            assert set(re.findall(r"\bREFERENCES (\w+)", body)) <= made, table
    assert "ledger_entries" in made
