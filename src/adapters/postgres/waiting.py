"""How much of the outbox waits, and what verifying found: figures about no one shop, on which nothing depends."""

from datetime import datetime

from msgspec import Struct

from adapters.postgres.pool import Database
from adapters.postgres.trouble import told_as_trouble

_TO_ROUTE = "SELECT count(*) AS waiting, min(due_at) AS since FROM outbox WHERE due_at IS NOT NULL"
_TO_DELIVER = "SELECT count(*) AS waiting, min(due_at) AS since FROM delivery_lanes WHERE due_at <= $1"

_VERIFIED = """SELECT count(*) AS shops, min(verified_at) AS oldest, count(*) FILTER (WHERE findings > 0) AS disagreeing
    FROM shop_verifications"""
_SHOPS = "SELECT count(*) AS shops FROM shop_slugs"


class Waiting(Struct, frozen=True):
    """``lag_seconds``: for how long the oldest has been due."""

    stage: str
    waiting: int
    lag_seconds: float


class Verified(Struct, frozen=True):
    """``age_seconds``: of the verification that is the longest ago. ``never``: how many shops had none."""

    age_seconds: float
    never: int
    shops_with_findings: int


class PostgresWaiting:
    """``jobs``: connections of the role that sees when something is due, and nothing else of it."""

    def __init__(self, database: Database, jobs: Database) -> None:
        self._database = database
        self._jobs = jobs

    async def __call__(self, *, at: datetime) -> list[Waiting]:
        with told_as_trouble():
            [to_route] = await self._jobs.fetch(_TO_ROUTE)
            [to_deliver] = await self._jobs.fetch(_TO_DELIVER, at)
        return [
            Waiting(stage, row["waiting"], max(0.0, (at - row["since"]).total_seconds()) if row["since"] else 0.0)
            for stage, row in (("route", to_route), ("deliver", to_deliver))
        ]

    async def verified(self, *, at: datetime) -> Verified:
        with told_as_trouble():
            [found] = await self._jobs.fetch(_VERIFIED)
            [known] = await self._database.fetch(_SHOPS)
        return Verified(
            age_seconds=max(0.0, (at - found["oldest"]).total_seconds()) if found["oldest"] else 0.0,
            never=max(0, known["shops"] - found["shops"]),
            shops_with_findings=found["disagreeing"],
        )
