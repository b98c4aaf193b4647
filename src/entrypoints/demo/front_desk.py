"""The demo's own front desk: the product's use cases, done as if at a counter, each step once and only once.

Each step goes under an idempotency key of its own: a demo that was stopped while it was made goes on where it stopped.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from core.books import Allocation
from core.ids import ClientId, EntryId, InvoiceId, PaymentId
from core.invoices import InvoiceLine
from core.ledger import AddReason
from core.payments import OverpaymentChoice, PaymentMethod
from core.staff import ActorKind, Caller, Credential, IdempotencyKey, Permission
from core.use_cases.invoices import InvoiceEdit
from core.use_cases.shop_settings import ShopEdit
from entrypoints.container import Container
from ports.transactions import AlreadyAnswered

_VERSION = 2
"""Of the steps, in the keys: other steps must not be taken for those of an older demo."""


class _Made(Struct):
    """What the demo needs of an answer."""

    id: UUID


class FrontDesk:
    """One demo shop's, on behalf of one of its people. Money in minor units."""

    def __init__(self, container: Container, caller: Credential, *, time_zone: str) -> None:
        self._container = container
        self._credential = caller
        self._today = datetime.now(ZoneInfo(time_zone)).date()
        self._steps = 0

    async def hire(self, name: str, email: str, permissions: Sequence[Permission], *, password: str) -> Credential:
        add = self._container.add_staff_member()
        made = await self._made(
            lambda caller: add(caller, name=name, email=email, permissions=set(permissions), password=password)
        )
        return Credential(self._credential.shop_id, ActorKind.STAFF, made.id)

    async def write_to_clients(self, *, answers_to: str) -> None:
        edit = ShopEdit(email_notices=True, email=answers_to)
        await self._once(lambda caller: self._container.edit_shop()(caller, edit))

    async def client(self, name: str, email: str | None = None, phone: str | None = None) -> ClientId:
        add = self._container.add_client()
        return ClientId((await self._made(lambda caller: add(caller, name=name, email=email, phone=phone))).id)

    async def delete_client(self, client_id: ClientId) -> None:
        await self._once(lambda caller: self._container.delete_client()(caller, client_id))

    async def invoice(
        self, client_id: ClientId, vehicle: str, *lines: tuple[str, int | str, int], tax: int = 0, days_ago: int = 0
    ) -> InvoiceId:
        """``lines``: description, quantity, unit price."""
        add = self._container.add_invoice()
        made = await self._made(
            lambda caller: add(
                caller,
                client_id,
                number=None,
                issued_on=self._days_ago(days_ago),
                vehicle=vehicle,
                lines=[InvoiceLine(description=what, quantity=many, unit_price=price) for what, many, price in lines],
                tax=tax,
            )
        )
        return InvoiceId(made.id)

    async def edit_invoice(self, invoice_id: InvoiceId, *lines: tuple[str, int | str, int]) -> None:
        edit = InvoiceEdit(
            lines=tuple(InvoiceLine(description=what, quantity=many, unit_price=price) for what, many, price in lines)
        )
        await self._once(lambda caller: self._container.edit_invoice()(caller, invoice_id, edit))

    async def void_invoice(self, invoice_id: InvoiceId) -> None:
        await self._once(lambda caller: self._container.void_invoice()(caller, invoice_id))

    async def add(
        self, client_id: ClientId, amount: int, reason: AddReason, note: str, *, invoice_id: InvoiceId | None = None
    ) -> EntryId:
        add = self._container.add_credit()
        made = await self._made(
            lambda caller: add(caller, client_id, reason=reason, amount=amount, note=note, invoice_id=invoice_id)
        )
        return EntryId(made.id)

    async def void(self, entry_id: EntryId, note: str) -> None:
        await self._once(lambda caller: self._container.void_entry()(caller, entry_id, note=note))

    async def apply(self, invoice_id: InvoiceId, amount: int | None = None) -> PaymentId:
        return await self._pay(invoice_id, PaymentMethod.ACCOUNT_CREDIT, amount)

    async def pay(
        self,
        invoice_id: InvoiceId,
        method: PaymentMethod,
        amount: int,
        *,
        overpayment: OverpaymentChoice | None = None,
        reference: str | None = None,
        days_ago: int = 0,
    ) -> PaymentId:
        return await self._pay(
            invoice_id, method, amount, overpayment=overpayment, reference=reference, days_ago=days_ago
        )

    async def pay_several(
        self, client_id: ClientId, method: PaymentMethod, *parts: tuple[InvoiceId, int], reference: str, days_ago: int
    ) -> None:
        pay = self._container.record_bulk_payment()
        await self._once(
            lambda caller: pay(
                caller,
                client_id,
                method=method,
                allocations=[Allocation(invoice_id, amount) for invoice_id, amount in parts],
                reference=reference,
                received_on=self._days_ago(days_ago),
            )
        )

    async def delete_payment(self, payment_id: PaymentId) -> None:
        await self._once(lambda caller: self._container.delete_payment()(caller, payment_id))

    async def capture_overpayment(self, invoice_id: InvoiceId) -> None:
        await self._once(lambda caller: self._container.capture_overpayment()(caller, invoice_id))

    async def _pay(
        self,
        invoice_id: InvoiceId,
        method: PaymentMethod,
        amount: int | None,
        *,
        overpayment: OverpaymentChoice | None = None,
        reference: str | None = None,
        days_ago: int = 0,
    ) -> PaymentId:
        record = self._container.record_payment()
        made = await self._made(
            lambda caller: record(
                caller,
                invoice_id,
                method=method,
                amount=amount,
                overpayment=overpayment,
                reference=reference,
                received_on=self._days_ago(days_ago),
            )
        )
        return PaymentId(made.id)

    def _days_ago(self, days: int) -> date:
        return self._today - timedelta(days=days)

    async def _made(self, step: Callable[[Caller], Awaitable[object]]) -> _Made:
        return msgspec.json.decode(await self._once(step), type=_Made)

    async def _once(self, step: Callable[[Caller], Awaitable[object]]) -> bytes:
        self._steps += 1
        key = IdempotencyKey(f"demo-{_VERSION}-{self._credential.id}-{self._steps}", (b"demo",))
        try:
            return msgspec.json.encode(await step(Caller(self._credential, key)))
        except AlreadyAnswered as answered:
            return answered.body
