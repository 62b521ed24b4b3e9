"""Polling a job: Retry-After, and responses that wait for a change."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from functions.api.polling import retry_after_seconds
from shared.jobs.job import Job, JobStatus
from shared.jobs.progress import JobView
from tests.builders import NOON, a_completed_job, a_count, a_job, a_processing_job, a_progress
from tests.fakes import FakeJobStore
from tests.unit.api.conftest import API, Client


class Pauses:
    """Replaces waiting: records each pause and runs the event of its number."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.events: dict[int, Callable[[], object]] = {}

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.events.get(len(self.seconds), lambda: None)()


@pytest.fixture
def pauses(app: FastAPI) -> Pauses:
    made = Pauses()
    app.state.services = replace(app.state.services, pause=made)
    return made


@pytest.fixture
def job(store: FakeJobStore) -> Job:
    job = a_processing_job()
    store.add(job)
    return job


def status(client: Client, job: Job, **sent: Any) -> Any:
    return client.get(f"{API}/jobs/{job.id}/status", **sent)


class TestWaiting:
    def test_status_without_wait_is_returned_at_once(self, client: Client, pauses: Pauses, job: Job) -> None:
        assert status(client, job).status_code == 200
        assert pauses.seconds == []

    def test_wait_ends_with_the_first_change(
        self, client: Client, store: FakeJobStore, pauses: Pauses, job: Job
    ) -> None:
        pauses.events[3] = lambda: store.commit_chunk(job.id, a_count(0), shard=0, now=NOON)
        response = status(client, job, params={"wait": "20"})
        assert response.json()["job"]["processed_rows"] == 5
        assert pauses.seconds == [1, 1, 1]

    def test_wait_starts_from_the_etag_of_the_caller(
        self, client: Client, store: FakeJobStore, pauses: Pauses, job: Job
    ) -> None:
        known = status(client, job).headers["ETag"]
        store.commit_chunk(job.id, a_count(0), shard=0, now=NOON)
        # The job changed before the request, so there is nothing to wait for.
        changed = status(client, job, params={"wait": "20"}, headers={"If-None-Match": known})
        assert (changed.status_code, pauses.seconds) == (200, [])
        same = status(client, job, params={"wait": "2.5"}, headers={"If-None-Match": changed.headers["ETag"]})
        assert (same.status_code, same.content, pauses.seconds) == (304, b"", [1, 1, 0.5])

    def test_status_of_an_ended_job_does_not_wait(self, client: Client, store: FakeJobStore, pauses: Pauses) -> None:
        ended = a_completed_job()
        store.add(ended)
        tag = status(client, ended).headers["ETag"]
        assert status(client, ended, params={"wait": "20"}, headers={"If-None-Match": tag}).status_code == 304
        assert pauses.seconds == []

    def test_wait_ends_with_404_when_the_job_is_deleted(
        self, client: Client, store: FakeJobStore, pauses: Pauses
    ) -> None:
        pending = a_job()
        store.add(pending)
        pauses.events[1] = lambda: store.delete(pending, now=NOON)
        assert status(client, pending, params={"wait": "5"}).status_code == 404

    @pytest.mark.parametrize("wait", ["-1", "20.01", "nan", "inf", "long"])
    def test_wait_out_of_range_is_refused(self, client: Client, pauses: Pauses, job: Job, wait: str) -> None:
        response = status(client, job, params={"wait": wait})
        assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "query.wait")
        assert pauses.seconds == []


class TestRetryAfter:
    def test_retry_after_is_a_tenth_of_the_time_left(self) -> None:
        job = a_processing_job(total_rows=100 + 400)
        progress = a_progress((timedelta(), 50), (timedelta(seconds=50), 50))
        view = JobView(job=job, progress=progress)
        # 100 rows in 50 seconds leaves 200 seconds for 400 rows.
        assert retry_after_seconds(view, now=NOON + timedelta(seconds=50)) == 20

    @pytest.mark.parametrize("status", list(JobStatus))
    def test_retry_after_is_given_until_the_job_ends(self, status: JobStatus) -> None:
        view = JobView(job=a_job(status=status), progress=a_progress())
        assert (retry_after_seconds(view, now=NOON) is None) is status.is_terminal

    @given(rows=st.integers(2, 10**9), seconds=st.integers(0, 10**6), total=st.integers(0, 10**10))
    def test_retry_after_is_always_between_1_and_30_seconds(self, rows: int, seconds: int, total: int) -> None:
        progress = a_progress((timedelta(), 1), (timedelta(seconds=seconds), rows))
        view = JobView(job=a_processing_job(total_rows=total + rows + 1), progress=progress)
        after = retry_after_seconds(view, now=NOON + timedelta(seconds=seconds))
        assert after is not None
        assert 1 <= after <= 30
