"""The document that describes the API, and the page that shows it: complete, valid, and nothing from another host."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest
import schemathesis

from core import errors
from core.errors import Refusal
from entrypoints.console.refusals import REFUSALS as CONSOLE_REFUSALS
from entrypoints.http.problems import edge_answers
from entrypoints.staff_api.refusals import REFUSALS
from ports.transactions import Busy, IdempotencyKeyInUse, Unavailable
from tests.entrypoints.routes import ROUTES

Json = dict[str, Any]

OUTSIDE_OF_A_SHOP = {
    ("POST", "/v1/auth/sign-in"),
    ("POST", "/v1/auth/refresh"),
    ("POST", "/v1/auth/sign-out"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
}
CODES = {
    *("malformed_request", "idempotency_key_required", "idempotency_key_invalid", "invalid_cursor", "unauthenticated"),
    *("permission_denied", "not_found", "method_not_allowed", "payload_too_large", "unsupported_media_type"),
    *("validation_failed", "idempotency_key_reused", "idempotency_key_in_use", "too_many_requests", "unavailable"),
    *("busy", "internal_error", "refund_exceeds_paid", "nothing_due", "no_credit", "payment_not_editable"),
    *("account_credit_not_in_bulk", "allocation_exceeds_due", "overpayment_choice_required", "not_overpaid"),
    *("invoice_below_applied_credit", "already_voided", "entry_not_voidable", "credit_already_spent"),
    *("payment_deleted", "invoice_has_payments", "invoice_void", "client_has_credit", "client_has_overpayment"),
    *("client_deleted", "invoice_number_taken", "email_taken", "slug_taken", "last_staff_manager"),
    *("endpoint_off", "too_many_endpoints"),
}


@pytest.fixture(scope="session")
async def document(http: httpx.AsyncClient) -> Json:
    answer = await http.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    found: Json = answer.json()
    return found


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_the_document_is_openapi_3_1(document: Json) -> None:
    assert document["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(document).validate()


def test_every_schema_is_a_json_schema(document: Json) -> None:
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_every_operation_of_the_contract_is_described(document: Json) -> None:
    assert {(method, path) for method, path, _ in operations(document)} == {
        *((route.method, route.path) for route in ROUTES),
        *OUTSIDE_OF_A_SHOP,
    }


def test_every_operation_says_what_it_does_and_has_a_name_of_its_own(document: Json) -> None:
    described = [operation for _, _, operation in operations(document)]
    assert all(operation["summary"] and operation["description"] for operation in described)
    assert len({operation["operationId"] for operation in described}) == len(described)


def test_every_operation_of_a_shop_names_what_can_go_wrong_anywhere(document: Json) -> None:
    for method, path, operation in operations(document):
        if (method, path) in OUTSIDE_OF_A_SHOP:
            continue
        expected = {"400", "401", "422", "500", "503"}
        expected |= {"404"} if "{" in path else set()
        expected |= {"413", "415"} if method in {"POST", "PATCH"} else set()
        assert expected <= set(operation["responses"]), (method, path)


def test_an_idempotency_key_is_required_where_the_contract_says_so(document: Json) -> None:
    required = {
        (method, path)
        for method, path, operation in operations(document)
        for parameter in operation["parameters"]
        if parameter["name"] == "Idempotency-Key" and parameter["required"]
    }
    assert required == {(route.method, route.path) for route in ROUTES if route.needs_key}


def test_every_example_is_an_example_of_its_schema(document: Json) -> None:
    for _, _, operation in operations(document):
        contents = [operation.get("requestBody", {}).get("content", {})]
        contents += [response.get("content", {}) for response in operation["responses"].values()]
        contents += [response["content"] for response in document["components"]["responses"].values()]
        for content in contents:
            for media in content.values():
                schema = {**media["schema"], "components": document["components"]}
                values = [example["value"] for example in media.get("examples", {}).values()]
                values += [media["example"]] if "example" in media else []
                for value in values:
                    jsonschema_rs.validate(schema, value, validate_formats=True)


def test_every_json_body_and_answer_has_an_example(document: Json) -> None:
    for method, path, operation in operations(document):
        for body in [operation.get("requestBody"), *operation["responses"].values()]:
            media = (body or {}).get("content", {}).get("application/json")
            takes_nothing = media and media["schema"].get("$ref", "").endswith("/NoFields")
            assert media is None or takes_nothing or "example" in media or "examples" in media, (method, path)


def refusals(kind: type[Exception] = Refusal) -> list[type[Exception]]:
    below = kind.__subclasses__()
    return sorted({*below, *(each for kind in below for each in refusals(kind))}, key=str)


def test_the_table_answers_every_refusal_and_every_trouble() -> None:
    troubles = {Unavailable, Busy, IdempotencyKeyInUse}
    assert set(CONSOLE_REFUSALS) == {*refusals(), *troubles}
    # Who edits by the API does not say what they were shown.
    assert set(REFUSALS) == {*refusals(), *troubles} - {errors.InvoiceChanged}


def test_the_codes_are_those_of_the_contract() -> None:
    assert {answer.code for answer in [*REFUSALS.values(), *edge_answers()]} == CODES


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.__name__) for kind in refusals()])
def test_a_rule_that_says_no_is_a_conflict_unless_it_is_about_the_request(kind: type[Exception]) -> None:
    statuses = {
        errors.Unauthenticated: 401,
        errors.SignInFailed: 401,
        errors.PermissionDenied: 403,
        errors.NotFound: 404,
        errors.InvalidField: 422,
        errors.IdempotencyKeyReused: 422,
        errors.TooManySignIns: 429,
    }
    assert CONSOLE_REFUSALS[kind].status == statuses.get(kind, 409)


async def test_the_page_loads_nothing_from_another_host(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) >= 3
    for address in addresses:
        assert address == "data:," or address.startswith("/docs/assets/")
        if address.startswith("/"):
            assert (await http.get(address)).status_code == 200


@pytest.mark.parametrize("code", sorted(CODES))
async def test_the_type_of_a_problem_leads_to_what_it_means(http: httpx.AsyncClient, code: str) -> None:
    answer = await http.get(f"/docs/problems/{code}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
