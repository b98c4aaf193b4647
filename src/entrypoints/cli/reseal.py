"""``account-credit reseal``: put what is sealed under the secret key that comes first."""

import asyncio

import click

from core.use_cases.reseal_secrets import Resealed
from entrypoints.container import Container, running
from entrypoints.settings import Settings


def reseal(settings: Settings) -> bool:
    """Say how many there were; False where some cannot be opened."""

    async def reseal_secrets() -> Resealed:
        container = Container(settings=settings)
        async with running(container):
            return await container.reseal_secrets()()

    done = asyncio.run(reseal_secrets())
    click.echo(f"{_counted(done.resealed)} put under the first secret key; all others were under it already.")
    if done.unreadable:
        click.echo(
            f"{_counted(done.unreadable)} sealed with a key that is not in the list. Put that key back into the list, "
            "or rotate these endpoints' secrets.",
            err=True,
        )
    return not done.unreadable


def _counted(endpoints: int) -> str:
    return f"The secrets of {endpoints:,} webhook endpoint{'' if endpoints == 1 else 's'} are"
