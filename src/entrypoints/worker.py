"""The worker: makes deliveries of what is in the outbox, and sends what is due, round after round."""

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass

import structlog

from core.use_cases.deliver_notices import DeliverNotices
from core.use_cases.route_notices import RouteNotices
from core.use_cases.tell_owners import TellOwners
from entrypoints.container import Container, running
from entrypoints.logging import configure_logging
from entrypoints.private import Ready, private_listener, privately_served
from entrypoints.resealing import keep_sealed
from entrypoints.sampling import connections_sampled, outbox_sampled
from entrypoints.settings import Settings
from entrypoints.stopping import Stop, run, stopped_by_signals
from ports.outbox_control import OutboxControl, Pause
from ports.transactions import Conflict, DatabaseTrouble

IDLE_SECONDS = 0.25
BUSY_SECONDS = 0.02
"""Between rounds at the least: each asks which shops have something due."""
FAILED_SECONDS = 5.0
NOT_READY_SECONDS = 1.0
"""Between looks whether the database is there and migrated."""
TELL_SECONDS = 2.0
"""Between looks for endpoints that were switched off. Days have gone by until then."""
GRACE_SECONDS = 10.0
"""For what is being sent when the worker is told to stop; what has not ended by then is sent again."""

_log = structlog.get_logger("worker")


@dataclass
class Worker:
    """Anything that goes wrong in a round ends that round, never the worker."""

    control: OutboxControl
    route: RouteNotices
    deliver: DeliverNotices
    tell_owners: TellOwners | None = None
    paused: Pause | None = None

    async def until(self, stop: Stop) -> None:
        """Send until it is time to stop, then give back what is in hand."""
        telling = asyncio.create_task(self._tell(stop))
        try:
            while not stop.asked.is_set():
                pause_seconds = await self._round()
                await asyncio.sleep(BUSY_SECONDS)
                await self._something(stop, within_seconds=pause_seconds)
        finally:
            telling.cancel()
            await self.deliver.stop(stop.at_once, grace_seconds=GRACE_SECONDS)

    async def once(self) -> tuple[int, int]:
        """Send all that is due: how many notices were routed, and how many deliveries accepted."""
        routed = 0
        accepted_before = self.deliver.accepted
        while not await self._is_paused():
            more = await self.route()
            routed += more
            if not await self.deliver() and not more:
                break
            await self.deliver.drain()
        if self.tell_owners is not None and self.paused is None:
            await self.tell_owners()
        return routed, self.deliver.accepted - accepted_before

    async def _tell(self, stop: Stop) -> None:
        """Beside the rounds, which must not wait for it."""
        while self.tell_owners is not None and not stop.asked.is_set():
            await asyncio.sleep(TELL_SECONDS)
            try:
                if not await self._is_paused():
                    await self.tell_owners()
            except DatabaseTrouble:
                pass  # the rounds say so
            except Exception:  # noqa: BLE001  # the next time may go well
                _log.exception("round_failed")

    async def _something(self, stop: Stop, *, within_seconds: float) -> None:
        """Wait until there may be something to do again."""
        waits = [asyncio.create_task(event.wait()) for event in (stop.asked, self.deliver.settled)]
        try:
            await asyncio.wait(waits, timeout=within_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _round(self) -> float:
        """How long to wait until the next one, unless something ends before."""
        self.deliver.settled.clear()
        try:
            if await self._is_paused():
                return IDLE_SECONDS
            if await self.route() + await self.deliver():
                return 0
        except Conflict:
            pass
        except DatabaseTrouble as trouble:
            _log.warning("worker_waits", trouble=type(trouble).__name__)
            return trouble.retry_after_seconds
        except Exception:  # noqa: BLE001  # the next round may go well
            _log.exception("round_failed")
            return FAILED_SECONDS
        return IDLE_SECONDS

    async def _is_paused(self) -> bool:
        pause = await self.control.pause_now()
        if pause != self.paused:
            self.paused = pause
            if pause is None:
                _log.info("resumed")
            else:
                _log.warning("paused", why=pause.why, go_on_with="account-credit outbox resume")
        if pause is not None:
            self.deliver.hold_back()
        return pause is not None


def worker_of(container: Container) -> Worker:
    """What a worker is made of."""
    return Worker(
        container.outbox_control(), container.route_notices(), container.deliver_notices(), container.tell_owners()
    )


def work(settings: Settings) -> None:
    """Send until SIGTERM or Ctrl-C."""
    configure_logging(settings.log_format)
    with private_listener(settings) as private:
        run(_work(Container(settings=settings), private))


async def _work(container: Container, private: socket.socket | None) -> None:
    async with (
        stopped_by_signals() as stop,
        running(container),
        connections_sampled(container),
        privately_served(private, container.readiness()),
    ):
        await _ready(container.readiness(), stop)
        if not stop.asked.is_set():
            await _work_until(stop, container)
        _log.info("stopped")


async def _ready(ready: Ready, stop: Stop) -> None:
    """Wait until the database is there and has what this program needs, or until it is time to stop."""
    told = False
    while not (await ready() or stop.asked.is_set()):
        if not told:
            _log.warning("not_ready")
            told = True
        with suppress(TimeoutError):
            async with asyncio.timeout(NOT_READY_SECONDS):
                await stop.asked.wait()


async def _work_until(stop: Stop, container: Container) -> None:
    _log.info("working")
    resealing = asyncio.create_task(keep_sealed(container.reseal_secrets()))
    try:
        async with outbox_sampled(container):
            await worker_of(container).until(stop)
    finally:
        resealing.cancel()
        await asyncio.wait({resealing})


def work_once(settings: Settings) -> tuple[int, int]:
    """Send what is due now: how many notices were routed, and how many deliveries accepted."""
    configure_logging(settings.log_format)
    return asyncio.run(_work_once(Container(settings=settings)))


async def _work_once(container: Container) -> tuple[int, int]:
    async with running(container):
        return await worker_of(container).once()
