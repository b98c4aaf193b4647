"""After the secret keys were rotated: put the signing secrets of webhooks under the new one, so that the old can go."""

import msgspec

from core.ids import ShopId
from core.webhooks import secret_context
from ports.directory import Directory
from ports.security import SealBroken, SecretSeal
from ports.transactions import Transactions
from ports.webhook_endpoints import SealedSecrets


class Resealed(msgspec.Struct, frozen=True):
    """How many endpoints' secrets were put under the new key, and how many no key of the list opens."""

    resealed: int
    unreadable: int


class ResealSecrets:
    """A shop at a time; what is under the first key already stays as it is, so it can be run whenever, also twice."""

    def __init__(self, transactions: Transactions, directory: Directory, seal: SecretSeal) -> None:
        self._transactions = transactions
        self._directory = directory
        self._seal = seal

    async def __call__(self) -> Resealed:
        resealed = unreadable = 0
        for _, shop_id in await self._directory.shops():
            async with self._transactions.at_shop(shop_id) as shop:
                for old in await shop.webhook_endpoints.sealed_secrets():
                    try:
                        new = self._anew(shop_id, old)
                    except SealBroken:
                        unreadable += 1
                        continue
                    if new != old:
                        # Whoever changed them meanwhile has sealed them with a key of today.
                        resealed += await shop.webhook_endpoints.seal_anew(old, new)
        return Resealed(resealed, unreadable)

    def _anew(self, shop_id: ShopId, old: SealedSecrets) -> SealedSecrets:
        context = secret_context(shop_id, old.id)
        previous = old.previous_secret
        if previous is not None:
            previous = self._seal.sealed_anew(previous, context=context) or previous
        return SealedSecrets(old.id, self._seal.sealed_anew(old.secret, context=context) or old.secret, previous)
