"""How migrations run their SQL."""

from typing import cast

import asyncpg
from alembic import op
from sqlalchemy.util import await_only


def run_script(script: str) -> None:
    """Run the statements in the migration's transaction. asyncpg prepares what comes through SQLAlchemy, and only one
    statement can be prepared at a time; its own ``execute`` takes a script.
    """
    connection = op.get_bind()
    connection.exec_driver_sql("SELECT 1")  # SQLAlchemy opens the transaction with its first own statement
    await_only(cast("asyncpg.Connection[asyncpg.Record]", connection.connection.driver_connection).execute(script))


def build_index(name: str, on: str, *, unique: bool = False) -> None:
    """Build an index while everybody goes on writing. It is a migration of its own: what stands before it in the same
    one is committed, and done again where this fails.

    ``on``: table, columns, and condition, as after ``ON``. What is left of a try that failed is built anew.
    """
    with op.get_context().autocommit_block():
        # It waits for transactions that are older than itself, and nobody waits behind it.
        before = op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar()
        op.execute("SET lock_timeout = 0")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"CREATE {'UNIQUE ' if unique else ''}INDEX CONCURRENTLY {name} ON {on}")
        op.execute(f"SET lock_timeout = '{before}'")
