"""Statistics summed over jobs."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.job import JobStatus
from shared.jobs.progress import JobView
from shared.jobs.representations import job_statistics
from shared.jobs.service import JobService
from shared.jobs.statistics import SUMMED_AT_MOST, Statistics, statistics_of
from tests.builders import NOON, a_caller, a_completed_job, a_job, a_processing_job, a_progress, a_view
from tests.fakes import FakeJobStore

MINUTE = timedelta(minutes=1)


def test_statistics_sum_jobs_and_rows_and_compute_rates() -> None:
    views = [
        a_view(a_job()),
        # Ten rows in a minute, two of them invalid.
        a_view(a_completed_job()),
        # Five of ten rows after two minutes.
        a_view(a_processing_job(), a_progress((MINUTE, 5))),
        # Cancelled in planning, half a minute after its start.
        a_view(
            a_completed_job(
                status=JobStatus.FAILED,
                cancelled_at=NOON,
                completed_at=NOON + MINUTE / 2,
                total_rows=None,
                final_successful_rows=0,
                final_failed_rows=0,
            )
        ),
    ]
    assert job_statistics(statistics_of(views, is_complete=True, now=NOON + 2 * MINUTE)) == {
        "jobs": {
            "total": 4,
            "by_status": {"pending": 1, "queued": 0, "processing": 1, "completed": 1, "failed": 1},
            "cancelled": 1,
        },
        "rows": {"total": 20, "processed": 15, "successful": 13, "failed": 2},
        "success_rate": 0.8666,
        "rows_per_second": round(15 / 210, 2),
        "is_complete": True,
        "since": None,
    }


@pytest.mark.parametrize("views", [[], [a_view(a_job())], [a_view(a_processing_job())]])
def test_rates_are_none_without_processed_rows(views: list[JobView]) -> None:
    statistics = statistics_of(views, is_complete=True, now=NOON)
    assert (statistics.success_rate, statistics.rows_per_second) == (None, None)
    assert sum(statistics.by_status.values()) == len(views)


def test_incomplete_statistics_include_the_time_since_which_they_count() -> None:
    views = [a_view(a_job(created_at=NOON + minutes * MINUTE)) for minutes in (3, 2, 1)]
    shown = job_statistics(statistics_of(views, is_complete=False, now=NOON))
    assert (shown["is_complete"], shown["since"]) == (False, "2026-03-02T12:01:00.000Z")
    # All of them deleted while they were read.
    assert statistics_of([], is_complete=False, now=NOON).since == NOON


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.floats(0, 10**9))
def test_success_rate_is_one_only_without_failed_rows(successful: int, failed: int, seconds: float) -> None:
    made = Statistics(
        by_status={},
        cancelled=0,
        total_rows=successful + failed,
        successful_rows=successful,
        failed_rows=failed,
        processing_seconds=seconds,
        since=None,
    )
    rate = made.success_rate
    if rate is None:
        assert successful == failed == 0
    else:
        assert 0 <= rate <= 1
        assert (rate == 1) is (failed == 0)
        assert abs(rate - successful / (successful + failed)) <= 1e-4
    assert made.rows_per_second is None or made.rows_per_second >= 0


_job = st.sampled_from([a_job, a_processing_job, a_completed_job])
_overrides = st.fixed_dictionaries(
    {}, optional={"total_rows": st.none() | st.integers(10, 99), "cancelled_at": st.none() | st.just(NOON)}
)


@given(st.lists(st.builds(lambda make, overrides: a_view(make(**overrides)), _job, _overrides)))
def test_statistics_of_single_jobs_add_up_to_those_of_all_jobs(views: list[JobView]) -> None:
    def seen(part: list[JobView]) -> dict[str, Any]:
        return {**job_statistics(statistics_of(part, is_complete=True, now=NOON))}

    together, apart = seen(views), [seen([view]) for view in views]
    jobs, rows = together["jobs"], together["rows"]
    assert jobs["total"] == sum(jobs["by_status"].values()) == len(views)
    assert rows["processed"] == rows["successful"] + rows["failed"]
    for group in ("jobs", "rows"):
        for name, value in together[group].items():
            if name != "by_status":
                assert value == sum(one[group][name] for one in apart)


def test_statistics_count_the_newest_jobs_in_scope_up_to_a_limit(service: JobService, store: FakeJobStore) -> None:
    for number in range(SUMMED_AT_MOST + 1):
        store.add(a_job(created_at=NOON + timedelta(seconds=number)))
    store.add(a_job(organization_id="rival"))
    ours = service.statistics(a_caller())
    assert sum(ours.by_status.values()) == SUMMED_AT_MOST
    assert ours.since == NOON + timedelta(seconds=1)
    theirs = service.statistics(a_caller(organization_id="rival"))
    assert (sum(theirs.by_status.values()), theirs.since) == (1, None)
