import math
import re
import sys
import unicodedata
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.inputs.columns import Unit
from shared.inputs.numbers import (
    INVISIBLE,
    SPACES,
    AmbiguousNumberError,
    evidence_of,
    is_dash,
    read_figure,
    read_number,
    trimmed,
)
from shared.vocabulary import DECIMAL_POINT, DecimalConvention, DecimalSign

REFUSED = r"not a number|too large for a double|two signs"
finite_decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=4)
signs = st.sampled_from(get_args(DecimalSign))
# Texts that look like numbers far more often than chance would have it.
number_like = st.one_of(
    st.from_regex(re.compile(r"['( ]?[-+]?[0-9]{1,4}([., \xa0][0-9]{1,4}){0,3}[-)%x ]{0,2}", re.ASCII), fullmatch=True),
    st.text(st.sampled_from("0123456789.,-+()%x' \xa0\u202f\u200e\u2212eE"), max_size=12),
)
EXCHANGED = {ord("."): ",", ord(","): "."}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,234.5", 1234.5),
        ("1,234", 1234.0),
        ("-12,345,678", -12345678.0),
        ("1 234.5", 1234.5),
        ("1\u202f234\u202f567", 1234567.0),
        ("1\xa0234", 1234.0),
        ("(3.2)", -3.2),
        ("( 1,000 )", -1000.0),
        ("\u22123.2", -3.2),
        ("\u20133.2", -3.2),
        ("137.861-", -137.861),
        ("1,234,567-", -1234567.0),
        ("5 \u2212", -5.0),
        ("'12.5", 12.5),
        ("' 12.5", 12.5),
        ('="12.5"', 12.5),
        ("\xa0 7 \u200b", 7.0),
        ("\ufeff7", 7.0),
        ("\u200e2672.478", 2672.478),
        ("\u202a420.5\u202c", 420.5),
        ("4\u200b20\u200f.5", 420.5),
        ("\x1a5.599", 5.599),
        ("+5", 5.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("007", 7.0),
        ("1.5E+05", 150000.0),
        ("-0.0", 0.0),
        ("1e-999", 0.0),
    ],
)
def test_number_is_read_in_every_usual_notation(text: str, number: float) -> None:
    assert read_number(text) == number
    assert read_number(text.translate(EXCHANGED), sign=",") == number


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "\xa0", "\u200e", "-", "--", "---", "\u2014", "\u2013", "n/a", "N/A", "NA", "na", "#N/A", "null",
        "'", "' - ", "None", "NM", "nm", "NMF", "n.m.", "N.M.", "NR", "@NA", "#N/A N/A", "#N/A Field Not Applicable",
        "\\N", "<NA>", "(null)", "#N/A Invalid Security",
    ],
)  # fmt: skip
def test_words_for_a_missing_number_are_blank(text: str) -> None:
    assert read_number(text) is None
    assert read_number(text, unit=Unit.PERCENT, sign=",") is None


@pytest.mark.parametrize(
    "text",
    [
        "abc", "nan", "NaN", "inf", "-Infinity", "1e999", "-1e400", "0x1F", "1_000", "\u0663", "\uff11\uff12", "12,5",
        "1.234,5", "0,123", "1,23,456", "1,2345", ",123", "1,234 567", "$5", "5 USD", "1.2.3", "--5", "+-5", "(-5)",
        "(+5)", "((5))", "(5", "()", ".", "+", "e5", "1e", "-5-", "5--", "(5-)", "- 5", "=1+1", "=5", "1/2", "''5", "%",
        "1\n2", "NMX", "1.234.567", "3.0x", "12%", "----",
    ],
)  # fmt: skip
def test_ambiguous_or_invalid_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=REFUSED):
        read_number(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [("12%", 12.0), ("12 %", 12.0), ("-3.5%", -3.5), ("(12%)", -12.0), ("(12)%", -12.0), ("12%-", -12.0)],
)
def test_percent_sign_is_valid_only_in_percent_columns(text: str, number: float) -> None:
    assert read_number(text, unit=Unit.PERCENT) == number
    for unit in (None, Unit.USD_MILLION, Unit.MULTIPLE):
        with pytest.raises(ValueError, match=REFUSED):
            read_number(text, unit=unit)


@pytest.mark.parametrize(
    ("text", "number"), [("3.0x", 3.0), ("3 X", 3.0), ("-1.5x", -1.5), ("(2x)", -2.0), ("4\xd7", 4)]
)
def test_x_is_valid_only_in_columns_of_multiples(text: str, number: float) -> None:
    assert read_number(text, unit=Unit.MULTIPLE) == number
    for unit in (None, Unit.USD_MILLION, Unit.PERCENT):
        with pytest.raises(ValueError, match=REFUSED):
            read_number(text, unit=unit)


@pytest.mark.parametrize("text", ["12%%", "(12%)%", "%12", "nan%", "-%"])
def test_misplaced_percent_sign_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=REFUSED):
        read_number(text, unit=Unit.PERCENT)


@given(finite_decimals)
def test_every_notation_of_a_decimal_reads_as_its_nearest_double(decimal: Decimal) -> None:
    nearest = float(decimal)
    plain = f"{decimal:f}"
    grouped = f"{decimal:,f}"
    for text in (plain, f" '{plain} ", grouped, grouped.replace(",", "\xa0"), plain.replace("-", "\u2212")):
        assert read_number(text) == nearest
        assert read_number(text.translate(EXCHANGED), sign=",") == nearest
    assert read_number(f"({abs(decimal):,f})") == -abs(nearest)
    assert read_number(f"{abs(decimal):,f}-") == -abs(nearest)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_repr_of_a_float_is_read_exactly(number: float) -> None:
    read = read_number(repr(number))
    assert read is not None
    assert math.copysign(1, read) == math.copysign(1, number)
    assert read == number


@given(st.text(max_size=30), signs)
def test_any_text_is_a_finite_number_or_blank_or_refused(text: str, sign: DecimalSign) -> None:
    for unit in (None, *Unit):
        try:
            number = read_number(text, unit=unit, sign=sign)
        except ValueError:
            continue
        assert number is None or math.isfinite(number)


def by_hand(text: str, sign: str) -> Decimal | None:
    """Returns the number that a plain text means with this decimal sign, None for anything else.

    Written from the rules, not from the code: groups of three behind one to three digits of which the first is not 0.
    """
    negative = text.startswith("-")
    text = text.removeprefix("-")
    whole, _, fraction = text.partition(sign)
    other = "," if sign == "." else "."
    groups = whole.split(other)
    if len(groups) > 1 and not (
        all(len(group) == 3 for group in groups[1:]) and 1 <= len(groups[0]) <= 3 and groups[0][0] != "0"
    ):
        return None
    digits = "".join(groups)
    if not (digits + fraction) or not set(digits + fraction) <= set("0123456789"):
        return None
    number = Decimal(f"{digits or '0'}.{fraction or '0'}")
    return -number if negative else number


@example(text="672,478", sign=".")
@example(text="672.478", sign=",")
@example(text="0,123", sign=".")
@example(text="1.234.567", sign=",")
@given(text=st.from_regex(re.compile("-?[0-9]{0,4}([.,][0-9]{0,4}){0,3}", re.ASCII), fullmatch=True), sign=signs)
def test_number_is_that_of_an_independent_reading(text: str, sign: DecimalSign) -> None:
    if text in ("", "-"):
        return
    expected = by_hand(text, sign)
    if expected is None:
        with pytest.raises(ValueError, match=REFUSED):
            read_number(text, sign=sign)
    else:
        assert read_number(text, sign=sign) == float(expected)


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("151,2", "comma"), ("12,45", "comma"), ("0,123", "comma"), ("1234,567", "comma"), ("1.234,5", "comma"),
        ("1.234.567", "comma"), ("1 234,567", "comma"), ("(151,2)", "comma"), ("137,86-", "comma"), (",5", "comma"),
        ("151.2", "point"), ("1,234.5", "point"), ("1,234,567", "point"), ("0.123", "point"), ("1234.567", "point"),
        ("1 234.567", "point"), ("1.234e5", "point"), ("'151.2", "point"),
        ("672,478", "either"), ("672.478", "either"), ("-1,234", "either"), ("(1.234)", "either"),
        ("12", "nothing"), ("1 234", "nothing"), ("5.", "nothing"), ("5,", "nothing"), ("1.2.3", "nothing"),
        ("1,23,456", "nothing"), ("n.a.", "nothing"), ("Foods, Inc.", "nothing"), ("", "nothing"),
        ("31.12.2024", "nothing"),
    ],
)  # fmt: skip
def test_evidence_of_a_figure_is_the_decimal_sign_it_proves(text: str, evidence: str) -> None:
    assert evidence_of(text) == evidence


@given(number_like)
def test_exchanging_points_and_commas_exchanges_the_evidence(text: str) -> None:
    exchanged = {"point": "comma", "comma": "point"}
    for unit in (None, *Unit):
        evidence = evidence_of(text, unit=unit)
        assert evidence_of(text.translate(EXCHANGED), unit=unit) == exchanged.get(evidence, evidence)


@given(number_like, signs)
def test_figure_that_could_be_both_is_ambiguous_where_the_convention_says_so(text: str, sign: DecimalSign) -> None:
    strict = DecimalConvention(sign=sign, ambiguous=".,")
    if evidence_of(text) == "either":
        with pytest.raises(AmbiguousNumberError):
            read_figure(text, strict)
        return
    try:
        expected = read_number(text, sign=sign)
    except ValueError:
        with pytest.raises(ValueError, match=REFUSED):
            read_figure(text, strict)
    else:
        assert read_figure(text, strict) == expected


@given(text=number_like, sign=signs, ambiguous=st.sampled_from(["", ",", ".,"]))
def test_simple_figure_is_read_as_the_same_one_with_a_space_behind_it(
    text: str, sign: DecimalSign, ambiguous: str
) -> None:
    # With a space it takes the way of all other figures.
    convention = DecimalConvention(sign=sign, ambiguous=ambiguous)

    def read(figure: str) -> object:
        try:
            return read_figure(figure, convention, unit=Unit.PERCENT)
        except ValueError as error:
            return type(error)

    assert read(text) == read(f"{text} ")
    assert evidence_of(text, unit=Unit.PERCENT) == evidence_of(f"{text} ", unit=Unit.PERCENT)


def test_only_the_separators_of_the_convention_are_ambiguous() -> None:
    mostly_points = DecimalConvention(ambiguous=",")
    assert read_figure("672.478", mostly_points) == 672.478
    with pytest.raises(AmbiguousNumberError):
        read_figure("672,478", mostly_points)
    assert read_figure("672,478", DECIMAL_POINT) == 672478
    assert read_figure("672,478", DecimalConvention(sign=",")) == 672.478


def test_number_of_a_typed_cell_is_read_as_it_is() -> None:
    workbook = DecimalConvention(sign=",", ambiguous=".,", has_typed_cells=True)
    assert read_figure("672.478", workbook) == 672.478
    assert read_figure("17,25", workbook) == 17.25
    for text in ("'672.478", "'672,478", "672,478"):
        with pytest.raises(AmbiguousNumberError):
            read_figure(text, workbook)


def test_every_invisible_character_is_known() -> None:
    # Visible signs of category Cf before a number or a text.
    shown = {0x600, 0x601, 0x602, 0x603, 0x604, 0x605, 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
    unknown = {
        code
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in ("Cf", "Cc")
        and not INVISIBLE.match(chr(code))
        and not chr(code).isspace()
    }
    assert unknown <= shown


def test_every_unicode_space_is_trimmed() -> None:
    spaces = "".join(chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace())
    assert set(spaces) <= set(SPACES)
    assert trimmed(f"{spaces}A B{spaces}\u200b") == "A B"


@pytest.mark.parametrize(("text", "dash"), [("-", True), (" \u2014 ", True), ("--", True), ("", False), ("-5", False)])
def test_dash_is_distinguished_from_other_blanks(text: str, *, dash: bool) -> None:
    assert is_dash(text) is dash
