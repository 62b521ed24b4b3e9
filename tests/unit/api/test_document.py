"""The application checked against its OpenAPI document with generated requests, valid and invalid."""

from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.parameters import ParameterLocation

from functions.api.app import described_app
from tests.fakes import FakeJobStore, FakeResultStore
from tests.unit.api.conftest import Token, bearer
from tests.unit.api.test_access import prepared

EXAMPLES = 12
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
DOCUMENT = described_app().openapi()
OPERATIONS = [(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods]
# An operation without parameters and body has no invalid requests.
CAN_BE_WRONG = [
    (method, path)
    for method, path in OPERATIONS
    if {"parameters", "requestBody"} & DOCUMENT["paths"][path][method.lower()].keys()
]

load_all_checks()
NOT_CHECKED = {
    # Sends requests over the network; test_access calls every route without a token and with a bad one.
    "ignored_auth",
    # These follow a request with others; test_access repeats requests after a delete and as another caller.
    "use_after_free",
    "ensure_resource_availability",
    "object_level_authorization",
}
CHECKS_MADE: list[Any] = [check for check in CHECKS.get_all() if check.__name__ not in NOT_CHECKED]
ACCEPTANCE, REJECTION = CHECKS.get_by_names(["positive_data_acceptance", "negative_data_rejection"])

# Why a request that matches the document may still be refused: what a schema cannot express.
REFUSED_FOR_CONTENT = {
    "invalid_cursor": "a cursor is text that this service has signed",
    "idempotency_mismatch": "the key came before, with another request",
    "job_not_cancellable": "the job has ended",
    "missing_columns": "columns may be named in many ways, and are those of all rows together",
    "duplicate_columns": "two names may mean one column",
    "nothing_to_retry": "the job has no such rows",
    "unsupported_format": "the file's name decides",
    "empty_file": "the file decides",
    "undecodable": "the file decides",
    "too_large": "bytes are not counted by a schema",
}
# The same for single fields: two that exclude each other, labels whose text is not a JSON object, and 1.0, which is an
# integer in JSON Schema.
FIELDS_REFUSED_FOR_CONTENT = {"conflict", "dict_type", "int_type"}


def refused_for_content(response: Response) -> bool:
    """Returns whether the request was refused for its content and not for its form."""
    if not 400 <= response.status_code < 500:
        return False
    problem = response.json()
    codes = {error["code"] for error in problem.get("errors", [])}
    return problem["code"] in REFUSED_FOR_CONTENT or bool(codes and codes <= FIELDS_REFUSED_FOR_CONTENT)


def is_body_or_path_wrong(case: Case[Any]) -> bool:
    """Returns whether the request must be refused.

    A wrong Authorization header is replaced by the token, and parameters that the document does not name are ignored;
    test_listing and test_results test wrong parameters.
    """
    assert case.meta is not None
    wrong = {location for location, component in case.meta.components.items() if component.mode is NEGATIVE}
    return bool(wrong & {ParameterLocation.BODY, ParameterLocation.PATH})


@pytest.mark.hazard("A response, an acceptance or a refusal that the OpenAPI document does not describe")
@pytest.mark.parametrize(
    ("mode", "operation"),
    [*((POSITIVE, operation) for operation in OPERATIONS), *((NEGATIVE, operation) for operation in CAN_BE_WRONG)],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else str(part.value),
)
def test_every_operation_responds_as_documented(
    app: FastAPI,
    token: Token,
    store: FakeJobStore,
    results: FakeResultStore,
    mode: GenerationMode,
    operation: tuple[str, str],
) -> None:
    method, path = operation
    described = schemathesis.openapi.from_dict(DOCUMENT)[path][method]
    headers = bearer(token())

    @settings(max_examples=EXAMPLES, derandomize=True, database=None)
    @given(case=described.as_strategy(generation_mode=mode), is_there=st.booleans())
    def responds_as_documented(case: Case[Any], *, is_there: bool) -> None:
        if mode is POSITIVE and is_there and "{job_id}" in path:
            case.path_parameters["job_id"] = str(prepared(store, results, operation[1]))
        response = case.call(app=app, base_url="https://api.example", headers=headers)
        excluded: list[Any] = [ACCEPTANCE] if refused_for_content(response) else []
        if response.status_code == 413 or not is_body_or_path_wrong(case):
            excluded.append(REJECTION)  # which does not count 413, the response to too many rows, among refusals
        case.validate_response(response, checks=CHECKS_MADE, excluded_checks=excluded)

    responds_as_documented()
