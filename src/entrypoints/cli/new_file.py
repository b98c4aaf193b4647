"""A file that is there whole or not at all, and that replaces none."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click


@contextmanager
def new_file(path: Path, *, mode: int = 0o600) -> Iterator[BinaryIO]:
    """What the block writes becomes the file when the block ends well. Whoever is killed before leaves a hidden file
    beside it, whose name ends with ``.part``.

    Raises:
        ClickException: there is such a file already.
    """
    if path.exists():  # known before the work, where it can be
        raise _already_there(path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)  # unlike a rename it never replaces
        except FileExistsError:
            raise _already_there(path) from None
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _already_there(path: Path) -> click.ClickException:
    return click.ClickException(f"{path} is there already, and is never replaced: choose another name.")
