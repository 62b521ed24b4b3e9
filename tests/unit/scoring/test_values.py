import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.inputs.numbers import trimmed
from shared.scoring.values import (
    cleaned,
    guarded,
    is_blank,
    is_date,
    is_number,
    read_quarter,
    read_year,
    unguarded,
)


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2015", 2015),
        (" 2015 ", 2015),
        ("2015.0", 2015),
        ("'1900", 1900),
        ("2018\u200f", 2018),
        ('="2024"', 2024),
        ("2027", 2027),
    ],
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


@given(st.text(st.sampled_from("=+-@\uff1d\uff0b\uff0d\uff20\t\r\n;| \"'a1"), max_size=8))
def test_guards_are_added_once_and_removed_again(text: str) -> None:
    safe = guarded(text)
    assert guarded(safe) == safe
    assert unguarded(safe) == unguarded(text)
    if "'" not in text:
        assert unguarded(safe) == text
    # However a spreadsheet splits the text, no part begins a formula.
    signs = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
    assert not safe.startswith((*signs, "\t", "\r", "\n"))
    assert not any(part.lstrip(' "').startswith(signs) for part in re.split(r"[;|\t\r\n]", safe)[1:])


@pytest.mark.hazard("Text that a spreadsheet would run as a formula")
@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1", "'=1"),
        ("\uff1d1", "'\uff1d1"),
        ("\n1", "'\n1"),
        ("Co;=HYPERLINK(1)", "Co;'=HYPERLINK(1)"),
        ('Co| "@x', "Co| \"'@x"),
        ("Co\t\uff20x", "Co\t'\uff20x"),
        ("a\n- b\r\n-c", "a\n'- b\r\n'-c"),
        ("\t=1", "'\t'=1"),
        ("Co, =1", "Co, =1"),
        ("Co - =1", "Co - =1"),
        ("Co;'=1", "Co;'=1"),
        ("L'Or\xe9al; 'n' |", "L'Or\xe9al; 'n' |"),
    ],
)
def test_guard_is_before_each_character_that_begins_a_formula(text: str, safe: str) -> None:
    assert guarded(text) == safe


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("-5", True),
        ("+1,234", True),
        ("-12,5", True),
        ('="5"', False),
        ("-5x", False),
        ("-3%", True),
        ("-", False),
        ("-5-2", False),
        ("=1", False),
    ],
)
def test_cell_that_is_entirely_a_number_needs_no_guard(text: str, *, is_one: bool) -> None:
    assert is_number(text) is is_one


@pytest.mark.parametrize(
    ("written", "symbol", "name"),
    [
        ('="0005"', "0005", "0005"),
        (' ="1E10" ', "1E10", "1E10"),
        ("'0700", "0700", "0700"),
        ("'TRUE", "TRUE", "'TRUE"),
        ("\x1aCCC", "CCC", "CCC"),
        ("\ufeffCCC", "CCC", "CCC"),
        ("C\u200bC\xadC\u202e", "CCC", "CCC"),
        ("=0005", "=0005", "=0005"),
        ("'n Sync", "n Sync", "'n Sync"),
        ("Foods\r\nInc", "Foods\r\nInc", "Foods\r\nInc"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u062e", "\u0645\u06cc\u200c\u062e"),
        ("a\u200db\u200d", "ab", "ab"),
    ],
)
def test_marks_and_invisible_characters_are_no_part_of_a_text(written: str, symbol: str, name: str) -> None:
    assert trimmed(cleaned(written, symbol=True)) == symbol
    assert trimmed(cleaned(written)) == name


@given(st.text(st.sampled_from("a0'=\"\u200c\u200d\x1a\ufeff \xe9\u200b"), max_size=8))
def test_cleaned_text_is_clean(text: str) -> None:
    for symbol in (True, False):
        clean = cleaned(text, symbol=symbol)
        if not clean.strip().startswith(("=", "'")):
            assert cleaned(clean, symbol=symbol) == clean


@pytest.mark.parametrize(
    "symbol",
    [
        "2-Mar", "1-Sep", "02-MAR", "Mar-02", "Mar-2024", "2-Mar-24", "2 March 2024", "02. M\xe4r", "02. Mrz",
        "3-ao\xfbt", "2024-03-02", "2024/3/2", "2024-03-02 00:00:00", "3/2/2024", "3/2/24", "02.03.2024", "2-3-2024",
    ],
)  # fmt: skip
def test_date_that_excel_made_of_a_symbol_is_known(symbol: str) -> None:
    assert is_date(symbol)


@pytest.mark.parametrize(
    "symbol",
    ["MAR2", "SEP1", "DEC", "BRK-B", "BF.B", "0700.HK", "005930.KS", "7203", "A-1", "MAR-A", "3/2", "1.2.3", "C48"],
)  # fmt: skip
def test_usual_symbol_is_no_date(symbol: str) -> None:
    assert not is_date(symbol)
