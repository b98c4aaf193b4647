"""What ``verify`` reads of one shop to recompute everything."""

from typing import Protocol


class Accounts(Protocol):
    """The credit accounts of one shop as they are stored."""
