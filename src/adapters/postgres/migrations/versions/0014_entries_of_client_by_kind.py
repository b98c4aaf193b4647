"""Find a client's entries of one kind through an index that the check of a foreign key cannot take.

Such a check has one plan for all clients. Where most clients have few entries it holds any index that begins with the
client for as good as the key's own: on PostgreSQL 15 each new entry then reads all entries of its client, on 18 each
reversal all of a kind. The condition is true of every entry; only a statement that says so too can use the index.
"""

from adapters.postgres.migrations.scripts import build_index

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index; 0016 drops the one that it replaces."""
    build_index(
        "entries_of_client_by_kind",
        "ledger_entries (shop_id, client_id, kind, at, number) WHERE at < 'infinity'::timestamptz",
    )
