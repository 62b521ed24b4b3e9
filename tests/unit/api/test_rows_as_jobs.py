"""Rows scored synchronously compared with a job of the same rows, and any JSON as a body."""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.delimited.cells import decimal_text
from shared.delimited.dialect import CANONICAL
from shared.inputs.columns import BY_NAME, COLUMNS, Kind, required_columns
from shared.inputs.header import read_layout
from shared.scoring.chunk import score_chunk
from shared.scoring.model import model_for
from shared.scoring.results import result_columns
from shared.scoring.values import unguarded
from shared.vocabulary import JobType, Outcome
from tests.builders import NOON
from tests.unit.api.conftest import API, Client

NEXT_YEAR = NOON.year + 1

Row = dict[str, Any]

# What callers send: valid rows in which some cells are replaced.
_TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
_CELLS = st.one_of(
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**12), 10**12),
    st.sampled_from(["", " ", "n/a", "-", "1,234.5", "12%", "(3.2)", "Q2", "3", "2019", "=1+1", '"', 'a"b,c\n', "'5"]),
    _TEXT,
)
_NAMES = [column.name for column in COLUMNS]


@st.composite
def _rows(draw: st.DrawFn, job_type: JobType) -> list[Row]:
    profile: Literal["statements", "ratios"] = draw(st.sampled_from(["statements", "ratios"]))
    wanted = [column.name for column in required_columns(job_type, profile)]
    valid: Row = {**{name: 12.5 for name in wanted if BY_NAME[name].kind is Kind.NUMBER}, "company_symbol": "abc"}
    valid |= {"company_name": "Abc", "sector": "Any", "reporting_year": 2020, "reporting_quarter": "q3"}
    extra = draw(st.lists(_TEXT.filter(lambda name: name.strip().casefold() not in _NAMES), max_size=2))
    changes = st.dictionaries(st.sampled_from([*valid, *extra]), _CELLS, max_size=4)
    # Columns in one order, as in the rows of a file.
    return [{**valid, **dict.fromkeys(extra), **draw(changes)} for _ in range(draw(st.integers(1, 6)))]


def as_job(rows: list[Row], job_type: JobType) -> tuple[list[dict[str, str]], list[Row]]:
    """Returns the scored rows and row errors of a job with the file of these rows."""
    file = io.StringIO()
    writer = csv.DictWriter(file, rows[0])
    writer.writeheader()
    writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)
    body = file.getvalue().encode()
    layout = read_layout(body, CANONICAL, job_type=job_type, is_whole_file=True)
    scored = score_chunk(
        body[layout.data_start :],
        layout=layout,
        first_row=1,
        model=model_for(layout.job_type, layout.profile),
        next_year=NEXT_YEAR,
    )
    columns = result_columns(layout, Outcome.SUCCESSFUL)
    lines = csv.reader(io.StringIO(scored.parts.successful.decode(), newline=""))
    errors = [json.loads(line) for line in scored.parts.errors.splitlines()]
    # Only files have formula escapes, JSON does not.
    own = columns.index("row")
    results = [[*map(unguarded, cells[:own]), *cells[own:]] for cells in lines]
    return [dict(zip(columns, cells, strict=True)) for cells in results], errors


def _text(value: Any) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def as_text(result: Mapping[str, Any]) -> dict[str, str]:
    """Returns a scored row as it is in a result file."""
    lists = {
        name: json.dumps(result[name], ensure_ascii=False, separators=(",", ":"))
        for name in ("top_factors", "missing_ratios", "out_of_range")
    }
    figures = {"row": str(result["row"]), "default_probability": decimal_text(result["default_probability"])}
    return {**result, **lists, **figures}


@pytest.mark.parametrize("job_type", ["annual", "quarterly"])
def test_response_for_rows_equals_the_result_of_a_job_of_the_same_rows(client: Client, job_type: JobType) -> None:
    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(rows=_rows(job_type))
    def holds(rows: list[Row]) -> None:
        response = client.post(f"{API}/{job_type}", json={"rows": rows})
        if response.status_code == 400:
            assert response.json()["code"] == "duplicate_columns"
            return
        assert response.status_code == 200, response.text
        results, errors = as_job(rows, job_type)
        assert [as_text(result) for result in response.json()["results"]] == results
        assert response.json()["errors"] == errors

    holds()


def test_any_json_body_for_rows_is_never_a_server_error(client: Client) -> None:
    scalars = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8)
    values = st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    )
    rows = st.lists(st.dictionaries(st.sampled_from(_NAMES) | st.text(max_size=4), values, max_size=14), max_size=4)

    @settings(max_examples=100, suppress_health_check=list(HealthCheck))
    @given(body=st.one_of(values, st.fixed_dictionaries({"rows": values}), st.fixed_dictionaries({"rows": rows})))
    def holds(body: Any) -> None:
        content = json.dumps(body).encode()
        response = client.post(f"{API}/annual", content=content, headers={"content-type": "application/json"})
        assert response.status_code in {200, 400, 422}

    holds()
