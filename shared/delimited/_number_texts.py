"""Whole columns of numbers as CSV cells of result files, a comma before each.

Text is put together as the bytes of words, as `shared.delimited._numbers` reads it; the same is written as Python
would format it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.delimited._arrays import Floats
from shared.scoring.results import probability_text

Texts = NDArray[np.bytes_]

_THREE_DIGITS: Final = np.array([b"%03d" % number for number in range(1000)])
# The same in the lowest bytes of a word; then without the zeros at their end.
_DIGITS: Final = np.array([int.from_bytes(digits, "little") for digits in _THREE_DIGITS.tolist()], np.uint64)
_LAST_DIGITS: Final = np.array(
    [int.from_bytes(digits.rstrip(b"0"), "little") for digits in _THREE_DIGITS.tolist()], np.uint64
)
# By the zeros between the point and the first of six digits: what stands before that, its bits, and what it is that
# a probability is the millionth of.
_OPENINGS: Final = tuple(b",0." + b"0" * zeros for zeros in range(4))
_OPENING_WORDS: Final = np.array([int.from_bytes(opening, "little") for opening in _OPENINGS], np.uint64)
_OPENING_BITS: Final = np.array([8 * len(opening) for opening in _OPENINGS], np.uint64)
_SCALES: Final = np.array([10.0 ** (6 + zeros) for zeros in range(4)])
_BITS_OF_THREE: Final = np.uint64(24)
_BITS: Final = np.uint64(64)


def row_number_cells(first: int, count: int) -> Texts:
    """The cells of so many numbers from the first on: `[count]`."""
    thousands = range(first // 1000, (first + count - 1) // 1000 + 1)
    openings = np.array([b",%d" % number if number else b"," for number in thousands], np.bytes_)
    by_thousands = np.strings.add(openings[:, np.newaxis], _THREE_DIGITS)
    if 0 in thousands:
        by_thousands[0] = [b",%d" % number for number in range(1000)]
    cells: Texts = by_thousands.ravel()
    return cells[first % 1000 :][:count]


def probability_cells(probabilities: Floats) -> Texts:
    """The cells of probabilities `[n]` of six significant digits, as `probability_text` writes them: `[n]`."""
    zeros = np.zeros(len(probabilities), np.int64)
    for bound in (0.1, 0.01, 0.001):
        zeros += probabilities < bound
    digits = np.rint(probabilities * _SCALES[zeros]).astype(np.int64)
    high = digits // 1000
    low = digits - high * 1000
    # Between these `zeros` tells apart; a smaller one comes out of Python in exponent form.
    is_here = (probabilities >= 0.0001) & (probabilities < 1)
    high[~is_here] = low[~is_here] = 0
    text = np.where(low == 0, _LAST_DIGITS[high], _DIGITS[high] | _LAST_DIGITS[low] << _BITS_OF_THREE)
    words = np.empty((len(probabilities), 2), "<u8")
    bits = _OPENING_BITS[zeros]
    words[:, 0] = _OPENING_WORDS[zeros] | text << bits
    words[:, 1] = text >> (_BITS - bits)
    # Bytes of 0 at the end of a text of fixed length are no part of it.
    cells: Texts = words.view("S16").ravel()
    others = np.array([f",{probability_text(other)}" for other in probabilities[~is_here].tolist()], np.bytes_)
    if len(others):
        cells = cells.astype(np.promote_types(cells.dtype, others.dtype))
        cells[~is_here] = others
    return cells
