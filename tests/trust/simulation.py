"""The staff API and the real database against the model of the shop's books, with everything that can go wrong between.

Two shops at once. A request may be cancelled, lose its connection at any message, lose its answer, or be sent twice at
once. Who does not know what became of it asks again with the same key, as a client of the API would: then the program
and the model must agree again.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter as Counts
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

import asyncpg
import httpx
import structlog
from dependency_injector import providers
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from adapters.postgres.provision import APP
from core.use_cases.verify_shop import Step
from entrypoints.container import Container, running
from entrypoints.web_container import staff_api_app
from tests.database import Database
from tests.desk import Desk, container_for, open_desk
from tests.entrypoints.counter import Counter, sign_in
from tests.soundness import Auditor
from tests.trust.faults import FAULTS, Fault, SabotagedPool, Saboteur
from tests.use_cases.model import Model, Refused, Row

T = TypeVar("T")
Json = dict[str, Any]

CONNECTIONS = 3
_UNKNOWN = 503
_DONE = {200, 201, 204}

# Small, so that limits are met exactly, missed by one cent and passed all the time.
amounts = st.integers(1, 12)
totals = st.integers(0, 12)
shops = st.sampled_from([0, 0, 1])
picks = st.integers(0, 255)
choices = st.sampled_from([None, "capture", "leave"])
money = st.sampled_from(["cash", "card", "check", "bank_transfer", "other"])
faults = st.none() | st.none() | st.builds(Fault, kind=st.sampled_from(FAULTS), at=st.integers(0, 7))


@dataclass
class World:
    """The program, as it is reached by HTTP, and who looks at its database past it."""

    runner: asyncio.Runner
    container: Container
    http: httpx.AsyncClient
    auditor: Auditor
    saboteur: Saboteur
    counts: Counts[str] = field(default_factory=Counts)


@dataclass
class Books:
    """A shop in the model, the same shop in the program, and which id is which."""

    desk: Desk
    owner: Counter
    nobody: Counter
    """Signed in, without any permission."""
    model: Model = field(default_factory=Model)
    ids: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    """A request under a key that was done, and the bytes of its answer."""

    books: Books
    method: str
    path: str
    body: Json | None
    key: str
    status: int
    content: bytes


def _live_client(model: Model, client: int) -> bool:
    return not model.clients[client]["deleted"]


def _open_invoice(model: Model, invoice: int) -> bool:
    row = model.invoices[invoice]
    return not row["void"] and _live_client(model, row["client"])


def _takes_credit(model: Model, invoice: int) -> bool:
    return model.due(invoice) > 0 and model.balance(model.invoices[invoice]["client"]) > 0


def _live_payment(model: Model, payment: int) -> bool:
    return not model.payments[payment]["deleted"]


def _editable(model: Model, payment: int) -> bool:
    by_credit = model.payments[payment]["method"] == "account_credit"
    return _live_payment(model, payment) and not by_credit and not model.captured(payment)


def _voidable(model: Model, entry: int) -> bool:
    reversed_entries = {row["reverses"] for row in model.entries.values()}
    return model.entries[entry]["kind"] in {"added", "captured"} and entry not in reversed_entries


# What may happen, how often, and what of it is drawn. One rule for all of it: of several, Hypothesis leaves out many in
# each run, and a run without this or that operation meets little.
_STEPS: dict[str, tuple[int, dict[str, st.SearchStrategy[Any]]]] = {
    "new_client": (1, {"shop": shops, "fault": faults}),
    "new_invoice": (2, {"shop": shops, "client": picks, "total": totals, "fault": faults}),
    "add": (
        4,
        {
            "shop": shops,
            "client": picks,
            "amount": amounts,
            "reason": st.sampled_from(["refund", "goodwill", "promotion"]),
            "origin": st.none() | picks,
            "fault": faults,
        },
    ),
    "apply": (5, {"shop": shops, "invoice": picks, "asked": st.none() | amounts, "fault": faults}),
    "pay": (
        5,
        {"shop": shops, "invoice": picks, "method": money, "amount": amounts, "choice": choices, "fault": faults},
    ),
    "pay_together": (
        1,
        {
            "shop": shops,
            "client": picks,
            "method": st.sampled_from(["cash", "card", "account_credit"]),
            "parts": st.lists(st.integers(1, 6), min_size=2, max_size=3),
            "fault": faults,
        },
    ),
    "delete_payment": (3, {"shop": shops, "payment": picks, "fault": faults}),
    "delete_together": (1, {"shop": shops, "pick": picks, "fault": faults}),
    "edit_payment": (
        2,
        {
            "shop": shops,
            "payment": picks,
            "amount": st.none() | amounts,
            "method": st.none() | money,
            "choice": choices,
            "fault": faults,
        },
    ),
    "void": (3, {"shop": shops, "entry": picks, "fault": faults}),
    "capture": (2, {"shop": shops, "invoice": picks, "fault": faults}),
    "edit_total": (2, {"shop": shops, "invoice": picks, "total": totals, "fault": faults}),
    "put_away_or_bring_back": (
        1,
        {
            "shop": shops,
            "what": st.sampled_from(["void invoice", "delete client", "restore client", "restore client"]),
            "pick": picks,
            "fault": faults,
        },
    ),
    "ask_again": (1, {"which": picks}),
    "use_a_key_for_something_else": (1, {"which": picks}),
    "ask_wrongly": (
        2,
        {"shop": shops, "pick": picks, "wrong": st.sampled_from(["stranger", "stranger", "clerk", "input", "nothing"])},
    ),
    "look_at_an_invoice": (1, {"shop": shops, "pick": picks, "fault": faults}),
}
_steps = st.sampled_from([name for name, (times, _) in _STEPS.items() for _ in range(times)]).flatmap(
    lambda name: st.tuples(st.just(name), st.fixed_dictionaries(_STEPS[name][1]))
)


class Simulation(RuleBasedStateMachine):
    """One run."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.keys = count(1)
        self.sent: list[Sent] = []
        self.shops: list[Books] = []
        self.failed = False

    # How a step is taken

    def run(self, work: Any) -> Any:
        try:
            return self.world.runner.run(work)
        except BaseException:
            self.failed = True
            raise

    def books(self, shop: int) -> Books:
        return self.shops[shop % 2]

    def some(
        self, books: Books, rows: str, pick: int, likely: Callable[[Model, int], bool] = lambda _model, _number: True
    ) -> int | None:
        """One of the shop's clients, invoices, payments or entries; mostly one that leads on."""
        known: dict[int, Row] = getattr(books.model, rows)
        leading = [number for number in known if pick % 4 and likely(books.model, number)]
        numbers = leading or list(known)
        return numbers[pick // 4 % len(numbers)] if numbers else None

    def step(
        self,
        books: Books,
        client: int,
        method: str,
        path: str,
        body: Json | None,
        decide: Callable[[Model], T],
        fault: Fault | None,
        learn: Callable[[Json, T], None] = lambda _answer, _made: None,
    ) -> None:
        """Ask the model and the program: both do it, or both refuse it for the same reason and with the same facts.

        ``learn``: which ids the program gave to what the model made.
        """
        trial = deepcopy(books.model)
        refused, made = None, None
        try:
            made = decide(trial)
        except Refused as refusal:
            refused = refusal
        # A PATCH takes no key; what it says of a thing is the same when it is said twice.
        key = None if method == "PATCH" else f"key-{next(self.keys)}"
        answer = self.run(self.ask(books.owner, method, path, body, key, fault))
        if refused is not None:
            self.check_refusal(books, answer, refused)
        else:
            assert answer.status_code in _DONE, (answer.status_code, answer.text)
            before = set(books.model.entries)
            books.model = trial
            if key is not None:
                self.sent.append(Sent(books, method, path, body, key, answer.status_code, answer.content))
            learn(answer.json() if answer.content else {}, made)  # type: ignore[arg-type]  # it was not refused
            self.learn_entries(books, client, [row for n, row in trial.entries.items() if n not in before])
        self.check_client(books, client)

    async def ask(
        self, who: Counter, method: str, path: str, body: Json | None, key: str | None, fault: Fault | None
    ) -> httpx.Response:
        """The answer; whoever is left in the dark asks again, with the same key."""
        self.world.counts["requests"] += 1

        def request() -> asyncio.Task[httpx.Response]:
            return asyncio.create_task(who.request(method, path, body, key=key))

        if fault is None:
            answer = await request()
            assert answer.status_code < 500, answer.text
            return answer
        self.world.counts[fault.kind] += 1
        first: httpx.Response | None = None
        if fault.kind == "twice":
            return await self.both(request, keyed=key is not None)
        task = request()
        if fault.kind == "dropped":
            first = await task
        else:
            with self.world.saboteur.planning(fault, task):
                try:
                    first = await task
                except asyncio.CancelledError:
                    assert fault.kind == "cancelled"
        if first is not None and first.status_code == _UNKNOWN:
            self.world.counts["answered 503"] += 1
            assert first.headers["retry-after"].isdigit()
            assert first.json()["code"] == "unavailable"
        again = await request()
        for _ in range(CONNECTIONS):
            if again.status_code == _UNKNOWN:
                again = await request()
        self.world.counts["replayed"] += "idempotency-replayed" in again.headers
        if first is not None and first.status_code in _DONE and key is not None:
            assert again.headers["idempotency-replayed"] == "true"
            assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.status_code < 500, again.text
        return again

    async def both(self, request: Callable[[], asyncio.Task[httpx.Response]], *, keyed: bool) -> httpx.Response:
        """Two at once with one key: one effect, one answer. (Refusals name no key; each is of its own moment.)"""
        one, two = await asyncio.gather(request(), request())
        assert one.status_code == two.status_code, (one.text, two.text)
        assert one.status_code < 500, one.text
        if one.status_code in _DONE and keyed:
            assert one.content == two.content
            assert ("idempotency-replayed" in one.headers) != ("idempotency-replayed" in two.headers)
        return one

    def check_refusal(self, books: Books, answer: httpx.Response, refused: Refused) -> None:
        facts = dict(refused.facts)
        problem = answer.json()
        self.world.counts["refused"] += 1
        if refused.name == "InvalidField":
            assert (answer.status_code, problem["code"]) == (422, "validation_failed"), problem
            assert [error["field"] for error in problem["errors"]] == [facts["field"]]
            return
        code = re.sub(r"(?<!^)(?=[A-Z])", "_", refused.name).lower()
        assert (answer.status_code, problem.get("code")) == (409, code), problem
        if "spent_by" in facts:
            facts["spent_by"] = [books.ids[payment] for payment in facts["spent_by"]]
            problem["spent_by"] = [spending["payment_id"] for spending in problem["spent_by"]]
        assert {name: problem[name] for name in facts} == facts

    def get(self, books: Books, path: str, fault: Fault | None = None) -> Json:
        answer = self.run(self.ask(books.owner, "GET", path, None, None, fault))
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def learn_entries(self, books: Books, client: int, made: list[Row]) -> None:
        """The newest entries of the ledger are those that the model made, and nothing came between."""
        path = f"/v1/clients/{books.ids[client]}/credit/entries?limit={len(made) + 1}"
        found = self.get(books, path)["items"][::-1]
        ledger = books.model.ledger(client)
        assert len(found) == min(len(ledger), len(made) + 1)
        if made:
            for entry, row in zip(found[-len(made) :], made, strict=True):
                books.ids[row["id"]] = entry["id"]
        balance = books.model.balance(client) - sum(row["amount"] for row in ledger[-len(found) :])
        for number, entry in enumerate(found, start=len(ledger) - len(found) + 1):
            balance += ledger[number - 1]["amount"]
            assert _entry_facts(entry) == _modelled_entry(books, ledger[number - 1], number, balance)

    def check_client(self, books: Books, client: int) -> None:
        """The card adds up to what the model says (R27)."""
        model = books.model
        card = self.get(books, f"/v1/clients/{books.ids[client]}")
        invoices = [n for n, row in model.invoices.items() if row["client"] == client and not row["void"]]
        dues = [model.due(invoice) for invoice in invoices]
        assert {name: card[name] for name in ("credit", "invoiced", "paid", "due", "overpaid")} == {
            "credit": model.balance(client),
            "invoiced": sum(model.invoices[invoice]["total"] for invoice in invoices),
            "paid": sum(model.settled(invoice) for invoice in invoices),
            "due": sum(max(due, 0) for due in dues),
            "overpaid": sum(max(-due, 0) for due in dues),
        }
        assert (card["deleted_at"] is not None) == model.clients[client]["deleted"]

    # The steps

    @initialize(first=st.lists(totals, min_size=2, max_size=2))
    def begin(self, first: list[int]) -> None:
        self.world.counts["runs"] += 1
        self.shops = [self.run(_open(self.world)) for _ in range(2)]
        for shop in (0, 1):
            self.new_client(shop, None)
            for total in first:
                self.new_invoice(shop, 0, total, None)
        self.new_client(0, None)
        self.add(0, 0, 10, "goodwill", None, None)

    @rule(step=_steps)
    def go_on(self, step: tuple[str, dict[str, Any]]) -> None:
        name, drawn = step
        getattr(self, name)(**drawn)

    def new_client(self, shop: int, fault: Fault | None) -> None:
        books = self.books(shop)
        if len(books.model.clients) >= 3:
            return
        key = f"key-{next(self.keys)}"
        body: Json = {"name": "Pat Doe"}
        answer = self.run(self.ask(books.owner, "POST", "/v1/clients", body, key, fault))
        assert answer.status_code == 201, answer.text
        self.sent.append(Sent(books, "POST", "/v1/clients", body, key, 201, answer.content))
        books.ids[books.model.add_client()] = answer.json()["id"]

    def new_invoice(self, shop: int, client: int, total: int, fault: Fault | None) -> None:
        books = self.books(shop)
        chosen = self.some(books, "clients", client)
        if chosen is None or sum(not row["void"] for row in books.model.invoices.values()) >= 6:
            return
        body: Json = {"client_id": books.ids[chosen], "lines": _lines(total)}

        def learn(answer: Json, invoice: int) -> None:
            books.ids[invoice] = answer["id"]

        self.step(books, chosen, "POST", "/v1/invoices", body, lambda m: m.add_invoice(chosen, total), fault, learn)

    def add(self, shop: int, client: int, amount: int, reason: str, origin: int | None, fault: Fault | None) -> None:
        books = self.books(shop)
        chosen = self.some(books, "clients", client, _live_client)
        assert chosen is not None
        named = None if origin is None else self.some(books, "invoices", origin)
        body: Json = {"reason": reason, "amount": amount, "note": "job ran late"}
        if named is not None:
            body["invoice_id"] = books.ids[named]
        path = f"/v1/clients/{books.ids[chosen]}/credit/entries"
        self.step(books, chosen, "POST", path, body, lambda m: m.add(chosen, amount, reason, named), fault)

    def apply(self, shop: int, invoice: int, asked: int | None, fault: Fault | None) -> None:
        books = self.books(shop)
        chosen = self.some(books, "invoices", invoice, _takes_credit)
        if chosen is None:
            return
        body: Json = {"method": "account_credit"} if asked is None else {"method": "account_credit", "amount": asked}

        def learn(answer: Json, made: tuple[int, str | None]) -> None:
            books.ids[made[0]] = answer["id"]
            assert (answer["requested"], answer["capped_by"]) == (asked, made[1])

        self.step(
            books,
            books.model.invoices[chosen]["client"],
            "POST",
            f"/v1/invoices/{books.ids[chosen]}/payments",
            body,
            lambda m: m.apply(chosen, asked),
            fault,
            learn,
        )

    def pay(self, shop: int, invoice: int, method: str, amount: int, choice: str | None, fault: Fault | None) -> None:
        books = self.books(shop)
        chosen = self.some(books, "invoices", invoice, _open_invoice)
        if chosen is None:
            return
        body: Json = {"method": method, "amount": amount}
        if choice is not None:
            body["overpayment"] = choice

        def learn(answer: Json, payment: int) -> None:
            books.ids[payment] = answer["id"]

        self.step(
            books,
            books.model.invoices[chosen]["client"],
            "POST",
            f"/v1/invoices/{books.ids[chosen]}/payments",
            body,
            lambda m: m.pay(chosen, method, amount, choice),
            fault,
            learn,
        )

    def pay_together(self, shop: int, client: int, method: str, parts: list[int], fault: Fault | None) -> None:
        books = self.books(shop)
        chosen = self.some(books, "clients", client, _live_client)
        assert chosen is not None
        invoices = sorted(books.model.invoices, key=lambda n: (books.model.invoices[n]["client"] != chosen, n))
        named = list(zip(invoices, parts, strict=False))
        if len(named) < 2:
            return
        body = {
            "client_id": books.ids[chosen],
            "method": method,
            "allocations": [{"invoice_id": books.ids[invoice], "amount": amount} for invoice, amount in named],
        }

        def learn(answer: Json, made: list[int]) -> None:
            for payment, view in zip(made, answer["payments"], strict=True):
                books.ids[payment] = view["id"]
            books.ids[books.model.payments[made[0]]["bulk"]] = answer["id"]

        self.step(
            books,
            chosen,
            "POST",
            "/v1/bulk-payments",
            body,
            lambda m: m.pay_together(chosen, method, named),
            fault,
            learn,
        )

    def delete_payment(self, shop: int, payment: int, fault: Fault | None) -> None:
        books = self.books(shop)
        chosen = self.some(books, "payments", payment, _live_payment)
        if chosen is None:
            return
        client = books.model.invoices[books.model.payments[chosen]["invoice"]]["client"]
        path = f"/v1/payments/{books.ids[chosen]}"
        self.step(books, client, "DELETE", path, None, lambda m: m.delete_payments([chosen]), fault)

    def delete_together(self, shop: int, pick: int, fault: Fault | None) -> None:
        books = self.books(shop)
        bulks = sorted({row["bulk"] for row in books.model.payments.values() if row["bulk"]})
        if not bulks:
            return
        bulk = bulks[pick % len(bulks)]
        payments = [n for n, row in books.model.payments.items() if row["bulk"] == bulk]
        client = books.model.invoices[books.model.payments[payments[0]]["invoice"]]["client"]
        path = f"/v1/bulk-payments/{books.ids[bulk]}"
        self.step(books, client, "DELETE", path, None, lambda m: m.delete_payments(payments), fault)

    def edit_payment(
        self, shop: int, payment: int, amount: int | None, method: str | None, choice: str | None, fault: Fault | None
    ) -> None:
        books = self.books(shop)
        chosen = self.some(books, "payments", payment, _editable)
        if chosen is None:
            return
        said = {"amount": amount, "method": method, "overpayment": choice}
        self.step(
            books,
            books.model.invoices[books.model.payments[chosen]["invoice"]]["client"],
            "PATCH",
            f"/v1/payments/{books.ids[chosen]}",
            {name: value for name, value in said.items() if value is not None},
            lambda m: m.edit_payment(chosen, amount, method, choice),
            fault,
        )

    def void(self, shop: int, entry: int, fault: Fault | None) -> None:
        books = self.books(shop)
        chosen = self.some(books, "entries", entry, _voidable)
        if chosen is None:
            return
        self.step(
            books,
            books.model.entries[chosen]["client"],
            "POST",
            f"/v1/credit/entries/{books.ids[chosen]}/void",
            {"note": "entered by mistake"},
            lambda m: m.void(chosen),
            fault,
        )

    def capture(self, shop: int, invoice: int, fault: Fault | None) -> None:
        books = self.books(shop)
        chosen = self.some(books, "invoices", invoice, lambda model, n: model.due(n) < 0)
        if chosen is None:
            return
        if invoice % 4 and books.model.due(chosen) >= 0:
            self.edit_total(shop, invoice, 1, fault)  # so that there is something to capture another time
            return
        client = books.model.invoices[chosen]["client"]
        path = f"/v1/invoices/{books.ids[chosen]}/capture-overpayment"
        self.step(books, client, "POST", path, None, lambda m: m.capture(chosen), fault)

    def edit_total(self, shop: int, invoice: int, total: int, fault: Fault | None) -> None:
        books = self.books(shop)
        chosen = self.some(books, "invoices", invoice, lambda model, n: model.settled(n) > 0)
        if chosen is None:
            return
        client = books.model.invoices[chosen]["client"]
        path = f"/v1/invoices/{books.ids[chosen]}"
        body = {"lines": _lines(total)}
        self.step(books, client, "PATCH", path, body, lambda m: m.edit_total(chosen, total), fault)

    def put_away_or_bring_back(self, shop: int, what: str, pick: int, fault: Fault | None) -> None:
        books = self.books(shop)
        if what == "void invoice":
            invoice = self.some(books, "invoices", pick)
            if invoice is not None:
                client = books.model.invoices[invoice]["client"]
                path = f"/v1/invoices/{books.ids[invoice]}/void"
                self.step(books, client, "POST", path, None, lambda m: m.void_invoice(invoice), fault)
            return
        wanted = what == "restore client"
        chosen = self.some(books, "clients", pick, lambda model, n: model.clients[n]["deleted"] is wanted)
        assert chosen is not None
        path = f"/v1/clients/{books.ids[chosen]}"
        if wanted:
            self.step(books, chosen, "POST", f"{path}/restore", None, lambda m: m.restore_client(chosen), fault)
        else:
            self.step(books, chosen, "DELETE", path, None, lambda m: m.delete_client(chosen), fault)

    # Asking again, asking wrongly, looking

    def ask_again(self, which: int) -> None:
        """The first answer, byte for byte, whatever happened since."""
        sent = self.sent[which % len(self.sent)]
        answer = self.run(self.ask(sent.books.owner, sent.method, sent.path, sent.body, sent.key, None))
        assert (answer.status_code, answer.content) == (sent.status, sent.content)
        assert answer.headers["idempotency-replayed"] == "true"

    def use_a_key_for_something_else(self, which: int) -> None:
        sent = self.sent[which % len(self.sent)]
        other = {"reason": "goodwill", "amount": 1, "note": "with a key that is taken"}
        path = f"/v1/clients/{sent.books.ids[next(iter(sent.books.model.clients))]}/credit/entries"
        self.refused(sent.books.owner, "POST", path, other, 422, "idempotency_key_reused", key=sent.key)

    def ask_wrongly(self, shop: int, pick: int, wrong: str) -> None:
        books, stranger = self.books(shop), self.books(shop + 1)
        numbers = {rows: self.some(books, rows, pick) for rows in ("clients", "invoices", "payments", "entries")}
        ids = {rows: str(uuid4()) if number is None else books.ids[number] for rows, number in numbers.items()}
        credit: Json = {"reason": "goodwill", "amount": 1, "note": "wrong"}
        client, invoice = f"/v1/clients/{ids['clients']}", f"/v1/invoices/{ids['invoices']}"
        requests: list[tuple[str, str, Json | None]] = [
            ("POST", f"{client}/credit/entries", credit),
            ("POST", f"{invoice}/payments", {"method": "cash", "amount": 1, "overpayment": "leave"}),
            ("POST", f"{invoice}/capture-overpayment", None),
            ("DELETE", f"/v1/payments/{ids['payments']}", None),
            ("PATCH", f"/v1/payments/{ids['payments']}", {"amount": 1}),
            ("POST", f"/v1/credit/entries/{ids['entries']}/void", {"note": "wrong"}),
            ("DELETE", client, None),
            ("POST", f"{invoice}/void", None),
        ]
        request = requests[pick % len(requests)]
        if wrong == "stranger":
            self.refused(stranger.owner, *request, 404, "not_found")
        elif wrong == "clerk":
            self.refused(books.nobody, *request, 403, "permission_denied")
        elif wrong == "nothing":
            method, path, body = request
            path = re.sub(r"[0-9a-f-]{36}", str(uuid4()), path)
            self.refused(books.owner, method, path, body, 404, "not_found")
        else:
            spoiled: Json = [
                {**credit, "amount": 0},
                {**credit, "amount": "1"},
                {**credit, "amount": 10**11},
                {**credit, "note": " \n"},
                {**credit, "reason": "payment"},
                {**credit, "balance_after": 1},
                {**credit, "invoice_id": ids["clients"]},
            ][pick % 7]
            self.refused(books.owner, "POST", f"{client}/credit/entries", spoiled, 422, "validation_failed")

    def refused(
        self, who: Counter, method: str, path: str, body: Json | None, status: int, code: str, key: str | None = None
    ) -> None:
        key = key or (None if method == "PATCH" else f"key-{next(self.keys)}")
        answer = self.run(self.ask(who, method, path, body, key, None))
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        self.world.counts["refused"] += 1

    def look_at_an_invoice(self, shop: int, pick: int, fault: Fault | None) -> None:
        books = self.books(shop)
        chosen = self.some(books, "invoices", pick)
        if chosen is None:
            return
        model = books.model
        self.check_invoice(books, chosen)
        client = model.invoices[chosen]["client"]
        options = self.get(books, f"/v1/invoices/{books.ids[chosen]}/payment-options", fault)
        balance, due = model.balance(client), model.due(chosen)
        assert (options["due"], options["credit_balance"]) == (due, balance)
        assert options["applicable_credit"] == max(min(due, balance), 0)

    def check_invoice(self, books: Books, invoice: int) -> None:
        model = books.model
        found = self.get(books, f"/v1/invoices/{books.ids[invoice]}")
        assert [found[name] for name in ("total", "settled", "due", "status")] == [
            model.invoices[invoice]["total"],
            model.settled(invoice),
            model.due(invoice),
            model.status(invoice),
        ]
        assert [payment["id"] for payment in found["payments"]] == [books.ids[row["id"]] for row in model.live(invoice)]

    def check_payment(self, books: Books, payment: int) -> None:
        model, row = books.model, books.model.payments[payment]
        by_credit = row["method"] == "account_credit"
        found = self.get(books, f"/v1/payments/{books.ids[payment]}")
        assert [found[name] for name in ("method", "amount", "collected", "settled", "captured")] == [
            row["method"],
            row["amount"],
            0 if by_credit else row["amount"],
            model.settles(payment),
            0 if by_credit else model.captured(payment),
        ]
        assert (found["deleted_at"] is not None) == row["deleted"]

    # At the end of a run

    def teardown(self) -> None:
        if self.failed or not self.shops:
            return  # what failed is what is to be read
        for books in self.shops:
            self.check_everything(books)
        self.run(self.audit())

    def check_everything(self, books: Books) -> None:
        model = books.model
        for client in model.clients:
            self.learn_entries(books, client, model.ledger(client)[-99:])
            self.check_client(books, client)
        for invoice in model.invoices:
            self.check_invoice(books, invoice)
        for payment in model.payments:
            self.check_payment(books, payment)
        live = [row for row in model.payments.values() if not row["deleted"] and row["method"] != "account_credit"]
        assert self.get(books, "/v1/reports/collected")["total"] == sum(row["amount"] for row in live)
        report = self.get(books, "/v1/reports/credit")
        balances = [model.balance(client) for client in model.clients]
        assert (report["total"], report["clients"]) == (sum(balances), sum(balance > 0 for balance in balances))

    async def audit(self) -> None:
        """Past the program: its books are sound, no key had a second effect, nothing was left half done."""
        connection = self.world.auditor.connection
        for books in self.shops:
            assert await self.world.auditor.faults(books.desk.shop_id) == []
            findings: list[object] = []

            def tell(step: Step, findings: list[object] = findings) -> None:
                findings += step.findings

            await self.world.container.verify_shop()(books.desk.shop_id, expect=lambda _size: None, tell=tell)
            assert findings == []
            # Every effect is in the model once, so there is a second one where there is more than the model has.
            kept = await connection.fetch(
                "SELECT key, status, body FROM idempotency_records WHERE shop_id = $1 AND NOT sealed",
                books.desk.shop_id,
            )
            done = [sent for sent in self.sent if sent.books is books]
            assert {tuple(row) for row in kept} == {(sent.key, sent.status, sent.content) for sent in done}
            for table, rows in (("clients", books.model.clients), ("invoices", books.model.invoices)):
                assert len(await self.world.auditor.rows(table, books.desk.shop_id)) == len(rows)
            for table, rows in (("payments", books.model.payments), ("ledger_entries", books.model.entries)):
                assert len(await self.world.auditor.rows(table, books.desk.shop_id)) == len(rows)
            self.world.counts["keys"] += len(done)
        left = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = $1 AND state <> $2"
        )
        assert await connection.fetchval(left, APP, "idle") == 0


def _entry_facts(entry: Json) -> Json:
    names = ("id", "number", "kind", "amount", "balance_after", "reason", "invoice_id", "payment_id", "reverses")
    return {name: entry[name] for name in names}


def _modelled_entry(books: Books, row: Row, number: int, balance: int) -> Json:
    def name(of: int | None) -> str | None:
        return None if of is None else books.ids[of]

    return {
        "id": name(row["id"]),
        "number": number,
        "kind": row["kind"],
        "amount": row["amount"],
        "balance_after": balance,
        "reason": row["reason"],
        "invoice_id": name(row["invoice"]),
        "payment_id": name(row["payment"]),
        "reverses": name(row["reverses"]),
    }


def _lines(total: int) -> list[Json]:
    return [{"description": "Work", "quantity": 1, "unit_price": total}]


async def _open(world: World) -> Books:
    desk = await open_desk(world.container)
    owner = await sign_in(world.http, desk)
    key = await owner.post("/v1/api-keys", {"name": "clerk", "permissions": []})
    return Books(desk, owner, Counter(world.http, key["key"]))


@asynccontextmanager
async def _world(database: Database, runner: asyncio.Runner) -> AsyncIterator[World]:
    # A database of its own: what is killed here is nobody else's.
    async with database.fresh() as own:
        superuser = await asyncpg.connect(own.superuser_url)
        saboteur = Saboteur(superuser)
        container = container_for(own)
        pool = SabotagedPool(
            own.app_url, max_connections=CONNECTIONS, connect_timeout_seconds=5, acquire_timeout_seconds=5
        )
        pool.saboteur = saboteur
        container.database.override(providers.Object(pool))
        async with running(container):
            app: Any = staff_api_app(container)
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as http:
                yield World(runner, container, http, Auditor(superuser), saboteur)
        await superuser.close()


@contextmanager
def _quiet_log() -> Any:
    """One line a request would be hundreds of thousands."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.configure(**before)


def simulate(
    database: Database,
    *,
    runs: int,
    steps: int,
    seed_of_run: int,
    tell: Callable[[int], None] = lambda _runs: None,
) -> Counts[str]:
    """Run the simulation; how often what was done. ``tell``: how many runs were begun."""
    with _quiet_log(), asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        stack = AsyncExitStack()
        world = runner.run(stack.enter_async_context(_world(database, runner)))
        try:

            @seed(seed_of_run)
            def machine() -> Simulation:
                tell(world.counts["runs"])
                return Simulation(world)

            run_state_machine_as_test(
                machine,  # type: ignore[arg-type]  # Hypothesis takes whatever makes a machine
                settings=settings(
                    max_examples=runs,
                    stateful_step_count=steps,
                    deadline=None,
                    print_blob=True,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(stack.aclose())
        counts: Counts[str] = world.counts
        return counts


def sentence(counts: Counts[str], kinds: Sequence[str] = FAULTS) -> str:
    """What was done, for the table."""
    faults_done = sum(counts[kind] for kind in kinds)
    return (
        f"{counts['runs']:,} runs, {counts['requests']:,} requests, {faults_done:,} faults, "
        f"{counts['refused']:,} refusals as the rules say, {counts['keys']:,} keys with one effect each"
    )
