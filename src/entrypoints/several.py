"""Several processes that serve on one address, each with its own event loop and connections to the database. The kernel
hands each request's connection to one of them. This process serves nobody: it starts them, starts another one when one
ends, and answers on the private port for all of them together.
"""

import asyncio
import multiprocessing
import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing.process import BaseProcess

import structlog

from entrypoints import metrics
from entrypoints.listening import address_of
from entrypoints.private import Ready, privately_served
from entrypoints.settings import Settings
from entrypoints.stopping import Stop, stopped_by_signals

START_AGAIN_SECONDS = 1.0
KILL_AFTER_SECONDS = 20.0
"""More than a process takes that waits for its last requests."""

_log = structlog.get_logger("several")

Serve = Callable[[Settings, socket.socket], None]


async def serve_in_several(
    settings: Settings, listener: socket.socket, private: socket.socket | None, ready: Ready, serve: Serve
) -> None:
    """Serve until it is time to stop. ``serve`` is what each process does, in a fresh interpreter."""
    folder = tempfile.mkdtemp(prefix="account-credit-metrics-")
    os.environ[metrics.MULTIPROCESS_FOLDER] = folder
    start = partial(_start, settings, listener, serve)
    try:
        async with (
            stopped_by_signals() as stop,
            privately_served(private, ready),
            asyncio.TaskGroup() as tasks,
        ):
            _log.info("serving", address=address_of(listener), process_id=os.getpid(), processes=settings.processes)
            for _ in range(settings.processes):
                tasks.create_task(_keep_one(stop, start))
        _log.info("stopped")
    finally:
        del os.environ[metrics.MULTIPROCESS_FOLDER]
        shutil.rmtree(folder, ignore_errors=True)


def _start(settings: Settings, listener: socket.socket, serve: Serve) -> BaseProcess:
    # Not forked: an event loop and its threads do not survive that.
    process = multiprocessing.get_context("spawn").Process(target=_serve_as_child, args=(serve, settings, listener))
    process.start()
    return process


def _serve_as_child(serve: Serve, settings: Settings, listener: socket.socket) -> None:
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    serve(settings, listener)


def _leave_with_parent() -> None:
    """Whoever started us was killed: nobody would ever tell us to stop."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


async def _keep_one(stop: Stop, start: Callable[[], BaseProcess]) -> None:
    """One process at any time, until it is time to stop."""
    while not stop.asked.is_set():
        process = start()
        ended = asyncio.create_task(_ended(process))
        asked = asyncio.create_task(stop.asked.wait())
        await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
        if stop.asked.is_set():
            await _stop(stop, process, ended)
        else:
            _log.error("process_ended", process_id=process.pid, status=process.exitcode)
            await asyncio.wait({asked}, timeout=START_AGAIN_SECONDS)
        asked.cancel()
        if process.pid is not None:
            metrics.process_ended(process.pid)
        process.close()


async def _ended(process: BaseProcess) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(process.sentinel, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(process.sentinel)
    process.join()


async def _stop(stop: Stop, process: BaseProcess, ended: "asyncio.Task[None]") -> None:
    """Tell it, tell it again when somebody has grown impatient, and wait for it."""
    process.terminate()
    at_once = asyncio.create_task(stop.at_once.wait())
    done, _ = await asyncio.wait({ended, at_once}, timeout=KILL_AFTER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    at_once.cancel()
    if ended not in done:
        if stop.at_once.is_set():
            process.terminate()
        else:
            process.kill()
    await ended
