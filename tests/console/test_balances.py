"""R27: the balance stands in three places of a client, and in the list. They agree after every action."""

from __future__ import annotations

import re
from uuid import UUID

from tests.console.visiting import Visiting
from tests.desk import Desk

PLACES = ("balance", "tab-balance", "foot-balance")


async def balances(visiting: Visiting, client: UUID) -> set[str]:
    """Wherever it is shown: the card on each tab, the tab's head, the grid's foot, also where the grid is cut."""
    found: list[str] = []
    for query in ("", "?limit=1", "?kind=voided", "?to=2020-01-01"):
        page = (await visiting.get(f"/app/clients/{client}/credit{query}")).text
        found += [re.findall(rf'id="{place}">\s*([^<]+?)\s*<', page)[0] for place in PLACES]
    for tab in ("", "/statement", "/credit/explained"):
        page = (await visiting.get(f"/app/clients/{client}{tab}")).text
        found += re.findall(r'id="balance">\s*([^<]+?)\s*<', page)
    listed = (await visiting.get("/app/clients")).text
    found += re.findall(r'data-name="Credit"[^>]*>([^<]+)<', listed)
    assert len(found) == 4 * len(PLACES) + 3 + 1
    return set(found)


async def send(visiting: Visiting, path: str, **entries: str) -> str:
    answer = await visiting.post(path, entries)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_r27_the_balance_is_the_same_everywhere_after_every_action(visiting: Visiting, desk: Desk) -> None:
    client = await desk.client()
    first, second = await desk.invoice(client, 13000, "INV-1"), await desk.invoice(client, 4000, "INV-2")
    credit, pay = f"/app/clients/{client}/credit", f"/app/invoices/{first}/pay"
    assert await balances(visiting, client) == {"$0.00"}

    await send(visiting, f"{credit}/add", reason="goodwill", amount="50", note="job ran late")
    assert await balances(visiting, client) == {"$50.00"}

    by_credit = await send(visiting, pay, method="account_credit")
    assert await balances(visiting, client) == {"$0.00"}

    cash = await send(visiting, pay, method="cash", amount="100", overpayment="capture", agreed_excess="20")
    assert await balances(visiting, client) == {"$20.00"}

    day = (await desk.show(first)).payments[-1].received_on.isoformat()
    await send(visiting, f"{cash}/edit", method="card", received_on=day)
    await send(visiting, f"{by_credit}/delete")
    assert await balances(visiting, client) == {"$70.00"}

    [added] = [entry for entry in await desk.entries(client) if entry.kind == "added"]
    await send(visiting, f"/app/credit/entries/{added.id}/void", note="by mistake")
    assert await balances(visiting, client) == {"$20.00"}

    more = {"amount": "70", "overpayment": "leave", "agreed_excess": "30"}
    left = await send(visiting, f"/app/invoices/{second}/pay", method="check", **more)
    assert await balances(visiting, client) == {"$20.00"}
    await send(visiting, f"/app/invoices/{second}/capture", agreed_excess="30")
    assert await balances(visiting, client) == {"$50.00"}

    await send(visiting, f"{left}/delete")
    assert await balances(visiting, client) == {"$20.00"}

    parts = {f"allocations[{place}].invoice_id": str(each) for place, each in enumerate((first, second))}
    parts |= {f"allocations[{place}].amount": "10" for place in range(2)}
    bulk = await send(visiting, f"/app/clients/{client}/bulk-payment", method="check", **parts)
    await send(visiting, f"{bulk}/delete")
    assert await balances(visiting, client) == {"$20.00"}

    await send(visiting, f"{cash}/delete")
    assert await balances(visiting, client) == {"$0.00"}
    assert await desk.findings() == []
