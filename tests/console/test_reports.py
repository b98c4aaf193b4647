"""Reports at the console: money collected and what is behind each figure, credit owed, the shop's whole ledger."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from core.staff import Permission
from tests.console.browser import Screen
from tests.console.visiting import Visiting
from tests.desk import Desk, open_desk


def today() -> date:
    return datetime.now(ZoneInfo("America/Chicago")).date()


async def test_r17_money_collected_leads_down_to_its_payments_and_deleted_ones_stand_apart(
    either_screen: Screen, desk: Desk
) -> None:
    screen = either_screen
    client = await desk.client("Pat Doe")
    invoice = await desk.invoice(client, 13000, "INV-1")
    await desk.add(client, 5000)
    await desk.apply(invoice)
    await desk.pay(invoice, 10000, "cash", overpayment="capture")
    other = await desk.invoice(client, 100_000, "INV-2")
    yesterday = today() - timedelta(days=1)
    await desk.pay(other, 2500, "card", reference="Visa 4242", received_on=yesterday)
    gone = await desk.pay(other, 700, "check")
    member, robin = await desk.hire(Permission.CREATE_PAYMENTS, name="Robin")
    await desk.delete(gone.id, caller=robin)
    more = await desk.invoice(client, 300, "INV-3")
    await desk.pay_together(client, [(other, 200), (more, 300)])
    await screen.sign_in(desk, member.email)
    await screen.click("Reports", "link", exact=False)
    assert screen.path == "/app/reports/collected"
    # Also on the first day of a month.
    await screen.go(f"/app/reports/collected?from={yesterday}&to={today()}")
    assert await screen.page.locator("#collected").inner_text() == "$130.00"
    # Cash, card, check, all.
    assert [row[1:] for row in await screen.rows("table.collected")] == [
        ["$100.00", "", "$5.00", "$105.00"],
        ["", "$25.00", "", "$25.00"],
    ]
    apart = await screen.rows("#deleted table")
    assert (apart[0][3], apart[0][-1]) == ("Check", "$7.00")
    assert apart[0][6].startswith("Robin")
    await screen.click("Card in all: $25.00", "link", exact=False)
    assert (await screen.figures())["Collected"] == "$25.00"
    assert (await screen.rows())[0][1:5] == ["Pat Doe", "INV-2", "Card", "Visa 4242"]
    await screen.page.get_by_label("Method").select_option("All methods")
    await screen.click("Show", exact=False)
    await expect(screen.page.locator("table.data tbody tr")).to_have_count(4)
    figures = await screen.figures()
    # Cash, card, and two in bulk, which are one.
    assert (figures["Collected"], figures["Payments"]) == ("$130.00", "3")
    await expect(screen.page.get_by_role("link", name="in bulk")).to_have_count(2)
    await screen.click("Deleted", "link", exact=False)
    [row] = await screen.rows()
    assert row[-1] == "$7.00"


async def test_r28_credit_owed_is_shown_by_client_and_leads_to_every_entry(owner: Screen, desk: Desk) -> None:
    pat, ann = await desk.client("Pat Doe"), await desk.client("Ann Bee")
    invoice = await desk.invoice(pat, 2000, "INV-1")
    added = await desk.add(pat, 5000, note="job ran late")
    await desk.apply(invoice)
    await desk.add(ann, 700)
    await desk.void((await desk.add(ann, 300)).id)
    await owner.go("/app/reports/credit")
    assert await owner.page.locator("#owed").inner_text() == "$37.00"
    assert await owner.rows() == [
        ["Ann Bee", "$0.00", "+$10.00", "", "", "", "-$3.00", "$7.00"],
        ["Pat Doe", "$0.00", "+$50.00", "", "", "-$20.00", "", "$30.00"],
    ]
    foot = await owner.page.locator("tfoot td").all_inner_texts()
    assert foot == ["$0.00", "+$60.00", "", "", "-$20.00", "-$3.00", "$37.00"]
    await owner.click("Every entry", "link", exact=False)
    assert len(await owner.rows()) == 5
    await owner.page.get_by_label("Kind").select_option("Added")
    await owner.click("Show", exact=False)
    assert [(row[0], row[-2]) for row in await owner.rows()] == [
        ("Ann Bee", "+$3.00"),
        ("Ann Bee", "+$7.00"),
        ("Pat Doe", "+$50.00"),
    ]
    async with owner.page.expect_download() as download:
        await owner.click("These entries as CSV", "link", exact=False)
    lines = (await (await download.value).path()).read_text().splitlines()
    assert [line.split(",")[2] for line in lines] == ["kind", "added", "added", "added"]
    assert str(added.id) in lines[1]
    async with owner.page.expect_download() as download:
        await owner.click("The whole ledger as CSV", "link", exact=False)
    assert len((await (await download.value).path()).read_text().splitlines()) == 6


async def test_reports_have_pages_and_keep_their_period(visiting: Visiting, desk: Desk) -> None:
    for number in range(3):
        client = await desk.client(f"Client {number}")
        await desk.add(client, 100)
        await desk.pay(await desk.invoice(client, 100), 100)
    first = today() - timedelta(days=2)
    for path in ("credit", "ledger", "collected/payments"):
        address: str | None = f"/app/reports/{path}?from={first}&to={today()}&limit=2"
        seen: list[str] = []
        while address is not None:
            page = (await visiting.get(address)).text
            assert f'value="{first}"' in page
            seen += [f"Client {number}" for number in range(3) if f">Client {number}</a>" in page]
            found = [part for part in page.split('href="') if 'rel="next"' in part[:400]]
            address = found[0].split('"')[0].replace("&amp;", "&") if found else None
        assert sorted(seen) == ["Client 0", "Client 1", "Client 2"]


async def test_a_cursor_is_of_its_own_report_period_and_shop(visiting: Visiting, comes: object, desk: Desk) -> None:
    for number in range(2):
        await desk.add(await desk.client(f"Client {number}"), 100)
    page = (await visiting.get(f"/app/reports/credit?from={today()}&to={today()}&limit=1")).text
    cursor = page.split("cursor=")[1].split('"')[0]
    days = f"from={today()}&to={today()}"
    assert (await visiting.get(f"/app/reports/credit?{days}&cursor={cursor}")).status_code == 200
    elsewhere = f"from={today() - timedelta(days=1)}&to={today()}"
    assert (await visiting.get(f"/app/reports/credit?{elsewhere}&cursor={cursor}")).status_code == 400
    assert (await visiting.get(f"/app/reports/ledger?{days}&cursor={cursor}")).status_code == 400
    stranger: Visiting = await comes()  # type: ignore[operator]  # see conftest.Comes
    await stranger.sign_in(await open_desk(desk.container))
    assert (await stranger.get(f"/app/reports/credit?{days}&cursor={cursor}")).status_code == 400


async def test_another_shop_is_in_no_report(visiting: Visiting, desk: Desk) -> None:
    other = await open_desk(desk.container)
    client = await other.client("Canary Quux")
    await other.add(client, 4200)
    paid = await other.pay(await other.invoice(client, 100, "INV-CANARY"), 100)
    await other.pay(await other.invoice(client, 100), 100)
    await other.delete(paid.id)
    for path in (
        "collected",
        "collected/payments",
        "collected/payments?deleted=true",
        "credit",
        "ledger",
        "ledger.csv",
    ):
        page = await visiting.get(f"/app/reports/{path}")
        assert page.status_code == 200
        assert "Canary" not in page.text
        assert "CANARY" not in page.text
        assert "42.00" not in page.text


@pytest.mark.parametrize("path", ["collected", "collected/payments", "credit", "ledger"])
async def test_days_that_cannot_be_shown_are_refused_beside_the_fields(visiting: Visiting, path: str) -> None:
    page = await visiting.get(f"/app/reports/{path}?from=2026-03-02&to=2026-03-01")
    assert page.status_code == 422
    assert "To must not be before the first day." in page.text
    assert 'value="2026-03-02"' in page.text
    kept = {"collected/payments": ("method", "card"), "ledger": ("kind", "added")}.get(path)
    if kept is not None:
        page = await visiting.get(f"/app/reports/{path}?from=2026-03-02&to=2026-03-01&{kept[0]}={kept[1]}")
        assert f'<option value="{kept[1]}" selected>' in page.text
    for query in ("from=x", "what=1", "cursor=x"):
        assert (await visiting.get(f"/app/reports/{path}?{query}")).status_code in {400, 422}


async def test_more_than_a_year_of_days_is_too_much_for_one_page(visiting: Visiting) -> None:
    page = await visiting.get("/app/reports/collected?from=2024-01-01&to=2024-12-31")
    assert page.status_code == 200
    page = await visiting.get("/app/reports/collected?from=2024-01-01&to=2025-01-01")
    assert page.status_code == 422
    assert "To must be less than a year after the first day." in page.text
