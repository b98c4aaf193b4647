"""The running server as its data folder tells of it: postmaster.pid, read with suspicion."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PORT = 5432  # only the name of the socket: the server listens on no network
NOBODY_PID = 2**22  # one above the highest that Linux gives; macOS ends far below
POLL_SECONDS = 0.005
SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # every PostgreSQL answers it with one byte, before any sign-in
# Fast shutdown first; then an immediate one, which costs the next start a recovery but no data; then force.
STOP_STEPS = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))


@dataclass(frozen=True)
class Postmaster:
    """A live server process of one data folder."""

    pid: int
    cluster: Path
    socket_folder: Path | None
    status: str
    """What the server says of itself: "starting", "ready", "stopping"; empty in its first instant."""

    @classmethod
    def find(cls, cluster: Path) -> Postmaster | None:
        """The server of this data folder, or None where the file is missing, or left by a dead process.

        After a reboot the number in the file may be somebody else's: the process must name the folder.
        """
        pid, socket_folder, status = _read_pid_file(cluster)
        if not _serves(pid, cluster):
            return None
        return cls(pid, cluster, socket_folder, status)

    def answers(self) -> bool:
        """Whether somebody speaks PostgreSQL at the socket."""
        if self.status != "ready" or self.socket_folder is None:
            return False
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(2)
                line.connect(f"{self.socket_folder}/.s.PGSQL.{PORT}")
                line.sendall(SSL_REQUEST)
                return line.recv(1) in {b"S", b"N"}
        except OSError:
            return False

    def stop(self, process: subprocess.Popen[bytes] | None = None) -> None:
        """Stop the server and wait until it is gone; an interruption leaves it stopping by itself."""
        for step, patience_seconds in STOP_STEPS:
            with suppress(ProcessLookupError):
                os.kill(self.pid, step)
            if self._gone_within(patience_seconds, process):
                return

    def _gone_within(self, seconds: float, process: subprocess.Popen[bytes] | None) -> bool:
        if process is not None and process.pid == self.pid:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                return False
            return True
        deadline = time.monotonic() + seconds
        while _serves(self.pid, self.cluster):
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True


def disown_stale(cluster: Path) -> Path | None:
    """Make a dead server's postmaster.pid name nobody; answers the socket folder that the server had.

    The caller holds the folder's gate and has found no server. Left as it is, the number may belong to another process
    by now, or to a dead one that nobody has buried, and PostgreSQL would refuse to start beside it. The file itself
    stays: from it PostgreSQL learns which shared memory the dead server's last children may still be writing to.
    """
    _, socket_folder, _ = _read_pid_file(cluster)
    with suppress(FileNotFoundError), (cluster / "postmaster.pid").open("r+") as file:  # in place: it keeps its owner
        _, *others = file.read().splitlines(keepends=True) or [""]
        file.seek(0)
        file.truncate()
        file.writelines([f"{NOBODY_PID}\n", *others])
    return socket_folder


def _read_pid_file(cluster: Path) -> tuple[int, Path | None, str]:
    """Process, socket folder and status; the file grows while a server starts, so any of them may be missing yet."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        lines = []
    pid, _folder, _started, _port, socket_folder, _address, _memory, status = [*lines, *[""] * 8][:8]
    return int(pid) if pid.isdigit() else 0, Path(socket_folder) if socket_folder else None, status.strip()


def _command_line(pid: int) -> str:
    """The command line of a live process; empty for one that is gone, or dead and not yet buried."""
    if not pid:
        return ""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ").strip()
        except OSError:
            return ""
    listed = subprocess.run(  # noqa: S603 - a fixed command
        ["ps", "-ww", "-p", str(pid), "-o", "args="],  # noqa: S607 - macOS has it in one place, others elsewhere
        capture_output=True,
        text=True,
        check=False,
    )
    return listed.stdout.strip()


def _serves(pid: int, cluster: Path) -> bool:
    return f" -D {cluster} " in _command_line(pid)
