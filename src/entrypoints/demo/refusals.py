"""Why there can be no demo."""


class NotTheDemos(Exception):
    """A shop with a demo shop's slug is somebody else's; ``str()`` is one sentence for the person at the terminal."""
