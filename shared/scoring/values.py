r"""What the text of one cell means. Standard library only.

Numbers are read as people mean them, and refused where they could mean two things:

| Read | As |
|---|---|
| `1234.5`, `.5`, `5.`, `+5`, `1e3`, `007` | itself, rounded as Python's `float` rounds |
| `1,234.5`, `1 234.5` (also with no-break or thin spaces) | 1234.5: groups of three, one separator throughout |
| `(3.2)`, `-3.2`, or with a minus sign U+2212, an en dash or a full-width minus | -3.2 |
| `'12`, ` 12 ` | 12: Excel's text mark and any space around are taken off |
| `12%`, `(12%)`, `(12)%` in a percent column | ±12; refused in any other column, where it may mean 0.12 |
| empty, `-`, `--`, an en or em dash, `n/a`, `#N/A`, `NA`, `n.a.`, `null`, `none` | blank |

Refused: `1.234,5`, `12,5` and `0,123` (decimal comma or grouping?), `1,23,456`, `$5` (dollars or millions?), `nan`,
`inf`, `1e999`, `0x1F`, `1_000`, digits other than 0 to 9, and all other text.

Text cells use the same blanks, except that `NA`, `null` and `none` may be a company's symbol.

A cell beginning with `=`, `+`, `-`, `@`, TAB or CR that is not a number would run as a formula when a spreadsheet opens
the file, so results carry a guard before it, `'`, and a guard before one of these characters is taken off in reading
(https://owasp.org/www-community/attacks/CSV_Injection).
"""

import re
from math import isfinite
from typing import Final

# Every character for which str.isspace() holds, and those that only look empty.
SPACES: Final = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u200b\u2060\ufeff"
)
BLANKS: Final = frozenset({"", "-", "--", "–", "—", "n/a", "#n/a", "n.a.", "na", "null", "none"})  # noqa: RUF001
SYMBOL_BLANKS: Final = BLANKS - {"na", "null", "none"}
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
GUARD: Final = "'"
FIRST_YEAR: Final = 1900

_MINUS_SIGNS = dict.fromkeys(map(ord, "−–﹣－"), "-")  # noqa: RUF001
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}([, \xa0\u2009\u202f])\d{3}(?:\1\d{3})*(?:\.\d*)?", re.ASCII)
_YEAR = re.compile(r"(\d{4})(?:\.0+)?", re.ASCII)
_QUARTER = re.compile(r"[Qq]([1-4])|([1-4])(?:\.0+)?", re.ASCII)


def trimmed(text: str) -> str:
    """The text without spaces of any kind around it."""
    return text.strip(SPACES)


def unguarded(text: str) -> str:
    """The text without the guard that keeps it from running as a formula."""
    return text[1:] if text[:1] == GUARD and text[1:2] in FORMULA_STARTS else text


def guarded(text: str) -> str:
    """The text with a guard where a spreadsheet would take it for a formula; `unguarded` reverses it."""
    return GUARD + text if text.startswith(FORMULA_STARTS) else text


def is_blank(text: str, *, symbol: bool = False) -> bool:
    """Whether a text cell, trimmed, says that there is nothing; a symbol has fewer words for it."""
    return text.casefold() in (SYMBOL_BLANKS if symbol else BLANKS)


def read_number(text: str, *, percent: bool) -> float | None:
    """The finite number a cell means, None for a blank one; `percent` is whether a percent sign may follow.

    Raises ValueError for anything else, numbers too large for a double included.
    """
    text = _datum(text)
    if text.casefold() in BLANKS:
        return None
    text = text.translate(_MINUS_SIGNS)
    text, signs = _without_percent(text) if percent else (text, 0)
    negative = text[:1] == "(" and text[-1:] == ")"
    if negative:
        text = trimmed(text[1:-1])
        if percent and not signs:
            text, signs = _without_percent(text)
        if text[:1] in ("+", "-"):
            raise ValueError("a sign inside parentheses")
    if grouped := _GROUPED.fullmatch(text):
        text = text.replace(grouped[1], "")
    elif not _PLAIN.fullmatch(text):
        raise ValueError("not a number")
    number = float(text)
    if not isfinite(number):
        raise ValueError("too large for a double")
    return -number if negative else number


def is_number(text: str) -> bool:
    """Whether the cell is a number in some column, so that no spreadsheet takes it for a formula."""
    try:
        return read_number(text, percent=True) is not None
    except ValueError:
        return False


def read_year(text: str, *, next_year: int) -> int | None:
    """The year a cell means (`2015`, or `2015.0` as spreadsheets write it), None for a blank one.

    Raises ValueError for anything else and for years outside `FIRST_YEAR` to `next_year`.
    """
    text = _datum(text)
    if text.casefold() in BLANKS:
        return None
    match = _YEAR.fullmatch(text)
    if match is None or not FIRST_YEAR <= int(match[1]) <= next_year:
        raise ValueError("not a year in range")
    return int(match[1])


def read_quarter(text: str) -> str | None:
    """The quarter a cell means, `Q1` to `Q4`, None for a blank one. Raises ValueError for anything else."""
    text = _datum(text)
    if text.casefold() in BLANKS:
        return None
    match = _QUARTER.fullmatch(text)
    if match is None:
        raise ValueError("not a quarter")
    return f"Q{match[1] or match[2]}"


def _datum(text: str) -> str:
    """The text of a cell that is not prose: trimmed, and without Excel's mark for a number stored as text."""
    text = trimmed(text)
    return trimmed(text[1:]) if text[:1] == "'" else text


def _without_percent(text: str) -> tuple[str, int]:
    return (trimmed(text[:-1]), 1) if text[-1:] == "%" else (text, 0)
