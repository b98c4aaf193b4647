"""Notices on their way out of one shop: written with what they tell of, sent later."""

from datetime import datetime
from typing import Protocol

from core.ids import NoticeId
from core.notices import DueNotice, Notice


class Outbox(Protocol):
    def add(self, notice: Notice) -> None:
        """Stage a notice."""
        ...

    async def claim(self, *, limit: int) -> list[DueNotice]:
        """Notices that are due, oldest first, locked until the transaction ends; those that another worker has are
        passed over.
        """
        ...

    async def sent(self, notice_id: NoticeId) -> None: ...

    async def failed(self, notice_id: NoticeId, *, due_at: datetime) -> None:
        """It did not go out; try again then."""
        ...
