"""What the schema refuses about the ledger by itself, whoever writes and whatever the program thinks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.database import Database
from tests.refusals import NOT_NULL, Wrong, assert_all_tried, assert_refused, named, wrong
from tests.rows import DIGEST, NIL, Connection, PaperShop, Row, an_entry_row, put

paper = PaperShop()
NOBODY = PaperShop().pat

ON_INVOICE = {"invoice_id": paper.invoice, "payment_id": paper.cash}
CREDIT_ON_INVOICE = {"invoice_id": paper.invoice, "payment_id": paper.credit}
CREDIT_ON_OTHER = {"invoice_id": paper.other_invoice, "payment_id": paper.unapplied}

# Pat's next entry, of each kind, as the schema takes it. The balance before is 57.00.
ADDED = paper.entry(6, "added", 1000, 6700)
ADDED_FOR_INVOICE = ADDED | {"invoice_id": paper.invoice}
APPLIED = paper.entry(6, "applied", -500, 5200, **CREDIT_ON_OTHER)
CAPTURED = paper.entry(6, "captured", 100, 5800, **ON_INVOICE)
VOIDED = paper.entry(6, "voided", -700, 5000, reverses_number=5, reverses_kind="added")
VOIDED_CAPTURE = paper.entry(6, "voided", -2000, 3700, **ON_INVOICE, reverses_number=3, reverses_kind="captured")
VOIDED_WITH_PAYMENT = VOIDED_CAPTURE | {"reason": "payment_deleted", "note": None, "note_digest": None}
RETURNED = paper.entry(6, "returned", 3000, 8700, **CREDIT_ON_INVOICE, reverses_number=2, reverses_kind="applied")

# The second entry of Sam, and of Pat at the twin shop. The balance before is 57.00 there too.
SAMS = an_entry_row(paper.shop, paper.sam, 2, "added", 1000, 6700)
TWINS = an_entry_row(paper.twin, paper.pat, 2, "added", 1000, 6700)
FIRST = an_entry_row(paper.twin, paper.sam, 1, "added", 1000, 1000)


@pytest.fixture(scope="module")
async def books(database: Database) -> AsyncIterator[Connection]:
    """The paper shop, seen by the superuser, whom neither policies nor grants hold back."""
    connection = await asyncpg.connect(database.superuser_url)
    try:
        await paper.write(connection)
        yield connection
    finally:
        await connection.close()


@pytest.fixture(autouse=True)
async def nothing_stays(books: Connection) -> AsyncIterator[None]:
    transaction = books.transaction()
    await transaction.start()
    yield
    await transaction.rollback()


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(ADDED, id="added"),
        pytest.param(ADDED_FOR_INVOICE, id="added for an invoice"),
        pytest.param(APPLIED, id="applied"),
        pytest.param(CAPTURED, id="captured"),
        pytest.param(VOIDED, id="voided, of an added one"),
        pytest.param(VOIDED_CAPTURE, id="voided, of a captured one"),
        pytest.param(VOIDED_WITH_PAYMENT, id="voided because its payment was deleted"),
        pytest.param(RETURNED, id="returned"),
        pytest.param(SAMS, id="of another client"),
        pytest.param(TWINS, id="of a client with the same id at another shop"),
        pytest.param(FIRST, id="the first of an account"),
        pytest.param(ADDED | {"note": None}, id="with an erased note"),
    ],
)
async def test_a_right_entry_is_taken(books: Connection, entry: Row) -> None:
    await put(books, "ledger_entries", entry)


def void_of(number: int, kind: str, amount: int, **other: object) -> Row:
    return paper.entry(6, "voided", -amount, 5700 - amount, reverses_number=number, reverses_kind=kind, **other)


BALANCES_AND_NUMBERS = [
    wrong(
        "the balance goes below zero",
        "ledger_entries_balance_after_check",
        APPLIED | {"amount": -5800, "balance_after": -100},
    ),
    wrong(
        "the balance before is below zero",
        "ledger_entries_balance_before_check",
        ADDED | {"amount": 6800, "balance_after": 6700},
    ),
    wrong("the number is 0", "ledger_entries_number_check", FIRST | {"number": 0, "previous_hash": DIGEST}),
    wrong("the number is taken", "ledger_entries_pkey", ADDED | {"number": 5, "amount": 700, "balance_after": 5700}),
    wrong("the id is taken", "ledger_entries_shop_id_id_key", ADDED, SAMS | {"id": ADDED["id"]}),
    wrong("the first starts with something", "first_starts_at_zero", FIRST | {"balance_after": 1001}),
    wrong("the first names a hash before it", "first_has_no_previous_hash", FIRST | {"previous_hash": DIGEST}),
    wrong("a later one names no hash before it", "first_has_no_previous_hash", ADDED | {"previous_hash": None}),
    wrong("the amount is 0", "sign_fits_kind", ADDED | {"amount": 0, "balance_after": 5700}),
    wrong("the hash is too short", "ledger_entries_hash_check", ADDED | {"hash": b"short"}),
    wrong("the hash before is too short", "ledger_entries_previous_hash_check", ADDED | {"previous_hash": b"short"}),
    wrong("the digest of the note is too short", "ledger_entries_note_digest_check", ADDED | {"note_digest": b"short"}),
    wrong(
        "the digest of the name is too short", "ledger_entries_by_name_digest_check", ADDED | {"by_name_digest": b"-"}
    ),
]
SIGNS_REASONS_AND_NOTES = [
    wrong("a kind that there is not", "ledger_entries_kind_check", ADDED | {"kind": "withdrawn"}),
    wrong("added takes away", "sign_fits_kind", ADDED | {"amount": -1000, "balance_after": 4700}),
    wrong("applied gives", "sign_fits_kind", APPLIED | {"amount": 500, "balance_after": 6200}),
    wrong("captured takes away", "sign_fits_kind", CAPTURED | {"amount": -100, "balance_after": 5600}),
    wrong("voided gives", "sign_fits_kind", VOIDED | {"amount": 700, "balance_after": 6400}),
    wrong("returned takes away", "sign_fits_kind", RETURNED | {"amount": -3000, "balance_after": 2700}),
    *(
        wrong(f"{entry['kind']} for the reason {reason}", "reason_fits_kind", entry | {"reason": reason})
        for entry, reason in (
            (ADDED, "payment"),
            (ADDED, "void"),
            (ADDED, "whatever"),
            (APPLIED, "goodwill"),
            (CAPTURED, "payment"),
            (VOIDED_WITH_PAYMENT, "overpayment"),
            (RETURNED, "void"),
        )
    ),
    wrong("added without a note", "note_where_required", ADDED | {"note": None, "note_digest": None}),
    wrong("voided by hand without a note", "note_where_required", VOIDED | {"note": None, "note_digest": None}),
    wrong("a note that its digest does not cover", "note_where_required", APPLIED | {"note": "because"}),
    wrong("an empty note", "note_where_required", ADDED | {"note": ""}),
    wrong("a note of 501 characters", "note_where_required", ADDED | {"note": "x" * 501}),
]

WHAT_A_REVERSAL_IS = [
    wrong("voided that reverses nothing", "reversal_fits_kind", VOIDED | {"reverses_number": None}),
    wrong("voided that reverses no kind", "reversal_fits_kind", VOIDED | {"reverses_kind": None}),
    wrong("returned that reverses nothing", "reversal_fits_kind", RETURNED | {"reverses_number": None}),
    wrong("returned that reverses no kind", "reversal_fits_kind", RETURNED | {"reverses_kind": None}),
    wrong(
        "returned that reverses an added one",
        "reversal_fits_kind",
        RETURNED | {"reverses_number": 1, "reverses_kind": "added"},
    ),
    wrong(
        "voided that reverses an applied one",
        "reversal_fits_kind",
        VOIDED_CAPTURE | {"reverses_number": 2, "reverses_kind": "applied"},
    ),
    wrong("added that reverses", "reversal_fits_kind", ADDED | {"reverses_number": 5, "reverses_kind": "added"}),
    wrong("added that reverses a kind", "reversal_fits_kind", ADDED | {"reverses_kind": "added"}),
    wrong(
        "one entry reversed twice",
        "reversed_at_most_once",
        VOIDED,
        VOIDED | {"number": 7, "balance_after": 4300, "id": NOBODY},
    ),
    wrong(
        "the reversal comes before its entry",
        "reverses_an_earlier_entry",
        VOIDED | {"reverses_number": 7},
        paper.entry(7, "added", 700, 5700),
        in_one_statement=True,
    ),
]

PAYMENTS = [
    wrong("a second applied entry for one payment", "one_application_a_payment", APPLIED | CREDIT_ON_INVOICE),
    *(
        wrong(f"{entry['kind']} without {column}", "payment_where_required", entry | {column: None})
        for entry in (APPLIED, CAPTURED, RETURNED)
        for column in ("payment_id", "invoice_id")
    ),
    wrong("added with a payment", "payment_where_required", ADDED | ON_INVOICE),
    wrong("voided with a payment and no invoice", "payment_where_required", VOIDED_CAPTURE | {"invoice_id": None}),
]

# Each key with each of its columns wrong, and with each of its nullable columns NULL: MATCH SIMPLE skips a foreign key
# as soon as one column is NULL, so something else has to stand there. Generated columns are made wrong by what they are
# generated from.
WITHOUT_GAP_OR_JUMP = [
    wrong("shop_id", "ledger_without_gap_or_jump", ADDED | {"shop_id": paper.twin}),
    wrong("client_id", "ledger_without_gap_or_jump", ADDED | {"client_id": paper.sam}),
    wrong("previous_number: a gap", "ledger_without_gap_or_jump", ADDED | {"number": 7}),
    wrong("balance_before: a jump", "ledger_without_gap_or_jump", ADDED | {"balance_after": 6701}),
    wrong(
        "balance_before: as after an older entry",
        "ledger_without_gap_or_jump",
        ADDED | {"amount": 1000, "balance_after": 6000},
    ),
    wrong(
        "previous_number NULL: another first one",
        "first_starts_at_zero",
        TWINS | {"number": 1} | {"previous_hash": None},
    ),
    wrong("balance_before NULL", NOT_NULL, ADDED | {"amount": None}),
    wrong("balance_before NULL by the balance after", NOT_NULL, ADDED | {"balance_after": None}),
]

REVERSES_ITS_OPPOSITE = [
    # Entry 1 of 50.00 is Pat's at the shop. Sam's, and Pat's at the twin, is one of 57.00.
    wrong("shop_id", "reverses_its_opposite", TWINS | void_of(1, "added", 5000) | {"shop_id": paper.twin, "number": 2}),
    wrong("client_id", "reverses_its_opposite", void_of(1, "added", 5000) | {"client_id": paper.sam, "number": 2}),
    wrong("reverses_number", "reverses_its_opposite", void_of(1, "added", 700)),
    wrong("reverses_kind", "reverses_its_opposite", void_of(5, "captured", 700)),
    wrong(
        "reverses_kind: not applied",
        "reverses_its_opposite",
        void_of(2, "captured", 3000) | CREDIT_ON_OTHER | ON_INVOICE,
    ),
    wrong("reverses_amount: less", "reverses_its_opposite", void_of(5, "added", 699)),
    wrong("reverses_amount: more", "reverses_its_opposite", void_of(5, "added", 701)),
    wrong("payment_key: a payment too many", "reverses_its_opposite", void_of(5, "added", 700) | ON_INVOICE),
    wrong("payment_key: a payment missing", "reverses_its_opposite", void_of(3, "captured", 2000)),
    wrong(
        "payment_key: another payment",
        "reverses_its_opposite",
        void_of(3, "captured", 2000, invoice_id=paper.other_invoice, payment_id=paper.other_cash),
    ),
    wrong("payment_key: returned to another payment", "reverses_its_opposite", RETURNED | CREDIT_ON_OTHER),
    wrong("reverses_number NULL", "reversal_fits_kind", VOIDED_CAPTURE | {"reverses_number": None}),
    wrong("reverses_kind NULL", "reversal_fits_kind", VOIDED_CAPTURE | {"reverses_kind": None}),
    wrong("reverses_amount NULL", NOT_NULL, VOIDED_CAPTURE | {"amount": None}),
]

INVOICE = [
    wrong("shop_id", "ledger_invoice", TWINS | {"invoice_id": paper.other_invoice}),
    wrong("client_id", "ledger_invoice", SAMS | {"invoice_id": paper.invoice}),
    wrong("invoice_id: there is none", "ledger_invoice", ADDED | {"invoice_id": NOBODY}),
    wrong("invoice_id: of another client", "ledger_invoice", ADDED | {"invoice_id": paper.sams_invoice}),
    wrong("invoice_id NULL", "payment_where_required", APPLIED | {"invoice_id": None}),
]

PAYMENT = [
    wrong(
        "shop_id",
        "ledger_agrees_with_payment",
        CAPTURED | {"shop_id": paper.twin, "number": 2},
    ),
    wrong(
        "client_id",
        "ledger_agrees_with_payment",
        CAPTURED | {"client_id": paper.sam, "number": 2, "invoice_id": paper.sams_invoice},
    ),
    wrong(
        "invoice_id: captured on another invoice",
        "ledger_agrees_with_payment",
        CAPTURED | {"invoice_id": paper.other_invoice},
    ),
    wrong(
        "invoice_id: voided on another",
        "ledger_agrees_with_payment",
        VOIDED_CAPTURE | {"invoice_id": paper.other_invoice},
    ),
    wrong("payment_id: there is none", "ledger_agrees_with_payment", CAPTURED | {"payment_id": NOBODY}),
    wrong("payment_id: the nil id", "ledger_agrees_with_payment", CAPTURED | {"payment_id": NIL}),
    wrong("payment_id: of another invoice", "ledger_agrees_with_payment", CAPTURED | {"payment_id": paper.other_cash}),
    wrong("payment_collects: applied with cash", "ledger_agrees_with_payment", APPLIED | ON_INVOICE),
    wrong("payment_collects: captured from credit", "ledger_agrees_with_payment", CAPTURED | CREDIT_ON_INVOICE),
    wrong("payment_id NULL", "payment_where_required", CAPTURED | {"payment_id": None}),
    wrong("invoice_id NULL", "payment_where_required", CAPTURED | {"invoice_id": None}),
    wrong("payment_collects NULL", NOT_NULL, CAPTURED | {"kind": None}),
]

CLIENT = [wrong("client_id", "ledger_entries_shop_id_client_id_fkey", FIRST | {"client_id": NOBODY})]


@named(BALANCES_AND_NUMBERS)
async def test_balances_and_numbers_run_on(books: Connection, case: Wrong) -> None:
    await assert_refused(books, case)


@named(SIGNS_REASONS_AND_NOTES)
async def test_sign_reason_and_note_fit_the_kind(books: Connection, case: Wrong) -> None:
    await assert_refused(books, case)


@named(WHAT_A_REVERSAL_IS)
async def test_a_reversal_names_one_earlier_entry_that_nothing_reversed(books: Connection, case: Wrong) -> None:
    await assert_refused(books, case)


@named(PAYMENTS)
async def test_an_entry_names_the_payment_that_it_is_about_and_no_other(books: Connection, case: Wrong) -> None:
    await assert_refused(books, case)


@named(WITHOUT_GAP_OR_JUMP)
async def test_every_column_of_the_chain_is_held(books: Connection, case: Wrong) -> None:
    await assert_refused(books, case)


@named(REVERSES_ITS_OPPOSITE)
async def test_every_column_of_a_reversal_is_held(books: Connection, case: Wrong) -> None:
    await assert_refused(books, case)


@named(INVOICE)
async def test_every_column_of_an_entrys_invoice_is_held(books: Connection, case: Wrong) -> None:
    await assert_refused(books, case)


@named(PAYMENT)
async def test_every_column_of_an_entrys_payment_is_held(books: Connection, case: Wrong) -> None:
    await assert_refused(books, case)


@named(CLIENT)
async def test_an_entry_is_of_a_client_of_its_shop(books: Connection, case: Wrong) -> None:
    await assert_refused(books, case)


async def test_nothing_of_the_ledgers_schema_was_left_untried(books: Connection) -> None:
    cases = [
        *BALANCES_AND_NUMBERS,
        *SIGNS_REASONS_AND_NOTES,
        *WHAT_A_REVERSAL_IS,
        *PAYMENTS,
        *WITHOUT_GAP_OR_JUMP,
        *REVERSES_ITS_OPPOSITE,
        *INVOICE,
        *PAYMENT,
        *CLIENT,
    ]
    await assert_all_tried(books, ["ledger_entries"], cases, implied={"ledger_head", "ledger_reversible"})
