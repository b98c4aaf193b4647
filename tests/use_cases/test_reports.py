"""What stands behind the figures of the reports: payments behind money collected, clients behind credit owed."""

from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from adapters.postgres.reports import PostgresReports
from core.payments import PaymentMethod
from core.staff import Permission
from core.views import ClientCredit, CollectedPayment, CreditMovement, CreditReport, Page, Position
from entrypoints.container import Container
from tests.desk import Desk, open_desk, where_it_is_noon
from tests.soundness import Auditor

DAY = date(2026, 3, 2)
NOON = where_it_is_noon()


async def collected(
    desk: Desk,
    first: date | None = None,
    last: date | None = None,
    *,
    method: str | None = None,
    deleted: bool = False,
    after: Position | None = None,
    limit: int = 100,
) -> Page[CollectedPayment]:
    return await desk.container.list_collected()(
        desk.owner,
        first=first,
        last=last,
        method=None if method is None else PaymentMethod(method),
        deleted=deleted,
        after=after,
        limit=limit,
    )


async def test_behind_each_figure_are_the_payments_that_it_counts(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 10000)
    await desk.add(client, 500)
    await desk.apply(invoice)
    for days, amount, method in ((0, 100, "cash"), (0, 200, "cash"), (0, 300, "card"), (1, 400, "cash")):
        await desk.pay(invoice, amount, method, received_on=DAY + timedelta(days=days))
    await desk.pay_together(client, [(invoice, 50), (await desk.invoice(client, 60), 60)], "cash", received_on=DAY)
    gone = await desk.pay(invoice, 9, "cash", received_on=DAY)
    await desk.delete(gone.id)
    await desk.pay(await desk.invoice(client, 10), 15, "cash", received_on=DAY, overpayment="capture")
    for item in (await desk.collected()).items:
        behind = (await collected(desk, item.date, item.date, method=item.method)).items
        assert sum(payment.collected for payment in behind) == item.collected
        assert len({payment.bulk_payment_id or payment.id for payment in behind}) == item.count
        assert {(payment.received_on, payment.method) for payment in behind} == {(item.date, item.method)}
    everything = (await collected(desk)).items
    assert sum(payment.collected for payment in everything) == (await desk.collected()).total


async def test_a_payment_behind_a_figure_says_whose_it_is_and_who_took_it(desk: Desk) -> None:
    _, robin = await desk.hire(Permission.CREATE_PAYMENTS, name="Robin")
    invoice = await desk.invoice(await desk.client("Pat Doe"), 1000, number="A-1")
    made = await desk.pay(invoice, 300, "check", reference="no. 7", received_on=DAY, caller=robin)
    [payment] = (await collected(desk)).items
    assert (payment.id, payment.client_name, payment.invoice_number) == (made.id, "Pat Doe", "A-1")
    assert (payment.collected, payment.currency, payment.reference) == (300, "USD", "no. 7")
    assert (payment.recorded_by, payment.recorded_at) == (made.recorded_by, made.recorded_at)
    assert (payment.deleted_at, payment.deleted_by) == (None, None)


async def test_deleted_payments_are_apart_with_who_deleted_them(desk: Desk) -> None:
    _, robin = await desk.hire(Permission.CREATE_PAYMENTS, name="Robin")
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    await desk.add(client, 10)
    kept = await desk.pay(invoice, 100, received_on=DAY)
    for gone in (await desk.pay(invoice, 200, received_on=DAY), await desk.apply(invoice)):
        await desk.delete(gone.id, caller=robin)
    assert [payment.id for payment in (await collected(desk)).items] == [kept.id]
    [deleted] = (await collected(desk, deleted=True)).items
    assert deleted.deleted_by is not None
    assert deleted.deleted_at is not None
    assert (deleted.collected, deleted.deleted_by.name) == (200, "Robin")


@pytest.mark.parametrize("deleted", [False, True])
async def test_payments_are_listed_by_the_date_received_page_by_page(desk: Desk, deleted: bool) -> None:
    invoice = await desk.invoice(await desk.client(), 10000)
    for amount, days in enumerate((3, 1, 2, 2, 0, 5), start=1):
        made = await desk.pay(invoice, amount, received_on=DAY + timedelta(days=days))
        if deleted:
            await desk.delete(made.id)
    listed: list[int] = []
    after = None
    while True:
        page = await collected(
            desk, DAY + timedelta(days=1), DAY + timedelta(days=3), deleted=deleted, after=after, limit=2
        )
        listed += [payment.collected for payment in page.items]
        if page.next_position is None:
            break
        after = page.next_position
    assert listed == [1, 4, 3, 2]


async def by_client(
    desk: Desk, first: date | None = None, last: date | None = None, *, after: Position | None = None, limit: int = 100
) -> Page[ClientCredit]:
    _, page = await desk.container.report_credit_by_client()(
        desk.owner, first=first, last=last, after=after, limit=limit
    )
    return page


async def backdate(auditor: Auditor, desk: Desk, days: int) -> None:
    """As if everything in the shop's ledger had been written that many days earlier."""
    async with auditor.connection.transaction():
        await auditor.connection.execute("SET LOCAL session_replication_role = replica")
        await auditor.connection.execute(
            "UPDATE ledger_entries SET at = at - $2::interval WHERE shop_id = $1", desk.shop_id, timedelta(days=days)
        )


async def _a_history(desk: Desk, auditor: Auditor) -> None:
    """Something of everything, 40 and 20 days ago and today, for some of five clients."""
    clients = {name: await desk.client(name) for name in ("Ann", "Bob", "Cat", "Dan", "Eve")}
    await desk.add(clients["Ann"], 1000)
    await desk.add(clients["Bob"], 2000)
    spent = await desk.apply(await desk.invoice(clients["Bob"], 2000))
    await backdate(auditor, desk, 20)
    voided = await desk.add(clients["Ann"], 70)
    await desk.void(voided.id)
    await desk.pay(await desk.invoice(clients["Cat"], 100), 400, overpayment="capture")
    await backdate(auditor, desk, 20)
    await desk.delete(spent.id)
    await desk.add(clients["Dan"], 5)
    await desk.apply(await desk.invoice(clients["Cat"], 300))


async def test_what_is_owed_in_credit_is_told_client_by_client(container: Container, auditor: Auditor) -> None:
    desk = await open_desk(container, time_zone=NOON)  # one that no auditor looks into: its past is made up
    await _a_history(desk, auditor)
    today = datetime.now(ZoneInfo(NOON)).date()
    told = {item.client_name: item.credit for item in (await by_client(desk, today - timedelta(days=20), today)).items}
    assert told == {
        "Ann": CreditMovement(opening=1000, added=70, captured=0, applied=0, returned=0, voided=70, closing=1000),
        "Bob": CreditMovement(opening=0, added=0, captured=0, applied=0, returned=2000, voided=0, closing=2000),
        "Cat": CreditMovement(opening=0, added=0, captured=300, applied=300, returned=0, voided=0, closing=0),
        "Dan": CreditMovement(opening=0, added=5, captured=0, applied=0, returned=0, voided=0, closing=5),
    }


async def test_the_clients_add_up_to_the_report_on_credit(container: Container, auditor: Auditor) -> None:
    desk = await open_desk(container, time_zone=NOON)
    await _a_history(desk, auditor)
    today = datetime.now(ZoneInfo(NOON)).date()
    days = [None, *(today - timedelta(days=ago) for ago in (50, 41, 40, 39, 21, 20, 19, 1, 0))]
    for first in days:
        for last in days:
            if first is not None and last is not None and first > last:
                continue
            report, page = await desk.container.report_credit_by_client()(
                desk.owner, first=first, last=last, after=None, limit=100
            )
            assert report == await desk.container.report_credit()(desk.owner, first=first, last=last)
            items = [item.credit for item in page.items]
            assert CreditMovement(
                opening=report.opening_total,
                added=report.added,
                captured=report.captured,
                applied=report.applied,
                returned=report.returned,
                voided=report.voided,
                closing=report.closing_total,
            ) == CreditMovement(
                **{name: sum(getattr(item, name) for item in items) for name in CreditMovement.__struct_fields__}
            )
            assert report.opening_total + report.added + report.captured + report.returned == (
                report.closing_total + report.applied + report.voided
            )
            assert report.total == 3005


async def test_the_clients_and_the_report_on_credit_are_of_one_moment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await desk.client("Ann")
    await desk.add(client, 100)
    of_all = PostgresReports.credit

    async def and_meanwhile(self: PostgresReports, **days: datetime | None) -> CreditReport:
        report = await of_all(self, **days)
        await desk.add(client, 7)  # at another desk
        return report

    monkeypatch.setattr(PostgresReports, "credit", and_meanwhile)
    report, page = await desk.container.report_credit_by_client()(
        desk.owner, first=None, last=None, after=None, limit=100
    )
    assert [report.closing_total] == [item.credit.closing for item in page.items] == [100]


async def test_clients_with_credit_are_listed_by_name_page_by_page(desk: Desk) -> None:
    for name in ("cat", "Ann", "Dan", "Bob", "Eve"):
        client = await desk.client(name)
        if name != "Eve":
            await desk.add(client, 100)
    names: list[str] = []
    after = None
    while True:
        page = await by_client(desk, after=after, limit=2)
        names += [item.client_name for item in page.items]
        if page.next_position is None:
            break
        after = page.next_position
    assert names == ["Ann", "Bob", "cat", "Dan"]


async def test_a_client_who_was_deleted_since_is_in_the_reports_of_then(desk: Desk) -> None:
    client = await desk.client("Ann")
    await desk.void((await desk.add(client, 100)).id)
    await desk.delete_client(client)
    [item] = (await by_client(desk)).items
    assert (item.client_id, item.credit.added, item.credit.voided, item.credit.closing) == (client, 100, 100, 0)
    assert item.deleted_at is not None


async def test_everybody_of_the_shop_may_look_and_sees_nothing_of_another(desk: Desk, other_desk: Desk) -> None:
    _, technician = await desk.hire()
    client: UUID = await desk.client()
    await desk.add(client, 100)
    await desk.pay(await desk.invoice(client), 100)
    for whose, caller, count in ((desk, technician, 1), (other_desk, other_desk.owner, 0)):
        payments = await whose.container.list_collected()(
            caller, first=None, last=None, method=None, deleted=False, after=None, limit=10
        )
        _, clients = await whose.container.report_credit_by_client()(
            caller, first=None, last=None, after=None, limit=10
        )
        assert (len(payments.items), len(clients.items)) == (count, count)
