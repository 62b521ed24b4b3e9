import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delimited.dialect import CANONICAL, HEAD_BYTES
from shared.inputs.columns import required_columns
from shared.inputs.errors import (
    DuplicateColumnsError,
    EmptyFileError,
    FileError,
    MissingColumnsError,
    TooLargeError,
    UnbalancedQuoteError,
)
from shared.inputs.formats import detect_dialect
from shared.inputs.header import Layout, read_header, read_layout
from shared.vocabulary import DECIMAL_POINT, JobType

STATEMENTS = [column.name for column in required_columns(JobType.ANNUAL, "statements")]
RATIOS = [column.name for column in required_columns(JobType.QUARTERLY, "ratios")]


def layout_of(text: str, job_type: JobType = JobType.ANNUAL) -> Layout:
    data = text.encode()
    return read_layout(data, detect_dialect(data, is_whole_file=True), job_type=job_type, is_whole_file=True)


def test_column_names_are_kept_as_written_and_matched_normalized() -> None:
    header = read_header(["\ufeff Company Symbol\u00a0", "Total-Assets", "Net\nIncome", "Market\u00a0Cap"])
    assert header.names == ("Company Symbol", "Total-Assets", "Net\nIncome", "Market\u00a0Cap")
    assert header.normalized == ("company_symbol", "total_assets", "net_income", "market_cap")


def test_columns_without_a_name_are_named_by_their_position() -> None:
    assert read_header(["a", " ", "column_4", ""]).names == ("a", "column_2", "column_4", "column_4_")


@pytest.mark.hazard("Duplicate headers, ragged rows, NUL, huge fields, no last newline, CR alone, blank lines, no rows")
def test_duplicate_columns_are_refused_with_names_and_positions() -> None:
    with pytest.raises(DuplicateColumnsError, match=r"total_assets \(columns 1 and 3\), b \(columns 2 and 4\)"):
        read_header(["Total Assets", "b", "total-assets", "B"])


def test_too_many_columns_and_too_long_names_are_refused() -> None:
    with pytest.raises(TooLargeError, match="201 columns; at most 200"):
        read_header([f"c{n}" for n in range(201)])
    assert len(read_header([f"c{n}" for n in range(200)]).names) == 200
    with pytest.raises(TooLargeError, match="name of column 2 is 501 characters"):
        read_header(["a", "b" * 501])


def test_layout_has_delimiter_profile_and_start_of_the_data() -> None:
    header = ";".join(["Note", *STATEMENTS])
    layout = layout_of(f"\ufeff\n{header}\r\nrow")
    assert layout.delimiter == ";"
    assert layout.normalized == ("note", *STATEMENTS)
    assert (layout.profile, layout.used_both, layout.job_type) == ("statements", False, "annual")
    assert layout.data_start == 3 + 1 + len(header) + 2
    assert layout.field_count == len(STATEMENTS) + 1


def test_header_with_both_profiles_is_statements_and_marked() -> None:
    both = dict.fromkeys([*(c.name for c in required_columns(JobType.QUARTERLY, "statements")), *RATIOS])
    layout = layout_of(",".join(both) + "\n", JobType.QUARTERLY)
    assert (layout.profile, layout.used_both) == ("statements", True)


def test_every_missing_column_of_the_nearest_profile_is_listed() -> None:
    with pytest.raises(MissingColumnsError) as caught:
        layout_of(",".join(name for name in STATEMENTS if name not in {"inventory", "total_assets"}) + "\n")
    assert caught.value.columns == ("total_assets", "inventory")
    assert str(caught.value).startswith("Missing required columns: total_assets, inventory. ")


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=5), unique_by=str.casefold, max_size=5)
)
def test_layout_round_trips_through_json(extra: list[str]) -> None:
    try:
        header = read_header([*STATEMENTS, *extra])
    except DuplicateColumnsError:
        return
    layout = Layout(
        delimiter="\t",
        names=header.names,
        normalized=header.normalized,
        job_type=JobType.ANNUAL,
        profile="statements",
        used_both=True,
        data_start=7,
    )
    assert Layout.from_json(layout.to_json()) == layout


def test_stored_layout_of_an_earlier_version_is_read() -> None:
    stored = (
        '{"delimiter": ",", "names": ["Sector", "Year "], "normalised": ["sector", "year"], "job_type": "annual", '
        '"profile": "ratios", "used_both": false, "data_start": 13}'
    )
    layout = Layout.from_json(stored)
    assert layout.normalized == ("sector", "year")
    assert layout.decimal == DECIMAL_POINT
    assert Layout.from_json(layout.to_json()) == layout


def test_blank_file_is_refused_as_empty() -> None:
    with pytest.raises(EmptyFileError):
        read_layout(b"\n\n", CANONICAL, job_type=JobType.ANNUAL, is_whole_file=True)


def test_open_quote_in_the_header_is_refused() -> None:
    with pytest.raises(UnbalancedQuoteError, match="line 2"):
        read_layout(b'\na,"b\n1,2\n', CANONICAL, job_type=JobType.ANNUAL, is_whole_file=True)


@pytest.mark.parametrize("head", [b"a," * (HEAD_BYTES // 2), b'"' + b"a" * HEAD_BYTES])
def test_header_that_does_not_end_is_refused(head: bytes) -> None:
    with pytest.raises(TooLargeError, match="header is longer"):
        read_layout(head, CANONICAL, job_type=JobType.ANNUAL, is_whole_file=False)


def test_file_that_needs_rewriting_has_no_layout_yet() -> None:
    dialect = detect_dialect(b"a\rb\r", is_whole_file=True)
    with pytest.raises(ValueError, match="rewritten"):
        read_layout(b"a\rb\r", dialect, job_type=JobType.ANNUAL, is_whole_file=True)


@given(st.binary(max_size=100))
def test_any_bytes_have_a_layout_or_a_file_error(head: bytes) -> None:
    with pytest.raises(FileError):
        read_layout(head, CANONICAL, job_type=JobType.ANNUAL, is_whole_file=True)
