"""What schemathesis is told about this API that an OpenAPI document cannot say. Loaded by its configuration file."""

import json
import os
from itertools import count
from typing import Any
from uuid import uuid4

import schemathesis

_calls = count()
_OWN_KEYS = frozenset(os.environ.get("OWN_API_KEYS", "").split(","))

REASONS = frozenset(
    {
        # Facts of the shop, or of two fields together.
        "must be a client of this shop",
        "must be an invoice of this client",
        "must name each invoice once",
        "must not be before from",
        "cannot be in the future",
        "must add up, with the tax, to a total from 0 to 99999999999",
        "is required with this method",
        # What no pattern tells.
        "must be a name of the IANA time zone database, such as America/Chicago",
        "must be an e-mail address, such as pat@example.com",
        "is one of the most common ones: choose another",
        # Where webhooks may go: it depends on the installation, and on what a name leads to.
        "must have only visible ASCII characters, at most 500",
        "must be a URL, such as https://example.com/webhooks",
        "must begin with https://",
        "must not have a user name or password",
        "must not have a fragment",
        "must not have port 0",
        "must name its host by name or as a plain IP address",
        "must spell an IP address as four numbers with dots, or in IPv6",
        "must not lead to an address that is not on the open Internet",
        # Limits hold after trimming too, and JSON Schema takes 71.0 for an integer.
        "must have at least 1 character",
        "must have 1 to 500 characters",
        "must be a whole number, without a decimal point or an exponent",
        "must be a whole number or text, without a decimal point or an exponent",
    }
)
"""Why a request that fits its schema may be refused all the same."""

CODES = frozenset({"idempotency_key_reused", "invalid_cursor"})
"""The same: a key is fresh, and a cursor ours, by what was asked before."""


@schemathesis.hook
def before_call(_context: Any, case: Any, _arguments: Any) -> None:
    """Keep it from sawing off its own branch, and from asking the same over and over."""
    parameters = case.path_parameters or {}
    if parameters.get("api_key_id") in _OWN_KEYS:
        # It finds the key that it signs in with in the list of keys; once it is deleted everything is 401.
        parameters["api_key_id"] = str(uuid4())
    is_valid = case.meta is not None and case.meta.generation.mode.is_positive
    if is_valid and "Idempotency-Key" in (case.headers or {}) and next(_calls) % 4:
        # It takes up keys that it used before: most requests would be refused for that and never come to a rule.
        case.headers["Idempotency-Key"] = uuid4().hex


@schemathesis.check
def valid_data_is_refused_for_a_reason_that_no_schema_can_say(_context: Any, response: Any, case: Any) -> None:
    """What takes the place of positive_data_acceptance for 400 and 422, which it is told to expect."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in {400, 422}:
        return
    problem = json.loads(response.content)
    unexplained = {error["message"] for error in problem.get("errors", [])} - REASONS
    if problem["code"] == "validation_failed":
        assert not unexplained, f"refused although it fits the schema: {sorted(unexplained)}"
    else:
        assert problem["code"] in CODES, f"refused although it fits the schema: {problem['code']}"
