"""The cost model matches the code and the documented figures."""

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.project import ROOT
from tests.tools.benchmarks import costing
from tests.tools.benchmarks.commits import largest_shard, write_units
from tests.tools.benchmarks.cost_model import MIB, Assumed, Estimate, estimate, prices, readiness
from tests.tools.benchmarks.costing import FUNCTION_SECONDS, SIZES, job_of
from tests.tools.benchmarks.job_simulation import score_all, whole_seconds

ASSUMED = Assumed()


def test_prices_are_dated_and_each_is_used() -> None:
    table = json.loads((ROOT / "infra" / "prices.json").read_text())
    assert date(2025, 1, 1) <= date.fromisoformat(table["date"])
    assert table["usd"] == prices()
    assert all(0 < price < 0.001 for price in prices().values())
    cheap, ready = estimate(100_000, MIB, ASSUMED).usd, readiness(1, ASSUMED)
    for name in prices():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tests.tools.benchmarks.cost_model.prices", lambda n=name: {**prices(), n: 1.0})
            estimate.cache_clear()
            dear = estimate(100_000, MIB, ASSUMED)
            is_used = dear.usd > 10 * cheap or dear.usd_of_standard_children > cheap or readiness(1, ASSUMED) != ready
            assert is_used, name
    estimate.cache_clear()


def test_rows_get_cheaper_as_files_grow() -> None:
    by_row = [job_of(rows, ASSUMED).usd / rows for rows in SIZES]
    assert by_row == sorted(by_row, reverse=True)
    assert by_row[0] > 50 * by_row[-1]


def test_express_executions_cost_less_for_every_file_size() -> None:
    for rows in SIZES:
        job = job_of(rows, ASSUMED)
        assert 20 * job.usd_of_children < job.usd_of_standard_children


def test_planned_chunk_size_is_nearly_fastest_and_cheaper_than_smaller() -> None:
    for rows in (1_000_000, 10_000_000):
        planned = job_of(rows, ASSUMED)
        smaller = estimate(rows, planned.chunk_bytes // 4, ASSUMED)
        larger = estimate(rows, planned.chunk_bytes * 4, ASSUMED)
        seconds = [whole_seconds(job, workers=1_000, assumed=ASSUMED) for job in (smaller, planned, larger)]
        assert planned.usd < smaller.usd
        assert seconds[1] < 1.2 * min(seconds)


class TestLimits:
    """The limits that larger files would reach first."""

    def test_plan_is_the_first_function_to_reach_its_timeout(self) -> None:
        large, huge = job_of(100_000_000, ASSUMED), job_of(400_000_000, ASSUMED)
        assert large.plan_seconds < FUNCTION_SECONDS / 3
        assert huge.finalize_seconds < FUNCTION_SECONDS < huge.plan_seconds
        # With one request after another it would have been Finalize, at a third of that.
        one_by_one = replace(ASSUMED, requests_at_once=1)
        assert job_of(130_000_000, one_by_one).finalize_seconds > FUNCTION_SECONDS

    def test_no_other_limit_is_near_at_a_hundred_million_rows(self) -> None:
        job = job_of(100_000_000, ASSUMED)
        assert job.chunks < 2_500
        assert job.largest_parts < 10_000
        assert job.manifest_bytes < MIB
        assert largest_shard(job.chunks)[0] < 400 * 1024 / 100
        assert job.score_seconds < 2


class TestCommits:
    """Write units of commits, computed from the update expressions."""

    def test_commits_of_a_small_job_cost_one_unit_each(self) -> None:
        assert [write_units(chunks) for chunks in (1, 3, 40)] == [1, 3, 40]

    def test_progress_shards_stay_far_below_the_item_size_limit(self) -> None:
        size, units = largest_shard(9_000)
        assert 1_500 < size < 4_096
        assert units == pytest.approx(write_units(9_000) / 64, rel=0.05)


class TestSimulation:
    """Simulation of a job with many workers."""

    @settings(max_examples=25)
    @given(rows=st.integers(1, 3_000_000), workers=st.integers(1, 300))
    def test_simulated_speedup_is_at_most_linear_and_monotonic(self, rows: int, workers: int) -> None:
        job: Estimate = estimate(3_000_000, 4 * MIB, ASSUMED) if rows > 1_500_000 else estimate(50_000, MIB, ASSUMED)
        alone, some, more = (
            score_all(job, workers=count, assumed=ASSUMED).seconds for count in (1, workers, workers + 1)
        )
        assert alone / workers - 1e-9 <= some <= alone
        assert more <= some + 1e-9

    def test_simulated_speedup_ends_where_workers_outnumber_chunks(self) -> None:
        job = job_of(10_000_000, ASSUMED)
        at_chunks, beyond = (
            score_all(job, workers=workers, assumed=ASSUMED) for workers in (job.chunks, 4 * job.chunks)
        )
        assert at_chunks == beyond
        assert beyond.cold_starts == job.chunks

    def test_simulation_without_workers_is_refused(self) -> None:
        with pytest.raises(ValueError, match="needs a worker"):
            score_all(job_of(1_000, ASSUMED), workers=0, assumed=ASSUMED)


def test_printed_figures_are_those_of_the_model() -> None:
    found = costing.cost(1_000_000, ASSUMED)
    job = job_of(1_000_000, ASSUMED)
    assert found.subject.per_unit == (job.usd,)
    assert f"{job.chunks:,} chunks" in found.notes[0]
    alone = costing.scaling(1, ASSUMED)
    assert alone.subject.values == alone.baselines[0].values
    planned = costing.cut(8 * MIB, ASSUMED)
    assert planned.subject.values == planned.baselines[0].values


def test_hundred_million_rows_reach_only_the_concurrency_limit() -> None:
    reached = [found for found in costing.limits(ASSUMED) if found.subject.values > found.baselines[0].values]
    assert [found.title for found in reached] == ["100 M rows: chunks at once, of an account's 1,000 (model)"]


def test_snapstart_costs_more_than_the_cold_starts_it_saves() -> None:
    ready = readiness(ASSUMED.score_gib, ASSUMED)
    assert ready.restored_start > 5 * ready.cold_start
    assert ready.provisioned_month > ready.snapshot_month
