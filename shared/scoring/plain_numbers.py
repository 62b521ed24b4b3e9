"""Whole columns of plain decimal numbers, from bytes to float64, exactly rounded, with NumPy.

A plain number is `-?` and at most 16 digits with at most one point among them, that fits 53 bits when the point is left
out. Its double is then one division of two exact doubles, which IEEE 754 rounds correctly (Clinger 1990, "How to read
floating point numbers accurately"). Eight digits are turned into an integer by three multiplications
(https://kholdstare.github.io/technical/2020/05/26/faster-integer-parsing.html).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Positions = NDArray[np.int64]
Words = NDArray[np.uint64]

PAD: Final = 16
"""Bytes that a buffer carries before and after its text, so that 16 may be read up to any of its positions."""

# Of a size at which the intermediate words stay in the processor's cache.
_BLOCK: Final = 4096
_WORD: Final = 8
_LONGEST: Final = 16
_EXACT: Final = np.uint64(2**53)


def _each_byte(value: int) -> np.uint64:
    return np.uint64(int.from_bytes(bytes([value]) * 8, "little"))


_ZEROS = _each_byte(ord("0"))
_POINTS = _each_byte(ord("."))
_LOW_SEVEN = _each_byte(0x7F)
_HIGH_HALVES = _each_byte(0xF0)
_LOW_HALVES = _each_byte(0x0F)
_SIXES = _each_byte(0x06)
_THREES = _each_byte(0x33)
_ONE, _FOUR, _SEVEN, _EIGHT = np.uint64(1), np.uint64(4), np.uint64(7), np.uint64(8)
_PAIRS, _QUADS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
_TIMES_PAIRS, _TIMES_QUADS, _TIMES_EIGHTS = np.uint64(2561), np.uint64(6553601), np.uint64(42949672960001)
_TEN_TO_8 = np.uint64(10**8)
_POWERS = 10.0 ** np.arange(_LONGEST + 1)

# For a cell of n characters: which bytes of the upper and of the lower word are its own.
_KEPT_HIGH = np.array([(2**64 - 1) - (2 ** (64 - 8 * min(n, 8)) - 1) for n in range(_LONGEST + 1)], np.uint64)
_KEPT_LOW = np.array([(2**64 - 1) - (2 ** (64 - 8 * max(n - 8, 0)) - 1) for n in range(_LONGEST + 1)], np.uint64)


def padded(data: bytes) -> NDArray[np.uint8]:
    """The bytes with `PAD` zeros before and after."""
    buffer = np.zeros(len(data) + 2 * PAD, np.uint8)
    buffer[PAD : PAD + len(data)] = np.frombuffer(data, np.uint8)
    return buffer


def plain_numbers(buffer: NDArray[np.uint8], starts: Positions, ends: Positions) -> tuple[Floats, Mask]:
    """The numbers in cells `[starts[i], ends[i])` of a padded text, and which cells are plain numbers: `[n]` each.

    Positions count in the text, without its padding. A cell that is no plain number has NaN and may still be a number.
    """
    words = np.lib.stride_tricks.as_strided(buffer[:8].view("<u8"), shape=(len(buffer) - 7,), strides=(1,))
    values = np.empty(len(starts))
    plain = np.empty(len(starts), np.bool_)
    for at in range(0, len(starts), _BLOCK):
        block = slice(at, at + _BLOCK)
        values[block], plain[block] = _read_short(buffer, words, starts[block] + PAD, ends[block] + PAD)
    # Few amounts are longer than a word, and reading these takes more than twice as long.
    left = np.flatnonzero(~plain & (ends - starts > _WORD))
    for at in range(0, len(left), _BLOCK):
        some = left[at : at + _BLOCK]
        values[some], plain[some] = _read_long(buffer, words, starts[some] + PAD, ends[some] + PAD)
    return values, plain


def _read_short(buffer: NDArray[np.uint8], words: Words, starts: Positions, ends: Positions) -> tuple[Floats, Mask]:
    """The cells of at most eight characters beside a sign."""
    negative = (buffer[starts] == ord("-")) & (ends > starts)
    lengths = ends - starts - negative
    fits = (lengths > 0) & (lengths <= _WORD)
    word, point = _digits_and_point(words[ends - 8], _KEPT_HIGH[np.where(fits, lengths, 0)])
    points = point != 0
    fraction = np.where(points, _SEVEN - _place(point), np.uint64(0))
    word = np.where(points, _closed_up(word, point, np.uint64(ord("0"))), word)
    fits &= _all_digits(word)
    return _numbers(_integer(word), fraction, negative, fits & (lengths > points))


def _read_long(buffer: NDArray[np.uint8], words: Words, starts: Positions, ends: Positions) -> tuple[Floats, Mask]:
    """The cells of more than eight characters, which stand in two words."""
    negative = buffer[starts] == ord("-")
    lengths = ends - starts - negative
    fits = lengths <= _LONGEST
    kept = np.where(fits, lengths, 0)
    high, high_point = _digits_and_point(words[ends - 8], _KEPT_HIGH[kept])
    low, low_point = _digits_and_point(words[ends - 16], _KEPT_LOW[kept])
    has_high, has_low = high_point != 0, low_point != 0
    fraction = np.where(has_high, _SEVEN - _place(high_point), np.uint64(0))
    fraction = np.where(has_low, np.uint64(15) - _place(low_point), fraction)
    high = np.where(has_high, _closed_up(high, high_point, low >> np.uint64(56)), high)
    low = np.where(has_low, _closed_up(low, low_point, np.uint64(ord("0"))), low)
    low = np.where(has_high, (low << _EIGHT) | np.uint64(ord("0")), low)
    mantissa = _integer(low) * _TEN_TO_8 + _integer(high)
    fits &= _all_digits(low) & _all_digits(high) & (mantissa <= _EXACT) & ~(has_high & has_low)
    return _numbers(mantissa, fraction, negative, fits)


def _numbers(mantissa: Words, fraction: Words, negative: Mask, fits: Mask) -> tuple[Floats, Mask]:
    values = mantissa.astype(np.float64) / _POWERS[fraction]
    np.negative(values, out=values, where=negative)
    values[~fits] = np.nan
    return values, fits


def _digits_and_point(word: Words, kept: Words) -> tuple[Words, Words]:
    """The word with `0` where a byte is not the cell's own, and 0x01 in the byte of the last point, 0 if none.

    With two points in a word the other one stays and is no digit, so the cell is refused later.
    """
    word = (word & kept) | (_ZEROS & ~kept)
    difference = word ^ _POINTS
    points = ~(((difference & _LOW_SEVEN) + _LOW_SEVEN) | difference | _LOW_SEVEN) >> _SEVEN
    return word, points & ~(points - _ONE)


def _place(point: Words) -> Words:
    """The index of the byte in which the one bit of `point` stands."""
    return (np.bitwise_count(point - _ONE) >> 3).astype(np.uint64)


def _closed_up(word: Words, point: Words, carried: Words | np.uint64) -> Words:
    """The word without the byte of the point: what stood before it moves up, and `carried` comes in at the front."""
    moved: Words = (point << _EIGHT) - _ONE
    shifted: Words = np.bitwise_or(word << _EIGHT, carried)
    return (word & ~moved) | (shifted & moved)


def _all_digits(word: Words) -> Mask:
    return ((word & _HIGH_HALVES) | (((word + _SIXES) & _HIGH_HALVES) >> _FOUR)) == _THREES  # type: ignore[no-any-return]


def _integer(word: Words) -> Words:
    """The integer that eight ASCII digits, the first in the lowest byte, write."""
    word = ((word & _LOW_HALVES) * _TIMES_PAIRS) >> _EIGHT
    word = ((word & _PAIRS) * _TIMES_QUADS) >> np.uint64(16)
    return ((word & _QUADS) * _TIMES_EIGHTS) >> np.uint64(32)
