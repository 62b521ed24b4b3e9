"""Notes about figures that look as if they were in another unit, the same for a file in one chunk and in many."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local import panel
from shared.scoring.chunk_summary import ChunkSummary
from shared.scoring.risk_summary import RiskSummary
from shared.vocabulary import Note
from tests.unit.scoring.scored_files import RATIOS, STATEMENTS, score_file


def notes_of(header: str, rows: Sequence[str], *, cuts: Sequence[int] = (), scored: bool = True) -> tuple[Note, ...]:
    summary = RiskSummary()
    for start, end in itertools.pairwise([0, *sorted(cuts), len(rows)]):
        text = "\n".join([header, *rows[start:end]]) + "\n"
        chunk = score_file(text, first_row=start + 1, scored=scored)
        summary.add(ChunkSummary.from_bytes(chunk.parts.summary), first_row=start + 1)
    return summary.notes()


def ratios_row(market_cap: str, *ratios: str) -> str:
    long_term_debt, debt, margin, return_on_assets = (*ratios, "16.1", "3.0", "20.1", "3.1")[:4]
    return f"ACME,Acme,Tech,2018,{market_cap},{long_term_debt},{debt},{margin},{return_on_assets},4.2"


def statements_row(market_cap: str, total_assets: str = "733.3") -> str:
    return f"ACME,Acme,Tech,2018,{market_cap},{total_assets},212.7,595.2,106.1,78.5,137.9,210.4"


def test_market_caps_in_usd_get_a_note_that_names_the_rows() -> None:
    rows = [ratios_row(cap) for cap in ("332800000", "17.2", "4200500000", "17200000")]
    (note,) = notes_of(RATIOS, rows)
    assert (note.code, note.rows) == ("figures_too_large", (1, 3, 4))
    assert "market_cap in 3 rows" in note.message
    (note,) = notes_of(STATEMENTS, [statements_row("332800000"), statements_row("17.2", "-733300000")], scored=False)
    assert note.rows == (1,)


@pytest.mark.parametrize(("count", "has_note"), [(9, False), (10, True)])
def test_market_caps_in_thousands_get_a_note_where_most_of_them_are_large(count: int, *, has_note: bool) -> None:
    rows = [ratios_row(f"{900_000 + place}") for place in range(count)]
    assert [note.code for note in notes_of(RATIOS, rows)] == ["figures_too_large"] * has_note
    assert notes_of(RATIOS, [*rows, *(ratios_row("50000") for _ in rows)]) == ()


def test_note_names_each_amount_that_is_too_large_and_the_first_ten_rows() -> None:
    (note,) = notes_of(STATEMENTS, [statements_row("332800000", "733300000") for _ in range(30)])
    assert "market_cap in 30 rows, total_assets in 30 rows" in note.message
    assert note.rows == tuple(range(1, 11))


@pytest.mark.parametrize(
    ("ratios", "columns"),
    [
        (("0.161", "3.0", "0.201", "0.031"), "long_term_debt_to_total_capital, net_income_margin, return_on_assets"),
        (("0", "3.0", "-0.45", "1"), "net_income_margin, return_on_assets"),
        (("16.1", "0.3", "0.201", "0.031"), None),
        (("0", "0", "0", "0"), None),
        (("", "0.5", "", ""), None),
    ],
)
def test_percent_columns_of_fractions_get_a_note(ratios: tuple[str, ...], columns: str | None) -> None:
    notes = notes_of(RATIOS, [ratios_row("100", *ratios) for _ in range(3)])
    if columns is None or columns.startswith("net"):
        assert notes == ()  # too few, since not all percent columns are of fractions
    if columns is not None:
        (note,) = notes_of(RATIOS, [ratios_row("100", *ratios) for _ in range(20)])
        assert (note.code, note.rows) == ("fractions_in_percent", ())
        assert f"All figures of {columns} are" in note.message


def test_one_percentage_beyond_one_is_enough_to_be_no_fraction() -> None:
    rows = [ratios_row("100", "0.161", "3.0", "0.201", "0.031") for _ in range(30)]
    assert notes_of(RATIOS, [*rows, ratios_row("100", "50", "3.0", "-12", "1.01")]) == ()


def test_companies_like_those_of_the_training_data_get_no_note() -> None:
    text = panel.as_csv(panel.statement_rows(500, seed=3, invalid=20), panel.STATEMENT_COLUMNS).decode()
    header, *rows = text.splitlines()
    assert notes_of(header, rows) == ()


figures = st.sampled_from(["5", "0.5", "0", "", "-0.2", "100", "700000", "2e7", "abc", "1e300"])


@settings(max_examples=60)
@given(st.lists(st.tuples(*[figures] * 5), min_size=1, max_size=40), st.lists(st.integers(0, 40), max_size=4))
def test_notes_do_not_depend_on_how_a_file_is_cut(cells: list[tuple[str, ...]], cuts: list[int]) -> None:
    rows = [ratios_row(cap, *ratios) for cap, *ratios in cells]
    assert notes_of(RATIOS, rows, cuts=[cut for cut in cuts if cut <= len(rows)]) == notes_of(RATIOS, rows)
