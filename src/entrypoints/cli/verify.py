"""``account-credit verify``: recompute everything, and say what does not agree."""

import asyncio
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click
import msgspec
from msgspec import Struct

from core.ids import ShopId
from core.use_cases.verify_shop import Step
from core.verification import Finding, ShopSize
from entrypoints.container import Container, running
from entrypoints.settings import Settings


class ShopReport(Struct):
    """What was checked at one shop, and what does not agree."""

    slug: str
    id: ShopId
    accounts: int = 0
    entries: int = 0
    payments: int = 0
    invoices: int = 0
    findings: list[Finding] = []

    def take(self, step: Step) -> None:
        """Count what a step checked."""
        self.accounts += step.accounts
        self.entries += step.entries
        self.payments += step.payments
        self.invoices += step.invoices
        self.findings += step.findings


class Report(Struct):
    agrees: bool
    shops: list[ShopReport]


class _Bar(Protocol):
    length: int | None

    def update(self, n_steps: int) -> None: ...


def verify(settings: Settings, *, slug: str | None, as_json: bool) -> bool:
    """Check one shop or all, print what was found; whether everything agrees."""
    _keep_rows_out_of_garbage_collection()
    shops = asyncio.run(_verify(settings, slug))
    report = Report(agrees=not any(shop.findings for shop in shops), shops=shops)
    if as_json:
        click.echo(msgspec.json.encode(report))
    else:
        for line in _lines(report):
            click.echo(line)
    return report.agrees


def _keep_rows_out_of_garbage_collection() -> None:
    """Rows die by themselves when their page was checked; looking for cycles in them takes a third of the time."""
    gc.freeze()
    gc.set_threshold(100_000)


async def _verify(settings: Settings, slug: str | None) -> list[ShopReport]:
    container = Container(settings=settings)
    async with running(container):
        shops = await container.directory().shops()
        if slug is not None:
            shops = [shop for shop in shops if shop[0] == slug]
            if not shops:
                raise click.ClickException(f"No shop has the slug {slug}.")
        verify_shop = container.verify_shop()
        reports = []
        for name, shop_id in shops:
            report = ShopReport(name, shop_id)
            with _progress(name) as bar:

                def expect(size: ShopSize, bar: _Bar = bar) -> None:
                    bar.length = size.entries + size.payments + size.invoices

                def tell(step: Step, bar: _Bar = bar, report: ShopReport = report) -> None:
                    report.take(step)
                    bar.update(step.entries + step.payments + step.invoices)

                await verify_shop(shop_id, expect=expect, tell=tell)
            reports.append(report)
        return reports


@contextmanager
def _progress(label: str) -> Iterator[_Bar]:
    """A bar on stderr where that is a terminal, and nothing anywhere else."""
    with click.progressbar(length=0, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield bar


def _lines(report: Report) -> Iterator[str]:
    for shop in report.shops:
        checked = (
            f"{shop.entries:,} entries in {shop.accounts:,} accounts, "
            f"{shop.payments:,} payments and {shop.invoices:,} invoices"
        )
        if not shop.findings:
            yield f"{shop.slug}: everything agrees ({checked})."
            continue
        things = "1 thing does" if len(shop.findings) == 1 else f"{len(shop.findings):,} things do"
        yield f"{shop.slug}: {things} not agree ({checked}):"
        for finding in shop.findings:
            yield f"  [{finding.what}] {finding.sentence}{_whose(finding)}"
    if not report.shops:
        yield "There is no shop yet."


def _whose(finding: Finding) -> str:
    ids = (("client", finding.client_id), ("payment", finding.payment_id), ("invoice", finding.invoice_id))
    whose = ", ".join(f"{what} {thing}" for what, thing in ids if thing is not None)
    return f" ({whose})" if whose else ""
