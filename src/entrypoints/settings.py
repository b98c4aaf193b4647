"""Settings from environment variables. What is wrong is said of all of them at once."""

import re
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeVar, cast
from urllib.parse import unquote, urlsplit

from msgspec import Struct

T = TypeVar("T")

PREFIX = "ACCOUNT_CREDIT_"
FILE_SUFFIX = "_FILE"
LogFormat = Literal["json", "console"]
TlsMode = Literal["starttls", "tls", "none"]


class FaultySettings(Exception):
    """One sentence for each setting that cannot be."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class SmtpUrl(Struct, frozen=True, kw_only=True):
    """Where e-mail is handed over, and as whom."""

    host: str
    port: int
    tls: TlsMode
    username: str | None = None
    password: str | None = None


class Settings(Struct, frozen=True, kw_only=True):
    """How this installation runs. A database URL that is None means the embedded PostgreSQL in ``data_dir``.

    database_url: as the runtime role; jobs_database_url: as the role that lists shops with something due;
    owner_database_url: as the role that owns the schema, for migrations only; superuser_database_url: for making the
    roles and the database only.
    secure_cookies: whether the console's cookies are for HTTPS only; browsers count 127.0.0.1 as that.
    webhooks_to_private_addresses: for development: webhooks may go to addresses that are not on the open Internet, and
    over http.
    smtp_url: None: nobody gets e-mail, but with mail_to_log what would be sent is a line in the log.
    mail_from: the address that e-mail is from.
    prepared_statements: see :class:`adapters.postgres.pool.Database`; false behind a PgBouncer that cannot keep them.
    traces_endpoint: takes OpenTelemetry's OTLP over HTTP; None: nothing is traced. traces_share: of all traces.
    processes: how many serve, each with max_connections of its own.
    metrics_port: of the private port, see :mod:`entrypoints.private`; None: there is none.
    secret_keys: ``id:key,id:key``, see :class:`adapters.security.keys.SecretKeys`.
    digest_key: signs digests; digest_public_keys: those that are believed. PEM; no server needs either.
    """

    database_url: str | None = None
    jobs_database_url: str | None = None
    owner_database_url: str | None = None
    superuser_database_url: str | None = None
    data_dir: Path = Path(".data")
    secret_keys: str | None = None
    digest_key: str | None = None
    digest_public_keys: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    processes: int = 1
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    traces_endpoint: str | None = None
    traces_share: float = 1.0
    max_connections: int = 10
    prepared_statements: bool = True
    connect_timeout_seconds: float = 5.0
    acquire_timeout_seconds: float = 5.0
    trust_forwarded: bool = False
    secure_cookies: bool = True
    log_format: LogFormat = "json"
    webhooks_to_private_addresses: bool = False
    smtp_url: SmtpUrl | None = None
    mail_from: str | None = None
    mail_to_log: bool = False


def _url(text: str) -> str:
    if urlsplit(text).scheme not in {"postgresql", "postgres"}:
        raise ValueError("must be a URL that begins with postgresql://")
    return text


_SMTP_SCHEMES: dict[str, tuple[TlsMode, int]] = {
    "smtp+starttls": ("starttls", 587),
    "smtps": ("tls", 465),
    "smtp": ("none", 25),
}
_OURSELVES = {"localhost", "127.0.0.1", "::1"}


def _smtp_url(text: str) -> SmtpUrl:
    try:
        parts = urlsplit(text)
        tls, usual_port = _SMTP_SCHEMES[parts.scheme]
        host, port = parts.hostname, parts.port or usual_port
    except (KeyError, ValueError):
        host, port, tls = None, 0, "none"
        parts = urlsplit("")
    if not host or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("must be such as smtp+starttls://user:password@host:587, smtps://... or smtp://...")
    if (parts.username is None) != (parts.password is None):
        raise ValueError("must name both a user and a password, or neither")
    if parts.password is not None and tls == "none" and host not in _OURSELVES:
        raise ValueError("must begin with smtp+starttls:// or smtps://: a password is not sent in clear")
    return SmtpUrl(
        host=host,
        port=port,
        tls=tls,
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


_MAIL_FROM = re.compile(r"[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z0-9]")


def _mail_from(text: str) -> str:
    if len(text) > 254 or not _MAIL_FROM.fullmatch(text):
        raise ValueError("must be an e-mail address, such as credit@example.com")
    return text


def _endpoint(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a URL such as http://127.0.0.1:4318/v1/traces")
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        raise ValueError("needs packages that are not installed: account-credit[traces]")
    return text


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return number

    return parse


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def _switch(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("must be true or false")
    return text == "true"


def _log_format(text: str) -> LogFormat:
    if text not in {"json", "console"}:
        raise ValueError("must be json or console")
    return cast("LogFormat", text)


_PARSERS: dict[str, Callable[[str], object]] = {
    "database_url": _url,
    "jobs_database_url": _url,
    "owner_database_url": _url,
    "superuser_database_url": _url,
    "data_dir": Path,
    "secret_keys": str,
    "digest_key": str,
    "digest_public_keys": str,
    "host": str,
    "port": _integer(1, 65535),
    "processes": _integer(1, 64),
    "metrics_host": str,
    "metrics_port": _integer(1, 65535),
    "traces_endpoint": _endpoint,
    "traces_share": _number(0, 1),
    "max_connections": _integer(1, 1000),
    "prepared_statements": _switch,
    "connect_timeout_seconds": _number(0.1, 60),
    "acquire_timeout_seconds": _number(0.1, 60),
    "trust_forwarded": _switch,
    "secure_cookies": _switch,
    "log_format": _log_format,
    "webhooks_to_private_addresses": _switch,
    "smtp_url": _smtp_url,
    "mail_from": _mail_from,
    "mail_to_log": _switch,
}


def with_files_read(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with ``ACCOUNT_CREDIT_X`` in place of each ``ACCOUNT_CREDIT_X_FILE``: what that file holds.

    Secrets come as files where the environment of a process is shown to too many. White space around them is not
    theirs: editors end the last line.

    Raises:
        FaultySettings: names every file that cannot be read, and what is said twice.
    """
    read: dict[str, str] = {}
    faults: list[str] = []
    for variable, text in sorted(environment.items()):
        if not (variable.startswith(PREFIX) and variable.endswith(FILE_SUFFIX)):
            read[variable] = text
            continue
        if not text:
            continue
        named = variable.removesuffix(FILE_SUFFIX)
        if environment.get(named):
            faults.append(f"{named} and {variable} are both set.")
            continue
        try:
            read[named] = Path(text).read_text().strip()
        except (OSError, ValueError) as error:
            faults.append(f"{variable} cannot be read: {_reason(error)}.")
            continue
        if not read[named]:
            faults.append(f"{variable} names a file that is empty.")
    if faults:
        raise FaultySettings(faults)
    return read


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else "it is not text in UTF-8"
    return said[:1].lower() + said[1:]


def read_settings(environment: Mapping[str, str], *, without_keys: bool = False) -> Settings:
    """The settings in the environment; an empty variable counts as not set. ``without_keys``: nothing will be signed,
    so no secret keys are asked for.

    Raises:
        FaultySettings: names every variable that is faulty, also those that begin with our prefix and mean nothing.
    """
    values: dict[str, object] = {}
    faults: list[str] = []
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or not text:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name.startswith("test_"):  # the test suite's own, which its processes hand on
            continue
        parse = _PARSERS.get(name)
        if parse is None:
            faults.append(f"{variable} is not a setting of this program.")
            continue
        try:
            values[name] = parse(text)
        except ValueError as error:
            faults.append(f"{variable} {error}.")
    if "database_url" in values and "secret_keys" not in values and not without_keys:
        faults.append(f"{PREFIX}SECRET_KEYS is needed with {PREFIX}DATABASE_URL.")
    for name, needs in (("smtp_url", "mail_from"), ("mail_from", "smtp_url")):
        if name in values and not environment.get(PREFIX + needs.upper()):
            faults.append(f"{PREFIX}{needs.upper()} is needed with {PREFIX}{name.upper()}.")
    if "smtp_url" in values and values.get("mail_to_log"):
        faults.append(f"{PREFIX}MAIL_TO_LOG is for installations without {PREFIX}SMTP_URL.")
    if faults:
        raise FaultySettings(faults)
    return Settings(**values)  # type: ignore[arg-type]  # each parser above fits its field
