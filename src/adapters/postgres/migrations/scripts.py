"""How migrations run their SQL."""

import re
from typing import cast

import asyncpg
from alembic import op
from sqlalchemy.util import await_only

_DROP = "DROP INDEX CONCURRENTLY IF EXISTS {}"
_PART_OF_A_STATEMENT = re.compile(r"\$\$.*?\$\$|'(?:[^']|'')*'|--[^\n]*|[^;]", re.DOTALL)


def statements(script: str) -> list[str]:
    """Each by itself: Citus hands the text that a change of a table came in to its workers, whole."""
    found = re.findall(rf"(?:{_PART_OF_A_STATEMENT.pattern})+", script, re.DOTALL)
    return [each for each in found if re.sub(r"--[^\n]*", "", each).strip()]


def run_script(script: str) -> None:
    """Run the statements in the migration's transaction, past SQLAlchemy, which would look for parameters in them."""
    connection = op.get_bind()
    connection.exec_driver_sql("SELECT 1")  # SQLAlchemy opens the transaction with its first own statement
    driver = cast("asyncpg.Connection[asyncpg.Record]", connection.connection.driver_connection)
    for statement in statements(script):
        await_only(driver.execute(statement))


def build_index(name: str, on: str, *, unique: bool = False) -> None:
    """Build an index while everybody goes on writing. It is a migration of its own: what stands before it in the same
    one is committed, and done again where this fails.

    ``on``: table, columns, and condition, as after ``ON``. What is left of a try that failed is built anew.
    """
    create = f"CREATE {'UNIQUE ' if unique else ''}INDEX CONCURRENTLY {name} ON {on}"
    _while_everybody_writes(_DROP.format(name), create)


def drop_index(name: str) -> None:
    """Drop an index while everybody goes on; of a migration's own, as :func:`build_index`."""
    _while_everybody_writes(_DROP.format(name))


def _while_everybody_writes(*statements: str) -> None:
    with op.get_context().autocommit_block():
        # They wait for transactions that are older than themselves, and nobody waits behind them.
        before = op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar()
        op.execute("SET lock_timeout = 0")
        for statement in statements:
            op.execute(statement)
        op.execute(f"SET lock_timeout = '{before}'")
