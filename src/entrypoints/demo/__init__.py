"""The demo: two shops on an embedded PostgreSQL, served from one process.

This module stays light: what is slow to import is imported while the database starts.
"""

import signal
from importlib import import_module
from pathlib import Path
from threading import Thread

import msgspec

from adapters.embedded_postgres import EmbeddedPostgres
from entrypoints.cli.configuration import settings_for
from entrypoints.listening import listening

_PROGRAM = "entrypoints.demo.program"
SHOPS_MADE_FILE = "demo-shops"
_TOLD_TO_STOP = (128 + signal.SIGTERM, 128 + signal.SIGHUP)  # what the embedded server makes of these signals
_OUR_FILES = (SHOPS_MADE_FILE, "secret-keys", "secret-keys.new")


def run_demo(*, host: str | None, port: int | None, data: Path | None, fresh: bool) -> None:
    """Serve the demo until Ctrl-C or SIGTERM, also while it is still starting.

    Raises:
        FaultySettings, CannotListen, EmbeddedPostgresUnavailable.
    """
    settings = settings_for(data, embedded=True)
    imports = Thread(target=import_module, args=(_PROGRAM,), daemon=True)
    imports.start()
    try:
        # The address first: who has a demo running already should not wait for a second database to learn it.
        with listening(settings.host if host is None else host, settings.port if port is None else port) as listener:
            server = EmbeddedPostgres(settings.data_dir)
            if fresh:
                server.erase(our_files=_OUR_FILES)
            with server:
                imports.join()
                from entrypoints.demo.program import serve_demo  # noqa: PLC0415

                chosen = msgspec.structs.replace(settings, log_format="console")
                serve_demo(server, chosen, listener, shops_made=server.data_folder / SHOPS_MADE_FILE)
    except KeyboardInterrupt:
        return
    except SystemExit as ended:
        if ended.code not in _TOLD_TO_STOP:
            raise
