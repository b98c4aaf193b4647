"""How far a run is, for whoever waits."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from entrypoints.cli.progress import Bar, progress


class Progress:
    def __init__(self, bar: Bar) -> None:
        self._bar = bar

    def step(self) -> None:
        self._bar.update(1)


@contextmanager
def part(title: str, steps: int) -> Iterator[Progress]:
    """A part of the run: a bar on a terminal, else one line when it begins."""
    click.echo(title, err=True)
    with progress("  ") as bar:
        bar.length = steps
        yield Progress(bar)
