"""Rows scored synchronously: the same results as in the files of a job, and no body that causes a server error."""

import csv
import io
import json
import logging
from typing import Any

import pytest
from fastapi import FastAPI

from shared.api_types import ScoreResponse
from shared.inputs.columns import required_columns
from shared.inputs.schema import example_rows
from shared.jobs.errors import RateLimitedError, UnavailableError
from shared.scoring.catalog import model_card
from shared.vocabulary import JobType
from tests.fakes import FakeRowScorer
from tests.unit.api.conftest import API, ROWS_MAX_BYTES, Client
from tests.unit.api.schema_checks import assert_matches

Row = dict[str, Any]


def annual_row(**overrides: Any) -> Row:
    return {**example_rows(JobType.ANNUAL)[0], **overrides}


def score(client: Client, rows: Any, *, job_type: str = "annual") -> dict[str, Any]:
    response = client.post(f"{API}/{job_type}", json={"rows": rows})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    assert_matches(ScoreResponse, body)
    return body


def test_scored_rows_begin_with_the_columns_of_the_request(client: Client) -> None:
    body = score(client, [annual_row(remark="as agreed"), annual_row(sector=None)])
    assert {name: body[name] for name in ("success", "job_type", "profile", "total_rows")} == {
        "success": True,
        "job_type": "annual",
        "profile": "statements",
        "total_rows": 2,
    }
    assert (body["successful_rows"], body["failed_rows"], body["notes"]) == (1, 1, [])
    assert body["model_version"] == model_card("statements")["version"]
    (scored,) = body["results"]
    assert list(scored)[: len(annual_row()) + 2] == [*annual_row(), "remark", "row"]
    assert (scored["row"], scored["remark"], scored["market_cap"]) == (1, "as agreed", "1840.5")
    assert isinstance(scored["default_probability"], float)
    assert [type(scored[name]) for name in ("top_factors", "missing_ratios", "out_of_range")] == [list] * 3
    (error,) = body["errors"]
    assert {name: error[name] for name in ("row", "company_symbol", "column", "code", "error", "value")} == {
        "row": 2,
        "company_symbol": "NRTH",
        "column": "sector",
        "code": "missing_field",
        "error": "Missing required field: sector",
        "value": "",
    }


def test_figure_scores_the_same_as_a_number_and_as_text(client: Client) -> None:
    texts = annual_row(market_cap="1840.5", total_assets="1e3", net_income="-92.6")
    numbers = annual_row(market_cap=1840.5, total_assets=1000, net_income=-92.6)
    first, second = score(client, [texts, numbers])["results"]
    assert first["default_probability"] == second["default_probability"]
    assert first["top_factors"] == second["top_factors"]


def test_rows_with_different_columns_have_the_columns_of_all_rows(client: Client) -> None:
    lean = annual_row()
    del lean["inventory"]
    body = score(client, [lean, annual_row(note="x"), {}, {"sector": " "}])
    assert [result["row"] for result in body["results"]] == [2]
    assert [(error["row"], error["column"]) for error in body["errors"]] == [
        (1, "inventory"),
        (3, "company_symbol"),
        (4, "company_symbol"),
    ]


def test_rows_with_the_columns_of_both_profiles_get_a_note(client: Client) -> None:
    ratios = {column.name: 1 for column in required_columns(JobType.ANNUAL, "ratios") if column.profile == "ratios"}
    body = score(client, [annual_row(**ratios)])
    (note,) = body["notes"]
    assert note == {
        "code": "both_profiles",
        "message": "The file has the columns of both profiles; it was scored on statements.",
    }


def test_decimal_commas_in_strings_decide_for_strings_and_never_for_numbers(client: Client) -> None:
    numbers = {name: float(text) for name, text in annual_row().items() if name.startswith(("total", "current", "inv"))}
    caps = ["12,5", "672,478", "672.478", 672.478, 12.5]
    body = score(client, [annual_row(**numbers, net_income=1.5, ebitda=2.5, market_cap=cap) for cap in caps])
    assert [row["row"] for row in body["results"]] == [1, 4, 5]
    assert [(error["row"], error["code"]) for error in body["errors"]] == [
        (2, "ambiguous_number"),
        (3, "ambiguous_number"),
    ]
    assert [note["code"] for note in body["notes"]] == ["decimal_comma"]


def test_strings_that_leave_the_decimal_sign_open_get_a_note(client: Client) -> None:
    numbers = dict.fromkeys(("total_assets", "total_liabilities", "current_assets", "current_liabilities"), 50.5)
    row = annual_row(**numbers, inventory=5, net_income=1.5, ebitda=2.5, market_cap="672,478")
    body = score(client, [row])
    assert [(note["code"], note["rows"]) for note in body["notes"]] == [("decimal_assumed", [1])]
    assert body["results"][0]["market_cap"] == "672,478"


def test_missing_columns_have_the_same_message_as_for_uploads(client: Client) -> None:
    row = annual_row()
    del row["sector"], row["market_cap"]
    response = client.post(f"{API}/annual", json={"rows": [row]})
    file = io.StringIO()
    writer = csv.DictWriter(file, row)
    writer.writeheader()
    writer.writerow(row)
    uploaded = client.post(f"{API}/annual/bulk-upload-async", files={"file": ("a.csv", file.getvalue())})
    assert (response.status_code, response.json()["code"]) == (400, "missing_columns")
    assert response.json()["detail"] == uploaded.json()["detail"]


def test_too_many_rows_are_refused_and_the_upload_is_suggested(client: Client, rows: FakeRowScorer) -> None:
    assert score(client, [annual_row()] * 100)["successful_rows"] == 100
    responses = [
        client.post(f"{API}/annual", json={"rows": [annual_row()] * 101}),
        client.post(f"{API}/annual", json={"rows": [annual_row(note="x" * ROWS_MAX_BYTES)]}),
    ]
    for response in responses:
        assert (response.status_code, response.json()["code"]) == (413, "too_large")
        assert "/api/v1/predictions/annual/bulk-upload-async" in response.json()["detail"]
    assert len(rows.given) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"\xff\xfe", "body"),
        (b"[" * 100_000, "body"),
        (b"[]", "body"),
        (b'{"rows": [], "rows": []}', "body"),
        (b"{}", "body.rows"),
        (b'{"rows": 5}', "body.rows"),
        (b'{"rows": []}', "body.rows"),
        (b'{"rows": [{}], "mode": "fast"}', "body.rows"),
        (b'{"rows": [{}, []]}', "body.rows.1"),
        (b'{"rows": [{"a": NaN}]}', "body"),
        (b'{"rows": [{"a": -Infinity}]}', "body"),
        (b'{"rows": [{"a": 1, "a": 2}]}', "body"),
        (b'{"rows": [{"\\ud800": 1}]}', "body.rows"),
    ],
)
def test_malformed_rows_body_is_refused_and_its_field_is_named(client: Client, body: bytes, field: str) -> None:
    response = client.post(f"{API}/annual", content=body, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (422, "validation_error")
    assert response.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("value", [True, False, [], {}, [1], {"a": 1}, "\ud800", "a\udfffb"])
def test_cell_that_no_file_can_contain_is_refused_and_its_row_is_named(client: Client, value: Any) -> None:
    content = json.dumps({"rows": [annual_row(), annual_row(sector=value)]})
    response = client.post(f"{API}/annual", content=content, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (422, "validation_error")
    (error,) = response.json()["errors"]
    assert error["field"] == "body.rows.1.sector"
    assert "row 2" in error["message"]


def test_another_media_type_is_refused_and_json_is_suggested(client: Client) -> None:
    response = client.post(f"{API}/annual", content=b"a,b", headers={"content-type": "text/csv"})
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_format")
    assert "application/json" in response.json()["detail"]


@pytest.mark.parametrize(
    ("literal", "code"),
    [
        ("1e400", "invalid_market_cap"),
        ("-1e400", "invalid_market_cap"),
        ("9" * 5_000, "invalid_market_cap"),
        ('"NaN"', "invalid_market_cap"),
        ('"a\\u0000b"', "malformed_row"),
        (json.dumps("x" * 32 * 1024), "invalid_market_cap"),
        (json.dumps("x" * (32 * 1024 + 1)), "malformed_row"),
    ],
    ids=["too large", "too small", "five thousand digits", "spelled out", "NUL", "32 KiB", "over 32 KiB"],
)
def test_unusual_cell_fails_only_its_row(client: Client, literal: str, code: str) -> None:
    row = json.dumps(annual_row(market_cap="$")).replace('"$"', literal)
    content = f'{{"rows": [{row}, {json.dumps(annual_row())}]}}'
    response = client.post(f"{API}/annual", content=content, headers={"content-type": "application/json"})
    assert response.status_code == 200
    assert [(error["row"], error["code"]) for error in response.json()["errors"]] == [(1, code)]
    assert [result["row"] for result in response.json()["results"]] == [2]


@pytest.mark.parametrize("literal", ["12345678901234567890123456789012345678901234567890", "0." + "1" * 400, "-0"])
def test_numbers_of_many_digits_are_accepted(client: Client, literal: str) -> None:
    row = json.dumps(annual_row(net_income="$")).replace('"$"', literal)
    response = client.post(
        f"{API}/annual", content=f'{{"rows": [{row}]}}', headers={"content-type": "application/json"}
    )
    assert response.json()["successful_rows"] == 1


@pytest.mark.hazard("Secrets in the log")
def test_content_of_rows_is_never_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        score(client, [annual_row(company_name="Whisper Holdings"), annual_row(market_cap="whisper")])
        client.post(f"{API}/annual", json={"rows": [annual_row(whisper=[])]})
    assert "whisper" not in caplog.text.lower()
    assert not any("whisper" in str(vars(record)).lower() for record in caplog.records)


@pytest.mark.parametrize(
    ("error", "status", "code"), [(UnavailableError(), 503, "unavailable"), (RateLimitedError(), 429, "rate_limited")]
)
def test_unavailable_score_function_is_reported_with_retry_after(
    client: Client, rows: FakeRowScorer, error: Exception, status: int, code: str
) -> None:
    rows.error = error
    response = client.post(f"{API}/annual", json={"rows": [annual_row()]})
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert int(response.headers["Retry-After"]) > 0


def test_route_that_scores_rows_is_documented(app: FastAPI) -> None:
    document = app.openapi()
    operation = document["paths"][f"{API}/annual"]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    assert content["schema"]["properties"]["rows"]["maxItems"] == 100
    assert content["example"]["rows"]
    assert {"200", "400", "413", "422", "429", "503"} <= set(operation["responses"])
