"""``account-credit verify``: recompute everything, and say what does not agree."""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import click
import msgspec
from msgspec import Struct

from adapters.security.signing import Ed25519TrustedKeys
from core.digest import DigestRefused, SealedDigest, check_seal, heads_by_shop, shop_gone
from core.ids import ShopId
from core.use_cases.verify_shop import Step
from core.verification import Finding, ShopSize
from entrypoints.cli.chosen_shops import chosen_shops
from entrypoints.cli.progress import Bar, progress
from entrypoints.container import Container, running
from entrypoints.settings import Settings
from ports.transactions import DatabaseTrouble


class ShopReport(Struct):
    """What was checked at one shop, and what does not agree."""

    slug: str
    id: ShopId
    accounts: int = 0
    entries: int = 0
    payments: int = 0
    invoices: int = 0
    notices: int = 0
    answers: int = 0
    findings: list[Finding] = []

    def take(self, step: Step) -> None:
        """Count what a step checked."""
        self.accounts += step.accounts
        self.entries += step.entries
        self.payments += step.payments
        self.invoices += step.invoices
        self.notices += step.notices
        self.answers += step.answers
        self.findings += step.findings


class DigestReport(Struct):
    """What was compared with one digest. ``public_key``: whose it is, in hex; ``accounts``: that were compared."""

    file: str
    made_at: datetime
    public_key: str
    accounts: int = 0


class Report(Struct):
    agrees: bool
    shops: list[ShopReport]
    digests: list[DigestReport] = []


def verify(
    settings: Settings,
    *,
    slug: str | None,
    as_json: bool,
    digests: Sequence[Path],
    public_keys: bytes,
) -> bool:
    """Check one shop or all, and what became of the heads in these digests; print what was found. Whether everything
    agrees. ``public_keys``: whose digests are believed, in PEM.

    Raises:
        DigestRefused: a digest is not what somebody with one of these public keys signed.
    """
    with ExitStack() as files:
        trusted = Ed25519TrustedKeys.parse(public_keys) if digests else Ed25519TrustedKeys({})
        opened = [_opened(files.enter_context(digest.open("rb")), digest, trusted) for digest in digests]
        _keep_rows_out_of_garbage_collection()
        report = asyncio.run(_verify(settings, slug, opened))
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


_OpenedDigest = tuple[BinaryIO, SealedDigest, DigestReport]


def _opened(file: BinaryIO, path: Path, trusted: Ed25519TrustedKeys) -> _OpenedDigest:
    try:
        sealed = check_seal(file, signed_by=trusted.signed_by)
    except DigestRefused as refused:
        raise DigestRefused(f"{path} is not to be trusted. {refused}") from None
    return file, sealed, DigestReport(str(path), sealed.made_at, sealed.public_key.hex())


async def _verify(settings: Settings, slug: str | None, digests: Sequence[_OpenedDigest]) -> Report:
    container = Container(settings=settings)
    async with running(container):
        shops = await chosen_shops(container, slug)
        reports = {shop_id: await _verify_shop(container, name, shop_id) for name, shop_id in shops}
        for digest in digests:
            await _compare(container, digest, reports, slug)
    shops_with_findings = any(report.findings for report in reports.values())
    return Report(
        agrees=not shops_with_findings, shops=list(reports.values()), digests=[report for *_, report in digests]
    )


async def _verify_shop(container: Container, name: str, shop_id: ShopId) -> ShopReport:
    report = ShopReport(name, shop_id)
    with progress(name) as bar:

        def expect(size: ShopSize) -> None:
            bar.length = size.entries + size.payments + size.invoices + size.notices + size.answers

        def tell(step: Step) -> None:
            report.take(step)
            bar.update(step.entries + step.payments + step.invoices + step.notices + step.answers)

        await container.verify_shop()(shop_id, expect=expect, tell=tell)
    try:
        await container.note_verdict()(shop_id, findings=len(report.findings))
    except DatabaseTrouble:  # a standby can be verified too, and takes no notes
        click.echo(f"{name}: the outcome could not be noted in the database.", err=True)
    return report


async def _compare(
    container: Container, digest: _OpenedDigest, reports: dict[ShopId, ShopReport], slug: str | None
) -> None:
    """What became of the heads in a digest. A shop that is no longer in the list gets a report of its own."""
    file, sealed, digest_report = digest
    file.seek(0)
    with progress("digest") as bar:
        bar.length = sealed.accounts
        for shop, heads in heads_by_shop(file):
            shop_id = ShopId(shop.id)
            if slug is not None and shop_id not in reports:
                continue
            if shop_id not in reports:
                reports[shop_id] = ShopReport(shop.slug, shop_id, findings=[shop_gone(shop.slug)])
            report = reports[shop_id]

            def tell(accounts: int, findings: Sequence[Finding], report: ShopReport = report, bar: Bar = bar) -> None:
                digest_report.accounts += accounts
                report.findings += findings
                bar.update(accounts)

            await container.check_heads()(shop_id, heads, tell=tell)


def _lines(report: Report) -> Iterator[str]:
    for shop in report.shops:
        checked = (
            f"{shop.entries:,} entries in {shop.accounts:,} accounts, "
            f"{shop.payments:,} payments, {shop.invoices:,} invoices, "
            f"{shop.notices:,} notices and {shop.answers:,} kept answers"
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
    for digest in report.digests:
        yield (
            f"{digest.file}: {digest.accounts:,} accounts compared with where they ended at "
            f"{digest.made_at:%F %T} UTC, signed by {digest.public_key}."
        )


def _whose(finding: Finding) -> str:
    ids = (("client", finding.client_id), ("payment", finding.payment_id), ("invoice", finding.invoice_id))
    whose = ", ".join(f"{what} {thing}" for what, thing in ids if thing is not None)
    return f" ({whose})" if whose else ""
