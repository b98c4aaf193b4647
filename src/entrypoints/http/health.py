"""Whether the program runs, and whether it can serve: for whoever starts, restarts and routes to it."""

from collections.abc import Awaitable, Callable
from typing import Literal

from litestar import get
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from ports.transactions import Unavailable

Ready = Callable[[], Awaitable[bool]]


class Health(Struct, frozen=True):
    """It is well; what is not well is a problem."""

    status: Literal["ok"] = "ok"


def health_routes(ready: Ready) -> list[HTTPRouteHandler]:
    """``ready``: whether the database answers."""

    @get("/health/live", summary="Is the program running?", tags=["Health"], refuses=())
    async def live() -> Health:
        """It answers, so it runs. Restart it when it does not."""
        return Health()

    @get("/health/ready", summary="Can it serve?", tags=["Health"], refuses=(Unavailable,))
    async def is_ready() -> Health:
        """Whether the database answers. Send it no requests while it does not."""
        if not await ready():
            raise Unavailable
        return Health()

    return [live, is_ready]
