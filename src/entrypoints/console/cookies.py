"""The console's cookies."""

from typing import Any, Literal

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

CookieName = Literal["session", "browser", "said"]

SAID_SECONDS = 60
"""How long what a redirect says waits for the page that says it."""


class Cookies:
    """``secure``: only over HTTPS (browsers count 127.0.0.1 as that), and under names that no other host can set."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure

    def read(self, connection: ASGIConnection[Any, Any, Any, Any], name: CookieName) -> str | None:
        return connection.cookies.get(self._name(name))

    def make(self, name: CookieName, value: str, *, max_age_seconds: int | None = None) -> Cookie:
        """None: until the browser is closed."""
        return Cookie(
            key=self._name(name),
            value=value,
            path="/",
            max_age=max_age_seconds,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def drop(self, name: CookieName) -> Cookie:
        return self.make(name, "", max_age_seconds=0)

    def _name(self, name: CookieName) -> str:
        return f"{'__Host-' if self._secure else ''}account-credit-{name}"
