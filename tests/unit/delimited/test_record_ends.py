import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.delimited._record_ends import RecordEnds, RecordFinder
from shared.delimited.dialect import DELIMITERS, Delimiter
from tests.unit.delimited.oracle import PlainRecord, Unreadable, all_records

# A word is 64 bits: these runs put delimiters at the edges of words and fill whole words.
_PIECES = [b'"', b'""', b",", b";", b"\t", b"\n", b"\r\n", b"\r", b" ", b"a", b"\0", "é".encode(), b"\x1a"]
_LONG = [piece * count for piece in (b"a", b'"', b"\n", b" ", b",") for count in (61, 62, 63, 64, 65, 127, 128, 192)]
long_bytes = st.lists(st.sampled_from(_PIECES * 4 + _LONG), max_size=40).map(b"".join)


def check(found: RecordEnds, records: list[PlainRecord], *, size: int) -> None:
    """Checks every method of `found`, at every place of the text, against the plain reading."""
    ends = [record.end for record in records]
    rows = [record.end for record in records if not record.is_empty]
    assert found.size == (ends[-1] if ends else 0)
    assert found.row_count == len(rows)
    assert [found.of_row(number) for number in range(1, len(rows) + 2)] == [*rows, found.size]
    assert [found.rows_to(end) for end in ends] == [sum(row <= end for row in rows) for end in ends]
    for place in range(size + 2):
        assert found.first_from(place) == next((end for end in ends if end >= place), found.size)


def check_text(finder: RecordFinder, data: bytes, delimiter: Delimiter) -> None:
    records, unreadable = all_records(data, delimiter)
    found = finder.find(data, is_last=True)
    assert found.newline_count == data.count(b"\n")
    if unreadable is None:
        check(found, records, size=len(data))
        check_counts(found, records)
    else:
        check_unreadable(found, unreadable)
        return
    if records and data[records[-1].end - 1 : records[-1].end] != b"\n":
        records = records[:-1]
    check(finder.find(data, is_last=False), records, size=len(data))


def check_unreadable(found: RecordEnds, unreadable: Unreadable) -> None:
    if unreadable.reason == "open_quote":
        assert found.is_quote_open
        assert found.joined is None
    else:
        assert found.joined is not None
        assert found.joined[0] == unreadable.offset


def check_counts(found: RecordEnds, records: list[PlainRecord]) -> None:
    assert not found.is_quote_open
    assert found.joined is None
    rows = [record for record in records if not record.is_empty]
    if not found.is_irregular:
        assert found.field_count == sum(len(record.fields) for record in rows)
        assert not any(record.is_stray for record in rows)
        assert not any(record.is_empty and len(record.fields) > 1 for record in records)


@pytest.mark.parametrize("before", [b"", b"a," + b"b" * 60, b'"' + b"\n" * 60 + b'",'], ids=["", "text", "quoted"])
@pytest.mark.parametrize("length", range(5))
def test_record_ends_of_every_short_text_agree_with_the_plain_reading(length: int, before: bytes) -> None:
    finder = RecordFinder(",")
    for letters in itertools.product(b'",\n a', repeat=length):
        data = before + bytes(letters)
        records, unreadable = all_records(data, ",")
        found = finder.find(data, is_last=True)
        if unreadable is None:
            assert (found.size, found.row_count) == (len(data), sum(not record.is_empty for record in records)), data
            check_counts(found, records)
        else:
            check_unreadable(found, unreadable)


@given(st.lists(long_bytes | st.binary(), min_size=1, max_size=3), st.sampled_from(DELIMITERS))
@example([b"a" * 200 + b"\n" + b" " * 200 + b"\n"], ",")
@example([b" " * 64 + b"\n", b" " * 63 + b"\n", b" " * 128], ",")
@example([b'a,"' + b'"' * 122 + b'\n",b\n', b'a,"' + b'"' * 123 + b'\n",b\n'], ",")
def test_record_ends_of_any_bytes_agree_with_the_plain_reading(texts: list[bytes], delimiter: Delimiter) -> None:
    finder = RecordFinder(delimiter)
    for data in texts:
        check_text(finder, data, delimiter)


@given(long_bytes, st.integers(0, 140))
@example(b"a\n" + b"b" * 65, 64)
@example(b'a\n"' + b"b" * 64, 64)
def test_first_record_over_a_limit_is_found(data: bytes, limit: int) -> None:
    records, unreadable = all_records(data, ",")
    if unreadable is not None and unreadable.reason == "stray_quote":
        return  # where records end is not clear behind it
    starts = [0, *(record.end for record in records)]
    sizes = [record.end - record.start - data[record.start : record.end].endswith(b"\n") for record in records]
    if unreadable is not None:
        sizes.append(len(data) - starts[-1])
    wanted = next((start for start, size in zip(starts, sizes, strict=False) if size > limit), None)
    finder = RecordFinder(",")
    assert [finder.find(data, is_last=is_last).start_of_longer(limit) for is_last in (True, False)] == [wanted] * 2
