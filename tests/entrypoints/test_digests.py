"""What is kept elsewhere: digests of all accounts, and ledgers that anybody can check without the program."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from click.testing import Result

from adapters.security.keys import SecretKeys
from core.ids import ClientId
from entrypoints.container import Container
from tests.database import Database
from tests.desk import Desk, keyed, open_desk, program
from tests.entrypoints.processes import PATIENCE_SECONDS, PROGRAM, running, until, without_our_settings
from tests.entrypoints.test_cli import here
from tests.forger import Forger, Row, forging

VERIFIER = Path(__file__).parents[2] / "docs" / "verify_ledger.py"


@pytest.fixture(scope="module")
async def alone(database: Database) -> AsyncIterator[Database]:
    """A database with the shops of this module alone: a digest is of all shops."""
    async with database.fresh() as made:
        yield made


@pytest.fixture(scope="module")
async def container(alone: Database) -> AsyncIterator[Container]:
    async with program(alone) as running_container:
        yield running_container


@pytest.fixture(scope="module")
async def forger(alone: Database) -> AsyncIterator[Forger]:
    async with forging(alone) as somebody:
        yield somebody


@pytest.fixture(scope="module")
def settings(alone: Database) -> dict[str, str]:
    return {
        "ACCOUNT_CREDIT_DATABASE_URL": alone.app_url,
        "ACCOUNT_CREDIT_JOBS_DATABASE_URL": alone.jobs_url,
        "ACCOUNT_CREDIT_SECRET_KEYS": SecretKeys.generate("test"),
    }


@pytest.fixture
async def desk(container: Container) -> Desk:
    return await open_desk(container)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    made = here("digest-key", str(tmp_path / "key"))
    assert made.exit_code == 0, made.output
    return tmp_path / "key"


class Program:
    """The command line of one installation, with the key of its digests."""

    def __init__(self, settings: Mapping[str, str], key: Path) -> None:
        self.settings = settings
        self.key = key
        self.public_key = key.with_name("key.pub")

    async def __call__(self, *arguments: str | Path) -> Result:
        return await asyncio.to_thread(here, *map(str, arguments), settings=self.settings)

    async def digest(self, name: str = "digest", *arguments: str) -> Path:
        file = self.key.parent / name
        done = await self("digest", file, "--key", self.key, *arguments)
        assert done.exit_code == 0, done.output
        return file

    async def verify(self, digest: Path, *arguments: str | Path) -> Result:
        return await self("verify", "--digest", digest, "--public-key", self.public_key, *arguments)

    async def export(self, desk: Desk, *arguments: str) -> Path:
        file = self.key.parent / f"ledger-{uuid4().hex}"
        done = await self("export-ledger", file, "--shop", desk.slug, *arguments)
        assert done.exit_code == 0, done.output
        return file


@pytest.fixture
def account_credit(settings: dict[str, str], key: Path) -> Program:
    return Program(settings, key)


async def a_client_with_history(desk: Desk) -> ClientId:
    """Entry 1 added, 2 applied, 3 captured, 4 returned, 5 voids 1, 6 refund."""
    client = await desk.client()
    invoice = await desk.invoice(client, 130_00)
    first = await desk.add(client, 50_00, note="job ran late, très désolé", caller=keyed(desk.owner, uuid4().hex))
    applied = await desk.apply(invoice)
    await desk.pay(invoice, 100_00, overpayment="capture")
    await desk.delete(applied.id)
    await desk.void(first.id)
    await desk.add(client, 10_00, reason="refund", invoice_id=invoice)
    await desk.client("Nobody Yet")
    return client


# The key


def test_a_key_is_for_its_owner_alone_and_says_its_public_part(tmp_path: Path) -> None:
    made = here("digest-key", str(tmp_path / "key"))
    assert made.exit_code == 0
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "key.pub").read_text().startswith("-----BEGIN PUBLIC KEY-----")
    assert len(made.stdout.splitlines()[-1].rpartition(" ")[2]) == 64
    assert sorted(file.name for file in tmp_path.iterdir()) == ["key", "key.pub"]


@pytest.mark.parametrize("there", ["key", "key.pub"])
def test_a_key_never_replaces_a_file(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("precious")
    made = here("digest-key", str(tmp_path / "key"))
    assert made.exit_code == 1
    assert "is there already, and is never replaced" in made.stderr
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(there, "precious")]


# Digests


async def test_a_digest_of_accounts_that_only_grew_agrees(account_credit: Program, desk: Desk) -> None:
    client = await a_client_with_history(desk)
    digest = await account_credit.digest()
    assert digest.stat().st_mode & 0o777 == 0o600
    await desk.add(client, 5_00)
    await desk.add(await desk.client("New"), 5_00)
    verified = await account_credit.verify(digest)
    assert verified.exit_code == 0, verified.output
    assert f"{digest}: " in verified.stdout
    assert "accounts compared with where they ended at " in verified.stdout


async def test_the_keys_can_be_settings_too(account_credit: Program, desk: Desk, tmp_path: Path) -> None:
    await a_client_with_history(desk)
    program = account_credit
    program.settings = {
        **program.settings,
        "ACCOUNT_CREDIT_DIGEST_KEY_FILE": str(program.key),
        "ACCOUNT_CREDIT_DIGEST_PUBLIC_KEYS": program.public_key.read_text(),
    }
    assert (await program("digest", tmp_path / "digest")).exit_code == 0
    assert (await program("verify", "--digest", tmp_path / "digest")).exit_code == 0


async def test_a_tail_that_was_cut_off_without_a_trace_is_found_by_the_digest_alone(
    account_credit: Program, desk: Desk, forger: Forger
) -> None:
    client = await desk.client()
    for _ in range(3):
        await desk.add(client, 5_00, caller=keyed(desk.owner, uuid4().hex))
    digest = await account_credit.digest()
    await forger.cut(desk.shop_id, client, keep=2)
    assert (await account_credit("verify", "--shop", desk.slug)).exit_code == 0
    found = await account_credit.verify(digest, "--shop", desk.slug)
    assert found.exit_code == 1
    assert f"[digest_account] The account ended at entry 3, but now at 2. (client {client})" in found.stdout
    assert f"[digest_entry] Entry 3 is gone. (client {client})" in found.stdout


async def test_a_past_that_was_rewritten_with_hashes_that_fit_is_found_by_the_digest_alone(
    account_credit: Program, desk: Desk, forger: Forger
) -> None:
    client = await a_client_with_history(desk)
    other = await a_client_with_history(desk)
    digest = await account_credit.digest()

    def more(entries: list[Row]) -> list[Row]:
        return [{**entry, "amount": 900_00} if entry["reason"] == "refund" else entry for entry in entries]

    await forger.rewrite(desk.shop_id, client, more)
    await desk.add(client, 5_00)
    assert (await account_credit("verify", "--shop", desk.slug)).exit_code == 0
    found = await account_credit.verify(digest, "--shop", desk.slug, "--json")
    assert found.exit_code == 1
    report = json.loads(found.stdout)
    assert report["agrees"] is False
    [[finding]] = [shop["findings"] for shop in report["shops"]]
    assert (finding["what"], finding["client_id"], finding["number"]) == ("digest_entry", str(client), 6)
    assert str(other) not in found.stdout
    [compared] = report["digests"]
    assert compared["accounts"] == 4


async def test_an_older_digest_finds_what_a_newer_one_was_made_of(
    account_credit: Program, desk: Desk, forger: Forger
) -> None:
    client = await desk.client()
    for _ in range(2):
        await desk.add(client, 5_00)
    older = await account_credit.digest("older")
    await forger.cut(desk.shop_id, client, keep=1)
    newer = await account_credit.digest("newer")
    shop = ("--shop", desk.slug)
    assert (await account_credit.verify(newer, *shop)).exit_code == 0
    assert (await account_credit.verify(newer, "--digest", older, *shop)).exit_code == 1


async def test_an_account_that_is_gone_and_a_shop_that_is_gone_are_found(
    account_credit: Program, desk: Desk, container: Container, forger: Forger
) -> None:
    client = await desk.client()
    gone = await open_desk(container)
    client_of_gone = await gone.client()
    digest = await account_credit.digest()
    sql = "DELETE FROM {} WHERE shop_id = $1 AND {} = $2"
    for table, column in (("credit_accounts", "client_id"), ("clients", "id")):
        await forger.connection.execute(sql.format(table, column), desk.shop_id, client)
    await forger.connection.execute("DELETE FROM shop_slugs WHERE slug = $1", gone.slug)
    await forger.connection.execute("DELETE FROM credit_accounts WHERE shop_id = $1", gone.shop_id)
    assert (await account_credit("verify")).exit_code == 0
    found = await account_credit.verify(digest)
    assert found.exit_code == 1
    assert f"[digest_account] The account had 0 entries, and is gone. (client {client})" in found.stdout
    assert f"[digest_shop] The shop {gone.slug} is in no list of shops any more." in found.stdout
    assert f"[digest_account] The account had 0 entries, and is gone. (client {client_of_gone})" in found.stdout


async def test_a_digest_of_one_shop_says_nothing_of_the_others(
    account_credit: Program, desk: Desk, container: Container
) -> None:
    other = await open_desk(container)
    await other.client()
    digest = await account_credit.digest("digest", "--shop", desk.slug)
    assert other.slug not in digest.read_text()
    both = await account_credit.verify(digest, "--shop", other.slug)
    assert both.exit_code == 0
    assert "0 accounts compared" in both.stdout
    nobody = await account_credit("digest", digest.with_name("d"), "--key", account_credit.key, "--shop", "nobodys")
    assert (nobody.exit_code, nobody.stderr) == (1, "Error: No shop has the slug nobodys.\n")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda text: text.replace(b'"balance":500', b'"balance":501'), "It was changed"),
        (lambda text: text[: len(text) // 2], "It has a line that belongs to no digest."),
        (lambda text: b"".join(text.splitlines(keepends=True)[:-1]), "It has no seal: its end is missing."),
        (lambda text: b"".join(text.splitlines(keepends=True)[:-2] + text.splitlines(keepends=True)[-1:]), "changed"),
        (lambda _: b"", "It is empty."),
        (lambda text: text.replace(b'"signature":"', b'"signature":"00'), "No key that is trusted signed it."),
    ],
    ids=["another balance", "half of it", "without its seal", "without a line", "nothing", "another signature"],
)
async def test_a_digest_that_was_tampered_with_is_refused(
    account_credit: Program, desk: Desk, spoil: Callable[[bytes], bytes], why: str
) -> None:
    await desk.add(await desk.client(), 5_00)
    digest = await account_credit.digest("digest", "--shop", desk.slug)
    digest.write_bytes(spoil(digest.read_bytes()))
    refused = await account_credit.verify(digest)
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert refused.stderr.startswith(f"Error: {digest} is not to be trusted.")
    assert why in refused.stderr


async def test_a_digest_that_somebody_else_signed_is_refused(
    account_credit: Program, desk: Desk, tmp_path: Path
) -> None:
    digest = await account_credit.digest("digest", "--shop", desk.slug)
    here("digest-key", str(tmp_path / "another"))
    refused = await account_credit("verify", "--digest", digest, "--public-key", tmp_path / "another.pub")
    assert refused.exit_code == 1
    assert "No key that is trusted signed it." in refused.stderr
    both = tmp_path / "both"
    both.write_text((tmp_path / "another.pub").read_text() + account_credit.public_key.read_text())
    trusted = await account_credit("verify", "--digest", digest, "--public-key", both, "--shop", desk.slug)
    assert trusted.exit_code == 0


async def test_without_a_key_nothing_is_signed_and_nothing_is_believed(
    account_credit: Program, desk: Desk, tmp_path: Path
) -> None:
    digest = await account_credit.digest("digest", "--shop", desk.slug)
    unsigned = await account_credit("digest", tmp_path / "other")
    assert unsigned.exit_code == 2
    assert "name the private key with --key FILE" in unsigned.stderr
    unbelieved = await account_credit("verify", "--digest", digest)
    assert unbelieved.exit_code == 2
    assert "name the one that you trust with --public-key FILE" in unbelieved.stderr
    nonsense = await account_credit("digest", tmp_path / "other", "--key", account_credit.public_key)
    assert (nonsense.exit_code, nonsense.stderr.startswith("Error: What should sign digests is no private key")) == (
        1,
        True,
    )
    assert not (tmp_path / "other").exists()


async def test_a_digest_never_replaces_a_file(account_credit: Program, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("precious")
    for command in (("digest", "--key", account_credit.key), ("export-ledger", "--shop", "any")):
        refused = await account_credit(*command, tmp_path / "kept")
        assert refused.exit_code == 1
        assert (
            refused.stderr
            == f"Error: {tmp_path / 'kept'} is there already, and is never replaced: choose another name.\n"
        )
    assert (tmp_path / "kept").read_text() == "precious"


async def test_whoever_is_killed_half_way_leaves_no_digest(
    account_credit: Program, desk: Desk, alone: Database, tmp_path: Path
) -> None:
    await desk.add(await desk.client(), 5_00)
    digest = tmp_path / "digest"
    holder = await asyncpg.connect(alone.superuser_url)
    async with holder.transaction():
        await holder.execute("LOCK TABLE credit_accounts")  # so that it gets as far as its first shop, and waits there
        command = ("digest", str(digest), "--key", str(account_credit.key))
        with running(*command, settings=account_credit.settings, folder=tmp_path) as process:
            await asyncio.to_thread(until, lambda: any(tmp_path.glob(".digest.*.part")))
            process.send_signal(signal.SIGKILL)
            assert await asyncio.to_thread(process.wait, PATIENCE_SECONDS) == -signal.SIGKILL
    await holder.close()
    assert not digest.exists()
    assert (await account_credit("digest", digest, "--key", account_credit.key)).exit_code == 0


async def test_what_fails_half_way_leaves_nothing(
    account_credit: Program, desk: Desk, alone: Database, tmp_path: Path
) -> None:
    await desk.client()
    holder = await asyncpg.connect(alone.superuser_url)
    async with holder.transaction():
        await holder.execute("LOCK TABLE credit_accounts")
        failed = await account_credit("digest", tmp_path / "digest", "--key", account_credit.key)
    await holder.close()
    assert failed.exit_code == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["key", "key.pub"]


async def test_on_a_terminal_a_bar_shows_how_far_each_of_them_is(
    account_credit: Program, desk: Desk, tmp_path: Path
) -> None:
    await a_client_with_history(desk)
    digest = await account_credit.digest("first", "--shop", desk.slug)
    key = ("--public-key", str(account_credit.public_key))
    for arguments, label in (
        (("digest", str(tmp_path / "second"), "--key", str(account_credit.key)), desk.slug),
        (("verify", "--digest", str(digest), *key), "digest"),
        (("export-ledger", str(tmp_path / "ledger"), "--shop", desk.slug), desk.slug),
    ):
        shown = await asyncio.to_thread(_on_a_terminal, arguments, account_credit.settings)
        assert label in shown
        assert "100%" in shown


def _on_a_terminal(arguments: tuple[str, ...], settings: Mapping[str, str]) -> str:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(  # noqa: S603  # our own program
        [*PROGRAM, *arguments], env=without_our_settings(**settings), stdout=subprocess.DEVNULL, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # how Linux says that nobody holds the other end any more
        while more := os.read(ours, 1024):
            shown += more
    os.close(ours)
    process.wait(PATIENCE_SECONDS)
    return shown.decode()


# A ledger that anybody can check


def checked(*arguments: str | Path, without_packages: bool = False) -> subprocess.CompletedProcess[str]:
    """The verifier of the docs, as somebody runs it who has nothing else of ours."""
    python = [sys.executable, *(["-S"] if without_packages else [])]
    return subprocess.run(  # noqa: S603  # our own script
        [*python, str(VERIFIER), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={name: text for name, text in os.environ.items() if name != "PYTHONPATH"},
        check=False,
    )


def test_the_verifier_is_short_and_needs_nothing_of_ours() -> None:
    text = VERIFIER.read_text()
    assert len(text.splitlines()) <= 100
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(text))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - sys.stdlib_module_names == {"cryptography"}


async def test_an_exported_ledger_is_checked_without_the_program(account_credit: Program, desk: Desk) -> None:
    client = await a_client_with_history(desk)
    other = await a_client_with_history(desk)
    digest = await account_credit.digest()
    whole = await account_credit.export(desk)
    assert whole.stat().st_mode & 0o777 == 0o600
    alone = checked(whole, without_packages=True)
    assert (alone.returncode, alone.stdout) == (0, "12 entries of 4 accounts, 0 things wrong\n")
    with_digest = checked(whole, digest, account_credit.public_key)
    assert (with_digest.returncode, with_digest.stdout) == (0, "12 entries of 4 accounts, 0 things wrong\n")
    one = await account_credit.export(desk, "--client", str(client))
    assert str(other) not in one.read_text()
    assert checked(one, digest, account_credit.public_key).stdout == "6 entries of 1 accounts, 0 things wrong\n"


async def test_the_verifier_says_plainly_when_it_cannot_check_the_signature(
    account_credit: Program, desk: Desk, tmp_path: Path
) -> None:
    await a_client_with_history(desk)
    digest, ledger = await account_credit.digest(), await account_credit.export(desk)
    for done in (
        checked(ledger, digest),
        checked(ledger, digest, account_credit.public_key, without_packages=True),
    ):
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("NOT CHECKED: who signed the digest.")
    here("digest-key", str(tmp_path / "another"))
    refused = checked(ledger, digest, tmp_path / "another.pub")
    assert refused.returncode == 1
    assert "InvalidSignature" in refused.stderr


async def test_the_verifier_finds_what_only_a_digest_tells(account_credit: Program, desk: Desk, forger: Forger) -> None:
    client = await a_client_with_history(desk)
    digest = await account_credit.digest()
    await forger.rewrite(desk.shop_id, client, lambda entries: [*entries[:-1], {**entries[-1], "reason": "promotion"}])
    ledger = await account_credit.export(desk)
    assert checked(ledger).returncode == 0
    found = checked(ledger, digest, account_credit.public_key)
    assert found.returncode == 1
    assert f"client {client}: entry 6 is not the one of the digest\n" in found.stdout


Lines = list[dict[str, Any]]


def entry(lines: Lines, number: int) -> dict[str, Any]:
    [found] = [line for line in lines if line.get("number") == number]
    return found


def _change(number: int, /, **fields: object) -> Callable[[Lines], None]:
    return lambda lines: entry(lines, number).update(fields)


def _drop(number: int) -> Callable[[Lines], None]:
    return lambda lines: lines.remove(entry(lines, number))


def _swap(lines: Lines) -> None:
    first, second = (lines.index(entry(lines, number)) for number in (3, 4))
    lines[first], lines[second] = lines[second], lines[first]


def _double(lines: Lines) -> None:
    lines.insert(lines.index(entry(lines, 5)), dict(entry(lines, 5)))


def _without_end(lines: Lines) -> None:
    lines.pop()


def _account(**fields: object) -> Callable[[Lines], None]:
    def change(lines: Lines) -> None:
        [found] = [line for line in lines if line["line"] == "account" and line["last_number"]]
        found.update(fields)

    return change


_NOBODY = str(UUID(int=1))
_SPOILT: list[tuple[str, Callable[[Lines], None], str]] = [
    *(
        (name, _change(1, **{name: value}), "entry 1: ")
        for name, value in {
            "id": _NOBODY,
            "kind": "captured",
            "amount": 5001,
            "balance_after": 5001,
            "reason": "promotion",
            "note": "never said",
            "note_salt": "00" * 16,
            "note_digest": "00" * 32,
            "by_kind": "api_key",
            "by_id": _NOBODY,
            "by_name": "Never There",
            "by_name_salt": None,
            "by_name_digest": "00" * 32,
            "at": 0,
            "invoice_id": _NOBODY,
            "payment_id": _NOBODY,
            "reverses_number": 1,
            "previous_hash": "00" * 32,
            "hash": "00" * 32,
            "client_id": _NOBODY,
        }.items()
    ),
    ("note taken away", _change(1, note=None), "entry 1: its note is not what was written"),
    ("number", _change(6, number=7), "entry 7: follows entry 5"),
    ("time that goes back", _change(4, at=1), "entry 4: is earlier than the one before"),
    ("reverses another", _change(4, reverses_number=1), "entry 4: is not the one opposite of an entry before it"),
    ("reverses again", _change(5, reverses_number=3), "entry 5: is not the one opposite of an entry before it"),
    ("an entry gone", _drop(3), "entry 4: follows entry 2"),
    ("the last entry gone", _drop(6), ": ends elsewhere"),
    ("two entries swapped", _swap, "entry 4: follows entry 2"),
    ("an entry twice", _double, "entry 5: follows entry 5"),
    ("another balance", _account(balance=1), ": ends elsewhere"),
    ("another last number", _account(last_number=5), ": ends elsewhere"),
    ("another last hash", _account(last_hash="00" * 32), ": ends elsewhere"),
    ("no end", _without_end, ": its end is missing or does not fit"),
    ("another count", lambda lines: lines[-1].update(entries=5), ": its end is missing or does not fit"),
]


@pytest.fixture(scope="module")
async def exported(container: Container, settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    desk = await open_desk(container)
    await a_client_with_history(desk)
    file = tmp_path_factory.mktemp("exported") / "ledger"
    done = await asyncio.to_thread(here, "export-ledger", str(file), "--shop", desk.slug, settings=settings)
    assert done.exit_code == 0, done.output
    return file.read_bytes()


@pytest.mark.parametrize(("spoil", "said"), [row[1:] for row in _SPOILT], ids=[row[0] for row in _SPOILT])
def test_what_was_changed_in_an_exported_ledger_is_found_and_named(
    exported: bytes, tmp_path: Path, spoil: Callable[[Lines], None], said: str
) -> None:
    lines = [json.loads(line) for line in exported.splitlines()]
    spoil(lines)
    spoilt = tmp_path / "spoilt"
    spoilt.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    found = checked(spoilt)
    assert found.returncode == 1, found.stdout
    assert said in found.stdout


async def test_a_client_or_a_shop_that_there_is_not_has_no_ledger(
    account_credit: Program, desk: Desk, tmp_path: Path
) -> None:
    refused = await account_credit("export-ledger", tmp_path / "l", "--shop", desk.slug, "--client", _NOBODY)
    assert (refused.exit_code, refused.stderr) == (1, f"Error: {desk.slug} has no client {_NOBODY}.\n")
    refused = await account_credit("export-ledger", tmp_path / "l", "--shop", "nobodys")
    assert (refused.exit_code, refused.stderr) == (1, "Error: No shop has the slug nobodys.\n")
    assert not (tmp_path / "l").exists()
