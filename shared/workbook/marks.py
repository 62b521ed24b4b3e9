"""Cells with two texts: one for a column of numbers, another for a column of texts.

The reader does not know what a column holds, and these cells are read differently in the two:

| Cell | In a column of numbers | In a column of texts |
|---|---|---|
| rich text 332 with a superscript 1, or a struck-through number before it | `332` | all of the text |
| text of digits and points that could be grouped by them, such as `672.478` or `1.234.567` | `'672.478` | `672.478` |
| text of digits with a point that can only be a decimal sign, such as `12.4` | `12.4` | `12.4` |

The third has two texts so that `proves_point` can distinguish it from a numeric cell, which always has a decimal point.
A marked cell is MARK, the one text, MARK, the other. MARK is a byte that no UTF-8 text has, so no text can forge it.
"""

from typing import Final

WITHOUT_VALUE: Final = b"#FORMULA! "
"""Before the formula in the text of a cell whose formula was saved without a value, in any column."""
MARK: Final = b"\xff"
TEXT_SIGN: Final = b"'"
"""The sign before a number stored as text, as Excel writes it."""


def marked(*, number: bytes, text: bytes) -> bytes:
    """Returns the cell with these two texts."""
    return MARK + number + MARK + text


def as_number(cell: bytes) -> bytes:
    """Returns the text of a cell in a column of numbers."""
    return cell[1 : cell.rindex(MARK)] if cell[:1] == MARK else cell


def as_text(cell: bytes) -> bytes:
    """Returns the text of a cell in a column of texts."""
    return cell[cell.rindex(MARK) + 1 :] if cell[:1] == MARK else cell


def proves_point(cell: bytes) -> bool:
    """Returns whether the cell is a text with a number whose point can only be a decimal sign."""
    return cell[:1] == MARK and b"." in (number := as_number(cell)) and not number.startswith(TEXT_SIGN)
