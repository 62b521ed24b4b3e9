import gzip
import io
import zlib
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.inputs.errors import FileError, TooLargeError, UnsupportedFormatError
from shared.inputs.gzipped import GzipReader, unpacked_start

MIB: Final = 1 << 20
ROWS: Final = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(1_000))


class SmallReads(io.BytesIO):
    """Returns few bytes at a time, as a network stream may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(7 if size is None or size < 0 else min(size, 7))


def unpacked(packed: bytes, *, size: int = 1 << 16, small_reads: bool = False, **limits: int) -> bytes:
    stream = SmallReads(packed) if small_reads else io.BytesIO(packed)
    reader = GzipReader(stream, **{"max_bytes": 64 * MIB, **limits})
    blocks = []
    while block := reader.read(size):
        assert len(block) <= size
        blocks.append(block)
    assert reader.read(size) == b""
    return b"".join(blocks)


@given(
    members=st.lists(st.binary(max_size=2_000) | st.just(ROWS), min_size=1, max_size=4),
    level=st.integers(0, 9),
    padding=st.integers(0, 20),
    size=st.integers(1, 300),
    small_reads=st.booleans(),
)
def test_gzip_file_of_any_members_unpacks_to_their_content(
    *, members: list[bytes], level: int, padding: int, size: int, small_reads: bool
) -> None:
    packed = b"".join(gzip.compress(member, level) for member in members) + bytes(padding)
    assert unpacked(packed, size=size, small_reads=small_reads) == b"".join(members)


@given(st.data())
def test_gzip_file_cut_anywhere_is_reported_as_cut_off(data: st.DataObject) -> None:
    packed = gzip.compress(ROWS)
    end = data.draw(st.integers(2, len(packed) - 1))
    with pytest.raises(UnsupportedFormatError, match="ends too early"):
        unpacked(packed[:end], small_reads=data.draw(st.booleans()))


@given(st.data())
def test_gzip_file_with_a_changed_byte_is_refused_or_unpacks_to_the_same(data: st.DataObject) -> None:
    packed = bytearray(gzip.compress(ROWS))
    packed[data.draw(st.integers(2, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        # Some bytes of the first ten are only about the file, for example its date.
        assert unpacked(bytes(packed)) == ROWS
    except FileError as error:
        assert "gzip" in str(error)  # noqa: PT017


@pytest.mark.parametrize("small_reads", [False, True])
@pytest.mark.parametrize("garbage", [b"x", b"\x1f", b"\0\0\x1fx", b"company_symbol,company_name\n"])
def test_data_behind_the_end_of_a_gzip_file_is_refused_with_its_place(garbage: bytes, *, small_reads: bool) -> None:
    packed = gzip.compress(ROWS)
    place = len(packed) + len(garbage) - len(garbage.lstrip(b"\0"))
    with pytest.raises(UnsupportedFormatError, match=f"other data behind its end, from byte {place:,} on"):
        unpacked(packed + garbage, small_reads=small_reads)


def test_gzip_file_that_unpacks_to_more_than_a_csv_file_may_have_is_refused() -> None:
    assert unpacked(gzip.compress(ROWS), max_bytes=len(ROWS)) == ROWS
    with pytest.raises(TooLargeError, match=f"unpacks to more than {len(ROWS) - 1:,} bytes, the limit of a CSV file"):
        unpacked(gzip.compress(ROWS), max_bytes=len(ROWS) - 1)


def test_gzip_bomb_is_named_and_refused_before_it_is_unpacked() -> None:
    packed = zlib.compressobj(wbits=31)
    bomb = b"".join(packed.compress(bytes(MIB)) for _ in range(200)) + packed.flush()
    reader = GzipReader(io.BytesIO(bomb), max_bytes=2048 * MIB)
    for _ in range(64):
        assert len(reader.read(MIB)) == MIB
    with pytest.raises(TooLargeError, match="looks like a gzip bomb"):
        reader.read(MIB)


def test_gzip_file_of_very_many_empty_members_is_refused() -> None:
    with pytest.raises(TooLargeError, match="too many parts"):
        unpacked(gzip.compress(b"") * 11, max_members=10)
    assert unpacked(gzip.compress(b"") * 10, max_members=10) == b""


@pytest.mark.parametrize("max_bytes", [1, 100, len(ROWS) - 1, len(ROWS), len(ROWS) + 1])
def test_unpacked_start_is_bounded_and_knows_if_it_is_the_whole_file(max_bytes: int) -> None:
    start, is_whole = unpacked_start(gzip.compress(ROWS), max_bytes=max_bytes, is_whole_file=True)
    assert start == ROWS[:max_bytes]
    assert is_whole == (max_bytes >= len(ROWS))


@given(st.data())
def test_unpacked_start_of_the_start_of_a_gzip_file_is_the_start_of_its_content(data: st.DataObject) -> None:
    packed = gzip.compress(ROWS)
    head = packed[: data.draw(st.integers(2, len(packed)))]
    start, is_whole = unpacked_start(head, max_bytes=len(ROWS) * 2, is_whole_file=False)
    assert ROWS.startswith(start)
    assert not is_whole


def test_damage_in_the_start_of_a_gzip_file_is_reported() -> None:
    packed = bytearray(gzip.compress(ROWS))
    packed[10:20] = b"\xff" * 10
    with pytest.raises(UnsupportedFormatError, match="The gzip file is damaged"):
        unpacked_start(bytes(packed), max_bytes=MIB, is_whole_file=False)
    with pytest.raises(UnsupportedFormatError, match="ends too early"):
        unpacked_start(gzip.compress(ROWS)[:-1], max_bytes=MIB, is_whole_file=True)
