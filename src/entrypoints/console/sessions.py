"""Who may in: the session that a request's cookie names, and the form that came with it."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from core.errors import Unauthenticated
from entrypoints.console.forms import SentForm, read_form
from entrypoints.console.origins import own_path
from entrypoints.console.pages import redirection
from entrypoints.console.services import Console
from entrypoints.console.visitors import Visitor, bind_visit, visitor_of

HOME = "/app"
SIGN_IN = "/app/sign-in"


def require_session(console: Console) -> Guard:
    """A guard that lets in whoever has a session, and puts them on the request."""

    # Not a plain function: Litestar would run one in a thread, where what is bound for the log is lost.
    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        credential = console.cookies.read(connection, "session")
        if credential is None:
            raise Unauthenticated
        visit = await console.continue_session(credential)
        bind_visit(visit)
        connection.scope["state"]["visitor"] = Visitor(
            connection, visit, pages=console.pages, cookies=console.cookies, tokens=console.tokens
        )

    return guard


def receive_form(console: Console) -> Callable[[Request[Any, Any, Any]], Awaitable[None]]:
    """Reads the form of every POST before its handler runs, so that none can forget to ask where it came from."""

    async def receive(request: Request[Any, Any, Any]) -> None:
        if request.method != "POST":
            return
        visitor = provide_visitor(request)
        request.scope["state"]["form"] = await read_form(
            request,
            tokens=console.tokens,
            bound_to=visitor.bound_to,
            fingerprints=console.fingerprints,
            credential=visitor.caller.credential,
            formats=visitor.formats,
        )

    return receive


def provide_visitor(request: Request[Any, Any, Any]) -> Visitor:
    """The dependency ``visitor``."""
    visitor = visitor_of(request)
    if visitor is None:
        raise Unauthenticated
    return visitor


def provide_form(request: Request[Any, Any, Any]) -> SentForm:
    """The dependency ``form``: what a POST brought."""
    form: SentForm = request.scope["state"]["form"]
    return form


def to_sign_in(request: Request[Any, Any, Any]) -> Response[bytes]:
    """To the sign-in page, and from there back: to the page itself, or to the one whose form or script asked."""
    by_htmx = request.headers.get("hx-request") == "true"
    query = request.scope["query_string"].decode("latin-1")
    here = request.scope["path"] + (f"?{query}" if query else "")
    back = safe_path(own_path(request) if by_htmx or request.method != "GET" else here)
    return redirection(SIGN_IN if back == HOME else f"{SIGN_IN}?{urlencode({'next': back})}", by_htmx=by_htmx)


def safe_path(text: str | None) -> str:
    """A page of the console, never one of another host: that one if it is, else the first one."""
    if text is None or len(text) > 2000 or not text.isascii() or not text.isprintable() or "\\" in text:
        return HOME
    try:
        parts = urlsplit(text)
    except ValueError:
        return HOME
    ours = parts.path == HOME or (parts.path.startswith(f"{HOME}/") and "//" not in parts.path)
    if parts.scheme or parts.netloc or not ours or ".." in parts.path or parts.path == SIGN_IN:
        return HOME
    return text
