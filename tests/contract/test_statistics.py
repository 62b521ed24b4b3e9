"""Job statistics on every `JobStore`, and their read cost."""

from datetime import timedelta
from typing import Any

import pytest

from shared.aws.jobs_table import JobsTable
from shared.jobs.ports import JobStore
from shared.jobs.representations import job_statistics
from shared.jobs.service import JobService
from shared.jobs.statistics import SUMMED_AT_MOST
from tests.builders import NOON, a_caller, a_count
from tests.contract.job_states import SECOND, failed, queued, read, scoring
from tests.fakes import FakeAssembler, FakeResultStore, FakeUploadStore, FakeWorkflow, SettableClock
from tests.read_units import MeteredClient
from tests.tools.benchmarks.listing import TABLE, IndexesInMemory, jobs_of


def service_on(store: JobStore) -> JobService:
    return JobService(
        store=store,
        uploads=FakeUploadStore(),
        results=FakeResultStore(),
        workflow=FakeWorkflow(),
        request_assembly=FakeAssembler(),
        clock=SettableClock(NOON + timedelta(seconds=102)),
    )


def test_statistics_count_jobs_and_rows_of_every_status(job_store: JobStore) -> None:
    queued(job_store)
    queued(job_store, organization_id="rival")
    live, ended, cut_short = (scoring(job_store) for _ in range(3))
    job_store.commit_chunk(live.id, a_count(0, 4, 1), shard=0, now=NOON + 5 * SECOND)
    for chunk in range(2):
        job_store.commit_chunk(ended.id, a_count(chunk), shard=0, now=NOON + 5 * SECOND)
    job_store.complete(read(job_store, ended).job, successful=10, failed=0, now=NOON + 7 * SECOND)
    # Its result files are not assembled, so its rows are counted in its shards only.
    job_store.commit_chunk(cut_short.id, a_count(1, 0, 5), shard=0, now=NOON + 5 * SECOND)
    failed(job_store, cut_short)

    assert job_statistics(service_on(job_store).statistics(a_caller())) == {
        "jobs": {
            "total": 4,
            "by_status": {"pending": 0, "queued": 1, "processing": 1, "completed": 1, "failed": 1},
            "cancelled": 0,
        },
        "rows": {"total": 30, "processed": 20, "successful": 14, "failed": 6},
        "success_rate": 0.7,
        # The jobs ran for 100, 5 and 7 seconds.
        "rows_per_second": round(20 / 112, 2),
        "is_complete": True,
        "since": None,
    }


@pytest.mark.parametrize("own", [SUMMED_AT_MOST, 3 * SUMMED_AT_MOST])
def test_statistics_have_a_bounded_read_cost(own: int) -> None:
    client: Any = MeteredClient(IndexesInMemory(jobs_of(own=own, others=500)))
    statistics = service_on(JobsTable(client=lambda: client, table=TABLE)).statistics(a_caller())
    assert sum(statistics.by_status.values()) == SUMMED_AT_MOST
    assert (statistics.since is None) is (own == SUMMED_AT_MOST)
    # One query per status and type, plus the batch reads of the jobs' shards.
    statuses_and_types, batches = 10, SUMMED_AT_MOST // 100
    assert client.requests <= statuses_and_types + batches
    assert client.units <= SUMMED_AT_MOST
