"""``account-credit digest`` and ``digest-key``: the signed heads of all accounts, to be kept elsewhere."""

import asyncio
from pathlib import Path

import click

from adapters.security.signing import Ed25519Signer, new_key
from core.digest import DigestLines
from entrypoints.cli.chosen_shops import chosen_shops
from entrypoints.cli.new_file import new_file
from entrypoints.cli.progress import Bar, progress
from entrypoints.container import Container, running
from entrypoints.settings import Settings


def make_key(file: Path) -> None:
    """A private key in the file, which nobody else may read, and its public key beside it."""
    private, public = new_key()
    beside = file.with_name(f"{file.name}.pub")
    with new_file(file) as written, new_file(beside, mode=0o644) as written_beside:
        written.write(private)
        written_beside.write(public)
    click.echo(f"Private key: {file}. Keep it where neither the database nor its superusers are.")
    click.echo(f"Public key:  {beside}. Give it to whoever verifies.")
    click.echo(f"The public key in hex, as a digest names it: {Ed25519Signer.parse(private).public_key.hex()}")


def make_digest(settings: Settings, file: Path, *, slug: str | None, key: bytes) -> None:
    """``key``: the private key, in PEM."""
    signer = Ed25519Signer.parse(key)
    accounts, shops = asyncio.run(_make_digest(settings, file, slug, signer))
    click.echo(f"{file}: the heads of {accounts:,} accounts of {shops:,} shops, signed by {signer.public_key.hex()}.")


async def _make_digest(settings: Settings, file: Path, slug: str | None, signer: Ed25519Signer) -> tuple[int, int]:
    container = Container(settings=settings)
    lines = DigestLines(public_key=signer.public_key, sign=signer.sign)
    with new_file(file) as digest:
        async with running(container):
            shops = await chosen_shops(container, slug)
            digest.write(lines.opening(container.clock().now()))
            digest_shop = container.digest_shop()
            for name, shop_id in shops:
                with progress(name) as bar:

                    def expect(accounts: int, bar: Bar = bar) -> None:
                        bar.length = accounts

                    await digest_shop(name, shop_id, lines, write=digest.write, expect=expect, tell=bar.update)
            digest.write(lines.seal())
    return lines.accounts, len(shops)
