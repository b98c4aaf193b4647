"""Find what failed for one client among everything that was sent about it."""

from adapters.postgres.migrations.scripts import build_index

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Without it the planner walks all of the client's deliveries, or not, as it guesses how many failed."""
    build_index("deliveries_failed_of_client", "deliveries (shop_id, client_id, notice_id, id) WHERE state = 'failed'")
