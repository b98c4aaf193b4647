"""What the program sends, noted in a folder, a file for each process. ``tests.statement_audit`` judges it."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from tests.distributed_rules import in_one_line, shop_places

_PROGRAM = "adapters."
NOT_NOTED = {
    "adapters.postgres.migrations": "the schema, as its owner; tests/architecture/test_migrations.py judges it",
    "adapters.postgres.migrations.distribution": "puts the tables to their places; tests/adapters/test_distribution.py",
    "adapters.postgres.provision": "roles and the database, before there is a shop",
}
"""Modules of the program whose own connections, which come from no pool, are about no shop, each with the reason."""


class Notes:
    """One process' notes: each different statement once, and each fault of a transaction."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[str] = set()
        self.transactions = 0

    def watch(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        connection.add_query_logger(_Transaction(self).statement)

    def statement(self, sql: str) -> None:
        if sql not in self._seen:
            self._seen.add(sql)
            self._note({"statement": in_one_line(sql)})

    def fault(self, what: str) -> None:
        if what not in self._seen:
            self._seen.add(what)
            self._note({"fault": what})

    def _note(self, note: dict[str, str]) -> None:
        # At once and whole, since processes of tests are killed too.
        with (self._folder / f"{os.getpid()}.jsonl").open("a") as file:
            file.write(json.dumps(note) + "\n")


_SET_WITH_BEGIN = re.compile(r"set_shop\('([0-9a-f-]{36})'\)")


@dataclass
class _Transaction:
    """What goes over one connection."""

    notes: Notes
    shops: set[object] = field(default_factory=set)
    begun: bool = False
    told: bool = False

    def statement(self, logged: Any) -> None:
        """``logged``: asyncpg's LoggedQuery."""
        sql: str = logged.query
        if sql.startswith("BEGIN"):
            # The shop comes with it, written in; the note leaves it out, or it would be another statement each time.
            said = set(_SET_WITH_BEGIN.findall(sql))
            self.shops, self.begun, self.told = said, True, bool(said)
            sql = _SET_WITH_BEGIN.sub("set_shop('...')", sql)
        self.notes.statement(sql)
        if sql.startswith("BEGIN"):
            return
        if sql.startswith(("COMMIT", "ROLLBACK")):
            self.begun = False
        elif places := shop_places(sql):
            self._names(_shops(logged.args, places), sql)

    def _names(self, shops: set[object], sql: str) -> None:
        if sql.startswith("SELECT set_shop("):
            self.told = True
        elif not (self.begun and self.told):
            self.notes.fault(f"names a shop before set_shop, or in no transaction: {in_one_line(sql)}")
        if self.begun:
            self.shops |= shops
            shops = self.shops
        if len(shops) > 1:
            self.notes.fault(f"the second shop in one transaction: {in_one_line(sql)}")


def _shops(arguments: Sequence[Any], places: Iterable[int]) -> set[object]:
    # executemany() tells of a list of rows, everything else of a tuple of parameters.
    rows = arguments if isinstance(arguments, list) else [arguments]
    return {str(row[place]) for row in rows for place in places}


def note_all(folder: Path) -> None:
    """What is sent from now on by pools, and by connections that a module of the program makes for itself."""
    notes = Notes(folder)
    make, connect_alone = asyncpg.create_pool, asyncpg.connect

    def create_pool(*arguments: Any, init: Any = None, **named: Any) -> Any:
        async def watched(connection: asyncpg.Connection[asyncpg.Record]) -> None:
            notes.watch(connection)
            if init is not None:
                await init(connection)

        return make(*arguments, init=watched, **named)

    def connect(*arguments: Any, **named: Any) -> Any:
        caller = sys._getframe(1).f_globals.get("__name__", "")
        connecting = connect_alone(*arguments, **named)
        return watched_alone(connecting) if caller.startswith(_PROGRAM) and caller not in NOT_NOTED else connecting

    async def watched_alone(connecting: Any) -> Any:
        connection = await connecting
        notes.watch(connection)
        return connection

    asyncpg.create_pool, asyncpg.connect = create_pool, connect
