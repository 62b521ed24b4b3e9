"""Vectorized number formatting: columns of numbers as CSV cells, a comma before each.

Text is put together as the bytes of words, as `shared.delimited._numbers` reads it; the same is written as Python
would format it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.delimited._arrays import Floats
from shared.delimited.cells import decimal_text

Texts = NDArray[np.bytes_]

_THREE_DIGITS: Final = np.array([b"%03d" % number for number in range(1000)])
# The same in the lowest bytes of a word; then without the zeros at their end.
_DIGITS: Final = np.array([int.from_bytes(digits, "little") for digits in _THREE_DIGITS.tolist()], np.uint64)
_LAST_DIGITS: Final = np.array(
    [int.from_bytes(digits.rstrip(b"0"), "little") for digits in _THREE_DIGITS.tolist()], np.uint64
)
# By the zeros between the point and the first of six digits: what comes before that, its bits, and the number of
# which the fraction is the millionth part.
_OPENINGS: Final = tuple(b",0." + b"0" * zeros for zeros in range(4))
_OPENING_WORDS: Final = np.array([int.from_bytes(opening, "little") for opening in _OPENINGS], np.uint64)
_OPENING_BITS: Final = np.array([8 * len(opening) for opening in _OPENINGS], np.uint64)
_SCALES: Final = np.array([10.0 ** (6 + zeros) for zeros in range(4)])
_BITS_OF_THREE: Final = np.uint64(24)
_BITS: Final = np.uint64(64)


def integer_texts(first: int, count: int) -> Texts:
    """Returns the cells of the integers from the first on: `[count]`."""
    thousands = range(first // 1000, (first + count - 1) // 1000 + 1)
    openings = np.array([b",%d" % number if number else b"," for number in thousands], np.bytes_)
    by_thousands = np.strings.add(openings[:, np.newaxis], _THREE_DIGITS)
    if 0 in thousands:
        by_thousands[0] = [b",%d" % number for number in range(1000)]
    cells: Texts = by_thousands.ravel()
    return cells[first % 1000 :][:count]


def fraction_texts(fractions: Floats) -> Texts:
    """Returns the cells of positive numbers of six significant digits, as `decimal_text` writes them: `[n]`."""
    zeros = np.zeros(len(fractions), np.int64)
    for bound in (0.1, 0.01, 0.001):
        zeros += fractions < bound
    digits = np.rint(fractions * _SCALES[zeros]).astype(np.int64)
    high = digits // 1000
    low = digits - high * 1000
    # Between these `zeros` tells apart; a smaller one comes out of Python in exponent form.
    is_here = (fractions >= 0.0001) & (fractions < 1)
    high[~is_here] = low[~is_here] = 0
    text = np.where(low == 0, _LAST_DIGITS[high], _DIGITS[high] | _LAST_DIGITS[low] << _BITS_OF_THREE)
    words = np.empty((len(fractions), 2), "<u8")
    bits = _OPENING_BITS[zeros]
    words[:, 0] = _OPENING_WORDS[zeros] | text << bits
    words[:, 1] = text >> (_BITS - bits)
    # Bytes of 0 at the end of a text of fixed length are no part of it.
    cells: Texts = words.view("S16").ravel()
    others = np.array([f",{decimal_text(other)}" for other in fractions[~is_here].tolist()], np.bytes_)
    if len(others):
        cells = cells.astype(np.promote_types(cells.dtype, others.dtype))
        cells[~is_here] = others
    return cells
