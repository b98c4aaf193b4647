"""See :class:`ports.verification.Accounts`."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Date, bindparam, case, func, literal, literal_column, true, tuple_

from adapters.postgres.shop_scope import Record, ShopScope, ShopStatement, of_shop, one_of, select_of
from adapters.postgres.tables import (
    clients,
    credit_accounts,
    idempotency_records,
    invoices,
    ledger_entries,
    outbox,
    payment_changes,
    payments,
)
from core.ids import ClientId, InvoiceId, PaymentId
from core.invoices import InvoiceLine
from core.verification import PaymentEntry, ShopSize, StoredAccount, StoredEntry, StoredInvoice, StoredPayment
from ports.verification import EntryPlace

_lines = msgspec.json.Decoder(tuple[InvoiceLine, ...])

# Written into the statements: a planner that does not know the limit may read whole tables to join one page.
_ACCOUNTS_A_PAGE: Any = literal_column("500")
_ENTRIES_A_PAGE: Any = literal_column("500")
_OTHERS_A_PAGE: Any = literal_column("1000")
_ONE: Any = literal_column("1")

_other = ledger_entries.alias("other")


def _of_entry(table: Any, *columns: Any) -> Any:
    """A lookup for each entry. As a plain join, a planner without statistics would read whole tables for every page."""
    return select_of(table, *columns).where(of_shop(ledger_entries), table.c.client_id == ledger_entries.c.client_id)


# "From that number on, the first" leaves a planner without statistics no other index than the right one.
_reversed = (
    _of_entry(_other, *(_other.c[name] for name in ("number", "kind", "amount", "payment_id", "invoice_id")))
    .where(_other.c.number >= ledger_entries.c.reverses_number)
    .order_by(_other.c.number)
    .limit(_ONE)
    .lateral("reversed")
)
_reversal = (
    _of_entry(_other, _other.c.reverses_number)
    .where(_other.c.reverses_number >= ledger_entries.c.number)
    .order_by(_other.c.reverses_number)
    .limit(_ONE)
    .lateral("reversal")
)
_invoice = (
    _of_entry(invoices, invoices.c.id)
    .where(invoices.c.id == ledger_entries.c.invoice_id)
    .limit(_ONE)
    .lateral("invoice")
)
_payment = (
    _of_entry(payments, payments.c.collects)
    .where(
        payments.c.invoice_id == ledger_entries.c.invoice_id,
        payments.c.id == ledger_entries.c.payment_id,
    )
    .limit(_ONE)
    .lateral("payment")
)


def _sum(of: Any) -> Any:
    return func.coalesce(func.sum(of), 0).cast(BigInteger)


# As literals: the driver sends these two as minus infinity and infinity.
_FIRST_DAY: Any = literal_column("DATE '0001-01-01'", Date)
_LAST_DAY: Any = literal_column("DATE '9999-12-31'", Date)


def readable(moment: Any) -> Any:
    """A time or day that Python can hold: PostgreSQL has infinity too, and years before 1 and beyond 9999. One that
    somebody changed stays a wrong one: no time of ours is that old or that late, and no money was received on the
    last of all days, though people may write down any day before today, the first of all days too.
    """
    if isinstance(moment.type, Date):
        return case((moment.between(_FIRST_DAY, _LAST_DAY), moment), (moment.is_not(None), _LAST_DAY))
    earliest, latest = (literal(datetime(year, 1, 1, tzinfo=UTC), moment.type) for year in (1000, 9000))
    return case((moment.is_not(None), func.greatest(func.least(moment, latest), earliest)))


_ENTRY_COUNT = ShopStatement(select_of(credit_accounts, _sum(credit_accounts.c.last_number)))
_PAYMENT_COUNT = ShopStatement(select_of(payments, func.count()))
_INVOICE_COUNT = ShopStatement(select_of(invoices, func.count()))
_NOTICE_COUNT = ShopStatement(select_of(outbox, func.count()))
_ANSWER_COUNT = ShopStatement(
    select_of(idempotency_records, func.count()).where(idempotency_records.c.status == literal_column("201"))
)

_ACCOUNTS = ShopStatement(
    select_of(
        clients,
        clients.c.id.label("client_id"),
        *(credit_accounts.c[name] for name in ("balance", "last_number", "last_hash")),
        *(readable(credit_accounts.c[name]) for name in ("last_at", "closed_at")),
    )
    .outerjoin(credit_accounts, of_shop(credit_accounts) & (credit_accounts.c.client_id == clients.c.id))
    .where(clients.c.id > bindparam("after"))
    .order_by(clients.c.id)
    .limit(_ACCOUNTS_A_PAGE)
)

# What each name in StoredEntry is that is not simply a column of the entry.
_LOOKED_UP = {
    "at": readable(ledger_entries.c.at),
    "invoice_found": _invoice.c.id.is_not(None),
    "payment_collects": _payment.c.collects,
    "reversed_kind": _reversed.c.kind,
    "reversed_amount": _reversed.c.amount,
    "reversed_payment_id": _reversed.c.payment_id,
    "reversed_invoice_id": _reversed.c.invoice_id,
}
_ENTRIES = ShopStatement(
    select_of(
        ledger_entries,
        *(_LOOKED_UP[n] if n in _LOOKED_UP else ledger_entries.c[n] for n in StoredEntry.__struct_fields__),
    )
    .outerjoin(_invoice, true())
    .outerjoin(_payment, true())
    .outerjoin(_reversed, _reversed.c.number == ledger_entries.c.reverses_number)
    .where(
        tuple_(ledger_entries.c.client_id, ledger_entries.c.number)
        > tuple_(
            bindparam("after_client", type_=ledger_entries.c.client_id.type),
            bindparam("after_number", type_=ledger_entries.c.number.type),
        ),
        ledger_entries.c.client_id <= bindparam("up_to"),
    )
    .order_by(ledger_entries.c.client_id, ledger_entries.c.number)
    .limit(_ENTRIES_A_PAGE)
)
_REVERSED_AGAIN = ShopStatement(
    select_of(ledger_entries, ledger_entries.c.client_id, ledger_entries.c.reverses_number)
    .where(
        ledger_entries.c.client_id > bindparam("after"),
        ledger_entries.c.client_id <= bindparam("up_to"),
        ledger_entries.c.reverses_number.is_not(None),
    )
    .group_by(ledger_entries.c.client_id, ledger_entries.c.reverses_number)
    .having(func.count() > 1)
)

_first_change = (
    select_of(payment_changes, *(payment_changes.c[name] for name in ("method", "amount", "received_on")))
    .where(payment_changes.c.payment_id == payments.c.id)
    .order_by(payment_changes.c.at, payment_changes.c.id)
    .limit(_ONE)
    .lateral("first_change")
)
_PAYMENTS = ShopStatement(
    select_of(
        payments,
        *(payments.c[n] for n in ("id", "client_id", "invoice_id", "method", "amount", "collected", "settled")),
        payments.c.captured,
        *(readable(payments.c[name]).label(name) for name in ("received_on", "recorded_at", "deleted_at")),
        *(
            func.coalesce(_first_change.c[name], payments.c[name]).label(f"first_{name}")
            for name in ("method", "amount")
        ),
        readable(func.coalesce(_first_change.c.received_on, payments.c.received_on)).label("first_received_on"),
        invoices.c.id.is_not(None).label("invoice_found"),
    )
    .outerjoin(_first_change, true())
    .outerjoin(
        invoices,
        of_shop(invoices) & (invoices.c.client_id == payments.c.client_id) & (invoices.c.id == payments.c.invoice_id),
    )
    .where(payments.c.id > bindparam("after"))
    .order_by(payments.c.id)
    .limit(_OTHERS_A_PAGE)
)
_ENTRIES_OF_PAYMENTS = ShopStatement(
    select_of(
        ledger_entries,
        ledger_entries.c.payment_id,
        ledger_entries.c.kind,
        ledger_entries.c.amount,
        _reversal.c.reverses_number.is_not(None),
    )
    .outerjoin(_reversal, _reversal.c.reverses_number == ledger_entries.c.number)
    .where(one_of(ledger_entries.c.payment_id, "payment_ids"))
)

_INVOICES = ShopStatement(
    select_of(
        invoices,
        *(invoices.c[n] for n in ("id", "client_id", "total", "tax", "settled", "credit_applied", "lines")),
        invoices.c.voided_at.is_not(None).label("voided"),
        credit_accounts.c.client_id.is_not(None).label("client_found"),
        credit_accounts.c.closed_at.is_not(None).label("client_deleted"),
    )
    .outerjoin(credit_accounts, of_shop(credit_accounts) & (credit_accounts.c.client_id == invoices.c.client_id))
    .where(invoices.c.id > bindparam("after"))
    .order_by(invoices.c.id)
    .limit(_OTHERS_A_PAGE)
)
_SETTLED_OF_INVOICES = ShopStatement(
    select_of(payments, payments.c.invoice_id, payments.c.collects, _sum(payments.c.settled).label("settled"))
    .where(one_of(payments.c.invoice_id, "invoice_ids"), payments.c.deleted_at.is_(None))
    .group_by(payments.c.invoice_id, payments.c.collects)
)


class PostgresAccounts:
    """The credit accounts of one shop as they are stored.

    Rows become Structs by place and not through ``msgspec.convert``: what is stored may be anything, and there is much
    of it.
    """

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope

    async def size(self) -> ShopSize:
        return ShopSize(
            entries=await self._scope.value(_ENTRY_COUNT),
            payments=await self._scope.value(_PAYMENT_COUNT),
            invoices=await self._scope.value(_INVOICE_COUNT),
            notices=await self._scope.value(_NOTICE_COUNT),
            answers=await self._scope.value(_ANSWER_COUNT),
        )

    async def accounts(self, *, after: ClientId) -> list[StoredAccount]:
        return [StoredAccount(*row) for row in await self._scope.rows(_ACCOUNTS, after=after)]

    async def entries(self, *, after: EntryPlace, up_to: ClientId) -> list[StoredEntry]:
        after_client, after_number = after
        rows = await self._scope.rows(_ENTRIES, after_client=after_client, after_number=after_number, up_to=up_to)
        return [StoredEntry(*row) for row in rows]

    async def reversed_more_than_once(self, *, after: ClientId, up_to: ClientId) -> list[EntryPlace]:
        rows = await self._scope.rows(_REVERSED_AGAIN, after=after, up_to=up_to)
        return [(client_id, number) for client_id, number in rows]

    async def payments(self, *, after: PaymentId) -> list[StoredPayment]:
        rows = await self._scope.rows(_PAYMENTS, after=after)
        entries: dict[PaymentId, list[PaymentEntry]] = defaultdict(list)
        for row in await self._scope.rows(_ENTRIES_OF_PAYMENTS, payment_ids=[row["id"] for row in rows]):
            entry = PaymentEntry(*row)
            entries[entry.payment_id].append(entry)
        return [StoredPayment(**dict(row), entries=tuple(entries[row["id"]])) for row in rows]

    async def invoices(self, *, after: InvoiceId) -> list[StoredInvoice]:
        rows = await self._scope.rows(_INVOICES, after=after)
        settled: dict[tuple[InvoiceId, bool], int] = {}
        for invoice_id, collects, amount in await self._scope.rows(
            _SETTLED_OF_INVOICES, invoice_ids=[row["id"] for row in rows]
        ):
            settled[invoice_id, collects] = amount
        return [_stored_invoice(row, settled) for row in rows]


def _stored_invoice(row: Record, settled: dict[tuple[InvoiceId, bool], int]) -> StoredInvoice:
    credit = settled.get((row["id"], False), 0)
    return StoredInvoice(
        **{**dict(row), "lines": _read_lines(row["lines"])},
        live_settled=settled.get((row["id"], True), 0) + credit,
        live_credit=credit,
    )


def _read_lines(stored: str) -> tuple[InvoiceLine, ...] | None:
    try:
        return _lines.decode(stored)
    except msgspec.MsgspecError:
        return None
