"""How much of the outbox waits, and for how long: figures about no one shop, which nobody acts on."""

from datetime import datetime

from msgspec import Struct

from adapters.postgres.pool import Database
from adapters.postgres.trouble import told_as_trouble

_TO_ROUTE = "SELECT count(*) AS waiting, min(due_at) AS since FROM outbox WHERE due_at IS NOT NULL"
_TO_DELIVER = "SELECT count(*) AS waiting, min(due_at) AS since FROM delivery_lanes WHERE due_at <= $1"


class Waiting(Struct, frozen=True):
    """``lag_seconds``: for how long the oldest has been due."""

    stage: str
    waiting: int
    lag_seconds: float


class PostgresWaiting:
    """``jobs``: connections of the role that sees when something is due, and nothing else of it."""

    def __init__(self, jobs: Database) -> None:
        self._jobs = jobs

    async def __call__(self, *, at: datetime) -> list[Waiting]:
        with told_as_trouble():
            [to_route] = await self._jobs.fetch(_TO_ROUTE)
            [to_deliver] = await self._jobs.fetch(_TO_DELIVER, at)
        return [
            Waiting(stage, row["waiting"], max(0.0, (at - row["since"]).total_seconds()) if row["since"] else 0.0)
            for stage, row in (("route", to_route), ("deliver", to_deliver))
        ]
