"""Tell the planner that a client is of one shop, so that it does not take every client for one with a row or none.

By itself it takes the share of the shop times that of the client, and finds all indexes that begin with them equally
good, also one in whose order a whole account is read to find few rows.
"""

from adapters.postgres.migrations.scripts import run_script

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_STATISTICS = """
CREATE STATISTICS entries_of_one_shop (dependencies) ON shop_id, client_id FROM ledger_entries;
CREATE STATISTICS invoices_of_one_shop (dependencies) ON shop_id, client_id FROM invoices;
CREATE STATISTICS payments_of_one_shop (dependencies) ON shop_id, client_id FROM payments;
"""


def upgrade() -> None:
    """Create the statistics; the next ANALYZE, autovacuum's too, fills them."""
    run_script(_STATISTICS)
