"""The program as processes of their own, the way a person or a supervisor runs it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PROGRAM = (sys.executable, "-m", "entrypoints.cli")
PATIENCE_SECONDS = 180
"""Far more than anything here takes: a machine that others keep busy starts a program ten times as slowly."""


def without_our_settings(**settings: str) -> dict[str, str]:
    """An environment in which nothing of ours is set but these."""
    ours = ("ACCOUNT_CREDIT_", "PYTEST_")
    return {**{name: text for name, text in os.environ.items() if not name.startswith(ours)}, **settings}


def run(
    *arguments: str, settings: Mapping[str, str], said: bytes = b"", folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; ``said``: what it reads on standard input."""
    done = subprocess.run(  # noqa: S603  # our own program
        [*PROGRAM, *arguments],
        env=without_our_settings(**settings),
        input=said,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        cwd=folder,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def running(*arguments: str, settings: Mapping[str, str], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A command that runs until it is told to stop. What it says goes to ``out`` and ``err`` in the folder."""
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(  # noqa: S603  # our own program
            [*PROGRAM, *arguments],
            env=without_our_settings(**settings),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_SECONDS)


def stop(process: "subprocess.Popen[bytes]", number: signal.Signals) -> int:
    """Tell it to stop; its exit status."""
    process.send_signal(number)
    return process.wait(PATIENCE_SECONDS)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.02)


@contextmanager
def taken_port() -> Iterator[int]:
    """A port that somebody else serves on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


_kept: list[socket.socket] = []


def free_port() -> int:
    """A port for a program that is started later; nobody else on this machine is given it meanwhile."""
    probe = socket.socket()
    # Linux lets a program that says the same take over a port that is bound and not listened on.
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    port: int = probe.getsockname()[1]
    if sys.platform == "linux":
        _kept.append(probe)
    else:
        probe.close()
    return port
