"""Counts what notifiers do, whatever they do it by."""

from time import perf_counter

from core.deliveries import Channel, Delivery
from entrypoints import metrics
from ports.notifier import Notifier


class CountedNotifier:
    """See :class:`ports.notifier.Notifier`."""

    def __init__(self, channel: Channel, notifier: Notifier) -> None:
        self._channel = channel
        self._notifier = notifier

    async def send(self, delivery: Delivery) -> str:
        """As the notifier does."""
        began, accepted = perf_counter(), False
        try:
            answer = await self._notifier.send(delivery)
            accepted = True
            return answer
        finally:
            metrics.delivered(channel=self._channel.value, accepted=accepted, seconds=perf_counter() - began)
