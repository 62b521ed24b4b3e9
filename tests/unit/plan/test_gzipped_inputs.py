"""Gzipped uploads are planned as the same file unpacked would be."""

import codecs
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local import panel
from shared.jobs.job import JobStatus
from tests.unit.plan.planned_files import MAX_CSV_BYTES, planned

ROWS = panel.as_csv(panel.statement_rows(400, seed=5, invalid=7), panel.STATEMENT_COLUMNS)
HEADER = ROWS.splitlines()[0]


def layout_and_chunks(body: bytes, filename: str) -> tuple[object, ...]:
    result = planned(body, filename)
    assert result.plan is not None
    return result.plan["layout"], result.chunks, result.scored_input


@pytest.mark.parametrize("delimiter", [b",", b";", b"\t", b"|"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize(
    ("encoding", "start"),
    [("utf-8", b""), ("utf-8", codecs.BOM_UTF8), ("utf-16-le", codecs.BOM_UTF16_LE), ("utf-8", b"sep=%b\r\n")],
)
def test_gzipped_file_is_planned_as_the_unpacked_one(
    *, delimiter: bytes, newline: bytes, encoding: str, start: bytes
) -> None:
    start = start.replace(b"%b", delimiter)
    text = ROWS.replace(b",", delimiter).replace(b"\n", newline)
    body = start + text.decode().encode(encoding)
    assert layout_and_chunks(gzip.compress(body), "a.csv.gz") == layout_and_chunks(body, "a.csv")


@given(cells=st.lists(st.text(max_size=20), min_size=1, max_size=30), cut=st.integers(0, 200))
def test_gzip_of_any_csv_file_gives_the_plan_or_refusal_of_the_file(cells: list[str], cut: int) -> None:
    header, *rows = ROWS.decode().splitlines(keepends=True)[: len(cells) + 1]
    lines = [header, *(row.replace(row.split(",")[1], cell) for row, cell in zip(rows, cells, strict=True))]
    body = "".join(lines).encode("utf-8", "replace")
    plain = planned(body, "a.csv")
    packed = planned(gzip.compress(body[:cut]) + gzip.compress(body[cut:]), "a.csv.gz")
    assert (packed.refusal, packed.plan and packed.plan["layout"]) == (
        plain.refusal,
        plain.plan and plain.plan["layout"],
    )
    assert (packed.chunks, packed.job.total_rows) == (plain.chunks, plain.job.total_rows)
    if plain.plan:
        assert packed.scored_input == plain.scored_input


@pytest.mark.parametrize(
    ("body", "code", "sentence"),
    [
        pytest.param(gzip.compress(b""), "empty_file", "The file is empty", id="empty"),
        pytest.param(gzip.compress(HEADER), "empty_file", "The file has no data rows", id="header only"),
        pytest.param(gzip.compress(ROWS + b"\xff"), "undecodable", f"at byte {len(ROWS):,}", id="not UTF-8"),
        pytest.param(gzip.compress(ROWS)[:-20], "unsupported_format", "ends too early", id="cut off"),
        pytest.param(
            gzip.compress(ROWS) + b"x", "unsupported_format", "other data behind its end", id="more behind it"
        ),
        pytest.param(gzip.compress(gzip.compress(ROWS)), "unsupported_format", "holds a gzip archive", id="twice"),
        pytest.param(
            gzip.compress(ROWS + b"a,b\n" * (MAX_CSV_BYTES // 4)),
            "too_large",
            f"more than {MAX_CSV_BYTES:,} bytes",
            id="too large",
        ),
    ],
)
def test_gzip_that_cannot_be_scored_fails_its_job_with_the_reason(body: bytes, code: str, sentence: str) -> None:
    result = planned(body, "a.csv.gz")
    assert result.job.status is JobStatus.FAILED
    assert result.refusal[0] == code
    assert sentence in str(result.refusal[1])
