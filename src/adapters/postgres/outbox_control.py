"""See :class:`ports.outbox_control.OutboxControl`. The switch is the installation's, so these statements stand here as
text.
"""

from adapters.postgres.pool import Database
from adapters.postgres.shop_scope import Record
from adapters.postgres.trouble import told_as_trouble
from ports.outbox_control import Pause
from ports.transactions import Unavailable

# Where the database runs. A new cluster has another identifier; going back in time, and becoming the primary, begin
# another timeline; a dump that is restored makes other tables, in the same database too. NULL on a standby, which has
# no timeline of its own.
_HERE = """CASE WHEN NOT pg_is_in_recovery() THEN concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
    substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8),
    (SELECT oid FROM pg_database WHERE datname = current_database()), 'outbox_control'::regclass::oid) END"""
_LOOK = f"SELECT home, {_HERE} AS here, paused_at, paused_why FROM outbox_control"  # noqa: S608  # from above
_SETTLE_DOWN = f"INSERT INTO outbox_control (home) VALUES ({_HERE}) ON CONFLICT DO NOTHING"  # noqa: S608
_PAUSE = "UPDATE outbox_control SET paused_at = now(), paused_why = $1"
_RESUME = f"UPDATE outbox_control SET home = {_HERE}, paused_at = NULL, paused_why = NULL"  # noqa: S608

_A_COPY = (
    "the database was restored from a backup, or moved: what is still to be sent may have been sent since from where "
    "it ran before"
)


class PostgresOutboxControl:
    """Whether notices go out from this installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pause_now(self) -> Pause | None:
        row = await self._look()
        if row["home"] != row["here"]:
            return Pause(None, _A_COPY)
        return None if row["paused_at"] is None else Pause(row["paused_at"], row["paused_why"])

    async def pause(self, why: str) -> None:
        await self._look()
        await self._run(_PAUSE, why)

    async def resume(self) -> None:
        await self._look()
        await self._run(_RESUME)

    async def _look(self) -> Record:
        rows = await self._run(_LOOK)
        if not rows:
            await self._run(_SETTLE_DOWN)
            rows = await self._run(_LOOK)
        if rows[0]["here"] is None:
            raise Unavailable
        return rows[0]

    async def _run(self, statement: str, *arguments: object) -> list[Record]:
        with told_as_trouble():
            return await self._database.fetch(statement, *arguments)
