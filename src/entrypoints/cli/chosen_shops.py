"""Which shops a command is about."""

import click

from core.ids import ShopId
from entrypoints.container import Container


async def chosen_shops(container: Container, slug: str | None) -> list[tuple[str, ShopId]]:
    """Slug and id of that shop, or of all.

    Raises:
        ClickException: no shop has that slug.
    """
    shops = await container.directory().shops()
    if slug is None:
        return shops
    chosen = [shop for shop in shops if shop[0] == slug]
    if not chosen:
        raise click.ClickException(f"No shop has the slug {slug}.")
    return chosen
