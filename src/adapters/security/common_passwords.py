"""The passwords that a guesser tries first. Where the list comes from is said beside it, in lists/LICENSE.txt."""

import gzip
from importlib.resources import files

_LIST = files("adapters.security") / "lists" / "common_passwords.txt.gz"


def load_common_passwords() -> frozenset[str]:
    """In small letters: some 15,000 passwords, words and names of at least 10 characters."""
    return frozenset(gzip.decompress(_LIST.read_bytes()).decode().splitlines())
