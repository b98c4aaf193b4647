"""See :class:`ports.verification.Verdicts`."""

from datetime import datetime

from adapters.postgres.shop_scope import ShopScope, ShopStatement, upsert_into
from adapters.postgres.tables import shop_verifications

_insert = upsert_into(shop_verifications, "verified_at", "findings")
_NOTE = ShopStatement(
    _insert.on_conflict_do_update(
        index_elements=["shop_id"],
        set_={"verified_at": _insert.excluded.verified_at, "findings": _insert.excluded.findings},
    )
)


class PostgresVerdicts:
    """What the last verification of one shop found."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def note(self, *, at: datetime, findings: int) -> None:
        await self._scope.run(_NOTE, verified_at=at, findings=findings)
