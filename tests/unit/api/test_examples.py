"""The examples in the OpenAPI document: one for every JSON body, each true."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker

from functions.api.app import described_app
from functions.api.openapi.example_results import SUMMARY, fault_counts, row_errors
from functions.api.openapi.examples import add_examples, examples
from shared.jobs.row_errors import RowErrorCounts
from tests.unit.api.conftest import API, Client
from tests.unit.scoring.scored_files import errors_of, score_file

JOB_ID = "550e8400-e29b-41d4-a716-446655440000"
Body = dict[str, Any]
DOCUMENT = described_app().openapi()


def bodies(document: Body) -> Iterator[tuple[str, Body]]:
    """Every JSON body of an operation: what is sent, and what a success answers."""
    for operations in document["paths"].values():
        for operation in operations.values():
            name = operation["operationId"]
            if content := operation.get("requestBody", {}).get("content", {}).get("application/json"):
                yield f"{name} request", content
            for status, answer in operation["responses"].items():
                if status.startswith("2") and (content := answer.get("content", {}).get("application/json")):
                    yield f"{name} {status}", content


def faults(content: Body, document: Body = DOCUMENT) -> list[str]:
    """What is wrong with the example of a body; a body without one has that wrong with it."""
    if "example" not in content:
        return ["has no example"]
    schema = {**content["schema"], "components": document["components"]}
    validator = OAS31Validator(schema, format_checker=oas31_format_checker)
    return [error.message for error in validator.iter_errors(content["example"])]


def members(value: object) -> Iterator[tuple[str, object]]:
    """All members of the objects in some JSON."""
    if isinstance(value, dict):
        yield from value.items()
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from members(inner)


@pytest.mark.parametrize(("name", "content"), [pytest.param(*body, id=body[0]) for body in bodies(DOCUMENT)])
def test_every_json_body_has_an_example_that_its_schema_accepts(name: str, content: Body) -> None:
    assert faults(content) == [], name


def test_a_body_without_example_or_with_a_wrong_one_is_found() -> None:
    (content,) = [content for name, content in bodies(DOCUMENT) if name == "get_job 200"]
    assert faults({"schema": content["schema"]}) == ["has no example"]
    job = content["example"]["job"]
    for wrong in ({**job, "id": "no-uuid"}, {**job, "status": "done"}, {**job, "progress": {}}):
        assert faults({**content, "example": {"success": True, "job": wrong}})


def test_each_example_belongs_to_an_operation() -> None:
    names = {operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()}
    assert set(examples()) <= names


def test_the_examples_are_of_one_job() -> None:
    told = [content["example"] for name, content in bodies(DOCUMENT) if name not in {"retry_job 202"}]
    of_a_job = {value for body in told for name, value in members(body) if name in {"self", "task_id"}}
    assert {str(value).rpartition("/")[2].rpartition(":")[2] for value in of_a_job} == {JOB_ID}
    assert {body["job"]["id"] for body in told if "job" in body} == {JOB_ID}


def test_the_details_have_the_figures_of_the_job_that_clients_know() -> None:
    job = examples()["get_job"].answers["200"]["job"]
    assert job["file_info"]["file_size_mb"] == 1.95
    assert job["performance"]["processing_time_seconds"] == 125.5
    assert job["performance"]["rows_per_second"] == 7.97
    assert [job["progress"][name] for name in ("total_rows", "successful_rows", "failed_rows")] == [1000, 985, 15]
    assert job["errors"]["error_count"] == len(job["errors"]["error_details"]["errors"]) == 15


@pytest.mark.parametrize("job_type", ["annual", "quarterly"])
def test_the_rows_of_the_example_are_scored_as_it_says(client: Client, job_type: str) -> None:
    example = examples()[f"score_{job_type}"]
    answer = client.post(f"{API}/{job_type}", json=example.request)
    assert answer.json() == example.answers["200"]


def test_the_upload_of_the_example_is_accepted_in_its_words(client: Client) -> None:
    example = examples()["upload_annual"]
    answer = client.post(f"{API}/annual/bulk-upload-async", json=example.request)
    assert answer.status_code == 202
    same = ("success", "message", "total_rows", "estimated_time_minutes", "status")
    assert {name: answer.json()[name] for name in same} == {name: example.answers["202"][name] for name in same}
    assert set(answer.json()) == set(example.answers["202"])
    assert set(answer.json()["upload"]) == set(example.answers["202"]["upload"])


def test_the_failed_rows_fail_as_the_examples_say() -> None:
    row = dict(examples()["score_annual"].request["rows"][0])  # type: ignore[index]
    wanted = row_errors()
    rows = [{**row, "company_symbol": error["company_symbol"], error["column"]: error["value"]} for error in wanted]
    lines = [",".join(row), *(",".join(failed.values()) for failed in rows)]
    chunk = score_file("\n".join(lines))
    assert errors_of(chunk) == [{**error, "row": place} for place, error in enumerate(wanted, start=1)]
    assert RowErrorCounts.of(chunk.row_errors) == fault_counts()


def test_the_risk_of_the_job_counts_each_scored_row_once() -> None:
    for name in ("by_risk_level", "by_risk_grade"):
        assert sum(SUMMARY[name].values()) == SUMMARY["rows"] == 985
    assert sum(sector["rows"] for sector in SUMMARY["by_sector"]) == 985


def test_examples_are_the_same_each_time_they_are_made() -> None:
    again = json.loads(json.dumps(DOCUMENT))
    add_examples(again)
    assert json.dumps(again) == json.dumps(DOCUMENT)
