import csv
import io
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delimited._records import Records, split_records
from shared.delimited.cells import first_record, quoted, record_line, unquoted
from shared.delimited.dialect import DELIMITERS, Delimiter
from shared.delimited.errors import DelimitedError
from tests.unit.delimited.oracle import Field, plain_records

awkward_bytes = st.lists(
    st.sampled_from([b'"', b'""', b",", b";", b"\t", b"\n", b"\r\n", b"\r", b" ", b"a", b"\0"])
).map(b"".join)


def bounds(records: Records) -> list[list[Field]]:
    found = []
    for index in range(len(records)):
        starts, ends = records.field_bounds(np.array([index]), int(records.field_counts[index]))
        found.append(list(zip(starts[:, 0].tolist(), ends[:, 0].tolist(), strict=True)))
    return found


def split(data: bytes, delimiter: Delimiter) -> list[list[Field]] | int:
    try:
        return bounds(split_records(data, delimiter))
    except DelimitedError as error:
        return -1 if error.offset is None else error.offset


@pytest.mark.hazard("Duplicate headers, ragged rows, NUL, huge fields, no last newline, CR alone, blank lines, no rows")
@pytest.mark.parametrize("length", range(7))
def test_records_of_every_short_file_agree_with_the_plain_reading(length: int) -> None:
    for letters in itertools.product(b'",\n\ra', repeat=length):
        data = bytes(letters)
        assert split(data, ",") == plain_records(data, ","), data


@given(awkward_bytes | st.binary(), st.sampled_from(DELIMITERS))
def test_records_of_any_bytes_agree_with_the_plain_reading(data: bytes, delimiter: Delimiter) -> None:
    assert split(data, delimiter) == plain_records(data, delimiter)


@given(st.text(alphabet='",\n a\té;', max_size=60))
def test_fields_agree_with_the_csv_module_without_lone_carriage_returns(text: str) -> None:
    try:
        records = split_records(text.encode(), ",")
    except DelimitedError:
        return
    ours = [[field.decode() for field in records.fields(index)] for index in range(len(records))]
    theirs = list(csv.reader(io.StringIO(text, newline="")))

    def filled(rows: list[list[str]]) -> list[list[str]]:
        return [row for row in rows if len(row) > 1 or "".join(row).strip()]

    assert filled(ours) == filled(theirs)


@given(awkward_bytes, st.sampled_from(DELIMITERS))
def test_first_record_is_the_same_read_alone_or_with_the_others(data: bytes, delimiter: Delimiter) -> None:
    try:
        records = split_records(data, delimiter)
    except DelimitedError:
        return
    record = first_record(data, delimiter)
    if record is None:
        assert len(records) == 0
    else:
        assert list(record.fields) == records.fields(0)
        assert record.start == records.starts[0]


@given(st.lists(st.lists(st.binary(max_size=8), min_size=1, max_size=5), max_size=8))
def test_written_records_are_read_unchanged(rows: list[list[bytes]]) -> None:
    records = split_records(b"".join(record_line(row) for row in rows), ",")
    assert [records.fields(index) for index in range(len(records))] == rows


def test_field_bounds_take_a_mask_or_indices() -> None:
    records = split_records(b'a,b\n"x,y"\n1,2\r\n\n 3 ,"4\n"\n', ",")
    assert records.field_counts.tolist() == [2, 1, 2, 2]
    for selected in (records.field_counts == 2, np.array([0, 2, 3])):
        starts, ends = records.field_bounds(selected, 2)
        second = [records.data[s:e] for s, e in zip(starts[1], ends[1], strict=True)]
        assert second == [b"b", b"2", b'"4\n"']


def test_field_bounds_of_records_with_other_field_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="does not have 2 fields"):
        split_records(b"a,b\nc\n", ",").field_bounds(np.array([0, 1]), 2)


@pytest.mark.parametrize("blank", [b"\n", b"\r\n", b"  \n", b" \t \r\n"])
def test_blank_records_are_not_counted(blank: bytes) -> None:
    assert len(split_records(blank + b"a,b\n" + blank * 3 + b"c,d\n" + blank, ",")) == 2


def test_line_of_tabs_is_a_record_only_if_tab_is_the_delimiter() -> None:
    assert len(split_records(b"\t\n", "\t")) == 1
    assert len(split_records(b"\t\n", ",")) == 0


def test_quote_in_the_middle_of_a_field_is_data() -> None:
    assert split_records(b'5" pipe,"6"" pipe"\n7" pipe,8\n', ",").fields(0) == [b'5" pipe', b'6" pipe']


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
        (b'"a"b"c', b'ab"c'),
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
