"""Where a client's present balance came from."""

from uuid import UUID, uuid4

import pytest

from core.errors import NotFound
from core.ids import ClientId
from core.use_cases import explain_balance, explained_ledger, statements
from core.views import BalanceExplanation, BalanceHistory, Position
from ports.transactions import ShopTransaction
from tests.desk import Desk
from tests.soundness import Auditor


async def explained(
    desk: Desk, client_id: UUID, *, after: Position | None = None, limit: int = 25
) -> BalanceExplanation:
    return await desk.container.explain_balance()(desk.owner, ClientId(client_id), after=after, limit=limit)


def parts(explanation: BalanceExplanation) -> list[tuple[int, int]]:
    return [(source.entry.number, source.left) for source in explanation.sources]


async def test_the_balance_is_explained_by_what_is_left_of_each_source_oldest_first(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 13000, number="INV-1")
    goodwill = await desk.add(client, 5000, note="job ran late")
    credit = await desk.apply(invoice)
    cash = await desk.pay(invoice, 10000, overpayment="capture")
    await desk.delete(credit.id)
    explanation = await explained(desk, client)
    assert (explanation.balance, explanation.currency) == (7000, "USD")
    assert (explanation.newer, explanation.older, explanation.next_position) == (0, 0, None)
    first, second = explanation.sources
    assert (first.left, first.entry) == (5000, await desk.entry(goodwill.id))
    assert cash.entry is not None
    assert (second.left, second.entry.id, second.entry.invoice_number) == (2000, cash.entry.id, "INV-1")


async def test_spending_uses_up_the_oldest_source_first(desk: Desk) -> None:
    client = await desk.client()
    for amount in (1000, 2000, 3000):
        await desk.add(client, amount)
    await desk.apply(await desk.invoice(client, 1500))
    assert parts(await explained(desk, client)) == [(2, 1500), (3, 3000)]


async def test_an_empty_account_has_nothing_to_explain(desk: Desk) -> None:
    client = await desk.client()
    assert await explained(desk, client) == BalanceExplanation(
        balance=0, currency="USD", sources=[], newer=0, older=0, next_position=None
    )
    await desk.void((await desk.add(client, 100)).id)
    assert (await explained(desk, client)).sources == []


async def test_a_long_explanation_comes_in_pages_that_explain_one_balance(desk: Desk) -> None:
    client = await desk.client()
    for number in range(1, 8):
        await desk.add(client, number * 100)
    await desk.apply(await desk.invoice(client, 250))
    first = await explained(desk, client, limit=3)
    assert (first.balance, parts(first), first.newer, first.older) == (2550, [(5, 500), (6, 600), (7, 700)], 0, 750)
    # Meanwhile somebody spends, and voids what is on the next page.
    await desk.apply(await desk.invoice(client, 100))
    for entry in await desk.entries(client):
        if entry.number == 3:
            await desk.void(entry.id)
    second = await explained(desk, client, after=first.next_position, limit=3)
    assert (second.balance, parts(second), second.newer, second.older) == (2550, [(2, 50), (3, 300), (4, 400)], 1800, 0)
    assert second.next_position is None


async def test_voided_sources_take_no_place_on_a_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain_balance, "SOURCES_A_READ", 2)
    monkeypatch.setattr(explain_balance, "MAX_READS", 2)
    client = await desk.client()
    for _ in range(2):
        await desk.add(client, 100)
    for _ in range(5):
        await desk.void((await desk.add(client, 100)).id)
    # Four sources are looked at for a page, here all voided, then one that is and two that are not.
    first = await explained(desk, client)
    assert (first.balance, first.sources, first.older) == (200, [], 200)
    second = await explained(desk, client, after=first.next_position)
    assert (second.newer, parts(second), second.older, second.next_position) == (0, [(1, 100), (2, 100)], 0, None)


async def test_credit_of_deleted_payments_and_voided_entries_is_as_if_it_had_never_been(desk: Desk) -> None:
    client = await desk.client()
    for total in (300, 700, 1100):
        invoice = await desk.invoice(client, total)
        added = await desk.add(client, total)
        credit = await desk.apply(invoice, 200)
        cash = await desk.pay(invoice, total, overpayment="capture")
        if total == 700:
            await desk.delete(credit.id)
            await desk.void(added.id)
            await desk.delete(cash.id)
    # 1 added 300, 3 captured 200, 10 added 1100, 12 captured 200; 400 of it were spent.
    explanation = await explained(desk, client)
    assert explanation.balance == (await desk.tab(client)).balance == 1400
    assert parts(explanation) == [(3, 100), (10, 1100), (12, 200)]


async def test_looking_is_open_to_everybody_of_the_shop_and_to_nobody_else(
    desk: Desk, other_desk: Desk, auditor: Auditor
) -> None:
    _, technician = await desk.hire()
    client = await desk.client()
    await desk.add(client, 100)
    async with auditor.changes_nothing(desk):
        explanation = await desk.container.explain_balance()(technician, ClientId(client), after=None, limit=25)
    assert explanation.balance == 100
    for unknown in (client, ClientId(uuid4())):
        with pytest.raises(NotFound):
            await explained(other_desk, unknown)


async def test_r27_balance_entries_and_where_it_came_from_are_of_one_moment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await desk.client()
    await desk.add(client, 5000)

    async def and_meanwhile(shop: ShopTransaction, client_id: ClientId) -> BalanceHistory:
        await desk.add(client, 700)  # at another desk
        return await statements.history_of(shop, client_id)

    monkeypatch.setattr(explained_ledger, "history_of", and_meanwhile)
    shown = await desk.container.show_explained_ledger()(
        desk.owner, client, kind=None, first=None, last=None, after=None, limit=25, sources=10
    )
    assert (shown.client.credit, shown.entries.items[0].balance_after) == (5000, 5000)
    assert (shown.history.points[-1].balance, shown.explanation.balance) == (5000, 5000)
    assert [source.left for source in shown.explanation.sources] == [5000]
    assert (await desk.card(client)).credit == 5700
