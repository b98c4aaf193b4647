"""What is configured, as one command needs it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from adapters.security.keys import FaultySecretKeys, SecretKeys
from entrypoints.settings import FILE_SUFFIX, PREFIX, FaultySettings, Settings, read_settings, with_files_read

DATABASE_URLS = ("database_url", "jobs_database_url", "owner_database_url", "superuser_database_url")


def settings_for(
    data: Path | None, *, needs: Sequence[str] = (), embedded: bool = False, of_cluster: bool = False
) -> Settings:
    """The settings in the environment; without the database URLs where the command works on the embedded database.
    ``of_cluster``: it never does, and signs nothing.

    Raises:
        FaultySettings: says everything that is wrong.
    """
    environment: Mapping[str, str] = os.environ
    if embedded or data is not None:
        urls = {_variable(name) + suffix for name in DATABASE_URLS for suffix in ("", FILE_SUFFIX)}
        environment = {name: value for name, value in os.environ.items() if name not in urls}
    faults: list[str] = []
    settings = Settings()
    try:
        environment = with_files_read(environment)
        settings = read_settings(environment, without_keys=of_cluster)
    except FaultySettings as faulty:
        faults += faulty.faults
    if of_cluster or any(environment.get(_variable(name)) for name in DATABASE_URLS):
        faults += [
            f"{_variable(name)} is needed for this command." for name in needs if not environment.get(_variable(name))
        ]
    try:
        SecretKeys.parse(environment.get(_variable("secret_keys")) or SecretKeys.generate("unused"))
    except FaultySecretKeys as faulty_keys:
        faults.append(f"{_variable('secret_keys')}: {faulty_keys}.")
    if faults:
        raise FaultySettings(faults)
    return settings if data is None else msgspec.structs.replace(settings, data_dir=data)


def _variable(name: str) -> str:
    return PREFIX + name.upper()
