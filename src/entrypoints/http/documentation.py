"""The documentation page and the OpenAPI document. Nothing on the page comes from another host."""

from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from entrypoints.http.problems import PROBLEM_PATH, Answer

_MEDIA_TYPES = {"js": "text/javascript", "css": "text/css"}
_ASSETS = files("entrypoints.http") / "assets"
_ASSET_NAMES = ("swagger-ui-bundle.js", "swagger-ui.css", "start.js")
_A_DAY = "public, max-age=86400"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Swagger UI writes styles into its elements, hence the one 'unsafe-inline'."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</body>
</html>
"""


def documentation_routes(title: str, answers: Iterable[Answer]) -> list[HTTPRouteHandler]:
    """The document itself is taken from the application's state: it is made from the finished routes."""
    page = _PAGE.format(title=title).encode()
    assets = {name: (_ASSETS / name).read_bytes() for name in _ASSET_NAMES}
    by_code = {answer.code: answer for answer in answers}

    @get("/docs", media_type="text/html")
    async def docs() -> Response[bytes]:
        return Response(page, media_type="text/html", headers={"Content-Security-Policy": _POLICY})

    @get("/docs/assets/{name:str}")
    async def asset(name: FromPath[str]) -> Response[bytes]:
        if name not in assets:
            raise NotFoundException
        media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
        return Response(assets[name], media_type=media_type, headers={"Cache-Control": _A_DAY})

    @get(PROBLEM_PATH + "{code:str}")
    async def problem(code: FromPath[str]) -> Response[str]:
        """What the ``type`` of a problem leads to."""
        if code not in by_code:
            raise NotFoundException
        answer = by_code[code]
        text = f"{answer.title} ({answer.status})\n\n{answer.sentence}\n"
        return Response(text, media_type="text/plain")

    @get("/openapi.json")
    async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
        document: bytes = request.app.state.openapi
        return Response(document, media_type="application/json", headers={"Cache-Control": "no-cache"})

    return [docs, asset, problem, openapi]
