import csv
import io
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delimited._records import Records, split_records
from shared.delimited.cells import first_record, quoted, unquoted
from shared.delimited.dialect import DELIMITERS, Delimiter
from shared.delimited.errors import DelimitedError
from tests.unit.delimited.oracle import Field, Unreadable, plain_records

pieces = [b'"', b'""', b",", b";", b"\t", b"\n", b"\r\n", b"\r", b" ", b"a", b"\0", b"\x1a", b"\xef\xbb\xbf", b"\xbf"]
awkward_bytes = st.lists(st.sampled_from(pieces)).map(b"".join)


def bounds(records: Records, index: int) -> list[Field]:
    starts, ends = records.field_bounds(np.array([index]), int(records.field_counts[index]))
    return list(zip(starts[:, 0].tolist(), ends[:, 0].tolist(), strict=True))


def split(data: bytes, delimiter: Delimiter) -> tuple[list[list[Field]], list[bool]] | Unreadable:
    try:
        records = split_records(data, delimiter)
    except DelimitedError as error:
        return Unreadable(error.reason, error.offset)
    return [bounds(records, index) for index in range(len(records))], records.with_stray_quote().tolist()


def check(data: bytes, delimiter: Delimiter) -> None:
    plain = plain_records(data, delimiter)
    if not isinstance(plain, Unreadable):
        assert split(data, delimiter) == ([one.fields for one in plain], [one.is_stray for one in plain]), data
    else:
        assert split(data, delimiter) == plain, data


@pytest.mark.hazard("Duplicate headers, ragged rows, NUL, huge fields, no last newline, CR alone, blank lines, no rows")
@pytest.mark.parametrize("length", range(7))
def test_records_of_every_short_file_agree_with_the_plain_reading(length: int) -> None:
    for letters in itertools.product(b'",\n\ra' if length == 6 else b'",\n\ra ', repeat=length):
        check(bytes(letters), ",")


@given(awkward_bytes | st.binary(), st.sampled_from(DELIMITERS))
def test_records_of_any_bytes_agree_with_the_plain_reading(data: bytes, delimiter: Delimiter) -> None:
    check(data, delimiter)


@given(st.text(alphabet='",\n a\té;', max_size=60))
def test_fields_agree_with_the_csv_module_without_lone_carriage_returns(text: str) -> None:
    try:
        records = split_records(text.encode(), ",")
    except DelimitedError:
        return
    if records.irregular is not None and (len(records.irregular.stray) or len(records.irregular.late)):
        return  # which no two programs read alike
    ours = [[field.decode() for field in records.fields(index)] for index in range(len(records))]
    theirs = list(csv.reader(io.StringIO(text, newline="")))
    assert filled(ours) == filled(theirs)


def filled(rows: list[list[str]]) -> list[list[str]]:
    return [row for row in rows if "".join(row).strip()]


@given(awkward_bytes, st.sampled_from(DELIMITERS))
def test_first_record_is_the_same_read_alone_or_with_the_others(data: bytes, delimiter: Delimiter) -> None:
    try:
        records = split_records(data, delimiter)
    except DelimitedError:
        return
    if records.with_stray_quote()[:1].any():
        with pytest.raises(DelimitedError, match="stray_quote"):
            first_record(data, delimiter)
        return
    record = first_record(data, delimiter)
    if record is None:
        assert len(records) == 0
    else:
        assert list(record.fields) == records.fields(0)
        assert record.start == records.starts[0]


cells = st.lists(st.binary(max_size=8), min_size=1, max_size=5).filter(
    lambda row: any(cell.strip(b" \t\r\x1a") for cell in row)
)


@given(st.lists(cells, max_size=8))
def test_written_records_are_read_unchanged(rows: list[list[bytes]]) -> None:
    records = split_records(b"".join(b",".join(map(quoted, row)) + b"\n" for row in rows), ",")
    assert [records.fields(index) for index in range(len(records))] == rows


def test_field_bounds_take_a_mask_or_indices() -> None:
    records = split_records(b'a,b\n"x,y"\n1,2\r\n\n 3 ,"4\n"\n', ",")
    assert records.field_counts.tolist() == [2, 1, 2, 2]
    for selected in (records.field_counts == 2, np.array([0, 2, 3])):
        starts, ends = records.field_bounds(selected, 2)
        second = [records.data[s:e] for s, e in zip(starts[1], ends[1], strict=True)]
        assert second == [b"b", b"2", b'"4\n"']


def test_fields_that_are_missing_are_empty_and_those_too_many_are_dropped() -> None:
    records = split_records(b"a,b\nc\r\nd,e,,\n", ",")
    starts, ends = records.field_bounds(slice(None), 2)
    assert [[records.data[s:e] for s, e in zip(*row, strict=True)] for row in zip(starts.T, ends.T, strict=True)] == [
        [b"a", b"b"],
        [b"c", b""],
        [b"d", b"e"],
    ]


@pytest.mark.parametrize(
    ("record", "fits"),
    [
        (b"a,b,c", True),
        (b"a,b", True),
        (b"a", False),
        (b"a,b,c,", True),
        (b"a,b,c,,\r", True),
        (b"a,b,c,d", False),
        (b"a,b,c,,d,", False),
        (b"a,b,c, ,", False),
    ],
)
def test_only_empty_fields_at_the_end_may_be_too_many_or_missing(record: bytes, *, fits: bool) -> None:
    assert split_records(record + b"\n", ",").fitting(3, 2).tolist() == [fits]


@pytest.mark.parametrize("blank", [b"\n", b"\r\n", b"  \n", b" \t \r\n"])
def test_blank_records_are_not_counted(blank: bytes) -> None:
    assert len(split_records(blank + b"a,b\n" + blank * 3 + b"c,d\n" + blank, ",")) == 2


@pytest.mark.hazard("Duplicate headers, ragged rows, NUL, huge fields, no last newline, CR alone, blank lines, no rows")
@pytest.mark.parametrize("line", [b",,", b",,,,", b",, ,\t", b",,\r"])
def test_lines_of_delimiters_only_are_skipped(line: bytes) -> None:
    records = split_records(line + b"\na,b\n" + line + b"\n" + line, ",")
    assert (records.starts.tolist(), records.skipped.tolist()) == (
        [len(line) + 1],
        [0, len(line) + 5, 2 * len(line) + 6],
    )


@pytest.mark.parametrize("line", [b",a", b'""', b'"",""', b',""', b',"a"', b" ,", b", ,", b",,a", b",,\0"])
def test_lines_with_anything_in_a_field_are_not_skipped(line: bytes) -> None:
    assert len(split_records(line + b"\n", ",")) == 1


def test_line_of_tabs_is_of_delimiters_or_blank() -> None:
    assert split_records(b"\t\t\n", "\t").skipped.tolist() == [0]
    assert split_records(b"\t\t\n", ",").skipped.tolist() == []
    assert len(split_records(b"\t\t\n", ",")) == 0


def test_quote_in_the_middle_of_a_field_is_data() -> None:
    assert split_records(b'5" pipe,"6"" pipe"\n7" pipe,8\n', ",").fields(0) == [b'5" pipe', b'6" pipe']


@pytest.mark.parametrize(
    ("written", "fields"),
    [
        (b'a, "b,c"', [b"a", b"b,c"]),
        (b'  "a",b', [b"a", b"b"]),
        (b'\xef\xbb\xbf"a,b",c', [b"a,b", b"c"]),
        (b'\x1a"a",b', [b"a", b"b"]),
        (b'a, b "c"', [b"a", b' b "c"']),
    ],
)
def test_fillers_before_an_opening_quote_are_no_part_of_its_field(written: bytes, fields: list[bytes]) -> None:
    assert split_records(b"x,y\n" + written + b"\nx,y\n", ",").fields(1) == fields


@pytest.mark.hazard("An unbalanced quote")
@pytest.mark.parametrize("record", [b'"a" b,c', b'"a,"b,c', b'""a",b', b'a,"b" ', b'a,"b"\r', b'"a"b"c"'])
def test_record_with_text_behind_a_closing_quote_is_marked(record: bytes) -> None:
    records = split_records(b'"x",y\n' + record + b'x\n"x",y\n', ",")
    assert records.with_stray_quote().tolist() == [False, True, False]


@pytest.mark.hazard("An unbalanced quote")
def test_quotes_that_join_lines_with_text_behind_them_are_reported_with_both_lines() -> None:
    with pytest.raises(DelimitedError) as caught:
        split_records(b'a,b\nc,"d\ne,f\ng,"h\n', ",")
    assert (caught.value.reason, caught.value.offset) == ("stray_quote", 6)
    assert (caught.value.line, caught.value.last_line) == (2, 4)


@pytest.mark.hazard("An unbalanced quote")
def test_open_quote_is_reported_with_offset_and_line() -> None:
    with pytest.raises(DelimitedError) as caught:
        split_records(b'a,b\n"c\nd",e\nf,"g\nh,i\n', ",")
    assert (caught.value.offset, caught.value.line) == (14, 4)


@pytest.mark.hazard("Duplicate headers, ragged rows, NUL, huge fields, no last newline, CR alone, blank lines, no rows")
def test_records_with_nul_are_marked() -> None:
    assert split_records(b"a\n\0\nb\nc\0,d\n", ",").has_nul().tolist() == [False, True, False, True]


@pytest.mark.hazard("Duplicate headers, ragged rows, NUL, huge fields, no last newline, CR alone, blank lines, no rows")
def test_records_with_a_large_field_are_marked_but_not_long_records() -> None:
    data = b"aaaa,b\n" + b"a,b,c,d,e,f\n" + b"aaaaa,b\n"
    assert split_records(data, ",").has_field_over(4).tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (b'"a"', b"a"),
        (b'"a""b"', b'a"b'),
        (b'a"b"', b'a"b"'),
        (b'""', b""),
        (b'""""', b'"'),
        (b"", b""),
    ],
)
def test_quoted_field_is_unquoted(written: bytes, meant: bytes) -> None:
    assert unquoted(written) == meant


@given(st.binary())
def test_unquoting_reverts_quoting(cell: bytes) -> None:
    assert unquoted(quoted(cell)) == cell
