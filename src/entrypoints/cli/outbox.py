"""``account-credit outbox``: what waits and what failed, sending again, pausing, going on."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import click
import msgspec

from core.errors import NotFound
from core.ids import ReceiverId
from core.use_cases.outbox import OutboxStatus, ShopOutbox
from entrypoints.container import Container, running
from entrypoints.logging import configure_logging
from entrypoints.settings import Settings
from ports.outbox_control import Pause

_HEADER = ("SHOP", "TO ROUTE", "WAITING", "OLDEST", "FAILED", "ENDPOINTS OFF")


def status(settings: Settings, *, as_json: bool) -> None:
    """Print whether notices go out, and a line for each shop where something waits or failed."""

    async def show() -> OutboxStatus:
        container = Container(settings=settings)
        async with running(container):
            return await container.show_outbox()()

    found = asyncio.run(show())
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for line in _lines(found):
        click.echo(line)


def retry(settings: Settings, *, slug: str | None, endpoint: UUID | None) -> None:
    """Send again what failed, and say how much that is."""

    async def send_again() -> int:
        container = Container(settings=settings)
        async with running(container):
            receiver_id = None if endpoint is None else ReceiverId(endpoint)
            return await container.retry_failed()(slug=slug, receiver_id=receiver_id)

    try:
        count = asyncio.run(send_again())
    except NotFound:
        what = f"Nothing failed for an endpoint {endpoint} that is on" if endpoint else f"No shop has the slug {slug}"
        raise click.ClickException(f"{what}.") from None
    click.echo(f"{_deliveries(count)} will be sent again now.")


def pause(settings: Settings, *, why: str) -> None:
    """Stop sending, everywhere."""

    async def throw_the_switch() -> None:
        container = Container(settings=settings)
        async with running(container):
            await container.outbox_control().pause(why)

    asyncio.run(throw_the_switch())
    click.echo("Notices are paused. What is on its way may still arrive; what comes waits.")


def resume(settings: Settings, *, give_up: bool) -> None:
    """Send what waits, or give it up."""

    async def throw_the_switch() -> int:
        container = Container(settings=settings)
        async with running(container):
            return await container.resume_outbox()(give_up=give_up)

    configure_logging(settings.log_format)
    given_up = asyncio.run(throw_the_switch())
    if give_up:
        click.echo(f"{_deliveries(given_up)} given up: shown as failed, and sent again where somebody asks for it.")
    click.echo("Notices go out.")


def _lines(found: OutboxStatus) -> Iterator[str]:
    yield from _pause_lines(found.pause)
    shops = [shop for shop in found.shops if _has_something(shop)]
    quiet = len(found.shops) - len(shops)
    if shops:
        rows = [_HEADER, *map(_row, shops)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        yield ""
        for row in rows:
            cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
            yield "  ".join(cells).rstrip()
        yield ""
    if quiet:
        others = "other shop" if shops else "shop"
        yield f"{quiet:,} {others}{'' if quiet == 1 else 's'}: nothing waits, nothing failed."
    if not found.shops:
        yield "There is no shop yet."


def _pause_lines(pause: Pause | None) -> Iterator[str]:
    if pause is None:
        yield "Notices go out."
        return
    since = "" if pause.since is None else f" since {pause.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    yield f"Notices are paused{since}: {pause.why}."
    yield "Go on with: account-credit outbox resume (--help says what to do after a restore)"


def _has_something(shop: ShopOutbox) -> bool:
    summary = shop.summary
    return bool(summary.unrouted or summary.pending or summary.failed or shop.endpoints_off)


def _row(shop: ShopOutbox) -> tuple[str, ...]:
    summary = shop.summary
    oldest = "-" if summary.oldest_pending_at is None else _ago(datetime.now(UTC) - summary.oldest_pending_at)
    counts = (f"{summary.unrouted:,}", f"{summary.pending:,}", oldest, f"{summary.failed:,}", f"{shop.endpoints_off:,}")
    return (shop.slug, *counts)


def _ago(age: timedelta) -> str:
    minutes = max(age, timedelta(0)) // timedelta(minutes=1)
    if minutes < 2 * 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2 * 24 * 60 else f"{minutes // (24 * 60)} days"


def _deliveries(count: int) -> str:
    return f"{count:,} deliver{'y' if count == 1 else 'ies'}"
