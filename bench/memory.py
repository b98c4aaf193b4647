"""What a server process holds in memory while it is asked for everything in turn."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import wrk
from bench.installation import Installation, Served
from bench.operations import OPERATIONS
from bench.processes import resident_bytes
from bench.progress import Progress
from bench.side_by_side import CONNECTIONS
from bench.streams import MEGABYTE

_SLICE_SECONDS = 10


async def memory(
    installation: Installation,
    served: Served,
    *,
    clients: int,
    shops: int,
    minutes: float,
    progress: Progress,
) -> dict[str, Any]:
    """The largest process, in megabytes, over that many minutes of load."""
    samples: list[tuple[float, float]] = []
    began = time.monotonic()
    signed_in = 0.0
    tokens = Path()
    slice_seconds = max(1, min(_SLICE_SECONDS, round(minutes * 60 / len(OPERATIONS) / 2)))
    while (elapsed := time.monotonic() - began) < minutes * 60 or len(samples) < 2 * len(OPERATIONS):
        if not signed_in or time.monotonic() - signed_in > 600:  # access tokens last fifteen minutes
            tokens, signed_in = await installation.sign_in(served, shops), time.monotonic()
        operation = OPERATIONS[len(samples) % len(OPERATIONS)]
        answered = await wrk.run(
            served.url,
            operation.name,
            tokens,
            clients=clients,
            seconds=slice_seconds,
            connections=CONNECTIONS,
        )
        answered.require_sound()
        samples.append((elapsed / 60, max(resident_bytes(pid) for pid in served.workers()) / MEGABYTE))
        progress.step()
    return {"minutes": minutes, "megabytes": samples[-1][1], "growth": _growth(samples), "samples": samples}


def _growth(samples: Sequence[tuple[float, float]]) -> float:
    """From the first tenth of the time, when all had its first use, to the end."""
    settled = samples[max(len(samples) // 10, len(OPERATIONS)) - 1][1]
    return samples[-1][1] / settled - 1
