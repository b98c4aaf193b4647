"""One shop, one transaction. A money request is four messages: BEGIN with the shop, an opening read, a write,
COMMIT.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol, TypeVar
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from adapters.postgres.accounts import PostgresAccounts
from adapters.postgres.asking import AskingScope
from adapters.postgres.clients import PostgresClients
from adapters.postgres.deliveries import PostgresDeliveries
from adapters.postgres.delivery_log import PostgresDeliveryLog
from adapters.postgres.endpoints_off import PostgresEndpointsOff
from adapters.postgres.heads import PostgresHeads
from adapters.postgres.invoices import PostgresInvoices
from adapters.postgres.ledger import PostgresLedger
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.payments import PostgresPayments
from adapters.postgres.pool import Database
from adapters.postgres.receivers import PostgresReceivers
from adapters.postgres.reports import PostgresReports
from adapters.postgres.settings import PostgresSettings
from adapters.postgres.shop_scope import Record, ShopScope
from adapters.postgres.sign_ins import PostgresSignIns
from adapters.postgres.staff import PostgresStaffRegister
from adapters.postgres.statements import PostgresStatements
from adapters.postgres.trouble import told_as_trouble
from adapters.postgres.verdicts import PostgresVerdicts
from adapters.postgres.webhook_endpoints import PostgresWebhookEndpoints
from adapters.postgres.witnesses import PostgresWitnesses
from core.books import Books, Posting
from core.errors import IdempotencyKeyReused, NotFound, Unauthenticated
from core.ids import BulkPaymentId, ClientId, EntryId, InvoiceId, PaymentId, ShopId
from core.invoices import Invoice
from core.ledger import CreditAccount, EntryKind, PostedEntry, Recorder
from core.notices import Notice, notices_of
from core.payments import Payment
from core.shop import Shop
from core.staff import Asker, Caller, Permission
from ports.security import Fresh
from ports.transactions import AlreadyAnswered

T = TypeVar("T")

_BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# The program's role has one plan for all parameters. It takes each shop for one of middling size, and any days, or any
# method, for a middling share of it: bad for who reads a whole shop page after page, or narrows a list.
# Not by SET LOCAL: Citus sends the workers all of the text that it stands in.
_EACH_PLANNED = "; SELECT set_config('plan_cache_mode', 'force_custom_plan', true)"


class AnswerSeal(Protocol):
    """Encrypts kept answers that show a secret once."""

    def seal(self, plain: bytes, *, context: bytes) -> bytes: ...

    def unseal(self, sealed: bytes, *, context: bytes) -> bytes: ...


class _KeyRecord(Struct, frozen=True):
    fingerprint: bytes
    status: int
    body: bytes
    sealed: bool


class _Opening(Struct, frozen=True):
    """What ``open_v1`` answers."""

    asker: Asker
    shop: Shop
    at: datetime
    key: _KeyRecord | None
    account: CreditAccount | None
    invoices: tuple[Invoice, ...]
    payments: tuple[Payment, ...]
    entries: tuple[PostedEntry, ...]
    refunded: int
    entry_number: int | None


class _AccountRow(Struct, frozen=True):
    """How a credit account changes."""

    client_id: ClientId
    balance: int
    last_number: int
    last_hash: bytes | None
    last_at: datetime


class _KeyRow(Struct, frozen=True):
    key: str
    fingerprint: bytes
    status: int
    body: bytes
    sealed: bool
    recorded_at: datetime


class _Write(Struct, frozen=True):
    op: str
    row: Any


_opening = msgspec.json.Decoder(_Opening)
_encoder = msgspec.json.Encoder()


class PostgresShopTransaction:
    """See :class:`ports.transactions.ShopTransaction`."""

    def __init__(self, scope: ShopScope | AskingScope, *, fresh: Fresh, seal: AnswerSeal) -> None:
        self.shop_id = scope.shop_id
        self._scope = scope
        self._fresh = fresh
        self._seal = seal
        self._opened: _Opening | None = None
        self._writes: list[_Write] = []
        self.posted: list[EntryKind] = []

    @cached_property
    def clients(self) -> PostgresClients:
        return PostgresClients(self._scope)

    @cached_property
    def invoices(self) -> PostgresInvoices:
        return PostgresInvoices(self._scope)

    @cached_property
    def payments(self) -> PostgresPayments:
        return PostgresPayments(self._scope)

    @cached_property
    def ledger(self) -> PostgresLedger:
        return PostgresLedger(self._scope)

    @cached_property
    def staff(self) -> PostgresStaffRegister:
        return PostgresStaffRegister(self._scope)

    @cached_property
    def settings(self) -> PostgresSettings:
        return PostgresSettings(self._scope)

    @cached_property
    def sign_ins(self) -> PostgresSignIns:
        return PostgresSignIns(self._scope)

    @cached_property
    def reports(self) -> PostgresReports:
        return PostgresReports(self._scope)

    @cached_property
    def statements(self) -> PostgresStatements:
        return PostgresStatements(self._scope)

    @cached_property
    def accounts(self) -> PostgresAccounts:
        return PostgresAccounts(self._scope)

    @cached_property
    def witnesses(self) -> PostgresWitnesses:
        return PostgresWitnesses(self._scope)

    @cached_property
    def heads(self) -> PostgresHeads:
        return PostgresHeads(self._scope)

    @cached_property
    def verdicts(self) -> PostgresVerdicts:
        return PostgresVerdicts(self._scope)

    @cached_property
    def outbox(self) -> PostgresOutbox:
        return PostgresOutbox(self._scope, self._stage_notice)

    @cached_property
    def receivers(self) -> PostgresReceivers:
        return PostgresReceivers(self._scope)

    @cached_property
    def endpoints_off(self) -> PostgresEndpointsOff:
        return PostgresEndpointsOff(self._scope)

    @cached_property
    def deliveries(self) -> PostgresDeliveries:
        return PostgresDeliveries(self._scope)

    @cached_property
    def webhook_endpoints(self) -> PostgresWebhookEndpoints:
        return PostgresWebhookEndpoints(self._scope)

    @cached_property
    def delivery_log(self) -> PostgresDeliveryLog:
        return PostgresDeliveryLog(self._scope)

    @property
    def asker(self) -> Asker:
        return _known(self._asking.asker, by="read something")

    @property
    def shop(self) -> Shop:
        return _known(self._asking.shop, by="read something")

    @property
    def refunded(self) -> int:
        return self._opening.refunded

    @property
    def recorder(self) -> Recorder:
        return Recorder(self.asker.actor, self._opening.at, self._fresh.id, self._fresh.salt)

    @property
    def _opening(self) -> _Opening:
        return _known(self._opened, by="call admit() or an open_...()")

    @property
    def _asking(self) -> AskingScope:
        if not isinstance(self._scope, AskingScope):
            raise RuntimeError("nobody asks here: the transaction is on nobody's behalf")
        return self._scope

    async def admit(self, needs: Permission | None = None) -> Asker:
        return (await self._open(needs)).asker

    async def admit_alone(self, needs: Permission) -> Asker:
        await self.admit(needs)
        await self.settings.lock()
        return await self.admit(needs)

    async def open_client(
        self, client_id: ClientId, *, needs: Permission | None, invoice_ids: Sequence[InvoiceId] = ()
    ) -> Books:
        return _books(await self._open(needs, client=client_id, invoices=list(invoice_ids) or None))

    async def open_invoice(
        self, invoice_id: InvoiceId, *, needs: Permission | None, with_payments: bool = False
    ) -> Books:
        return _books(await self._open(needs, invoices=[invoice_id], with_payments=with_payments))

    async def open_payment(self, payment_id: PaymentId, *, needs: Permission | None) -> Books:
        return _books(await self._open(needs, payments=[payment_id]))

    async def open_bulk_payment(self, bulk_payment_id: BulkPaymentId, *, needs: Permission | None) -> Books:
        return _books(await self._open(needs, bulk=bulk_payment_id))

    async def open_entry(self, entry_id: EntryId, *, needs: Permission | None) -> tuple[Books, int]:
        opening = await self._open(needs, entry=entry_id)
        if opening.entry_number is None:
            raise NotFound
        return _books(opening), opening.entry_number

    def post(self, posting: Posting) -> None:
        for payment in posting.new_payments:
            self._stage("payment", payment)
        for payment in posting.changed_payments:
            self._stage("changed_payment", payment)
        for change in posting.payment_changes:
            self._stage("payment_change", change)
        for entry in posting.entries:
            self._stage("entry", entry)
            self.posted.append(entry.kind)
        if posting.entries:
            account = posting.account
            last_at = posting.entries[-1].at
            self._stage(
                "account",
                _AccountRow(account.client_id, account.balance, account.last_number, account.last_hash, last_at),
            )
        for invoice in posting.invoices:
            self._stage("invoice", invoice)
        opening = self._opening
        for notice in notices_of(posting, currency=opening.shop.currency, at=opening.at, new_id=self._fresh.id):
            self._stage_notice(notice)

    def answer(self, status: int, view: T, *, secret: bool = False) -> T:
        key = self._scope.caller.key if isinstance(self._scope, AskingScope) else None
        if key is None:
            return view
        body = b"" if view is None else _encoder.encode(view)
        if secret:
            body = self._seal.seal(body, context=self._key_context(key.key))
        self._stage("key", _KeyRow(key.key, key.fingerprints[0], status, body, secret, self._opening.at))
        return view

    async def flush(self) -> None:
        if self._writes:
            writes, self._writes = self._writes, []
            await self._scope.write_by("write_v1", _encoder.encode(writes).decode())

    async def _open(
        self,
        needs: Permission | None,
        *,
        client: UUID | None = None,
        invoices: list[InvoiceId] | None = None,
        payments: list[PaymentId] | None = None,
        bulk: UUID | None = None,
        entry: UUID | None = None,
        with_payments: bool = False,
    ) -> _Opening:
        asking = self._asking
        credential, key = asking.caller.credential, asking.caller.key
        found = await self._scope.read_by(
            "open_v1",
            credential.kind,
            credential.id,
            credential.secret_hash,
            key.key if key else None,
            client,
            invoices,
            payments,
            bulk,
            entry,
            with_payments,
        )
        if found is None:
            raise Unauthenticated
        opening = self._opened = _opening.decode(found)
        asking.admit(opening.asker, opening.shop)
        opening.asker.require(needs)
        if key and opening.key:
            if opening.key.fingerprint not in key.fingerprints:
                raise IdempotencyKeyReused
            body = opening.key.body
            if opening.key.sealed:
                body = self._seal.unseal(body, context=self._key_context(key.key))
            raise AlreadyAnswered(opening.key.status, body)
        return opening

    def _key_context(self, key: str) -> bytes:
        return self.shop_id.bytes + key.encode()

    def _stage(self, op: str, row: Any) -> None:
        self._writes.append(_Write(op, row))

    def _stage_notice(self, notice: Notice) -> None:
        self._stage("notice", notice)


def _known(found: T | None, *, by: str) -> T:
    if found is None:
        raise RuntimeError(f"not known yet: {by} first")
    return found


def _books(opening: _Opening) -> Books:
    if opening.account is None:
        raise NotFound
    return Books(account=opening.account, invoices=opening.invoices, payments=opening.payments, entries=opening.entries)


def _nobody_counts(_kinds: Sequence[EntryKind]) -> None:
    pass


class PostgresTransactions:
    """See :class:`ports.transactions.Transactions`."""

    def __init__(
        self,
        database: Database,
        *,
        fresh: Fresh,
        seal: AnswerSeal,
        tally: Callable[[Sequence[EntryKind]], None] = _nobody_counts,
    ) -> None:
        """``tally`` is told the kinds of the entries of each transaction, once it is committed."""
        self._database = database
        self._fresh = fresh
        self._seal = seal
        self._tally = tally

    def for_shop(
        self, caller: Caller, *, narrowed: bool = False
    ) -> AbstractAsyncContextManager[PostgresShopTransaction]:
        begin = f"BEGIN{_EACH_PLANNED}" if narrowed else "BEGIN"
        return self._transaction(caller.credential.shop_id, caller, begin=begin)

    def snapshot_for(
        self, caller: Caller, *, narrowed: bool = False
    ) -> AbstractAsyncContextManager[PostgresShopTransaction]:
        begin = f"{_BEGIN_SNAPSHOT}{_EACH_PLANNED}" if narrowed else _BEGIN_SNAPSHOT
        return self._transaction(caller.credential.shop_id, caller, begin=begin)

    def at_shop(self, shop_id: ShopId) -> AbstractAsyncContextManager[PostgresShopTransaction]:
        return self._transaction(shop_id, None)

    def snapshot_of(self, shop_id: ShopId) -> AbstractAsyncContextManager[PostgresShopTransaction]:
        return self._transaction(shop_id, None, begin=f"{_BEGIN_SNAPSHOT}{_EACH_PLANNED}")

    @asynccontextmanager
    async def _transaction(
        self, shop_id: ShopId, caller: Caller | None, *, begin: str = "BEGIN"
    ) -> AsyncIterator[PostgresShopTransaction]:
        with told_as_trouble():
            async with self._database.connection() as connection:
                try:
                    scope = AskingScope(connection, caller) if caller else ShopScope(connection, shop_id)
                    await scope.begin(begin)
                    transaction = PostgresShopTransaction(scope, fresh=self._fresh, seal=self._seal)
                    yield transaction
                    await transaction.flush()
                    if not scope.wrote:
                        await connection.execute("COMMIT")  # nothing that could not be taken back
                except BaseException:
                    await _roll_back(connection)
                    raise
                if scope.wrote:
                    await _uninterrupted(connection.execute("COMMIT"))
                if transaction.posted:
                    self._tally(transaction.posted)


async def _uninterrupted(message: Coroutine[Any, Any, object]) -> None:
    """Wait for it even if the request is cancelled meanwhile: a commit on its way cannot be taken back, and the
    connection must not go back to the pool before it is done.
    """
    task = asyncio.ensure_future(message)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _roll_back(connection: "asyncpg.pool.PoolConnectionProxy[Record]") -> None:
    """Roll back, or give the connection up: it must not go back to the pool inside a transaction."""
    if connection.is_closed():
        return
    try:
        await _uninterrupted(connection.execute("ROLLBACK", timeout=5))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError):
        connection.terminate()
