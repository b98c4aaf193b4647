"""Run until somebody says stop: Ctrl-C, SIGTERM, or the terminal going away."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NoReturn

import uvloop

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Whether it is time to stop. ``at_once``: whether somebody has grown impatient."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.at_once = asyncio.Event()

    def ask(self) -> None:
        if self.asked.is_set():
            self.at_once.set()
        self.asked.set()


@contextmanager
def interrupted_by_signals() -> Iterator[Callable[[], None]]:
    """Signals interrupt the block as Ctrl-C does, also where Ctrl-C was ignored when the process began.

    Python drops what a handler raises while an object is being destroyed. So what the block is given is to be called
    between its steps: it raises KeyboardInterrupt if there was a signal.
    """
    told = False

    def interrupt(*_: object) -> NoReturn:
        nonlocal told
        told = True
        raise KeyboardInterrupt

    def check() -> None:
        if told:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _STOPPING}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@asynccontextmanager
async def stopped_by_signals() -> AsyncIterator[Stop]:
    """Signals ask to stop for the length of the block, a second one at once; afterwards they do what they did."""
    stop = Stop()
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _STOPPING}
    for number in _STOPPING:
        loop.add_signal_handler(number, stop.ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def run(program: Coroutine[Any, Any, None]) -> None:
    """Run it to its end on the quick event loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(program)
