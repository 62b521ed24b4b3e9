import re
import struct

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from shared.delimited._words import padded, plain_numbers

PLAIN = re.compile(rb"-?(\d+\.?\d*|\.\d+)")

number_like = st.from_regex(rb"-?[0-9]{0,12}\.?[0-9]{0,8}", fullmatch=True)
near_numbers = st.lists(st.sampled_from([*b"0123456789.-+e, /:x'\"\xff\x00"]), max_size=20).map(bytes)
doubles = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: repr(number).encode())
cells = st.lists(st.one_of(number_like, near_numbers, doubles), max_size=40)


def read(texts: list[bytes], between: bytes = b",", *, decimal_sign: str = ".") -> tuple[list[float], list[bool]]:
    lengths = np.array([len(text) for text in texts], np.int64)
    ends = np.cumsum(lengths + len(between)) - len(between)
    firsts = np.array([text[0] if text else 0 for text in texts], np.uint8)
    values, plain = plain_numbers(padded(between.join(texts)), firsts, ends - lengths, ends, decimal_sign=decimal_sign)
    return values.tolist(), plain.tolist()


@given(cells)
@example([b"-", b"-.", b".", b"", b"1.2.3", b"1-2", b"12345678.12345678", b"9007199254740993", b"1234567812345678"])
@example(
    [
        b"0.3",
        b"0.30000000000000004",
        b"12345678.",
        b".12345678",
        b"1.2345678",
        b"123456789.",
        b"-0",
        b"00000000000000001",
    ]
)
def test_plain_number_is_the_float_that_python_reads_bit_for_bit(texts: list[bytes]) -> None:
    values, plain = read(texts)
    for text, value, is_plain in zip(texts, values, plain, strict=True):
        if is_plain:
            assert PLAIN.fullmatch(text)
            assert struct.pack("<d", value) == struct.pack("<d", float(text))
        else:
            assert np.isnan(value)
            assert not PLAIN.fullmatch(text) or len(text.lstrip(b"-")) > 15


@given(cells, st.sampled_from([b",", b"9", b".", b"-", b"\n", b"0"]))
def test_bytes_around_a_cell_do_not_change_its_number(texts: list[bytes], around: bytes) -> None:
    assert repr(read(texts, around)) == repr(read(texts, b" "))


@given(cells)
def test_decimal_comma_is_read_as_a_decimal_point_is(texts: list[bytes]) -> None:
    exchanged = [text.translate(bytes.maketrans(b".,", b",.")) for text in texts]
    assert repr(read(exchanged, b";", decimal_sign=",")) == repr(read(texts, b";"))


def test_column_longer_than_a_block_is_read_completely() -> None:
    texts = [b"%d.%03d" % (number, number % 1000) for number in range(10_000)]
    values, plain = read(texts)
    assert all(plain)
    assert values == [float(text) for text in texts]
