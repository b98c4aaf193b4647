"""Find what failed for one client among everything that was sent about it."""

from adapters.postgres.migrations.scripts import run_script

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# Without it the planner walks all of the client's deliveries, or not, by what it happens to guess of how many failed.
_INDEX = """
CREATE INDEX deliveries_failed_of_client ON deliveries (shop_id, client_id, notice_id, id) WHERE state = 'failed';
"""


def upgrade() -> None:
    """Create the index."""
    run_script(_INDEX)
