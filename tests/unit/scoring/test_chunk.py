import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.inputs.schema import template_csv
from shared.scoring.catalog import basis
from shared.scoring.chunk import (
    ChunkEncodingError,
    RowCountMismatchError,
    score_chunk,
    unprocessed_rows,
)
from shared.scoring.results import ROW_ERROR_COLUMNS, SCORE_COLUMNS, header_line, result_columns
from shared.vocabulary import JobType, Outcome
from tests.unit.scoring.scored_files import (
    NEXT_YEAR,
    RATIOS,
    STATEMENTS,
    VALID_ROW,
    errors_of,
    layout_of,
    score_file,
    table_of,
)


@pytest.mark.samples
@pytest.mark.parametrize(
    "name", ["annual_statements_1000.csv", "annual_ratios_1000.csv", "quarterly_statements_400_semicolon_bom.csv"]
)
def test_sample_files_have_the_expected_outcomes(samples: Path, name: str) -> None:
    expected = json.loads((samples / "expected.json").read_text())[name]
    chunk = score_file((samples / name).read_bytes(), expected["job_type"])
    assert (chunk.rows, chunk.successful, chunk.failed) == tuple(
        expected[key] for key in ("total_rows", "successful_rows", "failed_rows")
    )
    for error, wanted in zip(errors_of(chunk), expected.get("errors", []), strict=True):
        # A null sentence leaves the wording open.
        assert {key: error[key] for key in wanted if wanted[key] is not None} == {
            key: value for key, value in wanted.items() if value is not None
        }
        assert error["error"]


def test_each_result_file_has_its_columns_and_all_has_every_row_in_order() -> None:
    file = f"{STATEMENTS}\n{VALID_ROW}\n{VALID_ROW.replace('100', 'abc')}\n\n{VALID_ROW}\n"
    chunk = score_file(file, first_row=11)
    rows = table_of(file, chunk.parts.all, "all")
    assert [(row["row"], row["outcome"]) for row in rows] == [
        ("11", "successful"),
        ("12", "failed"),
        ("13", "successful"),
    ]
    successful, failed = (table_of(file, getattr(chunk.parts, name), name) for name in ("successful", "failed"))
    assert [row["row"] for row in successful] == ["11", "13"]
    for name in SCORE_COLUMNS:
        assert (rows[0][name], rows[1][name]) == (successful[0][name], "")
    for name in ROW_ERROR_COLUMNS:
        assert (rows[0][name], rows[1][name]) == ("", failed[0][name])
    assert rows[0]["model_version"] == "statements-made-up"
    assert rows[0]["model_basis"] == basis(JobType.ANNUAL, "statements")


def test_validation_without_scoring_writes_no_score_columns() -> None:
    file = f"{STATEMENTS}\n{VALID_ROW}\n{VALID_ROW.replace('100', 'abc')}\n"
    chunk = score_file(file, scored=False)
    assert chunk.parts.successful.decode() == f"{VALID_ROW},1\n"
    rows = table_of(file, chunk.parts.all, "all", scored=False)
    assert [(row["row"], row["outcome"]) for row in rows] == [("1", "successful"), ("2", "failed")]
    assert chunk.parts.failed == score_file(file).parts.failed


def test_row_gives_the_same_bytes_among_any_rows_and_in_any_dialect() -> None:
    alone = score_file(f"{STATEMENTS}\n{VALID_ROW}\n", first_row=3).parts.successful
    others = f"{VALID_ROW.replace('Acme Inc', 'Ünï')}\n{VALID_ROW.replace('100', '7').replace('Tech', 'a;b')}\n"
    among = score_file(f"{STATEMENTS}\n{others}{VALID_ROW}\n{others}").parts.successful
    assert among.splitlines()[2] + b"\n" == alone
    for delimiter in ";\t|":
        text = f"{STATEMENTS}\n{VALID_ROW}\n".replace(",", delimiter)
        assert score_file(text, first_row=3).parts.successful == alone
        assert score_file(text.replace("\n", "\r\n"), first_row=3).parts.successful == alone


def test_unprocessed_rows_are_copied_and_numbered() -> None:
    file = f"{STATEMENTS}\nacme{VALID_ROW[4:]}\nshort\n".encode()
    layout = layout_of(file, JobType.ANNUAL)
    chunk = unprocessed_rows(file[layout.data_start :], layout=layout, first_row=5, row_count=2)
    assert chunk.unprocessed.decode() == f"{VALID_ROW},5\nshort{',' * 11},6\n"
    rows = table_of(file.decode(), chunk.all, "all")
    assert [(row["row"], row["outcome"], row["default_probability"]) for row in rows] == [
        ("5", "unprocessed", ""),
        ("6", "unprocessed", ""),
    ]


def test_result_file_can_be_uploaded_again_and_scores_the_same() -> None:
    file = f"{STATEMENTS}\n{VALID_ROW}\n".encode()
    scores = []
    for _ in range(3):
        layout = layout_of(file, JobType.ANNUAL)
        chunk = score_file(file)
        columns = result_columns(layout, Outcome.SUCCESSFUL)
        assert len(set(columns)) == len(columns)
        scores.append(chunk.parts.successful.rstrip(b"\n").split(b",1,")[-1])
        file = header_line(layout, Outcome.SUCCESSFUL) + chunk.parts.successful
    assert len(set(scores)) == 1
    assert columns.count("row") == columns.count("input_row") == columns.count("input_input_row") == 1


@pytest.mark.parametrize("action", [score_chunk, unprocessed_rows])
def test_chunk_that_differs_from_the_plan_is_refused(action: Callable[..., Any]) -> None:
    layout = layout_of(f"{STATEMENTS}\n{VALID_ROW}\n".encode(), JobType.ANNUAL)
    options = {"layout": layout, "first_row": 1}
    if action is score_chunk:
        options |= {"model": None, "next_year": NEXT_YEAR}
    with pytest.raises(RowCountMismatchError, match="the plan has 2 rows, the chunk 1"):
        action(VALID_ROW.encode(), row_count=2, **options)
    with pytest.raises(ChunkEncodingError, match="byte 4"):
        action(b"ACME\xff", **options)


def test_empty_chunk_has_no_rows_and_no_text() -> None:
    for file in (f"{STATEMENTS}\n", f"{RATIOS}\n \n\n"):
        chunk = score_file(file)
        assert (chunk.rows, chunk.successful, chunk.failed) == (0, 0, 0)
        assert chunk.parts.all == chunk.parts.errors == b""


@pytest.mark.parametrize("job_type", ["annual", "quarterly"])
def test_template_is_scored_without_row_errors(job_type: JobType) -> None:
    chunk = score_file(template_csv(job_type), job_type)
    assert (chunk.rows, chunk.failed) == (3, 0)
    assert b"market_cap/total_liabilities" not in chunk.parts.successful
