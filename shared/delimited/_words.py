"""Numbers and hashes of whole columns of cells, eight bytes at a time, with NumPy.

A plain number is `-?` and at most 16 digits with at most one point among them, that fits 53 bits when the point is left
out. Its double is then one division of two exact doubles, which IEEE 754 rounds correctly (Clinger 1990, "How to read
floating point numbers accurately"). Eight digits are turned into an integer by three multiplications
(https://kholdstare.github.io/technical/2020/05/26/faster-integer-parsing.html).

Equal texts have equal 64-bit hashes; different texts share one with a chance of 2^-64.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Positions = NDArray[np.int64]
Words = NDArray[np.uint64]

LAST_ASCII: Final = 0x7F
FIRST_PRINTABLE: Final = 0x20
LAST_PRINTABLE: Final = 0x7E

PAD: Final = 16
"""Zero bytes of a buffer before and after its text, so that 16 may be read up to any of its positions."""

# Of a size at which the intermediate words stay in the processor's cache.
_BLOCK: Final = 8192
_WORD: Final = 8
_LONGEST: Final = 16
_EXACT: Final = np.uint64(2**53)


def _each_byte(value: int) -> np.uint64:
    return np.uint64(int.from_bytes(bytes([value]) * 8, "little"))


_ZEROS = _each_byte(ord("0"))
# What decimal signs are once zeros are taken off by exclusive or, which leaves digits as 0 to 9.
_DECIMAL_SIGNS: Final = {sign: _each_byte(ord(sign) ^ ord("0")) for sign in ".,"}
_ONES, _HIGH_BITS = _each_byte(0x01), _each_byte(0x80)
# Takes everything above nine beyond 0x7F.
_ABOVE_NINE = _each_byte(0x7F - 9)
_NOTHING, _ONE, _EIGHT = np.uint64(0), np.uint64(1), np.uint64(8)
_PAIRS, _QUADS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
_TIMES_PAIRS, _TIMES_QUADS, _TIMES_EIGHTS = np.uint64(2561), np.uint64(6553601), np.uint64(42949672960001)
_TEN_TO_8 = np.uint64(10**8)

# For a cell of n characters: which bytes of the upper and of the lower word are its own.
_KEPT_HIGH = np.array([(2**64 - 1) - (2 ** (64 - 8 * min(n, 8)) - 1) for n in range(_LONGEST + 1)], np.uint64)
_KEPT_LOW = np.array([(2**64 - 1) - (2 ** (64 - 8 * max(n - 8, 0)) - 1) for n in range(_LONGEST + 1)], np.uint64)
# By the bits below that of a point: ten to the power of the digits after it, where it is in the upper, the lower word.
_DIVISORS_HIGH = np.array([10.0 ** (7 - below // 8) for below in range(64)] + [1.0])
_DIVISORS_LOW = np.array([10.0 ** (15 - below // 8) for below in range(65)])

# Of each byte.
_IS_UNUSUAL = (np.arange(256) < FIRST_PRINTABLE) | (np.arange(256) > LAST_PRINTABLE)
_IS_UNUSUAL[list(b"\t\n\r")] = False

_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
# The finalizer of SplitMix64: Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators".
_MIXERS: Final = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
_LAST_SHIFT: Final = np.uint64(31)
# The bytes of a word that are the text's own, by how many of its bytes are left.
_KEPT: Final = np.array([2 ** (8 * left) - 1 for left in range(_WORD + 1)], np.uint64)
_SEVEN_BITS: Final = np.uint64(0x7F7F7F7F7F7F7F7F)
_FROM_A: Final = np.uint64(0x1F1F1F1F1F1F1F1F)
_BEYOND_Z: Final = np.uint64(0x0505050505050505)
_TWO: Final = np.uint64(2)


def is_ascii(data: bytes) -> bool:
    """Returns whether all bytes are ASCII, in a third of the time of `bytes.isascii`."""
    return bool(np.max(np.frombuffer(data, np.uint8), initial=0) <= LAST_ASCII)


def unusual_places(data: bytes) -> Positions | None:
    """Returns the places of bytes that are not ASCII or are control characters other than TAB, LF and CR.

    None without any, which is found out at the cost of a few comparisons.
    """
    text = np.frombuffer(data, np.uint8)
    controls = int(np.count_nonzero(text < FIRST_PRINTABLE))
    if controls:
        controls -= sum(map(data.count, (b"\n", b"\r", b"\t")))
    if not controls and np.max(text, initial=0) <= LAST_PRINTABLE:
        return None
    return np.flatnonzero(_IS_UNUSUAL[text])


def padded(data: bytes) -> Bytes:
    """Returns the bytes with `PAD` zeros before and after."""
    buffer = np.empty(len(data) + 2 * PAD, np.uint8)
    buffer[:PAD] = buffer[PAD + len(data) :] = 0
    buffer[PAD : PAD + len(data)] = np.frombuffer(data, np.uint8)
    return buffer


def words_of(buffer: Bytes) -> Words:
    """Returns the eight bytes from each position of a buffer on, the first in the lowest byte: `[len(buffer) - 7]`."""
    return np.ndarray(len(buffer) - _WORD + 1, "<u8", buffer, strides=(1,))


def plain_numbers(
    buffer: Bytes, firsts: Bytes, starts: Positions, ends: Positions, *, decimal_sign: str = "."
) -> tuple[Floats, Mask]:
    """Returns the numbers in cells `[starts[i], ends[i])` of a padded text, and which are plain numbers: `[n]` each.

    Positions count in the text, without its padding; `firsts[i]` is the first byte of the cell, 0 where it is empty.
    A cell that is no plain number has NaN and may still be a number. The `decimal_sign` is a point or a comma.
    """
    sign = _DECIMAL_SIGNS[decimal_sign]
    words = words_of(buffer)
    lengths = ends - starts
    negative = firsts == ord("-")
    if has_negative := bool(negative.any()):
        lengths -= negative
    values = np.empty(len(starts))
    plain = np.empty(len(starts), np.bool_)
    for at in range(0, len(starts), _BLOCK):
        block = slice(at, at + _BLOCK)
        values[block], plain[block] = _read_short(words, ends[block] + PAD, lengths[block], sign)
    # Few amounts are longer than a word, and reading these takes more than twice as long.
    left = np.flatnonzero(lengths > _WORD)
    for at in range(0, len(left), _BLOCK):
        some = left[at : at + _BLOCK]
        values[some], plain[some] = _read_long(words, ends[some] + PAD, lengths[some], sign)
    if has_negative:
        np.negative(values, out=values, where=negative)
    values[~plain] = np.nan
    return values, plain


def _read_short(words: Words, ends: Positions, lengths: Positions, sign: np.uint64) -> tuple[Floats, Mask]:
    """Reads the cells of at most eight characters without a sign: numbers, and which cells are plain numbers."""
    fits = lengths <= _WORD
    digits = _digits(words[ends - 8], _KEPT_HIGH.take(np.minimum(lengths, _LONGEST)))
    point = _first_point(digits, sign)
    has_point = point != 0
    digits = np.where(has_point, _closed_up(digits, point), digits)
    fits &= (lengths > has_point) & _all_digits(digits)
    return _integer(digits).astype(np.float64) / _DIVISORS_HIGH.take(np.bitwise_count(point - _ONE)), fits


def _read_long(words: Words, ends: Positions, lengths: Positions, sign: np.uint64) -> tuple[Floats, Mask]:
    """Reads the cells of more than eight characters without a sign, which take two words."""
    fits = lengths <= _LONGEST
    kept = np.where(fits, lengths, 0)
    high, low = _digits(words[ends - 8], _KEPT_HIGH[kept]), _digits(words[ends - 16], _KEPT_LOW[kept])
    high_point, low_point = _first_point(high, sign), _first_point(low, sign)
    has_high, has_low = high_point != 0, low_point != 0
    divisors = np.where(
        has_low, _DIVISORS_LOW[np.bitwise_count(low_point - _ONE)], _DIVISORS_HIGH[np.bitwise_count(high_point - _ONE)]
    )
    high = np.where(has_high, _closed_up(high, high_point, low >> np.uint64(56)), high)
    low = np.where(has_low, _closed_up(low, low_point), low)
    low = np.where(has_high, low << _EIGHT, low)
    mantissa = _integer(low) * _TEN_TO_8 + _integer(high)
    fits &= _all_digits(low) & _all_digits(high) & (mantissa <= _EXACT) & ~(has_high & has_low)
    return mantissa.astype(np.float64) / divisors, fits


def _digits(word: Words, kept: Words) -> Words:
    """Returns a digit in each byte, 0 where the byte is not the cell's own; other characters become more than nine."""
    return (word ^ _ZEROS) & kept


def _first_point(digits: Words, sign: np.uint64) -> Words:
    """Returns the highest bit of the first byte with a decimal sign, 0 if none.

    With two of them in a word the other one stays and is no digit, so the cell is refused later.
    """
    difference = digits ^ sign
    # Exact up to the first byte that is zero: only that one borrows from those after it.
    found = (difference - _ONES) & ~difference & _HIGH_BITS
    return found & -found


def _closed_up(digits: Words, point: Words, shifted_in: Words | np.uint64 = _NOTHING) -> Words:
    """Returns the word without the byte of the point: bytes before it move up by one, after `shifted_in`."""
    moved: Words = (point << _ONE) - _ONE
    return digits ^ ((digits ^ ((digits << _EIGHT) | shifted_in)) & moved)


def _all_digits(digits: Words) -> Mask:
    return ((digits + _ABOVE_NINE) | digits) & _HIGH_BITS == 0  # type: ignore[no-any-return]


def _integer(digits: Words) -> Words:
    """Returns the integer that eight digits write, the first in the lowest byte."""
    pairs = (digits * _TIMES_PAIRS) >> _EIGHT
    quads = ((pairs & _PAIRS) * _TIMES_QUADS) >> np.uint64(16)
    return ((quads & _QUADS) * _TIMES_EIGHTS) >> np.uint64(32)


def text_hashes(buffer: Bytes, starts: Positions, ends: Positions, *, ignore_case: bool = False) -> Words:
    """Returns the hashes of the texts `[starts[i], ends[i])` of a padded buffer: `[n]`.

    Positions count in the text, without its padding. `ignore_case` is of ASCII letters alone.
    """
    # Spread over all bits, of which no text undoes those that its own length sets.
    hashes = (ends - starts).astype(np.uint64) * _MULTIPLIER
    for rows, words in _words(buffer, starts, ends):
        hashes[rows] = mixed((hashes[rows] ^ (_upper(words) if ignore_case else words)) * _MULTIPLIER)
    return hashes


def have_lower_case(buffer: Bytes, starts: Positions, ends: Positions) -> Mask:
    """Returns which of the texts `[starts[i], ends[i])` of a padded buffer have a letter from a to z: `[n]`."""
    found = np.zeros(len(starts), np.bool_)
    for rows, words in _words(buffer, starts, ends):
        found[rows] |= _lower_case(words) != 0
    return found


def mixed(words: Words) -> Words:
    """Returns the words mixed one to one, so that every bit of a word depends on all of its bits."""
    for shift, multiplier in _MIXERS:
        words = (words ^ (words >> shift)) * multiplier
    return words ^ (words >> _LAST_SHIFT)


def _words(buffer: Bytes, starts: Positions, ends: Positions) -> Iterator[tuple[Positions, Words]]:
    """Yields eight bytes at a time of the texts that have any left, with their indices; 0 for bytes behind an end."""
    words = words_of(buffer)
    lengths = ends - starts
    rows = np.arange(len(starts))
    for at in range(0, int(np.max(lengths, initial=0)), _WORD):
        if at:
            rows = rows[lengths[rows] > at]  # long texts are few
        yield rows, words[starts[rows] + (PAD + at)] & _KEPT.take(np.minimum(lengths[rows] - at, _WORD))


def _upper(words: Words) -> Words:
    """Returns words of eight ASCII characters with letters in upper case: the case bit is subtracted."""
    return words - (_lower_case(words) >> _TWO)


def _lower_case(words: Words) -> Words:
    """Returns the highest bit of each byte that is one of the letters a to z."""
    low = words & _SEVEN_BITS
    return ((low + _FROM_A) ^ (low + _BEYOND_Z)) & ~words & _HIGH_BITS
