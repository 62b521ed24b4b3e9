"""The examples in the OpenAPI document: one for every JSON body, and each of them correct."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker

from functions.api.app import described_app
from functions.api.openapi.example_results import SUMMARY, error_counts, row_errors
from functions.api.openapi.examples import add_examples, examples
from shared.jobs.row_errors import RowErrorCounts
from tests.unit.api.conftest import API, Client
from tests.unit.scoring.scored_files import errors_of, score_file

JOB_ID = "550e8400-e29b-41d4-a716-446655440000"
Body = dict[str, Any]
DOCUMENT = described_app().openapi()


def bodies(document: Body) -> Iterator[tuple[str, Body]]:
    """Yields every JSON body of an operation: of its request and of its successful responses."""
    for operations in document["paths"].values():
        for operation in operations.values():
            name = operation["operationId"]
            if content := operation.get("requestBody", {}).get("content", {}).get("application/json"):
                yield f"{name} request", content
            for status, response in operation["responses"].items():
                if status.startswith("2") and (content := response.get("content", {}).get("application/json")):
                    yield f"{name} {status}", content


def example_errors(content: Body, document: Body = DOCUMENT) -> list[str]:
    """Returns the errors in the example of a body; a missing example is an error."""
    if "example" not in content:
        return ["has no example"]
    schema = {**content["schema"], "components": document["components"]}
    validator = OAS31Validator(schema, format_checker=oas31_format_checker)
    return [error.message for error in validator.iter_errors(content["example"])]


def members(value: object) -> Iterator[tuple[str, object]]:
    """Yields all members of the objects in a JSON value."""
    if isinstance(value, dict):
        yield from value.items()
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from members(inner)


@pytest.mark.parametrize(("name", "content"), [pytest.param(*body, id=body[0]) for body in bodies(DOCUMENT)])
def test_every_json_body_has_an_example_that_its_schema_accepts(name: str, content: Body) -> None:
    assert example_errors(content) == [], name


def test_missing_or_invalid_example_is_found() -> None:
    (content,) = [content for name, content in bodies(DOCUMENT) if name == "get_job 200"]
    assert example_errors({"schema": content["schema"]}) == ["has no example"]
    job = content["example"]["job"]
    for wrong in ({**job, "id": "no-uuid"}, {**job, "status": "done"}, {**job, "progress": {}}):
        assert example_errors({**content, "example": {"success": True, "job": wrong}})


def test_each_example_belongs_to_an_operation() -> None:
    names = {operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()}
    assert set(examples()) <= names


def test_examples_are_all_of_one_job() -> None:
    shown = [content["example"] for name, content in bodies(DOCUMENT) if name not in {"retry_job 202"}]
    of_a_job = {value for body in shown for name, value in members(body) if name in {"self", "task_id"}}
    assert {str(value).rpartition("/")[2].rpartition(":")[2] for value in of_a_job} == {JOB_ID}
    assert {body["job"]["id"] for body in shown if "job" in body} == {JOB_ID}


def test_example_of_details_has_the_figures_of_the_base_document() -> None:
    job = examples()["get_job"].responses["200"]["job"]
    assert job["file_info"]["file_size_mb"] == 1.95
    assert job["performance"]["processing_time_seconds"] == 125.5
    assert job["performance"]["rows_per_second"] == 7.97
    assert [job["progress"][name] for name in ("total_rows", "successful_rows", "failed_rows")] == [1000, 985, 15]
    assert job["errors"]["error_count"] == len(job["errors"]["error_details"]["errors"]) == 15


@pytest.mark.parametrize("job_type", ["annual", "quarterly"])
def test_example_of_scored_rows_is_what_the_service_returns(client: Client, job_type: str) -> None:
    example = examples()[f"score_{job_type}"]
    response = client.post(f"{API}/{job_type}", json=example.request)
    assert response.json() == example.responses["200"]


def test_example_of_an_upload_is_what_the_service_returns(client: Client) -> None:
    example = examples()["upload_annual"]
    response = client.post(f"{API}/annual/bulk-upload-async", json=example.request)
    assert response.status_code == 202
    same = ("success", "message", "total_rows", "estimated_time_minutes", "status")
    assert {name: response.json()[name] for name in same} == {name: example.responses["202"][name] for name in same}
    assert set(response.json()) == set(example.responses["202"])
    assert set(response.json()["upload"]) == set(example.responses["202"]["upload"])


def test_examples_of_row_errors_are_what_scoring_returns() -> None:
    row = dict(examples()["score_annual"].request["rows"][0])  # type: ignore[index]
    wanted = row_errors()
    rows = [{**row, "company_symbol": error["company_symbol"], error["column"]: error["value"]} for error in wanted]
    lines = [",".join(row), *(",".join(failed.values()) for failed in rows)]
    chunk = score_file("\n".join(lines))
    assert errors_of(chunk) == [{**error, "row": place} for place, error in enumerate(wanted, start=1)]
    assert RowErrorCounts.of(chunk.row_errors) == error_counts()


def test_example_of_the_risk_summary_counts_each_scored_row_once() -> None:
    for name in ("by_risk_level", "by_risk_grade"):
        assert sum(SUMMARY[name].values()) == SUMMARY["rows"] == 985
    assert sum(sector["rows"] for sector in SUMMARY["by_sector"]) == 985


def test_examples_are_deterministic() -> None:
    again = json.loads(json.dumps(DOCUMENT))
    add_examples(again)
    assert json.dumps(again) == json.dumps(DOCUMENT)
