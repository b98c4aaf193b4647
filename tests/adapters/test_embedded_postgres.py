"""The embedded server as the people at the terminal meet it; every server here is a real one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from adapters.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresUnavailable
from adapters.embedded_postgres.postmaster import Postmaster

AS_OWNER = """
import sys, time
from pathlib import Path
from adapters.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresUnavailable

try:
    with EmbeddedPostgres(Path(sys.argv[1]), disposable=sys.argv[2] == "disposable") as server:
        print(server.url("postgres", "postgres"), flush=True)
        time.sleep(60)
except EmbeddedPostgresUnavailable as refusal:
    print(refusal, flush=True)
except KeyboardInterrupt:
    pass
"""
AS_ROOT = pytest.mark.parametrize("mode", [0o711, 0o700], ids=["folder open to others", "folder closed to others"])


@pytest.fixture
def parent() -> Iterator[Path]:
    """A folder that everybody may pass through: pytest's own is closed, which some tests are about and others not."""
    folder = Path(tempfile.mkdtemp(prefix="account-credit-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def data(parent: Path) -> Path:
    """A data folder that is not there yet."""
    return parent / "data"


class Owner:
    """Another process that owns a server: `said` is its address, or the sentence by which it was refused."""

    def __init__(self, data: Path, kind: str = "disposable") -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", AS_OWNER, str(data), kind], stdout=subprocess.PIPE, text=True
        )

    @property
    def said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def end(self, number: signal.Signals) -> int:
        self._process.send_signal(number)
        return self._process.wait(timeout=30)

    def close(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=30)


def server(data: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data, disposable=True)


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def is_running(data: Path) -> bool:
    return (data / "cluster" / "postmaster.pid").exists()


def server_process(data: Path) -> int:
    return int((data / "cluster" / "postmaster.pid").read_text().splitlines()[0])


def socket_folder(url: str) -> Path:
    return Path(url.partition("host=")[2].partition("&")[0].replace("%2F", "/"))


@AS_ROOT
async def test_data_survives_a_stop_and_a_start(parent: Path, mode: int) -> None:
    parent.chmod(mode)
    data = parent / "data"
    with server(data) as first:
        await ask(first.url("postgres", "postgres"), "CREATE TABLE kept AS SELECT 1")
    with server(data) as second:
        assert await ask(second.url("postgres", "postgres"), "SELECT count(*) FROM kept") == 1
    assert parent.stat().st_mode & 0o777 == mode


async def test_data_survives_the_closing_of_its_parent_folder(parent: Path, data: Path) -> None:
    with server(data) as first:
        await ask(first.url("postgres", "postgres"), "CREATE TABLE kept AS SELECT 1")
    parent.chmod(0o700)
    with server(data) as second:
        assert await ask(second.url("postgres", "postgres"), "SELECT count(*) FROM kept") == 1


async def test_no_network_address_and_nobody_else_in_the_socket_folder(data: Path) -> None:
    with server(data) as running:
        url = running.url("postgres", "postgres")
        assert await ask(url, "SELECT current_setting('listen_addresses')") == ""
        assert socket_folder(url).stat().st_mode & 0o777 == 0o700


async def test_text_sorts_and_encodes_the_same_on_every_machine(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.ISO-8859-1")
    monkeypatch.setenv("PGOPTIONS", "-c nonsense=1")
    with server(data) as running:
        monkeypatch.delenv("PGOPTIONS")
        question = (
            "SELECT datcollate || ' ' || pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'postgres'"
        )
        assert await ask(running.url("postgres", "postgres"), question) == "C.UTF-8 UTF8"


async def test_only_disposable_servers_give_up_safety(data: Path) -> None:
    with EmbeddedPostgres(data) as running:
        assert await ask(running.url("postgres", "postgres"), "SELECT current_setting('fsync')") == "on"


def test_nothing_is_left_behind_but_the_data(data: Path) -> None:
    with server(data) as running:
        folder = socket_folder(running.url("postgres", "postgres"))
    assert not is_running(data)
    assert not folder.exists()


def test_a_data_folder_with_a_very_long_path_works(parent: Path) -> None:
    with server(parent / ("long" * 30) / "it's a folder with blanks") as running:
        assert len(str(socket_folder(running.url("postgres", "postgres")))) < 90


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_an_owner_that_is_told_to_end_stops_its_server(data: Path, number: signal.Signals) -> None:
    owner = Owner(data)
    assert owner.said.startswith("postgresql://")
    owner.end(number)
    assert not is_running(data)


async def test_the_server_of_a_killed_owner_is_taken_over(data: Path) -> None:
    owner = Owner(data)
    await ask(owner.said, "CREATE TABLE kept AS SELECT 1")
    owner.end(signal.SIGKILL)
    assert is_running(data)
    with server(data) as heir:
        assert await ask(heir.url("postgres", "postgres"), "SELECT count(*) FROM kept") == 1
    assert not is_running(data)


async def test_a_server_that_was_killed_with_its_owner_starts_again(data: Path) -> None:
    owner = Owner(data, "safe")
    url = owner.said
    await ask(url, "CREATE TABLE kept AS SELECT 1")
    owner.end(signal.SIGKILL)
    os.kill(server_process(data), signal.SIGKILL)
    with EmbeddedPostgres(data) as heir:
        assert await ask(heir.url("postgres", "postgres"), "SELECT count(*) FROM kept") == 1
    assert not socket_folder(url).exists()


async def test_a_server_that_dies_as_it_is_found_starts_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = Owner(data, "safe")
    await ask(owner.said, "CREATE TABLE kept AS SELECT 1")
    owner.end(signal.SIGKILL)
    find = Postmaster.find

    def find_dying(cluster: Path) -> Postmaster | None:
        monkeypatch.undo()
        found = find(cluster)
        os.kill(server_process(data), signal.SIGKILL)
        return found

    monkeypatch.setattr(Postmaster, "find", find_dying)
    with EmbeddedPostgres(data) as heir:
        assert await ask(heir.url("postgres", "postgres"), "SELECT count(*) FROM kept") == 1


def test_a_stale_process_number_that_now_belongs_to_somebody_else_does_no_harm(data: Path) -> None:
    with server(data):
        left_behind = (data / "cluster" / "postmaster.pid").read_text()
    _, _, rest = left_behind.partition("\n")
    stale = data / "cluster" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{rest}")
    with server(data):
        assert server_process(data) != os.getpid()


async def test_a_command_beside_a_running_server_uses_it_and_leaves_it_running(data: Path) -> None:
    with closing(Owner(data)) as owner:
        url = owner.said
        with server(data).attach_or_start() as beside:
            assert beside.url("postgres", "postgres") == url
        assert await ask(url, "SELECT 1") == 1


async def test_a_command_without_a_running_server_starts_one_and_stops_it(data: Path) -> None:
    with server(data).attach_or_start() as alone:
        assert await ask(alone.url("postgres", "postgres"), "SELECT 1") == 1
    assert not is_running(data)


async def test_of_two_commands_the_last_to_leave_stops_the_server(data: Path) -> None:
    first = server(data).attach_or_start()
    running = first.__enter__()
    with server(data).attach_or_start() as second:
        assert second.url("postgres", "postgres") == running.url("postgres", "postgres")
        first.__exit__(None, None, None)
        assert await ask(second.url("postgres", "postgres"), "SELECT 1") == 1
    assert not is_running(data)


async def test_an_owner_who_comes_while_a_command_runs_takes_its_server_over(data: Path) -> None:
    with server(data).attach_or_start() as command:
        owner = closing(Owner(data)).__enter__()
        url = owner.said
        assert url == command.url("postgres", "postgres")
    assert await ask(url, "SELECT 1") == 1
    owner.close()
    assert not is_running(data)


def test_of_two_starts_at_once_one_wins_and_the_other_is_told(data: Path) -> None:
    with closing(Owner(data)) as first, closing(Owner(data)) as second:
        said = sorted([first.said, second.said], key=lambda words: words.startswith("postgresql://"))
    assert said[1].startswith("postgresql://")
    assert "is already in use by process" in said[0]


def test_two_commands_at_once_on_a_new_folder_share_one_server(data: Path) -> None:
    program = AS_OWNER.replace(") as server", ").attach_or_start() as server")
    program = program.replace("time.sleep(60)", "sys.stdin.read()")  # until all of them have come
    runs = [
        subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", program, str(data), "disposable"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    said = {run.stdout.readline() for run in runs if run.stdout is not None}
    for run in runs:
        run.communicate(timeout=60)
    assert len(said) == 1
    assert said.pop().startswith("postgresql://")
    assert not is_running(data)


def refusal(data: Path) -> str:
    with pytest.raises(EmbeddedPostgresUnavailable) as refused, server(data):
        pass
    words = str(refused.value)
    assert "\n" not in words
    return words


def test_a_folder_of_another_major_version_is_refused(data: Path) -> None:
    with server(data):
        pass
    (data / "cluster" / "PG_VERSION").write_text("15\n")
    assert f"{data} was made by PostgreSQL 15, and this program brings PostgreSQL " in refusal(data)


def test_a_folder_with_other_things_in_it_is_refused_and_left_alone(data: Path) -> None:
    data.mkdir()
    (data / "holiday.jpg").touch()
    assert "is not empty" in refusal(data)
    assert [path.name for path in data.iterdir()] == ["holiday.jpg"]


def test_a_data_folder_that_is_a_file_is_refused(data: Path) -> None:
    data.touch()
    assert "it is a file" in refusal(data)
    assert "lies in one" in refusal(data / "inside")


def test_a_folder_that_cannot_be_written_to_is_refused() -> None:
    # A system folder in which not even root may make anything.
    assert "can't be written to" in refusal(Path("/proc/account-credit"))


def test_a_server_that_does_not_start_is_refused_in_its_own_last_words(data: Path) -> None:
    with server(data):
        pass
    (data / "cluster" / "postgresql.auto.conf").write_text("nonsense = 1\n")
    assert "did not start" in (words := refusal(data))
    assert 'postgresql.auto.conf" contains errors' in words


def test_a_start_that_was_interrupted_halfway_is_forgotten(data: Path) -> None:
    (data / "locks").mkdir(parents=True)
    (data / "cluster.new").mkdir()
    (data / "cluster.new" / "half").touch()
    with server(data):
        assert not (data / "cluster.new").exists()
