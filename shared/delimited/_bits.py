"""Places of a text as bits, sixty-four to a word: place i is bit `i % 64` of word `i // 64`.

What holds for places in a row, such as being inside quotes, is then a matter of shifts.
"""

from typing import Final

import numpy as np

from shared.delimited._words import Mask, Positions, Words

WORD: Final = 64
# Arrays without a dimension, which NumPy would else make of each number anew.
_DISTANCES: Final = tuple(np.array(1 << power, np.uint64) for power in range(6))
_ONE: Final = _DISTANCES[0]
_HIGHEST: Final = np.array(1 << (WORD - 1), np.uint64)
_LAST: Final = np.array(WORD - 1, np.uint64)


def packed(flags: Mask) -> Words:
    """Returns the places whose flags are true; the number of flags must be a multiple of `WORD`."""
    return np.packbits(flags, bitorder="little").view("<u8")


def unpacked(words: Words, count: int) -> Mask:
    """Returns the flags of the first `count` places."""
    return np.unpackbits(words.view(np.uint8), count=count, bitorder="little").view(np.bool_)


def room_for(count: int) -> int:
    """Returns the number of places in whole words that hold at least one more than `count`."""
    return (count // WORD + 1) * WORD


def count_of(words: Words) -> int:
    """Returns how many places there are."""
    return int(np.bitwise_count(words).sum(dtype=np.uint32))


def count_below(place: int, words: Words) -> int:
    """Returns how many places there are below this one."""
    index, bit = divmod(place, WORD)
    return count_of(words[:index]) + (int(words[index]) & (1 << bit) - 1).bit_count()


def places_of(words: Words) -> Positions:
    """Returns the places in order."""
    used = np.flatnonzero(words != 0)
    bits = np.flatnonzero(unpacked(words[used], len(used) * WORD))
    return used[bits // WORD] * WORD + bits % WORD


def last_of(words: Words) -> int:
    """Returns the last place, -1 if there is none."""
    index = len(words) - 1
    while index > 0 and not words[index]:
        index -= 1
    return index * WORD + int(words[index]).bit_length() - 1


def lowest(word: int) -> int:
    """Returns the lowest bit of a word that is not 0."""
    return (word & -word).bit_length() - 1


def one_on(words: Words) -> Words:
    """Returns the places after these, and place 0."""
    moved = words << _ONE
    moved[1:] |= words[:-1] >> _LAST
    moved[0] |= _ONE
    return moved


def one_back(words: Words) -> Words:
    """Returns the places before these, and the last place."""
    moved = words >> _ONE
    moved[:-1] |= words[1:] << _LAST
    moved[-1] |= _HIGHEST
    return moved


def running_parity(words: Words) -> Words:
    """Returns the prefix XOR: the places up to which, themselves included, the number of places is odd."""
    parity = words.copy()
    shifted = np.empty_like(words)
    for distance in _DISTANCES:
        np.left_shift(parity, distance, shifted)
        parity ^= shifted
    # The last bit of each word is now that of the word as a whole, and turns all words after it.
    odd_words = np.logical_xor.accumulate(parity.view(np.int64) < 0)
    parity[1:] ^= np.negative(odd_words[:-1].astype(np.uint64))
    return parity


def is_last_set(words: Words) -> bool:
    """Returns whether the last bit of the last word is set."""
    return bool(words[-1] >> _LAST)
