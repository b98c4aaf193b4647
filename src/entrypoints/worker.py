"""The worker: sends what is due in the outbox, round after round."""

import asyncio
from contextlib import suppress

import structlog

from core.use_cases.deliver_notices import DeliverNotices
from entrypoints.container import Container, running
from entrypoints.logging import configure_logging
from entrypoints.settings import Settings
from entrypoints.stopping import Stop, run, stopped_by_signals
from ports.transactions import Conflict, DatabaseTrouble

IDLE_SECONDS = 0.5
FAILED_SECONDS = 5.0
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
        pause_seconds = await _round(deliver)
        if pause_seconds:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_seconds):
                    await stop.asked.wait()


async def _round(deliver: DeliverNotices) -> float:
    """How long to wait until the next one."""
    try:
        return 0 if await deliver() else IDLE_SECONDS
    except Conflict:
        return IDLE_SECONDS
    except DatabaseTrouble as trouble:
        _log.warning("worker_waits", trouble=type(trouble).__name__)
        return trouble.retry_after_seconds
    except Exception:  # noqa: BLE001  # one notice that cannot even be read must not keep back all that come later
        _log.exception("round_failed")
        return FAILED_SECONDS


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
