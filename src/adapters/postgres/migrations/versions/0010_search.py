"""Find clients by a part of their name, e-mail address or phone number, or by the beginning of a vehicle, as one types.

What is searched of a client stands in one column, in small letters, the phone number also as its bare digits: one
comparison for each client of the shop. Vehicles stand on invoices, of which there are many more: they have an index.
"""

from adapters.postgres.migrations.scripts import run_script

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_SEARCH = """
ALTER TABLE clients ADD COLUMN search_text text NOT NULL GENERATED ALWAYS AS (lower(name) || E'\\n'
  || lower(coalesce(email, '')) || E'\\n' || lower(coalesce(phone, '')) || E'\\n'
  || regexp_replace(coalesce(phone, ''), '[^0-9]', '', 'g')) STORED;
-- A column, and not lower() in the index: below row-level security no index is asked for what a function makes of rows.
ALTER TABLE invoices ADD COLUMN search_vehicle text COLLATE "C" GENERATED ALWAYS AS (lower(vehicle)) STORED;
CREATE INDEX invoices_by_vehicle ON invoices (shop_id, search_vehicle, client_id) WHERE search_vehicle IS NOT NULL;
"""


def upgrade() -> None:
    """Add the column and the index."""
    run_script(_SEARCH)
