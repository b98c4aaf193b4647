"""Find a client's entries of some days through an index that the check of a foreign key cannot take: as 0014.

Its condition is another one, so that what looks for a kind cannot take this index and read all entries in their order.
"""

from adapters.postgres.migrations.scripts import build_index

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index; 0016 drops the one that it replaces."""
    build_index(
        "entries_of_client_by_time",
        "ledger_entries (shop_id, client_id, at, number) WHERE at > '-infinity'::timestamptz",
    )
