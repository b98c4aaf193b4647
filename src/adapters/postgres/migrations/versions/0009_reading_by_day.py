"""Find what stands on statements and behind the figures of reports, and what spent a client's credit."""

from adapters.postgres.migrations.scripts import run_script

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# What is included is what is summed: the sums then read no rows.
_INDEXES = """
CREATE INDEX invoices_of_client_by_day ON invoices (shop_id, client_id, issued_on, id) INCLUDE (total)
  WHERE voided_at IS NULL;
CREATE INDEX invoices_not_settled ON invoices (shop_id, client_id) WHERE status IN ('open', 'overpaid');
CREATE INDEX payments_of_client_by_day ON payments (shop_id, client_id, received_on, id) INCLUDE (settled)
  WHERE deleted_at IS NULL;
CREATE INDEX payments_by_credit ON payments (shop_id, client_id, recorded_at, id)
  WHERE collects IS FALSE AND deleted_at IS NULL;
CREATE INDEX payments_deleted_by_day ON payments (shop_id, received_on, id) WHERE deleted_at IS NOT NULL;
DROP INDEX payments_by_day;
CREATE INDEX payments_by_day ON payments (shop_id, received_on, id);
DROP INDEX ledger_of_shop_by_kind;
CREATE INDEX ledger_of_shop_by_kind ON ledger_entries (shop_id, kind, at, id) INCLUDE (amount);
"""


def upgrade() -> None:
    """Create the indexes; two of them again, with more in them."""
    run_script(_INDEXES)
