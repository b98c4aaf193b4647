"""The program under wrk, and PostgreSQL under pgbench with the very statements that the program sends, in turn."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import httpx

from bench import pgbench, wrk
from bench.installation import PATIENCE_SECONDS, Installation, Served
from bench.operations import NOTHING, OPERATIONS, Operation
from bench.progress import Progress
from bench.statements import Logged, logging, read_log, script

CONNECTIONS = 16
_WARM_SECONDS = 1


@dataclass
class Rounds:
    """What was done per second, and what it took of the processors in milliseconds each, round by round."""

    per_second: list[float] = field(default_factory=list)
    server_ms: list[float] = field(default_factory=list)
    postgres_ms: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        medians = {name: median(values) for name, values in asdict(self).items() if values}
        return {**medians, "rounds": self.per_second}


async def side_by_side(
    installation: Installation,
    served: Served,
    tokens: Path,
    *,
    clients: int,
    shops: int,
    rounds: int,
    seconds: int,
    progress: Progress,
) -> dict[str, Any]:
    """For each operation, both sides and the ratio of each pair of rounds."""
    scripts = await _scripts(installation, clients=clients, shops=shops)
    sides = {each.name: (Rounds(), Rounds()) for each in (NOTHING, *OPERATIONS)}
    # Both prepare, and bring into memory, what they need, before anything counts.
    for each in (NOTHING, *OPERATIONS):
        await wrk.run(served.url, each.name, tokens, clients=clients, seconds=_WARM_SECONDS, connections=CONNECTIONS)
    for _ in range(rounds):
        for each in (NOTHING, *OPERATIONS):
            program, postgres = sides[each.name]
            if each is not NOTHING:
                await _drive(installation, scripts[each.name], postgres, seconds)
            await _ask(installation, served, tokens, each, program, seconds, clients)
            progress.step()
    nothing = sides[NOTHING.name][0].per_second
    return {
        NOTHING.name: {"program": sides[NOTHING.name][0].figures()},
        **{each.name: _compared(*sides[each.name], nothing) for each in OPERATIONS},
    }


def _compared(program: Rounds, postgres: Rounds, nothing: Sequence[float]) -> dict[str, Any]:
    of_postgres = [ours / theirs for ours, theirs in zip(program.per_second, postgres.per_second, strict=True)]
    of_nothing = [ours / bare for ours, bare in zip(program.per_second, nothing, strict=True)]
    return {
        "program": program.figures(),
        "pgbench": postgres.figures(),
        "of_pgbench": median(of_postgres),
        "of_pgbench_rounds": of_postgres,
        "of_nothing": median(of_nothing),
        "of_nothing_rounds": of_nothing,
    }


async def _scripts(installation: Installation, *, clients: int, shops: int) -> dict[str, Path]:
    """Ask for each operation once, and make pgbench's script of what PostgreSQL logged meanwhile."""
    async with (
        installation.superuser() as superuser,
        logging(superuser, installation.database.name),
        installation.serving(processes=1, ACCOUNT_CREDIT_MAX_CONNECTIONS="1") as watched,
        httpx.AsyncClient(base_url=watched.url, timeout=PATIENCE_SECONDS) as http,
    ):
        token = await installation.token(http, (clients - 1) % shops)
        return {
            each.name: await _script(installation, http, token, each, clients=clients, shops=shops)
            for each in OPERATIONS
        }


async def _script(
    installation: Installation, http: httpx.AsyncClient, token: str, operation: Operation, *, clients: int, shops: int
) -> Path:
    number = clients - 1
    log = installation.postgres_log
    key, begin = "", 0
    for _ in range(2):  # the first time on a connection there are statements to prepare
        key, begin = uuid4().hex, log.stat().st_size
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if operation.writes else {})
        answer = await http.request(operation.method, operation.address(number), headers=headers, json=operation.body)
        answer.raise_for_status()
    statements = _of_the_request(read_log(log.read_bytes()[begin:].decode()))
    file = installation.folder / f"{operation.name}.sql"
    its_key = key if operation.writes else None
    file.write_text(script(statements, number=number, key=its_key, clients=clients, shops=shops))
    return file


def _of_the_request(statements: Sequence[Logged]) -> list[Logged]:
    """From BEGIN to COMMIT."""
    texts = [each.sql for each in statements]
    begin = next(place for place, text in enumerate(texts) if text.startswith("BEGIN"))
    commit = next(place for place, text in enumerate(texts) if text.startswith("COMMIT"))
    return list(statements[begin : commit + 1])


async def _drive(installation: Installation, script: Path, postgres: Rounds, seconds: int) -> None:
    driven = await pgbench.run(
        installation.programs / "pgbench",
        installation.database.app_url,
        script,
        seconds=seconds,
        connections=CONNECTIONS,
        cpu_seconds=installation.postgres_cpu_seconds,
    )
    postgres.per_second.append(driven.per_second)
    postgres.postgres_ms.append(driven.cpu_seconds * 1000 / driven.transactions)


async def _ask(
    installation: Installation,
    served: Served,
    tokens: Path,
    operation: Operation,
    program: Rounds,
    seconds: int,
    clients: int,
) -> None:
    before, postgres_before = served.cpu_seconds(), installation.postgres_cpu_seconds()
    answered = await wrk.run(
        served.url, operation.name, tokens, clients=clients, seconds=seconds, connections=CONNECTIONS
    )
    answered.require_sound()
    program.per_second.append(answered.per_second)
    program.server_ms.append((served.cpu_seconds() - before) * 1000 / answered.requests)
    program.postgres_ms.append((installation.postgres_cpu_seconds() - postgres_before) * 1000 / answered.requests)
    program.p50_ms.append(answered.p50)
    program.p99_ms.append(answered.p99)
