"""The use cases on the real database against a small model, step by step, wrong steps included.

Two shops at once; every id may be tried at the other shop; every request may be sent again under its key.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from core.errors import CreditAlreadySpent, IdempotencyKeyReused, InvalidField, NotFound, Refusal
from core.ids import ClientId
from core.invoices import InvoiceLine
from core.payments import MoneyMethod, OverpaymentChoice, PaymentEdit
from core.staff import Caller
from entrypoints.container import Container
from ports.transactions import AlreadyAnswered
from tests.database import Database
from tests.desk import Desk, keyed, open_desk, program
from tests.soundness import Auditor
from tests.use_cases.model import Model, Refused, Row

T = TypeVar("T")
Request = Callable[[Caller], Awaitable[Any]]

# How often each step is tried.
STEPS = {
    "new_client": 1,
    "new_invoice": 4,
    "add": 8,
    "apply": 10,
    "pay": 10,
    "pay_together": 4,
    "edit_payment": 6,
    "delete_payment": 6,
    "delete_together": 2,
    "void": 7,
    "capture": 7,
    "edit_total": 7,
    "void_invoice": 1,
    "delete_client": 3,
    "restore_client": 3,
    "send_again": 2,
    "use_a_key_again_for_something_else": 1,
    "try_it_from_the_other_shop": 1,
}
MONEY: list[MoneyMethod] = ["cash", "card", "check", "bank_transfer", "other"]
CHOICES: list[OverpaymentChoice | None] = [None, "capture", "capture", "leave", "leave"]


@dataclass
class Books:
    """A shop in the model, the same shop in the program, and which id is which."""

    desk: Desk
    model: Model = field(default_factory=Model)
    ids: dict[int, UUID] = field(default_factory=dict)


@dataclass
class World:
    """The program in a loop of its own, which lives as long as the test."""

    runner: asyncio.Runner
    container: Container
    auditor: Auditor


class Shops(RuleBasedStateMachine):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.keys = count(1)
        self.shops = [Books(self._run(open_desk(world.container))) for _ in range(2)]
        self.done: list[tuple[Books, str, Request, int, bytes]] = []
        self.books = self.shops[0]
        self.dice = Random(0)  # noqa: S311  # a die, no secret

    @initialize()
    def begin(self) -> None:
        for books in self.shops:
            self.books = books
            for _ in range(2):
                self.new_client()
            for _ in range(4):
                self.new_invoice()

    # One rule for all steps, and a die for what each works on: Hypothesis would rather try one of them again and again.
    @rule(
        step=st.sampled_from([step for step, times in STEPS.items() for _ in range(times)]), die=st.integers(0, 2**24)
    )
    def step(self, step: str, die: int) -> None:
        self.dice = Random(die)  # noqa: S311  # a die, no secret
        self.books = self.shops[self.dice.choices([0, 1], [4, 1])[0]]
        getattr(self, step)()

    # What a step works on

    def _some(self, rows: str, likely: Callable[[int], bool]) -> tuple[int, UUID] | None:
        """One of the shop's clients, invoices, payments or entries: mostly one that leads on, if there is one."""
        known: dict[int, Row] = getattr(self.books.model, rows)
        numbers = [n for n in known if likely(n)] if self.dice.random() < 0.8 else []
        if not (numbers or known):
            return None
        number = self.dice.choice(numbers or list(known))
        return number, self.books.ids[number]

    def _amount(self, *landmarks: int) -> int:
        """An amount: mostly near one that matters, now and then one that is none."""
        if self.dice.random() < 0.04:
            return self.dice.choice([0, -100])
        near = self.dice.choice([*landmarks, 100 * self.dice.randint(1, 30)])
        return max(near + self.dice.choice([0, 0, -100, 100, 1000]), 1)

    def _live_client(self, number: int) -> bool:
        return not self.books.model.clients[number]["deleted"]

    def _open_to_money(self, number: int) -> bool:
        invoice = self.books.model.invoices[number]
        return self._live_client(invoice["client"]) and not invoice["void"]

    def _takes_credit(self, number: int) -> bool:
        model = self.books.model
        return model.due(number) > 0 and model.balance(model.invoices[number]["client"]) > 0

    def _live_payment(self, number: int) -> bool:
        payment = self.books.model.payments[number]
        return self._open_to_money(payment["invoice"]) and not payment["deleted"]

    def _voidable(self, number: int) -> bool:
        entries = self.books.model.entries
        return entries[number]["kind"] in {"added", "captured"} and not any(
            entry["reverses"] == number for entry in entries.values()
        )

    # A step in both

    def _run(self, request: Awaitable[T]) -> T:
        async def wait() -> T:
            return await request

        return self.world.runner.run(wait())

    def _both(self, in_model: Callable[[Model], T], request: Request, status: int) -> tuple[T, Any] | None:
        """Ask the model and the program: both do it, or both refuse it, for the same reason and with the same facts."""
        books, trial = self.books, deepcopy(self.books.model)
        expected: Refused | None = None
        modelled: T | None = None
        try:
            modelled = in_model(trial)
        except Refused as refused:
            expected = refused
        note(f"  the model says {expected or modelled}")
        key = f"key {next(self.keys)}"
        try:
            answer = self._run(request(keyed(books.desk.owner, key, key.encode())))
        except Refusal as refusal:
            self._same(refusal, expected)
            return None
        assert expected is None, f"the model refuses what is done: {expected}"
        self._learn_entries(trial)
        books.model = trial
        self.done.append((books, key, request, status, b"" if answer is None else msgspec.json.encode(answer)))
        return modelled, answer  # type: ignore[return-value]  # the model refused nothing

    def _same(self, refusal: Refusal, expected: Refused | None) -> None:
        assert expected is not None, f"the model allows what is refused: {refusal!r}"
        assert type(refusal).__name__ == expected.name
        facts = {name: getattr(refusal, name) for name in expected.facts}
        if isinstance(refusal, CreditAlreadySpent):
            facts["spent_by"] = [spending.payment_id for spending in refusal.spent_by]
            expected.facts["spent_by"] = [self.books.ids[payment] for payment in expected.facts["spent_by"]]
        assert facts == expected.facts

    def _learn_entries(self, model: Model) -> None:
        """Which ids the program gave to the entries that the model has just made."""
        new = [entry for number, entry in model.entries.items() if number not in self.books.model.entries]
        for client in {entry["client"] for entry in new}:
            in_program = self._run(self.books.desk.entries(self.books.ids[client]))
            for modelled, entry in zip(model.ledger(client), in_program, strict=True):
                self.books.ids[modelled["id"]] = entry.id

    # The steps

    def new_client(self) -> None:
        add = self.books.desk.container.add_client()
        done = self._both(Model.add_client, lambda who: add(who, name="Pat", email=None, phone=None), 201)
        assert done is not None
        self.books.ids[done[0]] = done[1].id

    def new_invoice(self) -> None:
        client = self._some("clients", self._live_client)
        assert client is not None
        total = self.dice.choice([0, 1000, 3000, 100 * self.dice.randint(1, 50)])
        work = [InvoiceLine(description="Work", quantity=1, unit_price=total)]
        add = self.books.desk.container.add_invoice()
        done = self._both(
            lambda m: m.add_invoice(client[0], total),
            lambda who: add(who, ClientId(client[1]), number=None, issued_on=None, vehicle=None, lines=work, tax=0),
            201,
        )
        if done is not None:
            self.books.ids[done[0]] = done[1].id

    def add(self) -> None:
        client = self._some("clients", self._live_client)
        assert client is not None
        model, desk = self.books.model, self.books.desk
        reason: Any = self.dice.choice(["refund", "goodwill", "manual", "correction", "promotion"])
        origin = None
        if self.dice.random() < (0.8 if reason == "refund" else 0.2):
            origin = self._some("invoices", lambda n: model.invoices[n]["client"] == client[0] and model.settled(n) > 0)
        amount = self._amount(*([model.settled(origin[0])] if origin else []))
        self._both(
            lambda m: m.add(client[0], amount, reason, origin[0] if origin else None),
            lambda who: desk.add(
                client[1], amount, reason=reason, invoice_id=origin[1] if origin else None, caller=who
            ),
            201,
        )

    def apply(self) -> None:
        invoice = self._some("invoices", self._takes_credit)
        assert invoice is not None
        model, desk = self.books.model, self.books.desk
        balance = model.balance(model.invoices[invoice[0]]["client"])
        asked = self.dice.choice([None, self._amount(model.due(invoice[0]), balance)])
        done = self._both(
            lambda m: m.apply(invoice[0], asked), lambda who: desk.apply(invoice[1], asked, caller=who), 201
        )
        if done is not None:
            (payment, capped_by), answer = done
            self.books.ids[payment] = answer.id
            assert (answer.requested, answer.capped_by) == (asked, capped_by)

    def pay(self) -> None:
        invoice = self._some("invoices", self._open_to_money)
        assert invoice is not None
        desk, method = self.books.desk, self.dice.choice(MONEY)
        amount, choice = self._amount(self.books.model.due(invoice[0])), self.dice.choice(CHOICES)
        done = self._both(
            lambda m: m.pay(invoice[0], method, amount, choice),
            lambda who: desk.pay(invoice[1], amount, method, overpayment=choice, caller=who),
            201,
        )
        if done is not None:
            self.books.ids[done[0]] = done[1].id

    def pay_together(self) -> None:
        model, desk = self.books.model, self.books.desk

        def owing(client: int) -> list[int]:
            return [n for n, row in model.invoices.items() if row["client"] == client and model.due(n) > 0]

        client = self._some("clients", lambda n: self._live_client(n) and len(owing(n)) > 1)
        assert client is not None
        method = self.dice.choice([*MONEY, *MONEY, "account_credit"])
        among = owing(client[0]) if self.dice.random() < 0.8 else list(model.invoices)
        invoices = self.dice.sample(among, min(len(among), self.dice.randint(2, 3)))
        if self.dice.random() < 0.05:
            invoices += invoices[:1]
        parts = [
            (n, self._amount(model.due(n)) if self.dice.random() < 0.3 else max(model.due(n), 1)) for n in invoices
        ]
        done = self._both(
            lambda m: m.pay_together(client[0], method, parts),
            lambda who: desk.pay_together(
                client[1], [(self.books.ids[n], amount) for n, amount in parts], method, caller=who
            ),
            201,
        )
        if done is not None:
            for payment, answer in zip(done[0], done[1].payments, strict=True):
                self.books.ids[payment] = answer.id
            self.books.ids[self.books.model.payments[done[0][0]]["bulk"]] = done[1].id

    def edit_payment(self) -> None:
        payment = self._some("payments", self._live_payment)
        if payment is None:
            return
        model, desk = self.books.model, self.books.desk
        row = model.payments[payment[0]]
        amount = self.dice.choice([None, self._amount(row["amount"], row["amount"] + model.due(row["invoice"]))])
        edit = PaymentEdit(
            amount=amount,
            method=self.dice.choice([None, *MONEY]),
            overpayment=self.dice.choice(CHOICES),
        )
        self._both(
            lambda m: m.edit_payment(payment[0], edit.amount, edit.method, edit.overpayment),
            lambda who: desk.edit_as(payment[1], edit, caller=who),
            200,
        )

    def delete_payment(self) -> None:
        model, desk = self.books.model, self.books.desk

        def spent(number: int) -> bool:
            """More of it was captured than there is left."""
            client = model.invoices[model.payments[number]["invoice"]]["client"]
            return self._live_payment(number) and model.captured(number) > model.balance(client)

        payment = self._some("payments", self.dice.choice([self._live_payment, spent]))
        if payment is not None:
            self._both(lambda m: m.delete_payments([payment[0]]), lambda who: desk.delete(payment[1], caller=who), 204)

    def delete_together(self) -> None:
        model, desk = self.books.model, self.books.desk
        bulks = sorted({row["bulk"] for row in model.payments.values() if row["bulk"]})
        if bulks:
            bulk = self.dice.choice(bulks)
            payments = [number for number, row in model.payments.items() if row["bulk"] == bulk]
            bulk_id = self.books.ids[bulk]
            self._both(
                lambda m: m.delete_payments(payments), lambda who: desk.delete_together(bulk_id, caller=who), 204
            )

    def void(self) -> None:
        entry = self._some("entries", self._voidable)
        if entry is not None:
            desk = self.books.desk
            self._both(lambda m: m.void(entry[0]), lambda who: desk.void(entry[1], caller=who), 201)

    def capture(self) -> None:
        model, desk = self.books.model, self.books.desk
        invoice = self._some("invoices", lambda n: model.due(n) < 0)
        assert invoice is not None
        done = self._both(lambda m: m.capture(invoice[0]), lambda who: desk.capture(invoice[1], caller=who), 201)
        if done is not None:
            made = [self.books.model.entries[number] for number in done[0]]
            assert [(entry.payment_id, entry.amount) for entry in done[1].entries] == [
                (self.books.ids[entry["payment"]], entry["amount"]) for entry in made
            ]

    def edit_total(self) -> None:
        model, desk = self.books.model, self.books.desk
        invoice = self._some("invoices", lambda n: self._open_to_money(n) and model.settled(n) > 0)
        assert invoice is not None
        settled = model.settled(invoice[0])
        landmarks = [settled, settled // 2, model.credit_on(invoice[0])]
        total = max(self.dice.choice(landmarks) + self.dice.choice([0, -100, 100, 1000]), 0)
        self._both(
            lambda m: m.edit_total(invoice[0], total), lambda who: desk.edit_total(invoice[1], total, caller=who), 200
        )

    def void_invoice(self) -> None:
        model, desk = self.books.model, self.books.desk
        invoice = self._some("invoices", lambda n: self._open_to_money(n) and not model.live(n))
        assert invoice is not None
        self._both(lambda m: m.void_invoice(invoice[0]), lambda who: desk.void_invoice(invoice[1], caller=who), 200)

    def delete_client(self) -> None:
        model, desk = self.books.model, self.books.desk

        def overpaid(client: int) -> bool:
            return any(model.due(n) < 0 for n, row in model.invoices.items() if row["client"] == client)

        both = [lambda n: model.balance(n) == 0, lambda n: model.balance(n) == 0 and overpaid(n)]
        client = self._some("clients", self.dice.choice(both))
        assert client is not None
        self._both(lambda m: m.delete_client(client[0]), lambda who: desk.delete_client(client[1], caller=who), 204)

    def restore_client(self) -> None:
        desk = self.books.desk
        client = self._some("clients", lambda n: not self._live_client(n))
        assert client is not None
        self._both(lambda m: m.restore_client(client[0]), lambda who: desk.restore_client(client[1], caller=who), 200)

    def send_again(self) -> None:
        """The first answer, whatever happened since, and nothing done."""
        self.books, key, request, status, body = self.dice.choice(self.done)
        with pytest.raises(AlreadyAnswered) as replay:
            self._run(request(keyed(self.books.desk.owner, key, key.encode())))
        assert (replay.value.status, replay.value.body) == (status, body)

    def use_a_key_again_for_something_else(self) -> None:
        self.books, key, request, _, _ = self.dice.choice(self.done)
        with pytest.raises(IdempotencyKeyReused):
            self._run(request(keyed(self.books.desk.owner, key, b"something else")))

    def try_it_from_the_other_shop(self) -> None:
        """For a stranger none of it is there."""
        found = {rows: self._some(rows, lambda _: True) for rows in ("clients", "invoices", "payments", "entries")}
        ids = {rows: one[1] for rows, one in found.items() if one is not None}
        nothing = self.books.desk.shop_id
        stranger = next(books.desk for books in self.shops if books is not self.books)
        for attempt in (
            stranger.add(ids["clients"], 100),
            stranger.card(ids["clients"]),
            stranger.delete_client(ids["clients"]),
            stranger.pay(ids["invoices"], 100, overpayment="leave"),
            stranger.capture(ids["invoices"]),
            stranger.delete(ids.get("payments", nothing)),
            stranger.void(ids.get("entries", nothing)),
        ):
            with pytest.raises(NotFound):
                self._run(attempt)
        with pytest.raises(InvalidField):
            self._run(stranger.invoice(ids["clients"]))

    # What holds after each of them

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        for books in self.shops:
            assert self._run(self._in_database(books)) == self._in_model(books)

    @invariant()
    def the_card_adds_up(self) -> None:
        books = self.books
        for client in list(books.model.clients)[-2:]:
            card = self._run(books.desk.card(books.ids[client]))
            dues = [
                (row["total"], books.model.settled(row["id"]), books.model.due(row["id"]))
                for row in books.model.invoices.values()
                if row["client"] == client and not row["void"]
            ]
            assert (card.invoiced, card.paid, card.due, card.overpaid, card.credit) == (
                sum(total for total, _, _ in dues),
                sum(settled for _, settled, _ in dues),
                sum(max(due, 0) for _, _, due in dues),
                sum(max(-due, 0) for _, _, due in dues),
                books.model.balance(client),
            )
            assert card.invoiced - card.paid == card.due - card.overpaid

    def teardown(self) -> None:
        self._run(self.world.auditor.require_sound(*(books.desk for books in self.shops)))

    async def _in_database(self, books: Books) -> dict[str, Any]:
        [row] = await self.world.auditor.connection.fetch(_STATE, books.desk.shop_id)
        return {name: {tuple(one) for one in msgspec.json.decode(rows or "[]")} for name, rows in row.items()}

    def _in_model(self, books: Books) -> dict[str, Any]:
        model = books.model

        def name(number: int | None) -> str | None:
            return None if number is None else str(books.ids[number])

        return {
            "clients": {(name(n), model.balance(n), row["deleted"]) for n, row in model.clients.items()},
            "invoices": {
                (name(n), row["total"], model.settled(n), model.due(n), model.credit_on(n), model.status(n))
                for n, row in model.invoices.items()
            },
            "payments": {
                (
                    name(n),
                    row["method"],
                    row["amount"],
                    0 if row["method"] == "account_credit" else row["amount"],
                    model.settles(n),
                    0 if row["method"] == "account_credit" else model.captured(n),
                    row["deleted"],
                )
                for n, row in model.payments.items()
            },
            "entries": {
                (
                    name(row["id"]),
                    place,
                    row["kind"],
                    row["amount"],
                    sum(entry["amount"] for entry in model.ledger(client)[:place]),
                    row["reason"],
                    name(row["invoice"]),
                    name(row["payment"]),
                    name(row["reverses"]),
                )
                for client in model.clients
                for place, row in enumerate(model.ledger(client), start=1)
            },
        }


_STATE = """
SELECT (SELECT json_agg(json_build_array(client_id, balance, closed_at IS NOT NULL))
    FROM credit_accounts WHERE shop_id = $1) AS clients,
  (SELECT json_agg(json_build_array(id, total, settled, due, credit_applied, status))
    FROM invoices WHERE shop_id = $1) AS invoices,
  (SELECT json_agg(json_build_array(id, method, amount, collected, settled, captured, deleted_at IS NOT NULL))
    FROM payments WHERE shop_id = $1) AS payments,
  (SELECT json_agg(json_build_array(entry.id, entry.number, entry.kind, entry.amount, entry.balance_after,
      entry.reason, entry.invoice_id, entry.payment_id, reversed.id))
    FROM ledger_entries entry LEFT JOIN ledger_entries reversed ON reversed.shop_id = entry.shop_id
      AND reversed.client_id = entry.client_id AND reversed.number = entry.reverses_number
    WHERE entry.shop_id = $1) AS entries
"""


@pytest.fixture(scope="module")
def world(database: Database) -> Iterator[World]:
    async def open_all() -> tuple[Container, Auditor]:
        container = await stack.enter_async_context(program(database, max_connections=2))
        connection = await asyncpg.connect(database.superuser_url)
        stack.push_async_callback(connection.close)
        return container, Auditor(connection)

    stack = AsyncExitStack()
    with asyncio.Runner() as runner:
        container, auditor = runner.run(open_all())
        yield World(runner, container, auditor)
        runner.run(stack.aclose())


def test_the_program_does_and_refuses_what_the_rules_say_step_by_step(world: World) -> None:
    run_state_machine_as_test(
        lambda: Shops(world),  # type: ignore[arg-type]  # Hypothesis takes whatever makes a machine
        settings=settings(
            max_examples=14,
            stateful_step_count=50,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
