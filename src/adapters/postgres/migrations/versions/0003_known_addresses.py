"""Where a session began, so that nobody is kept out of an account from where its owner signs in.

Sessions that are there already began nowhere: their owners' next sign-in says it.
"""

from adapters.postgres.migrations.scripts import run_script

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ADDRESSES = """
ALTER TABLE sessions ADD COLUMN address_digest bytea;
CREATE INDEX sessions_by_address ON sessions (shop_id, staff_id, address_digest, started_at);
"""


def upgrade() -> None:
    """Add the column and its index."""
    run_script(_ADDRESSES)
