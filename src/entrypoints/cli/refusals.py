"""What to say to the person at the terminal when a command cannot do it: one clear sentence for each fact."""

import sys
from socket import gaierror

import asyncpg

from adapters.embedded_postgres import EmbeddedPostgresUnavailable
from adapters.security.signing import FaultyKey
from core.digest import DigestRefused
from core.errors import InvalidField, Refusal
from core.use_cases.outbox import NotPaused
from entrypoints.demo.refusals import NotTheDemos
from entrypoints.listening import CannotListen
from entrypoints.settings import FaultySettings
from ports.transactions import Busy, Conflict, Unavailable

_DRIVER = (asyncpg.PostgresError, asyncpg.InterfaceError)
_NOT_MIGRATED = (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError, asyncpg.UndefinedColumnError)


def sentence_for(error: BaseException) -> str | None:
    """None for a fault of the program, which is better shown with its traceback."""
    match error:
        case InvalidField():
            sentence = f"{_option(error.field)} {error.message}."
        case FaultySettings() | EmbeddedPostgresUnavailable() | CannotListen() | NotTheDemos() | Refusal():
            sentence = str(error)
        case FaultyKey() | DigestRefused():
            sentence = str(error)
        case Unavailable():
            sentence = f"The database cannot be reached{_because(error.__cause__)}."
        case NotPaused():
            sentence = "Notices are not paused: workers send what waits. Run `account-credit outbox pause` first."
        case BrokenPipeError():
            sentence = "Nobody reads the output any more."
        case Busy() | Conflict():
            sentence = "The database is too busy with something else: try again."
        case _:
            return _of_migrations(error) or _of_the_driver(error)
    return sentence


def _of_migrations(error: BaseException) -> str | None:
    if "alembic" not in sys.modules:  # it takes long to import, and cannot have raised anything
        return None
    from alembic.util import CommandError  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    if isinstance(error, CommandError):
        return f"The database is not as this program expects it: {_first_line(error)}."
    return _of_the_driver(error.orig) if isinstance(error, DBAPIError) and error.orig else None


def _of_the_driver(error: BaseException) -> str | None:
    reasons = [reason for reason in (error, error.__cause__) if isinstance(reason, _DRIVER)]
    if any(isinstance(reason, _NOT_MIGRATED) for reason in reasons):
        return "The database has not been migrated for this program: run `account-credit migrate` first."
    if reasons:
        return f"The database refused: {_first_line(reasons[-1])}."
    if isinstance(error, TimeoutError):
        return "The database did not answer in time."
    if isinstance(error, ConnectionError | gaierror):
        return f"The database cannot be reached{_because(error)}."
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror or error}{where}."
    return None


def _option(field: str) -> str:
    return "The owner's password" if field == "password" else f"--{field.replace('_', '-')}"


def _because(cause: BaseException | None) -> str:
    return f": {_first_line(cause)}" if isinstance(cause, (OSError, *_DRIVER)) and str(cause) else ""


def _first_line(error: BaseException) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (said.splitlines() or [type(error).__name__])[0].rstrip(".")
