"""Number formats: the text of a number in a cell, where its format scales it, pads it or shows a date.

A format code has up to four sections: positive, negative, zero, text. Sections may have conditions instead. The section
that applies to a value decides (ECMA-376 part 1, 18.8.31; the choice of the section is that of Excel and Apache POI):

| In the section | Text of the cell |
|---|---|
| `%` | the number times 100, and the sign |
| `,` behind the last digit of the whole part, or at the end | the number divided by 1,000 for each |
| `"000"` behind the last digit | times 1,000 again, as displayed |
| two or more `0` before the point | the number with that many digits |
| zeros and literal text alone, such as `"SZ"000000` | all of it |
| only the year of a date | four digits |
| any other date | ISO 8601 |

Digits that a format does not show are kept: 332,812,345 shown as 332.8 is 332.812345. Quoted, escaped and padding
characters, colors and locales scale nothing. A sign that a section leaves out is kept: red may mean negative.

A number is refused, so that it is read as no number, where its displayed unit is not certain: a format whose sections
scale differently (`[>=1000000]0.0,,"M";0.0,"K"`), a text in place of the number, and a comma behind literal text.
"""

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final

from shared.workbook._number_texts import iso_date, positional, shortest

REFUSED: Final = b"#"
"""The sign before a number whose reading is not certain. No number and no blank begins with it."""

# Quoted text, an escape, the width of a character, a filling character, a bracket, or any other character.
_TOKEN: Final = re.compile(r'"([^"]*)"|\\(.)|_(.)|\*(.)|\[([^\]]*)\]|(.)', re.DOTALL)
_CONDITION: Final = re.compile(r"(<=|>=|<>|<|>|=)\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)")
_ELAPSED: Final = re.compile(r"h+|m+|s+", re.IGNORECASE)
_GROUPS_OF_ZEROS: Final = re.compile(r"(?:[,.' ]?000)+")
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "<>": operator.ne,
}  # fmt: skip
_MOST_NUMBER_SECTIONS: Final = 3


class _Kind(Enum):
    NUMBER = "number"
    DATE = "date"
    YEAR = "year"
    LITERAL = "literal"  # a text in place of the number


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """One section of a format.

    `shift` is the power of ten that the number is multiplied by, `digits` the fewest digits before the point. `pattern`
    has a section of zeros and literal text alone: its texts, and None for each zero.
    """

    kind: _Kind
    condition: tuple[str, float] | None = None
    percent_signs: int = 0
    shift: int = 0
    digits: int = 1
    pattern: tuple[str | None, ...] = ()
    is_unclear: bool = False

    @property
    def thousands(self) -> int:
        """The power of ten that the number is multiplied by besides percent signs."""
        return self.shift - 2 * self.percent_signs

    def applies(self, number: float) -> bool:
        return self.condition is not None and _COMPARE[self.condition[0]](number, self.condition[1])

    @property
    def is_plain(self) -> bool:
        """Whether a number in it is displayed as what it is."""
        return self.kind is _Kind.NUMBER and not self.shift and self.digits == 1 and not self.is_unclear

    def number_text(self, number: float) -> str:
        if self.pattern and number >= 0 and number.is_integer():
            digits = f"{int(number):0{self.digits}d}"
            more = digits[: len(digits) - self.digits]
            places = iter(digits[len(more) :])
            shown = [next(places) if literal is None else literal for literal in self.pattern]
            at = self.pattern.index(None)
            return "".join([*shown[:at], more, *shown[at:]]).strip()
        text = positional(Decimal(repr(number)).scaleb(self.shift)) if self.shift else shortest(number)
        if self.digits > 1:
            whole, point, fraction = text.removeprefix("-").partition(".")
            text = f"{'-' if number < 0 else ''}{whole.zfill(self.digits)}{point}{fraction}"
        return text + "%" * self.percent_signs


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFormat:
    """A format that changes the text of some number."""

    code: str
    sections: tuple[_Section, ...]
    """Of numbers: at most three."""
    scales: bool
    """Whether a section scales by thousands, or may do so."""
    is_mixed: bool
    """Whether the sections scale numbers other than zero by different thousands."""
    only: _Section | None
    """The section that has the effect of all: it scales and does nothing else. None where they differ."""

    def text(self, number: float, *, dates_from_1904: bool) -> str:
        """Returns the text of a finite number."""
        if only := self.only:
            return positional(Decimal(repr(number)).scaleb(only.shift)) + "%" * only.percent_signs
        return self._text_by_section(number, dates_from_1904=dates_from_1904)

    def _text_by_section(self, number: float, *, dates_from_1904: bool) -> str:
        section = self._section(number)
        if section is None or section.is_unclear or (self.is_mixed and number and section.kind is not _Kind.DATE):
            return REFUSED.decode() + shortest(number)
        if section.kind is _Kind.LITERAL:
            # A dash or nothing for zero. In place of another number it may mean anything, such as "<1" for 0.4 million.
            return (REFUSED.decode() if number and self.scales else "") + shortest(number)
        if section.kind is _Kind.NUMBER:
            return section.number_text(number)
        date = iso_date(number, dates_from_1904=dates_from_1904)
        if date is None:
            return shortest(number)
        if section.kind is _Kind.YEAR:
            return date[:4] if date[4:5] == "-" else "1904" if dates_from_1904 else "1900"
        return date

    def _section(self, number: float) -> _Section | None:
        first = self.sections[0]
        if len(self.sections) == 1:
            return first if first.condition is None or first.applies(number) else None
        _, second, *third = self.sections
        if first.applies(number) or (first.condition is None and (number > 0 or (number == 0 and not third))):
            return first
        if second.applies(number) or (second.condition is None and (number < 0 or not third)):
            return second
        return third[0] if third else None


_BUILT_IN_CODES: Final = {
    **dict.fromkeys([*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)], "yyyy-mm-dd"),
    9: "0%",
    10: "0.00%",
}


def number_format(code: str) -> NumberFormat | None:
    """Returns the format with this code; None for one that displays each number as what it is."""
    sections = [_section(tokens) for tokens in _split(code)]
    if len(sections) <= _MOST_NUMBER_SECTIONS and len(sections) > 1 and sections[-1] is None:
        sections.pop()
    found = tuple(section or _Section(kind=_Kind.NUMBER) for section in sections[:_MOST_NUMBER_SECTIONS])
    if all(section.is_plain or section.kind is _Kind.LITERAL for section in found):
        return None
    # Without conditions the third section is that of zero.
    shown = found if any(section.condition for section in found[:2]) else found[:2]
    scaled = {
        (section.shift, section.percent_signs)
        if section.kind is _Kind.NUMBER and section.digits == 1 and not section.condition and not section.is_unclear
        else None
        for section in found
    }
    return NumberFormat(
        code=code,
        sections=found,
        only=found[0] if len(scaled) == 1 and None not in scaled else None,
        scales=any(section.is_unclear or section.thousands for section in found),
        is_mixed=len({section.thousands for section in shown if section.kind is _Kind.NUMBER}) > 1,
    )


def read_formats(elements: Iterable[tuple[str, dict[str, str]]]) -> dict[bytes, NumberFormat]:
    """Returns the formats that matter by the number of their style, from the elements of the styles part."""
    custom: dict[str, NumberFormat | None] = {}
    built_in = {str(number): number_format(code) for number, code in _BUILT_IN_CODES.items()}
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
            found = custom[number] if number in custom else built_in.get(number)
            if found:
                formats[str(style).encode()] = found
            style += 1
    if b"0" in formats:
        formats[b""] = formats[b"0"]  # of cells without a style
    return formats


def _split(code: str) -> list[list[re.Match[str]]]:
    """Returns the tokens of each section."""
    sections: list[list[re.Match[str]]] = [[]]
    for token in _TOKEN.finditer(code):
        if token[6] == ";":
            sections.append([])
        else:
            sections[-1].append(token)
    return sections


def _section(tokens: list[re.Match[str]]) -> _Section | None:
    """Returns what a section does to a number; None for one of text (`@`)."""
    signs = "".join(token[6] or "" for token in tokens).lower()
    brackets = [token[5] for token in tokens if token[5] is not None]
    conditions = [match for bracket in brackets if (match := _CONDITION.fullmatch(bracket.strip()))]
    condition = (conditions[0][1], float(conditions[0][2])) if conditions else None
    if "general" in signs or any(_ELAPSED.fullmatch(bracket) for bracket in brackets):
        return _Section(kind=_Kind.NUMBER, condition=condition)
    if "@" in signs:
        return None
    if not re.search("[0#?]", signs):
        letters = re.sub("[^a-z]", "", signs)
        if re.fullmatch("y+|e+", letters):
            return _Section(kind=_Kind.YEAR, condition=condition)
        is_date = re.search("[dmyhs]", letters)
        return _Section(kind=_Kind.DATE if is_date else _Kind.LITERAL, condition=condition)
    if re.search("[dmyhs]", signs):
        return _Section(kind=_Kind.DATE, condition=condition)
    return _scaled(tokens, condition)


def _scaled(tokens: list[re.Match[str]], condition: tuple[str, float] | None) -> _Section:
    """Returns a section with digits."""
    percent_signs = thousands = commas = zeros = 0
    in_fraction = is_scientific = is_adjacent = is_unclear = False
    is_pattern = True
    behind = ""  # the literal text behind the last digit
    pattern: list[str | None] = []
    for token in tokens:
        sign = token[6] or ""
        if sign and sign in "0#?":
            if is_scientific:
                continue
            commas, behind, is_adjacent, is_unclear = 0, "", True, False
            if sign == "0" and not in_fraction:
                zeros += 1
            is_pattern &= sign == "0"
            pattern.append(None)
        elif sign == ",":
            is_pattern = False
            if is_adjacent:
                commas += 1
            else:
                is_unclear = None in pattern
        elif sign == "." and not in_fraction:
            thousands += commas
            in_fraction, is_adjacent, is_pattern, commas = True, True, False, 0
        elif sign == "%":
            percent_signs += 1
            is_adjacent, is_pattern = False, False
        elif sign in {"E", "e"} and pattern:
            is_scientific, is_pattern = True, False
        elif sign == "/":
            is_pattern = False
        elif token[5] is None and token[4] is None:
            literal = " " if token[3] else token[1] or token[2] or sign
            behind, is_adjacent = behind + literal, False
            pattern.append(literal)
    thousands += commas
    groups = None if in_fraction else _GROUPS_OF_ZEROS.match(behind)
    return _Section(
        kind=_Kind.NUMBER,
        condition=condition,
        percent_signs=percent_signs,
        shift=2 * percent_signs - 3 * thousands + (groups[0].count("0") if groups else 0),
        digits=max(zeros, 1),
        pattern=tuple(pattern) if is_pattern and zeros > 1 else (),
        is_unclear=is_unclear,
    )
