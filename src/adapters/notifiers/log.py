"""Tells the log."""

import structlog

from core.notices import DueNotice

_log = structlog.get_logger("notices")


class LogNotifier:
    """See :class:`ports.notifier.Notifier`. The log gets what happened, not to whom."""

    async def send(self, notice: DueNotice) -> None:
        _log.info(
            "notice",
            kind=notice.kind.value,
            notice_id=str(notice.id),
            shop_id=str(notice.shop_id),
            client_id=str(notice.client_id),
            attempt=notice.attempts + 1,
        )
