"""When each shop was last verified, and how much did not agree: so that it is heard when nobody verifies."""

from alembic import op

from adapters.postgres.migrations.scripts import run_script

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TABLE = """
CREATE TABLE shop_verifications (
  shop_id uuid PRIMARY KEY REFERENCES shops (shop_id) ON DELETE RESTRICT,
  verified_at timestamptz NOT NULL,
  findings bigint NOT NULL CHECK (findings >= 0)
);
"""

_GRANTS = """
GRANT SELECT, INSERT, UPDATE (verified_at, findings) ON shop_verifications TO account_credit_app;
GRANT SELECT ON shop_verifications TO account_credit_backup;
GRANT SELECT (shop_id, verified_at, findings) ON shop_verifications TO account_credit_jobs;
CREATE POLICY sees_how_shops_were_verified ON shop_verifications FOR SELECT TO account_credit_jobs USING (true);
"""


def upgrade() -> None:
    """Create the table, with its policies and grants."""
    run_script(_TABLE)
    op.execute("ALTER TABLE shop_verifications ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY own_shop ON shop_verifications TO account_credit_app "
        "USING (shop_id = nullif(current_setting('app.shop_id', true), '')::uuid) "
        "WITH CHECK (shop_id = nullif(current_setting('app.shop_id', true), '')::uuid)"
    )
    run_script(_GRANTS)
