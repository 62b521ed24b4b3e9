import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delimited.dialect import CANONICAL, DELIMITER_NAMES, HEAD_BYTES, Delimiter
from shared.inputs.columns import PROFILES, ProfileName, required_columns
from shared.inputs.errors import (
    DuplicateColumnsError,
    EmptyFileError,
    FileError,
    MissingColumnsError,
    TooLargeError,
    UnbalancedQuoteError,
    UnsupportedFormatError,
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


@st.composite
def decorated(draw: st.DrawFn, name: str) -> str:
    """A name as a spreadsheet or a web page may write it."""
    invisible = st.text(st.characters(categories=["Cf"]) | st.sampled_from("\0\x07\x1a\x7f\x9f"), max_size=2)
    spaces = st.text(st.sampled_from(" \t\n\r\u00a0\u2003\u202f\u3000"), max_size=2)
    gaps = st.text(st.sampled_from(" \n\r\u00a0\u202f-\u2010\u2011"), min_size=1, max_size=3) | st.just("_")
    words = [
        "".join(draw(st.sampled_from([letter, letter.upper()])) + draw(invisible) for letter in word)
        for word in name.split("_")
    ]
    text = words[0]
    for word in words[1:]:
        text += draw(gaps) + draw(invisible) + word
    return draw(spaces) + draw(invisible) + text + draw(invisible) + draw(spaces)


@given(data=st.data(), job_type=st.sampled_from(JobType), profile=st.sampled_from(PROFILES))
def test_header_matches_however_its_names_are_decorated(
    data: st.DataObject, job_type: JobType, profile: ProfileName
) -> None:
    columns = tuple(column.name for column in required_columns(job_type, profile))
    names = [data.draw(decorated(column)) for column in columns]
    delimiter = data.draw(st.sampled_from([",", ";", "|"]))
    file = delimiter.join('"' + name + '"' for name in names) + "\n"
    layout = layout_of(file, job_type)
    assert (layout.normalized, layout.profile, layout.delimiter) == (columns, profile, delimiter)
    assert not any(unicodedata.category(character) == "Cf" for name in layout.names for character in name)


@pytest.mark.parametrize(
    "name", ["market__cap", "market/cap", "market.cap", "marketcap", "market cap (USD mm)", "mcap"]
)
def test_nothing_else_matches_a_column(name: str) -> None:
    header = ",".join(name if column == "market_cap" else column for column in STATEMENTS)
    with pytest.raises(MissingColumnsError) as caught:
        layout_of(f"{header}\n")
    assert caught.value.columns == ("market_cap",)


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


def missing_sentence(text: str, job_type: JobType = JobType.ANNUAL) -> str:
    with pytest.raises(MissingColumnsError) as caught:
        layout_of(text, job_type)
    sentence = str(caught.value)
    assert sentence.startswith(f"Missing required columns: {', '.join(caught.value.columns)}. ")
    assert f"/api/v1/predictions/{job_type}/template" in sentence
    assert len(sentence) < 2_000
    return sentence


def test_missing_columns_are_those_of_the_profile_with_most_of_its_own_columns() -> None:
    common = "company_symbol,company_name,sector,reporting_year,market_cap"
    # The ratios profile lacks fewer columns, but the file has none of its own.
    assert "fits the statements profile best" in missing_sentence(f"{common},total_assets\n")
    assert "fits the ratios profile best" in missing_sentence(f"{common},net_income_margin\n")
    assert "fits the statements profile best" in missing_sentence(f"{common},Total Assets (USD mm)\n")
    assert "profile" not in missing_sentence(f"{common}\n")


def test_header_that_fits_one_profile_and_most_of_the_other_is_scored_on_the_first() -> None:
    ratios = [column.name for column in required_columns(JobType.ANNUAL, "ratios")]
    header = dict.fromkeys([*(name for name in STATEMENTS if name != "inventory"), *ratios])
    assert layout_of(f"{','.join(header)}\n").profile == "ratios"


def test_similar_names_are_shown_and_never_applied() -> None:
    renamed = {"total_assets": "Total Assets (USD mm)", "inventory": "Inventories", "net_income": "net_incom"}
    sentence = missing_sentence(",".join(renamed.get(name, name) for name in STATEMENTS) + "\n")
    assert sentence == (
        "Missing required columns: total_assets, inventory, net_income. The header fits the statements profile best. "
        "Similar names in the header: `Total Assets (USD mm)` → `total_assets`, `Inventories` → `inventory`, "
        "`net_incom` → `net_income`. Add them, or start from the template at /api/v1/predictions/annual/template."
    )


def test_sentence_of_a_header_with_long_names_is_bounded() -> None:
    names = [f"{name} {'x' * (499 - len(name))}" for name in STATEMENTS]
    assert "`total_assets xxx" in missing_sentence(",".join(names) + "\n")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("above", "line"),
    [
        (["Screening results,,,", "As of 31-Dec-2018,,,", ",,,"], 4),
        (["Screening results", "", '"in two', 'lines"'], 5),
        (["a,a,a"], 2),
        (["Prices, in USD; million"], 2),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_line_that_looks_like_the_header_is_named(*, above: list[str], line: int, end: str, delimiter: str) -> None:
    header = delimiter.join(STATEMENTS)
    sentence = missing_sentence(end.join([*above, header, "row"]))
    lines = "lines" if line > 2 else "line"
    assert f"Line {line} looks like the header: remove the {lines} above it." in sentence


def test_file_whose_lines_are_in_quotes_as_a_whole_is_named() -> None:
    row = "AAA,Alpha,Tech,2017,1,2,3,4,5,6,7,8"
    assert "Each line is in quotes as a whole" in missing_sentence(f'"{",".join(STATEMENTS)}"\n"{row}"\n')
    with pytest.raises(UnsupportedFormatError, match="but the rows are in quotes as a whole"):
        layout_of(f'{",".join(STATEMENTS)}\n"{row}"\n"{row}"\n')


@pytest.mark.parametrize("separator", [":", "^", "~", "||:", "   "])
def test_header_with_another_separator_is_named(separator: str) -> None:
    separator = separator.replace("|", "¦")
    sentence = missing_sentence(separator.join(STATEMENTS) + "\n" + separator.join("1" * 12) + "\n")
    assert "The header is separated by none of comma, semicolon, tab and pipe" in sentence


def test_file_without_a_header_is_named() -> None:
    row = "AAA,Alpha,Tech,2017,0.0,0.0,(3.5),4,5,6,-7,8"
    assert "The first line looks like data" in missing_sentence(f"{row}\n{row}\n")


@pytest.mark.parametrize(("header", "rows"), [(",", ";"), (";", ","), ("\t", "|"), (",", "\t")])
@pytest.mark.parametrize("cell", ["2672.478", "2672,478"])
def test_file_whose_rows_have_another_delimiter_is_refused_with_both(
    header: Delimiter, rows: Delimiter, cell: str
) -> None:
    row = rows.join(["AAA", *([f'"{cell}"' if rows in cell else cell] * 11)])
    with pytest.raises(UnsupportedFormatError) as caught:
        layout_of(f"{header.join(STATEMENTS)}\n{row}\n\n{row}\n")
    assert str(caught.value) == (
        f"The header is separated by {DELIMITER_NAMES[header]}, but the rows are separated by {DELIMITER_NAMES[rows]}. "
        "Use one of them in the whole file, and upload it again."
    )


def test_file_with_some_rows_of_the_headers_width_is_left_to_its_row_errors() -> None:
    row = "AAA,Alpha,Tech,2017,1,2,3,4,5,6,7,8"
    assert layout_of(f"{','.join(STATEMENTS)}\n{row.replace(',', ';')}\n{row}\n").delimiter == ","
    assert layout_of(f"{','.join(STATEMENTS)}\n{row},9\n").delimiter == ","


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
