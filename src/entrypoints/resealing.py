"""Keeps the signing secrets of webhooks under the key that seals now, so that older keys can be dropped in time."""

import asyncio

import structlog

from core.use_cases.reseal_secrets import ResealSecrets
from ports.transactions import Conflict, DatabaseTrouble

AGAIN_SECONDS = 24 * 3600.0
"""A process that was restarted later than this one may still have sealed something with an older key."""
FAILED_SECONDS = 60.0

_log = structlog.get_logger("worker")


async def keep_sealed(reseal: ResealSecrets) -> None:
    """At once, and then every day."""
    while True:
        try:
            done = await reseal()
        except (Conflict, DatabaseTrouble) as trouble:
            _log.warning("resealing_waits", trouble=type(trouble).__name__)
            await asyncio.sleep(FAILED_SECONDS)
            continue
        if done.resealed or done.unreadable:
            _log.info("resealed", secrets=done.resealed, unreadable=done.unreadable)
        await asyncio.sleep(AGAIN_SECONDS)
