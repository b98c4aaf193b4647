"""Clients: R24, and how they are found."""

from collections.abc import Awaitable, Callable

import pytest

from core.errors import ClientDeleted, ClientHasCredit, ClientHasOverpayment, InvalidField, NotFound
from core.ids import ClientId
from core.payments import PaymentEdit
from core.use_cases.clients import ClientEdit
from core.views import ClientListItem
from tests.desk import Desk
from tests.soundness import Auditor


async def _found(desk: Desk, q: str | None = None, **filters: bool) -> list[ClientListItem]:
    chosen: dict[str, bool | None] = {"has_credit": None, "deleted": False, **filters}
    page = await desk.container.list_clients()(
        desk.owner, q=q, has_credit=chosen["has_credit"], deleted=bool(chosen["deleted"]), after=None, limit=100
    )
    return page.items


async def test_a_client_with_credit_is_not_deleted(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    await desk.add(client, 1)
    async with auditor.refuses(desk, ClientHasCredit, facts={"balance": 1}):
        await desk.delete_client(client)


async def test_a_client_with_an_overpaid_invoice_is_not_deleted(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    await desk.invoice(client, 5000)
    for left in (300, 200):
        invoice = await desk.invoice(client, 1000)
        await desk.pay(invoice, 1000 + left, overpayment="leave")
    async with auditor.refuses(desk, ClientHasOverpayment, facts={"overpaid": 500}):
        await desk.delete_client(client)


async def test_a_client_who_owes_money_can_be_deleted(desk: Desk) -> None:
    client = await desk.client()
    await desk.invoice(client, 5000)
    await desk.delete_client(client)


async def test_a_deleted_client_disappears_from_lists_but_its_books_remain_readable(desk: Desk) -> None:
    client, stays = await desk.client("Pat Doe"), await desk.client("Sam Poe")
    added = await desk.add(client, 500)
    invoice = await desk.invoice(client, 1000)
    credit = await desk.apply(invoice)
    await desk.delete_client(client)
    assert [c.id for c in await _found(desk)] == [stays]
    assert [c.id for c in await _found(desk, deleted=True)] == [client]
    card = await desk.card(client)
    assert (card.invoiced, card.paid, card.due, card.credit) == (1000, 500, 500, 0)
    assert card.deleted_at is not None
    assert [e.kind for e in await desk.entries(client)] == ["added", "applied"]
    assert (await desk.show(invoice)).status == "open"
    assert (await desk.payment(credit.id)).amount == 500
    assert (await desk.entry(added.id)).amount == 500
    tab = await desk.tab(client)
    assert (tab.balance, tab.can_add, tab.can_void, len(tab.entries)) == (0, False, False, 2)
    options = await desk.options(invoice)
    assert (options.due, options.offer_credit, options.methods) == (500, False, ())


async def test_everything_that_would_change_the_money_of_a_deleted_client_is_refused(
    desk: Desk, auditor: Auditor
) -> None:
    client = await desk.client()
    added = await desk.add(client, 500)
    invoice, other = await desk.invoice(client, 1000), await desk.invoice(client, 1000)
    credit = await desk.apply(invoice)
    cash = await desk.pay(invoice, 100)
    bulk = await desk.pay_together(client, [(invoice, 10), (other, 10)])
    await desk.delete_client(client)
    changes: dict[str, Callable[[], Awaitable[object]]] = {
        "add": lambda: desk.add(client, 100),
        "void": lambda: desk.void(added.id),
        "apply": lambda: desk.apply(other),
        "pay": lambda: desk.pay(other, 100),
        "pay together": lambda: desk.pay_together(client, [(invoice, 1), (other, 1)]),
        "edit a payment": lambda: desk.edit(cash.id, 50),
        "edit a reference": lambda: desk.edit_as(cash.id, PaymentEdit(reference="x")),
        "delete a payment": lambda: desk.delete(cash.id),
        "delete an account credit payment": lambda: desk.delete(credit.id),
        "delete together": lambda: desk.delete_together(bulk.id),
        "capture": lambda: desk.capture(invoice),
        "make an invoice": lambda: desk.invoice(client),
        "edit an invoice": lambda: desk.edit_total(invoice, 1),
        "void an invoice": lambda: desk.void_invoice(other),
        "edit the client": lambda: desk.container.edit_client()(desk.owner, client, ClientEdit(name="New")),
        "delete the client": lambda: desk.delete_client(client),
    }
    for change in changes.values():
        async with auditor.refuses(desk, ClientDeleted):
            await change()


async def test_a_deleted_client_can_be_restored_and_goes_on_where_it_was(desk: Desk) -> None:
    client = await desk.client()
    added = await desk.add(client, 500)
    await desk.void(added.id)
    await desk.delete_client(client)
    restored = await desk.restore_client(client)
    assert (restored.deleted_at, [c.id for c in await _found(desk)]) == (None, [client])
    assert (await desk.add(client, 100)).number == 3


async def test_restoring_a_client_that_is_not_deleted_changes_nothing(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    async with auditor.changes_nothing(desk):
        await desk.restore_client(client)


async def test_a_client_is_listed_by_name_with_its_credit(desk: Desk) -> None:
    zoe, adam = await desk.client("Zoe"), await desk.client("adam")
    await desk.add(zoe, 500)
    assert [(c.id, c.credit) for c in await _found(desk)] == [(adam, 0), (zoe, 500)]
    assert [c.id for c in await _found(desk, has_credit=True)] == [zoe]
    assert [c.id for c in await _found(desk, has_credit=False)] == [adam]


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("doe", ["Pat Doe"]),
        ("EXAMPLE.COM", ["Pat Doe"]),
        ("555", ["100% Sam"]),
        ("%", ["100% Sam"]),
        ("_", []),
        ("\\", []),
    ],
)
async def test_a_client_is_found_by_a_part_of_name_email_or_phone(desk: Desk, q: str, names: list[str]) -> None:
    await desk.container.add_client()(desk.owner, name="Pat Doe", email="pat@example.com", phone=None)
    await desk.container.add_client()(desk.owner, name="100% Sam", email=None, phone="+1 555 0100")
    assert [c.name for c in await _found(desk, q)] == names


async def test_the_list_of_clients_goes_on_where_a_page_ended(desk: Desk) -> None:
    made = [await desk.client(name) for name in ("b", "B", "a", "c", "b")]
    listed: list[object] = []
    after = None
    while True:
        page = await desk.container.list_clients()(
            desk.owner, q=None, has_credit=None, deleted=False, after=after, limit=2
        )
        listed += [c.id for c in page.items]
        if page.next_position is None:
            break
        after = page.next_position
    assert listed == [made[2], *sorted([made[0], made[1], made[4]]), made[3]]


async def test_editing_a_client_changes_what_is_named_and_nothing_else(desk: Desk) -> None:
    made = await desk.container.add_client()(desk.owner, name="Pat", email="pat@example.com", phone="1")
    edit = desk.container.edit_client()
    renamed = await edit(desk.owner, ClientId(made.id), ClientEdit(name="Pat Doe"))
    assert (renamed.name, renamed.email, renamed.phone) == ("Pat Doe", "pat@example.com", "1")
    emptied = await edit(desk.owner, ClientId(made.id), ClientEdit(email=None))
    assert (emptied.name, emptied.email, emptied.phone) == ("Pat Doe", None, "1")


async def test_a_client_gets_the_shops_e_mails_until_somebody_leaves_it_out(desk: Desk) -> None:
    add, edit = desk.container.add_client(), desk.container.edit_client()
    pat = await add(desk.owner, name="Pat", email="pat@example.com", phone=None)
    dana = await add(desk.owner, name="Dana", email="dana@example.com", phone=None, email_notices=False)
    assert (pat.email_notices, dana.email_notices) == (True, False)
    left_out = await edit(desk.owner, ClientId(pat.id), ClientEdit(email_notices=False))
    assert (left_out.email_notices, left_out.email) == (False, "pat@example.com")
    assert not (await edit(desk.owner, ClientId(pat.id), ClientEdit(name="Pat Doe"))).email_notices
    assert (await edit(desk.owner, ClientId(pat.id), ClientEdit(email_notices=True))).email_notices


async def test_a_client_that_is_not_there_is_not_found(desk: Desk, auditor: Auditor) -> None:
    nobody = ClientId(desk.shop_id)
    for refused in (
        lambda: desk.card(nobody),
        lambda: desk.tab(nobody),
        lambda: desk.entries(nobody),
        lambda: desk.add(nobody, 1),
        lambda: desk.delete_client(nobody),
        lambda: desk.restore_client(nobody),
        lambda: desk.container.edit_client()(desk.owner, nobody, ClientEdit(name="x")),
    ):
        async with auditor.refuses(desk, NotFound):
            await refused()


async def test_an_invoice_is_for_a_client_of_the_shop(desk: Desk, other_desk: Desk, auditor: Auditor) -> None:
    for client in (desk.shop_id, await other_desk.client()):
        async with auditor.refuses(desk, InvalidField, facts={"field": "client_id"}):
            await desk.invoice(client)


async def _named(desk: Desk, q: str) -> set[str]:
    return {client.name for client in await _found(desk, q)}


async def test_clients_are_found_by_a_part_of_name_e_mail_or_phone(desk: Desk) -> None:
    for name, email, phone in (
        ("Ada Byron", "ada@example.com", "(555) 010-0142"),
        ("Björn Å", None, "+46 8 123 456"),
        ("Zoë 100% Ltd_", "office@zoe.example", None),
    ):
        await desk.container.add_client()(desk.owner, name=name, email=email, phone=phone)
    everybody = {client.name for client in await _found(desk)}
    for q, found in (
        ("BYR", {"Ada Byron"}),
        ("björn å", {"Björn Å"}),
        ("ZOË", {"Zoë 100% Ltd_"}),
        ("ada@", {"Ada Byron"}),
        (".EXAMPLE", {"Zoë 100% Ltd_"}),
        ("010-01", {"Ada Byron"}),
        ("5550100142", {"Ada Byron"}),
        ("555 010 0142", {"Ada Byron"}),
        ("+468123", {"Björn Å"}),
        ("100%", {"Zoë 100% Ltd_"}),
        ("%", {"Zoë 100% Ltd_"}),
        ("_", {"Zoë 100% Ltd_"}),
        ("\\", set()),
        ("com(555)", set()),
        ("n", everybody - {"Zoë 100% Ltd_"}),
        ("()", set()),
    ):
        assert (q, await _named(desk, q)) == (q, found)


async def test_clients_are_found_by_how_a_vehicle_begins(desk: Desk, other_desk: Desk) -> None:
    for at, name, vehicle in (
        (desk, "Ada", "Škoda Octavia 2019"),
        (desk, "Ada", "Honda Civic"),
        (desk, "Bob", "Honda Jazz"),
        (desk, "Cat", None),
        (other_desk, "Dan", "Honda Civic"),
    ):
        there = [client for client in await _found(at, name) if client.name == name]
        client = ClientId(there[0].id) if there else await at.client(name)
        await at.container.add_invoice()(
            at.owner, client, number=None, issued_on=None, vehicle=vehicle, lines=[], tax=0
        )
    for q, found in (
        ("honda", {"Ada", "Bob"}),
        ("HONDA C", {"Ada"}),
        ("škoda", {"Ada"}),
        ("civic", set()),
        ("Honda Civic X", set()),
        ("bob", {"Bob"}),
    ):
        assert (q, await _named(desk, q)) == (q, found)
