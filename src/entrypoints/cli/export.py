"""``account-credit export-ledger``: a ledger that somebody else can check without this program."""

import asyncio
from pathlib import Path
from uuid import UUID

import click

from core.errors import NotFound
from core.ids import ClientId
from core.ledger_export import End
from entrypoints.cli.chosen_shops import chosen_shops
from entrypoints.cli.new_file import new_file
from entrypoints.cli.progress import Bar, progress
from entrypoints.container import Container, running
from entrypoints.settings import Settings


def export_ledger(settings: Settings, file: Path, *, slug: str, client_id: UUID | None) -> None:
    end = asyncio.run(_export(settings, file, slug, None if client_id is None else ClientId(client_id)))
    click.echo(f"{file}: {end.entries:,} entries of {end.accounts:,} accounts. It holds names and notes.")


async def _export(settings: Settings, file: Path, slug: str, client_id: ClientId | None) -> End:
    container = Container(settings=settings)
    with new_file(file) as export:
        async with running(container):
            [(_, shop_id)] = await chosen_shops(container, slug)
            with progress(slug) as bar:

                def expect(entries: int, bar: Bar = bar) -> None:
                    bar.length = entries

                export_ledger = container.export_ledger()
                try:
                    end: End = await export_ledger(
                        shop_id, client_id, write=export.write, expect=expect, tell=bar.update
                    )
                except NotFound:
                    raise click.ClickException(f"{slug} has no client {client_id}.") from None
    return end
