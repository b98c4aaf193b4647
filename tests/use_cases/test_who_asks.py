"""Whatever is read first finds out who asks, and nobody is shown anything (R25)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from msgspec.structs import replace

from core.errors import NotFound, Unauthenticated
from core.ids import ApiKeyId, ClientId, EntryId, InvoiceId, PaymentId, StaffId
from core.staff import ActorKind, Caller, Permission
from core.use_cases.staff import StaffEdit
from tests.desk import Desk, keyed

Look = Callable[[Desk, Caller], Awaitable[object]]


async def former_member(desk: Desk, _other: Desk) -> Caller:
    member, caller = await desk.hire()
    await desk.container.edit_staff_member()(desk.owner, StaffId(member.id), StaffEdit(active=False))
    return caller


async def unknown_member(desk: Desk, _other: Desk) -> Caller:
    return Caller(replace(desk.owner.credential, id=uuid4()))


async def member_of_another_shop(desk: Desk, other: Desk) -> Caller:
    return Caller(replace(other.owner.credential, shop_id=desk.shop_id))


async def shop_that_is_none(desk: Desk, _other: Desk) -> Caller:
    return Caller(replace(desk.owner.credential, shop_id=uuid4()))


async def deleted_key(desk: Desk, _other: Desk) -> Caller:
    caller = await desk.api_key()
    await desk.container.delete_api_key()(desk.owner, ApiKeyId(caller.credential.id))
    return caller


async def key_with_another_secret(desk: Desk, _other: Desk) -> Caller:
    return Caller(replace((await desk.api_key()).credential, secret_hash=bytes(32)))


async def key_without_its_secret(desk: Desk, _other: Desk) -> Caller:
    return Caller(replace((await desk.api_key()).credential, secret_hash=None))


async def key_that_says_it_is_a_person(desk: Desk, _other: Desk) -> Caller:
    return Caller(replace((await desk.api_key()).credential, kind=ActorKind.STAFF))


async def person_who_says_they_are_a_key(desk: Desk, _other: Desk) -> Caller:
    return Caller(replace(desk.owner.credential, kind=ActorKind.API_KEY))


async def tab(desk: Desk, caller: Caller) -> object:
    return await desk.tab(await desk.client(), caller=caller)


async def tab_of_nobody(desk: Desk, caller: Caller) -> object:
    return await desk.tab(ClientId(uuid4()), caller=caller)


async def card(desk: Desk, caller: Caller) -> object:
    return await desk.container.show_client()(caller, await desk.client())


async def entries(desk: Desk, caller: Caller) -> object:
    client = await desk.client()
    await desk.add(client, 5000)
    return await desk.container.list_entries()(caller, client, kind=None, first=None, last=None, after=None, limit=25)


async def entry(desk: Desk, caller: Caller) -> object:
    added = await desk.add(await desk.client(), 5000)
    return await desk.container.show_entry()(caller, EntryId(added.id))


async def explained(desk: Desk, caller: Caller) -> object:
    return await desk.container.explain_balance()(caller, await desk.client(), after=None, limit=25)


async def options(desk: Desk, caller: Caller) -> object:
    return await desk.options(await desk.invoice(await desk.client()), caller=caller)


async def invoice(desk: Desk, caller: Caller) -> object:
    return await desk.container.show_invoice()(caller, InvoiceId(await desk.invoice(await desk.client())))


async def invoices(desk: Desk, caller: Caller) -> object:
    return await desk.container.list_invoices()(caller, client_id=None, status=None, after=None, limit=25)


async def payment(desk: Desk, caller: Caller) -> object:
    paid = await desk.pay(await desk.invoice(await desk.client()), 1000)
    return await desk.container.show_payment()(caller, PaymentId(paid.id))


async def clients(desk: Desk, caller: Caller) -> object:
    return await desk.container.list_clients()(caller, q=None, has_credit=None, deleted=False, after=None, limit=25)


async def shop_settings(desk: Desk, caller: Caller) -> object:
    return await desk.container.show_shop()(caller)


async def money_collected(desk: Desk, caller: Caller) -> object:
    return await desk.container.report_collected()(caller, first=None, last=None)


LOOKS = [
    tab,
    tab_of_nobody,
    card,
    entries,
    entry,
    explained,
    options,
    invoice,
    invoices,
    payment,
    clients,
    shop_settings,
    money_collected,
]


@pytest.mark.parametrize(
    "nobody",
    [
        former_member,
        unknown_member,
        member_of_another_shop,
        shop_that_is_none,
        deleted_key,
        key_with_another_secret,
        key_without_its_secret,
        key_that_says_it_is_a_person,
        person_who_says_they_are_a_key,
    ],
)
async def test_r25_nobody_is_shown_anything_nor_told_what_there_is(
    desk: Desk, other_desk: Desk, nobody: Callable[[Desk, Desk], Awaitable[Caller]]
) -> None:
    caller = await nobody(desk, other_desk)
    for look in LOOKS:
        with pytest.raises(Unauthenticated):
            await look(desk, caller)


async def test_everybody_at_the_shop_may_look(desk: Desk) -> None:
    _, member = await desk.hire()
    for caller in (member, await desk.api_key()):
        for look in LOOKS:
            if look is tab_of_nobody:
                with pytest.raises(NotFound):
                    await look(desk, caller)
            else:
                assert await look(desk, caller) is not None


async def test_a_first_read_finds_out_the_same_as_asking_first(desk: Desk) -> None:
    transactions = desk.container.transactions()
    _, member = await desk.hire(Permission.MANAGE_CLIENTS, Permission.CREATE_PAYMENTS)
    client = await desk.client()
    for caller in (member, desk.owner, await desk.api_key(Permission.MANAGE_INVOICES)):
        async with transactions.for_shop(caller) as shop:
            asker = await shop.admit()
            settings = shop.shop
        async with transactions.for_shop(caller) as shop:
            await shop.clients.view(client)
            assert (shop.asker, shop.shop) == (asker, settings)
        async with transactions.for_shop(caller) as shop:
            await shop.clients.names([client])
            assert (shop.asker, shop.shop) == (asker, settings)


async def test_what_is_missing_is_no_reason_to_forget_who_asked(desk: Desk) -> None:
    async with desk.container.transactions().for_shop(desk.owner) as shop:
        with pytest.raises(NotFound):
            await shop.clients.view(ClientId(uuid4()))
        assert shop.asker.id == desk.owner.credential.id


async def test_who_asks_and_the_shop_are_not_known_before_something_was_read(desk: Desk) -> None:
    async with desk.container.transactions().for_shop(desk.owner) as shop:
        for known in (lambda: shop.asker, lambda: shop.shop):
            with pytest.raises(RuntimeError, match="not known yet"):
                known()


async def test_nothing_is_written_before_it_is_known_for_whom(desk: Desk) -> None:
    with pytest.raises(RuntimeError, match="nobody writes"):
        async with desk.container.transactions().for_shop(desk.owner) as shop:
            await shop.invoices.next_number()


async def test_a_request_with_a_key_asks_first_whether_it_was_answered(desk: Desk) -> None:
    with pytest.raises(RuntimeError, match="whether the key was answered comes first"):
        async with desk.container.transactions().for_shop(keyed(desk.owner, uuid4().hex)) as shop:
            await shop.clients.view(ClientId(uuid4()))
