"""What the demo runs once its database is there: make the shops, serve the staff API, send notices."""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path

import click

from adapters.embedded_postgres import EmbeddedPostgres
from core.deliveries import Delivery, NoticeHead, OffReason
from core.ids import ReceiverId, ShopId
from core.use_cases.route_notices import RouteNotices
from entrypoints.cli.installation import made_ready
from entrypoints.container import Container, running
from entrypoints.demo.shops import PASSWORD, SHOPS, make_shops
from entrypoints.http_server import serve_until
from entrypoints.listening import address_of
from entrypoints.logging import configure_logging
from entrypoints.settings import Settings
from entrypoints.stopping import run, stopped_by_signals
from entrypoints.web_container import web_app
from entrypoints.worker import worker_of

_GRACE_SECONDS = 3
"""Nobody's money hangs on a request to the demo."""


def serve_demo(
    server: EmbeddedPostgres,
    settings: Settings,
    listener: socket.socket,
    check: Callable[[], None],
    *,
    shops_made: Path,
) -> None:
    """Serve until Ctrl-C or SIGTERM. ``check``: see :func:`entrypoints.stopping.interrupted_by_signals`.
    ``shops_made``: the file that says that there is nothing to make.

    Raises:
        NotTheDemos.
    """
    configure_logging(settings.log_format)
    check()
    ready = made_ready(server, settings)
    check()
    if not shops_made.exists():
        asyncio.run(_make_shops(Container(settings=ready)))
        shops_made.touch()
    run(_serve(Container(settings=ready), server.data_folder, listener, check))


class _Nobody:
    """Hears of what happened while the shops were made: a screen full of log lines before the first line that counts
    would help nobody. See :class:`ports.notifier.NoticeLog`.
    """

    def routed(self, shop_id: ShopId, notice: NoticeHead, *, receivers: int) -> None:
        """Say nothing."""

    def not_accepted(self, delivery: Delivery, *, fault: Exception | None) -> None:
        """Never happens: nothing is delivered."""

    def failed_at(self, shop_id: ShopId, fault: Exception) -> None:
        """Nothing of it may be hidden."""
        raise RuntimeError(f"notices of shop {shop_id}") from fault

    def switched_off(self, shop_id: ShopId, receiver_id: ReceiverId, reason: OffReason) -> None:
        """Never happens: there is no endpoint."""


async def _make_shops(container: Container) -> None:
    route = RouteNotices(
        container.transactions(), container.directory(), container.fresh(), container.clock(), _Nobody(), channels=()
    )
    async with running(container):
        await make_shops(container)
        while await route():
            pass


async def _serve(container: Container, data_folder: Path, listener: socket.socket, check: Callable[[], None]) -> None:
    app = web_app(container)
    async with stopped_by_signals() as stop, running(container), asyncio.TaskGroup() as tasks:
        check()
        tasks.create_task(serve_until(stop, app, listener, grace_seconds=_GRACE_SECONDS))
        tasks.create_task(worker_of(container).until(stop))
        click.echo(_welcome(address_of(listener), data_folder, container.settings()))
    click.echo("Stopped. The data stays for the next time.")


def _welcome(address: str, data_folder: Path, settings: Settings) -> str:
    people = [f"  {shop.slug:<12} {person.email:<28} {person.may}" for shop in SHOPS for person in shop.people]
    owner = SHOPS[0].owner
    smtp = settings.smtp_url
    mail = f"to {smtp.host}:{smtp.port}" if smtp else "lines in the log  (--smtp HOST:PORT sends them)"
    sign_in = f'{{"shop": "{SHOPS[0].slug}", "email": "{owner.email}", "password": "{PASSWORD}"}}'
    return "\n".join(
        [
            f"Account Credit, the demo: {address}  (process {os.getpid()}, Ctrl-C stops it)",
            f"Console:                  {address}/app",
            f"Documentation:            {address}/docs",
            f"Data:                     {data_folder}  (--fresh makes it anew)",
            f"E-mails to clients:       {mail}",
            "",
            f"Who can sign in, all with the password {PASSWORD}:",
            "",
            f"  {'SHOP':<12} {'E-MAIL':<28} MAY",
            *people,
            "",
            "A first request, to paste into another terminal:",
            "",
            f"  TOKEN=$(curl -s {address}/v1/auth/sign-in -H 'Content-Type: application/json' \\",
            f"    -d '{sign_in}' \\",
            """    | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')""",
            f'  curl -s "{address}/v1/clients?limit=3" -H "Authorization: Bearer $TOKEN"',
            "",
        ]
    )
