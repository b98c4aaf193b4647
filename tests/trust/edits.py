"""Random changes to the rows of a shop, as a superuser makes them, and what a finding has to name for each.

Left out is what no row tells of twice, so that nothing can betray it: docs/reliability.md lists it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from core.verification import Finding

Row = dict[str, Any]
Rows = dict[str, list[Row]]
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Named = Callable[[Finding], bool]

TABLES = (
    "ledger_entries",
    "credit_accounts",
    "payments",
    "payment_changes",
    "invoices",
    "outbox",
    "idempotency_records",
)
_KEYS = {
    "ledger_entries": ("shop_id", "client_id", "number"),
    "credit_accounts": ("shop_id", "client_id"),
    "payments": ("shop_id", "id"),
    "payment_changes": ("shop_id", "payment_id", "id"),
    "invoices": ("shop_id", "id"),
    "outbox": ("shop_id", "id"),
    "idempotency_records": ("shop_id", "key"),
}
COVERED = {
    "ledger_entries": (
        *("shop_id", "client_id", "number", "id", "kind", "amount", "balance_after", "reason", "note", "by_kind"),
        *("by_id", "by_name", "at", "invoice_id", "payment_id", "reverses_number", "reverses_kind", "note_salt"),
        *("note_digest", "by_name_salt", "by_name_digest", "previous_hash", "hash"),
    ),
    "credit_accounts": ("shop_id", "client_id", "balance", "last_number", "last_hash", "last_at"),
    "payments": (
        *("shop_id", "id", "client_id", "invoice_id", "method", "amount", "collected", "settled", "captured"),
        *("received_on", "recorded_at", "deleted_at"),
    ),
    # The values that a payment was recorded with, which are in its notice too.
    "payment_changes": ("shop_id", "payment_id", "method", "amount", "received_on"),
    "invoices": ("shop_id", "id", "client_id", "lines", "tax", "total", "settled", "credit_applied"),
    "outbox": ("shop_id", "client_id", "kind", "at", "payload"),
    "idempotency_records": ("recorded_at", "body"),
}
_WORDS = {
    "kind": ("added", "applied", "captured", "voided", "returned"),
    "reverses_kind": ("added", "applied", "captured"),
    "reason": ("refund", "goodwill", "promotion", "payment", "overpayment", "void", "payment_deleted"),
    "by_kind": ("staff", "api_key"),
    "method": ("cash", "card", "check", "account_credit"),
}
_TOLD = {
    "entry": ("id", "number", "kind", "amount", "balance_after", "reason", "invoice_id", "payment_id"),
    "payment": ("id", "invoice_id", "method", "amount", "collected", "received_on"),
}


@dataclass(frozen=True)
class Edit:
    """What was done, and whether a finding names it."""

    what: str
    named: Named


class Editor:
    """Makes one change after the other, and takes each back. Every constraint has to be off."""

    def __init__(self, connection: Connection, shop_id: UUID, other_shop_id: UUID, chance: Random) -> None:
        self._connection = connection
        self._shop_id = shop_id
        self._other_shop_id = other_shop_id
        self._chance = chance
        self._rows: Rows = {}
        self._columns: dict[str, list[str]] = {}

    async def look(self) -> None:
        """Remember how everything is."""
        for table in TABLES:
            self._columns[table] = [
                row["name"]
                for row in await self._connection.fetch(
                    "SELECT attname::text AS name FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 "
                    "AND attgenerated = '' AND NOT attisdropped ORDER BY attnum",
                    table,
                )
            ]
            sql = f"SELECT {', '.join(self._columns[table])} FROM {table} WHERE shop_id = $1 ORDER BY {', '.join(_KEYS[table])}"  # noqa: E501, S608
            self._rows[table] = [dict(row) for row in await self._connection.fetch(sql, self._shop_id)]

    async def restore(self) -> None:
        """Everything as it was remembered."""
        async with self._connection.transaction():
            for table in TABLES:
                await self._connection.execute(
                    f"DELETE FROM {table} WHERE shop_id = ANY ($1)",  # noqa: S608
                    [self._shop_id, self._other_shop_id],
                )
                await self._put(table, self._rows[table])

    async def edit(self, kind: str) -> Edit:
        """``kind``: "field", "swap", "delete" or "insert"."""
        make = {"field": self._field, "swap": self._swap, "delete": self._delete, "insert": self._insert}
        return await make[kind]()

    async def _field(self) -> Edit:
        # Half of them in the ledger itself.
        table = "ledger_entries" if self._chance.random() < 0.5 else self._chance.choice(TABLES[1:])
        column = self._chance.choice(COVERED[table])
        row = self._chance.choice(self._rows_of(table, column))
        new = {**row, column: self._another(table, column, row)}
        if any(all(other[key] == new[key] for key in _KEYS[table]) for other in self._rows[table]):
            # The primary key is left on, so that rows can be told apart: whoever takes another row's place is refused.
            return await self._field()
        await self._replace(table, row, new)
        return Edit(f"{table}.{column}: {_short(row[column])} -> {_short(new[column])}", _named(table, row, new))

    def _rows_of(self, table: str, column: str) -> Sequence[Row]:
        """Those of which something else tells what stands in that column."""
        rows = self._rows[table]
        if table == "payments" and column in {"method", "received_on"}:
            edited = {change["payment_id"] for change in self._rows["payment_changes"]}
            return [row for row in rows if row["id"] not in edited or row["deleted_at"]]
        if table == "invoices" and column in {"shop_id", "id", "client_id"}:
            paid = {payment["invoice_id"] for payment in self._rows["payments"]}
            return [row for row in rows if row["id"] in paid]
        if table == "payment_changes":
            return [row for row in rows if self._is_first_change(row)]
        if table == "outbox":
            return [row for row in rows if row["kind"] != "client.deleted"]
        if table == "idempotency_records":
            return [row for row in rows if row["status"] == 201]
        return rows

    def _is_first_change(self, change: Row) -> bool:
        """Whether it tells what its payment was recorded with, and the payment itself no longer does."""
        of_payment = [row for row in self._rows["payment_changes"] if row["payment_id"] == change["payment_id"]]
        [payment] = [row for row in self._rows["payments"] if row["id"] == change["payment_id"]]
        following = [*of_payment[1:], payment]
        return change is of_payment[0] and change["amount"] != following[0]["amount"]

    def _another(self, table: str, column: str, row: Row) -> Any:
        """Another value for a column: like others there, a little off, or none at all."""
        old = row[column]
        if column == "shop_id":
            return self._other_shop_id
        if table == "outbox" and column == "payload":
            return self._told_otherwise(old)
        if table == "outbox" and column == "kind":
            return self._chance.choice([kind for kind in _kinds(self._rows) if kind != old])
        if table == "idempotency_records" and column == "body":
            return self._answered_otherwise(old)
        if table == "invoices" and column == "lines":
            lines = json.loads(old)
            lines[0]["unit_price"] += self._chance.choice((-1, 1, 100))
            return json.dumps(lines)
        others = [other[column] for other in self._rows[table] if other[column] != old]
        if column == "id":
            others = []  # taken
        nullable = old is not None and _may_be_null(table, column)
        chosen = [*self._chance.sample(others, min(1, len(others))), *([None] if nullable else [])]
        if old is not None or not others:
            chosen.append(self._off(column, old))
        return self._chance.choice([value for value in chosen if value != old])

    def _off(self, column: str, old: Any) -> Any:
        """Something that stands nowhere else."""
        chance = self._chance
        off: Any = {"amount": 1, "reverses_number": 1}.get(column, UUID(int=chance.getrandbits(128)))
        if column in _WORDS:
            off = chance.choice([word for word in _WORDS[column] if word != old])
        elif isinstance(old, bytes):
            place = chance.randrange(len(old))
            off = old[:place] + bytes([old[place] ^ 1 << chance.randrange(8)]) + old[place + 1 :]
        elif isinstance(old, datetime):
            off = old + chance.choice((timedelta(microseconds=1), timedelta(days=-1), timedelta(days=400)))
        elif isinstance(old, date):
            off = old + timedelta(days=chance.choice((-1, 1, 31)))
        elif isinstance(old, int):
            off = old + chance.choice((-1, 1, 100, -old or 7, old or 7))
        elif isinstance(old, str):
            off = chance.choice((f"{old} ", f"{old}.", f"{old.swapcase()}!"))
        return off

    def _told_otherwise(self, payload: str) -> str:
        told = json.loads(payload)
        [thing] = [thing for thing in _TOLD if thing in told]
        others = [
            (name, other[name])
            for name in _TOLD[thing]
            for row in self._rows["outbox"]
            if (other := json.loads(row["payload"]).get(thing)) and other[name] != told[thing][name]
        ]
        name, value = self._chance.choice(others)
        told[thing][name] = value
        return json.dumps(told)

    def _answered_otherwise(self, body: bytes) -> bytes:
        """Under this key what was done under another one, or something that was never done."""
        others = [row["body"] for row in self._rows_of("idempotency_records", "body") if row["body"] != body]
        answer = json.loads(body)
        answer["id" if "id" in answer else "entries"] = str(UUID(int=self._chance.getrandbits(128)))
        changed: bytes = self._chance.choice([*self._chance.sample(others, 1), json.dumps(answer).encode()])
        return changed

    async def _swap(self) -> Edit:
        """Two rows, or what stands in them, change places."""
        table, columns = self._chance.choice(_SWAPPED)
        one, other = self._two(table, columns)
        changed = {name: other[name] for name in columns}
        changed_other = {name: one[name] for name in columns}
        await self._remove(table, one)
        await self._remove(table, other)
        await self._put(table, [{**one, **changed}, {**other, **changed_other}])
        named = _named(table, one, other)
        return Edit(f"{table}: {', '.join(columns)} of two rows swapped", named)

    def _two(self, table: str, columns: tuple[str, ...]) -> tuple[Row, Row]:
        while True:
            one, other = self._chance.sample(self._rows_of(table, columns[0]), 2)
            together = table != "ledger_entries" or one["client_id"] == other["client_id"]
            if together and all(one[name] != other[name] for name in columns):
                return one, other

    async def _delete(self) -> Edit:
        table = self._chance.choice(("ledger_entries", "ledger_entries", *TABLES[1:-1]))
        row = self._chance.choice(self._rows_of(table, "id"))
        await self._remove(table, row)
        return Edit(f"{table}: a row deleted", _named(table, row))

    async def _insert(self) -> Edit:
        """A copy of a row under another id, and in the ledger behind the last entry of its client."""
        table = self._chance.choice(("ledger_entries", "payments", "invoices", "outbox", "idempotency_records"))
        rows = [row for row in self._rows_of(table, "id") if table != "invoices" or row["settled"]]
        row = self._chance.choice(rows)
        copy = {**row, "key" if table == "idempotency_records" else "id": UUID(int=self._chance.getrandbits(128))}
        if table == "idempotency_records":
            copy["key"] = str(copy["key"])
        if table == "ledger_entries":
            last = [entry for entry in self._rows[table] if entry["client_id"] == row["client_id"]][-1]
            copy |= {
                "number": last["number"] + 1,
                "balance_after": last["balance_after"] + row["amount"],
                "previous_hash": last["hash"],
                "at": last["at"],
            }
        await self._put(table, [copy])
        return Edit(f"{table}: a row inserted", _named(table, copy, row))

    async def _replace(self, table: str, old: Row, new: Row) -> None:
        await self._remove(table, old)
        await self._put(table, [new])

    async def _remove(self, table: str, row: Row) -> None:
        keys = _KEYS[table]
        where = " AND ".join(f"{key} = ${place}" for place, key in enumerate(keys, 1))
        done = await self._connection.execute(f"DELETE FROM {table} WHERE {where}", *(row[key] for key in keys))  # noqa: S608
        assert done == "DELETE 1"

    async def _put(self, table: str, rows: Sequence[Row]) -> None:
        columns = self._columns[table]
        records = [tuple(row[name] for name in columns) for row in rows]
        await self._connection.copy_records_to_table(table, records=records, columns=columns)


_NULLABLE = {
    *("note", "invoice_id", "payment_id", "reverses_number", "reverses_kind", "note_salt", "note_digest"),
    *("by_name_salt", "previous_hash", "last_hash", "last_at", "deleted_at"),
}


def _may_be_null(table: str, column: str) -> bool:
    """In the schema: the ledger's references are missing where an entry has none, those of other rows never are."""
    return column in _NULLABLE and (table == "ledger_entries" or column not in {"invoice_id", "payment_id"})


_SWAPPED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ledger_entries", ("number",)),
    ("ledger_entries", ("number", "balance_after", "previous_hash", "at")),
    ("ledger_entries", ("note", "note_salt", "note_digest")),
    ("ledger_entries", ("by_name_salt",)),
    ("ledger_entries", ("id",)),
    ("credit_accounts", ("balance",)),
    ("credit_accounts", ("last_number", "last_hash", "last_at", "balance")),
    ("payments", ("invoice_id",)),
    ("payments", ("amount", "collected", "settled", "captured")),
    ("invoices", ("settled",)),
    ("outbox", ("payload",)),
    ("idempotency_records", ("body",)),
)


def _named(table: str, *rows: Row) -> Named:
    """A finding that names what one of the rows is, or was."""
    if table == "outbox":
        return _tells_of([json.loads(row["payload"]) for row in rows], {row["client_id"] for row in rows})
    if table == "idempotency_records":
        return lambda finding: any(repr(row["key"]) in finding.sentence for row in rows)
    name, key = {
        "ledger_entries": ("number", "number"),
        "credit_accounts": ("client_id", "client_id"),
        "payments": ("payment_id", "id"),
        "payment_changes": ("payment_id", "payment_id"),
        "invoices": ("invoice_id", "id"),
    }[table]
    # An entry's number says something beside its client alone.
    clients = {row["client_id"] for row in rows} if table == "ledger_entries" else None
    named = {row[key] for row in rows}
    return lambda finding: getattr(finding, name) in named and (clients is None or finding.client_id in clients)


def _tells_of(told: list[Row], clients: set[UUID]) -> Named:
    numbers = {notice["entry"]["number"] for notice in told if "entry" in notice}
    payments = {UUID(notice["payment"]["id"]) for notice in told if "payment" in notice}
    return lambda finding: (
        finding.payment_id in payments or (finding.client_id in clients and finding.number in numbers)
    )


def _kinds(rows: Rows) -> set[str]:
    return {row["kind"] for row in rows["outbox"]}


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 30 else f"{text[:30]}..."
