"""A shop's own address: where clients' answers to e-mails go."""

from adapters.postgres.migrations.scripts import run_script

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    run_script("""
        ALTER TABLE shops ADD COLUMN email text CHECK (length(email) BETWEEN 3 AND 254);
        GRANT UPDATE (email) ON shops TO account_credit_app;
    """)
