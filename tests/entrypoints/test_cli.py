"""The command line: what it prints where, and its exit status: 0, 1 (refused or found something), 2 (usage)."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from click.testing import CliRunner, Result

from adapters.postgres.provision import provision
from adapters.security.keys import SecretKeys
from core.errors import SignInFailed
from entrypoints.cli import main
from entrypoints.settings import read_settings
from tests.database import Database
from tests.desk import Desk, open_desk, program
from tests.entrypoints.processes import (
    PATIENCE_SECONDS,
    PROGRAM,
    free_port,
    run,
    running,
    stop,
    taken_port,
    until,
    without_our_settings,
)

COMMANDS = (
    (),
    ("demo",),
    ("serve",),
    ("migrate",),
    ("provision",),
    ("healthy",),
    ("worker",),
    ("outbox",),
    ("outbox", "status"),
    ("outbox", "retry"),
    ("outbox", "pause"),
    ("outbox", "resume"),
    ("shop",),
    ("shop", "create"),
    ("shop", "list"),
    ("verify",),
    ("reseal",),
    ("digest",),
    ("digest-key",),
    ("export-ledger",),
)


@pytest.fixture
def settings(database: Database) -> dict[str, str]:
    return settings_of(database)


def settings_of(database: Database) -> dict[str, str]:
    return {
        "ACCOUNT_CREDIT_DATABASE_URL": database.app_url,
        "ACCOUNT_CREDIT_JOBS_DATABASE_URL": database.jobs_url,
        "ACCOUNT_CREDIT_OWNER_DATABASE_URL": database.owner_url,
        "ACCOUNT_CREDIT_SECRET_KEYS": SecretKeys.generate("test"),
    }


AWAY = {
    "ACCOUNT_CREDIT_DATABASE_URL": "postgresql://somebody:opensesame@127.0.0.1:1/nowhere",
    "ACCOUNT_CREDIT_JOBS_DATABASE_URL": "postgresql://somebody:opensesame@127.0.0.1:1/nowhere",
    "ACCOUNT_CREDIT_OWNER_DATABASE_URL": "postgresql://somebody:opensesame@127.0.0.1:1/nowhere",
    "ACCOUNT_CREDIT_SECRET_KEYS": SecretKeys.generate("test"),
}


def here(*arguments: str, settings: Mapping[str, str] | None = None, said: bytes = b"") -> Result:
    """Run a command in this process: the same code without the second that a process takes to start.

    Not for a command that logs: logging is set up once in a process.
    """
    return CliRunner().invoke(main, arguments, input=said, env={**_NOTHING_SET, **(settings or {})})


_NOTHING_SET = {name: None for name in os.environ if name.startswith("ACCOUNT_CREDIT_")}


def create(*, slug: str, **changed: str) -> tuple[str, ...]:
    options = {
        "name": "Main Street Auto",
        "slug": slug,
        "currency": "USD",
        "time-zone": "America/Chicago",
        "owner-name": "Olive Owner",
        "owner-email": "olive@example.com",
        **changed,
    }
    return ("shop", "create", *(part for name, text in options.items() for part in (f"--{name}", text)))


def a_slug() -> str:
    return f"shop-{uuid4().hex}"


async def signs_in(database: Database, slug: str, password: str) -> bool:
    async with program(database) as container:
        try:
            await container.sign_in()(slug=slug, email="olive@example.com", password=password, address=uuid4().hex)
        except SignInFailed:
            return False
        return True


# Help and usage


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_explains_itself(command: tuple[str, ...]) -> None:
    told = here(*command, "--help")
    assert told.exit_code == 0
    assert told.stdout.startswith("Usage: ")
    assert len(told.stdout.splitlines()) > 6


def test_help_waits_for_none_of_the_heavy_imports() -> None:
    heavy = ("litestar", "sqlalchemy", "alembic", "asyncpg", "uvicorn", "structlog", "cryptography", "argon2")
    script = (
        "import sys; from entrypoints.cli import main\n"
        "try: main(['--help'])\n"
        f"except SystemExit: print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("verify", "--nonsense"), ("shop", "create", "--slug", "x"), ("serve", "--port", "65536"), ()],
    ids=["command", "option", "missing options", "value", "nothing"],
)
def test_what_is_not_understood_is_exit_status_2_on_stderr(arguments: tuple[str, ...]) -> None:
    told = here(*arguments)
    assert told.exit_code == 2
    assert told.stdout == ""
    assert "Usage: " in told.stderr


# Settings


def test_faulty_settings_are_named_all_at_once() -> None:
    faulty = {
        "ACCOUNT_CREDIT_DATABASE_URL": "mysql://somewhere",
        "ACCOUNT_CREDIT_PORT": "eight",
        "ACCOUNT_CREDIT_SECRET_KEYS": "1:short",
        "ACCOUNT_CREDIT_COLOUR": "blue",
    }
    told = here("worker", settings=faulty)
    assert told.exit_code == 1
    assert told.stdout == ""
    for name in (*faulty, "ACCOUNT_CREDIT_JOBS_DATABASE_URL"):
        assert name in told.stderr


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("imap://mail.example", "must be such as smtp+starttls://"),
        ("smtp+starttls://", "must be such as"),
        ("smtps://mail.example:port", "must be such as"),
        ("smtps://mail.example/inbox", "must be such as"),
        ("smtps://shops@mail.example", "must name both a user and a password, or neither"),
        ("smtp://shops:secret@mail.example", "must begin with smtp+starttls:// or smtps://: a password is not"),
    ],
)
def test_an_smtp_server_that_cannot_be_is_a_faulty_setting_and_its_password_is_not_shown(url: str, told: str) -> None:
    said = here("worker", settings={"ACCOUNT_CREDIT_SMTP_URL": url, "ACCOUNT_CREDIT_MAIL_FROM": "credit@shops.example"})
    assert said.exit_code == 1
    assert f"ACCOUNT_CREDIT_SMTP_URL {told}" in said.stderr
    assert "secret" not in said.stderr


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"SMTP_URL": "smtps://mail.example"}, "ACCOUNT_CREDIT_MAIL_FROM is needed with ACCOUNT_CREDIT_SMTP_URL."),
        ({"MAIL_FROM": "credit@shops.example"}, "ACCOUNT_CREDIT_SMTP_URL is needed with ACCOUNT_CREDIT_MAIL_FROM."),
        ({"MAIL_FROM": "credit"}, "ACCOUNT_CREDIT_MAIL_FROM must be an e-mail address"),
        ({"MAIL_FROM": "Shops <credit@shops.example>"}, "ACCOUNT_CREDIT_MAIL_FROM must be an e-mail address"),
        (
            {"SMTP_URL": "smtps://mail.example", "MAIL_FROM": "credit@shops.example", "MAIL_TO_LOG": "true"},
            "ACCOUNT_CREDIT_MAIL_TO_LOG is for installations without ACCOUNT_CREDIT_SMTP_URL.",
        ),
    ],
)
def test_settings_of_e_mail_have_to_fit_together(settings: dict[str, str], told: str) -> None:
    said = here("worker", settings={f"ACCOUNT_CREDIT_{name}": value for name, value in settings.items()})
    assert said.exit_code == 1
    assert told in said.stderr


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("smtp+starttls://shops:s%40cret%2F@mail.example", ("mail.example", 587, "starttls", "shops", "s@cret/")),
        ("smtps://mail.example", ("mail.example", 465, "tls", None, None)),
        ("smtps://shops:x@mail.example:2465/", ("mail.example", 2465, "tls", "shops", "x")),
        ("smtp://mail.example", ("mail.example", 25, "none", None, None)),
        ("smtp://shops:x@127.0.0.1:2525", ("127.0.0.1", 2525, "none", "shops", "x")),
        ("smtps://[2001:db8::1]:465", ("2001:db8::1", 465, "tls", None, None)),
    ],
)
def test_an_smtp_server_is_named_by_a_url(url: str, meant: tuple[object, ...]) -> None:
    read = read_settings({"ACCOUNT_CREDIT_SMTP_URL": url, "ACCOUNT_CREDIT_MAIL_FROM": "credit@shops.example"}).smtp_url
    assert read is not None
    assert (read.host, read.port, read.tls, read.username, read.password) == meant


@pytest.mark.parametrize("command", [("serve",), ("shop", "list"), ("verify",), ("worker",)], ids=" ".join)
def test_a_database_url_for_somebody_else_is_not_taken_for_the_embedded_database(command: tuple[str, ...]) -> None:
    told = here(*command, settings={"ACCOUNT_CREDIT_OWNER_DATABASE_URL": "postgresql://owner@127.0.0.1:1/x"})
    assert told.exit_code == 1
    assert "ACCOUNT_CREDIT_DATABASE_URL is needed" in told.stderr


@pytest.mark.parametrize("command", [("shop", "list"), ("verify",), ("migrate",)], ids=" ".join)
def test_a_database_that_is_away_is_one_sentence_that_shows_no_password(command: tuple[str, ...]) -> None:
    told = here(*command, settings=AWAY)
    assert told.exit_code == 1
    [sentence] = told.stderr.splitlines()
    assert sentence.startswith("Error: The database cannot be reached")
    assert "opensesame" not in told.output


# Shops


async def test_the_owner_of_a_new_shop_can_sign_in(database: Database, settings: dict[str, str]) -> None:
    slug = a_slug()
    done = run(*create(slug=slug), settings=settings, said=b"correct horse battery\n")
    assert done.returncode == 0, done.stderr
    assert slug in done.stdout
    assert await signs_in(database, slug, "correct horse battery")


@pytest.mark.parametrize(
    ("said", "password"),
    [
        (b"correct horse battery", "correct horse battery"),
        (b"correct horse battery\r\n", "correct horse battery"),
        ("päßwörter zählen\n".encode(), "päßwörter zählen"),
        (b" spaces belong to it \n", " spaces belong to it "),
    ],
    ids=["no line ending", "of Windows", "UTF-8", "spaces"],
)
async def test_one_line_ending_of_the_password_is_stripped_and_nothing_else(
    database: Database, settings: dict[str, str], said: bytes, password: str, tmp_path: Path
) -> None:
    by_stdin, by_file = a_slug(), a_slug()
    file = tmp_path / "password"
    file.write_bytes(said)
    # In threads: the commands have event loops of their own.
    done = await _in_thread(*create(slug=by_stdin), settings=settings, said=said)
    assert done.exit_code == 0, done.output
    done = await _in_thread(*create(slug=by_file), "--owner-password-file", str(file), settings=settings)
    assert done.exit_code == 0, done.output
    assert await signs_in(database, by_stdin, password)
    assert await signs_in(database, by_file, password)


async def test_a_second_line_ending_is_part_of_the_password_and_so_refused(settings: dict[str, str]) -> None:
    done = await _in_thread(*create(slug=a_slug()), settings=settings, said=b"correct horse battery\n\n")
    assert done.exit_code == 1
    assert "control characters" in done.output


async def _in_thread(*arguments: str, settings: Mapping[str, str], said: bytes = b"") -> Result:
    return await asyncio.to_thread(here, *arguments, settings=settings, said=said)


def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(settings: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(  # noqa: S603  # our own program
        [*PROGRAM, *create(slug=a_slug())],
        env=without_our_settings(**settings),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    for answer in (b"correct horse battery\n", b"correct horse battery\n"):
        while not shown.rstrip().endswith(b":"):
            shown += os.read(ours, 1024)
        os.write(ours, answer)
        shown += b"|"
    with suppress(OSError):  # how Linux says that nobody holds the other end any more
        while more := os.read(ours, 1024):
            shown += more
    os.close(ours)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert b"is open" in shown
    assert b"horse" not in shown


def test_a_new_shop_and_the_list_of_shops_as_json(settings: dict[str, str]) -> None:
    slug = a_slug()
    made = here(*create(slug=slug, currency="EUR"), "--json", settings=settings, said=b"correct horse battery")
    assert made.exit_code == 0, made.output
    shop = json.loads(made.stdout)
    assert {name: shop[name] for name in ("name", "slug", "currency", "time_zone", "quickbooks_connected")} == {
        "name": "Main Street Auto",
        "slug": slug,
        "currency": "EUR",
        "time_zone": "America/Chicago",
        "quickbooks_connected": False,
    }
    listed = here("shop", "list", "--json", settings=settings)
    assert shop in json.loads(listed.stdout)
    assert slug in here("shop", "list", settings=settings).stdout


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"currency": "usd"}, "--currency must be an ISO 4217 code, such as USD."),
        ({"slug": "Main Street"}, "--slug must be "),
        ({"time-zone": "Mars/Olympus"}, "--time-zone must be "),
        ({"owner-email": "olive"}, "--owner-email must be "),
        ({"owner-name": " "}, "--owner-name must have "),
    ],
    ids=["currency", "slug", "time zone", "e-mail", "name"],
)
def test_a_shop_that_cannot_be_is_refused_in_one_sentence(
    settings: dict[str, str], changed: dict[str, str], sentence: str
) -> None:
    told = here(*create(**{"slug": a_slug(), **changed}), settings=settings, said=b"correct horse battery")
    assert (told.exit_code, told.stdout) == (1, "")
    [line] = told.stderr.splitlines()
    assert line.startswith(f"Error: {sentence}")


@pytest.mark.parametrize(
    "said", [b"", b"\n", b"short\n", b"\xff\xfe longer than ten"], ids=["none", "empty", "short", "no UTF-8"]
)
def test_a_password_that_cannot_be_is_refused_in_one_sentence(settings: dict[str, str], said: bytes) -> None:
    told = here(*create(slug=a_slug()), settings=settings, said=said)
    assert (told.exit_code, told.stdout) == (1, "")
    [line] = told.stderr.splitlines()
    assert "password" in line


def test_a_slug_that_is_taken_is_refused(settings: dict[str, str]) -> None:
    slug = a_slug()
    assert here(*create(slug=slug), settings=settings, said=b"correct horse battery").exit_code == 0
    told = here(*create(slug=slug), settings=settings, said=b"correct horse battery")
    assert (told.exit_code, told.stderr) == (1, "Error: Another shop already has this slug.\n")


# Verify


async def _work(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client)
    await desk.add(client, 50_00)
    await desk.apply(invoice)


async def test_verify_says_what_it_checked_and_what_does_not_agree(database: Database) -> None:
    async with database.fresh() as alone:
        async with program(alone) as container:
            good, bad = await open_desk(container), await open_desk(container)
            for desk in (good, bad):
                await _work(desk)
        settings = settings_of(alone)
        agreed = await _in_thread("verify", settings=settings)
        assert agreed.exit_code == 0
        checked = "2 entries in 1 accounts, 1 payments, 1 invoices, 3 notices and 0 kept answers"
        assert agreed.stdout.count(f"everything agrees ({checked})") == 2
        assert agreed.stderr == ""

        superuser = await asyncpg.connect(alone.superuser_url)
        await superuser.execute("SET session_replication_role = replica")
        await superuser.execute(
            "UPDATE ledger_entries SET note = 'promised' WHERE shop_id = $1 AND number = 1", bad.shop_id
        )
        await superuser.close()
        found = run("verify", settings=settings)
        assert found.returncode == 1
        assert "[entry_note] Entry 1 does not have the note that was written. (client " in found.stdout
        assert f"{good.slug}: everything agrees" in found.stdout

        as_json = await _in_thread("verify", "--json", settings=settings)
        assert as_json.exit_code == 1
        _is_the_report(json.loads(as_json.stdout), good, bad)

        assert (await _in_thread("verify", "--shop", good.slug, settings=settings)).exit_code == 0
        assert (await _in_thread("verify", "--shop", bad.slug, settings=settings)).exit_code == 1
        nobody = await _in_thread("verify", "--shop", "nobodys", settings=settings)
        assert (nobody.exit_code, nobody.stderr) == (1, "Error: No shop has the slug nobodys.\n")


def _is_the_report(report: Any, good: Desk, bad: Desk) -> None:
    assert report["agrees"] is False
    shops = {shop["slug"]: shop for shop in report["shops"]}
    assert {name: value for name, value in shops[good.slug].items() if name not in {"slug", "id"}} == {
        "accounts": 1,
        "entries": 2,
        "payments": 1,
        "invoices": 1,
        "notices": 3,
        "answers": 0,
        "findings": [],
    }
    assert report["digests"] == []
    [finding] = shops[bad.slug]["findings"]
    assert (finding["what"], finding["number"]) == ("entry_note", 1)


# Migrate


async def test_migrate_brings_a_new_database_up_to_date_and_check_says_whether_it_is(database: Database) -> None:
    name = f"account_credit_test_{uuid4().hex[:12]}"
    superuser = await asyncpg.connect(database.superuser_url)
    await provision(database.superuser_url, database=name)
    try:
        settings = {"ACCOUNT_CREDIT_OWNER_DATABASE_URL": Database(name, database.cluster).owner_url}
        before = await _in_thread("migrate", "--check", settings=settings)
        assert before.exit_code == 1
        assert before.stderr.startswith("Error: The database is not as this program expects it")
        unready = await _in_thread("verify", settings=settings_of(Database(name, database.cluster)))
        assert (unready.exit_code, unready.stderr) == (
            1,
            "Error: The database has not been migrated for this program: run `account-credit migrate` first.\n",
        )
        for command in (("migrate",), ("migrate",), ("migrate", "--check")):
            done = await _in_thread(*command, settings=settings)
            assert done.exit_code == 0, done.output
    finally:
        await superuser.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await superuser.close()


# Worker and server


async def test_the_worker_sends_what_is_due_once(database: Database) -> None:
    async with database.fresh() as alone:
        async with program(alone) as container:
            desk = await open_desk(container)
            await _work(desk)
        sent = run("worker", "--once", settings=settings_of(alone))
        assert (sent.returncode, sent.stdout) == (0, "3 notices routed, 0 deliveries accepted.\n")
        assert run("worker", "--once", settings=settings_of(alone)).stdout.startswith("0 notices routed")


async def test_a_worker_sends_what_comes_and_stops_when_it_is_told(database: Database, tmp_path: Path) -> None:
    async with database.fresh() as alone:
        with running("worker", settings=settings_of(alone), folder=tmp_path) as worker:
            log = tmp_path / "err"
            until(lambda: '"event": "working"' in log.read_text())
            async with program(alone) as container:
                await _work(await open_desk(container))
            until(lambda: log.read_text().count('"event": "notice"') == 3)
            assert stop(worker, signal.SIGTERM) == 0
        assert "stopped" in log.read_text()


def test_a_worker_waits_for_a_database_that_is_away(tmp_path: Path) -> None:
    with running("worker", settings=AWAY, folder=tmp_path) as worker:
        log = tmp_path / "err"
        until(lambda: '"event": "not_ready"' in log.read_text())
        time.sleep(2.5)  # it has looked again, and says it once
        assert log.read_text().count('"event": "not_ready"') == 1
        assert stop(worker, signal.SIGTERM) == 0
    assert "opensesame" not in log.read_text()


def test_the_server_stops_on_ctrl_c_too(settings: dict[str, str], tmp_path: Path) -> None:
    with running("serve", "--port", str(free_port()), settings=settings, folder=tmp_path) as server:
        until(lambda: '"event": "serving"' in (tmp_path / "err").read_text())
        assert stop(server, signal.SIGINT) == 0


def test_a_supervisor_can_ask_whether_the_server_is_ready(settings: dict[str, str], tmp_path: Path) -> None:
    port = str(free_port())
    assert run("healthy", settings={"ACCOUNT_CREDIT_PORT": port}).returncode == 1
    with running("serve", "--port", port, settings=settings, folder=tmp_path):
        until(lambda: run("healthy", settings={"ACCOUNT_CREDIT_PORT": port}).returncode == 0)
    told = run("healthy", "--port", port, settings={})
    assert (told.returncode, told.stdout, told.stderr) == (1, "", "")


def test_a_port_in_use_is_one_sentence(settings: dict[str, str]) -> None:
    with taken_port() as port:
        told = run("serve", "--port", str(port), settings=settings)
    assert told.returncode == 1
    [sentence] = told.stderr.splitlines()
    assert sentence.startswith(f"Error: Cannot serve on 127.0.0.1:{port}: address already in use.")
