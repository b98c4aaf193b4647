"""Run a use case again when its transaction met another one."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from ports.transactions import Busy, Conflict

P = ParamSpec("P")
T = TypeVar("T")

MAX_ATTEMPTS = 4
"""The first and at most three more."""


def retried(use_case: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """On :class:`Conflict` run it again: it then sees what the other one committed, and answers rightly.

    Raises:
        Busy: it met others again and again.
    """

    @wraps(use_case)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(MAX_ATTEMPTS - 1):
            try:
                return await use_case(*args, **kwargs)
            except Conflict:
                continue
        try:
            return await use_case(*args, **kwargs)
        except Conflict as conflict:
            raise Busy from conflict

    return run
