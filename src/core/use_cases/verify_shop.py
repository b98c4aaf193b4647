"""Recompute everything of a shop from its ledger, and say what does not agree."""

from collections import Counter
from collections.abc import Callable, Iterable
from uuid import UUID

from msgspec import Struct

from core.ids import ClientId, InvoiceId, PaymentId, ShopId
from core.kept_answers import StoredAnswer, answered_twice, check_answer
from core.told import Deletions, Pairing, StoredNotice, Uneven, told_by, told_of_entry, told_of_payment, unreadable
from core.use_cases.reading_ahead import for_each_page
from core.verification import (
    AccountCheck,
    Finding,
    ShopSize,
    StoredAccount,
    StoredEntry,
    StoredInvoice,
    StoredPayment,
    check_invoice,
    check_payment,
    check_total,
    reversed_again,
)
from ports.transactions import ShopTransaction, Transactions
from ports.verification import EntryPlace

_FIRST, _LAST = UUID(int=0), UUID(int=2**128 - 1)
_AFTER_ANY_NUMBER = 2**63 - 1


class Step(Struct, frozen=True, kw_only=True):
    """Some more was checked: how much, and what did not agree."""

    accounts: int = 0
    entries: int = 0
    payments: int = 0
    invoices: int = 0
    notices: int = 0
    answers: int = 0
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
            expect(await shop.accounts.size())
            verification = _Verification(shop, tell)
            await verification.accounts()
            await verification.payments()
            await verification.invoices()
            await verification.notices()
            await verification.answers()


class _Verification:
    """One run at one shop."""

    def __init__(self, shop: ShopTransaction, tell: Callable[[Step], None]) -> None:
        self._shop = shop
        self._tell = tell
        self._pairing = Pairing()
        self._deletions = Deletions()

    async def accounts(self) -> None:
        """Each account with its entries, and the shop's sum of them."""
        balances = 0
        sums: Counter[str] = Counter()
        after = ClientId(_FIRST)
        more = True
        while more:
            accounts = await self._shop.accounts.accounts(after=after)
            more = bool(accounts)
            # The last round takes what is left: entries of clients that are not there.
            up_to = accounts[-1].client_id if more else ClientId(_LAST)
            checks = {account.client_id: AccountCheck(self._shop.shop_id, account) for account in accounts}
            await self._entries(checks, after=after, up_to=up_to)
            again = await self._shop.accounts.reversed_more_than_once(after=after, up_to=up_to)
            findings = (
                *(reversed_again(client_id, number) for client_id, number in again),
                *_all(check.end() for check in checks.values()),
            )
            self._tell(Step(accounts=len(accounts), findings=findings))
            for account in accounts:
                balances += account.balance or 0
                self._deletions.account(account)
            for check in checks.values():
                sums.update(check.sums)
            after = up_to
        self._tell(Step(findings=tuple(check_total(balances=balances, sums=sums))))

    async def _entries(self, checks: dict[ClientId, AccountCheck], *, after: ClientId, up_to: ClientId) -> None:
        def check(page: list[StoredEntry]) -> None:
            findings: list[Finding] = []
            for entry in page:
                check = checks.get(entry.client_id)
                if check is None:
                    nothing = StoredAccount(entry.client_id, None, None, None, None, None)
                    check = checks[entry.client_id] = AccountCheck(self._shop.shop_id, nothing)
                findings += check.entry(entry)
                self._pairing.happened(told_of_entry(entry))
            self._tell(Step(entries=len(page), findings=tuple(findings)))

        await self._each_entry(check, after=(after, _AFTER_ANY_NUMBER), up_to=up_to)

    async def payments(self) -> None:
        def check(payments: list[StoredPayment]) -> None:
            for payment in payments:
                for told in told_of_payment(payment):
                    self._pairing.happened(told)
            self._tell(Step(payments=len(payments), findings=_all(map(check_payment, payments))))

        await self._each_payment(check)

    async def invoices(self) -> None:
        def check(invoices: list[StoredInvoice]) -> None:
            self._tell(Step(invoices=len(invoices), findings=_all(map(check_invoice, invoices))))

        async def read(after: InvoiceId) -> list[StoredInvoice]:
            return await self._shop.accounts.invoices(after=after)

        await for_each_page(read, InvoiceId(_FIRST), place=lambda invoice: invoice.id, work=check)

    async def notices(self) -> None:
        """Each notice against what happened, which has to be known by now."""

        def check(notices: list[StoredNotice]) -> None:
            findings: list[Finding] = []
            for notice in notices:
                told = told_by(notice)
                if told is not None:
                    self._pairing.told(told)
                elif not self._deletions.told(notice):
                    findings.append(unreadable(notice))
            self._tell(Step(notices=len(notices), findings=tuple(findings)))

        await self._each_notice(check)
        self._tell(Step(findings=tuple(self._deletions.findings())))
        if not self._pairing.even:
            await self._name(self._pairing.uneven())

    async def _name(self, uneven: Uneven) -> None:
        """Go through it once more, to say which entries, payments and notices they are."""

        def of_entries(entries: list[StoredEntry]) -> None:
            for entry in entries:
                uneven.happened(told_of_entry(entry))

        def of_payments(payments: list[StoredPayment]) -> None:
            for payment in payments:
                for told in told_of_payment(payment):
                    uneven.happened(told)

        def of_notices(notices: list[StoredNotice]) -> None:
            for notice in notices:
                if (told := told_by(notice)) is not None:
                    uneven.told(told)

        await self._each_entry(of_entries, after=(ClientId(_FIRST), 0), up_to=ClientId(_LAST))
        await self._each_payment(of_payments)
        await self._each_notice(of_notices)
        self._tell(Step(findings=tuple(uneven.findings())))

    async def answers(self) -> None:
        """Each kept answer against what happened, which has to be known by now, and against the others."""

        def check(answers: list[StoredAnswer]) -> None:
            findings = _all(check_answer(answer, self._pairing.has_happened) for answer in answers)
            self._tell(Step(answers=len(answers), findings=findings))

        async def read(after: str) -> list[StoredAnswer]:
            return await self._shop.witnesses.answers(after=after)

        await for_each_page(read, "", place=lambda answer: answer.key, work=check)
        together = await self._shop.witnesses.answers_of_one_moment()
        self._tell(Step(findings=tuple(answered_twice(together))))

    async def _each_entry(
        self, work: Callable[[list[StoredEntry]], None], *, after: EntryPlace, up_to: ClientId
    ) -> None:
        async def read(place: EntryPlace) -> list[StoredEntry]:
            return await self._shop.accounts.entries(after=place, up_to=up_to)

        await for_each_page(read, after, place=lambda entry: (entry.client_id, entry.number), work=work)

    async def _each_payment(self, work: Callable[[list[StoredPayment]], None]) -> None:
        async def read(after: PaymentId) -> list[StoredPayment]:
            return await self._shop.accounts.payments(after=after)

        await for_each_page(read, PaymentId(_FIRST), place=lambda payment: payment.id, work=work)

    async def _each_notice(self, work: Callable[[list[StoredNotice]], None]) -> None:
        async def read(after: UUID) -> list[StoredNotice]:
            return await self._shop.witnesses.notices(after=after)

        await for_each_page(read, _FIRST, place=lambda notice: notice.id, work=work)


def _all(found: Iterable[Iterable[Finding]]) -> tuple[Finding, ...]:
    return tuple(finding for findings in found for finding in findings)
