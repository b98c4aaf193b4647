"""What an operation takes on a short ledger and on a long one, where the work that is asked for is the same.

The use cases are called in this process: what HTTP takes does not depend on the ledger. Lengths take turns, so that
what else the machine does falls on all of them.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

from bench.filling import HOURS, client_id, invoice_id, shop_id, staff_id
from bench.installation import Installation
from bench.progress import Progress
from core.ids import ClientId, InvoiceId, ShopId
from core.payments import PaymentMethod
from core.staff import ActorKind, Caller, Credential, IdempotencyKey
from core.views import Position
from entrypoints.container import Container, running
from entrypoints.settings import Settings

LENGTHS = (1_000, 10_000, 100_000, 1_000_000)
LARGE = (*LENGTHS, 10_000_000)
FIRST_CLIENT = 9_000_000
"""The clients with long ledgers are those from this number on, all of shop 0."""
GOAL = 1.3
_PAGE = 25

Ask = Callable[[], Awaitable[object]]


async def growth(
    installation: Installation, lengths: Sequence[int], *, rounds: int, progress: Progress
) -> dict[str, Any]:
    """Milliseconds of each operation by length: the median of that many rounds."""
    container = Container(
        settings=Settings(
            database_url=installation.settings["ACCOUNT_CREDIT_DATABASE_URL"],
            jobs_database_url=installation.settings["ACCOUNT_CREDIT_JOBS_DATABASE_URL"],
            secret_keys=installation.settings["ACCOUNT_CREDIT_SECRET_KEYS"],
            max_connections=1,
        )
    )
    async with running(container):
        people = [
            _Person(container, FIRST_CLIENT + place * 100, await _half_way(installation, FIRST_CLIENT + place * 100))
            for place, _ in enumerate(lengths)
        ]
        took: dict[str, list[list[float]]] = {name: [[] for _ in lengths] for name in _Person.operations}
        for number in range(rounds + 1):
            for name in _Person.operations:
                for place, person in enumerate(people):
                    milliseconds = await person.time(name)
                    if number:  # the first is for what is made once, and for what is not in memory yet
                        took[name][place].append(milliseconds)
            progress.step()
    medians = {name: [median(each) for each in by_length] for name, by_length in took.items()}
    return {
        "lengths": list(lengths),
        "milliseconds": medians,
        "far_to_near": {name: values[-1] / values[0] for name, values in medians.items()},
        # Of the quickest of all rounds: what the work takes when nobody disturbs it.
        "far_to_near_undisturbed": {name: min(values[-1]) / min(values[0]) for name, values in took.items()},
    }


async def _half_way(installation: Installation, number: int) -> Position:
    """The place in the middle of a ledger, as a cursor names it."""
    async with installation.superuser() as superuser:
        row = await superuser.fetchrow(
            "SELECT number, at, id FROM ledger_entries WHERE shop_id = $1 AND client_id = $2 AND number = "
            "(SELECT last_number / 2 FROM credit_accounts WHERE shop_id = $1 AND client_id = $2)",
            UUID(shop_id(0)),
            UUID(client_id(number)),
        )
    if row is None:
        raise RuntimeError("this client has no ledger")
    return (row["number"], row["at"].isoformat(), str(row["id"]))


class _Person:
    """Somebody who works on one client's ledger."""

    operations = (
        "balance",
        "first page",
        "deep page",
        "add",
        "apply",
        "void",
        "explain",
        "statement of a month",
    )

    def __init__(self, container: Container, number: int, half_way: Position) -> None:
        self._container = container
        self._client = ClientId(UUID(client_id(number)))
        self._invoice = InvoiceId(UUID(invoice_id(number)))
        self._half_way = half_way
        self._credential = Credential(ShopId(UUID(shop_id(0))), ActorKind.STAFF, UUID(staff_id(0)))
        self._last = date.today()  # noqa: DTZ011  # within a day of any shop's own

    @property
    def _reader(self) -> Caller:
        return Caller(self._credential)

    @property
    def _writer(self) -> Caller:
        return Caller(self._credential, IdempotencyKey(uuid4().hex, (b"once",)))

    async def time(self, name: str) -> float:
        """In milliseconds."""
        ask = await self._asked(name)
        began = perf_counter()
        await ask()
        return (perf_counter() - began) * 1000

    async def _asked(self, name: str) -> Ask:  # noqa: PLR0911  # one for each operation
        container, client = self._container, self._client
        match name:
            case "balance":
                return lambda: container.show_credit_tab()(self._reader, client, limit=1)
            case "first page":
                return lambda: self._page(None)
            case "deep page":
                return lambda: self._page(self._half_way)
            case "add":
                return self._add
            case "apply":
                return lambda: container.record_payment()(
                    self._writer,
                    self._invoice,
                    method=PaymentMethod.ACCOUNT_CREDIT,
                    amount=1,
                    overpayment=None,
                    reference=None,
                    received_on=None,
                )
            case "void":
                entry = await self._add()
                return lambda: container.void_entry()(self._writer, entry.id, note="a mistake")
            case "explain":
                return lambda: container.explain_balance()(self._reader, client, after=None, limit=_PAGE)
            case _:
                first = self._last - timedelta(hours=HOURS, days=1)
                return lambda: container.show_statement()(self._reader, client, first=first, last=self._last)

    async def _page(self, after: Position | None) -> object:
        return await self._container.list_entries()(
            self._reader, self._client, kind=None, first=None, last=None, after=after, limit=_PAGE
        )

    async def _add(self) -> Any:
        return await self._container.add_credit()(
            self._writer, self._client, reason="goodwill", amount=100, note="job ran late", invoice_id=None
        )
