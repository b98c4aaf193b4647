"""The demo: two shops on an embedded PostgreSQL, served from one process.

This module stays light: what is slow to import is imported while the database starts.
"""

from contextlib import suppress
from importlib import import_module
from pathlib import Path
from threading import Thread

import msgspec

from adapters.embedded_postgres import EmbeddedPostgres
from entrypoints.cli.configuration import settings_for
from entrypoints.listening import listening
from entrypoints.settings import PREFIX, Settings, read_settings
from entrypoints.stopping import interrupted_by_signals

_PROGRAM = "entrypoints.demo.program"
SHOPS_MADE_FILE = "demo-shops"
MAIL_FROM = "credit@shops.example"
_OUR_FILES = (SHOPS_MADE_FILE, "secret-keys", "secret-keys.new")


def run_demo(*, host: str | None, port: int | None, data: Path | None, smtp: str | None, fresh: bool) -> None:
    """Serve the demo until Ctrl-C or SIGTERM, also while it is still starting. ``smtp``: the host and port of a server
    that takes e-mail as it is, without TLS.

    Raises:
        FaultySettings, CannotListen, EmbeddedPostgresUnavailable.
    """
    settings = _for_trying_out(settings_for(data, embedded=True), smtp=smtp)
    imports = Thread(target=import_module, args=(_PROGRAM,), daemon=True)
    imports.start()
    with (
        suppress(KeyboardInterrupt),
        interrupted_by_signals() as check,
        # The address first: who has a demo running already should not wait for a second database to learn it.
        listening(settings.host if host is None else host, settings.port if port is None else port) as listener,
    ):
        server = EmbeddedPostgres(settings.data_dir)
        if fresh:
            server.erase(our_files=_OUR_FILES)
        with server:
            imports.join()
            from entrypoints.demo.program import serve_demo  # noqa: PLC0415

            serve_demo(server, settings, listener, check, shops_made=server.data_folder / SHOPS_MADE_FILE)


def _for_trying_out(settings: Settings, *, smtp: str | None) -> Settings:
    """A log to read, webhooks to this very machine, and e-mails to where they do no harm."""
    if smtp is not None:
        mail = read_settings({f"{PREFIX}SMTP_URL": f"smtp://{smtp}", f"{PREFIX}MAIL_FROM": MAIL_FROM})
        settings = msgspec.structs.replace(settings, smtp_url=mail.smtp_url, mail_from=mail.mail_from)
    return msgspec.structs.replace(
        settings,
        log_format="console",
        webhooks_to_private_addresses=True,
        mail_to_log=settings.smtp_url is None,
    )
