"""Views as JSON documents that PostgreSQL builds and msgspec decodes: what belongs together comes in one message."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, ScalarSelect, case, func, literal_column

from adapters.postgres.shop_scope import SelectOfShop, select_of
from adapters.postgres.tables import clients, invoices, ledger_entries, payment_changes, payments, shops

_other = ledger_entries.alias("other")


def looked_up(table: FromClause, column: str, *where: ColumnElement[bool]) -> ScalarSelect[Any]:
    """One column of the row that fits. Not joined: where a plan has to fit all parameters, PostgreSQL reads the whole
    account to join one page of it.
    """
    return select_of(table, table.c[column]).where(*where).scalar_subquery()


def is_not_settled() -> ColumnElement[bool]:
    """Of a row of ``invoices``: something is due or overpaid. Written in, as in the index that knows these few."""
    written: list[Any] = [literal_column(f"'{status}'") for status in ("open", "overpaid")]
    return invoices.c.status.in_(written)


def document(**fields: Any) -> ColumnElement[Any]:
    """``json_build_object`` of these fields; names are written in, so that they are no parameters."""
    parts: list[Any] = []
    for name, value in fields.items():
        parts += [literal_column(f"'{name}'"), value]
    return func.json_build_object(*parts)


def _columns(table: FromClause, *names: str) -> dict[str, Any]:
    return {name: table.c[name] for name in names}


def _actor(table: FromClause, prefix: str) -> ColumnElement[Any]:
    return document(**{field: table.c[f"{prefix}_{field}"] for field in ("kind", "id", "name")})


def entry_view() -> ColumnElement[Any]:
    """An :class:`~core.views.EntryView` of a row of ``ledger_entries``: with the number of its invoice, the entry that
    it reverses and the one that reverses it.
    """
    entry = ledger_entries
    of_client = _other.c.client_id == entry.c.client_id
    return document(
        **_columns(entry, "id", "number", "kind", "amount", "balance_after", "reason", "note", "at", "client_id"),
        **_columns(entry, "invoice_id", "payment_id"),
        by=_actor(entry, "by"),
        currency=looked_up(shops, "currency"),
        invoice_number=looked_up(invoices, "number", invoices.c.id == entry.c.invoice_id),
        reverses=looked_up(_other, "id", of_client, _other.c.number == entry.c.reverses_number),
        reversed_by=looked_up(_other, "id", of_client, _other.c.reverses_number == entry.c.number),
    )


def payment_view() -> ColumnElement[Any]:
    """A :class:`~core.views.PaymentView` of a row of ``payments``, with its entries and edits, oldest first."""
    entries = _all(ledger_entries, entry_view(), ledger_entries.c.number).where(
        ledger_entries.c.payment_id == payments.c.id
    )
    changes = _all(payment_changes, _change_view(), payment_changes.c.id).where(
        payment_changes.c.payment_id == payments.c.id
    )
    return document(
        **_columns(payments, "id", "invoice_id", "client_id", "method", "amount", "collected", "settled", "captured"),
        **_columns(payments, "reference", "received_on", "recorded_at", "bulk_payment_id", "deleted_at"),
        currency=looked_up(shops, "currency"),
        recorded_by=_actor(payments, "recorded_by"),
        entries=entries.scalar_subquery(),
        changes=changes.scalar_subquery(),
        deleted_by=_deleted_by(),
    )


def collected_payment() -> ColumnElement[Any]:
    """A :class:`~core.views.CollectedPayment` of a row of ``payments``."""
    return document(
        **_columns(payments, "id", "client_id", "invoice_id", "method", "collected", "reference", "received_on"),
        **_columns(payments, "recorded_at", "bulk_payment_id", "deleted_at"),
        client_name=looked_up(clients, "name", clients.c.id == payments.c.client_id),
        invoice_number=looked_up(invoices, "number", invoices.c.id == payments.c.invoice_id),
        currency=looked_up(shops, "currency"),
        recorded_by=_actor(payments, "recorded_by"),
        deleted_by=_deleted_by(),
    )


def _deleted_by() -> ColumnElement[Any]:
    return case((payments.c.deleted_at.is_not(None), _actor(payments, "deleted_by")))


def live_payments_of_invoice() -> ScalarSelect[Any]:
    """The views of an invoice's live payments, oldest first, for a row of ``invoices``."""
    live = payments.c.deleted_at.is_(None)
    views = _all(payments, payment_view(), payments.c.id).where(payments.c.invoice_id == invoices.c.id, live)
    return views.scalar_subquery()


def _change_view() -> ColumnElement[Any]:
    names = ("at", "method", "amount", "settled", "captured", "reference", "received_on")
    return document(**_columns(payment_changes, *names), by=_actor(payment_changes, "by"))


def _all(table: FromClause, view: ColumnElement[Any], order: ColumnElement[Any]) -> SelectOfShop:
    documents = func.json_agg(view).aggregate_order_by(order)
    return select_of(table, func.coalesce(documents, literal_column("'[]'::json")))
