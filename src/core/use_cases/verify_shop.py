"""Recompute everything of a shop from its ledger, and say what does not agree."""

from collections.abc import Callable, Iterable
from uuid import UUID

from msgspec import Struct

from core.ids import ClientId, InvoiceId, PaymentId, ShopId
from core.verification import (
    AccountCheck,
    Finding,
    ShopSize,
    StoredAccount,
    check_invoice,
    check_payment,
    check_total,
    reversed_again,
)
from ports.transactions import Transactions
from ports.verification import Accounts

_FIRST, _LAST = UUID(int=0), UUID(int=2**128 - 1)
_AFTER_ANY_NUMBER = 2**63 - 1


class Step(Struct, frozen=True, kw_only=True):
    """Some more was checked: how much, and what did not agree."""

    accounts: int = 0
    entries: int = 0
    payments: int = 0
    invoices: int = 0
    findings: tuple[Finding, ...] = ()


class VerifyShop:
    """In one snapshot, so that a shop in use gives no false alarm; some at a time, so that memory does not grow with
    the ledger.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def __call__(
        self, shop_id: ShopId, *, expect: Callable[[ShopSize], None], tell: Callable[[Step], None]
    ) -> None:
        """``expect`` is told once how much there is, and ``tell`` of each step."""
        async with self._transactions.snapshot_of(shop_id) as shop:
            stored = shop.accounts
            expect(await stored.size())
            await _check_accounts(shop_id, stored, tell)
            after = PaymentId(_FIRST)
            while payments := await stored.payments(after=after):
                tell(Step(payments=len(payments), findings=_all(check_payment(payment) for payment in payments)))
                after = payments[-1].id
            last = InvoiceId(_FIRST)
            while invoices := await stored.invoices(after=last):
                tell(Step(invoices=len(invoices), findings=_all(check_invoice(invoice) for invoice in invoices)))
                last = invoices[-1].id


async def _check_accounts(shop_id: ShopId, stored: Accounts, tell: Callable[[Step], None]) -> None:
    balances = entries = 0
    after = ClientId(_FIRST)
    more = True
    while more:
        accounts = await stored.accounts(after=after)
        more = bool(accounts)
        # The last round takes what is left: entries of clients that are not there.
        up_to = accounts[-1].client_id if more else ClientId(_LAST)
        checks = {account.client_id: AccountCheck(shop_id, account) for account in accounts}
        await _check_entries(shop_id, stored, checks, after=after, up_to=up_to, tell=tell)
        again = await stored.reversed_more_than_once(after=after, up_to=up_to)
        tell(
            Step(
                accounts=len(accounts),
                findings=(
                    *(reversed_again(client_id, number) for client_id, number in again),
                    *_all(check.end() for check in checks.values()),
                ),
            )
        )
        balances += sum(account.balance or 0 for account in accounts)
        entries += sum(check.sum for check in checks.values())
        after = up_to
    tell(Step(findings=tuple(check_total(balances=balances, entries=entries))))


async def _check_entries(
    shop_id: ShopId,
    stored: Accounts,
    checks: dict[ClientId, AccountCheck],
    *,
    after: ClientId,
    up_to: ClientId,
    tell: Callable[[Step], None],
) -> None:
    place = (after, _AFTER_ANY_NUMBER)
    while page := await stored.entries(after=place, up_to=up_to):
        findings: list[Finding] = []
        for entry in page:
            check = checks.get(entry.client_id)
            if check is None:
                nothing = StoredAccount(entry.client_id, None, None, None, None, None)
                check = checks[entry.client_id] = AccountCheck(shop_id, nothing)
            findings += check.entry(entry)
        tell(Step(entries=len(page), findings=tuple(findings)))
        place = (page[-1].client_id, page[-1].number)


def _all(found: Iterable[Iterable[Finding]]) -> tuple[Finding, ...]:
    return tuple(finding for findings in found for finding in findings)
