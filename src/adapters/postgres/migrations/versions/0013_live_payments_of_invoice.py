"""Find an invoice's live payments through an index that the check of a foreign key cannot take.

Such a check has one plan for all invoices, and holds an index of an invoice's payments for as good as the key's own:
most invoices have a payment or two. It then reads every payment of the one that has very many.
"""

from adapters.postgres.migrations.scripts import build_index

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index; 0016 drops the one that it replaces."""
    build_index("payments_live_of_invoice", "payments (shop_id, invoice_id, id) WHERE deleted_at IS NULL")
