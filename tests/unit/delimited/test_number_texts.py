import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.delimited.cells import decimal_text
from shared.delimited.writing import fraction_cells, integer_cells
from shared.scoring.model import rounded

# Probabilities of up to six digits, trailing zeros among them, and some too small.
mantissas = st.one_of(st.integers(100_000, 999_999), st.integers(1, 9_999).map(lambda number: number * 1_000))
probabilities = st.one_of(
    st.floats(1e-12, 1).map(lambda number: float(rounded(np.array([number]))[0])),
    st.builds(lambda mantissa, places: float(f"{mantissa}e-{places}"), mantissas, st.integers(7, 14)).filter(
        lambda number: number <= 1
    ),
)


def scalar_texts(figures: list[float]) -> list[bytes]:
    return [f",{decimal_text(figure)}".encode() for figure in figures]


@given(st.integers(0, 10**12), st.integers(0, 3_000))
@example(0, 0)
@example(1_000, 0)
@example(999, 2)
@example(99_999, 1_001)
def test_row_numbers_are_written_as_python_writes_them(first: int, count: int) -> None:
    assert integer_cells(first, count).tolist() == [b",%d" % number for number in range(first, first + count)]


@given(st.lists(probabilities, max_size=50))
@example([1.0, 0.1, 0.01, 0.001, 0.0001, 0.00001, 0.999999, 0.0999999, 0.00999999, 0.000999999, 0.0000999999])
@example([0.12, 0.123, 0.1234, 0.100001, 0.10001, 0.001001, 0.5])
def test_column_of_probabilities_equals_the_scalar_texts(figures: list[float]) -> None:
    assert fraction_cells(np.array(figures)).tolist() == scalar_texts(figures)


@pytest.mark.parametrize("power", [0, -1, -2, -3, -4, -5])
def test_probabilities_near_a_power_of_ten_equal_the_scalar_texts(power: int) -> None:
    nearby = 10.0**power * np.array([1 - 5e-7, 1 - 4e-7, 1, 1 + 4e-6, 1 + 6e-6])
    figures = rounded(np.minimum(nearby, 1))
    assert fraction_cells(figures).tolist() == scalar_texts(figures.tolist())
