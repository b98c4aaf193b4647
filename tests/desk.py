"""A shop at work: its people, clients and invoices, on the real use cases and the real database.

Each test opens a shop of its own, so tests share a database without meeting.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

from argon2 import PasswordHasher
from dependency_injector import providers

from adapters.notifiers.receiver_addresses import ReceiverAddresses
from adapters.security.keys import SecretKeys
from adapters.security.passwords import Argon2Passwords
from core.books import Allocation
from core.ids import (
    BulkPaymentId,
    ClientId,
    DeliveryId,
    EndpointId,
    EntryId,
    InvoiceId,
    PaymentId,
    ReceiverId,
    ShopId,
)
from core.invoices import InvoiceLine
from core.ledger import AddReason
from core.notices import NoticeKind
from core.payments import OverpaymentChoice, PaymentEdit, PaymentMethod
from core.staff import Caller, Credential, IdempotencyKey, Permission
from core.use_cases.invoices import InvoiceEdit
from core.views import (
    BulkPaymentView,
    CaptureView,
    ClientView,
    CollectedReport,
    CreditTabView,
    EntryView,
    InvoiceView,
    PaymentOptionsView,
    PaymentView,
    RecordedPaymentView,
    StaffView,
)
from core.webhook_views import NewWebhookEndpointView
from entrypoints.container import Container, running
from entrypoints.settings import Settings
from tests.database import Database

PASSWORD = "correct horse battery"  # noqa: S105  # of nobody
_slugs = count(1)


def container_for(database: Database, **settings: object) -> Container:
    """The program on that database, with passwords that are cheap to hash."""
    chosen = {
        "database_url": database.app_url,
        "jobs_database_url": database.jobs_url,
        "secret_keys": SecretKeys.generate("test"),
        **settings,
    }
    container = Container(settings=Settings(**chosen))  # type: ignore[arg-type]  # a test names what it sets
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    container.passwords.override(providers.Singleton(Argon2Passwords, cheap))
    private_allowed = container.settings().webhooks_to_private_addresses
    addresses = ReceiverAddresses(private_allowed=private_allowed, lookup=looked_up_nowhere)
    container.receiver_addresses.override(providers.Object(addresses))
    return container


async def looked_up_nowhere(name: str) -> list[str]:
    """Names of tests lead to this machine if they say so, else to one on the open Internet; nobody is asked."""
    return ["127.0.0.1"] if name == "localhost" else ["93.184.215.14"]


@asynccontextmanager
async def program(database: Database, **settings: object) -> AsyncIterator[Container]:
    """The program, running without a way in."""
    container = container_for(database, **settings)
    async with running(container):
        yield container


def keyed(caller: Caller, key: str, request: bytes = b"the same request") -> Caller:
    """The caller again, under an idempotency key."""
    return Caller(caller.credential, IdempotencyKey(key, (request,)))


class SetClock:
    """A clock that a test sets. See :class:`ports.security.Clock`."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def forward(self, by: timedelta) -> None:
        self._ahead += by

    def reset(self) -> None:
        self._ahead = timedelta()


@dataclass
class Desk:
    """One shop's front desk. ``owner`` may do everything. Money in cents."""

    container: Container
    shop_id: ShopId
    slug: str
    owner_email: str
    owner: Caller

    async def caller(self, email: str, password: str = PASSWORD) -> Caller:
        signed_in = await self.container.sign_in()(slug=self.slug, email=email, password=password, address=uuid4().hex)
        return Caller(self.container.credential_reader().read(signed_in.access_token))

    async def hire(self, *permissions: Permission, name: str = "Robin") -> tuple[StaffView, Caller]:
        """A staff member with these permissions, and their own caller."""
        email = f"{uuid4().hex}@example.com"
        member = await self.container.add_staff_member()(
            self.owner, name=name, email=email, permissions=set(permissions), password=PASSWORD
        )
        return member, await self.caller(email)

    async def api_key(self, *permissions: Permission) -> Caller:
        made = await self.container.add_api_key()(self.owner, name="till", permissions=set(permissions))
        return Caller(self.container.credential_reader().read(made.key))

    async def client(self, name: str = "Pat Doe") -> ClientId:
        return ClientId((await self.container.add_client()(self.owner, name=name, email=None, phone=None)).id)

    async def invoice(self, client_id: UUID, total: int = 13000, number: str | None = None) -> InvoiceId:
        lines = [InvoiceLine(description="Work", quantity=1, unit_price=total)]
        made = await self.container.add_invoice()(
            self.owner, ClientId(client_id), number=number, issued_on=None, vehicle=None, lines=lines, tax=0
        )
        return InvoiceId(made.id)

    async def add(
        self,
        client_id: UUID,
        amount: int,
        *,
        reason: AddReason = "goodwill",
        note: str = "job ran late",
        invoice_id: UUID | None = None,
        caller: Caller | None = None,
    ) -> EntryView:
        return await self.container.add_credit()(
            caller or self.owner,
            ClientId(client_id),
            reason=reason,
            amount=amount,
            note=note,
            invoice_id=None if invoice_id is None else InvoiceId(invoice_id),
        )

    async def pay(
        self,
        invoice_id: UUID,
        amount: int | None,
        method: str = "cash",
        *,
        overpayment: OverpaymentChoice | None = None,
        reference: str | None = None,
        received_on: date | None = None,
        caller: Caller | None = None,
    ) -> RecordedPaymentView:
        return await self.container.record_payment()(
            caller or self.owner,
            InvoiceId(invoice_id),
            method=PaymentMethod(method),
            amount=amount,
            overpayment=overpayment,
            reference=reference,
            received_on=received_on,
        )

    async def apply(
        self, invoice_id: UUID, amount: int | None = None, *, caller: Caller | None = None
    ) -> RecordedPaymentView:
        return await self.pay(invoice_id, amount, "account_credit", caller=caller)

    async def void(self, entry_id: UUID, *, note: str = "a mistake", caller: Caller | None = None) -> EntryView:
        return await self.container.void_entry()(caller or self.owner, EntryId(entry_id), note=note)

    async def delete(self, payment_id: UUID, *, caller: Caller | None = None) -> None:
        await self.container.delete_payment()(caller or self.owner, PaymentId(payment_id))

    async def edit(
        self,
        payment_id: UUID,
        amount: int | None = None,
        *,
        overpayment: OverpaymentChoice | None = None,
        caller: Caller | None = None,
    ) -> PaymentView:
        """Another amount. For anything else of a payment there is :meth:`edit_as`."""
        return await self.edit_as(payment_id, PaymentEdit(amount=amount, overpayment=overpayment), caller=caller)

    async def edit_as(self, payment_id: UUID, edit: PaymentEdit, *, caller: Caller | None = None) -> PaymentView:
        return await self.container.edit_payment()(caller or self.owner, PaymentId(payment_id), edit)

    async def pay_together(
        self,
        client_id: UUID,
        allocations: Sequence[tuple[UUID, int]],
        method: str = "check",
        *,
        received_on: date | None = None,
        caller: Caller | None = None,
    ) -> BulkPaymentView:
        """A bulk payment."""
        return await self.container.record_bulk_payment()(
            caller or self.owner,
            ClientId(client_id),
            method=PaymentMethod(method),
            allocations=[Allocation(InvoiceId(invoice_id), amount) for invoice_id, amount in allocations],
            reference=None,
            received_on=received_on,
        )

    async def delete_together(self, bulk_payment_id: UUID, *, caller: Caller | None = None) -> None:
        await self.container.delete_bulk_payment()(caller or self.owner, BulkPaymentId(bulk_payment_id))

    async def capture(self, invoice_id: UUID, *, caller: Caller | None = None) -> CaptureView:
        return await self.container.capture_overpayment()(caller or self.owner, InvoiceId(invoice_id))

    async def edit_total(self, invoice_id: UUID, total: int, *, caller: Caller | None = None) -> InvoiceView:
        lines = (InvoiceLine(description="Work", quantity=1, unit_price=total),)
        return await self.container.edit_invoice()(
            caller or self.owner, InvoiceId(invoice_id), InvoiceEdit(lines=lines)
        )

    async def void_invoice(self, invoice_id: UUID, *, caller: Caller | None = None) -> InvoiceView:
        return await self.container.void_invoice()(caller or self.owner, InvoiceId(invoice_id))

    async def options(self, invoice_id: UUID, *, caller: Caller | None = None) -> PaymentOptionsView:
        return await self.container.show_payment_options()(caller or self.owner, InvoiceId(invoice_id))

    async def delete_client(self, client_id: UUID, *, caller: Caller | None = None) -> None:
        await self.container.delete_client()(caller or self.owner, ClientId(client_id))

    async def restore_client(self, client_id: UUID, *, caller: Caller | None = None) -> ClientView:
        return await self.container.restore_client()(caller or self.owner, ClientId(client_id))

    async def payment(self, payment_id: UUID) -> PaymentView:
        return await self.container.show_payment()(self.owner, PaymentId(payment_id))

    async def entry(self, entry_id: UUID) -> EntryView:
        return await self.container.show_entry()(self.owner, EntryId(entry_id))

    async def tab(self, client_id: UUID, *, limit: int = 25, caller: Caller | None = None) -> CreditTabView:
        """The Credit tab."""
        return await self.container.show_credit_tab()(caller or self.owner, ClientId(client_id), limit=limit)

    async def collected(self, first: date | None = None, last: date | None = None) -> CollectedReport:
        return await self.container.report_collected()(self.owner, first=first, last=last)

    async def card(self, client_id: UUID) -> ClientView:
        return await self.container.show_client()(self.owner, ClientId(client_id))

    async def show(self, invoice_id: UUID) -> InvoiceView:
        return await self.container.show_invoice()(self.owner, InvoiceId(invoice_id))

    async def entries(self, client_id: UUID) -> Sequence[EntryView]:
        """The client's ledger, oldest first (up to 1,000 entries)."""
        page = await self.container.list_entries()(
            self.owner, ClientId(client_id), kind=None, first=None, last=None, after=None, limit=1000
        )
        return list(reversed(page.items))

    async def endpoint(
        self, url: str = "https://93.184.215.14/hooks", *kinds: NoticeKind, caller: Caller | None = None
    ) -> NewWebhookEndpointView:
        """A webhook endpoint, for all kinds unless some are named."""
        return await self.container.add_webhook_endpoint()(
            caller or self.owner, url=url, description="", kinds=frozenset(kinds or NoticeKind)
        )

    async def delivery(self, endpoint_id: UUID) -> DeliveryId:
        """One of a notice that no worker has routed yet, on its way to the endpoint."""
        async with self.container.transactions().at_shop(self.shop_id) as shop:
            [notice] = await shop.outbox.unrouted(limit=1)
            delivery_id = DeliveryId(self.container.fresh().id())
            await shop.deliveries.send_again(
                ReceiverId(EndpointId(endpoint_id)), [notice.id], new_ids=[delivery_id], at=datetime.now(UTC)
            )
            return delivery_id

    async def findings(self) -> list[str]:
        """What the program's own `verify` finds wrong with the shop's books."""
        found: list[str] = []
        await self.container.verify_shop()(
            self.shop_id,
            expect=lambda _size: None,
            tell=lambda step: found.extend(finding.sentence for finding in step.findings),
        )
        return found


def where_it_is_noon() -> str:
    """A time zone in which no day ends, and no clock is changed, while tests ask which day it is."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}"  # these names count the other way round


async def open_desk(container: Container, *, currency: str = "USD", time_zone: str = "America/Chicago") -> Desk:
    """A new shop with its owner."""
    slug = f"shop-{uuid4().hex}"
    email = "owner@example.com"
    shop = await container.open_shop()(
        name=f"Shop {next(_slugs)}",
        slug=slug,
        currency=currency,
        time_zone=time_zone,
        owner_name="Olive Owner",
        owner_email=email,
        owner_password=PASSWORD,
    )
    signed_in = await container.sign_in()(slug=slug, email=email, password=PASSWORD, address=uuid4().hex)
    owner = Caller(container.credential_reader().read(signed_in.access_token))
    assert isinstance(owner.credential, Credential)
    return Desk(container, shop.id, slug, email, owner)
