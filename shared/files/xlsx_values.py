"""What an XLSX cell says, as the text of a CSV field: shared strings, numbers, dates. Nothing is ever evaluated.

ECMA-376 part 1: 18.18.11 (cell types), 18.8.30 (number formats), 18.17.4 (dates), 22.9.2.19 (`_xHHHH_` escapes).
"""

import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from math import isfinite
from typing import Final

from shared.files.errors import TooLargeError
from shared.files.grammar import quoted
from shared.files.xlsx_package import Package, Workbook, XlsxLimits
from shared.files.xlsx_plain import UnusualShapeError, require_plain, unescaped
from shared.files.xlsx_xml import XmlStream, damaged, local_name

_EPOCH_1900: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's dates have no zone
_EPOCH_1904: Final = datetime(1904, 1, 1)  # noqa: DTZ001
_LAST_SERIAL: Final = 2_958_466  # the day after 9999-12-31
_FIRST_RIGHT_SERIAL: Final = 61  # Excel has a 29 February 1900; before 1 March its numbers are one day off
_ESCAPE: Final = re.compile(rb"_x([0-9A-Fa-f]{4})_")
_MINIMUM_POSITIONAL: Final = 1e-4
_MAXIMUM_POSITIONAL: Final = 1e16
_STRINGS_OPEN: Final = re.compile(
    rb'\s*(?:<\?xml version="1\.0"(?: encoding="(?:UTF|utf)-8")?(?: standalone="(?:yes|no)")?\s*\?>\s*)?'
    rb"<sst\s[^<>]*(?<!/)>\s*"
)
_LONGEST_OPENING: Final = 4_096
_LONGEST_STRING: Final = 1 << 20
_STRING: Final = re.compile(rb'(<si>\s*<t(?: xml:space="preserve")?>([^<]*)</t>\s*</si>\s*)')
_STRINGS_CLOSE: Final = re.compile(rb"\s*</sst>\s*")


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

    shared_strings: "SharedStrings"
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


def text_field(raw: bytes) -> bytes:
    """A string as a CSV field: `_xHHHH_` says a character that XML cannot."""
    if b"_x" in raw:
        raw = _ESCAPE.sub(_escaped, raw)
    return quoted(raw)


def _escaped(match: re.Match[bytes]) -> bytes:
    character = chr(int(match[1], 16))
    return match[0] if "\ud800" <= character <= "\udfff" else character.encode()


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


class SharedStrings:
    """The strings of a workbook as CSV fields, in one buffer: four bytes a string beside its text."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._ends = array("I", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, raw: bytes) -> None:
        """Append the next string."""
        self._text += text_field(raw)
        self._ends.append(len(self._text))

    def field(self, index: bytes) -> bytes:
        """The field of the string with this number. Raises UnsupportedFormatError when there is none."""
        try:
            at = int(index)
            if at >= 0:
                return bytes(self._text[self._ends[at] : self._ends[at + 1]])
        except (ValueError, IndexError) as error:
            raise damaged() from error
        raise damaged()


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


def read_strings(open_part: Callable[[], Iterator[bytes]], strings: SharedStrings, limits: XlsxLimits) -> None:
    """Add the strings of a part to those that are none yet.

    Like the rows of a sheet they are read by regular expression up to the first that is not in the usual shape, and
    then by an XML parser. Raises UnsupportedFormatError for a damaged part and TooLargeError for one over the limits.
    """
    try:
        for raw in _plain_strings(_limited(open_part(), limits)):
            strings.add(raw)
    except UnusualShapeError:
        for raw in islice(_parsed_strings(_limited(open_part(), limits)), len(strings), None):
            strings.add(raw)


def _limited(blocks: Iterator[bytes], limits: XlsxLimits) -> Iterator[bytes]:
    size = 0
    for block in blocks:
        size += len(block)
        if size > limits.shared_strings_bytes:
            raise TooLargeError("The Excel workbook has too much text. Save the sheet with the data as CSV instead.")
        yield block


def _plain_strings(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The strings by regular expression. Raises UnusualShapeError before the first that it cannot read."""
    buffer = b""
    for block in blocks:
        buffer += block
        if opening := _STRINGS_OPEN.match(buffer):
            break
        if len(buffer) > _LONGEST_OPENING:
            raise UnusualShapeError
    else:
        raise UnusualShapeError
    buffer = buffer[opening.end() :]
    while True:
        end = buffer.rfind(b"</si>") + len(b"</si>")
        if end >= len(b"</si>"):
            require_plain(buffer[:end])
            found = _STRING.findall(buffer[:end])
            if sum(len(whole) for whole, _ in found) != end:
                raise UnusualShapeError
            for _, raw in found:
                yield unescaped(raw)
            buffer = buffer[end:]
        if len(buffer) > _LONGEST_STRING:
            raise UnusualShapeError
        more = next(blocks, b"")
        if not more:
            break
        buffer += more
    if not _STRINGS_CLOSE.fullmatch(buffer):
        raise UnusualShapeError


def _parsed_strings(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The strings by an XML parser, whatever the shape."""
    found: list[bytes] = []
    pieces: list[str] = []
    takes_text = False
    phonetic_depth = 0

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal takes_text, phonetic_depth
        local = local_name(name)
        if local == "si":
            pieces.clear()
        elif local == "rPh":  # how to pronounce the text, not the text
            phonetic_depth += 1
        takes_text = local == "t" and not phonetic_depth

    def end(name: str) -> None:
        nonlocal takes_text, phonetic_depth
        takes_text = False
        local = local_name(name)
        if local == "si":
            found.append("".join(pieces).encode())
        elif local == "rPh":
            phonetic_depth -= 1

    def text(data: str) -> None:
        if takes_text:
            pieces.append(data)

    stream = XmlStream(start=start, end=end, text=text)
    for block in blocks:
        stream.feed(block)
        yield from found
        found.clear()
    stream.close()
    yield from found
