import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delimited.cells import decimal_text
from shared.inputs.columns import normalized_name
from shared.inputs.header import Layout
from shared.scoring.results import OURS, header_line, input_names, result_columns
from shared.vocabulary import JobType, Outcome


def layout_of(*names: str) -> Layout:
    return Layout(
        delimiter=",",
        names=names,
        normalized=tuple(map(normalized_name, names)),
        job_type=JobType.ANNUAL,
        profile="statements",
        used_both=False,
        data_start=0,
    )


def test_input_columns_named_like_result_columns_get_a_unique_prefix() -> None:
    layout = layout_of("Row", "input_row", "Error", "sector", "Input-Error", "outcome")
    assert input_names(layout) == (
        "input_input_Row",
        "input_row",
        "input_input_Error",
        "sector",
        "Input-Error",
        "input_outcome",
    )


@given(
    st.lists(
        st.sampled_from([prefix + name for name in sorted(OURS) for prefix in ("", "input_", "input_input_")]),
        unique=True,
    )
)
def test_columns_of_a_result_file_have_unique_names(names: list[str]) -> None:
    columns = result_columns(layout_of(*names), Outcome.ALL)
    assert len({normalized_name(column) for column in columns}) == len(columns)


def test_header_is_guarded_and_quoted_like_any_text() -> None:
    assert header_line(layout_of("=1+1", "a,b", "Net Income"), Outcome.UNPROCESSED) == b'\'=1+1,"a,b",Net Income,row\n'


@given(st.floats(1e-12, 1, exclude_max=True))
def test_probability_has_six_significant_digits_and_no_exponent(probability: float) -> None:
    text = decimal_text(probability)
    assert re.fullmatch(r"[01](\.\d+)?", text)
    assert Decimal(text) == Decimal(f"{probability:.6g}")


@pytest.mark.parametrize(
    ("probability", "text"), [(0.1, "0.1"), (2.5e-5, "0.000025"), (0.0123456789, "0.0123457"), (1.0, "1")]
)
def test_probability_has_no_trailing_zeros(probability: float, text: str) -> None:
    assert decimal_text(probability) == text
