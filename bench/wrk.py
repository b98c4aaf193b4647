"""Runs wrk against a server and reads what it says."""

import asyncio
import json
import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import time_ns

SCRIPT = Path(__file__).with_name("requests.lua")
_runs = count(1)


@dataclass(frozen=True)
class Answered:
    """``refused``: answered with 400 or more; ``broken``: not answered. Times in milliseconds."""

    requests: int
    seconds: float
    refused: int
    broken: int
    p50: float
    p99: float
    longest: float

    def require_sound(self) -> None:
        """Every request was done; a refusal would be a quick one."""
        if self.refused or self.broken or not self.requests:
            raise RuntimeError(f"not every request was done: {self}")

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def is_here() -> bool:
    return shutil.which("wrk") is not None


async def run(
    url: str, operation: str, tokens: Path, *, clients: int, seconds: int, connections: int, only: int | None = None
) -> Answered:
    """``only``: all requests are about that client."""
    word = f"{time_ns():x}{next(_runs)}"
    arguments = [operation, str(tokens), str(clients), word, *([] if only is None else [str(only)])]
    process = await asyncio.create_subprocess_exec(
        *("wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"),
        *("--timeout", "30s", "--latency", "--script", str(SCRIPT), url, "--", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return read(said.decode())


def read(said: str) -> Answered:
    """What the script says at its end."""
    figures = [line.removeprefix("figures ") for line in said.splitlines() if line.startswith("figures ")]
    if len(figures) != 1:
        raise RuntimeError(f"wrk failed: {said}")
    read = json.loads(figures[0])
    return Answered(
        requests=read["requests"],
        seconds=read["microseconds"] / 1e6,
        refused=read["refused"],
        broken=read["broken"],
        p50=read["p50"] / 1000,
        p99=read["p99"] / 1000,
        longest=read["longest"] / 1000,
    )
