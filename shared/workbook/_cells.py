"""The text of a cell, from its type, style, formula and value.

ECMA-376 part 1: 18.18.11 (types), 18.4.8 and 22.9.2.19 (strings). `_number_formats` has the texts of numbers, `marks`
the cells with two texts.
"""

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Final

from shared.workbook._number_formats import REFUSED, NumberFormat
from shared.workbook._number_texts import shortest
from shared.workbook.errors import damaged, text_too_long
from shared.workbook.limits import MAX_TEXT_BYTES
from shared.workbook.marks import TEXT_SIGN, WITHOUT_VALUE, marked

Row = list[bytes]
"""A row's cells by column, without empty ones at its end: UTF-8 text, or a marked cell (see `marks`)."""

AppliedFormats = dict[tuple[int, str], tuple[bytes, bytes]]
"""The formats that scaled a number, by column and format code: the first value, and the text that it became."""

_ESCAPE: Final = re.compile(rb"_x([0-9A-Fa-f]{4})_")
_MAX_FORMULA_BYTES: Final = 200
_MAX_APPLIED: Final = 1_000
_LONGEST_GAP: Final = 30
NUMERIC: Final = frozenset({b"", b"n"})
_FORMULA: Final = re.compile(rb"<f[^<>]*>([^<]*)")

# A number with points and no other separator. The group has no sign, percent sign or `x` around it.
_POINTED: Final = re.compile(
    rb"(?:[-+( ]|\xe2\x88\x92|\xe2\x80\x93|\xc2\xa0)*"
    rb"([1-9][0-9]{0,2}(?:\.[0-9]{3})+|[0-9]*\.[0-9]+)"
    rb"(?:[-)%xX ]|\xc2\xa0)*"
)
_GROUPED_BY_POINTS: Final = re.compile(rb"[1-9][0-9]{0,2}(?:\.[0-9]{3})+")
# A number in one of the ways that people write it in a text.
_FIGURE: Final = re.compile(r"[\s'(+\-\u2212\u2013]*[.,]?[0-9][0-9.,'\s]*(?:[eE][-+]?[0-9]+)?[)%xX\s\-]*")
_LONGEST_FIGURE: Final = 100


def missing_rows(number: int, expected: int) -> int:
    """Returns how many blank rows to yield before a row, from its number (0: none) and that which follows the last one.

    Programs write no blank rows. A few are enough to show that there are some, where a part leaves out a million.
    """
    return min(max(number - expected, 0), _LONGEST_GAP)


def blank_rows(count: int) -> Iterator[Row]:
    """Yields blank rows."""
    return ([] for _ in range(count))


class SharedStrings:
    """The texts that cells refer to by number, in one buffer: each takes its length and four bytes."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._ends = array("I", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, cell: bytes) -> None:
        """Appends the next text. Raises `WorkbookTooLargeError` for one longer than a cell can have.

        A row may refer to one text in each of its cells, so the length of a text bounds the memory of a row.
        """
        if len(cell) > MAX_TEXT_BYTES:
            raise text_too_long()
        self._text += cell
        self._ends.append(len(self._text))

    def text(self, index: bytes) -> bytes:
        """Returns the text with this number. Raises `UnreadableWorkbookError` when there is none."""
        try:
            at = int(index)
            if at >= 0:
                return bytes(self._text[self._ends[at] : self._ends[at + 1]])
        except (ValueError, IndexError) as error:
            raise damaged() from error
        raise damaged()


def text_cell(raw: bytes) -> bytes:
    """Returns the cell of a text as it is in its part: its `_xHHHH_` escapes encode what XML does not allow."""
    # `in` would first try the byte string as a number, which takes ten times as long.
    text = _ESCAPE.sub(_character, raw) if raw.find(b"_x") >= 0 else raw
    return _marked_figure(text) if text.find(b".") >= 0 and _POINTED.fullmatch(text) else text


def rich_cell(raw: bytes, *, without_notes: bytes) -> bytes:
    """Returns the cell of a rich text, given whole and without its superscript, subscript and struck-through runs.

    A number loses these runs: superscript digits behind it are a footnote mark. A number that is struck through as a
    whole is refused. Any other text keeps them.
    """
    if raw == without_notes:
        return text_cell(raw)
    text = _ESCAPE.sub(_character, raw)
    if _is_figure(without_notes):
        return marked(number=_numbered(without_notes), text=text)
    if not without_notes.strip() and _is_figure(text):
        return marked(number=REFUSED + text, text=text)
    return text_cell(raw)


def _is_figure(text: bytes) -> bool:
    return len(text) <= _LONGEST_FIGURE and _FIGURE.fullmatch(text.decode()) is not None


def _character(match: re.Match[bytes]) -> bytes:
    character = chr(int(match[1], 16))
    return match[0] if "\ud800" <= character <= "\udfff" else character.encode()


def _marked_figure(text: bytes) -> bytes:
    return marked(number=_numbered(text), text=text)


def _numbered(text: bytes) -> bytes:
    """Returns a number of a text cell with the sign of a text where its points might group its digits."""
    found = _POINTED.fullmatch(text)
    return TEXT_SIGN + text if found and _GROUPED_BY_POINTS.fullmatch(found[1]) else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """The shared strings, number formats and settings of a workbook, on which the texts of its cells depend."""

    shared_strings: SharedStrings
    formats: dict[bytes, NumberFormat]
    """By the number of the style, as written in `s`, for styles that matter."""
    scaling: frozenset[bytes]
    """The styles whose format scales by thousands."""
    dates_from_1904: bool
    recalculates: bool = False
    """Whether a program has to calculate all formulas on opening: the saved values 0 and "" are then no results."""

    def text(self, kind: bytes, style: bytes, raw: bytes) -> bytes:
        """Returns the cell of this type (`t`) and style (`s`) with this value (`v`), its XML escapes decoded.

        Raises `UnreadableWorkbookError` for a shared string that the workbook does not have.
        """
        if kind == b"s":
            return self.shared_strings.text(raw)
        if kind in {b"str", b"inlineStr"}:
            return text_cell(raw)
        if kind == b"b":
            return b"TRUE" if raw.strip() in {b"1", b"true"} else b"FALSE"
        if kind in NUMERIC:
            return self.number(raw, style)
        return raw  # an error such as #DIV/0!, or an ISO date

    def note_format(self, applied: AppliedFormats, at: int, style: bytes, raw: bytes, text: bytes) -> None:
        """Adds the format of a style in `scaling` to the applied ones, for a number in column `at`."""
        if text != b"0" and len(applied) < _MAX_APPLIED:
            applied.setdefault((at, self.formats[style].code), (raw, text))

    def number(self, raw: bytes, style: bytes | None = None) -> bytes:
        """Returns the text of a numeric cell of this style, without one of a style that does not matter."""
        try:
            number = float(raw)
        except ValueError:
            return self._no_number(raw)
        if not isfinite(number) or b"_" in raw:
            return self._no_number(raw)
        if style is not None and style in self.formats:
            return self.formats[style].text(number, dates_from_1904=self.dates_from_1904).encode()
        return shortest(number).encode()

    def formula_without_value(self, kind: bytes, formula: bytes, raw: bytes | None) -> bytes | None:
        """Returns the text of a cell whose formula was saved without a value; None when it has a value.

        `raw` is the value, None where the cell has none. Programs that do not calculate write no value, or 0 and the
        order to recalculate (XlsxWriter). An empty text is a value: Excel saves it for `=IF(A1="","",A1)`.
        """
        if raw and not (self.recalculates and kind in NUMERIC and raw.strip() == b"0"):
            return None
        if raw is not None and kind == b"str" and not self.recalculates:
            return None
        shown = formula if len(formula) <= _MAX_FORMULA_BYTES else formula[:_MAX_FORMULA_BYTES] + b"..."
        # A cut in the middle of a character leaves no valid UTF-8.
        return WITHOUT_VALUE + b"=" + shown.decode(errors="ignore").encode()

    def _no_number(self, raw: bytes) -> bytes:
        """Returns the value of a numeric cell that is none in XML, such as 12,5: refused where a text would be read."""
        return REFUSED + raw if _is_figure(raw) else raw


def formula_of(element: bytes) -> bytes:
    """Returns the formula in an `f` element, its XML escapes not decoded; empty for a reference to a shared one."""
    found = _FORMULA.match(element)
    return found[1] if found else b""
