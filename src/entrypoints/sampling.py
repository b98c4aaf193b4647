"""Looks now and then at what is not counted as it happens: connections, what waits in the outbox, what verifying found.

Only where there is a private port, on which somebody could see it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import structlog

from entrypoints import metrics
from entrypoints.container import Container
from ports.transactions import DatabaseTrouble

POOL_SECONDS = 1.0
OUTBOX_SECONDS = 15.0
"""It goes through all that is due."""
VERIFIED_EVERY = 4
"""What verifying found is looked at once in so many looks at the outbox: it goes through all shops."""

_log = structlog.get_logger("sampling")


@asynccontextmanager
async def connections_sampled(container: Container) -> AsyncIterator[None]:
    """Look at the pool for the length of the block."""
    async with _meanwhile(container, _watch_pool):
        yield


@asynccontextmanager
async def outbox_sampled(container: Container) -> AsyncIterator[None]:
    """Look at the outbox and at what verifying found for the length of the block, one after the other: the worker's
    own work needs connections too.
    """
    async with _meanwhile(container, _watch_outbox):
        yield


@asynccontextmanager
async def _meanwhile(
    container: Container, watch: Callable[[Container], Coroutine[Any, Any, None]]
) -> AsyncIterator[None]:
    if container.settings().metrics_port is None:
        yield
        return
    watching = asyncio.create_task(watch(container))
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _watch_pool(container: Container) -> None:
    while True:
        look_at_pool(container)
        await asyncio.sleep(POOL_SECONDS)


async def _watch_outbox(container: Container) -> None:
    for number in count():
        await _tried(look_at_outbox(container))
        if number % VERIFIED_EVERY == 0:
            await _tried(look_at_verified(container))
        await asyncio.sleep(OUTBOX_SECONDS)


async def _tried(look: Awaitable[None]) -> None:
    try:
        await look
    except DatabaseTrouble:
        pass  # who works with the database says so, and the figures say how old they are
    except Exception:  # noqa: BLE001  # figures are not worth a process
        _log.exception("sampling_failed")


def look_at_pool(container: Container) -> None:
    use = container.database().use
    metrics.pool(open_=use.open, in_use=use.in_use, most=use.most)


async def look_at_outbox(container: Container) -> None:
    for stage in await container.waiting()(at=container.clock().now()):
        metrics.outbox(stage=stage.stage, waiting=stage.waiting, lag_seconds=stage.lag_seconds)
    metrics.sampled("outbox")


async def look_at_verified(container: Container) -> None:
    verified = await container.waiting().verified(at=container.clock().now())
    metrics.verified(
        age_seconds=verified.age_seconds, never=verified.never, shops_with_findings=verified.shops_with_findings
    )
    metrics.sampled("verified")
