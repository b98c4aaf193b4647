"""Keyset pages: one item more than asked for is read, to know whether there is another page."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from core.views import Page, Position

T = TypeVar("T")


def page_of(items: Sequence[T], limit: int, position: Callable[[T], Position]) -> Page[T]:
    """The first ``limit`` of ``items``, and where the last of them stands if there are more."""
    more = len(items) > limit
    return Page(items=list(items[:limit]), next_position=position(items[limit - 1]) if more else None)
