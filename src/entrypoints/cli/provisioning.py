"""``account-credit provision``: the roles and the database, with the passwords that the URLs have."""

import asyncio
from urllib.parse import unquote, urlsplit

import click

from adapters.postgres.provision import APP, JOBS, OWNER, scram_verifier, set_passwords
from adapters.postgres.provision import provision as make_roles_and_database
from entrypoints.settings import PREFIX, FaultySettings, Settings

_ROLES = {"database_url": APP, "jobs_database_url": JOBS, "owner_database_url": OWNER}


def provision(settings: Settings) -> None:
    """Make what is missing; set the passwords.

    Raises:
        FaultySettings: the URLs are not of the three roles and one database.
    """
    database, passwords = _asked_for(settings)
    asyncio.run(_provision(settings.superuser_database_url or "", database, passwords))
    click.echo(f"The roles and the database {database} are there. Next: account-credit migrate.")


async def _provision(superuser_url: str, database: str, passwords: dict[str, str]) -> None:
    await make_roles_and_database(superuser_url, database=database)
    await set_passwords(superuser_url, passwords)


def _asked_for(settings: Settings) -> tuple[str, dict[str, str]]:
    faults: list[str] = []
    passwords: dict[str, str] = {}
    databases: set[str] = set()
    for name, role in _ROLES.items():
        variable, url = PREFIX + name.upper(), urlsplit(getattr(settings, name))
        databases.add(unquote(url.path.removeprefix("/")))
        if unquote(url.username or "") != role:
            faults.append(f"{variable} must sign in as {role}.")
        if url.password is not None:
            passwords[role] = unquote(url.password)
            try:
                scram_verifier(passwords[role])
            except ValueError as error:
                faults.append(f"{variable}: {error}.")
    if len(databases) != 1 or "" in databases:
        faults.append("The database URLs must all name the same database.")
    if faults:
        raise FaultySettings(faults)
    return databases.pop(), passwords
