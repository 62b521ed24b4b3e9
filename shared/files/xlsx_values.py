"""What an XLSX cell says, as the text of a CSV field: shared strings, numbers, dates. Nothing is ever evaluated.

ECMA-376 part 1: 18.18.11 (cell types), 18.8.30 (number formats), 18.17.4 (dates).
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Final

from shared.files.grammar import quoted
from shared.files.xlsx_package import Package, Workbook, XlsxLimits
from shared.files.xlsx_strings import SharedStrings, read_strings, text_field

_EPOCH_1900: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's dates have no zone
_EPOCH_1904: Final = datetime(1904, 1, 1)  # noqa: DTZ001
_LAST_SERIAL: Final = 2_958_466  # the day after 9999-12-31
_FIRST_RIGHT_SERIAL: Final = 61  # Excel has a 29 February 1900; before 1 March its numbers are one day off
_MINIMUM_POSITIONAL: Final = 1e-4
_MAXIMUM_POSITIONAL: Final = 1e16


class NumberFormat(Enum):
    """What a cell's style makes of its number, where it changes what people read."""

    DATE = "date"
    PERCENT = "percent"


_BUILT_IN: Final = {
    **dict.fromkeys([*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)], NumberFormat.DATE),
    **dict.fromkeys([9, 10], NumberFormat.PERCENT),
}
# Literal text, escapes, padding and colours or conditions say nothing about what the number is.
_FORMAT_NOISE: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')


def number_format(code: str) -> NumberFormat | None:
    """What a custom format code means. Elapsed time (`[h]:mm`) stays a number."""
    if re.search(r"\[(h+|m+|s+)\]", code, re.IGNORECASE):
        return None
    bare = _FORMAT_NOISE.sub("", code.partition(";")[0]).lower()
    if "general" in bare:
        return None
    if "%" in bare:
        return NumberFormat.PERCENT
    return NumberFormat.DATE if re.search("[dmyhs]", bare) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What is needed to turn the cells of one workbook into fields."""

    shared_strings: SharedStrings
    formats: dict[bytes, NumberFormat]
    """By the number of the style, as written in `s`, for styles that matter."""
    dates_from_1904: bool

    def field(self, kind: bytes, style: bytes, raw: bytes) -> bytes:
        """The field, quoted where CSV needs it, of a cell of this type (`t`) and style (`s`) with this unescaped value.

        Raises UnsupportedFormatError for a value the workbook does not have.
        """
        if kind == b"s":
            return self.shared_strings.field(raw)
        if kind in {b"str", b"inlineStr"}:
            return text_field(raw)
        if kind == b"b":
            return b"TRUE" if raw.strip() in {b"1", b"true"} else b"FALSE"
        if kind in {b"", b"n"} and raw:
            return self._number(raw, self.formats.get(style))
        return quoted(raw)  # an error such as #DIV/0!, or an ISO date

    def plain_number(self, raw: bytes) -> bytes:
        """The field of a number whose style does not change what people read."""
        return self._number(raw, None)

    def _number(self, raw: bytes, meaning: NumberFormat | None) -> bytes:
        try:
            number = float(raw)
        except ValueError:
            return quoted(raw)
        if not isfinite(number):
            return quoted(raw)
        if meaning is NumberFormat.DATE:
            date = iso_date(number, dates_from_1904=self.dates_from_1904)
            if date is not None:
                return date.encode()
        if meaning is NumberFormat.PERCENT:
            # A cell that shows 12% holds 0.12. What people read is what a CSV of the same sheet has.
            return positional(Decimal(repr(number)).scaleb(2)).encode() + b"%"
        return shortest(number).encode()


def shortest(number: float) -> str:
    """The shortest decimal that reads back as the same double, without exponent: `5`, `0.1`, `0.00001`."""
    if number == 0 or _MINIMUM_POSITIONAL <= abs(number) < _MAXIMUM_POSITIONAL:
        return repr(number).removesuffix(".0")
    return positional(Decimal(repr(number)))


def positional(number: Decimal) -> str:
    """A decimal without exponent and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def iso_date(serial: float, *, dates_from_1904: bool) -> str | None:
    """The ISO date, time, or both of a date serial, to the millisecond; None when it is no date."""
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


def read_values(package: Package, workbook: Workbook, limits: XlsxLimits) -> Values:
    """The shared strings and styles of the workbook. Raises UnsupportedFormatError or TooLargeError."""
    strings = SharedStrings()
    if part := workbook.shared_strings:
        read_strings(lambda: package.blocks(part), strings, limits)
    return Values(
        shared_strings=strings,
        formats=_read_formats(package, workbook.styles) if workbook.styles else {},
        dates_from_1904=workbook.dates_from_1904,
    )


def _read_formats(package: Package, part: str) -> dict[bytes, NumberFormat]:
    custom: dict[str, NumberFormat | None] = {}
    formats: dict[bytes, NumberFormat] = {}
    in_cell_formats = False
    style = 0
    for name, attributes in package.elements(part):
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
