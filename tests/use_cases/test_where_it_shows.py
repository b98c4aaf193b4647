"""Where it shows: R17, R27 and R28."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from core.errors import InvalidField
from core.ids import ClientId
from core.invoices import InvoiceLine
from core.ledger import EntryKind
from core.payments import PaymentEdit
from core.use_cases.shop_settings import ShopEdit
from core.views import EntryView
from entrypoints.container import Container
from tests.desk import Desk, open_desk
from tests.soundness import Auditor

DAY = date(2026, 3, 2)


async def test_money_collected_is_counted_in_full_by_day_and_method(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000)
    await desk.pay(invoice, 3000, "cash", received_on=DAY)
    await desk.pay(invoice, 2000, "cash", received_on=DAY)
    await desk.pay(invoice, 1000, "card", received_on=DAY)
    await desk.pay(invoice, 9000, "cash", received_on=DAY + timedelta(days=1), overpayment="capture")
    await desk.pay(invoice, 500, "cash", received_on=DAY - timedelta(days=1), overpayment="leave")
    report = await desk.collected()
    assert [(i.date, i.method, i.count, i.collected) for i in report.items] == [
        (DAY - timedelta(days=1), "cash", 1, 500),
        (DAY, "card", 1, 1000),
        (DAY, "cash", 2, 5000),
        (DAY + timedelta(days=1), "cash", 1, 9000),
    ]
    assert (report.total, report.currency) == (15500, "USD")


async def test_both_days_of_a_range_are_part_of_it(desk: Desk) -> None:
    invoice = await desk.invoice(await desk.client(), 10000)
    for days in range(-2, 3):
        await desk.pay(invoice, 10 ** (days + 2), received_on=DAY + timedelta(days=days), overpayment="leave")
    assert (await desk.collected(DAY, DAY)).total == 100
    assert (await desk.collected(DAY - timedelta(days=1), DAY + timedelta(days=1))).total == 1110
    assert (await desk.collected(DAY, None)).total == 11100
    assert (await desk.collected(None, DAY)).total == 111


async def test_account_credit_is_never_money_collected(desk: Desk) -> None:
    client = await desk.client()
    await desk.add(client, 5000)
    await desk.apply(await desk.invoice(client, 5000))
    report = await desk.collected()
    assert (report.items, report.total) == ([], 0)


async def test_a_deleted_payment_is_never_money_collected(desk: Desk) -> None:
    invoice = await desk.invoice(await desk.client(), 5000)
    gone = await desk.pay(invoice, 3000, received_on=DAY)
    await desk.pay(invoice, 1000, received_on=DAY)
    await desk.delete(gone.id)
    assert [(i.count, i.collected) for i in (await desk.collected()).items] == [(1, 1000)]


async def test_capturing_and_voiding_later_leave_the_money_collected_as_it_was(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    cash = await desk.pay(invoice, 1500, overpayment="capture")
    before = await desk.collected()
    assert cash.entry is not None
    await desk.void(cash.entry.id)
    assert await desk.collected() == before
    await desk.capture(invoice)
    assert await desk.collected() == before
    await desk.edit_total(invoice, 100)
    await desk.capture(invoice)
    assert await desk.collected() == before


async def test_an_edit_moves_the_money_collected(desk: Desk) -> None:
    invoice = await desk.invoice(await desk.client(), 1000)
    cash = await desk.pay(invoice, 500, received_on=DAY)
    await desk.edit_as(cash.id, PaymentEdit(method="check", amount=700, received_on=DAY - timedelta(days=1)))
    assert [(i.date, i.method, i.collected) for i in (await desk.collected()).items] == [
        (DAY - timedelta(days=1), "check", 700)
    ]


async def test_a_bulk_payment_counts_as_one_and_less_what_was_deleted_of_it(desk: Desk) -> None:
    client = await desk.client()
    invoices = [await desk.invoice(client, 1000) for _ in range(3)]
    bulk = await desk.pay_together(client, [(invoice, 1000) for invoice in invoices], received_on=DAY)
    await desk.pay(await desk.invoice(client, 50), 50, "check", received_on=DAY)
    assert [(i.count, i.collected) for i in (await desk.collected()).items] == [(2, 3050)]
    await desk.delete(bulk.payments[0].id)
    assert [(i.count, i.collected) for i in (await desk.collected()).items] == [(2, 2050)]
    await desk.delete_together(bulk.id)
    assert [(i.count, i.collected) for i in (await desk.collected()).items] == [(1, 50)]


# No two clocks of the world differ by more than these: it is never the same day at both.
_EAST, _WEST = "Pacific/Kiritimati", "Pacific/Pago_Pago"


@pytest.mark.parametrize("zone", [_EAST, _WEST])
async def test_money_is_received_today_in_the_time_zone_of_the_shop_if_nobody_says(
    container: Container, zone: str
) -> None:
    desk = await open_desk(container, time_zone=zone)
    client = await desk.client()
    first, second = await desk.invoice(client), await desk.invoice(client)
    before = datetime.now(ZoneInfo(zone)).date()
    single = await desk.pay(first, 100)
    bulk = await desk.pay_together(client, [(first, 100), (second, 100)])
    after = datetime.now(ZoneInfo(zone)).date()
    assert {p.received_on for p in (single, *bulk.payments)} <= {before, after}
    assert before <= (await desk.show(first)).issued_on <= after


async def test_the_date_received_is_never_in_the_future_of_the_shop(container: Container, auditor: Auditor) -> None:
    east, west = await open_desk(container, time_zone=_EAST), await open_desk(container, time_zone=_WEST)
    today_in_the_east = datetime.now(ZoneInfo(_EAST)).date()
    await east.pay(await east.invoice(await east.client()), 100, received_on=today_in_the_east)
    client = await west.client()
    first, second = await west.invoice(client), await west.invoice(client)
    cash = await west.pay(first, 100, received_on=DAY)
    async with auditor.refuses(west, InvalidField, facts={"field": "received_on"}):
        await west.pay(first, 100, received_on=today_in_the_east)
    async with auditor.refuses(west, InvalidField, facts={"field": "received_on"}):
        await west.pay_together(client, [(first, 1), (second, 1)], received_on=today_in_the_east)
    async with auditor.refuses(west, InvalidField, facts={"field": "received_on"}):
        await west.edit_as(cash.id, PaymentEdit(received_on=today_in_the_east))


async def _three_balances(desk: Desk, client: UUID) -> tuple[int, int, int]:
    """On the client card, in the header of the Credit tab, and at the foot of the ledger grid."""
    page = await desk.container.list_entries()(
        desk.owner, ClientId(client), kind=None, first=None, last=None, after=None, limit=1
    )
    foot = page.items[0].balance_after if page.items else 0
    return (await desk.card(client)).credit, (await desk.tab(client)).balance, foot


async def test_the_three_places_of_the_balance_always_agree(desk: Desk) -> None:
    client = await desk.client()
    assert await _three_balances(desk, client) == (0, 0, 0)
    invoice = await desk.invoice(client, 13000)
    added = await desk.add(client, 5000)
    assert await _three_balances(desk, client) == (5000, 5000, 5000)
    credit = await desk.apply(invoice)
    assert await _three_balances(desk, client) == (0, 0, 0)
    cash = await desk.pay(invoice, 10000, overpayment="capture")
    assert await _three_balances(desk, client) == (2000, 2000, 2000)
    await desk.delete(credit.id)
    assert await _three_balances(desk, client) == (7000, 7000, 7000)
    await desk.void(added.id)
    await desk.delete(cash.id)
    assert await _three_balances(desk, client) == (0, 0, 0)
    await desk.delete_client(client)
    assert await _three_balances(desk, client) == (0, 0, 0)


async def test_the_tab_shows_the_present_balance_however_few_entries_are_on_it(desk: Desk) -> None:
    client = await desk.client()
    for amount in (100, 200, 300):
        await desk.add(client, amount)
    tab = await desk.tab(client, limit=1)
    assert (tab.balance, [e.number for e in tab.entries], tab.next_position is not None) == (600, [3], True)


async def test_invoiced_less_paid_is_due_less_overpaid(desk: Desk) -> None:
    client = await desk.client()
    overpaid, due, void, free = [await desk.invoice(client, total) for total in (1000, 5000, 700, 0)]
    await desk.pay(overpaid, 1030, overpayment="leave")
    await desk.pay(due, 4950)
    await desk.void_invoice(void)
    await desk.pay(free, 20, overpayment="leave")
    card = await desk.card(client)
    assert (card.invoiced, card.paid, card.due, card.overpaid) == (6000, 6000, 50, 50)
    await desk.capture(overpaid)
    card = await desk.card(client)
    assert (card.invoiced, card.paid, card.due, card.overpaid, card.credit) == (6000, 5970, 50, 20, 30)
    assert card.invoiced - card.paid == card.due - card.overpaid


async def test_an_invoice_is_open_paid_overpaid_or_void_and_is_found_by_that(desk: Desk) -> None:
    client = await desk.client()
    made = {status: await desk.invoice(client, 1000) for status in ("open", "paid", "overpaid", "void")}
    await desk.pay(made["paid"], 1000)
    await desk.pay(made["overpaid"], 1001, overpayment="leave")
    await desk.void_invoice(made["void"])
    free = await desk.invoice(client, 0)
    for status, expected in (
        ("open", {made["open"]}),
        ("paid", {made["paid"], free}),
        ("overpaid", {made["overpaid"]}),
        ("void", {made["void"]}),
    ):
        page = await desk.container.list_invoices()(
            desk.owner,
            client_id=client,
            status=status,  # type: ignore[arg-type]  # each of the four is one
            after=None,
            limit=10,
        )
        assert {i.id for i in page.items} == expected
        assert {i.status for i in page.items} == {status}


async def test_the_reminder_is_there_while_quickbooks_is_connected(desk: Desk) -> None:
    client = await desk.client()
    assert (await desk.tab(client)).quickbooks_reminder is None
    await desk.container.edit_shop()(desk.owner, ShopEdit(quickbooks_connected=True))
    reminder = (await desk.tab(client)).quickbooks_reminder
    assert reminder is not None
    assert "by hand" in reminder
    await desk.container.edit_shop()(desk.owner, ShopEdit(quickbooks_connected=False))
    assert (await desk.tab(client)).quickbooks_reminder is None


async def _of_every_kind(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000)
    added = await desk.add(client, 5000)
    credit = await desk.apply(invoice, 3000)
    await desk.pay(invoice, 7800, overpayment="capture")
    await desk.delete(credit.id)
    await desk.void(added.id)


async def test_the_report_on_credit_says_what_the_shop_owes_and_how_it_came_to_it(desk: Desk) -> None:
    await _of_every_kind(desk)
    await desk.add(await desk.client(), 100)
    await desk.client()
    today = datetime.now(ZoneInfo("America/Chicago")).date()
    report = await desk.container.report_credit()(desk.owner, first=today - timedelta(days=1), last=today)
    assert (report.total, report.clients, report.currency) == (900, 2, "USD")
    assert (report.opening_total, report.closing_total) == (0, 900)
    assert (report.added, report.captured, report.applied, report.returned, report.voided) == (
        5100,
        800,
        3000,
        3000,
        5000,
    )


async def test_before_and_after_a_period_the_report_on_credit_opens_and_closes(desk: Desk) -> None:
    await _of_every_kind(desk)
    today = datetime.now(ZoneInfo("America/Chicago")).date()
    later = await desk.container.report_credit()(desk.owner, first=today + timedelta(days=1), last=None)
    assert (later.opening_total, later.added, later.closing_total, later.total) == (800, 0, 800, 800)
    earlier = await desk.container.report_credit()(desk.owner, first=None, last=today - timedelta(days=2))
    assert (earlier.opening_total, earlier.added, earlier.closing_total, earlier.total) == (0, 0, 0, 800)


async def test_a_day_of_the_ledger_is_a_day_in_the_time_zone_of_the_shop(container: Container) -> None:
    for zone in (_EAST, _WEST):
        desk = await open_desk(container, time_zone=zone)
        entry = await desk.add(await desk.client(), 100)
        day = entry.at.astimezone(ZoneInfo(zone)).date()
        assert await _entries(desk, first=day, last=day) == [1]
        assert await _entries(desk, first=day + timedelta(days=1)) == []
        assert await _entries(desk, last=day - timedelta(days=1)) == []


async def _entries(
    desk: Desk, client: UUID | None = None, *, first: date | None = None, last: date | None = None
) -> list[int]:
    page = await desk.container.list_entries()(
        desk.owner, ClientId(client) if client else None, kind=None, first=first, last=last, after=None, limit=100
    )
    return [e.number for e in page.items]


async def test_the_ledger_is_listed_newest_first_by_kind_and_page_by_page(desk: Desk) -> None:
    client = await desk.client()
    for amount in (100, 200, 300):
        await desk.void((await desk.add(client, amount)).id)
    assert await _entries(desk, client) == [6, 5, 4, 3, 2, 1]
    today = datetime.now(UTC).date()
    for whose in (client, None):
        for first in (None, today - timedelta(days=2)):
            listed: list[int] = []
            after = None
            while True:
                page = await desk.container.list_entries()(
                    desk.owner, whose, kind=EntryKind.VOIDED, first=first, last=None, after=after, limit=2
                )
                listed += [e.number for e in page.items]
                if page.next_position is None:
                    break
                after = page.next_position
            assert listed == [6, 4, 2]


async def test_an_export_is_the_ledger_oldest_first(desk: Desk) -> None:
    first, second = await desk.client(), await desk.client()
    for client in (first, second, first):
        await desk.add(client, 100)
    for whose, expected in ((None, [(first, 1), (second, 1), (first, 2)]), (first, [(first, 1), (first, 2)])):
        shop, parts = await desk.container.export_entries()(desk.owner, whose, kind=None, first=None, last=None)
        exported: list[EntryView] = [entry async for part in parts for entry in part]
        assert [(e.client_id, e.number) for e in exported] == expected
        assert shop.currency == "USD"


async def test_an_export_longer_than_one_part_leaves_nothing_out(container: Container, auditor: Auditor) -> None:
    desk = await open_desk(container)  # one that no auditor looks into: its entries come from nowhere
    client = await desk.client()
    await desk.add(client, 1)
    await _lengthen(auditor, desk, client, to=2500)
    _, parts = await desk.container.export_entries()(desk.owner, client, kind=None, first=None, last=None)
    read = [part async for part in parts]
    assert [len(part) for part in read] == [1000, 1000, 500]
    assert [e.number for part in read for e in part] == list(range(1, 2501))


async def _lengthen(auditor: Auditor, desk: Desk, client: UUID, *, to: int) -> None:
    """Many entries at once, past the program, each like the one before it."""
    await auditor.connection.execute(
        """WITH one AS (SELECT * FROM ledger_entries WHERE shop_id = $1 AND client_id = $2 AND number = 1),
        more AS (INSERT INTO ledger_entries (shop_id, client_id, number, id, kind, amount, balance_after, reason, note,
            by_kind, by_id, by_name, at, note_salt, note_digest, by_name_salt, by_name_digest, previous_hash, hash)
          SELECT shop_id, client_id, n, gen_random_uuid(), kind, 1, n, reason, note, by_kind, by_id, by_name, at,
            note_salt, note_digest, by_name_salt, by_name_digest, hash, hash FROM one, generate_series(2, $3::bigint) n)
        SELECT""",
        desk.shop_id,
        client,
        to,
    )
    await auditor.connection.execute(
        "UPDATE credit_accounts SET balance = $3, last_number = $3 WHERE shop_id = $1 AND client_id = $2",
        desk.shop_id,
        client,
        to,
    )


async def test_an_invoice_adds_up_its_lines_each_rounded_half_up_and_its_tax(desk: Desk) -> None:
    client = await desk.client()
    lines = [
        InvoiceLine(description="Hours", quantity="1.5", unit_price=333),  # 499.5
        InvoiceLine(description="Parts", quantity=2, unit_price=1000),
        InvoiceLine(description="Discount", quantity="0.5", unit_price=-1),  # -0.5
    ]
    made = await desk.container.add_invoice()(
        desk.owner, client, number=None, issued_on=DAY, vehicle="A red one", lines=lines, tax=99
    )
    assert (made.total, made.tax, made.issued_on, made.vehicle) == (500 + 2000 - 1 + 99, 99, DAY, "A red one")
    for faulty in ([lines[2]], [InvoiceLine(description="x", quantity=10**9, unit_price=10**6)]):
        with pytest.raises(InvalidField):
            await desk.container.add_invoice()(
                desk.owner, client, number=None, issued_on=None, vehicle=None, lines=faulty, tax=0
            )
