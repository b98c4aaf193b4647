"""Rows as PostgreSQL takes them, with everything filled in, so that a test of the schema names only what matters to it.

They go past the program on purpose: what stands in their way is the schema alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DIGEST = b"\x11" * 32
NIL = UUID(int=0)

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Row = dict[str, object]


async def put(connection: Connection, table: str, *rows: Row) -> None:
    """Insert the rows, which have the same columns, in one statement."""
    columns = list(rows[0])
    places = [
        "(" + ", ".join(f"${place + 1 + index * len(columns)}" for place in range(len(columns))) + ")"
        for index in range(len(rows))
    ]
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join(places)}"  # noqa: S608
    await connection.execute(statement, *(row[column] for row in rows for column in columns))


def a_shop_row(shop_id: UUID) -> Row:
    return {
        "shop_id": shop_id,
        "name": "Main Street Auto",
        "slug": f"shop-{shop_id.hex}",
        "currency": "USD",
        "time_zone": "UTC",
        "created_at": NOON,
    }


def a_client_row(shop_id: UUID, client_id: UUID, **other: object) -> Row:
    return {"shop_id": shop_id, "id": client_id, "name": "Pat Doe", "created_at": NOON, **other}


def an_invoice_row(shop_id: UUID, client_id: UUID, invoice_id: UUID, **other: object) -> Row:
    return {
        "shop_id": shop_id,
        "id": invoice_id,
        "client_id": client_id,
        "number": f"INV-{invoice_id.hex}",
        "issued_on": date(2026, 3, 2),
        "lines": "[]",
        "tax": 0,
        "total": 13000,
        "settled": 0,
        "credit_applied": 0,
        "created_at": NOON,
        "voided_at": None,
        **other,
    }


def a_payment_row(shop_id: UUID, client_id: UUID, invoice_id: UUID, payment_id: UUID, **other: object) -> Row:
    """$100.00 in cash."""
    return {
        "shop_id": shop_id,
        "id": payment_id,
        "client_id": client_id,
        "invoice_id": invoice_id,
        "method": "cash",
        "amount": 10000,
        "collected": 10000,
        "settled": 10000,
        "captured": 0,
        "received_on": date(2026, 3, 2),
        "recorded_at": NOON,
        "recorded_by_kind": "staff",
        "recorded_by_id": uuid4(),
        "recorded_by_name": "Olive Owner",
        "bulk_payment_id": None,
        "deleted_at": None,
        "deleted_by_kind": None,
        "deleted_by_id": None,
        "deleted_by_name": None,
        **other,
    }


def credit(amount: int) -> Row:
    """What makes a payment one with Account Credit."""
    return {"method": "account_credit", "amount": amount, "collected": 0, "settled": amount, "captured": 0}


def cash(settled: int, captured: int = 0) -> Row:
    total = settled + captured
    return {"method": "cash", "amount": total, "collected": total, "settled": settled, "captured": captured}


_REASONS = {
    "added": "goodwill",
    "applied": "payment",
    "captured": "overpayment",
    "voided": "void",
    "returned": "payment_deleted",
}


def an_entry_row(
    shop_id: UUID, client_id: UUID, number: int, kind: str, amount: int, balance_after: int, **other: object
) -> Row:
    with_note = kind in {"added", "voided"}
    return {
        "shop_id": shop_id,
        "client_id": client_id,
        "number": number,
        "id": uuid4(),
        "kind": kind,
        "amount": amount,
        "balance_after": balance_after,
        "reason": _REASONS[kind],
        "note": "job ran late" if with_note else None,
        "note_digest": DIGEST if with_note else None,
        "by_kind": "staff",
        "by_id": uuid4(),
        "by_name": "Olive Owner",
        "by_name_digest": DIGEST,
        "at": NOON,
        "invoice_id": None,
        "payment_id": None,
        "reverses_number": None,
        "reverses_kind": None,
        "previous_hash": None if number == 1 else DIGEST,
        "hash": DIGEST,
        **other,
    }


def an_account_row(shop_id: UUID, client_id: UUID, *, last_number: int = 0, balance: int = 0, **other: object) -> Row:
    return {
        "shop_id": shop_id,
        "client_id": client_id,
        "balance": balance,
        "last_number": last_number,
        "last_hash": DIGEST if last_number else None,
        "last_at": NOON if last_number else None,
        "closed_at": None,
        **other,
    }


def a_change_row(shop_id: UUID, client_id: UUID, payment_id: UUID, **other: object) -> Row:
    return {
        "shop_id": shop_id,
        "payment_id": payment_id,
        "id": uuid4(),
        "client_id": client_id,
        "at": NOON,
        "by_kind": "staff",
        "by_id": uuid4(),
        "by_name": "Olive Owner",
        "method": "cash",
        "amount": 10000,
        "settled": 10000,
        "captured": 0,
        "received_on": date(2026, 3, 2),
        **other,
    }


def a_notice_row(shop_id: UUID, client_id: UUID, **other: object) -> Row:
    return {
        "shop_id": shop_id,
        "id": uuid4(),
        "client_id": client_id,
        "kind": "credit_added",
        "at": NOON,
        "payload": "{}",
        "due_at": None,
        **other,
    }


def an_endpoint_row(shop_id: UUID, endpoint_id: UUID, **other: object) -> Row:
    return {
        "shop_id": shop_id,
        "id": endpoint_id,
        "url": "https://example.com/notices",
        "description": "",
        "kinds": ["credit.added"],
        "secret": b"sealed",
        "created_at": NOON,
        **other,
    }


def a_lane_row(shop_id: UUID, receiver_id: UUID, client_id: UUID, **other: object) -> Row:
    return {"shop_id": shop_id, "receiver_id": receiver_id, "client_id": client_id, **other}


def a_delivery_row(shop_id: UUID, receiver_id: UUID, client_id: UUID, notice_id: UUID, **other: object) -> Row:
    """A pending one."""
    return {
        "shop_id": shop_id,
        "id": uuid4(),
        "receiver_id": receiver_id,
        "client_id": client_id,
        "notice_id": notice_id,
        "notice_at": NOON,
        "kind": "credit.added",
        "state": "pending",
        "attempts": 0,
        "failures": 0,
        "made_at": NOON,
        **other,
    }


def an_attempt_row(shop_id: UUID, delivery_id: UUID, **other: object) -> Row:
    return {
        "shop_id": shop_id,
        "delivery_id": delivery_id,
        "number": 1,
        "at": NOON,
        "duration_ms": 20,
        "accepted": False,
        "answer": "500 Internal Server Error",
        **other,
    }


def a_staff_row(shop_id: UUID, staff_id: UUID) -> Row:
    return {
        "shop_id": shop_id,
        "id": staff_id,
        "name": "Olive Owner",
        "email": f"{staff_id}@example.com",
        "permissions": [],
        "password_hash": "",
        "created_at": NOON,
    }


def an_api_key_row(shop_id: UUID) -> Row:
    return {
        "shop_id": shop_id,
        "id": uuid4(),
        "name": "till",
        "permissions": [],
        "secret_hash": DIGEST,
        "created_at": NOON,
    }


def a_session_row(shop_id: UUID, staff_id: UUID, session_id: UUID) -> Row:
    return {"shop_id": shop_id, "id": session_id, "staff_id": staff_id, "started_at": NOON}


def a_refresh_token_row(shop_id: UUID, session_id: UUID) -> Row:
    return {
        "shop_id": shop_id,
        "id": uuid4(),
        "session_id": session_id,
        "secret_hash": DIGEST,
        "expires_at": NOON,
    }


def a_console_session_row(shop_id: UUID, session_id: UUID) -> Row:
    return {"shop_id": shop_id, "session_id": session_id, "secret_hash": DIGEST, "seen_at": NOON}


def a_failure_row(shop_id: UUID) -> Row:
    return {"shop_id": shop_id, "email_digest": DIGEST, "at": NOON, "id": uuid4()}


def a_key_row(shop_id: UUID) -> Row:
    return {
        "shop_id": shop_id,
        "key": uuid4().hex,
        "fingerprint": DIGEST,
        "status": 201,
        "body": b"{}",
        "sealed": False,
        "recorded_at": NOON,
    }


@dataclass(frozen=True)
class PaperShop:
    """A shop in rows. Its twin has the clients Pat and Sam and the first invoice by the same ids, and else nothing of
    it: whatever is right here and wrong there is held by the shop in the key. Kim is a client of the shop alone.

    Pat's ledger: 1 added 50.00, 2 applied 30.00 (``credit`` on ``invoice``), 3 captured 20.00 (``cash`` on
    ``invoice``), 4 captured 10.00 (``other_cash`` on ``other_invoice``), 5 added 7.00: balance 57.00. Sam's, and at the
    twin Pat's: 1 added 57.00. ``unapplied`` is a payment with Account Credit on ``other_invoice`` without its entry.
    """

    shop: UUID = field(default_factory=uuid4)
    twin: UUID = field(default_factory=uuid4)
    pat: UUID = field(default_factory=uuid4)
    sam: UUID = field(default_factory=uuid4)
    kim: UUID = field(default_factory=uuid4)
    invoice: UUID = field(default_factory=uuid4)
    other_invoice: UUID = field(default_factory=uuid4)
    sams_invoice: UUID = field(default_factory=uuid4)
    credit: UUID = field(default_factory=uuid4)
    unapplied: UUID = field(default_factory=uuid4)
    cash: UUID = field(default_factory=uuid4)
    other_cash: UUID = field(default_factory=uuid4)
    sams_cash: UUID = field(default_factory=uuid4)
    staff: UUID = field(default_factory=uuid4)
    session: UUID = field(default_factory=uuid4)
    other_session: UUID = field(default_factory=uuid4)
    notice: UUID = field(default_factory=uuid4)
    endpoint: UUID = field(default_factory=uuid4)
    delivery: UUID = field(default_factory=uuid4)

    def entry(self, number: int, kind: str, amount: int, balance_after: int, **other: object) -> Row:
        row = an_entry_row(self.shop, self.pat, number, kind, amount, balance_after)
        assert other.keys() <= row.keys(), other.keys() - row.keys()
        return row | other

    def payment(self, invoice: UUID, payment: UUID, **other: object) -> Row:
        return a_payment_row(self.shop, self.pat, invoice, payment, **other)

    async def write(self, connection: Connection) -> None:
        """Put it all into the database."""
        shop, twin, pat, sam = self.shop, self.twin, self.pat, self.sam
        await put(connection, "shops", a_shop_row(shop), a_shop_row(twin))
        everyone = [(shop, pat), (shop, sam), (shop, self.kim), (twin, pat), (twin, sam)]
        await put(connection, "clients", *(a_client_row(at, who) for at, who in everyone))
        await put(
            connection,
            "invoices",
            an_invoice_row(shop, pat, self.invoice, settled=11000, credit_applied=3000),
            an_invoice_row(shop, pat, self.other_invoice, settled=4500, credit_applied=500),
            an_invoice_row(shop, sam, self.sams_invoice, settled=10000),
            an_invoice_row(twin, pat, self.invoice),
        )
        await put(
            connection,
            "payments",
            self.payment(self.invoice, self.credit, **credit(3000)),
            self.payment(self.invoice, self.cash, **cash(8000, 2000)),
            self.payment(self.other_invoice, self.other_cash, **cash(4000, 1000)),
            self.payment(self.other_invoice, self.unapplied, **credit(500)),
            a_payment_row(shop, sam, self.sams_invoice, self.sams_cash),
        )
        of_first = {"invoice_id": self.invoice, "payment_id": self.credit}
        await put(
            connection,
            "ledger_entries",
            self.entry(1, "added", 5000, 5000),
            self.entry(2, "applied", -3000, 2000, **of_first),
            self.entry(3, "captured", 2000, 4000, **of_first | {"payment_id": self.cash}),
            self.entry(4, "captured", 1000, 5000, invoice_id=self.other_invoice, payment_id=self.other_cash),
            self.entry(5, "added", 700, 5700),
            an_entry_row(shop, sam, 1, "added", 5700, 5700),
            an_entry_row(twin, pat, 1, "added", 5700, 5700),
        )
        await put(
            connection,
            "credit_accounts",
            an_account_row(shop, pat, last_number=5, balance=5700),
            an_account_row(shop, sam, last_number=1, balance=5700),
            an_account_row(twin, pat, last_number=1, balance=5700),
            an_account_row(twin, sam),
        )
        await put(connection, "staff", a_staff_row(shop, self.staff))
        await put(
            connection,
            "sessions",
            *(a_session_row(shop, self.staff, one) for one in (self.session, self.other_session)),
        )
        await put(connection, "console_sessions", a_console_session_row(shop, self.session))
        await put(connection, "outbox", a_notice_row(shop, pat, id=self.notice))
        await put(connection, "webhook_endpoints", an_endpoint_row(shop, self.endpoint))
        await put(connection, "delivery_lanes", *(a_lane_row(shop, told, pat) for told in (self.endpoint, NIL)))
        await put(connection, "deliveries", a_delivery_row(shop, self.endpoint, pat, self.notice, id=self.delivery))
        for table, row in self.rows_beside().items():
            await put(connection, table, row)

    def rows_beside(self) -> dict[str, Row]:
        """A row that the shop takes in each table that is none of the others' parent."""
        return {
            "invoice_counters": {"shop_id": self.shop, "last_number": 2},
            "api_keys": an_api_key_row(self.shop),
            "refresh_tokens": a_refresh_token_row(self.shop, self.session),
            "sign_in_failures": a_failure_row(self.shop),
            "payment_changes": a_change_row(self.shop, self.pat, self.cash),
            "idempotency_records": a_key_row(self.shop),
            "outbox": a_notice_row(self.shop, self.pat),
            "shop_routing": {"shop_id": self.shop},
            "shop_verifications": {"shop_id": self.shop, "verified_at": NOON, "findings": 1},
            "delivery_attempts": an_attempt_row(self.shop, self.delivery),
        }
