"""The sum that never moves: everybody works at three shops at once, and whoever looks finds the books balanced."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from itertools import cycle
from random import Random
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from core.errors import Refusal
from core.payments import PaymentEdit
from core.staff import Caller
from core.use_cases.verify_shop import Step
from core.views import BulkPaymentView, CaptureView, EntryView, RecordedPaymentView
from entrypoints.container import Container
from ports.transactions import AlreadyAnswered
from tests.database import Database
from tests.desk import Desk, keyed, open_desk, program
from tests.soundness import Auditor
from tests.trust.scenarios import ALONE, Progress, Scale, Scenario

WORKERS, CLIENTS, SHOPS = 20, 100, 3
SECONDS_BETWEEN_LOOKS = 0.05

# One statement is one snapshot. Each pair says the same thing from different tables: what they have must be equal.
_TOTALS = """
SELECT shop_id,
  (SELECT coalesce(sum(balance), 0) FROM credit_accounts t WHERE t.shop_id = shop.shop_id) AS outstanding,
  (SELECT coalesce(sum(amount), 0) FROM payments t WHERE t.shop_id = shop.shop_id AND method = 'account_credit'
    AND deleted_at IS NULL) AS spent,
  (SELECT coalesce(sum(amount), 0) FROM ledger_entries t WHERE t.shop_id = shop.shop_id
    AND kind IN ('added', 'captured', 'voided')) AS given,
  (SELECT coalesce(sum(captured), 0) FROM payments t WHERE t.shop_id = shop.shop_id) AS captured,
  (SELECT coalesce(sum(amount), 0) FROM ledger_entries t WHERE t.shop_id = shop.shop_id
    AND (kind = 'captured' OR reverses_kind = 'captured')) AS captured_entries,
  (SELECT coalesce(sum(settled), 0) FROM invoices t WHERE t.shop_id = shop.shop_id) AS settled,
  (SELECT coalesce(sum(settled), 0) FROM payments t WHERE t.shop_id = shop.shop_id AND deleted_at IS NULL)
    AS settled_by_payments,
  (SELECT coalesce(sum(last_number), 0) FROM credit_accounts t WHERE t.shop_id = shop.shop_id) AS numbers,
  (SELECT count(*) FROM ledger_entries t WHERE t.shop_id = shop.shop_id) AS entries
FROM unnest($1::uuid[]) AS shop (shop_id)
"""


@dataclass
class Client:
    """What a worker knows of a client: the newest things, some of which others have changed since."""

    desk: Desk
    id: UUID
    invoices: list[UUID] = field(default_factory=list)
    payments: list[UUID] = field(default_factory=list)
    bulks: list[UUID] = field(default_factory=list)
    entries: list[UUID] = field(default_factory=list)

    def saw(self, answer: object) -> None:
        match answer:
            case EntryView():
                self.entries.append(answer.id)
            case RecordedPaymentView():
                self.payments.append(answer.id)
                self.entries += [entry.id for entry in answer.entries]
            case BulkPaymentView():
                self.bulks.append(answer.id)
                self.payments += [payment.id for payment in answer.payments]
            case CaptureView():
                self.entries += [entry.id for entry in answer.entries]
            case UUID():
                self.invoices.append(answer)
        for known in (self.invoices, self.payments, self.bulks, self.entries):
            del known[:-8]


Request = Callable[[Caller], Awaitable[object]]


def _some(known: list[UUID], chance: Random) -> UUID:
    return chance.choice(known) if known else uuid4()


def _amount(chance: Random) -> int:
    return chance.randint(1, 60) * 100


def _add(client: Client, chance: Random) -> Request:
    reason: Any = chance.choice(("goodwill", "promotion", "refund"))
    named = _some(client.invoices, chance) if reason == "refund" and client.invoices else None
    amount = _amount(chance)
    return lambda who: client.desk.add(client.id, amount, reason=reason, invoice_id=named, caller=who)


def _add_invoice(client: Client, chance: Random) -> Request:
    total = _amount(chance) * 2
    return lambda _: client.desk.invoice(client.id, total)


def _apply(client: Client, chance: Random) -> Request:
    invoice, asked = _some(client.invoices, chance), chance.choice((None, _amount(chance)))
    return lambda who: client.desk.apply(invoice, asked, caller=who)


def _pay(client: Client, chance: Random) -> Request:
    invoice, amount, method = _some(client.invoices, chance), _amount(chance), chance.choice(("cash", "card", "check"))
    choice: Any = chance.choice(("capture", "capture", "leave", None))
    return lambda who: client.desk.pay(invoice, amount, method, overpayment=choice, caller=who)


def _pay_together(client: Client, chance: Random) -> Request:
    invoices = chance.sample(client.invoices, k=min(2, len(client.invoices)))
    allocations = [(invoice, 100 * chance.randint(1, 9)) for invoice in invoices]
    return lambda who: client.desk.pay_together(client.id, allocations, caller=who)


def _delete_payment(client: Client, chance: Random) -> Request:
    payment = _some(client.payments, chance)
    return lambda who: client.desk.delete(payment, caller=who)


def _delete_together(client: Client, chance: Random) -> Request:
    bulk = _some(client.bulks, chance)
    return lambda who: client.desk.delete_together(bulk, caller=who)


def _edit_payment(client: Client, chance: Random) -> Request:
    payment, edit = _some(client.payments, chance), PaymentEdit(amount=_amount(chance), overpayment="capture")
    return lambda who: client.desk.edit_as(payment, edit, caller=who)


def _void(client: Client, chance: Random) -> Request:
    entry = _some(client.entries, chance)
    return lambda who: client.desk.void(entry, caller=who)


def _capture(client: Client, chance: Random) -> Request:
    invoice = _some(client.invoices, chance)
    return lambda who: client.desk.capture(invoice, caller=who)


def _edit_total(client: Client, chance: Random) -> Request:
    invoice, total = _some(client.invoices, chance), _amount(chance)
    return lambda who: client.desk.edit_total(invoice, total, caller=who)


def _void_invoice(client: Client, chance: Random) -> Request:
    invoice = _some(client.invoices, chance)
    return lambda who: client.desk.void_invoice(invoice, caller=who)


def _delete_client(client: Client, _: Random) -> Request:
    return lambda who: client.desk.delete_client(client.id, caller=who)


def _restore_client(client: Client, _: Random) -> Request:
    return lambda who: client.desk.restore_client(client.id, caller=who)


# How often each is asked for, more or less as at a counter.
WORK: dict[Callable[[Client, Random], Request], int] = {
    _add: 6,
    _add_invoice: 6,
    _apply: 12,
    _pay: 12,
    _pay_together: 3,
    _delete_payment: 6,
    _delete_together: 1,
    _edit_payment: 3,
    _void: 4,
    _capture: 4,
    _edit_total: 4,
    _void_invoice: 1,
    _delete_client: 1,
    _restore_client: 2,
}
_TWICE = 0.1


@dataclass
class Bank:
    """Three shops that share a hundred clients, and who works there until a moment."""

    clients: list[Client]
    until: float
    done: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    repeated: int = 0
    looks: int = 0
    tell: Callable[[float], None] = lambda _seconds_left: None

    async def work(self, chance: Random) -> None:
        while monotonic() < self.until:
            client = chance.choice(self.clients)
            [make] = chance.choices(list(WORK), list(WORK.values()))
            request = make(client, chance)
            who = keyed(client.desk.owner, uuid4().hex)
            times = 2 if chance.random() < _TWICE and make is not _add_invoice else 1
            await asyncio.gather(*(self._ask(make.__name__, client, request(who)) for _ in range(times)))

    async def _ask(self, name: str, client: Client, request: Awaitable[object]) -> None:
        try:
            client.saw(await request)
        except Refusal:
            self.refused += 1
        except AlreadyAnswered:
            self.repeated += 1
        else:
            self.done[name] += 1

    async def look(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """Credit outstanding + credit spent = credit given, and the like, at any moment."""
        shops = sorted({client.desk.shop_id for client in self.clients})
        due = monotonic()
        while monotonic() < self.until:
            for seen in await connection.fetch(_TOTALS, shops):
                assert seen["outstanding"] + seen["spent"] == seen["given"], dict(seen)
                assert seen["captured"] == seen["captured_entries"], dict(seen)
                assert seen["settled"] == seen["settled_by_payments"], dict(seen)
                assert seen["numbers"] == seen["entries"], dict(seen)
            self.looks += 1
            self.tell(self.until - monotonic())
            due += SECONDS_BETWEEN_LOOKS
            await asyncio.sleep(max(due - monotonic(), 0))


@pytest.fixture
async def container(database: Database) -> AsyncIterator[Container]:
    async with program(database, max_connections=WORKERS) as running:
        yield running


@ALONE
async def test_credit_outstanding_and_credit_spent_are_credit_given_at_every_moment(
    container: Container,
    database: Database,
    auditor: Auditor,
    scenario: Scenario,
    scale: Scale,
    seed: int,
    progress: Progress,
) -> None:
    desks = [await open_desk(container) for _ in range(SHOPS)]
    clients = [Client(desk, await desk.client()) for _, desk in zip(range(CLIENTS), cycle(desks), strict=False)]
    for client in clients:
        client.saw(await client.desk.invoice(client.id, 9000))
        client.saw(await client.desk.add(client.id, 5000))
    seconds = scale.of(10, least=3, most=60)
    bank = Bank(clients, monotonic() + seconds, tell=lambda left: progress(seconds - round(left), seconds, "s"))
    reader = await asyncpg.connect(database.superuser_url)
    try:
        async with asyncio.TaskGroup() as together:
            together.create_task(bank.look(reader))
            for worker in range(WORKERS):
                together.create_task(bank.work(Random(f"{seed} {worker}")))  # noqa: S311  # to be repeatable
    finally:
        await reader.close()
    await auditor.require_sound(*desks)
    assert await _found_by_verify(container, desks) == []
    # In a few seconds a rare one may always be refused.
    assert seconds < 10 or set(bank.done) == {make.__name__ for make in WORK}
    done = sum(bank.done.values())
    scenario(
        f"bank: {WORKERS} workers, {CLIENTS} clients, {SHOPS} shops, every operation, {seconds} s",
        figure=f"{done:,} done ({done / seconds:.0f} a second), {bank.refused:,} refused, {bank.repeated:,} repeated; "
        f"outstanding + spent = given in all of {bank.looks:,} snapshots",
    )


async def _found_by_verify(container: Container, desks: list[Desk]) -> list[object]:
    found: list[object] = []

    def tell(step: Step) -> None:
        found.extend(step.findings)

    for desk in desks:
        await container.verify_shop()(desk.shop_id, expect=lambda _size: None, tell=tell)
    return found
