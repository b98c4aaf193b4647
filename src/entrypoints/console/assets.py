"""Style sheet and scripts: read once at start, named by what is in them, so that browsers may keep them for good."""

import gzip
from hashlib import sha256
from importlib.resources import files
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Struct

ASSETS_PATH = "/app/assets/"

_FILES = files("entrypoints.console") / "assets"
_NAMES = ("console.css", "console.js", "htmx.min.js", "icon.svg")
_MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FOR_GOOD = "public, max-age=31536000, immutable"


class _Asset(Struct, frozen=True):
    media_type: str
    plain: bytes
    gzipped: bytes


class Assets:
    def __init__(self) -> None:
        self._addresses: dict[str, str] = {}
        self._by_hashed_name: dict[str, _Asset] = {}
        for name in _NAMES:
            plain = (_FILES / name).read_bytes()
            stem, _, kind = name.rpartition(".")
            hashed = f"{stem}.{sha256(plain).hexdigest()[:12]}.{kind}"
            self._addresses[name] = ASSETS_PATH + hashed
            self._by_hashed_name[hashed] = _Asset(_MEDIA_TYPES[kind], plain, gzip.compress(plain, 9, mtime=0))

    def address(self, name: str) -> str:
        """Where a file is served; KeyError if there is none of that name."""
        return self._addresses[name]

    def find(self, hashed_name: str) -> _Asset | None:
        return self._by_hashed_name.get(hashed_name)


def asset_routes(assets: Assets) -> list[HTTPRouteHandler]:
    """They are nobody's secret, so they need no session."""

    @get("/assets/{name:str}")
    async def asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
        found = assets.find(name)
        if found is None:
            raise NotFoundException
        headers = {"Cache-Control": _FOR_GOOD, "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(found.gzipped, media_type=found.media_type, headers=headers)
        return Response(found.plain, media_type=found.media_type, headers=headers)

    return [asset]
