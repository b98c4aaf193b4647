"""Tell somebody at the shop that a webhook endpoint was switched off."""

from collections.abc import Sequence
from datetime import timedelta

from core.ids import ShopId
from core.shop import ShopSettings
from core.use_cases.each_shop import EachShop
from ports.directory import Directory
from ports.endpoints_off import EndpointOff, Person, StaffMail
from ports.notifier import NotAccepted, NoticeLog
from ports.security import Clock
from ports.transactions import Transactions

AGAIN_AFTER = timedelta(minutes=10)
"""Until then nobody else tells of an endpoint that is in hand; it is also when one is tried again that failed."""
ENDPOINTS, PEOPLE = 5, 10
"""At once. All of them can take their time without anybody else beginning too."""


class TellOwners:
    """By e-mail, at least once, and perhaps again where the program dies in between. ``mail`` None: there is none, so
    nobody is told until there is.
    """

    def __init__(
        self, transactions: Transactions, directory: Directory, mail: StaffMail | None, clock: Clock, log: NoticeLog
    ) -> None:
        self._transactions = transactions
        self._directory = directory
        self._mail = mail
        self._clock = clock
        self._each_shop = EachShop(clock, log)

    async def __call__(self) -> int:
        """Of how many endpoints somebody was told."""
        if self._mail is None:
            return 0
        return await self._each_shop(await self._directory.with_owners_to_tell(at=self._clock.now()), self._at)

    async def _at(self, shop_id: ShopId) -> int:
        at = self._clock.now()
        until = at + AGAIN_AFTER
        async with self._transactions.at_shop(shop_id) as shop:
            endpoints = await shop.endpoints_off.claim(at=at, until=until, limit=ENDPOINTS)
            people = await shop.endpoints_off.people(limit=PEOPLE)
            settings = await shop.settings.read()
        told = 0
        for endpoint in endpoints:
            accepted, hopeless = await self._tell(settings, people, endpoint)
            if not accepted and not hopeless:
                break  # as likely as not the others would wait in vain, too
            async with self._transactions.at_shop(shop_id) as shop:
                if accepted:
                    await shop.endpoints_off.told(endpoint.id, claimed_until=until, at=self._clock.now())
                else:
                    await shop.endpoints_off.give_up(endpoint.id, claimed_until=until)
            told += accepted
        return told

    async def _tell(self, shop: ShopSettings, people: Sequence[Person], endpoint: EndpointOff) -> tuple[bool, bool]:
        """Whether somebody was told, and whether there is no hope that anybody ever will be."""
        accepted, hopeless = False, True
        for person in people:
            try:
                if self._mail is not None:
                    await self._mail.endpoint_off(shop, person, endpoint)
                    accepted = True
            except NotAccepted as refused:
                hopeless = hopeless and refused.for_good
        return accepted, hopeless
