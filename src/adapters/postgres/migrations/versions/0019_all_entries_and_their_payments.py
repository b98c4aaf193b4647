"""The key of 0018 holds for the entries before it too. Nobody waits meanwhile."""

from adapters.postgres.migrations.scripts import run_script

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Check them all."""
    run_script("ALTER TABLE ledger_entries VALIDATE CONSTRAINT ledger_agrees_with_payment")
