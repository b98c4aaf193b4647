"""Where a balance came from: the sources that it consists of, whatever was done to the ledger before."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Refusal
from core.explained import Explanation, Source, explain
from core.ids import EntryId
from core.invoices import Invoice
from core.ledger import EntryKind, LedgerEntry
from tests.builders import NOON
from tests.core.world import World

SOURCES = {EntryKind.ADDED, EntryKind.CAPTURED}

amounts = st.integers(1, 12)
picks = st.integers(0, 1_000)
steps = st.lists(
    st.tuples(st.sampled_from(["add", "apply", "pay too much", "void", "delete", "capture"]), amounts, picks),
    max_size=40,
)


def played(steps: Sequence[tuple[str, int, int]]) -> World:
    """A client's books after these steps; those that the rules refuse are left out."""
    world = World()
    invoices = [world.bill(10) for _ in range(3)]
    for verb, amount, pick in steps:
        with suppress(Refusal):
            take(world, verb, amount, pick, invoices)
    return world


def take(world: World, verb: str, amount: int, pick: int, invoices: Sequence[Invoice]) -> None:
    invoice = invoices[pick % len(invoices)]
    if verb == "add":
        world.add(amount)
    elif verb == "apply":
        world.apply(invoice, amount)
    elif verb == "pay too much":
        world.pay(invoice, max(world.due(invoice), 0) + amount, "capture" if pick % 2 else "leave")
    elif verb == "capture":
        world.capture(invoice)
    elif verb == "void" and world.entries:
        world.void(world.entries[pick % len(world.entries)])
    elif verb == "delete" and world.payments:
        world.delete(list(world.payments.values())[pick % len(world.payments)])


def sources_of(entries: Iterable[LedgerEntry]) -> list[Source]:
    """Newest first."""
    entries = list(entries)
    reversed_numbers = {entry.reverses_number for entry in entries}
    return [
        Source(id=e.id, number=e.number, at=e.at, amount=e.amount, reversed=e.number in reversed_numbers)
        for e in reversed(entries)
        if e.kind in SOURCES
    ]


def explained(entries: Sequence[LedgerEntry]) -> Explanation:
    return explain(entries[-1].balance_after if entries else 0, sources_of(entries))


def parts(explanation: Explanation) -> list[tuple[int, int]]:
    return [(part.source.number, part.left) for part in explanation.parts]


def spent_oldest_first(entries: Sequence[LedgerEntry]) -> list[tuple[int, int]]:
    """The same from the beginning on: what remains once reversed pairs are struck out, spent oldest first."""
    struck = {entry.reverses_number for entry in entries} | {e.number for e in entries if e.reverses_number}
    left = {e.number: e.amount for e in entries if e.kind in SOURCES and e.number not in struck}
    for spent in [-e.amount for e in entries if e.kind == EntryKind.APPLIED and e.number not in struck]:
        rest = spent
        for number, amount in left.items():
            left[number] = max(amount - rest, 0)
            rest = max(rest - amount, 0)
    return [(number, amount) for number, amount in left.items() if amount]


@given(steps)
def test_the_parts_are_what_is_left_when_the_oldest_source_is_spent_first(steps: list[tuple[str, int, int]]) -> None:
    entries = played(steps).entries
    for length in range(len(entries) + 1):
        assert parts(explained(entries[:length])) == spent_oldest_first(entries[:length])


@given(steps)
def test_the_parts_add_up_to_the_balance_and_none_is_more_than_its_source(steps: list[tuple[str, int, int]]) -> None:
    entries = played(steps).entries
    for length in range(1, len(entries) + 1):
        explanation = explained(entries[:length])
        assert explanation.unexplained == 0
        assert sum(part.left for part in explanation.parts) == entries[length - 1].balance_after
        assert all(0 < part.left <= part.source.amount for part in explanation.parts)
        numbers = [part.source.number for part in explanation.parts]
        assert numbers == sorted(numbers)
        # At most the oldest of them is used in part.
        assert all(part.left == part.source.amount for part in explanation.parts[1:])


@given(steps)
def test_a_ledger_with_a_reversed_pair_explains_like_the_one_without_it(steps: list[tuple[str, int, int]]) -> None:
    world = played(steps)
    world.void(world.add(1))  # so that there is a pair
    entries = world.entries
    pairs = [(entry.reverses_number, entry.number) for entry in entries if entry.reverses_number]
    whole = explained(entries)
    balance = entries[-1].balance_after
    for pair in pairs:
        without = [entry for entry in entries if entry.number not in pair]
        assert parts(explain(balance, sources_of(without))) == parts(whole)


@given(steps, amounts)
def test_doing_something_and_taking_it_back_leaves_the_explanation_as_it_was(
    steps: list[tuple[str, int, int]], amount: int
) -> None:
    world = played(steps)
    before = parts(explained(world.entries))
    world.void(world.add(amount))
    assert parts(explained(world.entries)) == before
    if world.balance:
        world.delete(world.apply(world.bill(100), amount).payment)
    assert parts(explained(world.entries)) == before


@given(steps, st.integers(1, 3))
def test_a_page_at_a_time_explains_the_same(steps: list[tuple[str, int, int]], at_most: int) -> None:
    world = played(steps)
    rest, sources, found = world.balance, sources_of(world.entries), list[tuple[int, int]]()
    while rest:
        page = explain(rest, sources, at_most=at_most)
        assert 0 < len(page.parts) <= at_most
        found = parts(page) + found
        rest = page.unexplained
        sources = [source for source in sources if source.number < page.parts[0].source.number]
    assert found == parts(explained(world.entries))


def test_70_dollars_are_50_of_goodwill_and_20_overpaid() -> None:
    """The worked example after the Account Credit payment was deleted."""
    world = World()
    invoice = world.bill(130_00)
    goodwill = world.add(50_00)
    credit = world.apply(invoice).payment
    cash = world.pay(invoice, 100_00, "capture")
    assert parts(explained(world.entries)) == [(3, 20_00)]
    world.delete(credit)
    assert parts(explained(world.entries)) == [(1, 50_00), (3, 20_00)]
    world.void(goodwill)
    assert parts(explained(world.entries)) == [(3, 20_00)]
    world.delete(cash)
    assert parts(explained(world.entries)) == []


def test_when_the_source_that_was_drawn_from_is_voided_the_next_oldest_has_been_spent_instead() -> None:
    world = World()
    first = world.add(50_00)
    world.apply(world.bill(30_00))
    world.add(40_00)
    assert parts(explained(world.entries)) == [(1, 20_00), (3, 40_00)]
    world.void(first)
    assert parts(explained(world.entries)) == [(3, 10_00)]


def a_source(number: int, *, reversed: bool = False) -> Source:  # noqa: A002  # as the field is called
    """Of 5 cents."""
    return Source(
        id=EntryId(UUID(int=number)), number=number, at=NOON + timedelta(minutes=number), amount=5, reversed=reversed
    )


def test_no_more_of_a_ledger_is_read_than_it_takes() -> None:
    def newest_of_a_million() -> Iterator[Source]:
        for number in range(1_000_000, 999_990, -1):
            yield a_source(number, reversed=number % 2 == 0)
        pytest.fail("the balance was explained before this")

    explanation = explain(12, newest_of_a_million())
    assert parts(explanation) == [(999_995, 2), (999_997, 5), (999_999, 5)]


def test_sources_that_do_not_go_back_far_enough_leave_a_rest() -> None:
    explanation = explain(12, [a_source(9)])
    assert (parts(explanation), explanation.unexplained) == ([(9, 5)], 7)
