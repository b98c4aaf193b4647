"""``make bench``: measure, print, and write docs/benchmarks.md with its figures and plots."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import click

from bench import report, streams, wrk
from bench.growth import FIRST_CLIENT, LARGE, LENGTHS, growth
from bench.hot import POOR_CLIENT, POOR_HAS, hot
from bench.installation import Installation, installed
from bench.memory import memory
from bench.operations import OPERATIONS
from bench.progress import part
from bench.side_by_side import side_by_side

PARTS = ("side", "growth", "hot", "streams", "memory")
_ENTRIES_A_CLIENT = 28
"""A page of a ledger is full."""


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    clients: int = 10_000
    shops: int = 100
    lengths: Sequence[int] = LENGTHS
    rounds: int = 3
    seconds: int = 5
    looks: int = 25
    verified: int = 100_000
    minutes: float = 10
    processes: int = os.cpu_count() or 1


QUICK = Size(
    clients=1_000,
    shops=10,
    lengths=(1_000, 10_000, 100_000),
    rounds=1,
    seconds=2,
    looks=7,
    verified=20_000,
    minutes=0.5,
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="A minute or two: less of everything, to see that it works.")
@click.option(
    "--large",
    is_flag=True,
    help="10,000 shops, and a ledger of 10,000,000 entries besides. Takes much longer and, reckoned, 20 GB of disk.",
)
@click.option("--soak", is_flag=True, help="Load for an hour instead of ten minutes, to see whether memory grows.")
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="This part alone; can be given more than once.")
@click.option(
    "--report/--no-report", default=True, help="Write docs/benchmarks.*; with --quick or --only it never does."
)
def main(*, quick: bool, large: bool, soak: bool, only: tuple[str, ...], report: bool) -> None:
    """Measure the program against what PostgreSQL can do, as its ledgers grow, under load. Some twenty minutes;
    nothing else should run meanwhile. Everything is made in a temporary folder and removed. `make soak` begins with
    --large --soak.
    """
    if not wrk.is_here():
        raise click.ClickException("wrk is not installed. Debian and Ubuntu: apt-get install wrk")
    if not sys.platform.startswith("linux"):
        raise click.ClickException("What processes take is read from /proc, which only Linux has.")
    size = QUICK if quick else Size()
    if large:
        size = replace(size, clients=100_000, shops=10_000, lengths=LARGE)
    if soak:
        size = replace(size, minutes=60)
    # The page shows one run, whole: a part of another would stand under the wrong date and machine.
    asyncio.run(_bench(size, only or PARTS, written=report and not quick and set(only or PARTS) == set(PARTS)))


async def _bench(size: Size, parts: Sequence[str], *, written: bool) -> None:
    arguments = " ".join(sys.argv[1:])
    figures: dict[str, Any] = {
        "machine": report.machine(),
        "arguments": f' ARGS="{arguments}"' if arguments else "",
        "size": vars(size),
        "load_before": os.getloadavg()[0],
    }
    folder = Path(tempfile.mkdtemp(prefix="account-credit-bench-"))
    try:
        async with installed(folder) as installation:
            await _fill(installation, size, parts)
            await _measure(installation, size, parts, figures)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    click.echo(report.as_markdown(figures))
    if written:
        report.write(figures)


async def _fill(installation: Installation, size: Size, parts: Sequence[str]) -> None:
    lengths = size.lengths if {"growth", "streams"} & set(parts) else ()
    with part("Filling the database", 4 + len(lengths)) as progress:
        await installation.fill_shops(0, size.shops - 1)
        progress.step()
        await installation.fill_clients(0, size.clients - 1, shops=size.shops, entries=_ENTRIES_A_CLIENT)
        await installation.fill_clients(POOR_CLIENT, POOR_CLIENT, shops=1, entries=1, much=POOR_HAS)
        progress.step()
        for place, length in enumerate(lengths):
            number = FIRST_CLIENT + place * 100
            await installation.fill_clients(number, number, shops=1, entries=length)
            progress.step()
        if "streams" in parts:
            async with installation.superuser() as superuser:
                await streams.fill_verified(installation, superuser, size.verified)
        progress.step()
        await installation.settle()
        progress.step()


async def _measure(installation: Installation, size: Size, parts: Sequence[str], figures: dict[str, Any]) -> None:
    if "growth" in parts:
        with part("Growth", size.looks + 1) as progress:
            figures["growth"] = await growth(installation, size.lengths, rounds=size.looks, progress=progress)
    if "streams" in parts:
        with part("Verify", 2) as progress:
            figures["verify"] = await streams.verify(installation, rounds=2, progress=progress)
    async with installation.serving(processes=size.processes) as served:
        tokens = await installation.sign_in(served, size.shops)
        if "side" in parts:
            with part("Side by side", size.rounds * (len(OPERATIONS) + 1)) as progress:
                figures["side_by_side"] = await side_by_side(
                    installation,
                    served,
                    tokens,
                    clients=size.clients,
                    shops=size.shops,
                    rounds=size.rounds,
                    seconds=size.seconds,
                    progress=progress,
                )
        if "hot" in parts:
            tokens = await installation.sign_in(served, size.shops)
            with part("One hot client", 2 * size.rounds) as progress:
                figures["hot"] = await hot(
                    installation,
                    served,
                    tokens,
                    clients=size.clients,
                    rounds=size.rounds,
                    seconds=size.seconds,
                    progress=progress,
                )
        if "streams" in parts:
            token = tokens.read_text().splitlines()[0]
            longest = FIRST_CLIENT + (len(size.lengths) - 1) * 100
            with part("CSV", 1) as progress:
                figures["csv"] = await streams.csv(served, token, longest)
                progress.step()
        if "memory" in parts:
            with part("Memory", round(size.minutes * 6)) as progress:
                figures["memory"] = await memory(
                    installation,
                    served,
                    clients=size.clients,
                    shops=size.shops,
                    minutes=size.minutes,
                    progress=progress,
                )
    if "memory" in parts:
        figures["memory"]["ready_seconds"] = await _ready_seconds(installation)


async def _ready_seconds(installation: Installation) -> float:
    """Of one process; the first start of all would find nothing in memory."""
    taken = []
    for _ in range(3):
        async with installation.serving(processes=1) as served:
            taken.append(served.ready_seconds)
    return median(taken)


if __name__ == "__main__":
    main(prog_name="make bench")
