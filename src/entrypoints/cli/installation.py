"""Which database a command works on: the configured one, or the embedded one, made ready where it is not."""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.embedded_postgres.locks import FolderLock
from adapters.postgres import migrations
from adapters.postgres.provision import APP, JOBS, OWNER, provision
from adapters.postgres.readiness import Readiness
from adapters.security.keys import FaultySecretKeys, SecretKeys
from entrypoints.cli.configuration import DATABASE_URLS, settings_for
from entrypoints.settings import FaultySettings, Settings

DATABASE = "account_credit"
SECRET_KEYS_FILE = "secret-keys"  # noqa: S105  # a name, not a key
_SUPERUSER, _SUPERUSERS_DATABASE = "postgres", "postgres"


@contextmanager
def installation(data: Path | None, *, needs: Sequence[str] = ("database_url",)) -> Iterator[Settings]:
    """Settings with a database behind them for the length of the block.

    ``data``: the embedded database in that folder, whatever is configured. ``needs``: which of the database URLs the
    command uses, where there is a configured database.

    Raises:
        FaultySettings, EmbeddedPostgresUnavailable.
    """
    settings = settings_for(data, needs=needs)
    if any(getattr(settings, name) for name in DATABASE_URLS):
        yield settings
    else:
        with EmbeddedPostgres(settings.data_dir).attach_or_start() as server:
            yield made_ready(server, settings)


def made_ready(server: EmbeddedPostgres, settings: Settings) -> Settings:
    """The settings for an embedded server that runs, once it has the roles, the database, and all migrations."""
    urls = {
        "database_url": server.url(APP, DATABASE),
        "jobs_database_url": server.url(JOBS, DATABASE),
        "owner_database_url": server.url(OWNER, DATABASE),
    }
    # One at a time: of two that migrate the same database at once, one fails.
    with FolderLock(server.data_folder / "locks" / "making-ready"):
        asyncio.run(_make_ready(server.url(_SUPERUSER, _SUPERUSERS_DATABASE), urls))
        keys = settings.secret_keys or _own_secret_keys(server.data_folder / SECRET_KEYS_FILE)
    return msgspec.structs.replace(settings, **urls, secret_keys=keys)


async def _make_ready(superuser_url: str, urls: Mapping[str, str]) -> None:
    await provision(superuser_url, database=DATABASE)
    if not await Readiness(urls["database_url"])():
        await migrations.upgrade(urls["owner_database_url"])


def _own_secret_keys(file: Path) -> str:
    """The secret keys of a data folder, made when first asked for; nobody but their owner may read them."""
    if not file.exists():
        unfinished = file.with_name(f"{file.name}.new")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
            new.write(SecretKeys.generate("1"))
        unfinished.replace(file)
    keys = file.read_text().strip()
    try:
        SecretKeys.parse(keys)
    except FaultySecretKeys as error:
        raise FaultySettings([f"The secret keys in {file} are damaged: {error}."]) from None
    return keys
