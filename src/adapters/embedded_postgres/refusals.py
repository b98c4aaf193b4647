"""The one way in which the embedded server says no."""


class EmbeddedPostgresUnavailable(Exception):
    """The embedded server can't be had; `str()` is one sentence for the person at the terminal."""
