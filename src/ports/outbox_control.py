"""Whether notices go out from this installation at all."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct


class Pause(Struct, frozen=True):
    """``since``: None where the database found out by itself that it is a copy."""

    since: datetime | None
    why: str


class OutboxControl(Protocol):
    """A database remembers where it runs. One that was restored from a backup runs somewhere else, and sends nothing
    until somebody says so: what it still has to send may have been sent since the backup.
    """

    async def pause_now(self) -> Pause | None:
        """Why nothing is to be sent; None if all is well. The first time ever it remembers where it runs."""
        ...

    async def pause(self, why: str) -> None: ...

    async def resume(self) -> None:
        """Send again, and from here."""
        ...
