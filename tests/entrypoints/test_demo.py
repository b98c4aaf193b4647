"""The demo: one command starts everything with two shops, Ctrl-C stops everything, and the data stays."""

import asyncio
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from core.use_cases.verify_shop import Step
from entrypoints.container import Container
from entrypoints.demo.refusals import NotTheDemos
from entrypoints.demo.shops import MAIN_STREET, PASSWORD, SHOPS, make_shops
from tests.database import Database
from tests.desk import program
from tests.entrypoints.processes import free_port, run, running, stop, taken_port, until

DOCS = Path(__file__).parents[2] / "docs"


@dataclass
class Demo:
    process: "subprocess.Popen[bytes]"
    http: httpx.Client
    data: Path
    said: Path
    """What it says on standard output; its log is beside it."""

    @property
    def log(self) -> str:
        return (self.said.parent / "err").read_text()

    @cached_property
    def owner(self) -> dict[str, str]:
        """What the first shop's owner sends with each request."""
        return self.sign_in()

    def sign_in(self, email: str = MAIN_STREET.owner.email, shop: str = MAIN_STREET.slug) -> dict[str, str]:
        answer = self.http.post("/v1/auth/sign-in", json={"shop": shop, "email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def get(self, path: str) -> Any:
        answer = self.http.get(path, headers=self.owner)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def client_names(self) -> list[str]:
        return [client["name"] for client in self.get("/v1/clients?limit=100")["items"]]


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[Demo]:
    """A demo that is ready, with its data in the folder."""
    port, data = free_port(), folder / "data"
    with running("demo", "--port", str(port), "--data", str(data), *arguments, settings={}, folder=folder) as process:
        said = folder / "out"
        until(lambda: "A first request" in said.read_text() or process.poll() is not None)
        assert process.poll() is None, (folder / "err").read_text()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            yield Demo(process, http, data, said)


def no_server_left(data: Path) -> bool:
    return not (data / "cluster" / "postmaster.pid").exists()


@contextmanager
def a_folder() -> Iterator[Path]:
    """Not pytest's own: where the tests run as root, PostgreSQL's own user has to get in."""
    folder = Path(tempfile.mkdtemp(prefix="account-credit-test-"))
    try:
        folder.chmod(0o711)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    with a_folder() as made:
        yield made


@pytest.fixture(scope="module")
def here() -> Iterator[Demo]:
    with a_folder() as made, demo(made) as started:
        yield started


def test_everybody_whom_it_names_can_sign_in(here: Demo) -> None:
    said = here.said.read_text()
    for shop in SHOPS:
        for person in shop.people:
            assert person.email in said
            me = here.http.get("/v1/me", headers=here.sign_in(person.email, shop.slug)).json()
            assert me["shop"]["slug"] == shop.slug
            assert me["staff"]["name"] == person.name


def test_the_first_request_works_as_it_is_printed(here: Demo) -> None:
    # Sent as it is printed, but not by curl, which the tests do not ask a machine for.
    printed = here.said.read_text().partition("to paste into another terminal:")[2]
    sign_in = re.search(r"curl -s (\S+) -H '(\S+): (\S+)' \\\s+-d '([^']+)'", printed)
    first = re.search(r'curl -s "([^"]+)" -H "Authorization: Bearer \$TOKEN"', printed)
    assert sign_in
    assert first
    url, header, value, body = sign_in.groups()
    token = here.http.post(url, content=body, headers={header: value}).json()["access_token"]
    answer = here.http.get(first[1], headers={"Authorization": f"Bearer {token}"})
    assert '"name":"Casey Morgan"' in answer.text


def test_it_names_the_console_an_address_with_documentation_and_a_folder(here: Demo) -> None:
    said = here.said.read_text()
    assert str(here.http.base_url).rstrip("/") in said
    console = re.search(r"Console: +(\S+)", said)
    assert console
    assert "Sign in" in here.http.get(console[1], follow_redirects=True).text
    assert str(here.data) in said
    assert here.http.get("/docs").status_code == 200


def test_there_is_a_client_with_a_clean_invoice_to_follow_the_worked_example(here: Demo) -> None:
    [casey] = here.get("/v1/clients?q=Casey")["items"]
    [invoice] = here.get(f"/v1/invoices?client_id={casey['id']}")["items"]
    assert (invoice["number"], invoice["total"], invoice["due"], invoice["payments"]) == ("INV-1", 130_00, 130_00, [])
    assert here.get(f"/v1/clients/{casey['id']}/credit")["entries"] == []


def test_its_log_is_for_people_and_has_a_line_a_request_and_a_notice(here: Demo) -> None:
    [client] = here.get("/v1/clients?q=Jordan")["items"]
    headers = {**here.owner, "Idempotency-Key": "one"}
    body = {"reason": "goodwill", "amount": 5_00, "note": "For the log"}
    assert here.http.post(f"/v1/clients/{client['id']}/credit/entries", json=body, headers=headers).status_code == 201
    until(lambda: "credit.added" in here.log)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", here.log).splitlines()
    assert all(re.match(r"\S+Z \[(info|warning) *\] [a-z_]+ ", line) for line in lines), here.log
    assert sum("] request " in line for line in lines) >= 2
    assert sum("] notice " in line for line in lines) == 1, "what happened while the shops were made is no news"


def test_its_secret_keys_are_for_its_owner_only(here: Demo) -> None:
    assert stat.S_IMODE((here.data / "secret-keys").stat().st_mode) == 0o600


def test_commands_beside_it_work_on_its_database(here: Demo) -> None:
    listed = run("shop", "list", "--data", str(here.data), settings={})
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:]] == ["am-hafen", "main-street"]
    verified = run("verify", settings={"ACCOUNT_CREDIT_DATA_DIR": str(here.data)})
    assert verified.returncode == 0, verified.stdout
    assert here.http.get("/health/ready").status_code == 200


def test_what_it_cannot_have_is_one_sentence_and_the_running_one_goes_on(here: Demo, tmp_path: Path) -> None:
    in_use = ("demo", "--data", str(here.data), "--port", str(free_port()))
    with taken_port() as port:
        told = [
            (run(*in_use, settings={}), "is already in use by process"),
            (run(*in_use, "--fresh", settings={}), "is in use, so it is not deleted."),
            (
                run("demo", "--data", str(tmp_path / "data"), "--port", str(port), settings={}),
                f"Cannot serve on 127.0.0.1:{port}: address already in use.",
            ),
        ]
    for done, sentence in told:
        assert (done.returncode, done.stdout) == (1, "")
        [line] = done.stderr.splitlines()
        assert sentence in line
    assert not (tmp_path / "data").exists(), "the port is looked at first"
    assert here.http.get("/health/ready").status_code == 200


def test_ctrl_c_and_sigterm_stop_everything_and_the_next_one_finds_its_data(folder: Path) -> None:
    with demo(folder) as first:
        headers = first.owner
        assert first.http.post("/v1/clients", json={"name": "Made By Hand"}, headers=headers).status_code == 201
        assert stop(first.process, signal.SIGINT) == 0
        assert "Stopped." in first.said.read_text()
        assert no_server_left(first.data)
    with demo(folder) as second:
        names = second.client_names()
        assert "Made By Hand" in names
        assert len(set(names)) == len(names)
        assert second.http.get("/v1/me", headers=headers).status_code == 200, "the keys are the same"
        assert stop(second.process, signal.SIGTERM) == 0
        assert no_server_left(second.data)
    with demo(folder, "--fresh") as anew:
        assert "Made By Hand" not in anew.client_names()
        assert anew.http.get("/v1/me", headers=headers).status_code == 401, "the keys are not"


def test_it_can_be_stopped_while_it_starts(folder: Path) -> None:
    data = folder / "data"
    for step in ("cluster", "secret-keys"):
        with running("demo", "--port", str(free_port()), "--data", str(data), settings={}, folder=folder) as process:
            until((data / step).exists)
            assert stop(process, signal.SIGINT) == 0, (folder / "err").read_text()
        assert no_server_left(data)
    with demo(folder) as complete:
        assert "Jordan Blake" in complete.client_names()


def test_a_folder_of_another_version_is_one_sentence(folder: Path) -> None:
    (folder / "locks").mkdir()
    (folder / "cluster").mkdir(mode=0o700)
    (folder / "cluster" / "PG_VERSION").write_text("9.6\n")
    told = run("demo", "--data", str(folder), "--port", str(free_port()), settings={})
    assert (told.returncode, told.stdout) == (1, "")
    [line] = told.stderr.splitlines()
    assert "was made by PostgreSQL 9.6" in line


@pytest.mark.parametrize("fresh", [(), ("--fresh",)], ids=["", "fresh"])
def test_a_folder_that_is_not_ours_is_one_sentence_and_stays_as_it_is(tmp_path: Path, fresh: tuple[str, ...]) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    told = run("demo", "--data", str(tmp_path), "--port", str(free_port()), *fresh, settings={})
    assert (told.returncode, told.stdout) == (1, "")
    assert len(told.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_one_of_ours_with_something_else_in_it_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "thesis.txt").write_text("ten years of work")
    told = run("demo", "--data", str(tmp_path), "--port", str(free_port()), "--fresh", settings={})
    assert told.returncode == 1
    assert "not ours (thesis.txt)" in told.stderr
    assert (tmp_path / "thesis.txt").exists()


def test_a_folder_that_cannot_be_written_to_is_one_sentence(tmp_path: Path) -> None:
    # A folder inside of a file: nobody can write there, not even root.
    (tmp_path / "file").touch()
    told = run("demo", "--data", str(tmp_path / "file" / "data"), "--port", str(free_port()), settings={})
    assert (told.returncode, told.stdout) == (1, "")
    assert len(told.stderr.splitlines()) == 1


# Notices, with the scripts that the README shows


@contextmanager
def script(name: str, *arguments: str, folder: Path) -> Iterator[Path]:
    """One of docs/, for as long as the block lasts; the file with what it prints."""
    printed, ready = folder / f"{name}.txt", folder / f"{name}.err"
    with (
        printed.open("wb") as out,
        ready.open("wb") as err,
        subprocess.Popen([sys.executable, str(DOCS / name), *arguments], stdout=out, stderr=err) as process,  # noqa: S603
    ):
        try:
            until(lambda: "Taking" in ready.read_text() or process.poll() is not None)
            assert process.poll() is None, ready.read_text()
            yield printed
        finally:
            process.kill()


def until_printed(file: Path, words: str, *, times: int) -> None:
    until(lambda: file.read_text().count(words) == times)


def quickest_seconds(webhooks: Path) -> float:
    """From when credit was applied until the webhook was there, where that took the least."""
    printed = webhooks.read_text()
    return min(map(float, re.findall(r"credit.applied, (.+) s after it happened, signature verified", printed)))


def test_within_a_second_of_a_payment_there_is_a_signed_webhook_and_an_e_mail_with_the_balance(folder: Path) -> None:
    mail_port, webhook_port = free_port(), free_port()
    with (
        script("receive_mail.py", str(mail_port), folder=folder) as mails,
        demo(folder, "--smtp", f"127.0.0.1:{mail_port}") as here,
    ):
        assert f"to 127.0.0.1:{mail_port}" in here.said.read_text()

        def post(path: str, body: dict[str, Any]) -> Any:
            answer = here.http.post(path, json=body, headers={**here.owner, "Idempotency-Key": uuid4().hex})
            assert answer.status_code == 201, answer.text
            return answer.json()

        url = f"http://127.0.0.1:{webhook_port}/"
        secret = post("/v1/webhook-endpoints", {"url": url, "kinds": ["credit.applied"]})["secret"]
        with script("receive_webhooks.py", str(webhook_port), secret, folder=folder) as webhooks:
            client = post("/v1/clients", {"name": "Robin Vale", "email": "robin@example.com"})["id"]
            entry = {"reason": "promotion", "amount": 42_10, "note": "spring voucher"}
            post(f"/v1/clients/{client}/credit/entries", entry)
            # More than one where it takes longer, since a machine may be busy with something else for a second.
            for payments, amount in enumerate([20_00, *[1_00] * 9], 1):
                lines = [{"description": "Oil change", "quantity": 1, "unit_price": amount}]
                invoice = post("/v1/invoices", {"client_id": client, "lines": lines})["id"]
                post(f"/v1/invoices/{invoice}/payments", {"method": "account_credit"})
                until_printed(mails, "You used", times=payments)
                until_printed(webhooks, '"payment_id"', times=payments)
                if quickest_seconds(webhooks) < 1:
                    break
        assert quickest_seconds(webhooks) < 1
        assert '"balance_after": 2210' in webhooks.read_text()
        assert "You used $20.00 of your credit. $22.10 is left." in mails.read_text()
        assert "To: Robin Vale <robin@example.com>" in mails.read_text()
        assert "Reply-To: desk@main-street.example" in mails.read_text()
        assert "spring voucher" not in mails.read_text()


@pytest.mark.parametrize("smtp", ["nowhere:port", "127.0.0.1:99999", "a@b:25"])
def test_an_smtp_server_that_cannot_be_is_one_sentence(tmp_path: Path, smtp: str) -> None:
    told = run("demo", "--data", str(tmp_path / "data"), "--port", str(free_port()), "--smtp", smtp, settings={})
    assert (told.returncode, told.stdout) == (1, "")
    assert "SMTP_URL" in told.stderr
    assert not (tmp_path / "data").exists()


# Making the shops


async def test_the_shops_history_has_every_kind_of_entry_and_agrees(database: Database) -> None:
    async with database.fresh() as alone, program(alone) as container:
        await make_shops(container)
        findings = [finding for step in await _verified(container) for finding in step.findings]
        kinds = await _kinds(container)
    assert findings == []
    assert kinds == {"added", "applied", "captured", "voided", "returned"}


async def test_shops_whose_making_was_interrupted_are_finished_without_doing_anything_twice(
    database: Database,
) -> None:
    async with database.fresh() as alone, program(alone) as container:
        for seconds in (0.05, 0.2, 0.3, 0.4):
            making = asyncio.create_task(make_shops(container))
            await asyncio.wait({making}, timeout=seconds)
            making.cancel()
            await asyncio.wait({making})
        await make_shops(container)
        interrupted = await _counts(container)
        await make_shops(container)
        assert await _counts(container) == interrupted
    async with database.fresh() as alone, program(alone) as container:
        await make_shops(container)
        assert await _counts(container) == interrupted


async def test_somebody_elses_shop_with_a_demo_shops_slug_is_left_alone(database: Database) -> None:
    async with database.fresh() as alone, program(alone) as container:
        await container.open_shop()(
            name="Ours",
            slug=MAIN_STREET.slug,
            currency="USD",
            time_zone="UTC",
            owner_name="Somebody",
            owner_email="somebody@example.com",
            owner_password=PASSWORD,
        )
        with pytest.raises(NotTheDemos, match=MAIN_STREET.slug):
            await make_shops(container)


async def _verified(container: Container) -> list[Step]:
    steps: list[Step] = []
    for _, shop_id in await container.directory().shops():
        await container.verify_shop()(shop_id, expect=lambda _: None, tell=steps.append)
    return steps


async def _counts(container: Container) -> list[tuple[int, ...]]:
    """Accounts, entries, payments and invoices of each shop."""
    counts: list[tuple[int, ...]] = []
    for _, shop_id in await container.directory().shops():
        steps: list[Step] = []
        await container.verify_shop()(shop_id, expect=lambda _: None, tell=steps.append)
        counts.append(
            (
                sum(step.accounts for step in steps),
                sum(step.entries for step in steps),
                sum(step.payments for step in steps),
                sum(step.invoices for step in steps),
            )
        )
    return counts


async def _kinds(container: Container) -> set[str]:
    shop_id = await container.directory().shop_of(MAIN_STREET.slug)
    assert shop_id is not None
    async with container.transactions().at_shop(shop_id) as shop:
        page = await shop.ledger.page(client_id=None, kind=None, at_from=None, at_before=None, after=None, limit=100)
    return {entry.kind for entry in page.items}
