"""How far a long command is."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click


class Bar(Protocol):
    length: int | None

    def update(self, n_steps: int) -> None: ...


@contextmanager
def progress(label: str) -> Iterator[Bar]:
    """A bar on stderr where that is a terminal, and nothing anywhere else."""
    with click.progressbar(length=0, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield bar
