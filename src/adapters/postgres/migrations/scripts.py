"""Run a script of several SQL statements inside a migration."""

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
