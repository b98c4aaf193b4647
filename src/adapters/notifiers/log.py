"""Tells the log."""

import structlog

from core.deliveries import Delivery, NoticeHead, OffReason
from core.ids import ReceiverId, ShopId

_log = structlog.get_logger("notices")


class StructuredNoticeLog:
    """See :class:`ports.notifier.NoticeLog`."""

    def routed(self, shop_id: ShopId, notice: NoticeHead, *, receivers: int) -> None:
        """One line a notice."""
        _log.info(
            "notice",
            kind=notice.kind.value,
            notice_id=str(notice.id),
            shop_id=str(shop_id),
            client_id=str(notice.client_id),
            receivers=receivers,
        )

    def not_accepted(self, delivery: Delivery, *, fault: Exception | None) -> None:
        """Without the answer: that is for the shop, and may say anything."""
        _log.warning("not_accepted", **_facts(delivery), exc_info=fault)

    def failed_at(self, shop_id: ShopId, fault: Exception) -> None:
        """With its traceback."""
        _log.error("failed_at_shop", shop_id=str(shop_id), exc_info=fault)

    def switched_off(self, shop_id: ShopId, receiver_id: ReceiverId, reason: OffReason) -> None:
        """One line."""
        _log.warning("endpoint_off", shop_id=str(shop_id), endpoint_id=str(receiver_id), reason=reason.value)


class LogNotifier:
    """See :class:`ports.notifier.Notifier`. Stands in for one that would send."""

    async def send(self, delivery: Delivery) -> str:
        _log.info("delivered_to_the_log", **_facts(delivery))
        return "written to the log"


def _facts(delivery: Delivery) -> dict[str, object]:
    return {
        "kind": delivery.notice.kind.value,
        "notice_id": str(delivery.notice.id),
        "delivery_id": str(delivery.id),
        "shop_id": str(delivery.shop.id),
        "channel": delivery.receiver.channel.value,
        "attempt": delivery.attempt,
    }
