"""What the shop's books should say: the rules of the product once more, in plain dicts and apart from the program.

Slow and simple on purpose: nothing is kept that can be summed up, and whatever can be refused is refused first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

Row = dict[str, Any]


class Refused(Exception):
    """The model says no, by the name of the refusal, with its facts."""

    def __init__(self, name: str, **facts: Any) -> None:
        super().__init__(name, facts)
        self.name = name
        self.facts = facts


def no(refusal: str, **facts: Any) -> NoReturn:
    raise Refused(refusal, **facts)


@dataclass
class Model:
    """The books of one shop. Everything has a number of the model's own."""

    clients: dict[int, Row] = field(default_factory=dict)
    invoices: dict[int, Row] = field(default_factory=dict)
    payments: dict[int, Row] = field(default_factory=dict)
    entries: dict[int, Row] = field(default_factory=dict)
    last: int = 0

    # What follows from the rows

    def ledger(self, client: int) -> list[Row]:
        return [entry for entry in self.entries.values() if entry["client"] == client]

    def balance(self, client: int) -> int:
        return sum(entry["amount"] for entry in self.ledger(client))

    def live(self, invoice: int) -> list[Row]:
        return [p for p in self.payments.values() if p["invoice"] == invoice and not p["deleted"]]

    def captures(self, payment: int) -> list[Row]:
        """The captured entries of a payment that are not reversed."""
        return [e for e in self._of(payment, "captured") if not self._reversed(e)]

    def captured(self, payment: int) -> int:
        return sum(entry["amount"] for entry in self.captures(payment))

    def settles(self, payment: int) -> int:
        row = self.payments[payment]
        return int(row["amount"]) - (0 if row["method"] == "account_credit" else self.captured(payment))

    def settled(self, invoice: int) -> int:
        return sum(self.settles(payment["id"]) for payment in self.live(invoice))

    def due(self, invoice: int) -> int:
        row = self.invoices[invoice]
        return 0 if row["void"] else int(row["total"]) - self.settled(invoice)

    def credit_on(self, invoice: int) -> int:
        return sum(p["amount"] for p in self.live(invoice) if p["method"] == "account_credit")

    def status(self, invoice: int) -> str:
        due = self.due(invoice)
        if self.invoices[invoice]["void"]:
            return "void"
        return "open" if due > 0 else "overpaid" if due < 0 else "paid"

    def _of(self, payment: int, kind: str) -> list[Row]:
        return [e for e in self.entries.values() if e["payment"] == payment and e["kind"] == kind]

    def _reversed(self, entry: Row) -> bool:
        return any(other["reverses"] == entry["id"] for other in self.entries.values())

    # What can be done. Each looks first and then writes, so that a refusal writes nothing.

    def add_client(self) -> int:
        return self._new(self.clients, deleted=False)

    def add_invoice(self, client: int, total: int) -> int:
        self._must_live(client)
        return self._new(self.invoices, client=client, total=total, void=False)

    def add(self, client: int, amount: int, reason: str, invoice: int | None) -> int:
        if amount <= 0:
            no("InvalidField", field="amount")
        if invoice is not None and self.invoices[invoice]["client"] != client:
            no("InvalidField", field="invoice_id")
        self._must_live(client)
        if reason == "refund" and invoice is not None:
            refunded = sum(
                e["amount"]
                for e in self.entries.values()
                if e["kind"] == "added"
                and e["reason"] == "refund"
                and e["invoice"] == invoice
                and not self._reversed(e)
            )
            if amount > self.settled(invoice) - refunded:
                no("RefundExceedsPaid", refundable=max(self.settled(invoice) - refunded, 0))
        return self._entry(client, "added", amount, reason, invoice=invoice)

    def apply(self, invoice: int, asked: int | None) -> tuple[int, str | None]:
        """The payment, and what capped it."""
        if asked is not None and asked <= 0:
            no("InvalidField", field="amount")
        client = self._may_take_money(invoice)
        due, balance = self.due(invoice), self.balance(client)
        if due <= 0:
            no("NothingDue")
        if balance <= 0:
            no("NoCredit")
        possible = min(due, balance)
        capped_by = None
        if asked is not None and asked > possible:
            capped_by = "invoice_due" if due == possible else "credit_balance"
        amount = possible if asked is None else min(asked, possible)
        payment = self._payment(invoice, "account_credit", amount)
        self._entry(client, "applied", -amount, "payment", invoice=invoice, payment=payment)
        return payment, capped_by

    def pay(self, invoice: int, method: str, amount: int, choice: str | None) -> int:
        if amount <= 0:
            no("InvalidField", field="amount")
        client = self._may_take_money(invoice)
        excess = amount - max(self.due(invoice), 0)
        if excess > 0 and choice is None:
            no("OverpaymentChoiceRequired", excess=excess)
        payment = self._payment(invoice, method, amount)
        if excess > 0 and choice == "capture":
            self._entry(client, "captured", excess, "overpayment", invoice=invoice, payment=payment)
        return payment

    def pay_together(self, client: int, method: str, parts: list[tuple[int, int]]) -> list[int]:
        if len({invoice for invoice, _ in parts}) < len(parts) or len(parts) < 2:
            no("InvalidField", field="allocations")
        for place, (_, amount) in enumerate(parts):
            if amount <= 0:
                no("InvalidField", field=f"allocations[{place}].amount")
        for place, (invoice, _) in enumerate(parts):
            if self.invoices[invoice]["client"] != client:
                no("InvalidField", field=f"allocations[{place}].invoice_id")
        self._must_live(client)
        if method == "account_credit":
            no("AccountCreditNotInBulk")
        for place, (invoice, amount) in enumerate(parts):
            if self.invoices[invoice]["void"]:
                no("InvoiceVoid")
            if amount > self.due(invoice):
                no("AllocationExceedsDue", allocation=place, due=max(self.due(invoice), 0))
        self.last += 1
        bulk = self.last
        return [self._payment(invoice, method, amount, bulk=bulk) for invoice, amount in parts]

    def edit_payment(self, payment: int, amount: int | None, method: str | None, choice: str | None) -> None:
        if amount is not None and amount <= 0:
            no("InvalidField", field="amount")
        row = self.payments[payment]
        client = self.invoices[row["invoice"]]["client"]
        self._must_live(client)
        if row["deleted"]:
            no("PaymentDeleted")
        if row["method"] == "account_credit":
            no("PaymentNotEditable", reason="account_credit")
        new = row["amount"] if amount is None else amount
        excess = 0
        if self.captured(payment):
            if new != row["amount"]:
                no("PaymentNotEditable", reason="captured_credit")
        else:
            excess = new - max(self.due(row["invoice"]) + self.settles(payment), 0)
            if excess > 0 and choice is None and new > row["amount"]:
                no("OverpaymentChoiceRequired", excess=excess)
        row["amount"] = new
        row["method"] = method or row["method"]
        if excess > 0 and choice == "capture":
            self._entry(client, "captured", excess, "overpayment", invoice=row["invoice"], payment=payment)

    def delete_payments(self, payments: list[int]) -> None:
        """One payment, or all of a bulk payment."""
        client = self.invoices[self.payments[payments[0]]["invoice"]]["client"]
        self._must_live(client)
        live = [payment for payment in payments if not self.payments[payment]["deleted"]]
        if not live:
            no("PaymentDeleted")
        self._must_have(client, sum(self.captured(payment) for payment in live))
        for payment in live:
            for entry in self.captures(payment) + self._of(payment, "applied"):
                kind = "returned" if entry["kind"] == "applied" else "voided"
                self._reverse(entry, kind, "payment_deleted")
            self.payments[payment]["deleted"] = True

    def void(self, entry: int) -> int:
        row = self.entries[entry]
        self._must_live(row["client"])
        if row["kind"] not in {"added", "captured"}:
            no("EntryNotVoidable", kind=row["kind"])
        if self._reversed(row):
            no("AlreadyVoided")
        self._must_have(row["client"], row["amount"])
        return self._reverse(row, "voided", "void")

    def capture(self, invoice: int) -> list[int]:
        client = self._may_take_money(invoice)
        left = -self.due(invoice)
        if left <= 0:
            no("NotOverpaid")
        made = []
        for payment in sorted(self.live(invoice), key=lambda row: -int(row["id"])):
            part = min(left, self.settles(payment["id"]))
            if payment["method"] != "account_credit" and part > 0:
                left -= part
                made.append(
                    self._entry(client, "captured", part, "overpayment", invoice=invoice, payment=payment["id"])
                )
        return made

    def edit_total(self, invoice: int, total: int) -> None:
        self._may_take_money(invoice)
        if total < self.credit_on(invoice):
            no("InvoiceBelowAppliedCredit", applied_credit=self.credit_on(invoice))
        self.invoices[invoice]["total"] = total

    def void_invoice(self, invoice: int) -> None:
        self._may_take_money(invoice)
        if self.live(invoice):
            no("InvoiceHasPayments")
        self.invoices[invoice]["void"] = True

    def delete_client(self, client: int) -> None:
        self._must_live(client)
        if self.balance(client):
            no("ClientHasCredit", balance=self.balance(client))
        overpaid = sum(max(-self.due(row["id"]), 0) for row in self.invoices.values() if row["client"] == client)
        if overpaid:
            no("ClientHasOverpayment", overpaid=overpaid)
        self.clients[client]["deleted"] = True

    def restore_client(self, client: int) -> None:
        self.clients[client]["deleted"] = False

    # How

    def _must_live(self, client: int) -> None:
        if self.clients[client]["deleted"]:
            no("ClientDeleted")

    def _may_take_money(self, invoice: int) -> int:
        row = self.invoices[invoice]
        self._must_live(row["client"])
        if row["void"]:
            no("InvoiceVoid")
        return int(row["client"])

    def _must_have(self, client: int, amount: int) -> None:
        if amount > self.balance(client):
            spent_by = [
                p["id"]
                for p in reversed(self.payments.values())
                if p["method"] == "account_credit"
                and not p["deleted"]
                and self.invoices[p["invoice"]]["client"] == client
            ]
            no("CreditAlreadySpent", shortfall=amount - self.balance(client), spent_by=spent_by)

    def _new(self, rows: dict[int, Row], **row: Any) -> int:
        self.last += 1
        rows[self.last] = {"id": self.last, **row}
        return self.last

    def _payment(self, invoice: int, method: str, amount: int, bulk: int | None = None) -> int:
        return self._new(self.payments, invoice=invoice, method=method, amount=amount, bulk=bulk, deleted=False)

    def _entry(
        self,
        client: int,
        kind: str,
        amount: int,
        reason: str,
        *,
        invoice: int | None = None,
        payment: int | None = None,
        reverses: int | None = None,
    ) -> int:
        return self._new(
            self.entries,
            client=client,
            kind=kind,
            amount=amount,
            reason=reason,
            invoice=invoice,
            payment=payment,
            reverses=reverses,
        )

    def _reverse(self, entry: Row, kind: str, reason: str) -> int:
        return self._entry(
            entry["client"],
            kind,
            -entry["amount"],
            reason,
            invoice=entry["invoice"],
            payment=entry["payment"],
            reverses=entry["id"],
        )
