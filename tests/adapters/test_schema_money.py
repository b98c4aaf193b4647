"""What the schema refuses about accounts, invoices and payments by itself, and that no row names another shop's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.database import Database
from tests.refusals import NOT_NULL, Wrong, assert_all_tried, assert_refused, named, wrong
from tests.rows import (
    DIGEST,
    NIL,
    NOON,
    Connection,
    PaperShop,
    Row,
    a_change_row,
    a_client_row,
    a_console_session_row,
    a_delivery_row,
    a_failure_row,
    a_key_row,
    a_lane_row,
    a_notice_row,
    a_payment_row,
    a_refresh_token_row,
    a_session_row,
    a_staff_row,
    an_account_row,
    an_api_key_row,
    an_attempt_row,
    an_endpoint_row,
    an_entry_row,
    an_invoice_row,
    cash,
    credit,
    put,
)

paper = PaperShop()
NOBODY, NEW = uuid4(), uuid4()
TOO_MUCH = 100_000_000_000

ACCOUNT = an_account_row(paper.shop, paper.pat, last_number=5, balance=5700)
EMPTY_ACCOUNT = an_account_row(paper.shop, paper.pat)
INVOICE = an_invoice_row(paper.shop, paper.pat, NEW)
CASH = a_payment_row(paper.shop, paper.pat, paper.invoice, NEW)
CREDIT = CASH | credit(500)
DELETED = CASH | {"deleted_at": NOON, "deleted_by_kind": "staff", "deleted_by_id": NOBODY, "deleted_by_name": "Olive"}
CHANGE = a_change_row(paper.shop, paper.pat, paper.cash)
NOTICE = a_notice_row(paper.shop, paper.pat)


wrong_account = partial(wrong, table="credit_accounts")
wrong_invoice = partial(wrong, table="invoices")
wrong_payment = partial(wrong, table="payments")
wrong_change = partial(wrong, table="payment_changes")
wrong_notice = partial(wrong, table="outbox")


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
    # No row names an account: the cases can write their own.
    await books.execute("DELETE FROM credit_accounts WHERE shop_id = ANY ($1)", [paper.shop, paper.twin])
    yield
    await transaction.rollback()


@pytest.mark.parametrize(
    ("table", "row"),
    [
        pytest.param("credit_accounts", ACCOUNT, id="an account with its last entry"),
        pytest.param("credit_accounts", EMPTY_ACCOUNT, id="an account without entries"),
        pytest.param("credit_accounts", EMPTY_ACCOUNT | {"closed_at": NOON}, id="a closed account"),
        pytest.param("invoices", INVOICE, id="an invoice"),
        pytest.param("invoices", INVOICE | {"settled": 20000, "credit_applied": 13000}, id="an overpaid invoice"),
        pytest.param("invoices", INVOICE | {"voided_at": NOON}, id="a void invoice"),
        pytest.param("payments", CASH, id="cash"),
        pytest.param("payments", CASH | cash(0, 500), id="cash captured in whole"),
        pytest.param("payments", CREDIT, id="credit"),
        pytest.param("payments", DELETED, id="a deleted payment"),
        pytest.param("payments", CASH | {"bulk_payment_id": NOBODY}, id="part of a bulk payment"),
        pytest.param("payment_changes", CHANGE, id="a change of a payment"),
        pytest.param("outbox", NOTICE, id="a notice"),
    ],
)
async def test_a_right_row_is_taken(books: Connection, table: str, row: Row) -> None:
    await put(books, table, row)


ACCOUNTS = [
    wrong_account("the balance is below zero", "credit_accounts_balance_check", ACCOUNT | {"balance": -1}),
    wrong_account(
        "the last number is below zero",
        "credit_accounts_last_number_check",
        EMPTY_ACCOUNT | {"last_number": -1, "last_hash": DIGEST, "last_at": NOON},
    ),
    wrong_account("a balance without entries", "empty_is_zero", EMPTY_ACCOUNT | {"balance": 1}),
    wrong_account("entries without a hash", "head_is_whole", ACCOUNT | {"last_hash": None}),
    wrong_account("entries without a time", "head_is_whole", ACCOUNT | {"last_at": None}),
    wrong_account("a hash without entries", "head_is_whole", EMPTY_ACCOUNT | {"last_hash": DIGEST}),
    wrong_account("a time without entries", "head_is_whole", EMPTY_ACCOUNT | {"last_at": NOON}),
    wrong_account("a deleted client with a balance", "deleted_has_no_credit", ACCOUNT | {"closed_at": NOON}),
    wrong_account("a second account", "credit_accounts_pkey", EMPTY_ACCOUNT, EMPTY_ACCOUNT),
    wrong_account(
        "an account of nobody", "credit_accounts_shop_id_client_id_fkey", EMPTY_ACCOUNT | {"client_id": NOBODY}
    ),
]

# Each column wrong, and each nullable one NULL (see test_schema_ledger).
BALANCE_IS_THE_LAST = [
    wrong_account("shop_id", "balance_is_the_last", ACCOUNT | {"shop_id": paper.twin}),
    wrong_account("client_id", "balance_is_the_last", ACCOUNT | {"client_id": paper.sam}),
    wrong_account("head_number", "balance_is_the_last", ACCOUNT | {"last_number": 4}),
    wrong_account("head_number: not yet there", "balance_is_the_last", ACCOUNT | {"last_number": 6}),
    wrong_account("balance: more", "balance_is_the_last", ACCOUNT | {"balance": 5701}),
    wrong_account("balance: less", "balance_is_the_last", ACCOUNT | {"balance": 0}),
    wrong_account(
        "head_number NULL",
        "empty_is_zero",
        ACCOUNT | {"last_number": 0, "last_hash": None, "last_at": None},
    ),
    wrong_account("head_number NULL by the last number", NOT_NULL, ACCOUNT | {"last_number": None}),
    wrong_account("balance NULL", NOT_NULL, ACCOUNT | {"balance": None}),
]

INVOICES = [
    wrong_invoice(
        "credit beyond the total",
        "credit_never_pays_beyond_the_total",
        INVOICE | {"settled": 14000, "credit_applied": 13001},
    ),
    wrong_invoice(
        "credit beyond what is settled",
        "credit_never_pays_beyond_the_total",
        INVOICE | {"settled": 10, "credit_applied": 11},
    ),
    wrong_invoice("credit below zero", "credit_never_pays_beyond_the_total", INVOICE | {"credit_applied": -1}),
    wrong_invoice("settled below zero", "credit_never_pays_beyond_the_total", INVOICE | {"settled": -1}),
    wrong_invoice("void with something settled", "void_settles_nothing", INVOICE | {"voided_at": NOON, "settled": 1}),
    wrong_invoice("a total below zero", "credit_never_pays_beyond_the_total", INVOICE | {"total": -1}),
    wrong_invoice("a total above the highest amount", "invoices_total_check", INVOICE | {"total": TOO_MUCH}),
    wrong_invoice("a tax below zero", "invoices_tax_check", INVOICE | {"tax": -1}),
    wrong_invoice("an empty number", "invoices_number_check", INVOICE | {"number": ""}),
    wrong_invoice("a number taken", "invoices_shop_id_number_key", INVOICE, INVOICE | {"id": NOBODY}),
    wrong_invoice("an id taken", "invoices_pkey", INVOICE, INVOICE | {"number": "another"}),
    wrong_invoice("of nobody", "invoices_shop_id_client_id_fkey", INVOICE | {"client_id": NOBODY}),
]

NOT_ADDING_UP = [
    *(
        wrong_payment(f"{method}: {what}", "payment_adds_up", CASH | {"method": method} | numbers)
        for method in ("cash", "card", "check", "bank_transfer", "other")
        for what, numbers in (
            ("settled below the amount", {"settled": 9999}),
            ("settled above the amount", {"settled": 10001}),
            ("captured beside the whole", {"captured": 1}),
            ("not all of it collected", {"collected": 9999}),
            ("more than all collected", {"collected": 10001, "settled": 10001}),
            ("nothing collected, as with credit", {"collected": 0}),
        )
    ),
    *(
        wrong_payment(f"credit: {what}", "payment_adds_up", CREDIT | numbers)
        for what, numbers in (
            ("collected", {"collected": 500}),
            ("captured", {"captured": 100, "settled": 400}),
            ("captured beside the whole", {"captured": 1}),
            ("settled below the amount", {"settled": 499}),
            ("settled above the amount", {"settled": 501}),
            ("settled nothing", {"settled": 0}),
        )
    ),
]

PAYMENTS = [
    *NOT_ADDING_UP,
    wrong_payment("an amount of 0", "payments_amount_check", CASH | cash(0)),
    wrong_payment("an amount below zero", "payments_amount_check", CREDIT | credit(-1)),
    wrong_payment("an amount above the highest", "payments_amount_check", CASH | cash(TOO_MUCH)),
    wrong_payment("settled below zero", "payments_settled_check", CASH | cash(-1, 2)),
    wrong_payment("captured below zero", "payments_captured_check", CASH | cash(2, -1)),
    wrong_payment("a method that there is not", "payments_method_check", CASH | {"method": "barter"}),
    wrong_payment("deleted with captured credit", "deleted_captures_nothing", DELETED | cash(9000, 1000)),
    *(
        wrong_payment(f"deleted, but for {column}", "deleted_by_somebody", DELETED | {column: None})
        for column in ("deleted_at", "deleted_by_kind", "deleted_by_id", "deleted_by_name")
    ),
    wrong_payment("credit in a bulk payment", "bulk_is_money", CREDIT | {"bulk_payment_id": NOBODY}),
    wrong_payment("the nil id", "payment_id_is_not_nil", CASH | {"id": NIL}),
    wrong_payment("an id taken", "payments_pkey", CASH, CASH),
]
PAYMENTS_INVOICE = [
    wrong_payment(
        "shop_id",
        "payments_shop_id_client_id_invoice_id_fkey",
        CASH | {"shop_id": paper.twin, "invoice_id": paper.other_invoice},
    ),
    wrong_payment("client_id", "payments_shop_id_client_id_invoice_id_fkey", CASH | {"client_id": paper.sam}),
    wrong_payment("invoice_id", "payments_shop_id_client_id_invoice_id_fkey", CASH | {"invoice_id": NOBODY}),
]

CHANGES_AND_NOTICES = [
    wrong_change(
        "a change of no payment", "payment_changes_shop_id_client_id_payment_id_fkey", CHANGE | {"payment_id": NOBODY}
    ),
    wrong_change(
        "a change that names another client",
        "payment_changes_shop_id_client_id_payment_id_fkey",
        CHANGE | {"client_id": paper.sam},
    ),
    wrong_change("a change twice", "payment_changes_pkey", CHANGE, CHANGE),
    wrong_notice("a notice about nobody", "outbox_shop_id_client_id_fkey", NOTICE | {"client_id": NOBODY}),
    wrong_notice("a notice twice", "outbox_pkey", NOTICE, NOTICE),
]


# A row for each foreign key that names something of another shop by its id, or a shop that there is not.
OF_ANOTHER_SHOP = [
    wrong("client", "clients_shop_id_fkey", a_client_row(NOBODY, NEW), table="clients"),
    wrong("counter", "invoice_counters_shop_id_fkey", {"shop_id": NOBODY, "last_number": 0}, table="invoice_counters"),
    wrong("staff", "staff_shop_id_fkey", a_staff_row(NOBODY, NEW), table="staff"),
    wrong("API key", "api_keys_shop_id_fkey", an_api_key_row(NOBODY), table="api_keys"),
    wrong("failure", "sign_in_failures_shop_id_fkey", a_failure_row(NOBODY), table="sign_in_failures"),
    wrong("key", "idempotency_records_shop_id_fkey", a_key_row(NOBODY), table="idempotency_records"),
    wrong("session", "sessions_shop_id_staff_id_fkey", a_session_row(paper.twin, paper.staff, NEW), table="sessions"),
    wrong(
        "refresh token",
        "refresh_tokens_shop_id_session_id_fkey",
        a_refresh_token_row(paper.twin, paper.session),
        table="refresh_tokens",
    ),
    wrong(
        "session in a browser",
        "console_sessions_shop_id_session_id_fkey",
        a_console_session_row(paper.twin, paper.other_session),
        table="console_sessions",
    ),
    wrong(
        "verdict",
        "shop_verifications_shop_id_fkey",
        {"shop_id": NOBODY, "verified_at": NOON, "findings": 0},
        table="shop_verifications",
    ),
    wrong("routing", "shop_routing_shop_id_fkey", {"shop_id": NOBODY}, table="shop_routing"),
    wrong("endpoint", "webhook_endpoints_shop_id_fkey", an_endpoint_row(NOBODY, NEW), table="webhook_endpoints"),
    wrong(
        "lane's client",
        "delivery_lanes_shop_id_client_id_fkey",
        a_lane_row(paper.twin, NIL, paper.kim),
        table="delivery_lanes",
    ),
    wrong(
        "lane's endpoint",
        "delivery_lanes_shop_id_endpoint_id_fkey",
        a_lane_row(paper.twin, paper.endpoint, paper.pat),
        table="delivery_lanes",
    ),
    wrong(
        "delivery's notice",
        "deliveries_shop_id_notice_id_fkey",
        a_delivery_row(paper.shop, NIL, paper.pat, NOBODY),
        table="deliveries",
    ),
    wrong(
        "delivery's lane",
        "deliveries_shop_id_receiver_id_client_id_fkey",
        a_delivery_row(paper.shop, NIL, paper.sam, paper.notice),
        table="deliveries",
    ),
    wrong(
        "attempt",
        "delivery_attempts_shop_id_delivery_id_fkey",
        an_attempt_row(paper.twin, paper.delivery),
        table="delivery_attempts",
    ),
    wrong_account("account", "credit_accounts_shop_id_client_id_fkey", an_account_row(paper.twin, paper.kim)),
    wrong_account("account's last entry", "balance_is_the_last", ACCOUNT | {"shop_id": paper.twin}),
    wrong_invoice("invoice", "invoices_shop_id_client_id_fkey", an_invoice_row(paper.twin, paper.kim, NEW)),
    wrong_payment(
        "payment",
        "payments_shop_id_client_id_invoice_id_fkey",
        a_payment_row(paper.twin, paper.pat, paper.other_invoice, NEW),
    ),
    wrong_change(
        "change", "payment_changes_shop_id_client_id_payment_id_fkey", a_change_row(paper.twin, paper.pat, paper.cash)
    ),
    wrong_notice("notice", "outbox_shop_id_client_id_fkey", a_notice_row(paper.twin, paper.kim)),
    wrong(
        "entry's client",
        "ledger_entries_shop_id_client_id_fkey",
        an_entry_row(paper.twin, paper.kim, 1, "added", 100, 100),
    ),
    wrong(
        "entry before",
        "ledger_without_gap_or_jump",
        an_entry_row(paper.twin, paper.pat, 6, "added", 1000, 6700),
    ),
    wrong(
        "entry's invoice",
        "ledger_invoice",
        an_entry_row(paper.twin, paper.pat, 2, "added", 100, 5800, invoice_id=paper.other_invoice),
    ),
    wrong(
        "entry's payment",
        "ledger_agrees_with_payment",
        an_entry_row(paper.twin, paper.pat, 2, "captured", 100, 5800, invoice_id=paper.invoice, payment_id=paper.cash),
    ),
    wrong(
        "entry reversed",
        "reverses_its_opposite",
        an_entry_row(paper.twin, paper.pat, 2, "voided", -5000, 700, reverses_number=1, reverses_kind="added"),
    ),
]


@named(ACCOUNTS)
async def test_an_account_is_whole_and_a_deleted_client_has_no_credit(books: Connection, case: Wrong) -> None:
    await assert_refused(books, case)


@named(BALANCE_IS_THE_LAST)
async def test_every_column_of_an_accounts_balance_is_held(books: Connection, case: Wrong) -> None:
    await assert_refused(books, case)


@named(INVOICES)
async def test_an_invoice_takes_no_more_credit_than_its_total(books: Connection, case: Wrong) -> None:
    await assert_refused(books, case)


@named(PAYMENTS)
async def test_a_payment_adds_up(books: Connection, case: Wrong) -> None:
    await assert_refused(books, case)


@named(PAYMENTS_INVOICE)
async def test_every_column_of_a_payments_invoice_is_held(books: Connection, case: Wrong) -> None:
    await assert_refused(books, case)


@named(CHANGES_AND_NOTICES)
async def test_changes_and_notices_are_about_something(books: Connection, case: Wrong) -> None:
    await assert_refused(books, case)


@named(OF_ANOTHER_SHOP)
async def test_no_row_names_what_belongs_to_another_shop(books: Connection, case: Wrong) -> None:
    await assert_refused(books, case)


async def test_every_foreign_key_was_tried_with_another_shops_ids(books: Connection) -> None:
    keys = await books.fetch("SELECT conname FROM pg_constraint WHERE contype = 'f' AND conparentid = 0")
    assert {key["conname"] for key in keys} == {case.refused_by for case in OF_ANOTHER_SHOP}


async def test_nothing_of_the_schema_of_money_was_left_untried(books: Connection) -> None:
    cases = [*ACCOUNTS, *BALANCE_IS_THE_LAST, *INVOICES, *PAYMENTS, *PAYMENTS_INVOICE, *CHANGES_AND_NOTICES]
    implied = {
        "invoices_shop_id_client_id_id_key",
        "payments_shop_id_client_id_id_key",
        "payments_as_entries_say",
        "invoices_settled_check",  # follows from the one about credit
    }
    tables = ["credit_accounts", "invoices", "payments", "payment_changes", "outbox"]
    await assert_all_tried(books, tables, cases, implied=implied)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("clients", "id", paper.pat),
        ("invoices", "id", paper.invoice),
        ("payments", "id", paper.cash),
        ("shops", "shop_id", paper.shop),
        ("staff", "id", paper.staff),
        ("sessions", "id", paper.session),
    ],
)
async def test_what_others_name_cannot_be_deleted(books: Connection, table: str, column: str, value: UUID) -> None:
    await put(books, "refresh_tokens", a_refresh_token_row(paper.shop, paper.session))
    delete = f"DELETE FROM {table} WHERE shop_id = $1 AND {column} = $2"  # noqa: S608
    with pytest.raises((asyncpg.RestrictViolationError, asyncpg.ForeignKeyViolationError)):
        await books.execute(delete, paper.shop, value)


async def test_a_payment_with_entries_stays_what_they_say_it_is(books: Connection) -> None:
    into_credit = """UPDATE payments SET method = 'account_credit', collected = 0, captured = 0, settled = amount
        WHERE shop_id = $1 AND id = $2"""
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await books.execute(into_credit, paper.shop, paper.cash)


async def test_a_payment_with_entries_stays_with_its_invoice(books: Connection) -> None:
    elsewhere = "UPDATE payments SET invoice_id = $3 WHERE shop_id = $1 AND id = $2"
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await books.execute(elsewhere, paper.shop, paper.cash, paper.other_invoice)


async def test_an_invoice_with_payments_stays_with_its_client(books: Connection) -> None:
    to_sam = "UPDATE invoices SET client_id = $3 WHERE shop_id = $1 AND id = $2"
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await books.execute(to_sam, paper.shop, paper.invoice, paper.sam)
