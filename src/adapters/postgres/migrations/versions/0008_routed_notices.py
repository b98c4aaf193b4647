"""How often it was tried is said of each delivery now; of a notice itself, that its deliveries were made."""

from adapters.postgres.migrations.scripts import run_script

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_OUTBOX = """
ALTER TABLE outbox DROP COLUMN attempts;
ALTER TABLE outbox RENAME COLUMN sent_at TO routed_at;
"""


def upgrade() -> None:
    """Change both columns."""
    run_script(_OUTBOX)
