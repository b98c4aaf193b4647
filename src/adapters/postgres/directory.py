"""See :class:`ports.directory.Directory`. These few statements are about no one shop, so they stand here as text."""

from datetime import datetime
from hashlib import sha256
from uuid import UUID

from adapters.postgres.pool import Database
from adapters.postgres.shop_scope import Record
from adapters.postgres.trouble import told_as_trouble
from core.ids import ShopId

_SHOP_OF = "SELECT shop_id FROM shop_slugs WHERE slug = $1"
_SHOPS = "SELECT slug, shop_id FROM shop_slugs ORDER BY slug"
_TO_ROUTE = "SELECT DISTINCT shop_id FROM outbox WHERE due_at IS NOT NULL"
_TO_DELIVER = "SELECT DISTINCT shop_id FROM delivery_lanes WHERE due_at <= $1"
_TO_TELL = "SELECT DISTINCT shop_id FROM webhook_endpoints WHERE tell_owner_at <= $1"
_FAILURES = "SELECT at FROM sign_in_failures_by_address WHERE address_digest = $1 AND at > $2 ORDER BY at"
_FAILED = "INSERT INTO sign_in_failures_by_address (address_digest, at, id) VALUES ($1, $2, $3)"
_DID_NOT_FAIL = "DELETE FROM sign_in_failures_by_address WHERE address_digest = $1 AND at = $2 AND id = $3"


class PostgresDirectory:
    """What is known across shops. ``jobs``: connections of the role that lists the shops with something due."""

    def __init__(self, database: Database, jobs: Database) -> None:
        self._database = database
        self._jobs = jobs

    async def shop_of(self, slug: str) -> ShopId | None:
        rows = await self._fetch(_SHOP_OF, slug)
        return rows[0]["shop_id"] if rows else None

    async def shops(self) -> list[tuple[str, ShopId]]:
        return [(row["slug"], row["shop_id"]) for row in await self._fetch(_SHOPS)]

    async def with_notices_to_route(self) -> list[ShopId]:
        return await self._listed(_TO_ROUTE)

    async def with_deliveries_due(self, *, at: datetime) -> list[ShopId]:
        return await self._listed(_TO_DELIVER, at)

    async def with_owners_to_tell(self, *, at: datetime) -> list[ShopId]:
        return await self._listed(_TO_TELL, at)

    async def failures_from(self, address: str, *, since: datetime) -> list[datetime]:
        return [row["at"] for row in await self._fetch(_FAILURES, _digest(address), since)]

    async def failed_from(self, address: str, *, at: datetime, failure_id: UUID) -> None:
        await self._fetch(_FAILED, _digest(address), at, failure_id)

    async def did_not_fail_from(self, address: str, *, at: datetime, failure_id: UUID) -> None:
        await self._fetch(_DID_NOT_FAIL, _digest(address), at, failure_id)

    async def _listed(self, statement: str, *arguments: object) -> list[ShopId]:
        with told_as_trouble():
            return [row["shop_id"] for row in await self._jobs.fetch(statement, *arguments)]

    async def _fetch(self, statement: str, *arguments: object) -> list[Record]:
        with told_as_trouble():
            return await self._database.fetch(statement, *arguments)


def _digest(address: str) -> bytes:
    return sha256(address.encode()).digest()
