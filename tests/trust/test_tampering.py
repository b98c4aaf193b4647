"""Somebody past the program changes the past, and is found; nobody does, and nobody is accused."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.ids import ClientId
from core.staff import Caller
from core.use_cases.verify_shop import Step
from core.verification import Finding
from tests.database import Database
from tests.desk import Desk, keyed, open_desk
from tests.forger import Row, forging
from tests.long_ledger import write_ledger
from tests.trust.edits import TABLES, Connection, Editor
from tests.trust.installation import OPERATIONS, PATIENCE_SECONDS, Installation, installed, until
from tests.trust.nursery import nursery
from tests.trust.scenarios import ALONE, Progress, Scale, Scenario
from tests.trust.test_backup import run

EDITS, FORGERIES, CLEAN_RUNS, TILLS = 200, 20, 50, 4
CLIENTS, ENTRIES_EACH = 300, 200
KINDS = (*["field"] * 6, "swap", "field", "delete", "insert")

_SWITCHED_OFF = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', conrelid::regclass, conname) FROM pg_constraint
WHERE contype IN ('c', 'f', 'u') AND conrelid::regclass::text = ANY ($1)
UNION ALL SELECT format('DROP INDEX IF EXISTS %s', indexrelid::regclass) FROM pg_index
WHERE indisunique AND NOT indisprimary AND indrelid::regclass::text = ANY ($1)"""


async def a_year_of_work(desk: Desk) -> list[ClientId]:
    """Clients with something of everything that can happen to their money."""
    clients = [await _one_with_everything(desk) for _ in range(3)]
    for _ in range(3):
        client = await desk.client()
        for amount in (5_00, 7_00, 11_00, 13_00):
            await desk.add(client, amount, reason="promotion", note=f"spring {amount}", caller=_new_key(desk))
        clients.append(client)
    gone = await desk.client("Gone")
    await desk.delete_client(gone)
    return clients


def _new_key(desk: Desk) -> Caller:
    return keyed(desk.owner, uuid4().hex)


async def _one_with_everything(desk: Desk) -> ClientId:
    client = await desk.client()
    invoice, other, third, fourth = [await desk.invoice(client, total) for total in (130_00, 80_00, 10_00, 40_00)]
    first = await desk.add(client, 50_00, caller=_new_key(desk))
    applied = await desk.apply(invoice, caller=_new_key(desk))
    cash = await desk.pay(invoice, 100_00, overpayment="capture", caller=_new_key(desk))
    await desk.delete(applied.id)
    await desk.void(first.id, caller=_new_key(desk))
    await desk.delete(cash.id, caller=_new_key(desk))
    await desk.pay(other, 95_00, "card", overpayment="capture", caller=_new_key(desk))
    await desk.add(client, 30_00, reason="refund", note="very sorry", invoice_id=other, caller=_new_key(desk))
    await desk.apply(invoice, 20_00, caller=_new_key(desk))
    await desk.pay(third, 25_00, "check", overpayment="leave")
    await desk.capture(third, caller=_new_key(desk))
    paid = await desk.pay(invoice, 6_00, caller=_new_key(desk))
    await desk.edit(paid.id, 5_00)
    await desk.edit(paid.id, 4_00)
    await desk.pay_together(client, [(invoice, 1_00), (fourth, 2_00)], caller=_new_key(desk))
    return client


async def found_at(desk: Desk) -> list[Finding]:
    found: list[Finding] = []

    def tell(step: Step) -> None:
        found.extend(step.findings)

    await desk.container.verify_shop()(desk.shop_id, expect=lambda _size: None, tell=tell)
    return found


async def switch_off(connection: Connection) -> None:
    """Every constraint, unique index and trigger in the way of whoever changes rows past the program."""
    for statement in await connection.fetch(_SWITCHED_OFF, list(TABLES)):
        await connection.execute(statement[0])


async def test_random_edits_by_a_superuser_are_found_and_named(
    database: Database, tmp_path: Path, scenario: Scenario, scale: Scale, seed: int, progress: Progress
) -> None:
    count = scale.of(EDITS, least=len(KINDS), most=20_000)
    chance = Random(f"{seed} edits")  # noqa: S311  # to be repeatable
    async with database.fresh() as alone, installed(alone, tmp_path) as installation, forging(alone) as forger:
        desk = installation.desk
        await a_year_of_work(desk)
        other = await open_desk(desk.container)
        await switch_off(forger.connection)
        editor = Editor(forger.connection, desk.shop_id, other.shop_id, chance)
        await editor.look()
        assert await found_at(desk) == []
        done: Counter[str] = Counter()
        for place, kind in zip(range(count), cycle(KINDS), strict=False):
            edit = await editor.edit(kind)
            found = [*await found_at(desk), *await found_at(other)]
            assert found, f"seed {seed}, edit {place} was not found: {edit.what}"
            assert any(map(edit.named, found)), f"seed {seed}, edit {place} was not named: {edit.what}: {found}"
            done[kind] += 1
            await editor.restore()
            progress(place + 1, count, "edits")
        assert await found_at(desk) == []
    scenario(
        f"{count} random edits by a superuser, constraints and triggers off",
        figure=f"{done['field']} fields changed, {done['swap']} rows swapped, {done['delete']} deleted, "
        f"{done['insert']} inserted: all found and named; seed {seed}",
    )


class Office:
    """Where digests are made and kept: processes of the program with a key that the database does not have."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._folder = installation.folder

    async def make_key(self) -> None:
        assert (await self("digest-key", self._folder / "key"))[0] == 0

    async def digest(self) -> Path:
        file = self._folder / f"digest-{uuid4().hex}"
        status, said = await self("digest", file, "--key", self._folder / "key")
        assert status == 0, said
        return file

    async def verify(self, *digests: Path) -> tuple[int, dict[str, Any]]:
        """Its exit status and what it reports."""
        options = [option for digest in digests for option in ("--digest", digest)]
        status, said = await self("verify", "--json", "--public-key", self._folder / "key.pub", *options)
        report: dict[str, Any] = json.loads(said)
        return status, report

    async def __call__(self, *arguments: str | Path) -> tuple[int, str]:
        output = self._folder / f"said-{uuid4().hex}"
        process = nursery().start(*map(str, arguments), settings=self._installation.settings, output=output)
        return await process.wait(seconds=PATIENCE_SECONDS), output.read_text()


def _forged(entries: list[Row], chance: Random) -> list[Row]:
    """The last entries cut off, or the past rewritten."""
    number = chance.randrange(len(entries))
    if chance.random() < 0.5:
        return entries[:number]
    changes: list[Row] = [
        {"amount": entries[number]["amount"] + 100_00},
        {"reason": "goodwill"},
        {"by_id": UUID(int=chance.getrandbits(128))},
        {"note": None, "note_salt": None, "note_digest": b"\x00" * 32},
    ]
    change = chance.choice(changes)
    return [{**entry, **change} if place == number else entry for place, entry in enumerate(entries)]


async def test_a_tail_that_was_cut_off_or_rewritten_without_a_trace_is_found_by_the_digest(
    database: Database, tmp_path: Path, scenario: Scenario, scale: Scale, seed: int, progress: Progress
) -> None:
    count = scale.of(FORGERIES, most=500)
    chance = Random(f"{seed} forgeries")  # noqa: S311  # to be repeatable
    async with database.fresh() as alone, installed(alone, tmp_path) as installation, forging(alone) as forger:
        desk, office = installation.desk, Office(installation)
        clients = (await a_year_of_work(desk))[-3:]  # with credit that was added and never spent
        await switch_off(forger.connection)
        await office.make_key()
        digest = await office.digest()
        assert (await office.verify(digest))[0] == 0
        editor = Editor(forger.connection, desk.shop_id, desk.shop_id, chance)
        await editor.look()
        for place in range(count):
            client = chance.choice(clients)
            await forger.rewrite(desk.shop_id, client, lambda entries: _forged(entries, chance))
            assert await found_at(desk) == [], f"seed {seed}: forgery {place} was not without a trace"
            status, report = await office.verify(digest)
            named = {finding["client_id"] for shop in report["shops"] for finding in shop["findings"]}
            assert (status, named) == (1, {str(client)}), f"seed {seed}: forgery {place}"
            await editor.restore()
            progress(place + 1, count, "forgeries")
        assert (await office.verify(digest))[0] == 0
    scenario(
        f"{count} tails cut off or rewritten with hashes, account and notices that fit",
        figure=f"verify alone believes each; with a digest kept elsewhere all found, each client named; seed {seed}",
    )


@asynccontextmanager
async def tills(installation: Installation, url: str) -> AsyncIterator[Counter[str]]:
    """Several of them at work on the server for the length of the block; what they did."""
    done: Counter[str] = Counter()
    over = asyncio.Event()

    async def work(place: int) -> None:
        operations = cycle(OPERATIONS[place:] + OPERATIONS[:place])
        async with installation.till(url) as till:
            while not over.is_set():
                request = await installation.request(next(operations))
                await till.insist(request)
                done[request.what] += 1

    async with asyncio.TaskGroup() as together:
        for place in range(TILLS):
            together.create_task(work(place))
        try:
            yield done
        finally:
            over.set()


async def test_a_shop_at_work_is_never_accused(
    database: Database, tmp_path: Path, scenario: Scenario, scale: Scale, progress: Progress
) -> None:
    runs = scale.of(CLEAN_RUNS, least=5, most=2000)
    async with database.fresh() as alone, installed(alone, tmp_path) as installation:
        desk, office = installation.desk, Office(installation)
        await office.make_key()
        async with installation.serving() as server, tills(installation, server.url) as done:
            digests = [await office.digest()]
            for place in range(runs):
                before = sum(done.values())
                if place % 5:
                    assert await found_at(desk) == []
                else:
                    status, report = await office.verify(*digests[-2:])
                    assert (status, report["agrees"]) == (0, True), report
                    digests.append(await office.digest())
                while sum(done.values()) == before:  # a run beside nobody would show nothing
                    await asyncio.sleep(0.01)
                progress(place + 1, runs, "runs")

            async def everything_was_done() -> bool:
                return set(done) == set(OPERATIONS)

            await until(everything_was_done)
        await installation.require_sound()
    scenario(
        f"{runs} runs of verify beside {TILLS} tills at work on a server",
        figure=f"no alarm; {sum(done.values())} requests done meanwhile, {len(digests)} digests made and compared",
    )


async def test_an_operator_keeps_digests_by_the_page(database: Database, tmp_path: Path, scenario: Scenario) -> None:
    keys, kept = tmp_path / "keys", tmp_path / "kept"
    keys.mkdir()
    kept.mkdir()
    async with database.fresh() as alone, installed(alone, tmp_path) as installation, forging(alone) as forger:
        desk = installation.desk
        client = (await a_year_of_work(desk))[-1]
        variables = {**installation.settings, "KEYS": keys, "KEPT": kept}
        await asyncio.to_thread(run, "digest key", tmp_path / "key", **variables)
        for night in range(2):
            await asyncio.to_thread(run, "nightly", tmp_path / f"night-{night}", **variables)
            await desk.add(client, 1_00)
            await asyncio.sleep(1)  # digests have names of whole seconds
        ledger = tmp_path / "ledger"
        last = {"SHOP": desk.slug, "LEDGER": ledger, "DIGEST": max(kept.iterdir())}
        said = await asyncio.to_thread(run, "export", tmp_path / "export", **variables, **last)
        assert "0 things wrong" in said
        assert "NOT CHECKED" not in said
        await forger.cut(desk.shop_id, client, keep=1)
        with pytest.raises(AssertionError):
            await asyncio.to_thread(run, "nightly", tmp_path / "alarm", **variables)
        assert "[digest_account]" in (tmp_path / "alarm").read_text()
        assert len(list(kept.iterdir())) == 2
    scenario(
        "digests kept every night, and a ledger handed to an auditor",
        figure="by the page's commands; the night after a tail was cut off ends with exit 1, and signs nothing",
    )


@ALONE
async def test_the_pace_of_verify(
    database: Database, tmp_path: Path, scenario: Scenario, scale: Scale, progress: Progress
) -> None:
    clients = scale.of(CLIENTS, most=5000)
    entries = clients * ENTRIES_EACH
    async with database.fresh() as alone, installed(alone, tmp_path) as installation, forging(alone) as loader:
        desk = installation.desk
        for place in range(clients):
            await write_ledger(loader.connection, desk.shop_id, await desk.client(), ENTRIES_EACH)
            progress(place + 1, clients, "ledgers")
        await loader.connection.execute("ANALYZE")
        last_entry = began = monotonic()
        found: list[Finding] = []

        def tell(step: Step) -> None:
            nonlocal last_entry
            last_entry = monotonic() if step.entries else last_entry
            found.extend(step.findings)

        await desk.container.verify_shop()(desk.shop_id, expect=lambda _size: None, tell=tell)
        whole = monotonic() - began
    assert found == []
    assert entries / whole > 2000, "far from what it should be on any machine"
    scenario(
        f"the pace of verify: {entries:,} entries, each with its notice and its kept answer",
        figure=f"{entries / (last_entry - began):,.0f} entries a second for the ledger alone, "
        f"{entries / whole:,.0f} for all of it",
    )
