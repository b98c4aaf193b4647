"""Idempotency keys: the first answer again, byte for byte, and one effect."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec
import pytest

from core.errors import (
    IdempotencyKeyReused,
    NoCredit,
    NotFound,
    OverpaymentChoiceRequired,
    PermissionDenied,
    Unauthenticated,
)
from core.ids import ApiKeyId, ClientId, StaffId
from core.invoices import InvoiceLine
from core.staff import Caller, IdempotencyKey, Permission
from core.use_cases.staff import StaffEdit
from core.views import NewApiKeyView
from ports.transactions import AlreadyAnswered
from tests.desk import PASSWORD, Desk, keyed
from tests.soundness import Auditor


async def _replay(request: Awaitable[object]) -> AlreadyAnswered:
    with pytest.raises(AlreadyAnswered) as answered:
        await request
    return answered.value


async def _credit_for(desk: Desk, total: int = 1000) -> UUID:
    """An invoice of a client who has credit."""
    client = await desk.client()
    await desk.add(client, 500)
    return await desk.invoice(client, total)


async def _a_bulk(desk: Desk) -> tuple[UUID, list[tuple[UUID, int]]]:
    client = await desk.client()
    return client, [(await desk.invoice(client, 100), 100) for _ in range(2)]


Request = Callable[[Caller], Awaitable[object]]


async def _add_credit(desk: Desk) -> Request:
    client = await desk.client()
    return lambda caller: desk.add(client, 500, caller=caller)


async def _void(desk: Desk) -> Request:
    entry = await desk.add(await desk.client(), 500)
    return lambda caller: desk.void(entry.id, caller=caller)


async def _apply(desk: Desk) -> Request:
    invoice = await _credit_for(desk)
    return lambda caller: desk.apply(invoice, 10**6, caller=caller)


async def _pay(desk: Desk) -> Request:
    invoice = await _credit_for(desk)
    return lambda caller: desk.pay(invoice, 1500, overpayment="capture", caller=caller)


async def _delete_payment(desk: Desk) -> Request:
    payment = await desk.apply(await _credit_for(desk))
    return lambda caller: desk.delete(payment.id, caller=caller)


async def _pay_together(desk: Desk) -> Request:
    client, allocations = await _a_bulk(desk)
    return lambda caller: desk.pay_together(client, allocations, caller=caller)


async def _delete_together(desk: Desk) -> Request:
    client, allocations = await _a_bulk(desk)
    bulk = await desk.pay_together(client, allocations)
    return lambda caller: desk.delete_together(bulk.id, caller=caller)


async def _capture(desk: Desk) -> Request:
    invoice = await _credit_for(desk)
    await desk.pay(invoice, 1500, overpayment="leave")
    return lambda caller: desk.capture(invoice, caller=caller)


async def _add_client(desk: Desk) -> Request:
    return lambda caller: desk.container.add_client()(caller, name="Pat", email=None, phone=None)


async def _delete_client(desk: Desk) -> Request:
    client = await desk.client()
    return lambda caller: desk.delete_client(client, caller=caller)


async def _restore_client(desk: Desk) -> Request:
    client = await desk.client()
    await desk.delete_client(client)
    return lambda caller: desk.restore_client(client, caller=caller)


async def _add_invoice(desk: Desk) -> Request:
    client = await desk.client()
    lines = [InvoiceLine(description="Work", quantity=1, unit_price=100)]
    return lambda caller: desk.container.add_invoice()(
        caller, client, number=None, issued_on=None, vehicle=None, lines=lines, tax=0
    )


async def _void_invoice(desk: Desk) -> Request:
    invoice = await _credit_for(desk)
    return lambda caller: desk.void_invoice(invoice, caller=caller)


async def _add_staff(desk: Desk) -> Request:
    return lambda caller: desk.container.add_staff_member()(
        caller, name="New", email="new@example.com", permissions={Permission.MANAGE_CLIENTS}, password=PASSWORD
    )


async def _add_key(desk: Desk) -> Request:
    return lambda caller: desk.container.add_api_key()(caller, name="till", permissions=set(Permission))


async def _delete_key(desk: Desk) -> Request:
    key = await desk.api_key()
    return lambda caller: desk.container.delete_api_key()(caller, ApiKeyId(key.credential.id))


MADE, DONE, GONE = 201, 200, 204
REQUESTS: dict[str, tuple[int, Callable[[Desk], Awaitable[Request]]]] = {
    "add credit": (MADE, _add_credit),
    "void": (MADE, _void),
    "apply": (MADE, _apply),
    "pay": (MADE, _pay),
    "delete a payment": (GONE, _delete_payment),
    "pay together": (MADE, _pay_together),
    "delete together": (GONE, _delete_together),
    "capture": (MADE, _capture),
    "add a client": (MADE, _add_client),
    "delete a client": (GONE, _delete_client),
    "restore a client": (DONE, _restore_client),
    "add an invoice": (MADE, _add_invoice),
    "void an invoice": (DONE, _void_invoice),
    "add staff": (MADE, _add_staff),
    "add an API key": (MADE, _add_key),
    "delete an API key": (GONE, _delete_key),
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_repeat_is_answered_with_the_first_answer_byte_for_byte_and_does_nothing(
    desk: Desk, auditor: Auditor, name: str
) -> None:
    status, prepare = REQUESTS[name]
    request = await prepare(desk)
    caller = keyed(desk.owner, f"key for {name}")
    answer = await request(caller)
    body = b"" if answer is None else msgspec.json.encode(answer)
    async with auditor.changes_nothing(desk):
        for _ in range(2):
            replay = await _replay(request(caller))
            assert (replay.status, replay.body) == (status, body)


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_key_that_was_used_for_another_request_is_refused(desk: Desk, auditor: Auditor, name: str) -> None:
    _, prepare = REQUESTS[name]
    request = await prepare(desk)
    await desk.add(await desk.client(), 1, caller=keyed(desk.owner, "k", b"adding"))
    async with auditor.refuses(desk, IdempotencyKeyReused):
        await request(keyed(desk.owner, "k", b"something else"))


async def test_the_first_answer_is_given_again_whatever_happened_since(desk: Desk) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    await desk.add(client, 500)
    caller = keyed(desk.owner, "apply once")
    first = await desk.apply(invoice, caller=caller)
    await desk.delete(first.id)
    await desk.edit_total(invoice, 0)
    await desk.void((await desk.entries(client))[0].id)
    await desk.delete_client(client)
    assert (await _replay(desk.apply(invoice, caller=caller))).body == msgspec.json.encode(first)


async def test_a_refusal_leaves_the_key_free(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    caller = keyed(desk.owner, "k")
    async with auditor.refuses(desk, NoCredit):
        await desk.apply(invoice, caller=caller)
    async with auditor.refuses(desk, OverpaymentChoiceRequired):
        await desk.pay(invoice, 2000, caller=keyed(desk.owner, "k", b"cash"))
    await desk.add(client, 500)
    assert (await desk.apply(invoice, caller=caller)).amount == 500


async def test_a_key_is_remembered_at_its_shop_only(desk: Desk, other_desk: Desk) -> None:
    for at in (desk, other_desk):
        client = await at.client()
        await at.add(client, 500, caller=keyed(at.owner, "k"))
        assert (await at.card(client)).credit == 500


async def test_a_key_is_the_shop_s_whoever_of_its_staff_sends_it(desk: Desk) -> None:
    _, robin = await desk.hire(Permission.CREATE_PAYMENTS)
    client = await desk.client()
    first = await desk.add(client, 500, caller=keyed(desk.owner, "k"))
    assert (await _replay(desk.add(client, 500, caller=keyed(robin, "k")))).body == msgspec.json.encode(first)


async def test_permission_is_asked_before_a_repeat_is_answered(desk: Desk, auditor: Auditor) -> None:
    member, robin = await desk.hire(Permission.CREATE_PAYMENTS)
    client = await desk.client()
    caller = keyed(robin, "k")
    await desk.add(client, 500, caller=caller)
    edit = desk.container.edit_staff_member()
    await edit(desk.owner, StaffId(member.id), StaffEdit(permissions=frozenset()))
    async with auditor.refuses(desk, PermissionDenied):
        await desk.add(client, 500, caller=caller)
    await edit(desk.owner, StaffId(member.id), StaffEdit(active=False))
    async with auditor.refuses(desk, Unauthenticated):
        await desk.add(client, 500, caller=caller)


async def test_a_repeat_is_answered_before_the_thing_is_looked_for(desk: Desk, auditor: Auditor) -> None:
    await desk.add(await desk.client(), 500, caller=keyed(desk.owner, "k"))
    async with auditor.refuses(desk, IdempotencyKeyReused):
        await desk.add(ClientId(desk.shop_id), 500, caller=keyed(desk.owner, "k", b"another request"))
    async with auditor.refuses(desk, NotFound):
        await desk.add(ClientId(desk.shop_id), 500, caller=keyed(desk.owner, "unused"))


async def test_a_request_recorded_under_an_older_secret_key_is_still_known(desk: Desk) -> None:
    client = await desk.client()
    before = Caller(desk.owner.credential, IdempotencyKey("k", (b"by the old key",)))
    after = Caller(desk.owner.credential, IdempotencyKey("k", (b"by the new key", b"by the old key")))
    first = await desk.add(client, 500, caller=before)
    assert (await _replay(desk.add(client, 500, caller=after))).body == msgspec.json.encode(first)


async def test_a_repeat_shows_a_new_api_key_again_though_only_sealed_bytes_are_stored(
    desk: Desk, auditor: Auditor
) -> None:
    caller = keyed(desk.owner, "make a key once")
    made = await desk.container.add_api_key()(caller, name="till", permissions=set())
    secret = made.key.split("_", 3)[3]
    stored = await auditor.connection.fetch(
        "SELECT body, sealed FROM idempotency_records WHERE shop_id = $1", desk.shop_id
    )
    assert [row["sealed"] for row in stored] == [True]
    assert secret.encode() not in stored[0]["body"]
    assert made.name.encode() not in stored[0]["body"]
    assert secret not in str(await auditor.everything(desk.shop_id))
    replay = await _replay(desk.container.add_api_key()(caller, name="till", permissions=set()))
    assert msgspec.json.decode(replay.body, type=NewApiKeyView) == made
    # What is shown again still opens the door.
    await desk.container.show_me()(Caller(desk.container.credential_reader().read(made.key)))


async def test_what_is_no_secret_is_kept_as_it_was_answered(desk: Desk, auditor: Auditor) -> None:
    entry = await desk.add(await desk.client(), 500, caller=keyed(desk.owner, "k"))
    [row] = await auditor.connection.fetch("SELECT * FROM idempotency_records WHERE shop_id = $1", desk.shop_id)
    assert (row["key"], row["status"], row["body"], row["sealed"]) == ("k", 201, msgspec.json.encode(entry), False)


async def test_a_request_without_a_key_is_done_each_time(desk: Desk) -> None:
    client = await desk.client()
    for _ in range(3):
        await desk.add(client, 500)
    assert (await desk.card(client)).credit == 1500


async def test_notices_are_kept_of_committed_work_only_and_once(desk: Desk, auditor: Auditor) -> None:
    client = await desk.client()
    invoice = await desk.invoice(client, 1000)
    caller = keyed(desk.owner, "k")
    await desk.add(client, 500, caller=caller)
    with pytest.raises(AlreadyAnswered):
        await desk.add(client, 500, caller=caller)
    with pytest.raises(IdempotencyKeyReused):
        await desk.apply(invoice, caller=keyed(desk.owner, "k", b"another"))
    with pytest.raises(OverpaymentChoiceRequired):
        await desk.pay(invoice, 2000)
    assert len(await auditor.rows("outbox", desk.shop_id)) == 1
