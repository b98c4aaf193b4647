"""A client's statement: invoices, payments and credit of a period, with what there was before and after."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from core.errors import InvalidField, NotFound
from core.ids import ClientId
from core.invoices import InvoiceLine
from core.staff import Caller
from core.statements import Statement
from core.use_cases import statements
from core.views import BalanceHistory, CreditMovement
from entrypoints.container import Container
from tests.desk import Desk, open_desk, where_it_is_noon
from tests.soundness import Auditor

NOON = where_it_is_noon()


@pytest.fixture
async def desk(container: Container, auditor: Auditor) -> AsyncIterator[Desk]:
    opened = await open_desk(container, time_zone=NOON)
    yield opened
    await auditor.require_sound(opened)


async def statement(desk: Desk, client: UUID, first: date | None = None, last: date | None = None) -> Statement:
    return await desk.container.show_statement()(desk.owner, ClientId(client), first=first, last=last)


def today() -> date:
    return datetime.now(ZoneInfo(NOON)).date()


def ago(days: int) -> date:
    return today() - timedelta(days=days)


async def billed(desk: Desk, client: UUID, total: int, issued_on: date, vehicle: str | None = None) -> UUID:
    lines = [InvoiceLine(description="Work", quantity=1, unit_price=total)]
    made = await desk.container.add_invoice()(
        desk.owner, ClientId(client), number=None, issued_on=issued_on, vehicle=vehicle, lines=lines, tax=0
    )
    return made.id


async def backdate(auditor: Auditor, desk: Desk, days: int) -> None:
    """As if everything in the shop's ledger had been written that many days earlier."""
    connection = auditor.connection
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            "UPDATE ledger_entries SET at = at - $2::interval WHERE shop_id = $1",
            desk.shop_id,
            timedelta(days=days),
        )


async def busy_quarter(desk: Desk) -> UUID:
    """A client with something of everything, by days ago."""
    client = await desk.client("Pat Doe")
    early = await billed(desk, client, 10000, ago(80))
    middle = await billed(desk, client, 5000, ago(40), vehicle="Blue van")
    late = await billed(desk, client, 700, ago(3))
    void = await billed(desk, client, 900, ago(41))
    await desk.pay(early, 6000, received_on=ago(80))
    await desk.pay(early, 4500, "card", received_on=ago(39), overpayment="capture", reference="4242")
    gone = await desk.pay(middle, 100, received_on=ago(38))
    await desk.delete(gone.id)
    await desk.void_invoice(void)
    await desk.apply(middle, 300)
    await desk.pay(late, 750, received_on=ago(2), overpayment="leave")
    await desk.pay_together(client, [(middle, 1000), (await billed(desk, client, 60, ago(1)), 60)])
    return client


async def test_a_statement_shows_invoices_payments_and_credit_of_its_days(desk: Desk) -> None:
    client = await busy_quarter(desk)
    shown = await statement(desk, client, ago(45), ago(35))
    assert (shown.client.id, shown.client.name, shown.shop.slug, shown.currency) == (
        client,
        "Pat Doe",
        desk.slug,
        "USD",
    )
    assert (shown.first, shown.last, shown.continues_on) == (ago(45), ago(35), None)
    [invoice] = shown.invoices
    assert (invoice.issued_on, invoice.vehicle, invoice.total, invoice.due) == (ago(40), "Blue van", 5000, 3700)
    [payment] = shown.payments
    assert (payment.amount, payment.collected, payment.settled, payment.captured) == (4500, 4500, 4000, 500)
    assert (payment.method, payment.reference, payment.invoice_number) == ("card", "4242", "INV-1")
    # 10,000 were due less the 6,000 paid at once; then 5,000 more, less the 4,000 that settled the first.
    assert (shown.opening_due, shown.invoiced, shown.settled, shown.closing_due) == (4000, 5000, 4000, 5000)


async def test_the_credit_of_a_statement_is_the_ledger_of_its_days(desk: Desk) -> None:
    client = await busy_quarter(desk)
    shown = await statement(desk, client, ago(45), today())
    assert shown.entries == await desk.entries(client)
    assert shown.credit == CreditMovement(
        opening=0, added=0, captured=500, applied=300, returned=0, voided=0, closing=200
    )
    before = await statement(desk, client, ago(45), ago(2))
    assert (before.entries, before.credit.opening, before.credit.closing) == ([], 0, 0)


async def test_a_statement_opens_where_the_one_before_closed(desk: Desk) -> None:
    client = await busy_quarter(desk)
    whole = await statement(desk, client, ago(90), today())
    assert (whole.opening_due, whole.credit.opening) == (0, 0)
    for days in (81, 80, 79, 41, 40, 39, 38, 3, 2, 1):
        earlier = await statement(desk, client, ago(90), ago(days))
        later = await statement(desk, client, ago(days - 1), today())
        assert (earlier.opening_due, earlier.closing_due, later.closing_due) == (
            0,
            later.opening_due,
            whole.closing_due,
        )
        assert [*earlier.invoices, *later.invoices] == whole.invoices
        assert [*earlier.payments, *later.payments] == whole.payments
    card = await desk.card(client)
    assert (whole.invoiced, whole.settled) == (card.invoiced, card.paid)
    assert (whole.closing_due, whole.credit.closing) == (card.due - card.overpaid, card.credit)


async def test_credit_of_earlier_days_is_the_opening_balance(container: Container, auditor: Auditor) -> None:
    desk = await open_desk(container, time_zone=NOON)  # one that no auditor looks into: its past is made up
    client = await desk.client()
    await desk.add(client, 5000)
    await backdate(auditor, desk, 20)
    await desk.add(client, 700)
    await backdate(auditor, desk, 20)
    await desk.apply(await desk.invoice(client, 1000))
    for first, last, opening, closing in (
        (ago(60), ago(41), 0, 0),
        (ago(60), ago(40), 0, 5000),
        (ago(40), ago(21), 0, 5000),
        (ago(39), ago(21), 5000, 5000),
        (ago(39), ago(20), 5000, 5700),
        (ago(19), today(), 5700, 4700),
        (date.min, date.max, 0, 4700),
    ):
        credit = (await statement(desk, client, first, last)).credit
        assert (credit.opening, credit.closing) == (opening, closing)


async def test_a_day_of_a_statement_is_one_in_the_time_zone_of_the_shop(container: Container) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        desk = await open_desk(container, time_zone=zone)
        client = await desk.client()
        entry = await desk.add(client, 100)
        day = entry.at.astimezone(ZoneInfo(zone)).date()
        shown = await statement(desk, client, day, day)
        assert (shown.credit.opening, len(shown.entries), shown.credit.closing) == (0, 1, 100)
        after = await statement(desk, client, day + timedelta(days=1), day + timedelta(days=1))
        assert (after.credit.opening, after.entries) == (100, [])


async def test_without_days_a_statement_is_of_this_month_until_today(desk: Desk) -> None:
    before = today()
    shown = await statement(desk, await desk.client())
    assert shown.last in {before, today()}
    assert shown.first == shown.last.replace(day=1)
    assert (shown.invoices, shown.payments, shown.entries, shown.closing_due) == ([], [], [], 0)


async def test_what_does_not_fit_on_a_statement_goes_on_the_next_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "MAX_LINES", 2)
    client = await desk.client()
    for days in (9, 8, 7, 6, 6, 5):
        await billed(desk, client, 100, ago(days))
    first = await statement(desk, client, ago(9), ago(1))
    assert (first.last, first.continues_on, first.invoiced, first.closing_due) == (ago(8), ago(7), 200, 200)
    second = await statement(desk, client, first.continues_on, ago(1))
    assert (second.last, second.continues_on, second.opening_due, second.closing_due) == (ago(7), ago(6), 200, 300)
    third = await statement(desk, client, second.continues_on, ago(1))
    assert (third.last, third.continues_on, third.opening_due, third.closing_due) == (ago(6), ago(5), 300, 500)
    last = await statement(desk, client, third.continues_on, ago(1))
    assert (last.last, last.continues_on, last.opening_due, last.closing_due) == (ago(1), None, 500, 600)
    await billed(desk, client, 100, ago(6))
    with pytest.raises(InvalidField, check=lambda refused: refused.field == "first"):
        await statement(desk, client, ago(6), ago(1))


async def test_a_period_ends_after_it_began(desk: Desk) -> None:
    with pytest.raises(InvalidField, check=lambda refused: refused.field == "last"):
        await statement(desk, await desk.client(), ago(1), ago(2))


async def test_the_statement_of_a_deleted_client_can_still_be_read(desk: Desk) -> None:
    client = await desk.client()
    await desk.void((await desk.add(client, 100)).id)
    await desk.delete_client(client)
    shown = await statement(desk, client)
    assert shown.client.deleted_at is not None
    assert len(shown.entries) == 2


async def history(desk: Desk, client: UUID, caller: Caller | None = None) -> BalanceHistory:
    shown = await desk.container.show_explained_ledger()(
        caller or desk.owner, ClientId(client), kind=None, first=None, last=None, after=None, limit=1, sources=1
    )
    return shown.history


async def test_the_balance_over_time_ends_with_the_present_one(container: Container, auditor: Auditor) -> None:
    desk = await open_desk(container, time_zone=NOON)  # one that no auditor looks into: its past is made up
    client = await desk.client()
    assert [point.balance for point in (await history(desk, client)).points] == [0]
    await desk.add(client, 5000)
    assert [(point.date, point.balance) for point in (await history(desk, client)).points] == [(today(), 5000)]
    await backdate(auditor, desk, 3)
    await desk.add(client, 700)
    await desk.add(client, 70)
    await backdate(auditor, desk, 1)
    await desk.apply(await desk.invoice(client, 1000))
    shown = await history(desk, client)
    assert [(point.date, point.balance) for point in shown.points] == [
        (ago(4), 5000),
        (ago(3), 5000),
        (ago(2), 5000),
        (ago(1), 5770),
        (today(), 4770),
    ]
    assert shown.currency == "USD"


@pytest.mark.parametrize("days", [150, 199, 200, 400, 4000])
async def test_a_long_time_has_no_more_points_than_a_chart_can_show(
    container: Container, auditor: Auditor, days: int
) -> None:
    desk = await open_desk(container, time_zone=NOON)
    client = await desk.client()
    await desk.add(client, 5000)
    await backdate(auditor, desk, days)
    await desk.add(client, 1)
    points = (await history(desk, client)).points
    assert 75 <= len(points) <= 200
    assert points[-1].date == today()
    assert min(days, 365) - 2 < (today() - points[0].date).days <= min(days, 365)
    assert {point.balance for point in points} == {5000, 5001}
    assert len({later.date - earlier.date for earlier, later in pairwise(points)}) == 1


async def test_everybody_of_the_shop_may_look_and_nobody_else(desk: Desk, other_desk: Desk, auditor: Auditor) -> None:
    _, technician = await desk.hire()
    client = ClientId(await busy_quarter(desk))
    async with auditor.changes_nothing(desk):
        shown = await desk.container.show_statement()(technician, client, first=ago(90), last=today())
        points = await history(desk, client, technician)
    assert (len(shown.invoices), points.points[-1].balance) == (4, 200)
    for unknown in (client, ClientId(uuid4())):
        with pytest.raises(NotFound):
            await statement(other_desk, unknown)
        with pytest.raises(NotFound):
            await history(other_desk, unknown)
