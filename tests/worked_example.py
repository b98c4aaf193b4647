"""The worked example of product rules, step by step, over HTTP: for any server, wherever it runs."""

from typing import Any
from uuid import uuid4

import httpx


def worked_example(client: httpx.Client, headers: dict[str, str]) -> str:
    """Go through it as whoever signed in with these headers; answers the invoice's id."""

    def call(method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = client.request(method, f"/v1{path}", json=body, headers={**headers, "Idempotency-Key": uuid4().hex})
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    pat = call("POST", "/clients", {"name": "Pat"}, 201)["id"]
    lines = [{"description": "Brakes", "quantity": 1, "unit_price": 13000}]
    invoice = call("POST", "/invoices", {"client_id": pat, "lines": lines, "number": "INV-1"}, 201)["id"]

    def due() -> int:
        return int(call("GET", f"/invoices/{invoice}")["due"])

    def balance() -> int:
        card = call("GET", f"/clients/{pat}")["credit"]
        tab = call("GET", f"/clients/{pat}/credit")
        assert card == tab["balance"] == (tab["entries"][0]["balance_after"] if tab["entries"] else 0)
        return int(card)

    credit = {"reason": "goodwill", "amount": 5000, "note": "job ran late"}
    added = call("POST", f"/clients/{pat}/credit/entries", credit, 201)
    assert (added["number"], balance(), due()) == (1, 5000, 13000)
    applied = call("POST", f"/invoices/{invoice}/payments", {"method": "account_credit"}, 201)
    assert (applied["collected"], applied["settled"], applied["captured"]) == (0, 5000, 0)
    assert (balance(), due()) == (0, 8000)
    body = {"method": "cash", "amount": 10000, "overpayment": "capture"}
    cash = call("POST", f"/invoices/{invoice}/payments", body, 201)
    assert (cash["collected"], cash["settled"], cash["captured"]) == (10000, 8000, 2000)
    assert (balance(), due()) == (2000, 0)
    card = call("GET", f"/clients/{pat}")
    assert (card["invoiced"], card["paid"], card["due"], card["credit"]) == (13000, 13000, 0, 2000)
    [collected] = call("GET", "/reports/collected")["items"]
    assert (collected["method"], collected["collected"]) == ("cash", 10000)
    refused = call("POST", f"/credit/entries/{added['id']}/void", {"note": "wrong"}, 409)
    assert (refused["code"], refused["shortfall"]) == ("credit_already_spent", 3000)
    call("DELETE", f"/payments/{applied['id']}", None, 204)
    assert (balance(), due()) == (7000, 5000)
    voided = call("POST", f"/credit/entries/{added['id']}/void", {"note": "wrong"}, 201)
    assert (voided["number"], voided["kind"], voided["reverses"]) == (5, "voided", added["id"])
    assert (balance(), due()) == (2000, 5000)
    call("DELETE", f"/payments/{cash['id']}", None, 204)
    assert (balance(), due()) == (0, 13000)
    call("DELETE", f"/clients/{pat}", None, 204)
    return str(invoice)
