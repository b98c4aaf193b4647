"""Who is at a data folder: locks that the kernel takes back when a process dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

SIGNATURE_SECONDS = 1.0
POLL_SECONDS = 0.005


class FolderLock:
    """A lock on one file; held by this object, not by the process, and never handed to child processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._signed = False

    def acquire(self, *, shared: bool = False) -> None:
        """Wait for the lock. A shared lock keeps out only those who want it alone."""
        self._take(fcntl.LOCK_SH if shared else fcntl.LOCK_EX)

    def try_acquire(self) -> bool:
        """Take the lock alone if that is possible at once; answers whether it was."""
        try:
            self._take(fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let go of the lock, if held, and take back the word that was left."""
        if self._file is not None:
            if self._signed:
                os.ftruncate(self._file, 0)
                self._signed = False
            os.close(self._file)
            self._file = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock now."""
        return self._file is not None

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Hold the lock, shared, for a block."""
        self.acquire(shared=True)
        try:
            yield
        finally:
            self.release()

    def sign(self, text: str) -> None:
        """Leave a word for those who find the lock taken."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, text.encode(), 0)
            self._signed = True

    def signature(self) -> str:
        """The word of whoever holds the lock, who leaves it a moment after it came; empty where it stays silent."""
        deadline = time.monotonic() + SIGNATURE_SECONDS
        while not (word := self._path.read_text(errors="replace").strip()) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return word

    def __enter__(self) -> FolderLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _take(self, operation: int) -> None:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, operation)
        except BaseException:
            os.close(file)
            raise
        self._file = file
