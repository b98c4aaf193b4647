"""Sessions that go on in a browser: what a sign-in is continued with, and when it last was.

A row of ``sessions`` stays what one sign-in is, so that everything that ends sign-ins ends these too.
"""

from alembic import op

from adapters.postgres.migrations.scripts import run_script

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLE = """
CREATE TABLE console_sessions (
  shop_id uuid NOT NULL,
  session_id uuid NOT NULL,
  secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
  seen_at timestamptz NOT NULL,
  PRIMARY KEY (shop_id, session_id),
  FOREIGN KEY (shop_id, session_id) REFERENCES sessions (shop_id, id) ON DELETE RESTRICT
);
"""

_GRANTS = """
GRANT SELECT, INSERT, UPDATE (seen_at) ON console_sessions TO account_credit_app;
GRANT SELECT ON console_sessions TO account_credit_backup;
"""


def upgrade() -> None:
    """Create the table, with its policy and grants."""
    run_script(_TABLE)
    op.execute("ALTER TABLE console_sessions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY own_shop ON console_sessions TO account_credit_app "
        "USING (shop_id = nullif(current_setting('app.shop_id', true), '')::uuid) "
        "WITH CHECK (shop_id = nullif(current_setting('app.shop_id', true), '')::uuid)"
    )
    run_script(_GRANTS)
