"""Hostile files planned and scored: each gives a named file error, or every row is counted."""

import io
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.delimited.dialect import CANONICAL
from shared.inputs.chunks import plan_chunks
from shared.inputs.columns import RowErrorCode
from shared.inputs.errors import FileError
from shared.inputs.formats import detect_dialect, sniff_format
from shared.inputs.header import read_layout
from shared.inputs.rewriting import to_canonical
from shared.inputs.workbooks import convert
from shared.scoring.catalog import model_name_for
from shared.scoring.chunk import score_chunk
from shared.scoring.results import header_line
from shared.vocabulary import JobType, Outcome
from tests.unit.scoring.hostile import HostileFile, files
from tests.unit.scoring.scored_files import NEXT_YEAR, STATEMENTS, VALID_ROW, made_up_model

FILES = list(files())
# For files below a megabyte. A bomb unpacks to many times as much.
MAX_MEMORY_BYTES = 64 * 1024 * 1024

ROW_ERROR_CODES = set(get_args(RowErrorCode))


@dataclass(frozen=True)
class Scored:
    """The result of a file: its rows, the codes of the failed ones, and the result file of all rows."""

    successful: int
    codes: list[str]
    rows: int
    everything: bytes


def processed(file: HostileFile, *, chunk_bytes: int) -> Scored:
    """Plans and scores a file as the functions do. Raises FileError."""
    data = file.data
    if sniff_format(data, "file.csv") == "xlsx":
        rewritten = io.BytesIO()
        convert(io.BytesIO(data), rewritten, job_type=JobType.ANNUAL)
        data, dialect = rewritten.getvalue(), CANONICAL
    else:
        dialect = detect_dialect(data, declared_encoding=file.encoding, is_whole_file=True)
        if dialect.needs_rewrite:
            rewritten = io.BytesIO()
            to_canonical(io.BytesIO(data), dialect, rewritten)
            data, dialect = rewritten.getvalue(), CANONICAL
    layout = read_layout(data, dialect, job_type=JobType.ANNUAL, is_whole_file=True)
    model = made_up_model(model_name_for(JobType.ANNUAL, layout.profile))
    chunks = [
        (
            chunk,
            score_chunk(
                data[chunk.start : chunk.end],
                layout=layout,
                first_row=chunk.first_row,
                row_count=chunk.row_count,
                model=model,
                next_year=NEXT_YEAR,
            ),
        )
        for chunk in plan_chunks(io.BytesIO(data), layout, chunk_bytes=chunk_bytes)
    ]
    errors = [json.loads(line) for _, scored in chunks for line in scored.parts.errors.splitlines()]
    return Scored(
        successful=sum(scored.successful for _, scored in chunks),
        codes=[error["code"] for error in errors],
        rows=sum(chunk.row_count for chunk, _ in chunks),
        everything=header_line(layout, Outcome.ALL) + b"".join(scored.parts.all for _, scored in chunks),
    )


def outcome(file: HostileFile, *, chunk_bytes: int) -> Scored | tuple[str, str]:
    try:
        return processed(file, chunk_bytes=chunk_bytes)
    except FileError as error:
        return error.code, str(error)


@pytest.mark.hazard("Hundreds of hostile files, each run as a whole")
def test_hostile_files_are_many_and_reach_every_kind_of_result(record_property: Callable[[str, object], None]) -> None:
    results = [outcome(file, chunk_bytes=1 << 20) for file in FILES]
    assert len({file.name for file in FILES}) == len(FILES) > 200
    refused = {result[0] for result in results if isinstance(result, tuple)}
    assert refused >= {"empty_file", "undecodable", "unbalanced_quote", "unsupported_format", "missing_columns"}
    codes = {code for result in results if isinstance(result, Scored) for code in result.codes}
    assert codes >= {"missing_field", "invalid_market_cap", "invalid_year", "invalid_number", "malformed_row"}
    assert any(isinstance(result, Scored) and not result.codes for result in results)
    record_property("injected", len(FILES))


@pytest.mark.hazard("Hundreds of hostile files, each run as a whole")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_hostile_file_is_refused_with_a_sentence_or_every_row_is_counted(file: HostileFile) -> None:
    tracemalloc.start()
    try:
        result = outcome(file, chunk_bytes=1 << 20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MAX_MEMORY_BYTES
    if isinstance(result, tuple):
        code, sentence = result
        assert code
        assert len(sentence) > 10
        return
    assert result.successful + len(result.codes) == result.rows > 0
    assert set(result.codes) <= ROW_ERROR_CODES
    # The chunk size does not change the result.
    assert outcome(file, chunk_bytes=1) == result


@pytest.mark.hazard("Hundreds of hostile files, each run as a whole")
@settings(max_examples=150)
@given(
    rows=st.lists(
        st.lists(
            st.sampled_from([*VALID_ROW.split(","), "", '"', '"a\nb"', '"a""b"', "x,y", "=1", "\0", "\r", "\u00e9"]),
            max_size=13,
        ),
        max_size=12,
    ),
    junk=st.binary(max_size=6),
    at=st.integers(0, 400),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    chunk_bytes=st.integers(1, 300),
)
def test_chunk_size_does_not_change_the_result_of_any_file(
    rows: list[list[str]], junk: bytes, at: int, ending: str, chunk_bytes: int
) -> None:
    text = ending.join([STATEMENTS, VALID_ROW, *(",".join(row) for row in rows), VALID_ROW]).encode()
    file = HostileFile("any", text[:at] + junk + text[at:])
    assert outcome(file, chunk_bytes=chunk_bytes) == outcome(file, chunk_bytes=1 << 20)
