"""What is asked of the program, once by hand and then by wrk (requests.lua asks for the same)."""

from dataclasses import dataclass
from typing import Any

from bench.filling import client_id, invoice_id


@dataclass(frozen=True)
class Operation:
    """``name``: as requests.lua knows it."""

    name: str
    title: str
    method: str
    path: str
    body: Any = None

    @property
    def writes(self) -> bool:
        return self.body is not None

    def address(self, number: int) -> str:
        return self.path.format(client=client_id(number), invoice=invoice_id(number))


NOTHING = Operation("nothing", "an endpoint that does nothing", "GET", "/health/live")
OPERATIONS = (
    Operation(
        "add",
        "add credit",
        "POST",
        "/v1/clients/{client}/credit/entries",
        {"reason": "goodwill", "amount": 100, "note": "job ran late"},
    ),
    Operation(
        "apply",
        "apply credit",
        "POST",
        "/v1/invoices/{invoice}/payments",
        {"method": "account_credit", "amount": 1},
    ),
    Operation(
        "cash", "take a cash payment", "POST", "/v1/invoices/{invoice}/payments", {"method": "cash", "amount": 1}
    ),
    Operation("balance", "read a balance", "GET", "/v1/clients/{client}/credit?limit=1"),
    Operation("page", "first page of a ledger", "GET", "/v1/clients/{client}/credit/entries"),
    Operation("options", "payment options", "GET", "/v1/invoices/{invoice}/payment-options"),
)
