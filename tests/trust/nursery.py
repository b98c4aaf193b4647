"""Processes of the program, forked from one that has imported it already: importing is most of what a start takes.

Each is a process like any other, to be signalled and killed. Run as a program this module is the one that forks.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any


class Process:
    """One command of the program. What it says goes to a file."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self.status: int | None = None
        self._nursery = nursery

    def poll(self) -> int | None:
        """Its exit status once it has ended; below zero, the signal that ended it."""
        if self.status is None:
            self.status = self._nursery.ask(wait=self.pid)
        return self.status

    async def wait(self, *, seconds: float) -> int:
        async with asyncio.timeout(seconds):
            while (status := self.poll()) is None:
                await asyncio.sleep(0.01)
        return status

    def signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class Nursery:
    """Starts processes of the program."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._process = subprocess.Popen(  # noqa: S603  # this module
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, *arguments: str, settings: Mapping[str, str], output: Path) -> Process:
        """``account-credit`` with these arguments and this environment."""
        return Process(self, self.ask(start=arguments, settings=dict(settings), output=str(output)))

    def ask(self, **order: Any) -> Any:
        orders, answers = self._process.stdin, self._process.stdout
        assert orders is not None
        assert answers is not None
        with self._one_at_a_time:
            orders.write(f"{json.dumps(order)}\n")
            orders.flush()
            return json.loads(answers.readline())

    def close(self) -> None:
        """Kills what it started and still lives."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(10)


@cache
def nursery() -> Nursery:
    """The one of this run."""
    opened = Nursery()
    atexit.register(opened.close)
    return opened


def _main() -> None:
    import entrypoints.cli.verify  # noqa: PLC0415
    import entrypoints.serving  # noqa: F401, PLC0415

    alive: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        answer: int | None
        if "start" in order:
            answer = os.fork()
            if answer == 0:
                _become(order)
            alive.add(answer)
        else:
            ended, status = os.waitpid(order["wait"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else None
            alive -= {ended}
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _become(order: Mapping[str, Any]) -> None:
    """The command that was ordered, in a process that was just forked."""
    from entrypoints.cli import main  # noqa: PLC0415

    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for number, target in enumerate((nothing, output, output)):
        os.dup2(target, number)
    os.environ.clear()
    os.environ.update(order["settings"])
    main(order["start"], prog_name="account-credit")


if __name__ == "__main__":
    _main()
