"""What an entry says of its payment is found by the payment's id first, not by the client.

The check of another key, a changed payment's, could take the index that begins with the client, and then read all of
the client's payments: see 0014.
"""

from adapters.postgres.migrations.scripts import build_index

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index; 0018 puts it in the place of the one before."""
    build_index("payments_as_entries_say", "payments (shop_id, id, client_id, invoice_id, collects)", unique=True)
