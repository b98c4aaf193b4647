"""The worker: sends what is due in the outbox, round after round."""

import asyncio

import structlog

from core.use_cases.deliver_notices import DeliverNotices
from entrypoints.container import Container, running
from entrypoints.logging import configure_logging
from entrypoints.settings import Settings
from entrypoints.stopping import Stop, run, stopped_by_signals
from ports.transactions import Conflict, DatabaseTrouble

IDLE_SECONDS = 0.5
GRACE_SECONDS = 10
"""How long a round may still take once the worker is told to stop; what it has not marked by then is sent again."""

_log = structlog.get_logger("worker")


async def deliver_until(stop: Stop, deliver: DeliverNotices) -> None:
    """Send until it is time to stop. Nothing that goes wrong in a round ends the worker."""
    rounds = asyncio.create_task(_rounds(stop, deliver))
    asked = asyncio.create_task(stop.asked.wait())
    try:
        await asyncio.wait({rounds, asked}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({rounds}, timeout=GRACE_SECONDS)
    finally:
        asked.cancel()
        rounds.cancel()
        await asyncio.wait({rounds})


async def _rounds(stop: Stop, deliver: DeliverNotices) -> None:
    while not stop.asked.is_set():
        if not await _round(deliver):
            await _pause(stop)


async def _round(deliver: DeliverNotices) -> bool:
    """Whether there may be more to send at once."""
    try:
        return await deliver() > 0
    except (DatabaseTrouble, Conflict) as trouble:
        _log.warning("worker_waits", trouble=type(trouble).__name__)
    except Exception:  # noqa: BLE001  # one notice that cannot even be read must not keep back all that come later
        _log.exception("round_failed")
    return False


async def _pause(stop: Stop) -> None:
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            await stop.asked.wait()
    except TimeoutError:
        pass


def work(settings: Settings) -> None:
    """Send until SIGTERM or Ctrl-C."""
    configure_logging(settings.log_format)
    run(_work(Container(settings=settings)))


async def _work(container: Container) -> None:
    async with stopped_by_signals() as stop, running(container):
        _log.info("working")
        await deliver_until(stop, container.deliver_notices())
        _log.info("stopped")


def work_once(settings: Settings) -> int:
    """Send what is due now; how many notices that were."""
    configure_logging(settings.log_format)
    return asyncio.run(_work_once(Container(settings=settings)))


async def _work_once(container: Container) -> int:
    deliver = container.deliver_notices()
    sent = 0
    async with running(container):
        while more := await deliver():
            sent += more
    return sent
