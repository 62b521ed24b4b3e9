"""The retry file: exactly the failed and unprocessed rows, in order, each with its first row number."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scoring.chunk import score_chunk, unprocessed_rows
from shared.scoring.results import ROW_ERROR_COLUMNS, header_line
from shared.scoring.retry_file import UnreadableResultError, retry_file
from shared.vocabulary import JobType, Outcome
from tests.unit.scoring.scored_files import NEXT_YEAR, STATEMENTS, VALID_ROW, errors_of, layout_of, score_file

HEADER = f"{STATEMENTS},note"
INPUT_COLUMNS = HEADER.split(",")

CELLS = st.text(st.sampled_from("a ,;\"\n\r=+-'|\t9é␀"), max_size=6)
# Validation has tests of its own: here a row is scored, fails, or is in a chunk that was never scored.
OUTCOMES = st.sampled_from(["successful", "failed", "unprocessed"])


def written(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def blocks_of(data: bytes, size: int) -> Iterator[bytes]:
    yield from (data[start : start + size] for start in range(0, len(data), size))


def read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))


def result_files(rows: Sequence[Sequence[str]], outcomes: Sequence[str], header: str = HEADER) -> tuple[bytes, bytes]:
    """Returns the failed and the unprocessed file of a job in which every row is a chunk of its own."""
    layout = layout_of(f"{header}\n{VALID_ROW}\n".encode(), JobType.ANNUAL)
    failed, unprocessed = header_line(layout, Outcome.FAILED), header_line(layout, Outcome.UNPROCESSED)
    for row, (cells, outcome) in enumerate(zip(rows, outcomes, strict=True), start=1):
        options: dict[str, Any] = {"layout": layout, "first_row": row}
        if outcome == "failed":
            scored = score_chunk(written([cells]).encode(), model=None, next_year=NEXT_YEAR, **options)
            assert scored.failed == 1
            failed += scored.parts.failed
        elif outcome == "unprocessed":
            unprocessed += unprocessed_rows(written([cells]).encode(), **options).unprocessed
    return failed, unprocessed


@given(
    st.lists(st.tuples(CELLS, OUTCOMES), max_size=12),
    st.sampled_from([1, 7, 100, 100_000]),
    st.sampled_from([(0,), (1,), (0, 1)]),
)
def test_retry_file_has_exactly_the_wanted_rows_in_order(
    rows: list[tuple[str, str]], block: int, wanted: tuple[int, ...]
) -> None:
    # The market cap is invalid, so these rows fail, and guards are the only changes to their cells.
    cells = [["ACME", "Acme", "Tech", "2015", "none", *"1234567", note] for note, _ in rows]
    outcomes = [outcome for _, outcome in rows]
    files = result_files(cells, outcomes)
    data = b"".join(retry_file([blocks_of(files[which], block) for which in wanted], has_source_row=False))

    names = [("failed", "unprocessed")[which] for which in wanted]
    expected = {at for at, outcome in enumerate(outcomes, start=1) if outcome in names}
    found = read(data)
    assert [int(row["source_row"]) for row in found] == sorted(expected)
    parents = {int(row["row"]): row for file in files for row in read(file)}
    for row in found:
        assert {name: row[name] for name in INPUT_COLUMNS} == {
            name: parents[int(row["source_row"])][name] for name in INPUT_COLUMNS
        }
    assert data.partition(b"\n")[0] == f"{HEADER},source_row".encode()


@given(st.lists(st.tuples(CELLS, st.sampled_from(["failed", "unprocessed"])), min_size=1, max_size=8))
def test_retry_file_scored_again_gives_the_same_row_errors(rows: list[tuple[str, str]]) -> None:
    cells = [["acme", f"={note}", "Tech", "2015", "none", *"1234567", note] for note, _ in rows]
    files = result_files(cells, [outcome for _, outcome in rows])
    data = b"".join(retry_file([[file] for file in files], has_source_row=False))

    first, again = score_file(written([INPUT_COLUMNS, *cells])), score_file(data)
    numbered = [{**error, "source_row": error["row"]} for error in errors_of(first)]
    assert errors_of(again) == numbered
    header = header_line(layout_of(data, JobType.ANNUAL), Outcome.FAILED)
    first_header = header_line(layout_of(f"{HEADER}\n{VALID_ROW}\n".encode(), JobType.ANNUAL), Outcome.FAILED)
    both = (
        read(header + again.parts.failed),
        read(first_header + first.parts.failed),
    )
    assert [{name: row[name] for name in INPUT_COLUMNS} for row in both[0]] == [
        {name: row[name] for name in INPUT_COLUMNS} for row in both[1]
    ]
    # A second retry still has the row numbers of the first file.
    third = b"".join(retry_file([[header + again.parts.failed]], has_source_row=True))
    assert third == data


MALFORMED = ['ACME,"Acme, Inc",2015', "ACME;=x;1", f"{VALID_ROW},1,surplus", "A|B", 'a"b,c', "Total, 3", "=SUM(A1),2"]


@pytest.mark.parametrize("outcome", ["failed", "unprocessed"])
@pytest.mark.parametrize("record", MALFORMED)
def test_malformed_record_stays_malformed_and_unchanged(record: str, outcome: str) -> None:
    layout = layout_of(f"{HEADER}\n{VALID_ROW}\n".encode(), JobType.ANNUAL)
    body = f"{record}\n".encode()
    first = score_chunk(body, layout=layout, first_row=41, model=None, next_year=NEXT_YEAR)
    if outcome == "failed":
        part = first.parts.failed
    else:
        part = unprocessed_rows(body, layout=layout, first_row=41).unprocessed
    file = header_line(layout, outcome) + part  # type: ignore[arg-type]
    before = read(header_line(layout, Outcome.FAILED) + first.parts.failed)[0]
    for has_source_row in (False, True, True):
        data = b"".join(retry_file([[file]], has_source_row=has_source_row))
        again = score_file(data)
        (error,) = errors_of(again)
        assert (error["code"], error["row"], error["source_row"]) == ("malformed_row", 1, 41)
        file = header_line(layout_of(data, JobType.ANNUAL), Outcome.FAILED) + again.parts.failed
        (row,) = read(file)
        assert (row["source_row"], row["row"]) == ("41", "1")
        assert [row[name] for name in INPUT_COLUMNS] == [before[name] for name in INPUT_COLUMNS]


def test_row_with_only_one_cell_filled_is_not_malformed() -> None:
    _, unprocessed = result_files([["ACME", *[""] * 12]], ["unprocessed"])
    again = score_file(b"".join(retry_file([[unprocessed]], has_source_row=False)))
    assert [error["code"] for error in errors_of(again)] == ["missing_field"]


def test_input_column_named_source_row_is_renamed() -> None:
    header = f"{STATEMENTS},Source-Row,input_source_row"
    cells = [["ACME", "Acme", "Tech", "2015", "none", *"1234567", "x", "y"]]
    failed, _ = result_files(cells, ["failed"], header)
    (row,) = read(b"".join(retry_file([[failed]], has_source_row=False)))
    assert (row["input_input_Source-Row"], row["input_source_row"], row["source_row"]) == ("x", "y", "1")


def test_retry_file_of_a_job_without_such_rows_has_only_a_header() -> None:
    failed, unprocessed = result_files([], [])
    assert read(b"".join(retry_file([[failed], [unprocessed]], has_source_row=False))) == []


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"company_symbol,row",
        b"company_symbol,sector\nA,B\n",
        b"company_symbol,sector,row\nA,B,1\nA,B\n",
        b'company_symbol,sector,row\nA,B,1\nA,"B,2\n',
        b"company_symbol,sector,row\nA,B,one\n",
    ],
)
def test_damaged_result_file_gives_no_retry_file(file: bytes) -> None:
    with pytest.raises(UnreadableResultError):
        list(retry_file([blocks_of(file, 5)], has_source_row=False))


def test_result_files_of_different_jobs_are_not_merged() -> None:
    one = b"a,b,row\n"
    other = b"a,c,row," + ",".join(ROW_ERROR_COLUMNS).encode() + b"\n"
    with pytest.raises(UnreadableResultError):
        list(retry_file([[one], [other]], has_source_row=False))
