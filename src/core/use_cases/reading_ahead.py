"""Read what comes in pages, the next one while the one before is worked on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
P = TypeVar("P")


async def for_each_page(
    read: Callable[[P], Awaitable[list[T]]],
    start: P,
    *,
    place: Callable[[T], P],
    work: Callable[[list[T]], None],
) -> None:
    """``work`` on all pages from ``start`` on, until an empty one. ``place``: where to go on after the last of a page.

    The database works on the next page meanwhile, so what else has to be read of the transaction belongs into ``read``.
    """
    page = await read(start)
    while page:
        following = asyncio.ensure_future(read(place(page[-1])))
        try:
            await asyncio.sleep(0)  # lets it be asked for
            work(page)
            page = await following
        finally:
            if not following.done():  # the work broke off: the connection has to be free again
                following.cancel()
                await asyncio.wait([following])
