"""Number formats: which section applies to a number, and what it does to its text."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.workbook._number_formats import number_format
from shared.workbook._number_texts import iso_date, shortest
from shared.workbook.limits import MAX_COLUMNS
from shared.workbook.references import column_index, column_letters


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_text_reads_as_the_same_double(number: float) -> None:
    text = shortest(number)
    assert float(text) == number
    assert "e" not in text


@given(st.integers(0, MAX_COLUMNS - 1))
def test_column_is_found_by_its_letters(index: int) -> None:
    assert column_index(column_letters(index)) == index


@pytest.mark.hazard("A workbook with a cell at XFD1048576")
def test_last_column_is_xfd() -> None:
    assert column_letters(MAX_COLUMNS - 1) == "XFD"


def shown(code: str, number: float) -> str:
    """Returns the text of a number in this format."""
    found = number_format(code)
    return found.text(number, dates_from_1904=False) if found else shortest(number)


@pytest.mark.parametrize(
    "code",
    [
        "General",
        "@",
        "0.00",
        "#,##0.00;[Red]-#,##0.00",
        '0 "days"',
        "0\\d",
        "_-* #,##0_-;",
        '_(* #,##0_);_(* \\(#,##0\\);_(* "-"??_);_(@_)',
        "[h]:mm:ss",
        "[$€-407] #,##0.00",
        '0.0"%"',
        "0.0\\%",
        '#,##0.0",,"',
        "0.0_%",
        '"thousands, "0',
        "# ?/?",
        "##0.0E+0",
        ";;;",
    ],
)
def test_format_that_scales_nothing_keeps_the_number(code: str) -> None:
    assert number_format(code) is None


@pytest.mark.parametrize(
    ("code", "number", "text"),
    [
        # Thousands and millions: the commas behind the last digit, before or behind the decimals.
        ("#,##0.0,,", 332_812_345, "332.812345"),
        ("#,##0,", 17_250, "17.25"),
        ("#,##0,.0", 17_250, "17.25"),
        ("0.0,,;(0.0,,)", -4_200_500_000, "-4200.5"),
        ('[$$-409]#,##0.0,,"mm"', 332_800_000, "332.8"),
        ("_($* #,##0.0,,_);_($* (#,##0.0,,);_($* \"-\"??_);_(@_)", 332_800_000, "332.8"),
        ("_($* #,##0.0,,_);_($* (#,##0.0,,);_($* \"-\"??_);_(@_)", 0, "0"),
        # A literal 000 behind the last digit is displayed as three more digits.
        ('#,##0,"000"', 332_812_345, "332812345"),
        ('#,##0,",000"', 332_812_345, "332812345"),
        ('#,##0,,",000,000"', 332_812_345, "332812345"),
        ('0.0"000"', 1.5, "1.5"),
        # Percent.
        ("0%", 0.161, "16.1%"),
        ("0.0%_);\\(0.0%\\)", -0.03, "-3%"),
        ("% 0.0", 0.161, "16.1%"),
        ("0%%", 0.161, "1610%%"),
        # Conditions and sections.
        ("[<-1000]0.0%;0.0", 16.1, "16.1"),
        ("[<-1000]0.0%;0.0", -2_000, "-200000%"),
        ("0.0;[Red]-0.0%", 16.1, "16.1"),
        ("0.0;[Red]-0.0%", -0.161, "-16.1%"),
        ("0.0;-0.0;0%", 0, "0%"),
        ("[=1]0%;[=2]0;0.0", 3, "3"),
        ("0%;;;", -5, "-5"),
        # A unit that is not certain.
        ('[>=1000000]0.0,,"M";[>=1000]0.0,"K";0', 332_800_000, "#332800000"),
        ('[>=1000000]0.0,,"M";[>=1000]0.0,"K";0', 500, "#500"),
        ('[>=1000000]0.0,,"M";[>=1000]0.0,"K";0', 0, "0"),
        ('[<500000]"<0.5";0.0,,', 400_000, "#400000"),
        ('[<500000]"<0.5";0.0,,', 600_000, "0.6"),
        ('0.0" m",', 17_250, "#17250"),
        ("[>5]0.0,,", 3, "#3"),
        # Zeros in front.
        ("0000", 5, "0005"),
        ("0000", 12_345, "12345"),
        ("0000", -5, "-0005"),
        ("000.00", 5.125, "005.125"),
        ('"SZ"000000', 5, "SZ000005"),
        ("000\\-00", 1_234, "012-34"),
        ("00000_)", 501, "00501"),
        # Dates.
        ("dd/mm/yyyy", 45_322, "2024-01-31"),
        ("[$-409]mmmm d, yyyy;@", 45_322, "2024-01-31"),
        ("h:mm AM/PM", 0.25, "06:00:00"),
        ("yyyy-mm-dd", -1, "-1"),
        ("yyyy", 45_322, "2024"),
        ("yy", 45_322.5, "2024"),
        ('yyyy"E"', 45_322, "2024"),
        ("[$-411]e", 45_322, "2024"),
        ("mmm-yy", 45_322, "2024-01-31"),
        ("yyyy", 0.5, "1900"),
    ],
)  # fmt: skip
def test_number_has_the_displayed_text_with_all_its_digits(code: str, number: float, text: str) -> None:
    assert shown(code, number) == text


@given(st.floats(allow_nan=False))
def test_any_serial_is_a_date_or_none(serial: float) -> None:
    date = iso_date(serial, dates_from_1904=False)
    assert (date is not None) == (0 <= serial < 2_958_466)


@dataclass(frozen=True)
class Written:
    """A section of a format that was put together from its parts: how it is written, and what it does."""

    code: str
    commas: int
    percent_signs: int
    least: int
    condition: tuple[str, int] | None = None

    def text(self, number: int) -> str:
        scaled = Decimal(number) * Decimal(100) ** self.percent_signs / Decimal(1000) ** self.commas
        whole, _, fraction = f"{abs(scaled):f}".partition(".")
        fraction = fraction.rstrip("0")
        return (
            ("-" if number < 0 else "")
            + whole.zfill(self.least)
            + ("." + fraction if fraction else "")
            + "%" * self.percent_signs
        )


literals = st.sampled_from(["", '" m,,%;"', "\\%", "\\,", "_)", "* ", "[Red]", "[$€-407]", "$", "-", "(", '"0,0%"'])


@st.composite
def written(draw: st.DrawFn, *, commas: int) -> Written:
    """Returns a section that scales by this many commas."""
    whole, least = draw(st.sampled_from([("0", 1), ("#,##0", 1), ("#", 1), ("?,???", 1), ("#000", 3)]))
    fraction = draw(st.sampled_from(["", ".0", ".0#", ".??"]))
    before = draw(st.integers(0, commas)) if fraction else commas
    percent_signs = draw(st.integers(0, 2))
    before_signs = draw(st.integers(0, percent_signs))
    code = (
        draw(literals) + "%" * before_signs + draw(literals)
        + whole + "," * before + fraction + "," * (commas - before)
        + "%" * (percent_signs - before_signs) + draw(literals)
    )  # fmt: skip
    return Written(code, commas, percent_signs, least)


@st.composite
def written_formats(draw: st.DrawFn) -> list[Written]:
    commas = draw(st.integers(0, 3))
    sections = [draw(written(commas=commas)) for _ in range(draw(st.integers(1, 3)))]
    if len(sections) == 3 and draw(st.booleans()):
        for place in range(2):
            sign, limit = draw(st.sampled_from(["<", "<=", ">", ">=", "=", "<>"])), draw(st.integers(-3, 3))
            one = sections[place]
            code = f"[{sign}{limit}]{one.code}"
            sections[place] = Written(code, one.commas, one.percent_signs, one.least, (sign, limit))
    return sections


def chosen(sections: list[Written], number: int) -> Written:
    """Returns the section that applies to a number."""
    for section in sections:
        if section.condition:
            sign, limit = section.condition
            if (
                (number < limit and "<" in sign)
                or (number > limit and ">" in sign)
                or (number == limit and "=" in sign)
            ):
                return section
    if sections[0].condition:
        return sections[2]
    place = {1: 0, 2: number < 0, 3: (number < 0) + 2 * (number == 0)}[len(sections)]
    return sections[place]


@given(
    written_formats(), st.sampled_from([0, 1, -1, 2, -3, 7, 12_345, -332_812_345, 10**9]), st.sampled_from(["", ";@"])
)
def test_section_that_applies_decides_how_a_number_is_scaled(
    sections: list[Written], number: int, of_text: str
) -> None:
    code = ";".join(section.code for section in sections) + of_text
    assert shown(code, number) == chosen(sections, number).text(number)


@given(st.text(alphabet='0#?.,%;"\\_*[]<>=-Ee/@ymdhsGeneral Red$0123', max_size=20), st.floats(-1e9, 1e9))
def test_any_format_code_gives_a_text(code: str, number: float) -> None:
    assert shown(code, number)
