"""Tells somebody."""

from typing import Protocol

from core.deliveries import Delivery, NoticeHead, OffReason
from core.ids import ReceiverId, ShopId


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
    async def send(self, delivery: Delivery) -> str:
        """Deliver it, perhaps more than once: receivers tell repeats by the notice's id. What the receiver answered,
        printable, at most 1,000 characters, for the log.

        Raises:
            NotAccepted: or anything else, which counts as not accepted and is a fault of the notifier.
        """
        ...


class NoticeLog(Protocol):
    """Tells whoever runs the installation. What happened, not to whom."""

    def routed(self, shop_id: ShopId, notice: NoticeHead, *, receivers: int) -> None:
        """A notice goes to that many receivers, perhaps to none."""
        ...

    def not_accepted(self, delivery: Delivery, *, fault: Exception | None) -> None:
        """An attempt failed. ``fault``: what the notifier should not have raised."""
        ...

    def failed_at(self, shop_id: ShopId, fault: Exception) -> None:
        """Something went wrong at a shop that is no trouble of the database."""
        ...

    def switched_off(self, shop_id: ShopId, receiver_id: ReceiverId, reason: OffReason) -> None:
        """An endpoint gets nothing more until staff switch it on again."""
        ...
