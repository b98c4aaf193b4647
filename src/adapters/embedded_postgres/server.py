"""One embedded PostgreSQL server for one data folder: started by whoever needs it first, found by everybody else.

The folder holds `cluster/` (PostgreSQL's own data), `server.log` with the one before it, and `locks/`:

- `owner` is held by a process that keeps the server for itself and for others (`start`), for as long as it keeps it;
- `users` is shared by the commands that only need a server for a while (`attach_or_start`);
- `gate` is held for the moments in which somebody starts or stops the server.

A command that finds no server starts one, and the last command to leave stops it, unless an owner has come. Locks end
with their process, so a killed owner or command leaves at worst a server running, which the next one takes over.
"""

from __future__ import annotations

import atexit
import errno
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import NoReturn
from urllib.parse import quote, urlencode

from adapters.embedded_postgres.locks import FolderLock
from adapters.embedded_postgres.postmaster import POLL_SECONDS, PORT, Postmaster, disown_stale
from adapters.embedded_postgres.programs import Programs, RunAs, choose_run_as
from adapters.embedded_postgres.refusals import EmbeddedPostgresUnavailable
from adapters.embedded_postgres.signals import signals_held_back

SUPERUSER = "postgres"
SOCKET_PATH_BYTES = 103  # macOS allows one byte less than that, Linux 107
SOCKET_FOLDER_PREFIX = "account-credit-"
ANSWER_SECONDS = 10.0
READY_SECONDS = 300.0  # far above any normal start: a recovery after a power cut reads up to a gigabyte of log

SMALL_AND_QUIET: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "io_method": "sync",
    "jit": "off",  # compiling a plan costs more than any statement of ours runs
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",  # the details of an error quote rows, and rows hold names and notes
}
# For databases that nobody will miss: a stopped server loses nothing, a killed one its last moments, a power cut all.
UNSAFE_BUT_QUICK: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """The embedded server of one data folder.

    `with EmbeddedPostgres(folder):` owns the server for the block; `with EmbeddedPostgres(folder).attach_or_start():`
    shares whatever server there is. All methods raise EmbeddedPostgresUnavailable where the server can't be had.

    `disposable` gives up safety against crashes and power cuts for speed: for tests alone. `settings` are PostgreSQL's
    own, for a server that shall be larger than one for a demo.
    """

    def __init__(
        self, data_folder: Path, *, disposable: bool = False, settings: Mapping[str, str] | None = None
    ) -> None:
        self.data_folder = data_folder.expanduser().resolve()
        self._disposable = disposable
        self._settings = settings or {}
        self._cluster = self.data_folder / "cluster"
        self._log = self.data_folder / "server.log"
        self._owner = FolderLock(self.data_folder / "locks" / "owner")
        self._users = FolderLock(self.data_folder / "locks" / "users")
        self._gate = FolderLock(self.data_folder / "locks" / "gate")
        self._programs = Programs()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_folder: Path | None = None
        self._restore_signals = _Restore()

    @property
    def programs_folder(self) -> Path:
        """The folder with PostgreSQL's programs (`pg_dump`, `pgbench`, `psql` ...) of the server's own version."""
        return self._programs.folder

    def start(self) -> None:
        """Own the server until `stop`: initialises a new folder, takes over a server that a killed owner left.

        Until then Ctrl-C, SIGTERM and SIGHUP end this process by an exception (where nobody else handles them), and
        its exit stops the server.
        """
        self._open_folder()
        if not self._owner.try_acquire():
            holder = self._owner.signature()
            raise EmbeddedPostgresUnavailable(
                f"The data folder {self.data_folder} is already in use"
                f"{f' by process {holder}' if holder else ''}: stop that one first, or name another folder."
            )
        self._restore_signals = _exit_on_signals()
        try:
            self._owner.sign(str(os.getpid()))
            atexit.register(self.stop)
            with self._gate:
                self._join_or_launch()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the owned server, also while others use it; does nothing where this object owns none."""
        if not self._owner.held:
            return
        try:
            with self._gate:
                self._shut_down()
        finally:
            self._owner.release()
            atexit.unregister(self.stop)
            self._restore_signals()

    def erase(self, *, our_files: Collection[str] = ()) -> None:
        """Delete all that the data folder holds, if it is one of ours and nobody uses it.

        `our_files`: names that others of us have put beside the server's. Anything else in the folder keeps it whole.
        """
        if not self.data_folder.exists():
            return
        self._open_folder()
        ours = {"cluster", "cluster.new", "locks", "server.log", "server.log.1", *our_files}
        strangers = sorted({path.name for path in self.data_folder.iterdir()} - ours)
        if strangers:
            raise EmbeddedPostgresUnavailable(
                f"{self.data_folder} holds something that is not ours ({strangers[0]}), so it is not deleted."
            )
        if not (self._owner.try_acquire() and self._users.try_acquire()):
            self._owner.release()
            raise EmbeddedPostgresUnavailable(f"The data folder {self.data_folder} is in use, so it is not deleted.")
        try:
            with self._gate:
                self._shut_down()  # a server that a killed owner left
                for name in ours - {"locks"}:  # held, and waited for by whoever comes now
                    path = self.data_folder / name
                    if path.is_dir():
                        shutil.rmtree(path)
                    else:
                        path.unlink(missing_ok=True)
        finally:
            self._users.release()
            self._owner.release()

    @contextmanager
    def attach_or_start(self) -> Iterator[EmbeddedPostgres]:
        """Use the running server, or start one and stop it at the end, unless others use it by then."""
        self._open_folder()
        restore_signals = _exit_on_signals()
        try:
            with self._users.sharing():
                with self._gate:
                    self._join_or_launch()
                yield self
        finally:
            self._leave()
            restore_signals()

    def url(self, role: str, database: str) -> str:
        """The address of one database as one role, in the form that asyncpg and libpq understand."""
        if self._socket_folder is None:
            raise EmbeddedPostgresUnavailable(f"The PostgreSQL server of {self.data_folder} is not running.")
        where = urlencode({"host": str(self._socket_folder), "port": PORT})
        return f"postgresql://{quote(role, safe='')}@/{quote(database, safe='')}?{where}"

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _open_folder(self) -> None:
        """Make the data folder, or make sure that it is one of ours that we may write to."""
        locks = self.data_folder / "locks"
        try:
            # Others may pass through (PostgreSQL's own user, when we are root) and read nothing.
            self.data_folder.mkdir(mode=0o711, parents=True, exist_ok=True)
            # One look at all names: of two starts at once, the other makes the locks before anything else.
            names = {path.name for path in self.data_folder.iterdir()}
            if names and locks.name not in names:
                raise EmbeddedPostgresUnavailable(
                    f"{self.data_folder} is not empty and is no data folder of this program: name another folder."
                )
            locks.mkdir(exist_ok=True)
            self._share_with_folder_owner(locks)
            for name in ("owner", "users", "gate"):
                (locks / name).open("ab").close()
                self._share_with_folder_owner(locks / name)
            if self._cluster.exists() and not os.access(self._cluster, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "it belongs to another user")
        except (FileExistsError, NotADirectoryError) as error:
            raise EmbeddedPostgresUnavailable(
                f"{self.data_folder} can't be the data folder, because it is a file or lies in one."
            ) from error
        except OSError as error:
            raise EmbeddedPostgresUnavailable(
                f"The data folder {self.data_folder} can't be written to ({error.strerror}): name another folder."
            ) from error

    def _share_with_folder_owner(self, path: Path) -> None:
        """What root makes in somebody's folder must not lock that person out once root is gone."""
        if os.geteuid() == 0:
            folder = self.data_folder.stat()
            os.chown(path, folder.st_uid, folder.st_gid)

    def _join_or_launch(self) -> None:
        """Connect to the server of the folder, or start it. The gate is held."""
        found = Postmaster.find(self._cluster)
        if found is not None and found.status == "stopping":  # its owner was ended while it waited for this
            found.stop()
            found = None
        ready = None if found is None else self._wait_until_ready()
        if ready is None:  # there is none, or the one that there was has just died
            self._launch()
            ready = self._wait_until_ready()
        if ready is None:
            raise self._did_not_start()
        self._socket_folder = ready.socket_folder

    def _launch(self) -> None:
        self._forget_dead_server()
        run_as = choose_run_as(
            self._programs,
            folders=[self.data_folder],
            owner=(self._cluster if self._cluster.exists() else self.data_folder).stat().st_uid,
        )
        if not self._cluster.exists():
            self._initialise(run_as)
        self._check_version()
        run_as.take_over(self._cluster)
        self._socket_folder = _make_socket_folder()
        run_as.take_over(self._socket_folder)
        settings = {
            **SMALL_AND_QUIET,
            **(UNSAFE_BUT_QUICK if self._disposable else {}),
            **self._settings,
            "unix_socket_directories": str(self._socket_folder),
        }
        command = [self._programs.path("postgres"), "-D", str(self._cluster)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        if self._log.exists():
            self._log.replace(self._log.with_suffix(".log.1"))
        with self._log.open("xb") as log:
            self._log.chmod(0o600)
            self._share_with_folder_owner(self._log)
            with signals_held_back():
                self._process = run_as.start(command, output=log)

    def _initialise(self, run_as: RunAs) -> None:
        """Make a new cluster aside and move it into place whole, so that an interruption leaves no half of one."""
        unfinished = self.data_folder / "cluster.new"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        run_as.take_over(unfinished)
        status, said = run_as.run(
            [
                self._programs.path("initdb"),
                f"--pgdata={unfinished}",
                f"--username={SUPERUSER}",
                "--auth=trust",  # whoever gets into the 0700 socket folder is the owner of the data
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-instructions",
                *(("--no-sync",) if self._disposable else ()),
            ]
        )
        if status != 0:
            raise EmbeddedPostgresUnavailable(
                f"PostgreSQL could not initialise the data folder {self.data_folder}: {_telling_line(said)}"
            )
        unfinished.rename(self._cluster)

    def _check_version(self) -> None:
        made_by = (self._cluster / "PG_VERSION").read_text().strip()
        ours = self._programs.major_version
        if made_by != ours:
            raise EmbeddedPostgresUnavailable(
                f"The data folder {self.data_folder} was made by PostgreSQL {made_by}, and this program brings "
                f"PostgreSQL {ours}: name another folder, or move the data with pg_dump of version {made_by}."
            )

    def _wait_until_ready(self) -> Postmaster | None:
        """The server once it answers; None where it ends before that."""
        deadline = time.monotonic() + READY_SECONDS
        answer_deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            found = Postmaster.find(self._cluster)
            if found is not None and found.answers():
                return found
            gone = found is None if self._process is None else self._process.poll() is not None
            if gone:
                return None
            if found is None or found.status != "ready":
                answer_deadline = time.monotonic() + ANSWER_SECONDS
            elif time.monotonic() > answer_deadline:
                raise EmbeddedPostgresUnavailable(
                    f"The PostgreSQL server of {self.data_folder} (process {found.pid}) runs but does not answer: "
                    "try again, or end that process first."
                )
            time.sleep(POLL_SECONDS)
        raise self._did_not_start()

    def _did_not_start(self) -> EmbeddedPostgresUnavailable:
        said = _telling_line(self._read_log())
        return EmbeddedPostgresUnavailable(f"PostgreSQL did not start in {self.data_folder}: {said}")

    def _read_log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def _leave(self) -> None:
        """Stop the server if nobody else is here, the last one out."""
        if not self._users.try_acquire():
            return
        try:
            with self._gate:
                if self._owner.try_acquire():
                    # Let go before the server stops: an owner who comes now waits at the gate, and is not refused.
                    self._owner.release()
                    self._shut_down()
        finally:
            self._users.release()

    def _shut_down(self) -> None:
        """Stop the server of the folder, whoever started it, and remove its socket folder. The gate is held."""
        found = Postmaster.find(self._cluster)
        if found is not None:
            found.stop(self._process)
            _remove_socket_folder(found.socket_folder)
        elif self._process is not None:  # it never got as far as its first file
            self._process.kill()
            self._process.wait()
        _remove_socket_folder(self._socket_folder)
        self._process = self._socket_folder = None

    def _forget_dead_server(self) -> None:
        _remove_socket_folder(disown_stale(self._cluster))


def _make_socket_folder() -> Path:
    """A new 0700 folder whose path leaves room for the socket's name: the data folder's own path may be too long."""
    for base in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes a private folder there
        longest = f"{base}/{SOCKET_FOLDER_PREFIX}xxxxxxxx/.s.PGSQL.{PORT}.lock"
        if len(os.fsencode(longest)) <= SOCKET_PATH_BYTES:
            with suppress(OSError):
                return Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER_PREFIX, dir=base))
    raise EmbeddedPostgresUnavailable(
        "There is no temporary folder with a short path to put PostgreSQL's socket in: set TMPDIR to one."
    )


def _remove_socket_folder(folder: Path | None) -> None:
    """Remove a socket folder that we made; a path from a file is not trusted with more than that."""
    if folder is not None and folder.name.startswith(SOCKET_FOLDER_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def _telling_line(output: str) -> str:
    """The one line of a log that says why: the last complaint, else simply the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    complaints = [line for line in lines if re.search(r"\b(FATAL|PANIC|ERROR|error):", line)]
    for line in reversed(complaints or lines):
        return re.sub(r"^.*?\b(FATAL|PANIC|ERROR|LOG|initdb: error):\s+", "", line)
    return "it left no word why."


class _Restore:
    """Puts signal handlers back as they were."""

    def __init__(self, signals: tuple[signal.Signals, ...] = ()) -> None:
        self._signals = signals

    def __call__(self) -> None:
        for number in self._signals:
            if signal.getsignal(number) is _exit:
                signal.signal(number, signal.SIG_DFL)
        self._signals = ()


def _exit_on_signals() -> _Restore:
    """Let SIGTERM and SIGHUP unwind this process as Ctrl-C does; by default they end it without any last words."""
    if threading.current_thread() is not threading.main_thread():
        return _Restore()  # only the main thread may, and it is not ours to speak for
    silent = tuple(s for s in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(s) is signal.SIG_DFL)
    for number in silent:
        signal.signal(number, _exit)
    return _Restore(silent)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
