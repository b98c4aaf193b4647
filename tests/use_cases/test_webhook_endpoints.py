"""Webhook endpoints at a shop: what is refused, and what two at once can do."""

import asyncio
from datetime import date, timedelta

import pytest

from core.deliveries import DeliveryState, OffReason
from core.errors import EndpointOff, InvalidField, NotFound, TooManyEndpoints
from core.ids import DeliveryId, EndpointId
from core.notices import NoticeKind
from core.use_cases.webhook_endpoints import EndpointEdit
from core.views import Page
from core.webhook_views import DeliveryView, WebhookEndpointView
from tests.desk import Desk, keyed
from tests.soundness import Auditor, outcomes

LONG_AGO = date(2020, 1, 1)


async def edit(desk: Desk, endpoint: WebhookEndpointView, **changes: object) -> WebhookEndpointView:
    changed = EndpointEdit(**changes)  # type: ignore[arg-type]  # a test names what it changes
    return await desk.container.edit_webhook_endpoint()(desk.owner, EndpointId(endpoint.id), changed)


async def log(desk: Desk, endpoint: WebhookEndpointView) -> Page[DeliveryView]:
    return await desk.container.list_endpoint_deliveries()(
        desk.owner, EndpointId(endpoint.id), state=None, after=None, limit=100
    )


async def test_the_twenty_first_endpoint_is_refused(desk: Desk, auditor: Auditor) -> None:
    made = [await desk.endpoint() for _ in range(20)]
    async with auditor.refuses(desk, TooManyEndpoints, facts={"most": 20}):
        await desk.endpoint()
    await desk.container.delete_webhook_endpoint()(desk.owner, EndpointId(made[7].id))
    await desk.endpoint()


async def test_nothing_is_sent_again_to_an_endpoint_that_is_off(desk: Desk, auditor: Auditor) -> None:
    await desk.add(await desk.client(), 100)
    endpoint = await desk.endpoint()
    delivery_id = await desk.delivery(endpoint.id)
    off = await edit(desk, endpoint, on=False)
    assert (off.on, off.off_reason) == (False, OffReason.BY_STAFF)
    [failed] = (await log(desk, endpoint)).items
    assert (failed.id, failed.state) == (delivery_id, DeliveryState.FAILED)
    async with auditor.refuses(desk, EndpointOff):
        await desk.container.resend_delivery()(desk.owner, delivery_id)
    async with auditor.refuses(desk, EndpointOff):
        await desk.container.resend_missed()(
            desk.owner, EndpointId(endpoint.id), first=LONG_AGO, last=None, delivered_too=False
        )
    await edit(desk, endpoint, on=True)
    sent = await desk.container.resend_delivery()(desk.owner, DeliveryId(delivery_id))
    assert sent.state is DeliveryState.PENDING


@pytest.mark.parametrize("url", ["http://93.184.215.14/", "https://127.0.0.1/", "https://localhost/", "https://10.1/"])
async def test_an_address_that_nothing_is_sent_to_is_not_kept(desk: Desk, auditor: Auditor, url: str) -> None:
    endpoint = await desk.endpoint()
    async with auditor.refuses(desk, InvalidField, facts={"field": "url"}):
        await desk.endpoint(url)
    async with auditor.refuses(desk, InvalidField, facts={"field": "url"}):
        await edit(desk, endpoint, url=url)


async def test_a_deleted_endpoint_is_not_there(desk: Desk, auditor: Auditor) -> None:
    endpoint = await desk.endpoint()
    delete = desk.container.delete_webhook_endpoint()
    await delete(desk.owner, EndpointId(endpoint.id))
    for again in (
        lambda: delete(desk.owner, EndpointId(endpoint.id)),
        lambda: edit(desk, endpoint, on=True),
        lambda: edit(desk, endpoint, url="https://93.184.215.14/moved"),
        lambda: desk.container.rotate_webhook_secret()(desk.owner, EndpointId(endpoint.id)),
        lambda: log(desk, endpoint),
    ):
        async with auditor.refuses(desk, NotFound):
            await again()


async def test_two_who_ask_for_the_same_at_once_have_it_done_once(desk: Desk, auditor: Auditor) -> None:
    for _ in range(3):
        await desk.add(await desk.client(), 100)
    await auditor.connection.execute("UPDATE outbox SET due_at = NULL WHERE shop_id = $1", desk.shop_id)
    endpoint = await desk.endpoint()
    resend = desk.container.resend_missed()
    many = [
        resend(desk.owner, EndpointId(endpoint.id), first=LONG_AGO, last=None, delivered_too=False) for _ in range(8)
    ]
    found = [answer.notices for answer in await asyncio.gather(*many)]
    assert sorted(found) == [0] * 7 + [3]
    assert len((await log(desk, endpoint)).items) == 3


async def test_one_key_makes_one_endpoint_whatever_the_timing(desk: Desk) -> None:
    add = desk.container.add_webhook_endpoint()
    caller = keyed(desk.owner, "k")
    await outcomes(
        *(
            add(caller, url="https://93.184.215.14/", description="", kinds=frozenset({NoticeKind.CREDIT_ADDED}))
            for _ in range(8)
        )
    )
    assert len((await desk.container.list_webhook_endpoints()(desk.owner, after=None, limit=100)).items) == 1


async def test_two_rotations_at_once_are_two_rotations(desk: Desk) -> None:
    endpoint = await desk.endpoint()
    rotate = desk.container.rotate_webhook_secret()
    made = await asyncio.gather(*(rotate(desk.owner, EndpointId(endpoint.id)) for _ in range(4)))
    assert len({endpoint.secret, *(each.secret for each in made)}) == 5
    until = {each.previous_secret_until for each in made}
    assert all(each is not None and each - endpoint.created_at >= timedelta(hours=24) for each in until)
