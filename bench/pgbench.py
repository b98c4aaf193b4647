"""Runs pgbench and reads what it says."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from urllib.parse import parse_qs, urlsplit

WARM_SECONDS = 2
"""Each connection prepares its statements, and plans them anew the first five times. Later ones count."""

_EACH_SECOND = re.compile(r"^progress: (?P<at>[0-9.]+) s, (?P<tps>[0-9.]+) tps,", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: (?P<failed>\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Driven:
    """``cpu_seconds``: as the caller counts them, in the same time."""

    per_second: float
    transactions: float
    cpu_seconds: float


async def run(
    program: Path, url: str, script: Path, *, seconds: int, connections: int, cpu_seconds: Callable[[], float]
) -> Driven:
    """Each connection one transaction after the other, with prepared statements, for that long."""
    parts = urlsplit(url)
    where = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    process = await asyncio.create_subprocess_exec(
        str(program),
        *("--no-vacuum", "--protocol", "prepared", "--client", str(connections), "--jobs", "1", "--progress", "1"),
        *("--time", str(WARM_SECONDS + seconds), "--file", str(script)),
        *("--host", where["host"], "--port", where["port"], "--username", parts.username or "", parts.path[1:]),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    ending = asyncio.create_task(process.communicate())
    await asyncio.wait({ending}, timeout=WARM_SECONDS)
    before = cpu_seconds()
    said, _ = await ending
    if process.returncode:
        raise RuntimeError(f"pgbench failed: {said.decode()[-4000:]}")
    per_second = read(said.decode())
    return Driven(per_second=per_second, transactions=per_second * seconds, cpu_seconds=cpu_seconds() - before)


def read(said: str) -> float:
    """Transactions a second, once it was warm. One that failed ends the measurement: it would be a quick one."""
    warm = [float(each["tps"]) for each in _EACH_SECOND.finditer(said) if float(each["at"]) > WARM_SECONDS + 0.5]
    failed = _FAILED.search(said)
    if not warm or (failed is not None and int(failed["failed"])):
        raise RuntimeError(f"pgbench failed: {said[-4000:]}")
    return mean(warm)
