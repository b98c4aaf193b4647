"""The credit ledger as CSV, streamed: a header, one row an entry."""

import csv
import io
import unicodedata
from collections.abc import AsyncIterator, Iterable, Sequence

from litestar.response import Stream

from core.money import decimal_text
from core.shop import Shop
from core.views import EntryView

CSV_MEDIA_TYPE = "text/csv"

_COLUMNS = (
    "number",
    "at",
    "kind",
    "reason",
    "amount",
    "balance_after",
    "currency",
    "note",
    "by",
    "client_id",
    "invoice_number",
    "invoice_id",
    "payment_id",
    "id",
    "reverses",
    "reversed_by",
)
_BEGINS_A_FORMULA = frozenset("=+-@\t\r\n")
_NOT_SEEN = frozenset({"Cf", "Zs"})
"""Categories of what somebody may put before a formula to hide it: zero width, marks of direction, blanks."""


def csv_answer(shop: Shop, parts: AsyncIterator[Sequence[EntryView]]) -> Stream:
    return Stream(
        _lines(shop, parts),
        media_type=CSV_MEDIA_TYPE,
        headers={"Content-Disposition": 'attachment; filename="credit-ledger.csv"'},
    )


async def _lines(shop: Shop, parts: AsyncIterator[Sequence[EntryView]]) -> AsyncIterator[str]:
    yield _csv([_COLUMNS])
    async for entries in parts:
        if entries:
            yield _csv(_row(entry, shop.minor_unit_digits) for entry in entries)


def _csv(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _row(entry: EntryView, minor_unit_digits: int) -> tuple[object, ...]:
    """None becomes an empty cell."""
    return (
        entry.number,
        entry.at.isoformat().replace("+00:00", "Z"),
        entry.kind.value,
        entry.reason.value,
        decimal_text(entry.amount, minor_unit_digits),
        decimal_text(entry.balance_after, minor_unit_digits),
        entry.currency,
        _defused(entry.note),
        _defused(entry.by.name),
        entry.client_id,
        _defused(entry.invoice_number),
        entry.invoice_id,
        entry.payment_id,
        entry.id,
        entry.reverses,
        entry.reversed_by,
    )


def _defused(text: str | None) -> str | None:
    """Text that people typed, so that a spreadsheet shows it instead of calculating it."""
    return f"'{text}" if text is not None and _begins_a_formula(text) else text


def _begins_a_formula(text: str) -> bool:
    """Also in full width or small form, which some spreadsheets take for the same."""
    first = next((each for each in text if unicodedata.category(each) not in _NOT_SEEN), "")
    return unicodedata.normalize("NFKC", first)[:1] in _BEGINS_A_FORMULA
