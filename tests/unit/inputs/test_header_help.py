import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.inputs.columns import BY_NAME
from shared.inputs.header_help import advice_on_rows, shown, similar_names

EVERY_COLUMN = frozenset(BY_NAME)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("total_asset", "total_assets"),
        ("Total Assets (USD mm)", "total_assets"),
        ("Total Assets [m$]", "total_assets"),
        ("totalAssets", "total_assets"),
        ("TOTALASSETS", "total_assets"),
        ("total.assets", "total_assets"),
        ("Assets, total", "total_assets"),
        ("FY24 Total Assets", "total_assets"),
        ("tottal_assets", "total_assets"),
        ("Inventories", "inventory"),
        ("symbol", "company_symbol"),
        ("Market capitalization", "market_cap"),
        ("Total Debt/EBITDA", "total_debt_to_ebitda"),
        ("Depreciation & Amortization", "depreciation_amortization"),
        ("(EBITDA)", "ebitda"),
    ],
)
def test_similar_name_is_found(name: str, column: str) -> None:
    assert similar_names(["remarks", name], EVERY_COLUMN) == {column: name}


@pytest.mark.parametrize("name", ["", "remarks", "total", "company", "income", "total_assets", "ebit", "isin", "()"])
def test_name_that_is_known_or_could_be_several_columns_is_similar_to_none(name: str) -> None:
    assert similar_names([name], EVERY_COLUMN) == {}


def test_each_name_is_the_most_similar_of_one_column() -> None:
    names = ["Current Assets (mm)", "Total Assets (mm)", "Total Asset"]
    assert similar_names(names, {"total_assets", "current_assets"}) == {
        "total_assets": "Total Asset",
        "current_assets": "Current Assets (mm)",
    }


@given(st.lists(st.text(max_size=40), max_size=20), st.sets(st.sampled_from(sorted(BY_NAME))))
def test_similar_names_of_any_header_are_names_of_it_for_wanted_columns(names: list[str], wanted: set[str]) -> None:
    similar = similar_names(names, wanted)
    assert set(similar) <= wanted
    assert set(similar.values()) <= set(names)
    assert len(set(similar.values())) == len(similar)


def test_shown_name_is_one_short_line() -> None:
    assert shown("Total \n Assets") == "Total Assets"
    assert shown("x" * 500) == "x" * 59 + "…"


def test_row_of_a_sheet_that_looks_like_the_header_is_named() -> None:
    rows = [(3, ["As of"]), (7, ["Company Symbol", "Sector", "market-cap"]), (8, ["AAA", "Tech", "1"])]
    advice = advice_on_rows(["Screening results"], rows, unit="row")
    assert advice is not None
    assert advice.sentence == "Row 7 looks like the header: remove the rows above it."
    assert advice.names == {"company_symbol", "sector", "market_cap"}


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (["company_symbol", "sector", "notes"], [["company_symbol", "sector", "notes"]]),
        (["title"], [["company_symbol", "sector"]]),
        (["title"], [["x"]] * 30 + [["company_symbol", "sector", "market_cap"]]),
        (["2017", "2018", "Name", "Place", "Remarks", "More"], []),
        (["sector", "2017", "2018", "2019"], []),
        ([], []),
    ],
)
def test_row_that_may_be_the_header_gets_no_advice(header: list[str], rows: list[list[str]]) -> None:
    assert advice_on_rows(header, enumerate(rows, start=2), unit="line") is None
