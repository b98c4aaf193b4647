"""What was sent to whom, and sending it again, always under the notice's own id."""

from datetime import date, timedelta
from uuid import UUID

from msgspec import Struct

from core.deliveries import BY_EMAIL, DeliveryState
from core.errors import InvalidField
from core.ids import ClientId, DeliveryId, EndpointId, ReceiverId
from core.staff import Caller, Permission
from core.use_cases.credit_ledger import moments
from core.use_cases.retried import retried
from core.views import Page, Position
from core.webhook_views import DeliveryView, ResentView
from ports.security import Clock, Fresh
from ports.transactions import Transactions

MOST_AT_ONCE = 5000
"""Notices that are sent again by one request."""
FAILED_LATELY = timedelta(days=30)
FAILED_AT_MOST = 100
"""So many failures of one receiver are counted; more are as many."""


class FailedLately(Struct, frozen=True, kw_only=True):
    """How many deliveries of the last 30 days' notices failed for good, each up to 100: of each endpoint that has any,
    and of e-mails.
    """

    of_endpoints: dict[UUID, int]
    of_emails: int

    @property
    def of_all(self) -> int:
        return sum(self.of_endpoints.values()) + self.of_emails


class ListEndpointDeliveries:
    """The log of one endpoint."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self,
        caller: Caller,
        endpoint_id: EndpointId,
        *,
        state: DeliveryState | None,
        after: Position | None,
        limit: int,
    ) -> Page[DeliveryView]:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit(Permission.MANAGE_SETTINGS)
            await shop.webhook_endpoints.endpoint(endpoint_id)
            return await shop.delivery_log.of_endpoint(endpoint_id, state=state, after=after, limit=limit)


class ListEmails:
    """The log of what goes to clients by e-mail."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self, caller: Caller, *, state: DeliveryState | None, after: Position | None, limit: int
    ) -> Page[DeliveryView]:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit(Permission.MANAGE_SETTINGS)
            return await shop.delivery_log.of_emails(state=state, after=after, limit=limit)


class CountFailed:
    """What failed for good of late, for whoever can do something about it."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    @retried
    async def __call__(self, caller: Caller) -> FailedLately:
        since = self._clock.now() - FAILED_LATELY
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit(Permission.MANAGE_SETTINGS)
            failed = await shop.delivery_log.failed_since(since, most=FAILED_AT_MOST)
            return FailedLately(
                of_endpoints={receiver_id: count for receiver_id, count in failed.items() if receiver_id != BY_EMAIL},
                of_emails=failed.get(BY_EMAIL, 0),
            )


class ListClientNotices:
    """The log of one client: what all receivers were told of. Open to all staff, like whatever is about a client."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(
        self,
        caller: Caller,
        client_id: ClientId,
        *,
        state: DeliveryState | None,
        after: Position | None,
        limit: int,
    ) -> Page[DeliveryView]:
        async with self._transactions.for_shop(caller) as shop:
            return await shop.delivery_log.of_client(client_id, state=state, after=after, limit=limit)


class ResendDelivery:
    """One notice to one receiver once more, now, and then by the schedule of retries from its beginning."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retried
    async def __call__(self, caller: Caller, delivery_id: DeliveryId) -> DeliveryView:
        async with self._transactions.for_shop(caller) as shop:
            await shop.admit(Permission.MANAGE_SETTINGS)
            receiver_id, notice_id = await shop.delivery_log.receiver_and_notice(delivery_id)
            if receiver_id != BY_EMAIL:
                (await shop.webhook_endpoints.endpoint(EndpointId(receiver_id), lock=True)).require_on()
            recorder = shop.recorder
            await shop.deliveries.send_again(receiver_id, [notice_id], new_ids=[recorder.new_id()], at=recorder.at)
            return shop.answer(200, await shop.delivery_log.view(delivery_id))


class ResendMissed:
    """What an endpoint missed on some days, also while it was off or before there was one."""

    def __init__(self, transactions: Transactions, fresh: Fresh) -> None:
        self._transactions = transactions
        self._fresh = fresh

    @retried
    async def __call__(
        self, caller: Caller, endpoint_id: EndpointId, *, first: date, last: date | None, delivered_too: bool
    ) -> ResentView:
        """``first``, ``last``: days at the shop, both of them included. ``delivered_too``: not only what was missed."""
        async with self._transactions.for_shop(caller, narrowed=True) as shop:
            await shop.admit(Permission.MANAGE_SETTINGS)
            endpoint = await shop.webhook_endpoints.endpoint(endpoint_id, lock=True)
            endpoint.require_on()
            at_from, at_before = moments(shop, first, last)
            notice_ids = await shop.delivery_log.notices_between(
                at_from,
                at_before,
                kinds=endpoint.kinds,
                missed_by=None if delivered_too else endpoint_id,
                limit=MOST_AT_ONCE + 1,
            )
            if len(notice_ids) > MOST_AT_ONCE:
                raise InvalidField("to", f"must be earlier: {MOST_AT_ONCE} notices at most are sent again at once")
            notices = await shop.deliveries.send_again(
                ReceiverId(endpoint_id),
                notice_ids,
                new_ids=[self._fresh.id() for _ in notice_ids],
                at=shop.recorder.at,
            )
            return shop.answer(200, ResentView(notices=notices))
