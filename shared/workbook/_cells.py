"""The text of a cell, from its type, style and value: shared strings, numbers, dates and percentages.

ECMA-376 part 1: 18.18.11 (types), 18.4.8 and 22.9.2.19 (strings), 18.8.30 (number formats), 18.17.4 (dates).
"""

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Final

from shared.workbook.errors import damaged

Row = list[bytes]
"""The UTF-8 text of a row's cells by column, without empty ones at its end."""

_ESCAPE: Final = re.compile(rb"_x([0-9A-Fa-f]{4})_")
_EPOCH_1900: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's dates have no zone
_EPOCH_1904: Final = datetime(1904, 1, 1)  # noqa: DTZ001
_LAST_SERIAL: Final = 2_958_466  # the day after 9999-12-31
_FIRST_RIGHT_SERIAL: Final = 61  # Excel has a 29 February 1900; before 1 March its numbers are one day off
_MINIMUM_POSITIONAL: Final = 1e-4
_MAXIMUM_POSITIONAL: Final = 1e16


class SharedStrings:
    """The texts that cells refer to by number, in one buffer: each takes its length and four bytes."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._ends = array("I", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, raw: bytes) -> None:
        """Appends the next text, given as it is in the part."""
        self._text += unescaped_text(raw)
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


def unescaped_text(raw: bytes) -> bytes:
    """Returns a text with its `_xHHHH_` escapes decoded, which encode characters that XML does not allow."""
    # `in` would first try the pattern as a number, which takes ten times as long.
    return _ESCAPE.sub(_character, raw) if raw.find(b"_x") >= 0 else raw


def _character(match: re.Match[bytes]) -> bytes:
    character = chr(int(match[1], 16))
    return match[0] if "\ud800" <= character <= "\udfff" else character.encode()


class NumberFormat(Enum):
    """The meaning that a style gives to a number, where it changes the displayed text."""

    DATE = "date"
    PERCENT = "percent"


_BUILT_IN: Final = {
    **dict.fromkeys([*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)], NumberFormat.DATE),
    **dict.fromkeys([9, 10], NumberFormat.PERCENT),
}
# Literal text, escapes, padding, colors and conditions do not change the kind of number.
_FORMAT_NOISE: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')


def number_format(code: str) -> NumberFormat | None:
    """Returns the meaning of a custom format code. Elapsed time (`[h]:mm`) stays a number."""
    if re.search(r"\[(h+|m+|s+)\]", code, re.IGNORECASE):
        return None
    bare = _FORMAT_NOISE.sub("", code.partition(";")[0]).lower()
    if "general" in bare:
        return None
    if "%" in bare:
        return NumberFormat.PERCENT
    return NumberFormat.DATE if re.search("[dmyhs]", bare) else None


def read_formats(elements: Iterable[tuple[str, dict[str, str]]]) -> dict[bytes, NumberFormat]:
    """Returns the formats that matter by the number of their style, from the elements of the styles part."""
    custom: dict[str, NumberFormat | None] = {}
    formats: dict[bytes, NumberFormat] = {}
    in_cell_formats = False
    style = 0
    for name, attributes in elements:
        if name == "numFmt":
            custom.setdefault(attributes.get("numFmtId", ""), number_format(attributes.get("formatCode", "")))
        elif name in {"cellStyleXfs", "cellXfs", "cellStyles", "dxfs"}:
            in_cell_formats = name == "cellXfs"
        elif name == "xf" and in_cell_formats:
            number = attributes.get("numFmtId", "0")
            found = custom[number] if number in custom else _BUILT_IN.get(int(number) if number.isdecimal() else 0)
            if found:
                formats[str(style).encode()] = found
            style += 1
    return formats


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """The shared strings, number formats and date system of a workbook, on which the texts of its cells depend."""

    shared_strings: SharedStrings
    formats: dict[bytes, NumberFormat]
    """By the number of the style, as written in `s`, for styles that matter."""
    dates_from_1904: bool

    def text(self, kind: bytes, style: bytes, raw: bytes) -> bytes:
        """Returns the text of a cell of this type (`t`) and style (`s`) with this value, its XML escapes decoded.

        Raises `UnreadableWorkbookError` for a shared string that the workbook does not have.
        """
        if kind == b"s":
            return self.shared_strings.text(raw)
        if kind in {b"str", b"inlineStr"}:
            return unescaped_text(raw)
        if kind == b"b":
            return b"TRUE" if raw.strip() in {b"1", b"true"} else b"FALSE"
        if kind in {b"", b"n"} and raw:
            return self._number(raw, self.formats.get(style))
        return raw  # an error such as #DIV/0!, or an ISO date

    def plain_number(self, raw: bytes) -> bytes:
        """Returns the text of a number whose style does not change the displayed text."""
        return self._number(raw, None)

    def _number(self, raw: bytes, meaning: NumberFormat | None) -> bytes:
        try:
            number = float(raw)
        except ValueError:
            return raw
        if not isfinite(number):
            return raw
        if meaning is NumberFormat.DATE:
            date = iso_date(number, dates_from_1904=self.dates_from_1904)
            if date is not None:
                return date.encode()
        if meaning is NumberFormat.PERCENT:
            # A cell that shows 12% has the value 0.12. A CSV of the same sheet has the displayed text.
            return positional(Decimal(repr(number)).scaleb(2)).encode() + b"%"
        return shortest(number).encode()


def shortest(number: float) -> str:
    """Returns the shortest decimal that reads back as the same double, without exponent: `5`, `0.1`, `0.00001`."""
    if number == 0 or _MINIMUM_POSITIONAL <= abs(number) < _MAXIMUM_POSITIONAL:
        return repr(number).removesuffix(".0")
    return positional(Decimal(repr(number)))


def positional(number: Decimal) -> str:
    """Returns a decimal without exponent and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def iso_date(serial: float, *, dates_from_1904: bool) -> str | None:
    """Returns the ISO date, time, or both of a date serial, to the millisecond; None when it is no date."""
    if not 0 <= serial < _LAST_SERIAL:
        return None
    epoch = _EPOCH_1904 if dates_from_1904 else _EPOCH_1900
    if not dates_from_1904 and serial < _FIRST_RIGHT_SERIAL:
        epoch += timedelta(days=1)
    try:
        moment = epoch + timedelta(milliseconds=round(serial * 86_400_000))
    except OverflowError:
        return None
    precision = "milliseconds" if moment.microsecond else "seconds"
    if serial < 1 and not (dates_from_1904 and serial == 0):
        return moment.time().isoformat(precision)
    if moment.time() == datetime.min.time():
        return moment.date().isoformat()
    return moment.isoformat(timespec=precision)


def column_index(letters: str) -> int:
    """Returns the 0-based column of its letters: `A` is 0, `XFD` 16,383."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


def column_letters(index: int) -> str:
    """Returns the letters of a 0-based column."""
    letters = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters
