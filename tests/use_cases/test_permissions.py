"""Who may: R25, and R26, that something of another shop answers exactly like something that does not exist."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from datetime import date
from uuid import UUID, uuid4

import pytest

from core.errors import PermissionDenied, Refusal
from core.ids import ApiKeyId, ClientId, DeliveryId, EndpointId, EntryId, InvoiceId, PaymentId, StaffId
from core.invoices import InvoiceLine
from core.ledger import EntryKind
from core.payments import PaymentEdit
from core.staff import Caller, Permission
from core.use_cases.clients import ClientEdit
from core.use_cases.invoices import InvoiceEdit
from core.use_cases.shop_settings import ShopEdit
from core.use_cases.staff import StaffEdit
from core.use_cases.webhook_endpoints import EndpointEdit
from tests.desk import PASSWORD, Desk, keyed
from tests.soundness import Auditor


@dataclass
class Things:
    """Ids of one of each."""

    client: UUID
    invoice: UUID
    other_invoice: UUID
    overpaid: UUID
    unpaid: UUID
    payment: UUID
    bulk: UUID
    entry: UUID
    member: UUID
    api_key: UUID
    endpoint: UUID
    delivery: UUID


async def things_of(desk: Desk) -> Things:
    """A shop where every operation has something to work on."""
    client = await desk.client()
    invoice, other, overpaid, unpaid = [await desk.invoice(client, 1000) for _ in range(4)]
    entry = await desk.add(client, 500)
    payment = await desk.pay(invoice, 100)
    bulk = await desk.pay_together(client, [(invoice, 100), (other, 100)])
    await desk.pay(overpaid, 1100, overpayment="leave")
    member, _ = await desk.hire()
    await desk.api_key()
    keys = await desk.container.list_api_keys()(desk.owner, after=None, limit=1)
    endpoint = await desk.endpoint()
    return Things(
        client=client,
        invoice=invoice,
        other_invoice=other,
        overpaid=overpaid,
        unpaid=unpaid,
        payment=payment.id,
        bulk=bulk.id,
        entry=entry.id,
        member=member.id,
        api_key=keys.items[0].id,
        endpoint=endpoint.id,
        delivery=await desk.delivery(endpoint.id),
    )


def things_of_nobody() -> Things:
    return Things(**{field.name: uuid4() for field in fields(Things)})


Operation = Callable[[Desk, Caller, Things], Awaitable[object]]
_LINES = (InvoiceLine(description="Work", quantity=1, unit_price=10),)

# What needs a permission, by the permission; each of them names something by its id where it can.
CHANGES: dict[str, tuple[Permission, Operation]] = {
    "add credit": (Permission.CREATE_PAYMENTS, lambda d, c, t: d.add(t.client, 100, caller=c)),
    "void credit": (Permission.CREATE_PAYMENTS, lambda d, c, t: d.void(t.entry, caller=c)),
    "apply credit": (Permission.CREATE_PAYMENTS, lambda d, c, t: d.apply(t.invoice, caller=c)),
    "take a payment": (Permission.CREATE_PAYMENTS, lambda d, c, t: d.pay(t.invoice, 10, caller=c)),
    "take a bulk payment": (
        Permission.CREATE_PAYMENTS,
        lambda d, c, t: d.pay_together(t.client, [(t.invoice, 10), (t.other_invoice, 10)], caller=c),
    ),
    "edit a payment": (
        Permission.CREATE_PAYMENTS,
        lambda d, c, t: d.edit_as(t.payment, PaymentEdit(reference="x"), caller=c),
    ),
    "delete a payment": (Permission.CREATE_PAYMENTS, lambda d, c, t: d.delete(t.payment, caller=c)),
    "delete a bulk payment": (Permission.CREATE_PAYMENTS, lambda d, c, t: d.delete_together(t.bulk, caller=c)),
    "capture an overpayment": (Permission.CREATE_PAYMENTS, lambda d, c, t: d.capture(t.overpaid, caller=c)),
    "add a client": (
        Permission.MANAGE_CLIENTS,
        lambda d, c, t: d.container.add_client()(c, name="x", email=None, phone=None),
    ),
    "edit a client": (
        Permission.MANAGE_CLIENTS,
        lambda d, c, t: d.container.edit_client()(c, ClientId(t.client), ClientEdit(name="x")),
    ),
    "delete a client": (Permission.MANAGE_CLIENTS, lambda d, c, t: d.delete_client(t.client, caller=c)),
    "restore a client": (Permission.MANAGE_CLIENTS, lambda d, c, t: d.restore_client(t.client, caller=c)),
    "make an invoice": (
        Permission.MANAGE_INVOICES,
        lambda d, c, t: d.container.add_invoice()(
            c, ClientId(t.client), number=None, issued_on=None, vehicle=None, lines=_LINES, tax=0
        ),
    ),
    "edit an invoice": (
        Permission.MANAGE_INVOICES,
        lambda d, c, t: d.container.edit_invoice()(c, InvoiceId(t.unpaid), InvoiceEdit(lines=_LINES)),
    ),
    "void an invoice": (Permission.MANAGE_INVOICES, lambda d, c, t: d.void_invoice(t.unpaid, caller=c)),
    "list staff": (Permission.MANAGE_STAFF, lambda d, c, t: d.container.list_staff()(c, after=None, limit=10)),
    "show a staff member": (
        Permission.MANAGE_STAFF,
        lambda d, c, t: d.container.show_staff_member()(c, StaffId(t.member)),
    ),
    "add staff": (
        Permission.MANAGE_STAFF,
        lambda d, c, t: d.container.add_staff_member()(
            c, name="x", email=f"{uuid4().hex}@example.com", permissions=set(), password=PASSWORD
        ),
    ),
    "edit staff": (
        Permission.MANAGE_STAFF,
        lambda d, c, t: d.container.edit_staff_member()(c, StaffId(t.member), StaffEdit(name="x")),
    ),
    "set a password": (
        Permission.MANAGE_STAFF,
        lambda d, c, t: d.container.edit_staff_member()(c, StaffId(t.member), StaffEdit(password=PASSWORD)),
    ),
    "list API keys": (Permission.MANAGE_STAFF, lambda d, c, t: d.container.list_api_keys()(c, after=None, limit=10)),
    "show an API key": (
        Permission.MANAGE_STAFF,
        lambda d, c, t: d.container.show_api_key()(c, ApiKeyId(t.api_key)),
    ),
    "add an API key": (
        Permission.MANAGE_STAFF,
        lambda d, c, t: d.container.add_api_key()(c, name="x", permissions=set()),
    ),
    "delete an API key": (
        Permission.MANAGE_STAFF,
        lambda d, c, t: d.container.delete_api_key()(c, ApiKeyId(t.api_key)),
    ),
    "change the settings": (
        Permission.MANAGE_SETTINGS,
        lambda d, c, t: d.container.edit_shop()(c, ShopEdit(quickbooks_connected=True)),
    ),
    "list webhook endpoints": (
        Permission.MANAGE_SETTINGS,
        lambda d, c, t: d.container.list_webhook_endpoints()(c, after=None, limit=10),
    ),
    "show a webhook endpoint": (
        Permission.MANAGE_SETTINGS,
        lambda d, c, t: d.container.show_webhook_endpoint()(c, EndpointId(t.endpoint)),
    ),
    "add a webhook endpoint": (Permission.MANAGE_SETTINGS, lambda d, c, t: d.endpoint(caller=c)),
    "edit a webhook endpoint": (
        Permission.MANAGE_SETTINGS,
        lambda d, c, t: d.container.edit_webhook_endpoint()(c, EndpointId(t.endpoint), EndpointEdit(description="x")),
    ),
    "move a webhook endpoint": (
        Permission.MANAGE_SETTINGS,
        lambda d, c, t: d.container.edit_webhook_endpoint()(
            c, EndpointId(t.endpoint), EndpointEdit(url="https://93.184.215.14/moved")
        ),
    ),
    "delete a webhook endpoint": (
        Permission.MANAGE_SETTINGS,
        lambda d, c, t: d.container.delete_webhook_endpoint()(c, EndpointId(t.endpoint)),
    ),
    "rotate a secret": (
        Permission.MANAGE_SETTINGS,
        lambda d, c, t: d.container.rotate_webhook_secret()(c, EndpointId(t.endpoint)),
    ),
    "list what was sent to an endpoint": (
        Permission.MANAGE_SETTINGS,
        lambda d, c, t: d.container.list_endpoint_deliveries()(
            c, EndpointId(t.endpoint), state=None, after=None, limit=10
        ),
    ),
    "list e-mails": (
        Permission.MANAGE_SETTINGS,
        lambda d, c, t: d.container.list_emails()(c, state=None, after=None, limit=10),
    ),
    "count what failed": (Permission.MANAGE_SETTINGS, lambda d, c, t: d.container.count_failed()(c)),
    "send a notice again": (
        Permission.MANAGE_SETTINGS,
        lambda d, c, t: d.container.resend_delivery()(c, DeliveryId(t.delivery)),
    ),
    "send what was missed": (
        Permission.MANAGE_SETTINGS,
        lambda d, c, t: d.container.resend_missed()(
            c, EndpointId(t.endpoint), first=date(2026, 1, 1), last=None, delivered_too=True
        ),
    ),
}

VIEWS: dict[str, Operation] = {
    "a client": lambda d, c, t: d.container.show_client()(c, ClientId(t.client)),
    "clients": lambda d, c, t: d.container.list_clients()(
        c, q=None, has_credit=None, deleted=False, after=None, limit=10
    ),
    "an invoice": lambda d, c, t: d.container.show_invoice()(c, InvoiceId(t.invoice)),
    "invoices": lambda d, c, t: d.container.list_invoices()(
        c, client_id=ClientId(t.client), status=None, after=None, limit=10
    ),
    "payment options": lambda d, c, t: d.options(t.invoice, caller=c),
    "a payment": lambda d, c, t: d.container.show_payment()(c, PaymentId(t.payment)),
    "payments": lambda d, c, t: d.container.list_payments()(
        c, client_id=ClientId(t.client), method=None, first=None, last=None, deleted=False, after=None, limit=10
    ),
    "the Credit tab": lambda d, c, t: d.tab(t.client, caller=c),
    "a client's ledger": lambda d, c, t: d.container.list_entries()(
        c, ClientId(t.client), kind=EntryKind.ADDED, first=None, last=None, after=None, limit=10
    ),
    "the shop's ledger": lambda d, c, t: d.container.list_entries()(
        c, None, kind=None, first=None, last=None, after=None, limit=10
    ),
    "an export": lambda d, c, t: d.container.export_entries()(c, ClientId(t.client), kind=None, first=None, last=None),
    "an entry": lambda d, c, t: d.container.show_entry()(c, EntryId(t.entry)),
    "money collected": lambda d, c, t: d.container.report_collected()(c, first=None, last=None),
    "credit owed": lambda d, c, t: d.container.report_credit()(c, first=None, last=None),
    "what was sent about a client": lambda d, c, t: d.container.list_client_notices()(
        c, ClientId(t.client), state=None, after=None, limit=10
    ),
    "the shop": lambda d, c, t: d.container.show_shop()(c),
    "oneself": lambda d, c, t: d.container.show_me()(c),
}


@pytest.fixture
async def things(desk: Desk) -> Things:
    return await things_of(desk)


async def _staff_with(desk: Desk, permissions: set[Permission]) -> Caller:
    return (await desk.hire(*permissions))[1]


async def _key_with(desk: Desk, permissions: set[Permission]) -> Caller:
    return await desk.api_key(*permissions)


@pytest.mark.parametrize("kind", [_staff_with, _key_with], ids=["staff", "API key"])
async def test_who_lacks_a_permission_is_refused_whatever_else_they_may(
    desk: Desk,
    things: Things,
    auditor: Auditor,
    kind: Callable[[Desk, set[Permission]], Awaitable[Caller]],
) -> None:
    lacking = {permission: await kind(desk, set(Permission) - {permission}) for permission in Permission}
    for permission, operation in CHANGES.values():
        async with auditor.refuses(desk, PermissionDenied, facts={"permission": permission}):
            await operation(desk, lacking[permission], things)


@pytest.mark.parametrize("name", CHANGES)
async def test_who_has_the_permission_and_no_other_may(desk: Desk, things: Things, name: str) -> None:
    permission, operation = CHANGES[name]
    if name == "delete a client":
        things.client = await desk.client()
    await operation(desk, (await desk.hire(permission))[1], things)


async def test_every_staff_member_may_look_at_everything_but_staff_and_keys(
    desk: Desk, things: Things, auditor: Auditor
) -> None:
    _, nobody = await desk.hire()
    key = await desk.api_key()
    async with auditor.changes_nothing(desk):
        for view in VIEWS.values():
            await view(desk, nobody, things)
            await view(desk, key, things)


async def test_the_owner_has_all_permissions(desk: Desk) -> None:
    assert (await desk.container.show_me()(desk.owner)).permissions == list(Permission)


async def test_permission_is_asked_before_the_thing_is_looked_for(desk: Desk, auditor: Auditor) -> None:
    _, nobody = await desk.hire()
    for permission, operation in CHANGES.values():
        async with auditor.refuses(desk, PermissionDenied, facts={"permission": permission}):
            await operation(desk, nobody, things_of_nobody())


async def test_the_credit_tab_says_whether_this_person_may_add_and_void(desk: Desk) -> None:
    client = await desk.client()
    _, may = await desk.hire(Permission.CREATE_PAYMENTS)
    _, may_not = await desk.hire(*set(Permission) - {Permission.CREATE_PAYMENTS})
    assert [((tab := await desk.tab(client, caller=who)).can_add, tab.can_void) for who in (may, may_not)] == [
        (True, True),
        (False, False),
    ]


async def test_something_of_another_shop_answers_exactly_like_something_that_does_not_exist(
    desk: Desk, other_desk: Desk, auditor: Auditor
) -> None:
    here = await things_of(desk)
    before = await auditor.everything(desk.shop_id)
    stranger = other_desk.owner
    operations: dict[str, Operation] = {**{name: change for name, (_, change) in CHANGES.items()}, **VIEWS}
    for name, operation in operations.items():
        answers = [await _answer(operation(other_desk, stranger, ids)) for ids in (here, things_of_nobody())]
        assert answers[0] == answers[1], name
    assert await auditor.everything(desk.shop_id) == before


async def _answer(request: Awaitable[object]) -> object:
    """A refusal with all its facts; of what names no id, only that it was answered."""
    try:
        await request
    except Refusal as refusal:
        return type(refusal), str(refusal), vars(refusal)
    return "answered"


async def test_a_key_of_one_shop_says_nothing_of_the_same_key_at_another(desk: Desk, other_desk: Desk) -> None:
    here, there = await desk.client(), await other_desk.client()
    await desk.add(here, 100, caller=keyed(desk.owner, "k"))
    await other_desk.add(there, 100, caller=keyed(other_desk.owner, "k"))
    assert ((await desk.card(here)).credit, (await other_desk.card(there)).credit) == (100, 100)


async def test_what_one_shop_does_is_in_no_list_or_sum_of_another(desk: Desk, other_desk: Desk) -> None:
    await things_of(desk)
    who, at = other_desk.owner, other_desk.container
    assert (await at.list_clients()(who, q=None, has_credit=None, deleted=False, after=None, limit=100)).items == []
    assert (await at.list_invoices()(who, client_id=None, status=None, after=None, limit=100)).items == []
    payments = await at.list_payments()(
        who, client_id=None, method=None, first=None, last=None, deleted=False, after=None, limit=100
    )
    assert payments.items == []
    assert (await at.list_entries()(who, None, kind=None, first=None, last=None, after=None, limit=100)).items == []
    assert (await at.report_collected()(who, first=None, last=None)).total == 0
    credit = await at.report_credit()(who, first=None, last=None)
    assert (credit.total, credit.clients, credit.added, credit.closing_total) == (0, 0, 0, 0)
    assert len((await at.list_staff()(who, after=None, limit=100)).items) == 1
    assert (await at.list_api_keys()(who, after=None, limit=100)).items == []
