"""Drop the indexes that checks of foreign keys took for the key's own: see 0013 and 0014."""

from adapters.postgres.migrations.scripts import drop_index

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None
contracts = "others replace them; the version before finds entries by kind or day more slowly while it still runs"


def upgrade() -> None:
    """Drop them."""
    for name in ("payments_of_invoice", "ledger_of_client_by_kind", "ledger_of_client_by_time"):
        drop_index(name)
