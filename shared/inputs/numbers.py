r"""What the text of a figure means. Standard library only.

Numbers are read as people mean them, and refused where they could mean two things. With the point as decimal sign:

| Read | As |
|---|---|
| `1234.5`, `.5`, `5.`, `+5`, `1e3`, `007` | itself, rounded as Python's `float` rounds |
| `1,234.5`, `1 234.5` (also with no-break or thin spaces) | 1234.5: groups of three, one separator throughout |
| `(3.2)`, `-3.2`, `3.2-`, or with a minus sign U+2212, an en dash or a full-width minus | -3.2 |
| `'12`, `="12"`, ` 12 ` | 12: Excel's marks for text and any space around are taken off |
| `12%`, `(12%)`, `(12)%` in a percent column, `3.0x` in a multiple | 12, -12, 3; refused in other columns |
| invisible and control characters, direction marks among them | nothing, wherever they are |
| empty, one to three dashes, and the words of `BLANKS` | blank |

With the comma as decimal sign a text is read as that with points and commas exchanged: `1.234,5` is 1234.5.

Refused: `1,23,456`, `$5` (dollars or millions?), `nan`, `inf`, `1e999`, `0x1F`, `1_000`, digits other than 0 to 9, and
all other text.
"""

import re
from math import isfinite
from typing import Final, Literal, get_args

from shared.inputs.columns import Unit
from shared.vocabulary import DecimalConvention, DecimalSign

# Every character for which str.isspace() holds, and those that only look empty.
SPACES: Final = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u200b\u2060\ufeff"
)
# Control and format characters (general categories Cc and Cf) that are no spaces and have no shape of their own, and
# letters and symbols that are blank by definition.
INVISIBLE: Final = re.compile(
    "[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff9-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001"
    "\U000e0020-\U000e007f]"
)
TEXT_FORMULA: Final = re.compile(r'="([^"]*)"')
"""A formula whose value is a text: how a CSV file keeps Excel from reading a text as a number."""

TEXT_MARK: Final = "'"
"""Excel's mark for a number stored as text."""

DASHES: Final = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
BLANKS: Final = frozenset(
    {
        "", "n/a", "n.a.", "na", "null", "(null)", "none", "nm", "nmf", "n.m.", "nr", "@na", r"\n", "<na>",
    }
)  # fmt: skip
_BLANK_ERROR: Final = "#n/a"  # and what vendors put behind it: `#N/A N/A`, `#N/A Field Not Applicable`
_MOST_DASHES: Final = 3

_MINUS_SIGNS: Final = dict.fromkeys(map(ord, "\u2013\u2212\ufe63\uff0d"), "-")
_EXCHANGED: Final = {ord("."): ",", ord(","): "."}
_SEPARATORS: Final = ".,"
_PLAIN: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_GROUPED: Final = re.compile(r"[+-]?[1-9]\d{0,2}([, \xa0\u2009\u202f])\d{3}(?:\1\d{3})*(?:\.\d*)?", re.ASCII)
# How almost all figures are written: they are read at a tenth of the cost of the others, by the same rules.
_SIMPLE: Final = re.compile(r"-?(\d{1,15})(?:([.,])(\d{1,15}))?", re.ASCII)
# What may follow a number of the unit.
_SUFFIXES: Final = {Unit.PERCENT: ("%",), Unit.MULTIPLE: ("x", "X", "\xd7")}

SIGNS: Final[tuple[DecimalSign, ...]] = get_args(DecimalSign)

Evidence = Literal["nothing", "point", "comma", "either"]


class AmbiguousNumberError(ValueError):
    """The figure could be read with the point and with the comma as decimal sign, and the file does not show which."""


def trimmed(text: str) -> str:
    """Returns the text without spaces of any kind around it."""
    return text.strip(SPACES)


def figure_text(text: str) -> str:
    """Returns the text of a cell that is not prose: without invisible characters, spaces around and marks for text."""
    text = trimmed(INVISIBLE.sub("", text))
    if text[:1] == TEXT_MARK:
        text = trimmed(text[1:])
    if text[:1] == "=" and (formula := TEXT_FORMULA.fullmatch(text)):
        text = trimmed(formula[1])
    return text


def is_dash(text: str) -> bool:
    """Returns whether the cell has nothing but dashes, which accountants write for zero and others for a blank."""
    text = figure_text(text)
    return 0 < len(text) <= _MOST_DASHES and not text.strip(DASHES)


def read_number(text: str, *, unit: Unit | None = None, sign: DecimalSign = ".") -> float | None:
    """Returns the finite number a cell means, None for a blank one; `unit` decides which suffix it may have.

    Raises ValueError for anything else, numbers too large for a double included.
    """
    text = figure_text(text)
    if is_blank_figure(text):
        return None
    suffixes = _SUFFIXES.get(unit, ()) if unit else ()
    text = text.translate(_MINUS_SIGNS)
    text, has_suffix = _without_suffix(text, suffixes)
    in_parentheses = text[:1] == "(" and text[-1:] == ")"
    is_negative = in_parentheses or text[-1:] == "-"
    if is_negative:
        text = trimmed(text[1:-1] if in_parentheses else text[:-1])
        if not has_suffix:
            text, _ = _without_suffix(text, suffixes)
        if text[:1] in ("+", "-"):
            raise ValueError("two signs")
    if sign == ",":
        text = text.translate(_EXCHANGED)
    if grouped := _GROUPED.fullmatch(text):
        text = text.replace(grouped[1], "")
    elif not _PLAIN.fullmatch(text):
        raise ValueError("not a number")
    number = float(text)
    if not isfinite(number):
        raise ValueError("too large for a double")
    return -number if is_negative else number


def evidence_of(text: str, *, unit: Unit | None = None) -> Evidence:
    """Returns which decimal sign a figure proves: the one with which alone it is a number.

    `either` is a number with both, such as `672,478`; a number without point and comma, and text, prove nothing.
    """
    if "." not in text and "," not in text:
        return "nothing"
    if simple := _SIMPLE.fullmatch(text):
        return "either" if _could_be_both(simple) else "point" if simple[2] == "." else "comma"
    point, comma = (_is_number(text, unit, sign) for sign in SIGNS)
    if point and comma:
        return "either"
    # A trailing sign is not a decimal sign.
    if not (point or comma) or figure_text(text)[-1:] in _SEPARATORS:
        return "nothing"
    return "point" if point else "comma"


def read_figure(text: str, convention: DecimalConvention, *, unit: Unit | None = None) -> float | None:
    """Returns the number that a figure of a file means, None for a blank one.

    Raises AmbiguousNumberError, and ValueError as `read_number` does.
    """
    if convention.has_typed_cells and not is_untyped(text):
        return read_number(text, unit=unit)
    if simple := _SIMPLE.fullmatch(text):
        return _simple_figure(simple, convention)
    if convention.ambiguous and evidence_of(text, unit=unit) == "either":
        separator = "," if "," in text else "."
        if separator in convention.ambiguous:
            raise AmbiguousNumberError(separator)
    return read_number(text, unit=unit, sign=convention.sign)


def _could_be_both(simple: re.Match[str]) -> bool:
    """Returns whether the separator of a simple figure could be a decimal sign and could group thousands."""
    whole, _, fraction = simple.groups()
    return len(fraction) == len("000") and len(whole) <= len("000") and whole[0] != "0"


def _simple_figure(simple: re.Match[str], convention: DecimalConvention) -> float:
    text, separator = simple[0], simple[2]
    if separator is None:
        return float(text)
    if _could_be_both(simple):
        if separator in convention.ambiguous:
            raise AmbiguousNumberError(separator)
        if separator != convention.sign:
            return float(text.replace(separator, ""))
    elif separator != convention.sign:
        raise ValueError("not a number")
    return float(text.replace(",", "."))


def is_untyped(text: str) -> bool:
    """Returns whether a figure of a file with typed cells is text that a person wrote, not a number."""
    return text[:1] == TEXT_MARK or "," in text


def is_blank_figure(text: str) -> bool:
    """Returns whether `figure_text` says that there is no figure."""
    text = text.casefold()
    return text in BLANKS or text.startswith(_BLANK_ERROR) or (len(text) <= _MOST_DASHES and not text.strip(DASHES))


def _is_number(text: str, unit: Unit | None, sign: DecimalSign) -> bool:
    try:
        return read_number(text, unit=unit, sign=sign) is not None
    except ValueError:
        return False


def _without_suffix(text: str, suffixes: tuple[str, ...]) -> tuple[str, bool]:
    return (trimmed(text[:-1]), True) if suffixes and text.endswith(suffixes) else (text, False)
