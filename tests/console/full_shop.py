"""A shop that has everything, with the longest texts and the largest amounts that it may have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.ids import ClientId, DeliveryId, EndpointId, InvoiceId, StaffId
from core.invoices import InvoiceLine
from core.notices import NoticeKind
from core.payments import PaymentEdit
from core.staff import Permission
from core.use_cases.shop_settings import ShopEdit
from core.use_cases.staff import StaffEdit
from core.use_cases.webhook_endpoints import EndpointEdit
from entrypoints.console.credit import SOURCES_SHOWN
from tests.console.routes import Ids
from tests.console.sending import BY_EMAIL, answer, by_webhook, route
from tests.desk import Desk

LONG_NAME = "Maximiliana " * 16
LONG_WORD = "Donaudampfschifffahrtsgesellschaft" * 3
MOST = 99_999_999_999


@dataclass(frozen=True)
class FullShop:
    """``ids``: of the things that have most to show. ``newcomer``: a client who has nothing yet."""

    desk: Desk
    ids: Ids
    newcomer: UUID
    gone: UUID
    """A deleted client."""
    paid: UUID
    """An invoice that is paid with credit and cash."""


async def fill(desk: Desk) -> FullShop:
    """Everything that can happen at a counter, once."""
    await desk.container.edit_shop()(
        desk.owner, ShopEdit(name=f"Garage {LONG_WORD}", quickbooks_connected=True, email="desk@example.com")
    )
    member, _ = await desk.hire(Permission.CREATE_PAYMENTS, name=LONG_NAME)
    left, _ = await desk.hire(name="Robin Roe")
    await desk.container.edit_staff_member()(desk.owner, StaffId(left.id), StaffEdit(active=False))
    key = await desk.container.add_api_key()(desk.owner, name=LONG_WORD[:50], permissions=set())
    newcomer, gone = await desk.client("Ann Bee"), await desk.client("Cay Dee")
    await desk.delete_client(gone)
    client = await _client(desk)
    entry = await desk.add(client, MOST, note=LONG_WORD * 4)
    await desk.void((await desk.add(client, 700)).id, note="by mistake")
    for _ in range(SOURCES_SHOWN):
        await desk.add(client, 1)
    used, overpaid, unpaid, other = [await _invoice(desk, client, number) for number in range(4)]
    await desk.delete((await desk.apply(unpaid, 100)).id)
    await desk.apply(used, 10_000)
    payment = await desk.pay(used, 50_000, "check", reference=LONG_WORD[:100])
    await desk.edit_as(payment.id, PaymentEdit(method="card", reference=LONG_WORD[:99]))
    await desk.pay(overpaid, 200_000, "card", overpayment="leave")
    kept = await desk.pay(used, 100_000, "cash", overpayment="capture")
    await desk.void_invoice(await desk.invoice(client, 100))
    await desk.invoice(client, 100)
    bulk = await desk.pay_together(client, [(unpaid, 100), (other, 100)])
    await desk.delete((await desk.pay(unpaid, 500, "bank_transfer")).id)
    endpoint, delivery = await _webhooks(desk)
    ids = Ids(
        client=client, invoice=overpaid, payment=kept.id, bulk_payment=bulk.id, entry=entry.id, staff=member.id,
        api_key=key.id, endpoint=endpoint, delivery=delivery,
    )  # fmt: skip
    return FullShop(desk, ids, newcomer, gone, used)


async def _webhooks(desk: Desk) -> tuple[UUID, DeliveryId]:
    """An endpoint with everything in its log, and one that is off."""
    made = await desk.container.add_webhook_endpoint()(
        desk.owner,
        url=f"https://93.184.215.14/{'hook' * 100}",
        description=LONG_WORD[:100],
        kinds=frozenset(NoticeKind),
    )
    off = await desk.endpoint()
    await desk.container.edit_webhook_endpoint()(desk.owner, EndpointId(off.id), EndpointEdit(on=False))
    await desk.container.rotate_webhook_secret()(desk.owner, EndpointId(made.id))
    deliveries = await route(desk, by_webhook(made.id), BY_EMAIL)
    for place, delivery in enumerate(deliveries[-6:]):
        await answer(desk, delivery, f"500 {LONG_WORD}", accepted=False, given_up=place > 3)
    await answer(desk, deliveries[0], "200 OK")
    return made.id, deliveries[0]


async def _client(desk: Desk) -> ClientId:
    made = await desk.container.add_client()(
        desk.owner, name=LONG_NAME, email=f"{'long' * 15}@{'long' * 15}.example", phone="+1 (555) 0134-5678 ext. 12345"
    )
    return ClientId(made.id)


async def _invoice(desk: Desk, client: ClientId, number: int) -> InvoiceId:
    lines = [
        InvoiceLine(description=LONG_WORD, quantity="1234567.1234", unit_price=1),
        InvoiceLine(description="Labor", quantity="1.5", unit_price=80_000),
        InvoiceLine(description="Loyal customer", quantity=1, unit_price=-1_234_567),
    ]
    made = await desk.container.add_invoice()(
        desk.owner,
        client,
        number=f"INV-{number}-{'X' * 43}",
        issued_on=datetime.now(UTC).date() - timedelta(days=number + 2),
        vehicle=f"2019 {LONG_WORD}",
        lines=lines,
        tax=1000,
    )
    return InvoiceId(made.id)
