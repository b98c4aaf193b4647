"""Explain a balance: of which credit, put on the account when and why, it consists. A pure function of the ledger.

The rule (docs/decisions has the reasons): an entry that was reversed and the entry that reverses it cancel, wherever
they stand in the ledger. What remains is credit that was put on the account, its *sources*, and credit that was spent;
spending uses up the oldest source first. So what is left is the newest of the sources, back to where they add up to the
balance, and nothing before that needs to be read.
"""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from core.ids import EntryId


class Source(Struct, frozen=True, kw_only=True):
    """An added or captured entry. ``reversed``: it was voided. Minor units."""

    id: EntryId
    number: int
    at: datetime
    amount: int
    reversed: bool


class Part(Struct, frozen=True, kw_only=True):
    """What is left of a source: more than nothing, and at most all of it. Minor units."""

    source: Source
    left: int


class Explanation(Struct, frozen=True, kw_only=True):
    """``parts``, oldest first, and ``unexplained`` together are the balance."""

    parts: tuple[Part, ...]
    unexplained: int


def explain(balance: int, sources: Iterable[Source], *, at_most: int | None = None) -> Explanation:
    """Of which sources a balance consists.

    ``sources``: newest first; no more of them are asked for than it takes. ``at_most``: so many parts. ``unexplained``
    is what is older than that: zero, if sources and parts go back far enough.
    """
    parts: list[Part] = []
    rest = balance
    for source in sources:
        if rest == 0 or len(parts) == at_most:
            break
        if not source.reversed:
            parts.append(Part(source=source, left=min(source.amount, rest)))
            rest -= parts[-1].left
    return Explanation(parts=tuple(reversed(parts)), unexplained=rest)
