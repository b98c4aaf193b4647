"""All shops of the installation, for whoever runs it."""

from core.shop import ShopSettings
from ports.directory import Directory
from ports.transactions import Transactions


class ListShops:
    """By slug."""

    def __init__(self, transactions: Transactions, directory: Directory) -> None:
        self._transactions = transactions
        self._directory = directory

    async def __call__(self) -> list[ShopSettings]:
        shops = []
        for _, shop_id in await self._directory.shops():
            async with self._transactions.at_shop(shop_id) as shop:
                shops.append(await shop.settings.read())
        return shops
