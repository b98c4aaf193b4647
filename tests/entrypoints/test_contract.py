"""The staff API as a client sees it: fields, statuses, keys, lists, CSV."""

import csv
import io
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.desk import Desk
from tests.entrypoints.counter import Counter, sign_in

ENTRY_FIELDS = {
    *("id", "number", "kind", "amount", "balance_after", "reason", "note", "by", "at", "client_id", "invoice_id"),
    *("invoice_number", "payment_id", "reverses", "reversed_by"),
}
PAYMENT_FIELDS = {
    *("id", "invoice_id", "client_id", "method", "amount", "collected", "settled", "captured", "reference"),
    *("received_on", "recorded_at", "recorded_by", "bulk_payment_id", "entries", "deleted_at", "deleted_by"),
}


async def client_of(owner: Counter, **fields: Any) -> Any:
    return await owner.post("/v1/clients", {"name": "Pat Doe", **fields})


async def invoice_of(owner: Counter, client_id: str, total: int = 13000, **fields: Any) -> Any:
    lines = [{"description": "Brakes", "quantity": 1, "unit_price": total}]
    return await owner.post("/v1/invoices", {"client_id": client_id, "lines": lines, **fields})


async def add_credit(owner: Counter, client_id: str, amount: int = 5000, **fields: Any) -> Any:
    body = {"reason": "goodwill", "amount": amount, "note": "job ran late", **fields}
    return await owner.post(f"/v1/clients/{client_id}/credit/entries", body)


async def test_an_entry_has_the_fields_of_the_contract(owner: Counter) -> None:
    client = await client_of(owner)
    entry = await add_credit(owner, client["id"])
    assert set(entry) >= ENTRY_FIELDS
    assert set(entry["by"]) == {"kind", "id", "name"}
    assert entry["at"].endswith("Z")
    assert entry["currency"] == "USD"
    assert await owner.get(f"/v1/credit/entries/{entry['id']}") == entry


async def test_r5_a_note_has_1_to_500_characters_after_trimming(owner: Counter) -> None:
    client = await client_of(owner)
    entry = await add_credit(owner, client["id"], note=f" \n{'x' * 500}\t \n")
    assert entry["note"] == "x" * 500
    for note in (" \n ", "", "x" * 501):
        body = {"reason": "goodwill", "amount": 1, "note": note}
        refused = await owner.request("POST", f"/v1/clients/{client['id']}/credit/entries", body, key="k")
        assert [error["field"] for error in refused.json()["errors"]] == ["note"]


async def test_a_payment_has_the_fields_of_the_contract(owner: Counter) -> None:
    client = await client_of(owner)
    invoice = await invoice_of(owner, client["id"])
    await add_credit(owner, client["id"])
    made = await owner.post(f"/v1/invoices/{invoice['id']}/payments", {"method": "account_credit", "amount": 6000})
    assert set(made) >= PAYMENT_FIELDS | {"entry", "requested", "capped_by"}
    assert (made["requested"], made["amount"], made["capped_by"]) == (6000, 5000, "credit_balance")
    shown = await owner.get(f"/v1/payments/{made['id']}")
    assert set(shown) >= PAYMENT_FIELDS
    assert shown["entries"] == [made["entry"]]


async def test_an_invoice_shows_its_money_and_its_live_payments(owner: Counter) -> None:
    client = await client_of(owner)
    invoice = await invoice_of(owner, client["id"], vehicle="2019 Corolla", tax=1040)
    assert invoice["number"] == "INV-1"
    assert (invoice["total"], invoice["settled"], invoice["due"]) == (14040, 0, 14040)
    assert (invoice["status"], invoice["payments"], invoice["vehicle"]) == ("open", [], "2019 Corolla")
    gone = await owner.post(f"/v1/invoices/{invoice['id']}/payments", {"method": "card", "amount": 40})
    kept = await owner.post(f"/v1/invoices/{invoice['id']}/payments", {"method": "card", "amount": 14000})
    await owner.delete(f"/v1/payments/{gone['id']}")
    shown = await owner.get(f"/v1/invoices/{invoice['id']}")
    assert [payment["id"] for payment in shown["payments"]] == [kept["id"]]
    assert (shown["due"], shown["status"]) == (40, "open")


@pytest.mark.parametrize(
    ("quantity", "unit_price", "total"),
    [(3, 250, 750), ("1.5", 333, 500), ("0.5", 1, 1), ("2.50", 10, 25)],
    ids=["whole", "half up", "a half cent", "trailing zero"],
)
async def test_a_line_is_quantity_times_price_rounded_half_up(
    owner: Counter, quantity: Any, unit_price: int, total: int
) -> None:
    client = await client_of(owner)
    lines = [{"description": "Labor", "quantity": quantity, "unit_price": unit_price}]
    invoice = await owner.post("/v1/invoices", {"client_id": client["id"], "lines": lines})
    assert invoice["total"] == total


async def test_a_discount_is_a_line_below_zero_and_the_total_is_not(owner: Counter) -> None:
    client = await client_of(owner)
    lines = [
        {"description": "Brakes", "quantity": 1, "unit_price": 10000},
        {"description": "Loyalty", "quantity": 1, "unit_price": -10000},
    ]
    invoice = await owner.post("/v1/invoices", {"client_id": client["id"], "lines": lines})
    assert (invoice["total"], invoice["status"]) == (0, "paid")
    lines[1]["unit_price"] = -10001
    refused = await owner.request("POST", "/v1/invoices", {"client_id": client["id"], "lines": lines})
    assert refused.status_code == 422


async def test_r9_starting_a_payment_tells_whether_to_offer_credit(owner: Counter) -> None:
    client = await client_of(owner)
    invoice = await invoice_of(owner, client["id"], 3000)
    options = f"/v1/invoices/{invoice['id']}/payment-options"
    before = await owner.get(options)
    assert (before["due"], before["credit_balance"], before["applicable_credit"]) == (3000, 0, 0)
    assert before["offer_credit"] is False
    await add_credit(owner, client["id"], 5000)
    after = await owner.get(options)
    assert (after["credit_balance"], after["applicable_credit"], after["offer_credit"]) == (5000, 3000, True)
    assert "account_credit" in after["methods"]


async def test_a_repeated_key_gives_the_first_answer_byte_for_byte(owner: Counter) -> None:
    client = await client_of(owner)
    path = f"/v1/clients/{client['id']}/credit/entries"
    body = {"reason": "goodwill", "amount": 5000, "note": "job ran late"}
    first, second = [await owner.request("POST", path, body, key="the-key") for _ in range(2)]
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert first.headers["content-type"] == second.headers["content-type"]
    assert (await owner.get(f"/v1/clients/{client['id']}"))["credit"] == 5000
    other = await owner.request("POST", path, {**body, "amount": 5001}, key="the-key")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_deletion_can_be_repeated_under_its_key(owner: Counter) -> None:
    client = await client_of(owner)
    invoice = await invoice_of(owner, client["id"])
    payment = await owner.post(f"/v1/invoices/{invoice['id']}/payments", {"method": "cash", "amount": 100})
    path = f"/v1/payments/{payment['id']}"
    answers = [await owner.request("DELETE", path, key="delete-it") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 204]
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert answers[1].content == b""
    again = await owner.request("DELETE", path)
    assert (again.status_code, again.json()["code"]) == (409, "payment_deleted")


async def test_a_refusal_leaves_the_key_free(owner: Counter) -> None:
    client = await client_of(owner)
    invoice = await invoice_of(owner, client["id"], 1000)
    path = f"/v1/invoices/{invoice['id']}/payments"
    refused = await owner.request("POST", path, {"method": "cash", "amount": 1500}, key="k")
    assert (refused.status_code, refused.json()["code"], refused.json()["excess"]) == (
        409,
        "overpayment_choice_required",
        500,
    )
    made = await owner.post(path, {"method": "cash", "amount": 1500, "overpayment": "capture"}, key="k")
    assert (made["settled"], made["captured"]) == (1000, 500)


@pytest.mark.parametrize("key", ["", "x" * 256, "with space", "tab\t", "é"])
async def test_a_key_is_1_to_255_visible_ascii_characters(owner: Counter, key: str) -> None:
    answer = await owner.http.request(
        "POST",
        "/v1/clients",
        json={"name": "Pat"},
        headers=[(b"authorization", f"Bearer {owner.bearer}".encode()), (b"idempotency-key", key.encode())],
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")


async def test_the_refusal_of_spent_credit_says_what_spent_it(owner: Counter) -> None:
    client = await client_of(owner)
    invoice = await invoice_of(owner, client["id"], 3000)
    entry = await add_credit(owner, client["id"], 5000)
    spent = await owner.post(f"/v1/invoices/{invoice['id']}/payments", {"method": "account_credit"})
    answer = await owner.request("POST", f"/v1/credit/entries/{entry['id']}/void", {"note": "wrong"}, key="k")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["shortfall"]) == (409, "credit_already_spent", 3000)
    assert problem["spent_by"] == [
        {
            "payment_id": spent["id"],
            "invoice_id": invoice["id"],
            "invoice_number": "INV-1",
            "amount": 3000,
            "at": spent["recorded_at"],
        }
    ]
    assert entry["id"] not in problem["detail"]


async def test_lists_go_page_by_page_without_gap_or_repeat(owner: Counter) -> None:
    client = await client_of(owner)
    for amount in range(1, 8):
        await add_credit(owner, client["id"], amount)
    lists: list[tuple[str, dict[str, str]]] = [
        (f"/v1/clients/{client['id']}/credit/entries", {}),
        (f"/v1/clients/{client['id']}/credit/entries", {"from": "2000-01-01", "kind": "added"}),
        ("/v1/credit/entries", {}),
    ]
    for path, query in lists:
        amounts: list[int] = []
        cursor = None
        while True:
            page = await owner.get(path, limit=3, **query, **({"cursor": cursor} if cursor else {}))
            amounts += [entry["amount"] for entry in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert amounts == [7, 6, 5, 4, 3, 2, 1]


async def test_a_cursor_cannot_be_forged_or_carried_elsewhere(
    http: httpx.AsyncClient, owner: Counter, desk: Desk
) -> None:
    client, other = await client_of(owner), await client_of(owner)
    for amount in range(1, 4):
        await add_credit(owner, client["id"], amount)
    path = f"/v1/clients/{client['id']}/credit/entries"
    cursor = (await owner.get(path, limit=1))["next_cursor"]
    assert cursor == httpx.QueryParams({"c": cursor})["c"]
    member, _ = await desk.hire()
    colleague = await sign_in(http, desk, member.email)
    await colleague.get(path, cursor=cursor)
    elsewhere = [
        (path, {"cursor": cursor[:-1] + ("A" if cursor[-1] != "A" else "B")}),
        (path, {"cursor": "nonsense"}),
        (path, {"cursor": cursor, "kind": "added"}),
        (f"/v1/clients/{other['id']}/credit/entries", {"cursor": cursor}),
        ("/v1/credit/entries", {"cursor": cursor}),
    ]
    for target, query in elsewhere:
        answer = await owner.request("GET", target, query=query)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor"), (target, query)


async def test_clients_are_found_by_a_part_of_name_mail_or_phone(owner: Counter) -> None:
    await client_of(owner, name="Ada 100% Byron", email="ada@example.com", phone="555-0101")
    rich = await client_of(owner, name="Zoe")
    await add_credit(owner, rich["id"])

    async def names(**query: Any) -> list[str]:
        return [client["name"] for client in (await owner.get("/v1/clients", **query))["items"]]

    assert await names(q="BYR") == await names(q="ada@") == await names(q="0101") == ["Ada 100% Byron"]
    assert await names(q="100%") == ["Ada 100% Byron"]
    assert await names(q="%") == ["Ada 100% Byron"]
    assert await names(has_credit="true") == ["Zoe"]
    assert await names() == ["Ada 100% Byron", "Zoe"]


async def test_a_deleted_client_is_in_its_own_list_and_comes_back(owner: Counter) -> None:
    client = await client_of(owner)
    await owner.delete(f"/v1/clients/{client['id']}")
    assert (await owner.get("/v1/clients"))["items"] == []
    [gone] = (await owner.get("/v1/clients", deleted="true"))["items"]
    assert gone["deleted_at"] is not None
    refused = await owner.request("POST", "/v1/invoices", {"client_id": client["id"], "lines": LINES})
    assert (refused.status_code, refused.json()["code"]) == (409, "client_deleted")
    await owner.post(f"/v1/clients/{client['id']}/restore", status=200)
    assert (await owner.get(f"/v1/clients/{client['id']}"))["deleted_at"] is None


LINES = [{"description": "Brakes", "quantity": 1, "unit_price": 13000}]


async def test_the_csv_has_a_row_an_entry_and_no_formula(owner: Counter) -> None:
    client = await client_of(owner)
    await add_credit(owner, client["id"], 1250, note="=HYPERLINK(1)")
    entry = await add_credit(owner, client["id"], 5, note="plain, with comma")
    await owner.post(f"/v1/credit/entries/{entry['id']}/void", {"note": "@wrong"})
    for path in (f"/v1/clients/{client['id']}/credit/entries.csv", "/v1/credit/entries.csv"):
        answer = await owner.request("GET", path)
        assert answer.headers["content-type"].startswith("text/csv")
        header, *rows = list(csv.reader(io.StringIO(answer.text)))
        ledger = [dict(zip(header, row, strict=True)) for row in rows]
        assert [row["amount"] for row in ledger] == ["12.50", "0.05", "-0.05"]
        assert [row["balance_after"] for row in ledger] == ["12.50", "12.55", "12.50"]
        assert {row["currency"] for row in ledger} == {"USD"}
        assert [row["note"] for row in ledger] == ["'=HYPERLINK(1)", "plain, with comma", "'@wrong"]


async def test_an_api_key_works_until_it_is_deleted_and_is_shown_once(http: httpx.AsyncClient, owner: Counter) -> None:
    made = await owner.post("/v1/api-keys", {"name": "till", "permissions": ["manage_clients"]})
    till = Counter(http, made["key"])
    await client_of(till, name="By the till")
    assert (await till.get("/v1/me"))["permissions"] == ["manage_clients"]
    assert "key" not in (await owner.get("/v1/api-keys"))["items"][0]
    assert made["key"] not in (await owner.request("GET", "/v1/api-keys")).text
    await owner.delete(f"/v1/api-keys/{made['id']}")
    assert (await till.request("GET", "/v1/me")).status_code == 401


async def test_every_answer_names_its_request(http: httpx.AsyncClient, owner: Counter) -> None:
    mine = await owner.request("GET", "/v1/me", headers={"X-Request-Id": "my-request-1"})
    assert mine.headers["x-request-id"] == "my-request-1"
    unsafe = await owner.request("GET", f"/v1/clients/{uuid4()}", headers={"X-Request-Id": "bad id\x01"})
    assert unsafe.headers["x-request-id"] == unsafe.json()["request_id"] != "bad id\x01"
    nowhere = await http.get("/nowhere")
    assert nowhere.headers["x-request-id"] == nowhere.json()["request_id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/v1/nowhere", 404, "not_found"),
        ("PUT", "/v1/clients", 405, "method_not_allowed"),
        ("GET", "/v1/clients/not-an-id", 404, "not_found"),
    ],
)
async def test_every_error_is_a_problem(owner: Counter, method: str, path: str, status: int, code: str) -> None:
    answer = await owner.request(method, path)
    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (status, code, status)
    assert answer.headers["content-type"].split(";")[0] == "application/problem+json"


async def test_a_bulk_payment_is_one_payment_an_invoice_and_deleted_together(owner: Counter) -> None:
    client = await client_of(owner)
    first, second = await invoice_of(owner, client["id"], 1000), await invoice_of(owner, client["id"], 2000)
    allocations = [{"invoice_id": first["id"], "amount": 1000}, {"invoice_id": second["id"], "amount": 500}]
    body = {"client_id": client["id"], "method": "check", "reference": "check 7", "allocations": allocations}
    bulk = await owner.post("/v1/bulk-payments", body)
    assert (bulk["amount"], [payment["amount"] for payment in bulk["payments"]]) == (1500, [1000, 500])
    report = await owner.get("/v1/reports/collected")
    assert [(item["method"], item["count"], item["collected"]) for item in report["items"]] == [("check", 1, 1500)]
    for changes, status, code in (
        ({"method": "account_credit"}, 409, "account_credit_not_in_bulk"),
        ({"allocations": allocations}, 409, "allocation_exceeds_due"),
        ({"allocations": allocations[:1]}, 422, "validation_failed"),
        ({"allocations": [allocations[1], allocations[1]]}, 422, "validation_failed"),
    ):
        refused = await owner.request("POST", "/v1/bulk-payments", {**body, **changes}, key=uuid4().hex)
        assert (refused.status_code, refused.json()["code"]) == (status, code), changes
    await owner.delete(f"/v1/bulk-payments/{bulk['id']}")
    assert (await owner.get(f"/v1/clients/{client['id']}"))["due"] == 3000


async def test_the_credit_tab_says_what_may_be_done_here(http: httpx.AsyncClient, owner: Counter, desk: Desk) -> None:
    client = await client_of(owner)
    await add_credit(owner, client["id"])
    tab = await owner.get(f"/v1/clients/{client['id']}/credit")
    assert (tab["balance"], tab["can_add"], tab["can_void"], tab["quickbooks_reminder"]) == (5000, True, True, None)
    assert tab["reasons"] == ["refund", "goodwill", "manual", "correction", "promotion"]
    await owner.patch("/v1/shop", {"quickbooks_connected": True})
    member, _ = await desk.hire()
    seen = await (await sign_in(http, desk, member.email)).get(f"/v1/clients/{client['id']}/credit")
    assert (seen["can_add"], seen["can_void"]) == (False, False)
    assert "QuickBooks" in seen["quickbooks_reminder"]
