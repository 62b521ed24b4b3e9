"""Pages of result files, read by byte range."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.scoring.result_pages import SHOWN_CHARACTERS, ResultPage, read_page
from shared.scoring.values import guarded

COLUMNS = ("company_symbol", "note", "row", "default_probability", "risk_level", "top_factors")


class File:
    """A result file in memory that counts how it is read."""

    def __init__(self, rows: list[tuple[Any, ...]], columns: tuple[str, ...] = COLUMNS) -> None:
        written = io.StringIO(newline="")
        writer = csv.writer(written, lineterminator="\n")
        writer.writerows([columns, *rows])
        self.body = written.getvalue().encode()
        self.read_bytes = 0

    def read(self, offset: int, length: int) -> bytes:
        piece = self.body[offset : offset + length]
        self.read_bytes += len(piece)
        return piece


def pages(file: File, limit: int, **options: Any) -> list[ResultPage]:
    found: list[ResultPage] = []
    start = None
    while not found or start is not None:
        found.append(read_page(file.read, start=start, limit=limit, **options))
        start = found[-1].following
    return found


notes = st.text(alphabet=st.one_of(st.sampled_from(list("\",\n\r =+-'x")), st.characters(codec="utf-8")), max_size=30)


@settings(max_examples=150)
@given(st.lists(notes.filter(lambda text: "\0" not in text), max_size=25), st.integers(1, 30), st.integers(1, 2_000))
def test_joined_pages_have_every_row_of_the_file_once_and_in_order(
    texts: list[str], limit: int, page_bytes: int
) -> None:
    file = File([("A", guarded(text), row, 0.25, "CRITICAL", "[]") for row, text in enumerate(texts, start=1)])
    read = pages(file, limit, page_bytes=page_bytes)
    assert [row["note"] for page in read for row in page.rows] == texts
    assert [row["row"] for page in read for row in page.rows] == list(range(1, len(texts) + 1))
    assert all(0 < len(page.rows) <= limit for page in read) or not texts
    assert not texts or read[-1].rows


def test_result_columns_are_typed_and_input_columns_are_text() -> None:
    file = File([("A", "12", 3, "0.25", "CRITICAL", '[{"input":"quick_ratio","contribution":0.5}]')])
    (page,) = pages(file, 10)
    assert page.rows == (
        {
            "company_symbol": "A",
            "note": "12",
            "row": 3,
            "default_probability": 0.25,
            "risk_level": "CRITICAL",
            "top_factors": [{"input": "quick_ratio", "contribution": 0.5}],
        },
    )


def test_rows_that_were_only_validated_have_row_numbers_but_no_scores() -> None:
    (page,) = pages(File([("A", "x", 1)], columns=("company_symbol", "note", "row")), 10)
    assert page.rows == ({"company_symbol": "A", "note": "x", "row": 1},)


def test_page_reads_only_its_own_bytes_of_the_file() -> None:
    file = File([("A", "x" * 200, row, 0.1, "HIGH", "[]") for row in range(1, 20_001)])
    first = read_page(file.read, start=None, limit=10)
    file.read_bytes = 0
    assert read_page(file.read, start=first.following, limit=10).rows[0]["row"] == 11
    assert file.read_bytes < 20_000 < len(file.body) / 100


@pytest.mark.parametrize("cell", ["y" * 32_000, "\n" * 9_000])
def test_cells_of_rows_wider_than_a_page_are_cut_short(cell: str) -> None:
    columns = (*(f"c{place}" for place in range(100)), "row")
    file = File([(*[cell] * 100, row) for row in range(1, 31)], columns=columns)
    read = pages(file, 1_000, page_bytes=300_000)
    assert [row["row"] for page in read for row in page.rows] == list(range(1, 31))
    assert len(read) > 5
    assert read[0].rows[0]["c0"] == cell[:SHOWN_CHARACTERS] + "…"


def test_record_that_never_ends_is_an_error() -> None:
    def read(offset: int, length: int) -> bytes:
        return b"row\n"[offset : offset + length] if offset < 4 and length < 4 else b'"' + b"x" * (length - 1)

    with pytest.raises(ValueError, match="no end"):
        read_page(read, start=None, limit=1)
