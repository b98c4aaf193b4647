"""Races: whatever the timing, the outcome is one that some order of the requests would have had (R3).

Where two requests meet, they are made to: the account is held until both wait for it, and they get it in the order in
which they came. So each pair is tried in both orders, and no test hopes for a coincidence.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import pytest

from core.errors import (
    AllocationExceedsDue,
    AlreadyVoided,
    ClientDeleted,
    ClientHasCredit,
    CreditAlreadySpent,
    InvoiceBelowAppliedCredit,
    InvoiceChanged,
    InvoiceHasPayments,
    InvoiceNumberTaken,
    InvoiceVoid,
    NoCredit,
    NotOverpaid,
    OverpaymentChoiceRequired,
    PaymentDeleted,
    PaymentNotEditable,
    RefundExceedsPaid,
)
from core.ids import InvoiceId
from core.invoices import InvoiceContent
from core.use_cases.invoices import InvoiceEdit
from core.views import EntryView, InvoiceView, RecordedPaymentView
from ports.transactions import AlreadyAnswered
from tests.desk import Desk, keyed
from tests.soundness import Auditor, outcomes

AsksFor = Callable[[], Awaitable[object]]


@asynccontextmanager
async def account_held(auditor: Auditor, client: UUID) -> AsyncIterator[None]:
    """Nobody gets the client's account before the block ends."""
    async with auditor.connection.transaction():
        shop = await auditor.connection.fetchval("SELECT shop_id FROM credit_accounts WHERE client_id = $1", client)
        lock = "SELECT FROM credit_accounts WHERE shop_id = $1 AND client_id = $2 FOR UPDATE"
        await auditor.connection.execute(lock, shop, client)
        yield


async def in_this_order(auditor: Auditor, client: UUID, *requests: AsksFor) -> list[Any]:
    """What each request ends with, when all have begun before the first of them gets the account."""
    running: list[asyncio.Future[object]] = []
    async with account_held(auditor, client):
        for request in requests:
            running.append(asyncio.ensure_future(request()))
            await auditor.until_waiting(len(running))
    return await outcomes(*running)


def kinds(answers: list[Any]) -> list[str]:
    return sorted(type(answer).__name__ for answer in answers)


both_orders = pytest.mark.parametrize("turned", [False, True], ids=["as written", "the other way round"])


async def race(auditor: Auditor, client: UUID, turned: bool, first: AsksFor, second: AsksFor) -> tuple[Any, Any]:
    """The outcomes of first and second, in whichever order they got the account."""
    if turned:
        late, early = await in_this_order(auditor, client, second, first)
        return early, late
    early, late = await in_this_order(auditor, client, first, second)
    return early, late


async def test_fifty_who_spend_one_balance_take_all_of_it_and_never_more(desk: Desk) -> None:
    client = await desk.client()
    await desk.add(client, 10000)
    invoices = [await desk.invoice(client, 20000) for _ in range(50)]
    answers = await outcomes(*(desk.apply(invoice, 3000) for invoice in invoices))
    taken = [answer for answer in answers if isinstance(answer, RecordedPaymentView)]
    assert sorted((p.amount, p.capped_by) for p in taken) == [
        (1000, "credit_balance"),
        (3000, None),
        (3000, None),
        (3000, None),
    ]
    assert Counter(kinds(answers)) == {"RecordedPaymentView": 4, "NoCredit": 46}
    assert (await desk.card(client)).credit == 0


async def test_fifty_who_spend_on_one_invoice_take_what_is_due_and_never_more(desk: Desk) -> None:
    client = await desk.client()
    await desk.add(client, 50000)
    invoice = await desk.invoice(client, 10000)
    answers = await outcomes(*(desk.apply(invoice, 3000) for _ in range(50)))
    assert Counter(kinds(answers)) == {"RecordedPaymentView": 4, "NothingDue": 46}
    assert ((await desk.show(invoice)).due, (await desk.card(client)).credit) == (0, 40000)


async def test_fifty_who_add_credit_lose_none_of_it(desk: Desk) -> None:
    client = await desk.client()
    await asyncio.gather(*(desk.add(client, 1 + place) for place in range(50)))
    entries = await desk.entries(client)
    assert [entry.number for entry in entries] == list(range(1, 51))
    assert (await desk.card(client)).credit == sum(range(1, 51))


async def test_of_two_voids_at_once_one_is_refused(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    added = await desk.add(client, 5000)
    await desk.add(client, 5000)
    answers = await in_this_order(auditor, client, lambda: desk.void(added.id), lambda: desk.void(added.id))
    assert [type(answer) for answer in answers] == [EntryView, AlreadyVoided]
    assert (await desk.card(client)).credit == 5000


@both_orders
async def test_void_against_apply_never_spends_what_is_voided(desk: Desk, auditor: Auditor, turned: bool) -> None:
    client = await desk.client()
    added = await desk.add(client, 5000)
    invoice = await desk.invoice(client, 2000)
    voided, applied = await race(auditor, client, turned, lambda: desk.void(added.id), lambda: desk.apply(invoice))
    if turned:
        assert isinstance(applied, RecordedPaymentView)
        assert isinstance(voided, CreditAlreadySpent)
        assert (voided.shortfall, [s.payment_id for s in voided.spent_by]) == (2000, [applied.id])
    else:
        assert isinstance(voided, EntryView)
        assert isinstance(applied, NoCredit)


async def test_of_two_who_delete_one_payment_at_once_one_is_refused(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    await desk.add(client, 5000)
    invoice = await desk.invoice(client, 9000)
    credit = await desk.apply(invoice)
    cash = await desk.pay(invoice, 5000, overpayment="capture")
    for payment in (credit, cash):
        answers = await in_this_order(auditor, client, *[lambda p=payment: desk.delete(p.id)] * 3)
        assert [type(answer) for answer in answers] == [type(None), PaymentDeleted, PaymentDeleted]
    assert ((await desk.card(client)).credit, (await desk.show(invoice)).due) == (5000, 9000)


async def test_two_payments_whose_captured_credit_is_half_spent_are_not_both_deleted(
    desk: Desk, auditor: Auditor
) -> None:
    client = await desk.client()
    first, second, third = [await desk.invoice(client, 1000) for _ in range(3)]
    payments = [await desk.pay(invoice, 1500, overpayment="capture") for invoice in (first, second)]
    await desk.apply(third, 400)
    answers = await in_this_order(
        auditor, client, lambda: desk.delete(payments[0].id), lambda: desk.delete(payments[1].id)
    )
    assert answers[0] is None
    assert isinstance(answers[1], CreditAlreadySpent)
    assert answers[1].shortfall == 400


@both_orders
async def test_delete_client_against_add_leaves_no_credit_with_a_deleted_client(
    desk: Desk, auditor: Auditor, turned: bool
) -> None:
    client = await desk.client()
    deleted, added = await race(
        auditor, client, turned, lambda: desk.delete_client(client), lambda: desk.add(client, 100)
    )
    if turned:
        assert (type(deleted), type(added)) == (ClientHasCredit, EntryView)
    else:
        assert (type(deleted), type(added)) == (type(None), ClientDeleted)


@both_orders
async def test_delete_client_against_a_payment_that_overpays(desk: Desk, auditor: Auditor, turned: bool) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 100)
    answers = await race(
        auditor,
        client,
        turned,
        lambda: desk.delete_client(client),
        lambda: desk.pay(invoice, 200, overpayment="leave"),
    )
    expected = ["ClientHasOverpayment", "RecordedPaymentView"] if turned else ["NoneType", "ClientDeleted"]
    assert [type(answer).__name__ for answer in answers] == expected


@both_orders
async def test_delete_client_against_a_new_invoice(desk: Desk, auditor: Auditor, turned: bool) -> None:
    client = await desk.client()
    _, made = await race(auditor, client, turned, lambda: desk.delete_client(client), lambda: desk.invoice(client))
    assert isinstance(made, UUID if turned else ClientDeleted)


@both_orders
async def test_edit_invoice_against_apply_never_leaves_more_credit_on_it_than_its_total(
    desk: Desk, auditor: Auditor, turned: bool
) -> None:
    client = await desk.client()
    await desk.add(client, 5000)
    invoice = await desk.invoice(client, 5000)
    edited, applied = await race(
        auditor, client, turned, lambda: desk.edit_total(invoice, 2000), lambda: desk.apply(invoice)
    )
    assert isinstance(applied, RecordedPaymentView)
    if turned:
        assert isinstance(edited, InvoiceBelowAppliedCredit)
        assert (applied.amount, edited.applied_credit) == (5000, 5000)
    else:
        assert isinstance(edited, InvoiceView)
        assert applied.amount == 2000


async def test_an_overpayment_is_captured_once_by_whoever_comes_first(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    await desk.pay(invoice, 1500, overpayment="leave")
    answers = await in_this_order(auditor, client, *[lambda: desk.capture(invoice)] * 3)
    assert [type(answer) for answer in answers[1:]] == [NotOverpaid, NotOverpaid]
    assert answers[0].captured == (await desk.card(client)).credit == 500


@both_orders
async def test_void_invoice_against_take_payment(desk: Desk, auditor: Auditor, turned: bool) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    voided, paid = await race(
        auditor, client, turned, lambda: desk.void_invoice(invoice), lambda: desk.pay(invoice, 500)
    )
    if turned:
        assert (type(voided), type(paid)) == (InvoiceHasPayments, RecordedPaymentView)
    else:
        assert (type(voided), type(paid)) == (InvoiceView, InvoiceVoid)


@both_orders
async def test_bulk_payment_against_single_payment_on_the_same_invoice(
    desk: Desk, auditor: Auditor, turned: bool
) -> None:
    client = await desk.client()
    invoice, other = await desk.invoice(client, 1000), await desk.invoice(client, 1000)
    together, single = await race(
        auditor,
        client,
        turned,
        lambda: desk.pay_together(client, [(other, 1000), (invoice, 1000)]),
        lambda: desk.pay(invoice, 600),
    )
    if turned:
        assert isinstance(together, AllocationExceedsDue)
        assert (together.allocation, together.due) == (1, 400)
        assert (await desk.show(other)).due == 1000
    else:
        assert isinstance(single, OverpaymentChoiceRequired)
        assert single.excess == 600
        assert (await desk.show(other)).due == 0


async def test_bulk_payments_that_name_the_same_invoices_in_another_order_do_not_block_each_other(desk: Desk) -> None:
    client = await desk.client()
    invoices = [await desk.invoice(client, 10000) for _ in range(4)]
    parts = [(invoice, 10) for invoice in invoices]
    answers = await outcomes(*(desk.pay_together(client, parts if place % 2 else parts[::-1]) for place in range(20)))
    assert set(kinds(answers)) == {"BulkPaymentView"}
    assert [(await desk.show(invoice)).due for invoice in invoices] == [9800] * 4


@both_orders
async def test_delete_against_edit_of_one_payment(desk: Desk, auditor: Auditor, turned: bool) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    cash = await desk.pay(invoice, 500)
    _, edited = await race(auditor, client, turned, lambda: desk.delete(cash.id), lambda: desk.edit(cash.id, 700))
    assert type(edited).__name__ == ("PaymentView" if turned else "PaymentDeleted")
    assert (await desk.show(invoice)).due == 1000


@both_orders
async def test_edit_of_a_payment_against_capture_of_its_invoice(desk: Desk, auditor: Auditor, turned: bool) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    cash = await desk.pay(invoice, 1500, overpayment="leave")
    edited, captured = await race(
        auditor, client, turned, lambda: desk.edit(cash.id, 900), lambda: desk.capture(invoice)
    )
    if turned:
        assert isinstance(edited, PaymentNotEditable)
        assert captured.captured == 500
    else:
        assert edited.settled == 900
        assert isinstance(captured, NotOverpaid)


@both_orders
async def test_void_of_captured_credit_against_delete_of_its_payment(
    desk: Desk, auditor: Auditor, turned: bool
) -> None:
    client = await desk.client()
    cash = await desk.pay(await desk.invoice(client, 1000), 1500, overpayment="capture")
    entry = cash.entry
    assert entry is not None
    voided, deleted = await race(auditor, client, turned, lambda: desk.void(entry.id), lambda: desk.delete(cash.id))
    assert deleted is None
    assert isinstance(voided, AlreadyVoided if turned else EntryView)
    assert [e.kind for e in await desk.entries(client)] == ["captured", "voided"]


async def test_two_refunds_of_one_invoice_at_once_are_not_more_than_was_paid(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    await desk.pay(invoice, 1000)
    answers = await in_this_order(
        auditor, client, *[lambda: desk.add(client, 600, reason="refund", invoice_id=invoice)] * 2
    )
    assert isinstance(answers[1], RefundExceedsPaid)
    assert answers[1].refundable == 400


@both_orders
async def test_refund_against_delete_of_the_payment(desk: Desk, auditor: Auditor, turned: bool) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    cash = await desk.pay(invoice, 1000)
    deleted, refunded = await race(
        auditor,
        client,
        turned,
        lambda: desk.delete(cash.id),
        lambda: desk.add(client, 1000, reason="refund", invoice_id=invoice),
    )
    assert deleted is None
    assert isinstance(refunded, EntryView if turned else RefundExceedsPaid)


def the_same_bytes(answers: list[Any]) -> bytes:
    """The one answer that all got: one of them first, the others again."""
    first = [answer for answer in answers if not isinstance(answer, AlreadyAnswered)]
    assert len(first) == 1
    assert not isinstance(first[0], BaseException), first[0]
    bodies = {b"" if first[0] is None else msgspec.json.encode(first[0])}
    bodies |= {answer.body for answer in answers if isinstance(answer, AlreadyAnswered)}
    assert len(bodies) == 1
    return bodies.pop()


async def test_one_key_twenty_times_at_once_is_one_effect_and_one_answer(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 5000)
    adding, spending = keyed(desk.owner, "add"), keyed(desk.owner, "spend")
    the_same_bytes(await outcomes(*(desk.add(client, 5000, caller=adding) for _ in range(20))))
    # All of the balance and all that is due: a second one would be refused.
    the_same_bytes(await outcomes(*(desk.apply(invoice, caller=spending) for _ in range(20))))
    entries = await desk.entries(client)
    assert [entry.kind for entry in entries] == ["added", "applied"]
    deleting = keyed(desk.owner, "delete")
    payment = entries[-1].payment_id
    assert payment is not None
    assert the_same_bytes(await outcomes(*(desk.delete(payment, caller=deleting) for _ in range(20)))) == b""


async def test_one_key_many_times_at_once_after_all_began_is_one_effect_and_one_answer(
    desk: Desk, auditor: Auditor
) -> None:
    client = await desk.client()
    await desk.add(client, 5000)
    invoice = await desk.invoice(client, 5000)
    caller = keyed(desk.owner, "spend")
    answers = await in_this_order(auditor, client, *[lambda: desk.apply(invoice, caller=caller)] * 12)
    the_same_bytes(answers)


async def test_one_key_on_requests_of_different_clients_at_once_is_one_effect(desk: Desk) -> None:
    for attempt in range(5):
        clients = [await desk.client() for _ in range(10)]
        answers = await outcomes(
            *(
                desk.add(client, 100, caller=keyed(desk.owner, f"key {attempt}", b"adds to %d" % place))
                for place, client in enumerate(clients)
            )
        )
        assert Counter(kinds(answers)) == {"EntryView": 1, "IdempotencyKeyReused": 9}
        assert sum([(await desk.card(client)).credit for client in clients]) == 100


async def test_one_key_on_requests_of_two_clients_that_both_reached_the_write_is_one_effect(
    desk: Desk, auditor: Auditor
) -> None:
    one, two = await desk.client(), await desk.client()
    async with auditor.connection.transaction():
        # Both have decided, both have read that the key is free, and both wait to write.
        await auditor.connection.execute("LOCK TABLE ledger_entries IN SHARE ROW EXCLUSIVE MODE")
        adding = [
            asyncio.ensure_future(desk.add(client, 100, caller=keyed(desk.owner, "k", bytes([place]))))
            for place, client in enumerate((one, two))
        ]
        await auditor.until_waiting(2)
    assert kinds(await outcomes(*adding)) == ["EntryView", "IdempotencyKeyReused"]


async def test_one_key_twenty_times_at_once_makes_one_client(desk: Desk) -> None:
    caller = keyed(desk.owner, "new client")
    add = desk.container.add_client()
    the_same_bytes(await outcomes(*(add(caller, name="Pat", email=None, phone=None) for _ in range(20))))
    page = await desk.container.list_clients()(
        desk.owner, q=None, has_credit=None, deleted=False, after=None, limit=100
    )
    assert len(page.items) == 1


async def test_one_key_many_times_at_once_makes_one_client_also_if_all_have_written(
    desk: Desk, auditor: Auditor
) -> None:
    caller = keyed(desk.owner, "new client")
    add = desk.container.add_client()
    async with auditor.connection.transaction():
        await auditor.connection.execute("LOCK TABLE idempotency_records IN SHARE ROW EXCLUSIVE MODE")
        adding = [asyncio.ensure_future(add(caller, name="Pat", email=None, phone=None)) for _ in range(12)]
        await auditor.until_waiting(12)
    the_same_bytes(await outcomes(*adding))
    assert len(await auditor.rows("clients", desk.shop_id)) == 1


async def test_one_key_twenty_times_at_once_makes_one_api_key(desk: Desk) -> None:
    caller = keyed(desk.owner, "new key")
    add = desk.container.add_api_key()
    the_same_bytes(await outcomes(*(add(caller, name="till", permissions=set()) for _ in range(20))))
    assert len((await desk.container.list_api_keys()(desk.owner, after=None, limit=100)).items) == 1


async def test_of_two_invoices_with_one_number_at_once_one_is_refused(desk: Desk) -> None:
    clients = [await desk.client() for _ in range(10)]
    answers = await outcomes(*(desk.invoice(client, number="A-1") for client in clients))
    assert Counter(kinds(answers)) == {"UUID": 1, "InvoiceNumberTaken": 9}


async def test_two_invoices_that_take_one_number_and_both_found_it_free(desk: Desk, auditor: Auditor) -> None:
    clients = [await desk.client() for _ in range(2)]
    async with auditor.connection.transaction():
        await auditor.connection.execute("LOCK TABLE invoices IN SHARE ROW EXCLUSIVE MODE")
        making = [asyncio.ensure_future(desk.invoice(client, number="A-1")) for client in clients]
        await auditor.until_waiting(2)
    assert kinds(await outcomes(*making)) == ["InvoiceNumberTaken", "UUID"]


async def test_two_invoices_edited_to_one_number_at_once(desk: Desk) -> None:
    invoices = [await desk.invoice(await desk.client()) for _ in range(10)]
    edit = desk.container.edit_invoice()
    answers = await outcomes(*(edit(desk.owner, InvoiceId(i), InvoiceEdit(number="A-1")) for i in invoices))
    assert Counter(kinds(answers)) == {"InvoiceView": 1, "InvoiceNumberTaken": 9}


async def test_of_edits_that_were_made_from_the_same_invoice_one_is_saved(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    shown = await desk.show(invoice)
    was = InvoiceContent(
        number=shown.number, issued_on=shown.issued_on, vehicle=None, lines=tuple(shown.lines), tax=0
    ).digest
    edit = desk.container.edit_invoice()
    vehicles = ["2014 Outback", "2021 Bolt"]
    answers = await in_this_order(
        auditor, client, *(partial(edit, desk.owner, invoice, InvoiceEdit(vehicle=each), was=was) for each in vehicles)
    )
    assert [type(answer) for answer in answers] == [InvoiceView, InvoiceChanged]
    assert (await desk.show(invoice)).vehicle == "2014 Outback"
    # Who does not say what the edit was made from changes the invoice whatever it says.
    assert (await edit(desk.owner, invoice, InvoiceEdit(vehicle="2019 Civic"))).vehicle == "2019 Civic"


async def test_an_invoice_number_that_is_taken_is_refused(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, number="A-1")
    other = await desk.invoice(client, number="A-2")
    async with auditor.refuses(desk, InvoiceNumberTaken):
        await desk.invoice(client, number="A-1")
    async with auditor.refuses(desk, InvoiceNumberTaken):
        await desk.container.edit_invoice()(desk.owner, other, InvoiceEdit(number="A-1"))
    await desk.container.edit_invoice()(desk.owner, invoice, InvoiceEdit(number="A-1"))


async def test_numbers_made_for_twenty_invoices_at_once_differ_and_pass_over_those_taken_by_hand(desk: Desk) -> None:
    clients = [await desk.client() for _ in range(20)]
    for number in ("INV-3", "INV-4", "INV-9"):
        await desk.invoice(clients[0], number=number)
    made = await asyncio.gather(*(desk.invoice(client) for client in clients))
    numbers = {(await desk.show(invoice)).number for invoice in made}
    assert numbers == {f"INV-{n}" for n in range(1, 24)} - {"INV-3", "INV-4", "INV-9"}


async def test_everything_at_once_leaves_the_books_sound(desk: Desk) -> None:
    """Two clients, four tills, every kind of request, none of which knows of the others."""
    clients = [await desk.client(), await desk.client()]
    invoices = {client: [await desk.invoice(client, 3000) for _ in range(2)] for client in clients}

    async def till(number: int) -> None:
        client = clients[number % 2]
        first, second = invoices[client]
        for turn in range(6):
            added, cash = await outcomes(
                desk.add(client, 700 + turn), desk.pay(first, 1700, overpayment=("capture", "leave")[turn % 2])
            )
            credit, *_ = await outcomes(
                desk.apply(second, 900),
                desk.pay_together(client, [(first, 50), (second, 50)]),
                desk.capture(first),
                desk.edit_total(second, 2500 + turn),
            )
            await outcomes(
                *(desk.void(entry.id) for entry in (added,) if isinstance(entry, EntryView)),
                *(desk.delete(p.id) for p in (cash, credit) if isinstance(p, RecordedPaymentView) and turn % 3),
                desk.delete_client(client),
            )

    await asyncio.gather(*(till(number) for number in range(4)))
    for client in clients:
        card = await desk.card(client)
        assert card.invoiced - card.paid == card.due - card.overpaid
