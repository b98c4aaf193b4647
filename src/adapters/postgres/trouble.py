"""What went wrong in the database, by SQLSTATE: constraint names do not come back from every PostgreSQL (Citus)."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from ports.transactions import Busy, Conflict, IdempotencyKeyInUse, Unavailable

# unique_violation, serialization_failure, deadlock_detected
_CONFLICTS = {"23505", "40001", "40P01"}
_LOCK_NOT_AVAILABLE = "55P03"
# query_canceled (statement timeout), idle_in_transaction_session_timeout
_BUSY = {"57014", "25P03"}
# read_only_sql_transaction, too_many_connections, and the shut-down and not-yet-up states
_UNAVAILABLE = {"25006", "53300", "57P01", "57P02", "57P03", "57P05"}
_CONNECTION_CLASS = "08"


@contextmanager
def told_as_trouble() -> Iterator[None]:
    """Turn what the driver raises into what the ports know. What is left is a fault of the program."""
    try:
        yield
    except asyncpg.PostgresError as error:
        raise _trouble(error) from error
    # InternalClientError: a server that goes away says so, and the driver minds what it was not asked for until the
    # connection is closed, a moment later.
    except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError) as error:
        if isinstance(error, TimeoutError):
            raise Busy from error
        if isinstance(error, asyncpg.InterfaceError) and not _is_about_the_connection(error):
            raise
        raise Unavailable from error


def _trouble(error: asyncpg.PostgresError) -> Exception:
    state = error.sqlstate or ""
    if state in _CONFLICTS:
        return Conflict()
    if state == _LOCK_NOT_AVAILABLE:
        return IdempotencyKeyInUse() if _waited_for_key(error) else Busy()
    if state in _BUSY:
        return Busy()
    if state in _UNAVAILABLE or state.startswith(_CONNECTION_CLASS):
        return Unavailable()
    return error


def _waited_for_key(error: asyncpg.PostgresError) -> bool:
    context: str | None = getattr(error, "context", None)
    return "idempotency_records" in (context or "")


def _is_about_the_connection(error: asyncpg.InterfaceError) -> bool:
    text = str(error)
    return "connection" in text or "pool" in text
