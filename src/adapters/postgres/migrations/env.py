"""Alembic's own entry: runs the migrations on the connection that ``adapters.postgres.migrations`` hands over."""

from alembic import context

from adapters.postgres.tables import metadata

_KEYS_LIVE_IN_THE_MIGRATIONS = {"index", "unique_constraint", "foreign_key_constraint"}


def _compared(_object: object, _name: str | None, type_: str, _reflected: bool, _compare_to: object) -> bool:
    """Tables and columns are compared with the program's; keys, checks and policies a catalogue test looks at."""
    return type_ not in _KEYS_LIVE_IN_THE_MIGRATIONS


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=_compared,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
