"""``account-credit migrate``."""

import asyncio

import click

from adapters.postgres import migrations
from entrypoints.settings import Settings


def migrate(settings: Settings) -> None:
    """Bring the database up to the newest migration."""
    asyncio.run(migrations.upgrade(settings.owner_database_url or ""))
    click.echo(f"The database is up to date (migration {migrations.head()}).")


def check(settings: Settings) -> None:
    """Change nothing; fail where the database is not as this program expects it."""
    asyncio.run(migrations.check(settings.owner_database_url or ""))
    click.echo(f"The database is as this program expects it (migration {migrations.head()}).")
