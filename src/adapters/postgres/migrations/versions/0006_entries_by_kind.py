"""Find the entries of one kind, however rare: of a client, also in order to explain a balance, and of the shop."""

from adapters.postgres.migrations.scripts import run_script

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_INDEXES = """
CREATE INDEX ledger_of_client_by_kind ON ledger_entries (shop_id, client_id, kind, at, number);
CREATE INDEX ledger_of_shop_by_kind ON ledger_entries (shop_id, kind, at, id);
"""


def upgrade() -> None:
    """Create both indexes."""
    run_script(_INDEXES)
