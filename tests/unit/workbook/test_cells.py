"""Numbers, column letters and number formats of cells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.workbook._cells import NumberFormat, column_index, column_letters, iso_date, number_format, shortest
from shared.workbook.limits import MAX_COLUMNS


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


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("General", None),
        ("0.00", None),
        ("#,##0.00;[Red]-#,##0.00", None),
        ('0 "days"', None),
        ("0\\d", None),
        ("_-* #,##0_-;", None),
        ("[h]:mm:ss", None),
        ("0.0%", NumberFormat.PERCENT),
        ("dd/mm/yyyy", NumberFormat.DATE),
        ("[$-409]mmmm d, yyyy;@", NumberFormat.DATE),
        ("h:mm AM/PM", NumberFormat.DATE),
    ],
)
def test_format_code_decides_the_meaning_of_a_number(code: str, meaning: NumberFormat | None) -> None:
    assert number_format(code) is meaning


@given(st.floats(allow_nan=False))
def test_any_serial_is_a_date_or_none(serial: float) -> None:
    date = iso_date(serial, dates_from_1904=False)
    assert (date is not None) == (0 <= serial < 2_958_466)
