import math
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scoring.values import (
    FORMULA_STARTS,
    SPACES,
    guarded,
    is_blank,
    is_number,
    read_number,
    read_quarter,
    read_year,
    trimmed,
    unguarded,
)

REFUSED = r"not a number|too large for a double|a sign inside parentheses"
finite_decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=4)


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
        ("'12.5", 12.5),
        ("' 12.5", 12.5),
        ("\xa0 7 \u200b", 7.0),
        ("\ufeff7", 7.0),
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
    assert read_number(text, percent=False) == number


@pytest.mark.parametrize(
    "text", ["", "   ", "\xa0", "-", "--", "\u2014", "n/a", "N/A", "NA", "na", "#N/A", "null", "'", "' - "]
)
def test_words_for_a_missing_number_are_blank(text: str) -> None:
    assert read_number(text, percent=False) is None


@pytest.mark.parametrize(
    "text",
    [
        "abc", "nan", "NaN", "inf", "-Infinity", "1e999", "-1e400", "0x1F", "1_000", "\u0663", "\uff11\uff12", "12,5",
        "1.234,5", "0,123", "1,23,456", "1,2345", ",123", "1,234 567", "$5", "5 USD", "1.2.3", "--5", "+-5", "(-5)",
        "(+5)", "((5))", "(5", "()", ".", "+", "e5", "1e", "5-", "- 5", "=1+1", "1/2", "''5", "%", "1\n2", "1\x002",
    ],
)  # fmt: skip
def test_ambiguous_or_invalid_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=REFUSED):
        read_number(text, percent=False)


@pytest.mark.parametrize(
    ("text", "number"), [("12%", 12.0), ("12 %", 12.0), ("-3.5%", -3.5), ("(12%)", -12.0), ("(12)%", -12.0)]
)
def test_percent_sign_is_valid_only_in_percent_columns(text: str, number: float) -> None:
    assert read_number(text, percent=True) == number
    with pytest.raises(ValueError, match=REFUSED):
        read_number(text, percent=False)


@pytest.mark.parametrize("text", ["12%%", "(12%)%", "%12", "nan%", "-%"])
def test_misplaced_percent_sign_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=REFUSED):
        read_number(text, percent=True)


@given(finite_decimals)
def test_every_notation_of_a_decimal_reads_as_its_nearest_double(decimal: Decimal) -> None:
    nearest = float(decimal)
    plain = f"{decimal:f}"
    assert read_number(plain, percent=False) == nearest
    assert read_number(f" '{plain} ", percent=False) == nearest
    assert read_number(f"{decimal:,f}", percent=False) == nearest
    assert read_number(f"{decimal:,f}".replace(",", "\xa0"), percent=False) == nearest
    assert read_number(f"({abs(decimal):,f})", percent=False) == -abs(nearest)
    assert read_number(plain.replace("-", "\u2212"), percent=False) == nearest


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_repr_of_a_float_is_read_exactly(number: float) -> None:
    read = read_number(repr(number), percent=False)
    assert read is not None
    assert math.copysign(1, read) == math.copysign(1, number)
    assert read == number


@given(st.text(max_size=30))
def test_any_text_is_a_finite_number_or_blank_or_refused(text: str) -> None:
    for percent in (False, True):
        try:
            number = read_number(text, percent=percent)
        except ValueError:
            continue
        assert number is None or math.isfinite(number)


@pytest.mark.parametrize(
    ("text", "year"), [("2015", 2015), (" 2015 ", 2015), ("2015.0", 2015), ("'1900", 1900), ("2027", 2027)]
)
def test_year_is_four_digits(text: str, year: int) -> None:
    assert read_year(text, next_year=2027) == year


@pytest.mark.parametrize(
    "text", ["1899", "2028", "20x5", "15", "02015", "2,015", "2015.5", "2e3", "-2015", "\u0662\u0660\u0661\u0665"]
)
def test_text_that_is_no_year_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="year"):
        read_year(text, next_year=2027)


@pytest.mark.parametrize("text", ["Q3", "q3", "3", " Q3 ", "3.0", "'3"])
def test_quarter_is_read_as_qn(text: str) -> None:
    assert read_quarter(text) == "Q3"


@pytest.mark.parametrize("text", ["Q0", "Q5", "5", "0", "third", "QQ3", "3Q", "Q3.0", "1,2"])
def test_text_that_is_no_quarter_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quarter"):
        read_quarter(text)


def test_blank_years_and_quarters_are_none() -> None:
    assert read_year(" ", next_year=2027) is None
    assert read_quarter("n/a") is None


def test_na_is_a_valid_symbol_but_a_blank_sector() -> None:
    assert not is_blank("NA", symbol=True)
    assert is_blank("NA")
    assert is_blank("n/a", symbol=True)
    assert not is_blank("Nanotech")


def test_every_unicode_space_is_trimmed() -> None:
    spaces = "".join(chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace())
    assert set(spaces) <= set(SPACES)
    assert trimmed(f"{spaces}A B{spaces}\u200b") == "A B"


@given(st.text(alphabet=st.sampled_from([*FORMULA_STARTS, "'", "a", "1"]), max_size=6))
def test_guard_is_added_once_and_removed_again(text: str) -> None:
    safe = guarded(text)
    assert not safe.startswith(FORMULA_STARTS)
    assert guarded(safe) == safe
    assert unguarded(safe) == unguarded(text)
    if safe != text:
        assert unguarded(safe) == text


@pytest.mark.parametrize(
    ("text", "is_one"), [("-5", True), ("+1,234", True), ("-3%", True), ("-", False), ("-5-2", False), ("=1", False)]
)
def test_cell_that_is_entirely_a_number_needs_no_guard(text: str, *, is_one: bool) -> None:
    assert is_number(text) is is_one
