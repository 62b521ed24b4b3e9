"""Hostile files through the whole of planning and scoring: a named error of the file, or every row accounted for."""

import io
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.delimited.dialect import CANONICAL
from shared.inputs.chunks import plan_chunks
from shared.inputs.errors import FileError
from shared.inputs.formats import detect_dialect, sniff_format
from shared.inputs.header import read_layout
from shared.inputs.rewriting import to_canonical
from shared.inputs.workbooks import convert
from shared.scoring.catalogue import model_name_for
from shared.scoring.chunk import score_chunk
from shared.scoring.results import header_line
from shared.vocabulary import JobType, Outcome
from tests.unit.scoring.hostile import Hostile, files
from tests.unit.scoring.scored_files import GOOD, NEXT_YEAR, STATEMENTS, made_up_model

FILES = list(files())
# Of files below a megabyte; what a bomb unpacks to would be many times it.
MOST_MEMORY = 64 * 1024 * 1024

FAULTS = {
    "missing_field",
    "invalid_market_cap",
    "invalid_year",
    "invalid_quarter",
    "invalid_number",
    "too_long",
    "no_ratios",
    "malformed_row",
}


@dataclass(frozen=True)
class Scored:
    """What became of a file: its rows, the codes of the failed ones, and the file of all."""

    successful: int
    codes: list[str]
    rows: int
    everything: bytes


def processed(file: Hostile, *, chunk_bytes: int) -> Scored:
    """The file planned and scored as the functions do it. Raises FileError."""
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


def outcome(file: Hostile, *, chunk_bytes: int) -> Scored | tuple[str, str]:
    try:
        return processed(file, chunk_bytes=chunk_bytes)
    except FileError as error:
        return error.code, str(error)


@pytest.mark.hazard("Hundreds of hostile files, each run as a whole")
def test_there_are_many_and_of_every_end(record_property: Callable[[str, object], None]) -> None:
    ends = [outcome(file, chunk_bytes=1 << 20) for file in FILES]
    assert len({file.name for file in FILES}) == len(FILES) > 200
    refused = {end[0] for end in ends if isinstance(end, tuple)}
    assert refused >= {"empty_file", "undecodable", "unbalanced_quote", "unsupported_format", "missing_columns"}
    codes = {code for end in ends if isinstance(end, Scored) for code in end.codes}
    assert codes >= {"missing_field", "invalid_market_cap", "invalid_year", "invalid_number", "malformed_row"}
    assert any(isinstance(end, Scored) and not end.codes for end in ends)
    record_property("injected", len(FILES))


@pytest.mark.hazard("Hundreds of hostile files, each run as a whole")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_hostile_file_is_refused_in_words_or_every_row_of_it_is_accounted_for(file: Hostile) -> None:
    tracemalloc.start()
    try:
        end = outcome(file, chunk_bytes=1 << 20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MOST_MEMORY
    if isinstance(end, tuple):
        code, sentence = end
        assert code
        assert len(sentence) > 10
        return
    assert end.successful + len(end.codes) == end.rows > 0
    assert set(end.codes) <= FAULTS
    # In any chunks it is the same file.
    assert outcome(file, chunk_bytes=1) == end


@pytest.mark.hazard("Hundreds of hostile files, each run as a whole")
@settings(max_examples=150)
@given(
    rows=st.lists(
        st.lists(
            st.sampled_from([*GOOD.split(","), "", '"', '"a\nb"', '"a""b"', "x,y", "=1", "\0", "\r", "\u00e9"]),
            max_size=13,
        ),
        max_size=12,
    ),
    junk=st.binary(max_size=6),
    at=st.integers(0, 400),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    chunk_bytes=st.integers(1, 300),
)
def test_chunks_of_any_size_make_the_same_of_any_file(
    rows: list[list[str]], junk: bytes, at: int, ending: str, chunk_bytes: int
) -> None:
    text = ending.join([STATEMENTS, GOOD, *(",".join(row) for row in rows), GOOD]).encode()
    file = Hostile("any", text[:at] + junk + text[at:])
    assert outcome(file, chunk_bytes=chunk_bytes) == outcome(file, chunk_bytes=1 << 20)
