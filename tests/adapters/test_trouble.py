"""What the driver raises, as the ports know it."""

import asyncpg
import pytest

from adapters.postgres.trouble import told_as_trouble
from ports.transactions import Busy, Conflict, Unavailable


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (asyncpg.UniqueViolationError(), Conflict),
        (asyncpg.SerializationError(), Conflict),
        (asyncpg.DeadlockDetectedError(), Conflict),
        (asyncpg.LockNotAvailableError(), Busy),
        (asyncpg.QueryCanceledError(), Busy),
        (TimeoutError(), Busy),
        (asyncpg.ReadOnlySQLTransactionError(), Unavailable),
        (asyncpg.TooManyConnectionsError(), Unavailable),
        (asyncpg.AdminShutdownError(), Unavailable),
        (asyncpg.CannotConnectNowError(), Unavailable),
        (asyncpg.ConnectionDoesNotExistError(), Unavailable),
        (ConnectionResetError(), Unavailable),
        (asyncpg.InterfaceError("the underlying connection is closed"), Unavailable),
        (asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"), Unavailable),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else type(value).__name__,
)
def test_trouble_of_the_database_is_told_as_such(error: Exception, trouble: type[Exception]) -> None:
    with pytest.raises(trouble) as told, told_as_trouble():
        raise error
    assert type(told.value) is trouble
    assert told.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [asyncpg.CheckViolationError(), asyncpg.InterfaceError("wrong arguments"), KeyError()]
)
def test_a_fault_of_the_program_stays_one(error: Exception) -> None:
    with pytest.raises(type(error)), told_as_trouble():
        raise error
