"""``verify`` on the real database: a shop at work gives no alarm, and what a superuser changed is found and named."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid4

import asyncpg
import pytest

from core.errors import Refusal
from core.ids import ClientId
from core.use_cases.verify_shop import Step
from core.verification import Fault, Finding, ShopSize
from entrypoints.container import Container
from tests.database import Database
from tests.desk import Desk, keyed, open_desk, program
from tests.long_ledger import write_ledger


@dataclass
class Superuser:
    """Somebody whom no policy, grant or trigger holds back, and no foreign key either."""

    connection: "asyncpg.Connection[asyncpg.Record]"

    async def change(self, shop_id: UUID, table: str, values: str | None, where: str) -> None:
        """Set the shop's rows to these values, or delete them."""
        verb = f"DELETE FROM {table}" if values is None else f"UPDATE {table} SET {values}"  # noqa: S608  # from here
        done = await self.connection.execute(f"{verb} WHERE shop_id = $1 AND {where}", shop_id)
        assert done not in {"UPDATE 0", "DELETE 0"}


@pytest.fixture(scope="module")
async def container(database: Database) -> AsyncIterator[Container]:
    async with program(database, max_connections=20) as running:
        yield running


@pytest.fixture(scope="module")
async def superuser(database: Database) -> AsyncIterator[Superuser]:
    connection = await asyncpg.connect(database.superuser_url)
    await connection.execute("SET session_replication_role = replica")
    yield Superuser(connection)
    await connection.close()


@pytest.fixture
async def desk(container: Container) -> Desk:
    return await open_desk(container)


async def verified(desk: Desk) -> list[Step]:
    steps: list[Step] = []
    await desk.container.verify_shop()(desk.shop_id, expect=lambda _: None, tell=steps.append)
    return steps


async def findings(desk: Desk) -> list[Finding]:
    return [finding for step in await verified(desk) for finding in step.findings]


async def work_a_day(desk: Desk) -> ClientId:
    """A bit of everything that the program can do to a client's money; the client."""
    client = await desk.client()
    await desk.client("Nobody Yet")
    invoice = await desk.invoice(client, 130_00)
    first = await desk.add(client, 50_00, caller=keyed(desk.owner, uuid4().hex))
    applied = await desk.apply(invoice)
    cash = await desk.pay(invoice, 100_00, overpayment="capture", caller=keyed(desk.owner, uuid4().hex))
    await desk.delete(applied.id)
    await desk.void(first.id)
    await desk.delete(cash.id)
    other = await desk.invoice(client, 80_00)
    await desk.pay(other, 95_00, "card", overpayment="capture")
    await desk.add(client, 30_00, reason="refund", invoice_id=other)
    await desk.apply(invoice, 20_00)
    third = await desk.invoice(client, 10_00)
    await desk.pay(third, 25_00, "check", overpayment="leave")
    await desk.capture(third, caller=keyed(desk.owner, uuid4().hex))
    await desk.edit((await desk.pay(invoice, 6_00)).id, 5_00)
    fourth = await desk.invoice(client, 40_00)
    await desk.pay_together(client, [(invoice, 1_00), (fourth, 2_00)], caller=keyed(desk.owner, uuid4().hex))
    empty = await desk.invoice(client, 1_00)
    await desk.container.void_invoice()(desk.owner, empty)
    gone = await desk.client("Gone")
    await desk.container.delete_client()(desk.owner, gone)
    return client


async def test_a_shop_after_a_day_of_work_agrees_and_all_of_it_was_looked_at(desk: Desk, superuser: Superuser) -> None:
    await work_a_day(desk)
    told: list[ShopSize] = []
    steps: list[Step] = []
    await desk.container.verify_shop()(desk.shop_id, expect=told.append, tell=steps.append)
    assert [finding for step in steps for finding in step.findings] == []
    there = await superuser.connection.fetchrow(
        """SELECT (SELECT count(*) FROM ledger_entries WHERE shop_id = $1) AS entries,
            (SELECT count(*) FROM payments WHERE shop_id = $1) AS payments,
            (SELECT count(*) FROM invoices WHERE shop_id = $1) AS invoices,
            (SELECT count(*) FROM outbox WHERE shop_id = $1) AS notices,
            (SELECT count(*) FROM idempotency_records WHERE shop_id = $1) AS answers""",
        desk.shop_id,
    )
    assert there is not None
    assert told == [ShopSize(**dict(there))]
    assert sum(step.entries for step in steps) == there["entries"]
    assert sum(step.payments for step in steps) == there["payments"]
    assert sum(step.invoices for step in steps) == there["invoices"]
    assert sum(step.notices for step in steps) == there["notices"]
    assert sum(step.answers for step in steps) == there["answers"] == 4
    assert sum(step.accounts for step in steps) == 3


async def test_an_empty_shop_agrees(desk: Desk) -> None:
    assert await findings(desk) == []


_SOMEBODY = "deleted_by_kind = 'staff', deleted_by_id = id, deleted_by_name = 'X'"
_NOBODY = "deleted_by_kind = NULL, deleted_by_id = NULL, deleted_by_name = NULL"
_A_CASH_PAYMENT = "(SELECT id FROM payments WHERE shop_id = $1 AND collects LIMIT 1)"
_ANOTHER_ID = "gen_random_uuid()"
_LIVE_CREDIT = "NOT collects AND deleted_at IS NULL"

# Table, what it is set to (None: the row is deleted), where, what is found, and at which entry.
# Entry 1 added, 2 applied, 3 captured, 4 returned, 5 voids 1, 6 voids 3, 7 captured, 8 refund, 9 applied, 10 captured.
_TAMPERED: list[tuple[str, str | None, str, Fault, int | None]] = [
    ("ledger_entries", "number = 99", "number = 10", Fault.ENTRY_NUMBER, 99),
    ("ledger_entries", None, "number = 6", Fault.ENTRY_NUMBER, 7),
    ("ledger_entries", None, "number = 6", Fault.ENTRY_PREVIOUS_HASH, 7),
    ("ledger_entries", None, "number = 10", Fault.ACCOUNT_LAST_NUMBER, None),
    ("ledger_entries", f"id = {_ANOTHER_ID}", "number = 1", Fault.ENTRY_HASH, 1),
    ("ledger_entries", "kind = 'voided', reason = 'void', amount = -1", "number = 5", Fault.ENTRY_HASH, 5),
    ("ledger_entries", "amount = 51", "number = 8", Fault.ENTRY_HASH, 8),
    ("ledger_entries", "amount = 51", "number = 8", Fault.ENTRY_BALANCE_AFTER, 8),
    ("ledger_entries", "amount = 51", "number = 8", Fault.ACCOUNT_BALANCE, None),
    ("ledger_entries", "amount = 51", "number = 8", Fault.SHOP_TOTAL, None),
    ("ledger_entries", "balance_after = balance_after + 1", "number = 8", Fault.ENTRY_BALANCE_AFTER, 8),
    ("ledger_entries", "reason = 'promotion'", "number = 1", Fault.ENTRY_HASH, 1),
    ("ledger_entries", "note = 'I was promised this'", "number = 1", Fault.ENTRY_NOTE, 1),
    ("ledger_entries", "note_salt = 'x'", "number = 1", Fault.ENTRY_NOTE, 1),
    ("ledger_entries", "note_digest = sha256('x')", "number = 1", Fault.ENTRY_HASH, 1),
    ("ledger_entries", "by_kind = 'api_key'", "number = 1", Fault.ENTRY_HASH, 1),
    ("ledger_entries", f"by_id = {_ANOTHER_ID}", "number = 1", Fault.ENTRY_HASH, 1),
    ("ledger_entries", "by_name = 'Somebody Else'", "number = 1", Fault.ENTRY_BY_NAME, 1),
    ("ledger_entries", "by_name_salt = 'x'", "number = 1", Fault.ENTRY_BY_NAME, 1),
    ("ledger_entries", "by_name_digest = sha256('x')", "number = 1", Fault.ENTRY_HASH, 1),
    ("ledger_entries", "at = '2001-01-01'", "number = 5", Fault.ENTRY_AT, 5),
    ("ledger_entries", "at = 'infinity'", "number = 1", Fault.ENTRY_HASH, 1),
    ("ledger_entries", "at = '20000-01-01'", "number = 10", Fault.ENTRY_HASH, 10),
    ("credit_accounts", "last_at = 'infinity'", "balance > 0", Fault.ACCOUNT_LAST_AT, None),
    ("ledger_entries", "at = '-infinity'", "number = 5", Fault.ENTRY_AT, 5),
    ("ledger_entries", "previous_hash = hash", "number = 5", Fault.ENTRY_PREVIOUS_HASH, 5),
    ("ledger_entries", "hash = sha256('x')", "number = 1", Fault.ENTRY_HASH, 1),
    ("ledger_entries", f"invoice_id = {_ANOTHER_ID}", "number = 1", Fault.ENTRY_INVOICE, 1),
    ("ledger_entries", f"payment_id = {_ANOTHER_ID}", "number = 9", Fault.ENTRY_PAYMENT, 9),
    ("ledger_entries", f"payment_id = {_ANOTHER_ID}", "number = 9", Fault.PAYMENT_APPLIED, None),
    ("ledger_entries", f"payment_id = {_A_CASH_PAYMENT}", "number = 9", Fault.ENTRY_PAYMENT, 9),
    ("ledger_entries", "reverses_number = 4", "number = 5", Fault.ENTRY_REVERSAL, 5),
    ("ledger_entries", "reverses_kind = 'captured'", "number = 5", Fault.ENTRY_REVERSAL, 5),
    ("credit_accounts", "balance = balance + 1", "balance > 0", Fault.ACCOUNT_BALANCE, None),
    ("credit_accounts", "balance = balance + 1", "balance > 0", Fault.SHOP_TOTAL, None),
    ("credit_accounts", "last_number = 9", "balance > 0", Fault.ACCOUNT_LAST_NUMBER, None),
    ("credit_accounts", "last_hash = sha256('x')", "balance > 0", Fault.ACCOUNT_LAST_HASH, None),
    ("credit_accounts", "last_at = now()", "balance > 0", Fault.ACCOUNT_LAST_AT, None),
    ("credit_accounts", None, "balance > 0", Fault.ACCOUNT_MISSING, None),
    ("credit_accounts", None, "last_number = 0", Fault.ACCOUNT_MISSING, None),
    ("clients", None, "true", Fault.ACCOUNT_MISSING, None),
    ("payments", "amount = 1, collected = 1, settled = 1", "amount = 500", Fault.INVOICE_SETTLED, None),
    ("payments", "settled = settled - 1, captured = captured + 1", "captured > 0", Fault.PAYMENT_CAPTURED, None),
    ("payments", "amount = 2100, settled = 2100", _LIVE_CREDIT, Fault.PAYMENT_APPLIED, None),
    ("payments", f"deleted_at = now(), {_SOMEBODY}", _LIVE_CREDIT, Fault.PAYMENT_RETURNED, None),
    ("payments", f"deleted_at = NULL, {_NOBODY}", "NOT collects", Fault.PAYMENT_RETURNED, None),
    (
        "payments",
        f"deleted_at = now(), {_SOMEBODY}, captured = 0, settled = amount",
        "captured > 0",
        Fault.PAYMENT_DELETED,
        None,
    ),
    ("payments", None, "captured > 0", Fault.ENTRY_PAYMENT, 7),
    ("payments", None, "captured > 0", Fault.ENTRY_PAYMENT, 10),
    ("payments", f"invoice_id = {_ANOTHER_ID}", "true", Fault.PAYMENT_INVOICE, None),
    ("invoices", "settled = settled + 1", "settled > 0", Fault.INVOICE_SETTLED, None),
    ("invoices", "credit_applied = credit_applied - 1", "credit_applied > 0", Fault.INVOICE_CREDIT_APPLIED, None),
    ("invoices", "total = total + 1", "true", Fault.INVOICE_TOTAL, None),
    ("invoices", "tax = tax + 1", "true", Fault.INVOICE_TOTAL, None),
    ("invoices", "lines = '[]'", "true", Fault.INVOICE_TOTAL, None),
    ("invoices", "lines = '\"lost\"'", "true", Fault.INVOICE_TOTAL, None),
    ("invoices", None, "true", Fault.PAYMENT_INVOICE, None),
    # What a payment was is kept in its notices, and what it was before an edit beside it.
    ("payments", "method = 'other'", "method = 'card'", Fault.NOTICE_WRONG, None),
    ("payments", "received_on = 'infinity'", "method = 'card'", Fault.NOTICE_WRONG, None),
    ("payments", "recorded_at = 'infinity'", "method = 'card'", Fault.NOTICE_WRONG, None),
    ("payments", "deleted_at = now()", "method = 'cash' AND deleted_at IS NOT NULL", Fault.NOTICE_WRONG, None),
    ("payments", "method = 'other'", "method = 'cash' AND deleted_at IS NOT NULL", Fault.NOTICE_WRONG, None),
    ("payments", f"deleted_at = NULL, {_NOBODY}", "NOT collects", Fault.NOTICE_WRONG, None),
    ("payments", None, "method = 'card'", Fault.NOTICE_WRONG, None),
    ("payment_changes", None, "true", Fault.NOTICE_WRONG, None),
    ("payment_changes", "amount = 601", "true", Fault.NOTICE_WRONG, None),
    # The tail cut off and the account put right is still told of.
    ("outbox", None, "payload -> 'entry' ->> 'number' = '3'", Fault.NOTICE_MISSING, 3),
    ("outbox", "kind = 'credit.voided'", "payload -> 'entry' ->> 'number' = '3'", Fault.NOTICE_MISSING, 3),
    ("outbox", "kind = 'nonsense'", "payload -> 'entry' ->> 'number' = '3'", Fault.NOTICE_WRONG, 3),
    ("outbox", f"client_id = {_ANOTHER_ID}", "payload -> 'entry' ->> 'number' = '3'", Fault.NOTICE_WRONG, 3),
    ("outbox", "at = 'infinity'", "payload -> 'entry' ->> 'number' = '3'", Fault.NOTICE_WRONG, 3),
    (
        "outbox",
        "payload = jsonb_set(payload, '{entry,amount}', '1')",
        "payload -> 'entry' ->> 'number' = '3'",
        Fault.NOTICE_WRONG,
        3,
    ),
    (
        "outbox",
        "payload = jsonb_set(payload, '{entry,number}', '99')",
        "payload -> 'entry' ->> 'number' = '3'",
        Fault.NOTICE_WRONG,
        3,
    ),
    ("outbox", "payload = '[]'", "payload -> 'entry' ->> 'number' = '3'", Fault.NOTICE_WRONG, None),
    ("outbox", "payload = '{}'", "payload -> 'entry' ->> 'number' = '3'", Fault.NOTICE_MISSING, 3),
    ("outbox", None, "kind = 'payment.deleted'", Fault.NOTICE_MISSING, None),
    ("outbox", None, "kind = 'payment.recorded'", Fault.NOTICE_MISSING, None),
    ("outbox", None, "kind = 'client.deleted'", Fault.NOTICE_MISSING, None),
]


@pytest.mark.parametrize(
    ("table", "values", "where", "fault", "number"),
    _TAMPERED,
    ids=[f"{row[0]}: {(row[1] or 'deleted')[:40]}, {row[3]}" for row in _TAMPERED],
)
async def test_what_a_superuser_changed_is_found_and_named(
    desk: Desk, superuser: Superuser, table: str, values: str | None, where: str, fault: Fault, number: int | None
) -> None:
    client = await work_a_day(desk)
    await superuser.change(desk.shop_id, table, values, where)
    found = [finding for finding in await findings(desk) if finding.what == fault]
    assert number in {finding.number for finding in found}
    if fault != Fault.SHOP_TOTAL and where not in {"last_number = 0", "kind = 'client.deleted'"}:
        assert client in {finding.client_id for finding in found}


_THE_SAME = "SELECT shop_id, gen_random_uuid(), client_id, kind, at, payload FROM outbox"


@pytest.mark.parametrize("kind", ["credit.captured", "payment.recorded", "payment.deleted"])
async def test_a_second_notice_of_the_same_is_found(desk: Desk, superuser: Superuser, kind: str) -> None:
    client = await work_a_day(desk)
    await superuser.connection.execute(
        "INSERT INTO outbox (shop_id, id, client_id, kind, at, payload) "
        f"{_THE_SAME} WHERE shop_id = $1 AND kind = $2 ORDER BY id LIMIT 1",  # from above
        desk.shop_id,
        kind,
    )
    [finding] = await findings(desk)
    assert (finding.what, finding.client_id) == (Fault.NOTICE_TWICE, client)
    assert finding.number == (3 if kind == "credit.captured" else None)
    assert finding.payment_id


# What is wrong with the answers kept under keys, and what it names.
_ANSWERS: list[tuple[str, str, str, Fault]] = [
    ("an entry that is not there", "body = {other_id}", "body like {entry}", Fault.ANSWER_WRONG),
    ("an entry that is different", "body = {other_amount}", "body like {entry}", Fault.ANSWER_WRONG),
    ("a payment that is not there", "body = {other_id}", "body like {payment}", Fault.ANSWER_WRONG),
    ("a bulk payment of which one is gone", "body = {other_ids}", "body like {bulk}", Fault.ANSWER_WRONG),
    ("a capture of another moment", "recorded_at = 'infinity'", "body like {capture}", Fault.ANSWER_WRONG),
    ("nothing that can be read", "body = 'x\\377'::bytea", "body like {entry}", Fault.ANSWER_WRONG),
    ("nothing with the form of an answer", "body = '[1]'::bytea", "body like {entry}", Fault.ANSWER_WRONG),
    ("half of an entry", "body = '{{\"balance_after\": 1}}'::bytea", "body like {entry}", Fault.ANSWER_WRONG),
]
_OTHER = "convert_to(regexp_replace(convert_from(body, 'UTF8'), '{}', '{}', '{}'), 'UTF8')"
_FORMS = {
    "entry": f"""'{{"id":"{"_" * 36}","number":%'::bytea""",
    "payment": """'%"capped_by":%'::bytea""",
    "bulk": f"""'{{"id":"{"_" * 36}","amount":%'::bytea""",
    "capture": """'{"captured":%'::bytea""",
    "other_id": _OTHER.format('"id":"[0-9a-f]{8}', '"id":"01234567', ""),
    "other_ids": _OTHER.format('"id":"[0-9a-f]{8}', '"id":"01234567', "g"),
    "other_amount": _OTHER.format('"amount":', '"amount":1', ""),
}


@pytest.mark.parametrize(("values", "where", "fault"), [row[1:] for row in _ANSWERS], ids=[row[0] for row in _ANSWERS])
async def test_a_kept_answer_that_names_what_is_not_so_is_found(
    desk: Desk, superuser: Superuser, values: str, where: str, fault: Fault
) -> None:
    await work_a_day(desk)
    assert await findings(desk) == []
    await superuser.change(desk.shop_id, "idempotency_records", values.format(**_FORMS), where.format(**_FORMS))
    assert fault in {finding.what for finding in await findings(desk)}


@pytest.mark.parametrize("form", ["entry", "payment", "bulk", "capture"])
async def test_two_keys_with_one_effect_are_found_and_the_effect_is_named(
    desk: Desk, superuser: Superuser, form: str
) -> None:
    client = await work_a_day(desk)
    done = await superuser.connection.execute(
        "INSERT INTO idempotency_records SELECT shop_id, 'another', fingerprint, status, body, sealed, recorded_at "  # noqa: S608
        f"FROM idempotency_records WHERE shop_id = $1 AND body LIKE {_FORMS[form]}",
        desk.shop_id,
    )
    assert done == "INSERT 0 1"
    found = await findings(desk)
    assert {finding.what for finding in found} == {Fault.ANSWER_TWICE}
    assert {finding.client_id for finding in found} == {client}
    assert all("'another'" in finding.sentence and (finding.number or finding.payment_id) for finding in found)


async def test_moments_that_no_calendar_has_are_no_trouble(desk: Desk, superuser: Superuser) -> None:
    await work_a_day(desk)
    await superuser.change(desk.shop_id, "idempotency_records", "recorded_at = '20000-01-01'", "true")
    await superuser.change(desk.shop_id, "outbox", "at = '20000-01-01'", "true")
    await superuser.change(desk.shop_id, "payments", "recorded_at = '20000-01-01', received_on = '20000-01-01'", "true")
    faults = {finding.what for finding in await findings(desk)}
    assert {Fault.ANSWER_WRONG, Fault.NOTICE_WRONG, Fault.NOTICE_MISSING} & faults


@pytest.mark.parametrize("day", [date.min, date(999, 12, 31), date(1582, 10, 10)], ids=str)
async def test_money_received_long_ago_gives_no_alarm(desk: Desk, superuser: Superuser, day: date) -> None:
    invoice = await desk.invoice(await desk.client())
    payment = await desk.pay(invoice, 5_00, received_on=day, caller=keyed(desk.owner, uuid4().hex))
    await desk.edit(payment.id, 6_00)
    assert await findings(desk) == []
    for wrong in ("0001-01-01 BC", "-infinity", "infinity", "20000-01-01"):
        await superuser.change(desk.shop_id, "payment_changes", f"received_on = '{wrong}'", "true")
        assert Fault.NOTICE_WRONG in {finding.what for finding in await findings(desk)}, wrong


async def test_two_reversals_of_one_entry_are_found_where_the_index_against_them_is_gone(database: Database) -> None:
    async with database.fresh() as alone, program(alone) as container:
        desk = await open_desk(container)
        await work_a_day(desk)
        connection = await asyncpg.connect(alone.superuser_url)
        await connection.execute("DROP INDEX reversed_at_most_once; SET session_replication_role = replica")
        await Superuser(connection).change(desk.shop_id, "ledger_entries", "reverses_number = 3", "number = 5")
        await connection.close()
        sentences = [finding.sentence for finding in await findings(desk)]
    assert "Entry 3 is reversed more than once." in sentences


async def test_another_shops_trouble_is_not_this_shops(desk: Desk, container: Container, superuser: Superuser) -> None:
    other = await open_desk(container)
    await work_a_day(desk)
    await work_a_day(other)
    await superuser.change(other.shop_id, "ledger_entries", "hash = sha256('x')", "number = 1")
    assert await findings(desk) == []
    assert await findings(other) != []


async def test_a_shop_in_use_gives_no_false_alarm(desk: Desk) -> None:
    client = await desk.client()
    invoices = [await desk.invoice(client, 1000_00) for _ in range(3)]
    done = asyncio.Event()

    async def till(place: int) -> None:
        while not done.is_set():
            try:
                await desk.add(client, 5_00)
                payment = await desk.apply(invoices[place], 3_00)
                await desk.delete(payment.id)
                await desk.pay(invoices[place], 1_00)
            except Refusal:
                continue

    tills = [asyncio.create_task(till(place)) for place in range(3)]
    found = [await findings(desk) for _ in range(15)]
    done.set()
    await asyncio.gather(*tills)
    assert found == [[]] * 15
    assert await findings(desk) == []


async def test_everything_is_read_as_of_one_moment_and_nothing_can_be_written(desk: Desk) -> None:
    client = await desk.client()
    async with desk.container.transactions().snapshot_of(desk.shop_id) as shop:
        assert (await shop.accounts.size()).entries == 0
        await desk.add(client, 5_00)
        assert (await shop.accounts.size()).entries == 0
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await shop.clients.change(client, name="X", email=None, phone=None, email_notices=True)


async def test_ledgers_and_shops_of_many_pages_are_read_to_their_end(desk: Desk, superuser: Superuser) -> None:
    clients = sorted([await desk.client(f"Client {place}") for place in range(3)])
    connection = superuser.connection
    # More clients than a page has, on both sides of those with entries.
    await connection.execute(
        "INSERT INTO clients (shop_id, id, name, created_at) SELECT $1, gen_random_uuid(), 'Many', now() "
        "FROM generate_series(1, 1100)",
        desk.shop_id,
    )
    await connection.execute(
        "INSERT INTO credit_accounts (shop_id, client_id, balance, last_number) SELECT shop_id, id, 0, 0 FROM clients "
        "WHERE shop_id = $1 ON CONFLICT DO NOTHING",
        desk.shop_id,
    )
    for client_id, length in zip(clients, (1999, 2001, 4500), strict=True):
        await write_ledger(connection, desk.shop_id, client_id, length)
    steps = await verified(desk)
    assert [finding for step in steps for finding in step.findings] == []
    assert sum(step.entries for step in steps) == 8500
    assert sum(step.accounts for step in steps) == 1103
    assert sum(step.notices for step in steps) == 8500
    assert sum(step.answers for step in steps) == 8500
    assert max(step.entries for step in steps) <= 2000
    await superuser.change(desk.shop_id, "ledger_entries", "note = 'two'", "number = 4500")
    [finding] = await findings(desk)
    assert (finding.what, finding.client_id, finding.number) == (Fault.ENTRY_NOTE, clients[2], 4500)
