"""Arithmetic and tables of the benchmarks with artificial timings."""

import importlib.util
import io
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.panel import INVALID_CELLS
from shared.inputs.workbooks import convert
from shared.scoring.chunk import score_chunk
from shared.vocabulary import JobType
from tests.tools.benchmarks import __main__ as program
from tests.tools.benchmarks import planned_process, workbooks
from tests.tools.benchmarks.compare_checkouts import interval_of_median
from tests.tools.benchmarks.inputs import COLUMNS, company_csv, company_rows, write_large_csv
from tests.tools.benchmarks.layouts import layout_of
from tests.tools.benchmarks.measurements import (
    DifferentWorkError,
    Measurement,
    Series,
    Spread,
    check_same_work,
    ratio,
)
from tests.tools.benchmarks.peak_memory import peak_of
from tests.tools.benchmarks.planning import read_records
from tests.tools.benchmarks.starting import start_seconds
from tests.tools.benchmarks.table import figure, markdown, ratio_text
from tests.tools.benchmarks.timing import Contender, in_turns, timed

OURS = Series(name="ours", values=(0.5, 1.0, 0.8), units=1_000)
THEIRS = Series(name="theirs", values=(5.0, 30.0, 16.0), units=2_000)
FLOOR = Series(name="floor", values=(0.005, 0.01, 0.008), units=1_000)
MEASUREMENT = Measurement(
    title="Score",
    quantity="seconds",
    unit="row",
    subject=OURS,
    baselines=(THEIRS, FLOOR),
    notes=("made up",),
)

values = st.floats(1e-9, 1e12)
series = st.builds(Series, name=st.text(), values=st.tuples(values, values, values), units=st.floats(1e-3, 1e9))
measurements = st.builds(
    Measurement,
    title=st.text(),
    quantity=st.sampled_from(["seconds", "bytes"]),
    unit=st.text(),
    subject=series,
    baselines=st.lists(series, min_size=1, max_size=3).map(tuple),
    notes=st.lists(st.text(), max_size=2).map(tuple),
)


class TestRatio:
    """Baseline over subject."""

    def test_ratio_is_taken_per_round_and_unit_of_work(self) -> None:
        # The ratio of the medians would be 16/2 / 0.8 = 10 too, but its spread would not be that of the rounds.
        assert ratio(baseline=THEIRS, subject=OURS) == Spread(median=10, lowest=5, highest=15)

    def test_ratio_of_different_rounds_is_refused(self) -> None:
        with pytest.raises(ValueError, match="longer"):
            ratio(baseline=Series(name="theirs", values=(1.0,)), subject=OURS)

    @given(series, series)
    def test_inverted_ratio_is_its_inverse(self, one: Series, other: Series) -> None:
        there, back = ratio(baseline=one, subject=other), ratio(baseline=other, subject=one)
        assert there.lowest <= there.median <= there.highest
        assert [there.lowest, there.median, there.highest] == pytest.approx(
            [1 / back.highest, 1 / back.median, 1 / back.lowest]
        )

    @pytest.mark.parametrize(("rounds", "units"), [((), 1.0), ((1.0, 0.0), 1.0), ((1.0,), 0.0), ((-1.0,), 1.0)])
    def test_series_without_rounds_values_or_work_is_refused(self, rounds: tuple[float, ...], units: float) -> None:
        with pytest.raises(ValueError, match="nothing: a series needs"):
            Series(name="nothing", values=rounds, units=units)


@pytest.mark.parametrize(("ours", "theirs"), [(3, 4), (0, 0)])
def test_contenders_with_different_results_are_not_compared(ours: int, theirs: int) -> None:
    check_same_work("rows", ours=4, theirs=4)
    with pytest.raises(DifferentWorkError, match=f"rows: the subject has {ours}, the baseline {theirs}"):
        check_same_work("rows", ours=ours, theirs=theirs)


class TestTiming:
    """Contenders taking turns."""

    def test_timing_alternates_the_order_and_drops_the_warm_up(self) -> None:
        calls: list[str] = []

        def contender(name: str) -> float:
            calls.append(name)
            return float(len(calls))

        found = in_turns({"a": lambda: contender("a"), "b": lambda: contender("b")}, rounds=2, warm_ups=1)
        assert calls == ["b", "a", "a", "b", "b", "a"]
        assert found == {"a": (3, 6), "b": (4, 5)}

    def test_timing_counts_every_repeat_as_work(self) -> None:
        ticks = iter(range(100))
        runs: list[int] = []
        (found,) = timed(
            [Contender(name="a", run=lambda: runs.append(next(ticks)), units=5, repeats=3)],
            rounds=2, warm_ups=0, clock=lambda: float(next(ticks)),
        )  # fmt: skip
        assert runs == [1, 2, 3, 6, 7, 8]
        assert found == Series(name="a", values=(4, 4), units=15)

    def test_timing_of_two_contenders_with_one_name_is_refused(self) -> None:
        same = [Contender(name="a", run=list), Contender(name="a", run=list)]
        with pytest.raises(ValueError, match="same name"):
            timed(same, rounds=1)


class TestTable:
    """The Markdown table."""

    def test_table_has_a_line_per_baseline_and_notes(self) -> None:
        assert markdown([MEASUREMENT]).splitlines() == [
            "| Measured | Ours | Baseline | Takes | Baseline ÷ ours (lowest to highest) |",
            "|---|---|---|---|---|",
            "| Score | ours: 800 µs a row | theirs | 8.00 ms a row | **10.0** (5.00 to 15.0) |",
            "|  |  | floor | 8.00 µs a row | **1/100** (1/100 to 1/100) |",
            "",
            "- Score: made up",
        ]

    @pytest.mark.parametrize(
        ("value", "quantity", "text"),
        [
            (90.0, "seconds", "90.0 s"),
            (0.0123456, "seconds", "12.3 ms"),
            (3.2e-7, "seconds", "320 ns"),
            (2e-11, "seconds", "0.0200 ns"),
            (4e-15, "seconds", "0.000004 ns"),
            (76.6 * 2**20, "bytes", "76.6 MiB"),
            (5e9, "bytes", "4,768 MiB"),
        ],
    )
    def test_table_shows_figures_in_a_fitting_unit(self, value: float, quantity: str, text: str) -> None:
        assert figure(value, "bytes" if quantity == "bytes" else "seconds") == text

    @given(values)
    def test_table_shows_three_digits_and_no_exponent(self, value: float) -> None:
        number, unit = figure(value, "seconds").split(" ")
        scale = {"s": 1, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit]
        assert "e" not in number
        assert float(number.replace(",", "")) * scale == pytest.approx(value, rel=0.005)

    def test_table_inverts_ratios_of_floors(self) -> None:
        assert ratio_text(Spread(median=0.01, lowest=0.005, highest=0.2)) == "**1/100** (1/200 to 1/5.00)"
        assert ratio_text(Spread(median=0.7, lowest=0.05, highest=1)) == "**0.700** (0.0500 to 1.00)"

    @given(st.lists(measurements, max_size=2))
    def test_table_accepts_any_measurement(self, found: list[Measurement]) -> None:
        assert markdown(found).count("** (") >= sum(len(measurement.baselines) for measurement in found)


@given(measurements)
def test_measurement_is_read_from_its_json(measurement: Measurement) -> None:
    assert Measurement.from_json(json.loads(json.dumps(measurement.as_json()))) == measurement


class TestProgram:
    """The benchmark command."""

    def test_program_prints_the_table_and_writes_every_round(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(program, "run", lambda name: [MEASUREMENT] if name == "scoring" else [])
        path = tmp_path / "found.json"
        assert program.main(["--json", str(path)]) == 0
        found = json.loads(path.read_text(encoding="utf-8"))
        assert found["measurements"][0]["subject"]["values"] == list(OURS.values)
        assert found["measurements"][0]["baseline_over_subject"]["theirs"]["median"] == 10
        assert found["conditions"]["commit"]
        printed = capsys.readouterr()
        assert printed.out.startswith(markdown([MEASUREMENT]))
        assert [name in printed.err for name in program.BENCHMARKS] == [True] * len(program.BENCHMARKS)

    def test_program_lists_its_benchmarks_by_name(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            program.main(["wokrbooks"])
        assert "no such benchmark: wokrbooks" in capsys.readouterr().err
        assert all(
            importlib.util.find_spec(f"tests.tools.benchmarks.{name}")
            for name in (*program.BENCHMARKS, *program.ON_REQUEST)
        )


class TestInputs:
    """Inputs of the benchmarks."""

    def test_inputs_have_twenty_columns_and_two_percent_invalid_rows(self) -> None:
        file = company_csv(company_rows(1_000))
        layout = layout_of(file, is_whole_file=True)
        scored = score_chunk(file[layout.data_start :], layout=layout, first_row=1, model=None, next_year=2026)
        assert len(COLUMNS) == 20
        assert (scored.rows, scored.failed) == (1_000, 20)
        assert len(INVALID_CELLS) <= scored.failed

    def test_plan_of_inputs_counts_the_rows_that_csv_reader_finds(self, tmp_path: Path) -> None:
        path = tmp_path / "large.csv"
        size = write_large_csv(path, at_least_bytes=1_500_000)
        assert size == path.stat().st_size >= 1_500_000
        assert planned_process.plan(path) == read_records(path) > 5_000

    def test_inputs_are_equal_in_csv_and_workbook(self) -> None:
        rows = company_rows(60)
        file = workbooks.excel_file(rows)
        out = io.BytesIO()
        convert(io.BytesIO(file), out, job_type=JobType.ANNUAL)
        assert workbooks.with_openpyxl(file) == workbooks.with_convert(file) == 60
        assert rows[4]["analyst_note"].encode() in out.getvalue()


def test_start_reads_bytecode_that_an_earlier_start_compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    code = "import tests.tools.benchmarks.table"
    with pytest.raises(subprocess.CalledProcessError):
        start_seconds("import nothing_of_that_name", bytecode=tmp_path)
    assert start_seconds(code, bytecode=tmp_path) > 0
    assert list(tmp_path.rglob("table.*.pyc"))


def test_peak_memory_is_that_of_the_process_and_not_of_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "zeros"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    idle, reading = (peak_of(planned_process.__name__, [work, str(path)]) for work in ("nothing", "read_whole"))
    assert idle > 1 << 20
    assert reading - idle == pytest.approx(64 << 20, rel=0.2)


class TestIntervalOfMedian:
    def test_interval_of_six_values_is_their_range(self) -> None:
        assert interval_of_median([3.0, 1.0, 2.0, 6.0, 5.0, 4.0]) == (1.0, 6.0)

    def test_interval_of_twelve_values_leaves_out_two_on_each_side(self) -> None:
        assert interval_of_median([float(value) for value in range(12)]) == (2.0, 9.0)

    def test_interval_of_too_few_values_is_refused(self) -> None:
        with pytest.raises(ValueError, match="at least 6 values, not 5"):
            interval_of_median([1.0] * 5)
