"""Pages from templates, each of which is compiled once, when it is first shown: all of them at once would take longer
than everything else that a start waits for.
"""

import gzip
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from entrypoints.console.addresses import FOR_TEMPLATES
from entrypoints.console.assets import Assets
from entrypoints.console.formats import isolated

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    # Not no-referrer: a browser would then send its forms with "Origin: null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
    "Vary": "Accept-Encoding, Cookie, HX-Request, Sec-Fetch-Site",
}
"""Of every page."""

KEPT_FOR_BACK = "private, no-cache"
"""Cache-Control of a form that is not sent yet: asked for anew each time, but for the browser's Back, which brings the
form with the key that it was sent under. Only as long as the cookies are the same, so not after signing out; of pages
that a browser keeps whole in memory see assets/console.js.
"""

_GZIP_LEVEL = 5
_LITTLE_BYTES = 1000


def templates() -> Environment:
    """All of them, but for the addresses of files (``asset``)."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    found.globals |= FOR_TEMPLATES
    found.filters["isolated"] = isolated
    return found


class Pages:
    def __init__(self, assets: Assets) -> None:
        self.assets = assets
        self._templates = templates()
        self._templates.globals["asset"] = assets.address

    def answer(
        self,
        asked: ASGIConnection[Any, Any, Any, Any],
        template: str,
        facts: dict[str, Any],
        *,
        status: int = 200,
        cache: str = "no-store",
    ) -> Response[Any]:
        """The page, compressed where that is safe. ``asked``: what it answers. ``cache``: see Cache-Control."""
        page = self._templates.get_template(template).render(facts).encode()
        headers = {**HEADERS, "Cache-Control": cache}
        if len(page) > _LITTLE_BYTES and _may_be_compressed(asked):
            page = gzip.compress(page, _GZIP_LEVEL, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return Response(page, status_code=status, media_type="text/html", headers=headers)


def _may_be_compressed(asked: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Not where another site made the browser ask: with words of its choice in the address, the length of the answer
    would tell which of them the page has (BREACH).
    """
    headers = asked.headers
    ours = headers.get("sec-fetch-site") in {"same-origin", "none"}
    return ours and "gzip" in headers.get("accept-encoding", "")


def redirection(path: str, *, by_htmx: bool = False, cookies: list[Cookie] | None = None) -> Response[bytes]:
    """To another page; a script that asked is told in a header, since it would follow the redirect by itself."""
    headers = {**HEADERS, "HX-Redirect" if by_htmx else "Location": path}
    return Response(b"", status_code=200 if by_htmx else 303, headers=headers, cookies=cookies)
