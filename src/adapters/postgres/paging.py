"""Keyset pages: one row more than asked for is read, to know whether there is another page."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from adapters.postgres.shop_scope import Record
from core.views import Page, Position

T = TypeVar("T")


def page_of(items: Sequence[T], rows: Sequence[Record], limit: int, position: Callable[[Record], Position]) -> Page[T]:
    """The first ``limit`` of ``items``; ``rows`` are what they were made of."""
    more = len(rows) > limit
    return Page(items=list(items[:limit]), next_position=position(rows[limit - 1]) if more else None)
