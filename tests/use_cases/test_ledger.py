"""The ledger: R1, R2 and R4. (R3, spending the same credit twice, is what the races are about.)"""

from datetime import timedelta

import asyncpg
import pytest

from core.errors import CreditAlreadySpent, NoCredit
from core.ids import StaffId
from core.staff import Permission
from core.use_cases.staff import StaffEdit
from tests.database import Database
from tests.desk import Desk, keyed, open_desk, program
from tests.soundness import Auditor


async def test_an_entry_says_what_happened_to_the_balance_and_why(desk: Desk) -> None:
    client = await desk.client()
    entry = await desk.add(client, 5000, reason="manual", note="from the old system")
    assert (entry.number, entry.kind, entry.amount, entry.balance_after) == (1, "added", 5000, 5000)
    assert (entry.reason, entry.note, entry.currency, entry.client_id) == (
        "manual",
        "from the old system",
        "USD",
        client,
    )
    assert (entry.invoice_id, entry.payment_id, entry.reverses, entry.reversed_by) == (None, None, None, None)
    assert await desk.entry(entry.id) == entry


async def test_each_kind_of_entry_names_what_it_belongs_to(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000, number="A-1")
    other = await desk.invoice(client, 500, number="B-1")
    added = await desk.add(client, 1000, invoice_id=other)
    credit = await desk.apply(invoice)
    cash = await desk.pay(invoice, 9500, overpayment="capture")
    await desk.delete(credit.id)
    await desk.void(added.id, note="wrong client")
    await desk.delete(cash.id)
    said = [
        (e.kind, e.amount, e.reason, e.note, e.invoice_id, e.invoice_number, e.payment_id)
        for e in await desk.entries(client)
    ]
    assert said == [
        ("added", 1000, "goodwill", "job ran late", other, "B-1", None),
        ("applied", -1000, "payment", None, invoice, "A-1", credit.id),
        ("captured", 500, "overpayment", None, invoice, "A-1", cash.id),
        ("returned", 1000, "payment_deleted", None, invoice, "A-1", credit.id),
        ("voided", -1000, "void", "wrong client", other, "B-1", None),
        ("voided", -500, "payment_deleted", None, invoice, "A-1", cash.id),
    ]


async def test_a_reversal_and_what_it_reverses_name_each_other(desk: Desk) -> None:
    client = await desk.client()
    added = await desk.add(client, 1000)
    voided = await desk.void(added.id)
    assert (voided.reverses, (await desk.entry(added.id)).reversed_by) == (added.id, voided.id)
    invoice = await desk.invoice(client, 1000)
    await desk.add(client, 1000)
    credit = await desk.apply(invoice)
    await desk.delete(credit.id)
    *_, applied, returned = await desk.entries(client)
    assert (applied.reversed_by, returned.reverses) == (returned.id, applied.id)


async def test_an_entry_keeps_the_name_of_who_did_it_as_it_was_then(desk: Desk) -> None:
    member, robin = await desk.hire(Permission.CREATE_PAYMENTS, name="Robin")
    client = await desk.client()
    before = await desk.add(client, 100, caller=robin)
    await desk.container.edit_staff_member()(desk.owner, StaffId(member.id), StaffEdit(name="Robin Married"))
    after = await desk.add(client, 100, caller=robin)
    assert [(e.by.kind, e.by.id, e.by.name) for e in (await desk.entry(before.id), await desk.entry(after.id))] == [
        ("staff", member.id, "Robin"),
        ("staff", member.id, "Robin Married"),
    ]


async def test_an_entry_by_an_api_key_says_so(desk: Desk) -> None:
    till = await desk.api_key(Permission.CREATE_PAYMENTS)
    entry = await desk.add(await desk.client(), 100, caller=till)
    assert (entry.by.kind, entry.by.id, entry.by.name) == ("api_key", till.credential.id, "till")


async def test_every_account_numbers_its_entries_from_1_and_a_refusal_takes_no_number(desk: Desk) -> None:
    first, second = await desk.client(), await desk.client()
    for client in (first, second, first):
        await desk.add(client, 100)
    invoice = await desk.invoice(second, 500)
    credit = await desk.apply(invoice)
    with pytest.raises(NoCredit):
        await desk.apply(invoice)
    await desk.delete(credit.id)
    assert [e.number for e in await desk.entries(first)] == [1, 2]
    assert [e.number for e in await desk.entries(second)] == [1, 2, 3]


async def test_the_time_of_an_entry_is_the_clock_of_the_database(desk: Desk, auditor: Auditor) -> None:
    before = await auditor.connection.fetchval("SELECT clock_timestamp()")
    entry = await desk.add(await desk.client(), 100)
    assert before <= entry.at <= await auditor.connection.fetchval("SELECT clock_timestamp()")
    assert entry.at.utcoffset() == timedelta(0)


async def test_no_entry_is_earlier_than_the_one_before_it_even_if_the_clock_is_set_back(
    desk: Desk, auditor: Auditor
) -> None:
    client = await desk.client()
    await desk.add(client, 100)
    # As if the clock had been an hour ahead when the last entry was written.
    ahead = await auditor.connection.fetchval(
        "UPDATE credit_accounts SET last_at = last_at + interval '1 hour' WHERE client_id = $1 RETURNING last_at",
        client,
    )
    entry = await desk.add(client, 100)
    assert entry.at == ahead


async def test_the_program_s_own_role_can_neither_change_nor_delete_an_entry(desk: Desk, database: Database) -> None:
    await desk.add(await desk.client(), 100)
    as_program = await asyncpg.connect(database.app_url)
    try:
        for statement in (
            "UPDATE ledger_entries SET note = 'another'",
            "DELETE FROM ledger_entries",
            "TRUNCATE ledger_entries",
            "UPDATE payment_changes SET amount = 1",
            "DELETE FROM payment_changes",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await as_program.execute(statement)
    finally:
        await as_program.close()


async def test_the_balance_is_the_sum_of_the_entries_and_what_the_last_one_says(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 7000)
    await desk.add(client, 5000)
    await desk.apply(invoice, 3000)
    await desk.pay(invoice, 9000, overpayment="capture")
    promotion = await desk.add(client, 250, reason="promotion")
    await desk.void(promotion.id)
    entries = await desk.entries(client)
    running = [sum(e.amount for e in entries[: place + 1]) for place in range(len(entries))]
    assert [e.balance_after for e in entries] == running
    assert (await desk.card(client)).credit == running[-1] == 7000


async def test_the_balance_is_below_zero_at_no_entry_not_even_between_two_of_one_step(desk: Desk) -> None:
    client = await desk.client()
    first, second = await desk.invoice(client, 1000), await desk.invoice(client, 1000)
    cash = await desk.pay(first, 3000, overpayment="capture")
    await desk.apply(second, 500)
    with pytest.raises(CreditAlreadySpent):
        await desk.delete(cash.id)
    assert min(e.balance_after for e in await desk.entries(client)) == 1500


_WRITTEN_TOGETHER = ("payments", "ledger_entries", "credit_accounts", "invoices", "outbox", "idempotency_records")


async def test_entry_balance_payment_invoice_notice_and_key_are_written_together_or_not_at_all(
    database: Database,
) -> None:
    async with database.fresh() as alone, program(alone) as container:
        desk = await open_desk(container)
        invoice = await desk.invoice(await desk.client(), 1000)
        connection = await asyncpg.connect(alone.superuser_url)
        auditor = Auditor(connection)
        await connection.execute(
            "CREATE FUNCTION break_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken down'; END $$"
        )
        before = await auditor.everything(desk.shop_id)
        for table in _WRITTEN_TOGETHER:
            await connection.execute(
                f"CREATE TRIGGER breaks AFTER INSERT OR UPDATE ON {table} EXECUTE FUNCTION break_down()"
            )
            with pytest.raises(asyncpg.RaiseError):
                await desk.pay(invoice, 1500, overpayment="capture", caller=keyed(desk.owner, "k"))
            await connection.execute(f"DROP TRIGGER breaks ON {table}")
            assert await auditor.everything(desk.shop_id) == before
        # With nothing broken all of it is there, under the same key.
        await desk.pay(invoice, 1500, overpayment="capture", caller=keyed(desk.owner, "k"))
        after = await auditor.everything(desk.shop_id)
        assert {table for table in after if after[table] != before[table]} == set(_WRITTEN_TOGETHER)
        await auditor.require_sound(desk)
        await connection.close()
