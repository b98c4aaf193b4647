"""``account-credit shop``: open a shop, list the shops."""

import asyncio
import sys
from pathlib import Path

import click
import msgspec

from core.shop import Language, ShopSettings
from core.views import shop_view
from entrypoints.container import Container, running
from entrypoints.settings import Settings


def create(
    settings: Settings,
    *,
    name: str,
    slug: str,
    currency: str,
    time_zone: str,
    owner_name: str,
    owner_email: str,
    owner_password: str,
    language: Language,
    as_json: bool,
) -> None:
    """Open a shop with its owner, and say so."""

    async def open_shop() -> ShopSettings:
        container = Container(settings=settings)
        async with running(container):
            return await container.open_shop()(
                name=name,
                slug=slug,
                currency=currency,
                time_zone=time_zone,
                owner_name=owner_name,
                owner_email=owner_email,
                owner_password=owner_password,
                language=language,
            )

    shop = asyncio.run(open_shop())
    if as_json:
        click.echo(msgspec.json.encode(shop_view(shop)))
    else:
        click.echo(f"{shop.name} ({shop.slug}, {shop.currency}, {shop.time_zone}) is open. Its owner can sign in now.")


def list_all(settings: Settings, *, as_json: bool) -> None:
    """Print a line a shop."""

    async def list_shops() -> list[ShopSettings]:
        container = Container(settings=settings)
        async with running(container):
            return await container.list_shops()()

    shops = asyncio.run(list_shops())
    if as_json:
        click.echo(msgspec.json.encode([shop_view(shop) for shop in shops]))
        return
    rows = [("SLUG", "CURRENCY", "TIME ZONE", "NAME")]
    rows += [(shop.slug, shop.currency, shop.time_zone, shop.name) for shop in shops]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def password_from(file: Path | None) -> str:
    """The owner's password: from the file, from standard input, or asked for where that is a terminal. One line ending
    at its end does not belong to it.
    """
    if file is None and sys.stdin.isatty():
        password: str = click.prompt("Owner's password", hide_input=True, confirmation_prompt=True, err=True)
        return password
    content = sys.stdin.buffer.read() if file is None else file.read_bytes()
    for ending in (b"\r\n", b"\n"):
        if content.endswith(ending):
            content = content.removesuffix(ending)
            break
    if not content:
        raise click.ClickException("There is no password: give one on standard input or with --owner-password-file.")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise click.ClickException("The owner's password is not UTF-8.") from error
