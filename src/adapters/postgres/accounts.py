"""See :class:`ports.verification.Accounts`."""

from adapters.postgres.shop_scope import ShopScope


class PostgresAccounts:
    """The credit accounts of one shop as they are stored."""

    def __init__(self, scope: ShopScope) -> None:
        self._scope = scope
