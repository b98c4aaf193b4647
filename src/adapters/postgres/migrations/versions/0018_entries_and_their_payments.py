"""Entries agree with their payments by the index of 0017. PostgreSQL takes the oldest index that fits, so the one
before goes first, in the same transaction.
"""

from adapters.postgres.migrations.scripts import run_script

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None
contracts = "the new key says the same of the same columns, and no version names either"

_KEYS = """
ALTER TABLE ledger_entries DROP CONSTRAINT ledger_payment;
ALTER TABLE payments DROP CONSTRAINT payments_shop_id_client_id_invoice_id_id_collects_key;
ALTER TABLE ledger_entries ADD CONSTRAINT ledger_agrees_with_payment FOREIGN KEY
  (shop_id, payment_id, client_id, invoice_id, payment_collects) REFERENCES payments
  (shop_id, id, client_id, invoice_id, collects) ON DELETE RESTRICT NOT VALID;
"""


def upgrade() -> None:
    """Replace the key: new entries are held to it at once, those before, which the old one held, with 0019."""
    run_script(_KEYS)
