"""One shop, one transaction: the only way to a shop's data."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from core.books import Books, Posting
from core.ids import BulkPaymentId, ClientId, EntryId, InvoiceId, PaymentId, ShopId
from core.ledger import Recorder
from core.shop import Shop
from core.staff import Asker, Caller, Permission
from ports.clients import Clients
from ports.deliveries import Deliveries
from ports.delivery_log import DeliveryLog
from ports.endpoints_off import EndpointsOff
from ports.invoices import Invoices
from ports.ledger import Ledger
from ports.outbox import Outbox
from ports.payments import Payments
from ports.receivers import Receivers
from ports.reports import Reports
from ports.settings import Settings
from ports.sign_ins import SignIns
from ports.staff import StaffRegister
from ports.statements import Statements
from ports.verification import Accounts, Heads, Verdicts, Witnesses
from ports.webhook_endpoints import WebhookEndpoints

T = TypeVar("T")


class AlreadyAnswered(Exception):
    """The idempotency key's request was done before: here is its first answer again."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class Conflict(Exception):
    """Two transactions met (a unique key, a deadlock, a serialization failure) and this one was rolled back.

    Running the use case again answers rightly, since it then sees what the other one did.
    """


class DatabaseTrouble(Exception):
    """The database did not do it. ``retry_after_seconds``: when to try again."""

    retry_after_seconds = 2


class Unavailable(DatabaseTrouble):
    """The database cannot be reached, or the connection broke: the outcome is unknown, a retry with the same
    idempotency key is safe.
    """


class Busy(DatabaseTrouble):
    """A lock, a connection or a statement took too long; nothing was written."""

    retry_after_seconds = 1


class IdempotencyKeyInUse(Exception):
    """The first request with this key still runs, and did not end within the lock timeout."""


class ShopTransaction(Protocol):
    """What can be done at one shop. Writes of :meth:`post`, :attr:`outbox` and :meth:`answer` are staged and sent as
    one message when the block is left.
    """

    shop_id: ShopId

    @property
    def clients(self) -> Clients: ...
    @property
    def invoices(self) -> Invoices: ...
    @property
    def payments(self) -> Payments: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def staff(self) -> StaffRegister: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def sign_ins(self) -> SignIns: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def receivers(self) -> Receivers: ...
    @property
    def endpoints_off(self) -> EndpointsOff: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def webhook_endpoints(self) -> WebhookEndpoints: ...
    @property
    def delivery_log(self) -> DeliveryLog: ...
    @property
    def reports(self) -> Reports: ...
    @property
    def statements(self) -> Statements: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def witnesses(self) -> Witnesses: ...
    @property
    def heads(self) -> Heads: ...
    @property
    def verdicts(self) -> Verdicts: ...

    @property
    def asker(self) -> Asker:
        """Who asks, once they were found: by what was read first, whatever it was."""
        ...

    @property
    def shop(self) -> Shop:
        """The shop's settings, as of the same read."""
        ...

    @property
    def recorder(self) -> Recorder:
        """Who writes and when: the database's clock, read once the account was locked."""
        ...

    async def admit(self, needs: Permission | None = None) -> Asker:
        """Find out who asks before anything else is read, and refuse whoever lacks the permission.

        Like every opening read it refuses in this order: credential, permission, idempotency key, existence.

        Raises:
            Unauthenticated, PermissionDenied, IdempotencyKeyReused, AlreadyAnswered.
        """
        ...

    async def admit_alone(self, needs: Permission) -> Asker:
        """Like :meth:`admit`, and then be the only one to change the shop's settings, staff and keys.

        Whoever had to wait for that is asked again: what they may, and what was done with their key, can have changed.
        """
        ...

    async def open_client(
        self, client_id: ClientId, *, needs: Permission | None, invoice_ids: Sequence[InvoiceId] = ()
    ) -> Books:
        """Lock a client's account and some of the client's invoices; those of another client are left out.

        This and the other opening reads need no permission (None) of who only looks at what a decision would be.

        Raises:
            NotFound: no such client; and what :meth:`admit` raises.
        """
        ...

    async def open_invoice(
        self, invoice_id: InvoiceId, *, needs: Permission | None, with_payments: bool = False
    ) -> Books:
        """Lock the account of an invoice's client, the invoice, and its live payments if they matter."""
        ...

    async def open_payment(self, payment_id: PaymentId, *, needs: Permission | None) -> Books:
        """Lock the account of a payment's client, its invoice and the payment."""
        ...

    async def open_bulk_payment(self, bulk_payment_id: BulkPaymentId, *, needs: Permission | None) -> Books:
        """Lock the account of a bulk payment's client, its invoices and its payments."""
        ...

    async def open_entry(self, entry_id: EntryId, *, needs: Permission | None) -> tuple[Books, int]:
        """Lock the account of an entry's client and the entry's payment and invoice; the entry's number too."""
        ...

    @property
    def refunded(self) -> int:
        """What was refunded as credit for the first invoice of :meth:`open_client` and not voided. Minor units."""
        ...

    def post(self, posting: Posting) -> None:
        """Stage what was decided, with its notices."""
        ...

    async def flush(self) -> None:
        """Send what is staged now, so that a view read next shows it."""
        ...

    def answer(self, status: int, view: T, *, secret: bool = False) -> T:
        """What the caller is answered; kept with the idempotency key, if there is one, byte for byte.

        ``secret``: it shows something once that is stored as a digest only, so the kept answer is encrypted.
        """
        ...


class Transactions(Protocol):
    """Opens transactions. The block is the transaction: it commits at its end and rolls back on an exception."""

    def for_shop(self, caller: Caller, *, narrowed: bool = False) -> AbstractAsyncContextManager[ShopTransaction]:
        """At the caller's shop, on the caller's behalf. Whatever is read first finds out who asks, and raises
        Unauthenticated for nobody: a block that needs no permission, and neither the clock nor the shop's settings
        beforehand, simply reads. One with an idempotency key begins with :meth:`ShopTransaction.admit` or an opening
        read, and so does one that writes.

        ``narrowed``: how much is looked through depends on what it is narrowed by (days, a method), so that no one way
        to read it is good for all.
        """
        ...

    def snapshot_for(self, caller: Caller, *, narrowed: bool = False) -> AbstractAsyncContextManager[ShopTransaction]:
        """To read at the caller's shop, on the caller's behalf: everything as of one moment. Else as
        :meth:`for_shop`.
        """
        ...

    def at_shop(self, shop_id: ShopId) -> AbstractAsyncContextManager[ShopTransaction]:
        """At that shop on nobody's behalf: signing in, the worker, the command line."""
        ...

    def snapshot_of(self, shop_id: ShopId) -> AbstractAsyncContextManager[ShopTransaction]:
        """To read that shop on nobody's behalf: everything as of one moment, however long it takes."""
        ...
