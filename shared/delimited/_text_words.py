"""Whole columns of text, eight bytes at a time, with NumPy: 64-bit hashes of them, and which have small letters.

Equal texts have equal hashes, and different ones hardly ever.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from shared.delimited._arrays import Bytes, Mask, Positions, Words
from shared.delimited._numbers import PAD, words_of

_WORD: Final = 8
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
# The finalizer of SplitMix64: Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators".
_MIXERS: Final = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
_LAST_SHIFT: Final = np.uint64(31)
# The bytes of a word that are the text's own, when so many of its bytes are left.
_KEPT: Final = np.array([2 ** (8 * left) - 1 for left in range(_WORD + 1)], np.uint64)
_SEVEN_BITS: Final = np.uint64(0x7F7F7F7F7F7F7F7F)
_HIGH_BITS: Final = np.uint64(0x8080808080808080)
_FROM_A: Final = np.uint64(0x1F1F1F1F1F1F1F1F)
_BEYOND_Z: Final = np.uint64(0x0505050505050505)
_TWO: Final = np.uint64(2)


def text_hashes(buffer: Bytes, starts: Positions, ends: Positions, *, ignore_case: bool = False) -> Words:
    """The hashes of the texts `[starts[i], ends[i])` of a padded buffer: `[n]`.

    Positions count in the text, without its padding. `ignore_case` is of ASCII letters alone.
    """
    # Spread over all bits, of which no text undoes those that its own length sets.
    hashes = (ends - starts).astype(np.uint64) * _MULTIPLIER
    for rows, words in _words(buffer, starts, ends):
        hashes[rows] = mixed((hashes[rows] ^ (_upper(words) if ignore_case else words)) * _MULTIPLIER)
    return hashes


def have_lower_case(buffer: Bytes, starts: Positions, ends: Positions) -> Mask:
    """Which of the texts `[starts[i], ends[i])` of a padded buffer have one of the letters a to z: `[n]`."""
    found = np.zeros(len(starts), np.bool_)
    for rows, words in _words(buffer, starts, ends):
        found[rows] |= _lower_case(words) != 0
    return found


def mixed(words: Words) -> Words:
    """The words, one to one, so that every bit of each depends on all of its bits."""
    for shift, multiplier in _MIXERS:
        words = (words ^ (words >> shift)) * multiplier
    return words ^ (words >> _LAST_SHIFT)


def _words(buffer: Bytes, starts: Positions, ends: Positions) -> Iterator[tuple[Positions, Words]]:
    """Eight bytes of each text that has so many left, by index, and then the next; 0 for bytes behind its end."""
    words = words_of(buffer)
    lengths = ends - starts
    rows = np.arange(len(starts))
    for at in range(0, int(np.max(lengths, initial=0)), _WORD):
        if at:
            rows = rows[lengths[rows] > at]  # long texts are few
        yield rows, words[starts[rows] + (PAD + at)] & _KEPT.take(np.minimum(lengths[rows] - at, _WORD))


def _upper(words: Words) -> Words:
    """Eight ASCII characters a word, letters in upper case: the bit that tells the cases apart taken off them."""
    return words - (_lower_case(words) >> _TWO)


def _lower_case(words: Words) -> Words:
    """The highest bit of each byte that is one of the letters a to z."""
    low = words & _SEVEN_BITS
    return ((low + _FROM_A) ^ (low + _BEYOND_Z)) & ~words & _HIGH_BITS
