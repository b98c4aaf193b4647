"""Tells somebody."""

from typing import Protocol

from core.notices import DueNotice


class NotAccepted(Exception):
    """The receiver did not take it. ``answer``: what it said, printable, at most 1,000 characters, for the log.

    ``retry_after_seconds``: what it asked for. ``for_good``: there is no use in sending this again. ``gone``: nor in
    sending it anything else.
    """

    def __init__(
        self, answer: str, *, retry_after_seconds: float | None = None, for_good: bool = False, gone: bool = False
    ) -> None:
        super().__init__(answer)
        self.answer = answer
        self.retry_after_seconds = retry_after_seconds
        self.for_good = for_good
        self.gone = gone


class Notifier(Protocol):
    async def send(self, notice: DueNotice) -> None:
        """Deliver it, perhaps more than once: receivers tell repeats by the notice's id. Raises what went wrong."""
        ...
