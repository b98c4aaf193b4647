"""Ledgers of many entries, written as the program would have, but at once and past it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

import asyncpg
import msgspec
from uuid_utils.compat import uuid7

from core.books import Posting
from core.ids import ClientId, ShopId
from core.ledger import CreditAccount, LedgerEntry, Recorder
from core.notices import Notice, notices_of
from core.staff import Actor, ActorKind
from core.views import entry_view

_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
_OLIVE = Actor(ActorKind.STAFF, uuid4(), "Olive Owner")
_ticks = count()


async def write_ledger(
    connection: asyncpg.Connection[asyncpg.Record], shop_id: UUID, client_id: UUID, length: int
) -> None:
    """That many entries of 0.01 each for a client who has none yet, each with its notice and its kept answer. No two
    of them are of the same moment.
    """
    entries = list(_entries(ShopId(shop_id), ClientId(client_id), length))
    columns = LedgerEntry.__struct_fields__
    await connection.copy_records_to_table(
        "ledger_entries",
        records=[(shop_id, *(getattr(entry, name) for name in columns)) for entry in entries],
        columns=["shop_id", *columns],
    )
    await connection.copy_records_to_table(
        "outbox",
        records=[
            (shop_id, told.id, client_id, told.kind, told.at, msgspec.json.encode(told.payload).decode())
            for entry in entries
            for told in _notices(entry)
        ],
        columns=["shop_id", "id", "client_id", "kind", "at", "payload"],
    )
    await connection.copy_records_to_table(
        "idempotency_records",
        records=[(shop_id, uuid4().hex, b"any", 201, _answer(entry), False, entry.at) for entry in entries],
        columns=["shop_id", "key", "fingerprint", "status", "body", "sealed", "recorded_at"],
    )
    last = entries[-1]
    await connection.execute(
        "UPDATE credit_accounts SET balance = $3, last_number = $3, last_hash = $4, last_at = $5 "
        "WHERE shop_id = $1 AND client_id = $2",
        *(shop_id, client_id, length, last.hash, last.at),
    )


def _entries(shop_id: ShopId, client_id: ClientId, length: int) -> Iterator[LedgerEntry]:
    account = CreditAccount(shop_id=shop_id, client_id=client_id, balance=0, last_number=0, last_hash=None)
    for _ in range(length):
        recorder = Recorder(_OLIVE, _NOON + timedelta(milliseconds=next(_ticks)), uuid7, lambda: os.urandom(16))
        entry = account.add(1, reason="manual", note="one", invoice_id=None, refundable=None, recorder=recorder)
        account = account.after(entry)
        yield entry


def _notices(entry: LedgerEntry) -> list[Notice]:
    account = CreditAccount(
        shop_id=ShopId(uuid4()), client_id=entry.client_id, balance=0, last_number=0, last_hash=None
    )
    return notices_of(Posting(account=account, entries=(entry,)), currency="USD", at=entry.at, new_id=uuid7)


def _answer(entry: LedgerEntry) -> bytes:
    return msgspec.json.encode(entry_view(entry, currency="USD", invoice_number=None))
