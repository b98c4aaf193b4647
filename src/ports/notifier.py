"""Tells somebody."""

from typing import Protocol

from core.notices import DueNotice


class Notifier(Protocol):
    async def send(self, notice: DueNotice) -> None:
        """Deliver it, perhaps more than once: receivers tell repeats by the notice's id. Raises what went wrong."""
        ...
