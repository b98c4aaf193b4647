"""Where a form was sent from: a page of ours, or one of somebody else's."""

from typing import Any
from urllib.parse import urlsplit

import structlog
from litestar.connection import ASGIConnection

from entrypoints.console.refusals import FormRefused

_LONGEST = 100

_log = structlog.stdlib.get_logger()


def require_own_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse what was not sent from this host: by Origin, by Referer where there is none, and if there is neither.

    Raises:
        FormRefused.
    """
    hosts = _values(connection, b"host")
    said = _values(connection, b"origin") or _values(connection, b"referer")
    if len(hosts) != 1 or len(said) != 1 or _host(said[0]) != hosts[0].lower():
        # A proxy that rewrites Host makes every form look like this. Of a Referer only the host: its path has ids.
        _log.warning(
            "form_from_elsewhere",
            sent_from=[(_host(each) or each.partition("/")[0])[:_LONGEST] for each in said],
            host=[each[:_LONGEST] for each in hosts],
        )
        raise FormRefused("This form was not sent from a page of this console.")


def own_path(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """The path and query of the page that it was sent from, if that is a page of ours."""
    hosts, said = _values(connection, b"host"), _values(connection, b"referer")
    if len(hosts) != 1 or len(said) != 1 or _host(said[0]) != hosts[0].lower():
        return None
    parts = urlsplit(said[0])
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _values(connection: ASGIConnection[Any, Any, Any, Any], name: bytes) -> list[str]:
    return [value.decode("latin-1") for header, value in connection.scope["headers"] if header == name]


def _host(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.scheme in {"http", "https"} else None
