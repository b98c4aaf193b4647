"""Pages from templates, which are read and compiled once, at start."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response
from litestar.datastructures import Cookie

from entrypoints.console.assets import Assets

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
    "Vary": "Cookie, HX-Request",
}
"""Of every page."""


class Pages:
    def __init__(self, assets: Assets) -> None:
        self.assets = assets
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        self._templates.globals["asset"] = assets.address
        for name in self._templates.list_templates():
            self._templates.get_template(name)

    def answer(self, template: str, facts: dict[str, Any], *, status: int = 200) -> Response[str]:
        page = self._templates.get_template(template).render(facts)
        return Response(page, status_code=status, media_type="text/html", headers=dict(HEADERS))


def redirection(path: str, *, by_htmx: bool = False, cookies: list[Cookie] | None = None) -> Response[bytes]:
    """To another page; a script that asked is told in a header, since it would follow the redirect by itself."""
    headers = {**HEADERS, "HX-Redirect" if by_htmx else "Location": path}
    return Response(b"", status_code=200 if by_htmx else 303, headers=headers, cookies=cookies)
